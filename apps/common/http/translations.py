"""The texts of the API's description in the reader's language, and the frameworks' texts that we put right.

What describes the API (docstrings, help texts, parameters) is written in English. The OpenAPI document is generated
in English and then translated as a whole, text by text: by the domain `openapi` of our catalogue, and where a text is
a model's label or help text by the domain `django`, so that nothing is translated twice.
"""

import gettext as catalogues
import re
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.utils.translation import get_language, gettext, gettext_noop, ngettext_lazy, override, to_locale

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Returns the translation of the first of several forms of a text that has one, or None.
LookUp = Callable[..., str | None]

# A name in code style, or several in a row: `kind`, `status`.
NAMES = re.compile(r"`[^`]+`(?:, `[^`]+`)*")
# A line of what the generator writes about a choice field: value and label.
CHOICE = re.compile(r"^\* `(?P<value>[^`]+)` - (?P<label>.+)$")
# Members of an OpenAPI document that are texts for readers, and those that hold data.
TITLES = frozenset({"title", "x-displayName"})
TEXTS = TITLES | {"description", "summary"}
DATA = frozenset({"value", "example", "default", "enum", "const"})

# Texts of Django and DRF that are missing from their Chinese catalogues or wrong in them (Django says of the null
# character that "the empty string" is not allowed). Named here, they are found like our own texts.
FRAMEWORK_TEXTS = (
    gettext_noop("Null characters are not allowed."),
    gettext_noop("Constraint “%(name)s” is violated."),
    gettext_noop("%(model)s instance with %(field)s %(value)r is not a valid choice."),
    gettext_noop("Search"),
    gettext_noop("Model name"),
    gettext_noop("Add link"),
    gettext_noop("Change or view list link"),
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
    gettext_noop("Error:"),
    gettext_noop("Forgotten your login credentials?"),
    gettext_noop("In case you’ve forgotten, you are:"),
    gettext_noop("A valid biginteger is required."),
    gettext_noop("Integer value too large to convert to float"),
    gettext_noop("No data provided"),
    ngettext_lazy(
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
    ),
)


def describe(text: str) -> str:
    """Return a text about the API in the reader's language; one that is not in the catalogue stays in English."""
    return translate(text, look_up)


def look_up(*forms: str) -> str | None:
    """Return the translation into the reader's language of the first form of a text that has one."""
    openapi = _openapi(to_locale(get_language() or settings.LANGUAGE_CODE))
    for form in forms:
        for found in (openapi.gettext(form), gettext(form)):
            if found != form:
                return found
    return None


def translate(text: str, look_up: LookUp) -> str:
    """Translate a text paragraph by paragraph."""
    return "\n\n".join(_translate_paragraph(paragraph, look_up) for paragraph in text.split("\n\n"))


def translate_document(node: Any, look_up: LookUp = look_up) -> Any:
    """Return a copy of an OpenAPI document, or of a part of it, with its texts translated; data stay as they are."""
    if isinstance(node, list):
        return [translate_document(item, look_up) for item in node]
    if not isinstance(node, dict):
        return node
    translated: dict[str, object] = {}
    for name, value in node.items():
        if name in TEXTS and isinstance(value, str):
            translated[name] = _translate_title(value, look_up) if name in TITLES else translate(value, look_up)
        elif name == "properties":
            # The names below are those of properties, among them `value` and `default`; they are no members.
            translated[name] = {key: translate_document(schema, look_up) for key, schema in value.items()}
        else:
            translated[name] = value if name in DATA else translate_document(value, look_up)
    return translated


def _translate_paragraph(text: str, look_up: LookUp) -> str:
    choices = [CHOICE.match(line) for line in text.split("\n")]
    if all(choices):
        return "\n".join(_translate_choice(match, look_up) for match in choices if match)
    # Texts made for many resources differ in names only: “Keys of `streets`, …” is one text with a gap, {0}.
    names = NAMES.findall(text)
    numbers = count()
    unwrapped = " ".join(text.split())
    found = look_up(NAMES.sub(lambda _match: f"{{{next(numbers)}}}", unwrapped), unwrapped)
    for number, name in enumerate(names if found else ()):
        found = str(found).replace(f"{{{number}}}", name)
    return found or text


def _translate_title(text: str, look_up: LookUp) -> str:
    """Translate a title, which the generator makes from a label by writing its first letter large."""
    return look_up(text[:1].lower() + text[1:], text) or text


def _translate_choice(match: re.Match[str], look_up: LookUp) -> str:
    # By the field's own label: the same word may be a unit of numbers here and a thing there.
    label = _choice_labels().get((match["value"], match["label"])) or look_up(match["label"]) or match["label"]
    return f"* `{match['value']}` - {label}"


@cache
def _choice_labels() -> dict[tuple[str, str], "StrOrPromise"]:
    """Return the labels of all choices, still to be translated, by value and English label."""
    labels = {}
    for model in apps.get_models():
        for field in model._meta.fields:
            for value, label in field.flatchoices:
                with override("en"):
                    labels[str(value), str(label)] = label
    return labels


@cache
def _openapi(locale: str) -> catalogues.NullTranslations:
    """Return the catalogue of the API's description; an empty one for English, in which it is written."""
    return catalogues.translation("openapi", settings.LOCALE_PATHS[0], [locale], fallback=True)
