"""Chinese and English: the catalogues are complete, and whatever is served follows the reader's language."""

import ast
import gettext as catalogues
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from django.apps import apps
from django.conf import settings
from django.db import models
from django.test import Client, RequestFactory
from django.utils.translation import gettext, ngettext, override
from django.utils.translation.template import templatize
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.common.http.problem_answers import exception_handler
from apps.common.http.translations import describe, look_up, translate_document
from apps.common.openapi.schema import document
from apps.common.values.dates import EDTFError, bounds
from apps.evidence.models import Figure

FOLDER = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
CJK = re.compile(r"[\u4e00-\u9fff]")
# A word or more in a row that no Chinese text has: names in code style and abbreviations are left out.
ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,}\b")
CODE = re.compile(r"`[^`]*`")
PLACEHOLDER = re.compile(r"%\(\w+\)[sdr]|%[sdr]|\{\d*\}")

# Reading catalogues and code ------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """One text of a catalogue. `key` is what gettext looks up: the context, if any, U+0004, and the English text."""

    key: str
    plural: str
    translations: list[str]
    is_fuzzy: bool


def read_po(domain: str) -> list[Entry]:
    """Read a catalogue's source: the part of the format that gettext's tools write."""
    entries = []
    for block in (FOLDER / f"{domain}.po").read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if match := re.match(r'(msg\w+(?:\[\d\])?) (".*")$', line):
                name = match[1]
                parts[name] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                parts[name] += ast.literal_eval(line)
        if parts.get("msgid"):
            key = f"{parts['msgctxt']}\4{parts['msgid']}" if "msgctxt" in parts else parts["msgid"]
            translations = [value for name, value in parts.items() if name.startswith("msgstr")]
            is_fuzzy = bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE))
            entries.append(Entry(key, parts.get("msgid_plural", ""), translations, is_fuzzy))
    return entries


def marked_in_python(source: str) -> Iterator[str]:
    """Yield what a module marks for translation."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", "")).removesuffix("_lazy").removesuffix("_noop")
        texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        if name in ("_", "gettext", "ngettext") and texts and isinstance(texts[0], str):
            yield texts[0]
        elif name == "pgettext" and isinstance(texts[0], str) and isinstance(texts[1], str):
            yield f"{texts[0]}\4{texts[1]}"


def marked_in_template(source: str) -> Iterator[str]:
    """Yield what a template marks for translation."""
    literal = r"""u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    calls = templatize(source)
    for match in re.finditer(rf"\b(?:_|n?gettext)\(\s*{literal}", calls):
        yield ast.literal_eval(match[1])
    for match in re.finditer(rf"\bpgettext\(\s*{literal},\s*{literal}", calls):
        yield f"{ast.literal_eval(match[1])}\4{ast.literal_eval(match[2])}"


def marked() -> set[str]:
    """Return all that our code marks for translation."""
    found: set[str] = set()
    for folder in ("apps", "partybuild"):
        for path in (settings.BASE_DIR / folder).rglob("*.py"):
            if "migrations" not in path.parts:
                found |= set(marked_in_python(path.read_text(encoding="utf-8")))
    for path in (settings.BASE_DIR / "apps").glob("*/templates/**/*.*"):
        found |= set(marked_in_template(path.read_text(encoding="utf-8")))
    return found


# Catalogues -----------------------------------------------------------------------------------------------------------


def test_the_catalogue_holds_what_the_code_marks_and_nothing_else() -> None:
    keys = {entry.key for entry in read_po("django")}
    assert sorted(marked() - keys) == []  # otherwise: make messages
    assert sorted(keys - marked()) == []


@pytest.mark.parametrize("domain", ["django", "openapi"])
def test_everything_is_translated_and_nothing_is_a_guess(domain: str) -> None:
    entries = read_po(domain)
    assert [entry.key for entry in entries if entry.is_fuzzy or not all(entry.translations)] == []
    assert [key for key, number in Counter(entry.key for entry in entries).items() if number > 1] == []


@pytest.mark.parametrize("domain", ["django", "openapi"])
def test_the_compiled_catalogue_is_what_its_source_says(domain: str) -> None:
    with (FOLDER / f"{domain}.mo").open("rb") as file:
        compiled: dict[Any, str] = dict(vars(catalogues.GNUTranslations(file))["_catalog"])
    compiled.pop("")  # the header
    expected: dict[Any, str] = {}
    for entry in read_po(domain):
        keys = [(entry.key, number) for number in range(len(entry.translations))] if entry.plural else [entry.key]
        expected |= dict(zip(keys, entry.translations, strict=True))
    assert compiled == expected


@pytest.mark.parametrize("domain", ["django", "openapi"])
def test_a_translation_has_the_placeholders_of_its_text(domain: str) -> None:
    wrong = [
        (entry.key, translation)
        for entry in read_po(domain)
        for translation in entry.translations
        if Counter(PLACEHOLDER.findall(translation)) != Counter(PLACEHOLDER.findall(entry.key))
    ]
    assert wrong == []


@pytest.mark.parametrize("domain", ["django", "openapi"])
def test_translations_are_chinese(domain: str) -> None:
    texts = [entry for entry in read_po(domain) if re.search(r"[A-Za-z]", re.sub(r"%\(\w+\)s", "", entry.key))]
    assert [entry.key for entry in texts if not all(map(CJK.search, entry.translations))] == []


def test_no_text_is_translated_twice() -> None:
    assert {entry.key for entry in read_po("openapi")} & {entry.key for entry in read_po("django")} == set()


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("Null characters are not allowed.", "不允许使用空字符（U+0000）。"),
        ("Constraint “%(name)s” is violated.", "违反了约束“%(name)s”。"),
        ("No data provided", "没有提供数据"),
        ("A valid biginteger is required.", "请填写有效的大整数。"),
        ("Search", "搜索"),
    ],
)
def test_texts_of_the_frameworks_are_put_right(text: str, chinese: str) -> None:
    with override("zh-hans"):
        assert gettext(text) == chinese
    with override("en"):
        assert gettext(text) == text


def test_the_frameworks_say_in_chinese_that_a_password_is_too_short() -> None:
    forms = [f"This password is too short. It must contain at least %d {noun}." for noun in ("character", "characters")]
    with override("zh-hans"):
        assert ngettext(forms[0], forms[1], 8) % 8 == "密码太短，至少须有 8 个字符。"


# Models ---------------------------------------------------------------------------------------------------------------


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("apps.")]


def our_fields() -> list[Any]:
    return [
        field
        for model in our_models()
        if not model._meta.proxy
        for field in [*model._meta.concrete_fields, *model._meta.local_many_to_many]
        if not field.auto_created
    ]


def in_each_language(text: Any) -> tuple[str, str]:
    with override("zh-hans"):
        chinese = str(text)
    with override("en"):
        return chinese, str(text)


def not_in_both_languages(texts: dict[str, Any]) -> list[str]:
    """Return the names of texts that are not Chinese in Chinese, or not English in English."""
    wrong = []
    for name, text in texts.items():
        chinese, english = in_each_language(text)
        if not CJK.search(chinese) or CJK.search(english) or not re.search(r"[A-Za-z]", english):
            wrong.append(f"{name}: {chinese!r} {english!r}")
    return wrong


def test_models_have_names_in_both_languages() -> None:
    names = {
        f"{model._meta.label}.{kind}": getattr(model._meta, kind)
        for model in our_models()
        for kind in ("verbose_name", "verbose_name_plural")
    }
    assert not_in_both_languages(names) == []


def test_fields_have_labels_in_both_languages() -> None:
    assert not_in_both_languages({str(field): field.verbose_name for field in our_fields()}) == []


def test_fields_have_help_texts_in_both_languages() -> None:
    wrong = []
    for field in our_fields():
        if field.model._meta.app_label == "accounts":
            continue  # Django's own fields
        chinese, english = in_each_language(field.help_text)
        if not CJK.search(chinese) or not english or chinese == english:
            wrong.append(f"{field}: {chinese!r} {english!r}")
    assert wrong == []


def test_choices_have_labels_in_both_languages() -> None:
    choices = {f"{field} {value}": label for field in our_fields() for value, label in field.choices or ()}
    assert not_in_both_languages(choices) == []


def test_labels_of_one_field_differ_from_each_other() -> None:
    for field in our_fields():
        with override("zh-hans"):
            labels = [str(label) for _value, label in field.choices or ()]
        assert len(set(labels)) == len(labels), field


@pytest.mark.parametrize(
    ("unit", "chinese"),
    [("person", "人"), ("person_time", "人次"), ("time", "次"), ("session", "场"), ("organisation", "家")],
)
def test_units_of_figures_are_those_that_articles_use(unit: str, chinese: str) -> None:
    with override("zh-hans"):
        assert str(Figure.Unit(unit).label) == chinese


def test_the_same_word_is_translated_by_its_place() -> None:
    with override("zh-hans"):
        assert str(Figure.Unit.PROJECT.label) == "项"
        assert gettext("projects") == "项目"


@pytest.mark.parametrize(("language", "reason"), [("zh-hans", "超过 64 个字符"), ("en", "longer than 64 characters")])
def test_the_reason_for_refusing_a_date_is_told_in_the_readers_language(language: str, reason: str) -> None:
    with override(language), pytest.raises(EDTFError) as caught:
        bounds("2" * 65)
    with override(language):
        assert caught.value.reason == reason


# The OpenAPI document -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documents() -> tuple[Any, Any]:
    """The OpenAPI document in Chinese and in English."""
    with override("zh-hans"):
        chinese = document()
    with override("en"):
        return chinese, document()


def texts(chinese: Any, english: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the texts of two documents with their places; all else must be the same in both."""
    if isinstance(english, dict):
        assert list(chinese) == list(english), place
        for name, value in english.items():
            is_data = "/example/" in place or re.search(r"/examples/\w+/value", place)
            if name in ("description", "summary", "title", "x-displayName") and isinstance(value, str) and not is_data:
                yield f"{place}/{name}", chinese[name], value
            else:
                yield from texts(chinese[name], value, f"{place}/{name}")
    elif isinstance(english, list):
        assert len(chinese) == len(english), place
        for number, value in enumerate(english):
            yield from texts(chinese[number], value, f"{place}/{number}")
    else:
        assert chinese == english, place


def test_both_documents_say_the_same_of_the_api(documents: tuple[Any, Any]) -> None:
    assert len(list(texts(*documents))) > 1000


def test_no_text_of_the_chinese_document_is_left_in_english(documents: tuple[Any, Any]) -> None:
    found = {
        english: chinese
        for _place, chinese, english in texts(*documents)
        if not CJK.search(chinese) or chinese == english or ENGLISH.search(CODE.sub("", chinese))
    }
    assert found == {}  # otherwise: make messages


def test_the_english_document_is_in_english(documents: tuple[Any, Any]) -> None:
    assert [place for place, _chinese, english in texts(*documents) if not re.search(r"[A-Za-z]{3}", english)] == []


def test_the_documents_catalogue_holds_no_text_that_the_document_has_lost(documents: tuple[Any, Any]) -> None:
    asked: set[str] = set()
    translate_document(documents[1], lambda *forms: asked.update(forms))
    assert sorted({entry.key for entry in read_po("openapi")} - asked) == []


def test_choices_are_described_by_their_labels() -> None:
    with override("zh-hans"):
        assert describe("Units.\n\n* `person` - persons\n* `project` - projects").endswith(
            "* `person` - 人\n* `project` - 项"
        )


def test_names_in_code_style_are_kept_in_their_order() -> None:
    with override("zh-hans"):
        assert describe("Keys of `streets`, separated by commas.") == "`streets` 的键，以逗号分隔。"
        assert describe("Nobody has `translated` this.") == "Nobody has `translated` this."
    with override("en"):
        assert describe("Keys of `streets`, separated by commas.") == "Keys of `streets`, separated by commas."


def test_data_in_a_document_are_never_translated() -> None:
    label = {
        "description": "The answer.",
        "properties": {"value": {"description": "The number.", "default": "The answer."}},
    }
    media = {"examples": {"record": {"summary": "From the registry", "value": {"title": "The answer."}}}}
    with override("zh-hans"):
        assert translate_document(label) == {
            "description": "应答。",
            "properties": {"value": {"description": "数字。", "default": "The answer."}},
        }
        assert translate_document(media) == {
            "examples": {"record": {"summary": "取自登记库", "value": {"title": "The answer."}}}
        }


def test_titles_are_found_by_the_labels_from_which_they_are_made() -> None:
    with override("zh-hans"):
        assert look_up("Founded on") is None
        assert translate_document({"title": "Founded on"}) == {"title": "成立日期"}


# What is served -------------------------------------------------------------------------------------------------------


@cache
def read(text: str, form: str) -> Any:
    """Return what a document says; YAML is read slowly, and there is one in each language."""
    return json.loads(text) if form == "json" else yaml.load(text, Loader=yaml.CSafeLoader)


@pytest.mark.parametrize(
    ("query", "accepts", "language"),
    [
        ("", None, "zh-hans"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        ("", "en-GB,en", "en"),
        ("", "fr", "zh-hans"),
        ("?lang=en", "zh-CN", "en"),
        ("?lang=zh-Hans", "en", "zh-hans"),
    ],
)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_document_is_served_in_the_readers_language(
    client: Client, form: str, query: str, accepts: str | None, language: str
) -> None:
    headers = {"accept-language": accepts} if accepts else {}
    answer = client.get(f"/api/v1/openapi.{form}{query}", headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Language"] == language
    assert answer["Content-Type"] == f"application/vnd.oai.openapi{'+json' if form == 'json' else ''}"
    assert "Accept-Language" in answer["Vary"]
    text = answer.content.decode()
    summary = "列出稿件" if language == "zh-hans" else "List articles"
    assert summary in text
    assert read(text, form)["paths"]["/api/v1/articles"]["get"]["summary"] == summary


@pytest.mark.parametrize("query", ["lang=fr", "lang=../../en", "language=en"])
def test_a_language_that_is_not_spoken_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1/openapi.json?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("accepts", "query", "language", "reference", "errors"),
    [
        ("zh-CN", "", "zh-hans", "接口参考", "错误代码"),
        ("en", "", "en", "Reference", "Errors"),
        ("zh-CN", "?lang=en", "en", "Reference", "Errors"),
        ("zh-CN", "?lang=fr", "zh-hans", "接口参考", "错误代码"),
    ],
)
@pytest.mark.parametrize(
    "address", ["/docs/", "/docs/reference/claims", "/docs/guide", "/docs/guide/querying", "/docs/errors"]
)
def test_the_pages_follow_the_language(
    client: Client, address: str, accepts: str, query: str, language: str, reference: str, errors: str
) -> None:
    answer = client.get(address + query, headers={"accept-language": accepts})
    page = answer.content.decode()
    assert answer["Content-Language"] == language
    assert f'<html lang="{language}">' in page
    assert f">{reference}</a>" in page
    assert f">{errors}</a>" in page


def test_the_reference_is_in_the_language_of_the_page(client: Client) -> None:
    for language, text in (
        ("en", "Which unit has committed itself to which project"),
        ("zh-hans", "哪个单位认领了哪个项目"),
    ):
        assert text in client.get(f"/docs/reference/claims?lang={language}").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepts", "title", "description"),
    [
        ("zh", "共建组织", "单位共建的组织：联席会议及其分会、联盟、专委会、结对共建等。"),
        (
            "en",
            "alliances",
            "Bodies of units: joint conferences and their parts, alliances, committees, co-building pairs ...",
        ),
    ],
)
def test_the_index_describes_resources_in_the_readers_language(
    client: Client, accepts: str, title: str, description: str
) -> None:
    resources = client.get("/api/v1/", headers={"accept-language": accepts}).json()["resources"]
    alliances = next(resource for resource in resources if resource["name"] == "alliances")
    assert (alliances["title"], alliances["description"]) == (title, description)
    is_chinese = accepts == "zh"
    assert [item["name"] for item in resources if bool(CJK.search(item["title"])) != is_chinese] == []
    assert [
        item["name"] for item in resources if is_chinese and ENGLISH.search(CODE.sub("", item["description"]))
    ] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("accepts", "description"), [("zh", "共建组织的类型。"), ("en", "Kind of body.")])
def test_vocabularies_are_described_in_the_readers_language(client: Client, accepts: str, description: str) -> None:
    answer = client.get("/api/v1/vocabularies/alliances.kind", headers={"accept-language": accepts}).json()
    assert answer["description"] == description
    assert answer["values"][0]["labels"] == {"zh-Hans": "联席会议", "en": "Joint conference"}


@pytest.mark.parametrize(("language", "detail"), [("zh-hans", "没有提供数据"), ("en", "No data provided")])
def test_a_text_that_drf_never_translates_is_translated(rf: RequestFactory, language: str, detail: str) -> None:
    with override(language):
        error = ValidationError({"non_field_errors": ["No data provided"]})
        answer: Any = exception_handler(error, {"request": Request(rf.get("/"))})
    assert answer.data["errors"] == [{"pointer": "", "code": "invalid", "detail": detail}]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepts", "title", "detail"),
    [
        ("zh", "地址中有不存在的参数。", "没有参数“knid”。 您是否想写“kind”？"),
        (
            "en",
            "The address has a parameter that does not exist.",
            "There is no parameter “knid”. Did you mean “kind”?",
        ),
    ],
)
def test_errors_are_told_in_the_readers_language(client: Client, accepts: str, title: str, detail: str) -> None:
    answer = client.get("/api/v1/projects?knid=brand", headers={"accept-language": accepts}).json()
    assert (answer["title"], answer["detail"]) == (title, detail)
