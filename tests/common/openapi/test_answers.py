"""What the document says of answers is what is answered: every property, whether it is always there, every header."""

# mypy: allow-untyped-calls

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from apps.common.openapi.schema import document
from apps.common.resources.registry import viewsets
from apps.evidence.models import Article
from tests.conftest import Api
from tests.document import closed, flat, inlined, validator
from tests.factories import UserFactory
from tests.full import FULL, share
from tests.rows import make_full
from tests.writing import Keeper

# Of every answer of this service, whatever it is about.
OF_ALL_ANSWERS = {
    *("Access-Control-Allow-Origin", "Access-Control-Expose-Headers"),
    *("Allow", "Cache-Control", "Content-Language", "Content-Length", "Content-Security-Policy", "Content-Type"),
    *("Cross-Origin-Opener-Policy", "Referrer-Policy", "Vary", "X-Content-Type-Options", "X-Frame-Options"),
}
# By template: what is read, beside every list and every record.
READ = {
    "/api/v1": "/api/v1",
    "/api/v1/vocabularies": "/api/v1/vocabularies",
    "/api/v1/vocabularies/{name}": "/api/v1/vocabularies/alliances.kind",
    "/api/v1/search": "/api/v1/search?q=五角场",
    "/api/v1/network": "/api/v1/network?street=310110101&depth=1",
    "/api/v1/statistics": "/api/v1/statistics?by=district,year",
    "/api/v1/changes": "/api/v1/changes?page_size=20",
    "/api/v1/{resource}/{key}/history": "/api/v1/alliances/wujiaochang-zhen-lianxihui/history",
    "/api/v1/figures/summary": "/api/v1/figures/summary?measure=projects_claimed",
    "/api/v1/articles/{key}/facts": "/api/v1/articles/wujiaochang-zhen-2013/facts",
    "/api/v1/articles/{key}/coverage": "/api/v1/articles/wujiaochang-zhen-2013/coverage",
}


class Document:
    """The document, and what answers showed of the objects that it describes."""

    def __init__(self) -> None:
        self.content = inlined(json.loads(json.dumps(document())))
        self.closed = closed(self.content)
        self.validators: dict[str, Any] = {}
        # By component: the properties that every one had of those that were seen.
        self.always: dict[str, set[str]] = {}

    def answer(self, path: str, status: str = "200", method: str = "get") -> Any:
        """Return what the document says of an answer."""
        return self.content["paths"][path][method]["responses"][status]

    def schema(self, path: str, status: str = "200", method: str = "get") -> Any:
        """Return the schema of an answer."""
        return self.answer(path, status, method)["content"]["application/json"]["schema"]

    def check(self, schema: Any, body: Any) -> None:
        """Hold an answer against its schema, which no property may miss, and note what it has."""
        key = json.dumps(schema)
        if key not in self.validators:
            self.validators[key] = validator(self.closed, schema)
        found = self.validators[key].iter_errors(body)
        assert [f"{error.instance_path}: {error.message}" for error in found] == []
        self._note(schema, body)

    def _note(self, schema: Any, body: Any) -> None:
        for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            if body is not None:
                self._note(branch, body)
        if isinstance(body, list):
            if name := schema.get("$ref", "").rpartition("/")[2]:  # a field that many objects have
                schema = self.closed["schemas"][name]
            for each in body:
                self._note(schema.get("items", {}), each)
        if not isinstance(body, dict):
            return
        known = schema
        if name := schema.get("$ref", "").rpartition("/")[2]:
            self.always[name] = self.always.get(name, set(body)) & set(body)
            known = self.closed["schemas"][name]
        others = known.get("additionalProperties")
        for key, each in body.items():
            self._note(known.get("properties", {}).get(key, others if isinstance(others, dict) else {}), each)

    def forgotten(self) -> dict[str, set[str]]:
        """Return the properties that were in every object seen and are not required, by component."""
        found = {}
        for name, always in self.always.items():
            schema = flat(self.content, {"$ref": f"#/components/schemas/{name}"})
            # Whether a reference is expanded is asked for.
            if "properties" in schema and not name.endswith("Reference"):
                found[name] = always - set(schema["required"])
        return {name: more for name, more in found.items() if more}


@pytest.fixture(scope="module")
def openapi() -> Document:
    return Document()


@pytest.mark.django_db
def test_what_is_always_in_an_answer_is_required(api: Api, openapi: Document) -> None:
    """All lists and records, full rows and those of the articles, and whatever else is read."""
    for name, viewset in viewsets().items():
        full = make_full(viewset.queryset.model)
        openapi.check(openapi.schema(f"/api/v1/{name}"), api.get(name, page_size=20))
        openapi.check(openapi.schema(f"/api/v1/{name}"), api.get(name, sort="-updated_at", page_size=5, count="true"))
        some = api.get(name, fields="url", page_size=100 if FULL else 5)["results"]
        for address in (f"/api/v1/{name}/{full.key}", *(record["url"] for record in some)):
            openapi.check(openapi.schema(f"/api/v1/{name}/{{key}}"), api.get(address))
    for template, address in READ.items():
        openapi.check(openapi.schema(template), api.get(address))
    assert {"count", "count_is_exact"}.isdisjoint(openapi.always["AlliancePage"])
    assert openapi.forgotten() == {}


@pytest.mark.parametrize("name", share(1, [*viewsets()], 2))
def test_an_expanded_reference_is_what_the_document_says(api: Api, openapi: Document, name: str) -> None:
    serializer = viewsets()[name].detail_serializer_class
    paths = list(serializer.expandable())
    deeper = [
        f"{head}.{next(iter(inner.expandable()))}"
        for head, inner in serializer.expandable().items()
        if inner.expandable()
    ]
    if not paths:
        pytest.skip("nothing can be expanded")
    row = make_full(viewsets()[name].queryset.model)
    body = api.get(f"{name}/{row.key}", expand=",".join([*paths, *deeper]), labels="true")
    openapi.check(openapi.schema(f"/api/v1/{name}/{{key}}"), body)
    for head in paths:
        if body[head]:
            assert list(body[head])[:3] == ["key", "name", "url"]
            assert body[head]["updated_at"]


def told(answer: Any) -> set[str]:
    """Return the headers of an answer that the document has to name."""
    return set(answer.headers) - OF_ALL_ANSWERS


def writes(keeper: Keeper) -> Iterator[tuple[str, str, Any]]:
    """Yield template, method and answer of what can be done to a record, good and bad."""
    body = {"name": "一个联盟", "kind": "alliance", "status": "active", "district": "310110", "state": "draft"}
    one, many = "/api/v1/alliances/{key}", "/api/v1/alliances/bulk"
    reason = {"change_reason": "test"}

    def send(method: str, address: str, content: Any, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        ask = getattr(keeper.client, method)
        return ask(address, data=json.dumps(content), content_type="application/json", headers=given)

    made = send("post", "/api/v1/alliances", {**body, **reason}, Idempotency_Key="one")
    yield "/api/v1/alliances", "post", made
    yield "/api/v1/alliances", "post", send("post", "/api/v1/alliances", {**body, **reason}, Idempotency_Key="one")
    yield "/api/v1/alliances", "post", send("post", "/api/v1/alliances", {**reason}, Idempotency_Key="one")
    yield "/api/v1/alliances", "post", send("post", "/api/v1/alliances?dry_run=true", {**body, **reason})
    yield (
        "/api/v1/alliances",
        "post",
        send("post", "/api/v1/alliances", {**body, **reason, "slug": made.json()["slug"]}),
    )
    yield "/api/v1/alliances", "post", Client().post("/api/v1/alliances", data="{}", content_type="application/json")
    yield "/api/v1/alliances", "post", keeper.client.post("/api/v1/alliances", data="a=b", content_type="text/plain")
    address, tag = made["Location"], made["ETag"]
    changed = send("patch", address, {"slogan": "一", **reason}, If_Match=tag)
    yield one, "patch", changed
    yield one, "patch", send("patch", address, {"slogan": "二", **reason}, If_Match=tag)
    yield one, "patch", send("patch", address, {"slogan": "二", **reason})
    yield one, "put", send("put", address, {**body, **reason}, If_Match=changed["ETag"])
    yield one, "put", send("put", "/api/v1/alliances/another-one", {**body, **reason})
    yield one, "patch", send("patch", "/api/v1/alliances/nobody", {**reason}, If_Match="*")
    yield one, "delete", keeper.client.delete(f"{address}?change_reason=test&dry_run=true", headers={"If-Match": "*"})
    yield one, "delete", keeper.client.delete(f"{address}?change_reason=test", headers={"If-Match": "*"})
    yield many, "post", send("post", many, {"items": [{**body, "slug": "of-many"}], **reason})
    version = keeper.client.get("/api/v1/alliances/of-many").json()["updated_at"]
    item = {"slug": "of-many", "updated_at": version}
    yield many, "patch", send("patch", many, {"items": [{**item, "slogan": "一"}], **reason})
    yield many, "delete", send("delete", many, {"items": [item], **reason})
    item["updated_at"] = keeper.client.get("/api/v1/alliances/of-many").json()["updated_at"]
    yield many, "delete", send("delete", many, {"items": [item], **reason})
    file = "/api/v1/alliances/import"
    yield file, "post", keeper.client.post(f"{file}?change_reason=test", data=b"slug\r\n", content_type="text/csv")


@pytest.mark.django_db
def test_each_write_is_answered_as_the_document_says(openapi: Document) -> None:
    keeper, seen = Keeper(UserFactory(is_staff=True, is_superuser=True)), set()
    for template, method, answer in writes(keeper):
        said = openapi.answer(template, str(answer.status_code), method)
        assert told(answer) <= set(said["headers"]), (template, method, answer.status_code)
        seen.add(answer.status_code)
        if answer.status_code == 204:
            continue
        media_type = answer["Content-Type"].partition(";")[0]
        openapi.check(said["content"][media_type]["schema"], answer.json())
    assert seen == {200, 201, 204, 400, 401, 404, 409, 412, 415, 422, 428}


@pytest.mark.django_db
def test_the_headers_of_what_is_read_are_in_the_document(client: Client, openapi: Document) -> None:
    asked = {**READ, "/api/v1/alliances": "/api/v1/alliances?page_size=1"}
    asked["/api/v1/alliances/{key}"] = "/api/v1/alliances/wujiaochang-zhen-lianxihui"
    for template, address in asked.items():
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert told(answer) <= set(openapi.answer(template)["headers"]), address
        assert "ETag" in answer.headers
        again = client.get(address, headers={"If-None-Match": answer["ETag"]})
        assert again.status_code == 304, address
        assert told(again) <= set(openapi.answer(template, "304")["headers"]), address
    file = client.get("/api/v1/alliances?format=csv")
    assert told(file) <= set(openapi.answer("/api/v1/alliances")["headers"])
    assert "text/csv" in openapi.answer("/api/v1/alliances")["content"]
    assert Article.objects.exists()
