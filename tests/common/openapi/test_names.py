"""One scheme for the names of operations and components, and parameters in the order of their use."""

# mypy: allow-untyped-calls

import re
from collections import Counter
from typing import Any

import pytest
from django.apps import apps

from apps.common.models.moved import moved_models
from apps.common.openapi.names import snake
from apps.common.openapi.schema import document
from apps.common.openapi.sharing import choice_names
from apps.common.resources.registry import viewsets
from tests.document import inlined, operations, walk

# What may be done, by method. A verb says it of one or of many as the noun behind it does.
VERBS = {
    "get": {"get", "list", "search", "suggest", "get_actions_of"},
    "post": {
        "create",
        "bulk_create",
        "import",
        "merge",
        "revert",
        "rotate",
        "pause",
        "resume",
        "test",
        "resend",
        "confirm",
        "dispute",
        "retract",
    },
    "put": {"replace"},
    "patch": {"update", "bulk_update"},
    "delete": {"delete", "bulk_delete"},
}
# What is no record, by the first words of the names of its components.
TERMS = {
    "Change",
    "Coverage",
    "Dry",
    "Facet",
    "Field",
    "History",
    "Import",
    "Imported",
    "Index",
    "Network",
    "New",
    "Page",
}
TERMS |= {
    "Action",
    "Actions",
    "Gain",
    "Parts",
    "Suggested",
    "Suggestion",
    "Suggestions",
    "Problem",
    "Quotation",
    "Record",
    "Reference",
    "Reported",
    "Reversion",
    "Search",
    "Statistics",
    "Target",
}
TERMS |= {"Vocabulary", "Code", "Key", "Slug", "Facets", "Linked", "Inbox", "Statement", "Statements"}
# The actions by which records move.
MOVES = {name for model in moved_models() for name in (*model.workflow.names, "report")}
LEFTOVERS = re.compile(r"Enum$|Enum[0-9]|Serializer|Paginated|Patched|_retrieve|_destroy|_partial|[0-9]$")


@pytest.fixture(scope="module")
def made() -> Any:
    """The document as the code makes it."""
    return document()


def test_an_operation_is_a_verb_and_what_it_is_done_to(made: Any) -> None:
    nouns = {name.replace("-", "_") for name in viewsets()}
    nouns |= {snake(viewset.queryset.model.__name__) for viewset in viewsets().values()}
    nouns |= {"index", "history", "changes", "record", "records", "statistics", "network", "import_job", "vocabulary"}
    nouns |= {"inbox", "review", "statements", "calendar", "round_form", "alliance_form"}
    nouns |= {"vocabularies", "article_coverage", "article_facts", "figure_summary"}
    nouns |= {"webhook", "webhooks", "webhook_secret", "webhook_message", "webhook_messages"}
    for path, method, operation in operations(made):
        name = operation["operationId"]
        known = VERBS[method] | (MOVES if method == "post" else set())
        verb = max((verb for verb in known if name.startswith(f"{verb}_")), key=len, default="")
        assert verb, f"{method} {path}: {name}"
        assert name.removeprefix(f"{verb}_") in nouns, f"{method} {path}: {name}"


def test_a_component_begins_with_the_term_that_it_is_about(made: Any) -> None:
    models = {model.__name__ for model in apps.get_models() if model.__module__.startswith("apps.")}
    models |= {name for name in choice_names() if name.startswith("Fact")} | {"Name", "Member", "Partner", "Service"}
    for name in made["components"]["schemas"]:
        if name.endswith("Field"):  # what many objects have in common
            continue
        words = re.findall(r"[A-Z][a-z]+", name)
        heads = {"".join(words[:length]) for length in range(1, len(words) + 1)}
        assert heads & (TERMS | models), name


def test_nothing_is_called_as_the_generator_would(made: Any) -> None:
    names = [operation["operationId"] for _path, _method, operation in operations(made)]
    names += [name for kind in made["components"].values() for name in kind]
    assert [name for name in names if LEFTOVERS.search(name)] == []


def test_a_name_is_given_once_in_all_kinds_of_components(made: Any) -> None:
    names = [name for kind, each in made["components"].items() if kind != "headers" for name in each]
    assert [name for name, number in Counter(names).items() if number > 1] == []


def test_parameters_stand_in_the_order_of_their_use(made: Any) -> None:
    shown = inlined(made)
    for resource in viewsets():
        given = [each["name"] for each in shown["paths"][f"/api/v1/{resource}"]["get"]["parameters"]]
        order = ["q", "within", "district", "street", "neighbourhood", "kind", "status", "article", "updated_after"]
        order += ["as_of", "known_at", "facets", "count", "expand", "fields", "labels", "sort", "page_size", "cursor"]
        order += ["format", "Accept-Language"]
        assert [name for name in given if name in order] == [name for name in order if name in given], resource
        dates = [given.index(name) for name in given if name.endswith(("_after", "_before")) and "updated" not in name]
        first = [given.index(name) for name in ("q", "kind", "status") if name in given]
        assert not dates or max(first, default=-1) < min(dates), resource


def test_what_is_said_more_than_once_is_said_by_reference(made: Any) -> None:
    """The sizes are those of the issue: 4 kB an operation, written without blanks."""
    shown = operations(made)
    assert all(
        list(answer) == ["$ref"]
        for _p, _m, each in shown
        for status, answer in each["responses"].items()
        if int(status) >= 300
    )
    assert all(
        list(header) == ["$ref"]
        for _p, _m, each in shown
        for answer in each["responses"].values()
        for header in answer.get("headers", {}).values()
    )
    fields = [
        each
        for name in made["components"]["schemas"]
        for each in walk(made["components"]["schemas"][name].get("properties", {}))
    ]
    assert [each["enum"] for each in fields if isinstance(each.get("enum"), list)] == []


def test_a_text_that_changes_changes_a_few_lines(made: Any) -> None:
    """No text of a field stands at more than six places; a property that more objects have stands once."""
    schemas = made["components"]["schemas"]
    texts = Counter(
        # A list of choices that has a sentence of its own cannot be shared: generators take no reference for a schema.
        each["description"]
        for name, schema in schemas.items()
        for part in (schema, *schema.get("allOf", ()))
        for each in part.get("properties", {}).values()
        if "description" in each and "$ref" not in each
    )
    assert {text: number for text, number in texts.items() if number > 12} == {}
    assert schemas["Project"]["properties"]["url"] == {"$ref": "#/components/schemas/UrlField"}


def test_what_is_written_of_a_record_is_described_twice(made: Any) -> None:
    written = [name for name in made["components"]["schemas"] if name.endswith("Changes") and name != "RecordChanges"]
    assert len(written) == sum(1 for viewset in viewsets().values() if "post" in viewset.http_method_names)
    assert {f"New{name.removesuffix('Changes')}" for name in written} <= set(made["components"]["schemas"])


def test_what_is_cited_beside_a_record_is_no_citation_of_its_own(made: Any) -> None:
    """Two schemas, which once had one name: the record is given by the body in which the citation stands."""
    schemas = made["components"]["schemas"]
    assert schemas["NewClaim"]["properties"]["citations"]["$ref"].endswith("/NewCitationsField")
    assert schemas["NewCitationsField"]["items"]["$ref"].endswith("/NewCitationOfRecord")
    assert "record" not in schemas["NewCitationOfRecord"]["properties"]
    assert "record" in schemas["NewCitation"]["required"]
