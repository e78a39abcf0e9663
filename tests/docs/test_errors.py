"""The page of errors: each code of an answer is explained, in both languages, and its example is answered with it."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Field
from django.test import Client

from apps.common.http.problems import PROBLEMS
from apps.common.resources.registry import viewsets
from apps.common.writing.contract import Contract
from apps.docs import guide
from apps.webhooks.serializers import NewSubscriptionSerializer
from tests.conftest import Api
from tests.writing import Keeper

# Modules whose codes stand in forms of the admin alone.
FORMS = {"admin", "second_factor", "admin_views", "admin_changes", "forms", "import_forms", "conflicts"}
EXAMPLE = re.compile(r"^### (\w+)\n(?:(?!#).*\n)*?```(json|csv)\n((?:.+\n)+?)```", re.MULTILINE)
# What an alliance needs; the members of an example are set in it.
ALLIANCE = {
    "name": "试验联盟",
    "kind": "alliance",
    "status": "active",
    "district": "310110",
    "state": "draft",
    "change_reason": "test",
}


def sources() -> Iterator[ast.Module]:
    """Yield the modules of the apps but those of the admin, as syntax."""
    for path in sorted((settings.BASE_DIR / "apps").rglob("*.py")):
        if not FORMS & {path.stem, *path.parts} and "migrations" not in path.parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


def takers() -> dict[str, int]:
    """Return what is called with the code of an error beside its words, and at which place the code stands."""
    found = {"_fault": 0}  # its words are made of the code
    for tree in sources():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.ClassDef):
                names = [item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and _named(item)]
                inits = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
                names = [each.arg for each in inits[0].args.args[1:]] if inits else names
            elif isinstance(node, ast.FunctionDef) and node.name != "__init__":
                names = [each.arg for each in node.args.args if each.arg != "self"]
            if "code" in names and {"detail", "text", "errors"} & set(names):
                found[node.name] = names.index("code")  # type: ignore[attr-defined]
    return found


def _named(item: ast.AnnAssign) -> bool:
    return isinstance(item.target, ast.Name)


def _texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from (*_texts(body), *_texts(other))


def said_by_the_code() -> set[str]:
    """Return every code that stands in the source where the code of an error does."""
    places, found = takers(), set[str]()
    for tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = places.get(name, len(node.args))
                found.update(text for given in node.args[place : place + 1] for text in _texts(given))
                found.update(text for word in node.keywords if word.arg == "code" for text in _texts(word.value))
            elif isinstance(node, ast.Dict):
                pairs = {key.value: value for key, value in zip(node.keys, node.values, strict=True) if _is_text(key)}
                if {"code", "detail"} <= set(pairs):
                    found.update(_texts(pairs["code"]))
    return found


def _is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def said_by_the_frameworks() -> set[str]:
    """Return the codes with which Django refuses a value of a writable column, and DRF a subscription."""
    found = {"blank", "null", "invalid_choice"}  # Field.validate()
    for viewset in viewsets().values():
        contract = Contract(viewset.queryset.model, viewset.detail_serializer_class)
        for item in contract.inputs.values():
            if isinstance(item.field, Field):
                for each in item.field.validators:
                    found |= set(getattr(each, "messages", ())) or {str(getattr(each, "code", "invalid"))}
    for field in NewSubscriptionSerializer().fields.values():
        if not field.read_only:
            found |= set(field.error_messages)
    return found


def explained(language: str) -> set[str]:
    return {heading.text for heading in guide.outline(guide.ERRORS, language) if heading.level == 3}


def test_the_collection_knows_codes_of_every_kind() -> None:
    assert set(PROBLEMS) <= said_by_the_code()
    assert {"circle", "formula", "edtf", "not_json", "no_evidence", "stale", "wrong_length"} <= said_by_the_code()
    assert {"max_length", "invalid"} <= said_by_the_frameworks()
    assert len(apps.get_models()) > 30


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_code_is_explained_and_no_other(language: str) -> None:
    assert explained(language) == said_by_the_code() | said_by_the_frameworks()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_code_has_its_anchor_its_status_and_its_title(api: Api, language: str) -> None:
    page = api.client.get(f"/docs/errors?lang={language}").content.decode()
    titles = re.findall(r'<h3 id="(\w+)">\1</h3>\s*<p><strong>(\d+)</strong> ([^<]+)</p>', page)
    assert {code: int(status) for code, status, _title in titles} == {
        code: status for code, (status, _title) in PROBLEMS.items()
    }
    assert len({title for _code, _status, title in titles}) == len(PROBLEMS)


def examples() -> list[Any]:
    text = guide.pages("en")[guide.ERRORS].text.partition("## Codes within errors")[2]
    return [pytest.param(*found, id=found[0]) for found in EXAMPLE.findall(text)]


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "language", "example"), examples())
def test_an_example_is_answered_with_its_code(code: str, language: str, example: str) -> None:
    keeper = Keeper(get_user_model().objects.create_superuser("errors", password=None))
    if language == "csv":
        path = "/api/v1/alliances/import?dry_run=true&change_reason=test"
        answer = keeper.client.post(path, example.replace("\n", "\r\n"), content_type="text/csv")
    else:
        answer = keeper.send("POST", "alliances?dry_run=true", _body(example))

    assert answer.status_code in (400, 409), answer.content
    assert code in {error["code"] for error in answer.json()["errors"]}, answer.content.decode()


def _body(example: str) -> Any:
    try:
        return ALLIANCE | json.loads(example)
    except json.JSONDecodeError:
        return example


def test_there_are_examples() -> None:
    assert len(examples()) > 20


def test_the_type_of_an_answer_leads_to_its_entry(client: Client) -> None:
    answer = client.get("/api/v1/nothing").json()
    path, _mark, anchor = answer["type"].partition("#")
    assert f'id="{anchor}"' in client.get(path).content.decode()
