"""The OpenAPI document: committed, complete, and true of what the service answers."""

# mypy: allow-untyped-calls

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from drf_spectacular import validation
from drf_spectacular.generators import SchemaGenerator

from apps.common.filters.sets import facetable
from apps.common.http.problems import PROBLEMS
from apps.common.openapi.names import operation_id
from apps.common.openapi.schema import EXAMPLES, document
from apps.common.resources.registry import tags, viewsets
from apps.service.management.commands.make_examples import collect
from tests.conftest import Api
from tests.document import closed, flat, inlined, operations, schema_named, validator
from tests.rows import make_full

COMMITTED = settings.BASE_DIR / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def written() -> Any:
    """The document as the code makes it now."""
    return json.loads(json.dumps(document()))


@pytest.fixture(scope="module")
def openapi(written: Any) -> Any:
    """The same with parameters, bodies and answers where they are used."""
    return inlined(written)


def test_the_committed_document_is_what_the_code_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document_made_once: Callable[..., Any]
) -> None:
    """`make schema` writes it again; warnings of the generator are errors."""
    monkeypatch.setattr(SchemaGenerator, "get_schema", document_made_once)
    # The same check in Rust: the library of spectacular's choice takes half a minute for it.
    monkeypatch.setattr("drf_spectacular.validation.jsonschema.validate", validate)
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, lang="en", file=str(made))
    assert made.read_text(encoding="utf-8") == COMMITTED.read_text(encoding="utf-8"), "run `make schema`"


def validate(instance: Any, schema: Any) -> None:
    jsonschema_rs.Draft202012Validator(schema).validate(instance)


def test_what_breaks_the_specification_is_no_document(written: Any) -> None:
    specification = json.loads((Path(validation.__file__).parent / "openapi_3_1_schema.json").read_text())
    validate(written, specification)
    for broken in (
        {**written, "info": {}},
        {**written, "paths": {"districts": {}}},
        {**written, "tags": [{"name": 1}]},
    ):
        with pytest.raises(jsonschema_rs.ValidationError):
            validate(broken, specification)


def test_it_is_openapi_3_1_in_yaml_that_any_reader_takes() -> None:
    content = yaml.load(COMMITTED.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    assert content["openapi"] == "3.1.0"
    assert content["info"]["title"] == "partybuild"


@pytest.mark.django_db
def test_the_examples_are_what_the_service_answers() -> None:
    """`manage.py make_examples` writes them again."""
    made = json.dumps(collect(), ensure_ascii=False, indent=1) + "\n"
    assert made == EXAMPLES.read_text(encoding="utf-8"), "run `manage.py make_examples` on the loaded fixtures"


def test_every_resource_has_a_list_and_a_detail(openapi: Any) -> None:
    for name in viewsets():
        for path, verb in ((f"/api/v1/{name}", "list"), (f"/api/v1/{name}/{{key}}", "get")):
            assert openapi["paths"][path]["get"]["operationId"] == operation_id(verb, name)


def test_every_operation_is_described(openapi: Any) -> None:
    known = [tag.name for tag in tags()]
    lacking = []
    for path, method, operation in operations(openapi):
        given = operation.get("tags", [])
        if not (operation.get("summary") and operation.get("description") and len(given) == 1 and given[0] in known):
            lacking.append(f"{method} {path}")
    assert lacking == []
    assert [tag["name"] for tag in openapi["tags"]] == known
    assert all(tag["description"] for tag in openapi["tags"])


def test_operation_ids_are_given_once(openapi: Any) -> None:
    ids = [operation["operationId"] for _path, _method, operation in operations(openapi)]
    assert len(ids) == len(set(ids))


def test_every_parameter_is_described(openapi: Any) -> None:
    lacking = [
        f"{path}: {parameter['name']}"
        for path, _method, operation in operations(openapi)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description") or not parameter.get("schema")
    ]
    assert lacking == []


def test_every_filter_and_sort_key_is_documented(openapi: Any) -> None:
    for name, viewset in viewsets().items():
        parameters = {given["name"]: given for given in openapi["paths"][f"/api/v1/{name}"]["get"]["parameters"]}
        filters = set(viewset.filterset_class.base_filters)  # type: ignore[attr-defined]
        shared = {
            "fields",
            "labels",
            "as_of",
            "known_at",
            "format",
            "cursor",
            "page_size",
            "count",
            "sort",
            "Accept-Language",
        }
        shared |= {"facets"} if facetable(viewset.filterset_class.base_filters) else set()
        assert set(parameters) - {"expand"} == filters | shared, name
        assert ("expand" in parameters) == bool(viewset.detail_serializer_class.expandable()), name
        for key in viewset.sortable:
            assert f"`{key}`" in parameters["sort"]["description"], name
        for key in viewset.detail_serializer_class.expandable():
            assert f"`{key}`" in parameters["expand"]["description"], name


def test_every_field_is_described(openapi: Any) -> None:
    lacking = [
        f"{schema}.{name}"
        for schema, content in openapi["components"]["schemas"].items()
        # A reference that can be expanded leads to the record whose fields it then has.
        for name, about in (() if f"{schema}".endswith("Reference") else flat(openapi, content)["properties"].items())
        if not said(about, openapi)
    ]
    assert lacking == []


def said(about: Any, openapi: Any) -> bool:
    """Tell whether a property has a description of its own or is one of a described kind."""
    return any(schema_named(openapi, schema).get("description") for schema in (about, about.get("items", {})))


def test_every_field_of_every_serializer_is_documented(openapi: Any) -> None:
    for name, viewset in viewsets().items():
        for path, serializer in (
            (f"/api/v1/{name}", viewset.serializer_class),
            (f"/api/v1/{name}/{{key}}", viewset.detail_serializer_class),
        ):
            properties = schema_of_record(openapi, path)["properties"]
            fields = set(serializer.Meta.fields)  # type: ignore[union-attr]
            assert {field for field in properties if not field.endswith("_label")} == fields, path


def schema_of_record(openapi: Any, path: str) -> Any:
    """Return the schema of the records that an address answers with."""
    schema = openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    if "{key}" not in path:
        schema = flat(openapi, schema)["properties"]["results"]["items"]
    return flat(openapi, schema)


@pytest.mark.django_db
def test_every_operation_of_a_resource_with_records_has_an_example(openapi: Any) -> None:
    for name, viewset in viewsets().items():
        for path in (f"/api/v1/{name}", f"/api/v1/{name}/{{key}}"):
            content = openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
            has_records: bool = viewset.plain_list().exists()
            assert ("examples" in content) == has_records, path


def test_every_problem_is_documented(openapi: Any) -> None:
    assert openapi["components"]["schemas"]["ProblemCode"]["enum"] == list(PROBLEMS)
    for path, method, operation in operations(openapi):
        wrong = {int(status) for status in operation["responses"] if int(status) >= 400}
        expected = {400, 401, 406, 429, 500, 503}
        expected |= {404} if "{" in path else set()
        expected |= {411, 413, 415} if "requestBody" in operation else set()
        expected |= {403} if method != "get" else set()
        expected |= {409, 422} if method == "post" else set()
        assert wrong >= expected, f"{method} {path}"
        for status in wrong:
            answer = operation["responses"][str(status)]
            assert list(answer["content"]) == ["application/problem+json"], f"{method} {path}"
            assert ("Retry-After" in answer["headers"]) == (status in (409, 429, 503)), f"{method} {path}: {status}"


@pytest.fixture(scope="module")
def components(openapi: Any) -> Any:
    """The components of the document, such that every field of an answer has to be documented."""
    return closed(openapi)


@pytest.mark.parametrize("name", viewsets())
def test_answers_are_what_the_document_says(api: Api, openapi: Any, components: Any, name: str) -> None:
    row = make_full(viewsets()[name].queryset.model)
    parameters = {"sort": "-updated_at", "page_size": 5, "labels": "true"}
    for path, answer in (
        (f"/api/v1/{name}", api.get(name, **parameters)),
        (f"/api/v1/{name}/{{key}}", api.get(f"{name}/{row.key}", labels="true")),
        (f"/api/v1/{name}/{{key}}", api.get(f"{name}/{row.key}")),
    ):
        schema = openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        found = [
            f"{error.instance_path}: {error.message}" for error in validator(components, schema).iter_errors(answer)
        ]
        assert found == [], path


@pytest.mark.parametrize("path", ["", "vocabularies", "vocabularies/alliances.kind"])
def test_the_index_and_vocabularies_are_what_the_document_says(
    api: Api, openapi: Any, components: Any, path: str
) -> None:
    documented = f"/api/v1/{path}".removesuffix("/").replace("alliances.kind", "{name}")
    schema = openapi["paths"][documented]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(validator(components, schema).iter_errors(api.get(path))) == []


@pytest.mark.parametrize("path", ["alliances/nobody", "alliances?kind=pear"])
def test_problems_are_what_the_document_says(api: Api, components: Any, path: str) -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    assert list(validator(components, schema).iter_errors(api.ask(path).json())) == []
