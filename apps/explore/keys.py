"""Parameters that are keys of records: what they name, and which record may be meant by a wrong one."""

import difflib

from rest_framework.request import Request

from apps.common.http.parameters import read_words
from apps.common.http.problems import nearest, parameter_error
from apps.common.models.records import Citable
from apps.common.models.unknown_keys import no_record

CANDIDATES = 500  # keys among which the one nearest to a wrong one is looked for


def read_keys(request: Request, name: str, model: type[Citable]) -> tuple[int, ...] | None:
    """Return the primary keys of the records whose keys a parameter gives; None where it is absent.

    Raises ParameterError for a key of no record that the reader sees.
    """
    words = read_words(request, name)
    if not words:
        return None
    column = model.key_field
    rows = model._default_manager.visible_to(request.user)
    found = dict(rows.filter(**{f"{column}__in": words}).values_list(column, "pk"))
    for word in words:
        if word not in found:
            detail = no_record(model, word, request.user)
            alike = rows.filter(**{f"{column}__startswith": word[:4]}).order_by(column).values_list(column, flat=True)
            raise parameter_error(name, detail + nearest(word, _closest(word, list(alike[:CANDIDATES]))))
    return tuple(sorted(found.values()))


def _closest(word: str, known: list[str]) -> list[str]:
    """Return the key nearest to a wrong one: one that begins with it, or else one that is spelt alike."""
    return [key for key in known if key.startswith(word)][:1] or difflib.get_close_matches(word, known, n=1)
