"""A client of the Reconciliation Service API 0.2: manifest, batches, suggestions, previews, data extension."""

import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator

from apps.explore.reconciliation.batches import BATCH_SIZE, BODY_LIMIT, MOST_IDS
from apps.explore.reconciliation.entities import PROPERTIES, TYPES
from tests.conftest import problem_of
from tests.factories import AllianceFactory, MemberUnitFactory, UnitNameFactory

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
STREET, FORMER_TOWN = "streets/310110019", "streets/310110101"

# What the specification says of answers, in schemas of our own.
TEXT = {"type": "string", "minLength": 1}
SERVICE = {"type": "object", "required": ["service_url", "service_path"], "additionalProperties": TEXT}
NAMED: dict[str, Any] = {"type": "object", "required": ["id", "name"], "properties": {"id": TEXT, "name": TEXT}}
TEMPLATE = {"type": "string", "pattern": r"^http://.*\{\{id\}\}"}
MANIFEST = {
    "type": "object",
    "required": ["versions", "name", "identifierSpace", "schemaSpace"],
    "additionalProperties": False,
    "properties": {
        "versions": {"type": "array", "items": TEXT, "contains": {"const": "0.2"}},
        "name": TEXT,
        "identifierSpace": {"type": "string", "pattern": "^http://"},
        "schemaSpace": {"type": "string", "pattern": "^http://"},
        "documentation": {"type": "string", "pattern": "^http://"},
        "serviceVersion": TEXT,
        "logo": {"type": "string", "pattern": "^http://"},
        "defaultTypes": {"type": "array", "items": NAMED, "uniqueItems": True, "minItems": 1},
        "view": {"type": "object", "required": ["url"], "properties": {"url": TEMPLATE}},
        "feature_view": {"type": "object", "required": ["url"], "properties": {"url": TEMPLATE}},
        "preview": {
            "type": "object",
            "required": ["url", "width", "height"],
            "properties": {"url": TEMPLATE, "width": {"type": "integer"}, "height": {"type": "integer"}},
        },
        "suggest": {
            "type": "object",
            "required": ["entity", "type", "property"],
            "additionalProperties": SERVICE,
        },
        "extend": {
            "type": "object",
            "required": ["propose_properties"],
            "properties": {"propose_properties": SERVICE, "property_settings": {"type": "array"}},
        },
        "batchSize": {"type": "integer", "minimum": 1},
    },
}
SHARE = {"type": "number", "minimum": 0, "maximum": 100}
CANDIDATE = {
    "type": "object",
    "required": ["id", "name", "description", "type", "score", "match", "features"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z-]+/[a-z0-9-]+$"},
        "name": TEXT,
        "description": TEXT,
        "type": {"type": "array", "items": NAMED, "minItems": 1},
        "score": SHARE,
        "match": {"type": "boolean"},
        "features": {
            "type": "array",
            "items": {"type": "object", "required": ["id", "value"], "properties": {"id": TEXT, "value": SHARE}},
        },
    },
}
RESULTS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["result"],
        "properties": {"result": {"type": "array", "items": CANDIDATE}},
    },
}
SUGGESTED = {
    "type": "object",
    "required": ["result"],
    "properties": {
        "result": {
            "type": "array",
            "items": {**NAMED, "properties": {**NAMED["properties"], "notable": {"type": "array", "items": NAMED}}},
        }
    },
}
VALUE = {
    "oneOf": [
        {"type": "object", "required": ["id", "name"], "properties": {"id": TEXT, "name": TEXT}},
        {"type": "object", "required": ["str"], "properties": {"str": TEXT}},
    ]
}
EXTENDED = {
    "type": "object",
    "required": ["meta", "rows"],
    "properties": {
        "meta": {"type": "array", "items": NAMED},
        "rows": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": {"type": "array", "items": VALUE}},
        },
    },
}


class Refine:
    """A client that knows the address of the service and reads the rest from its manifest."""

    def __init__(self, language: str = "en") -> None:
        self.client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True, headers={"accept-language": language})
        self.manifest = self.read("/reconcile", MANIFEST)

    def read(self, address: str, schema: dict[str, Any], **parameters: Any) -> Any:
        """Return the content of a good answer to GET, having checked it against a schema."""
        return checked(self.client.get(address, parameters or None), schema)

    def post(self, name: str, content: Any) -> Any:
        """Return the answer to a form with one field of JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        return self.client.post("/reconcile", f"{name}={quote(text)}", content_type=FORM)

    def ask(self, **queries: Any) -> Any:
        """Return the candidates by the names of queries."""
        found = checked(self.post("queries", queries), RESULTS)
        assert list(found) == list(queries)
        return {name: one["result"] for name, one in found.items()}

    def one(self, query: str, /, **more: Any) -> list[Any]:
        """Return the candidates of one query."""
        return list(self.ask(q0={"query": query, **more})["q0"])

    def address(self, *names: str) -> str:
        """Return the path of a service that the manifest names."""
        found = self.manifest
        for name in names:
            found = found[name]
        assert found["service_url"] == "http://localhost"
        return str(found["service_path"])


def checked(response: Any, schema: dict[str, Any]) -> Any:
    assert response.status_code == 200, response.content.decode()
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    content = response.json()
    Draft202012Validator(schema).validate(content)
    return content


@pytest.fixture
def refine() -> Refine:
    return Refine()


def ids(candidates: list[Any]) -> list[str]:
    return [candidate["id"] for candidate in candidates]


def features(candidate: Any) -> dict[str, float]:
    return {feature["id"]: feature["value"] for feature in candidate["features"]}


# Manifest -----------------------------------------------------------------------------------------------------------


def test_the_manifest_says_what_the_service_offers_in_the_language_asked_for(refine: Refine) -> None:
    chinese = Refine("zh-Hans").manifest

    assert refine.manifest["versions"] == ["0.1", "0.2"]
    assert [one["id"] for one in refine.manifest["defaultTypes"]] == list(TYPES)
    assert chinese["defaultTypes"] != refine.manifest["defaultTypes"]
    assert refine.manifest["batchSize"] == BATCH_SIZE
    hosts = set(re.findall(r"https?://[^/\"]+", json.dumps(refine.manifest)))
    assert hosts == {"http://localhost"}


def test_the_addresses_of_a_record_and_of_a_feature_answer(refine: Refine) -> None:
    record = refine.manifest["view"]["url"].replace("{{id}}", quote(STREET, safe=""))
    assert refine.client.get(urlsplit(record).path).json()["name"] == "五角场街道"
    assert refine.manifest["identifierSpace"] + STREET == record.replace("%2F", "/")

    page = refine.client.get(urlsplit(refine.manifest["feature_view"]["url"]).path).content.decode()
    found = {name for candidate in refine.one("五角场", properties=[kind_is("town")]) for name in features(candidate)}
    assert found >= {"name", "kind", "date"}
    assert [name for name in found if f'id="{name}"' not in page] == []


def kind_is(value: str) -> dict[str, str]:
    return {"pid": "kind", "v": value}


# Batches ------------------------------------------------------------------------------------------------------------


def test_a_batch_is_answered_by_form_and_by_address_alike(refine: Refine) -> None:
    batch = {"a": {"query": "五角场", "type": "streets", "limit": 2}, "b": {"query": "上大"}}
    by_form = refine.ask(**batch)
    by_address = refine.read("/reconcile", RESULTS, queries=json.dumps(batch))

    assert {name: one["result"] for name, one in by_address.items()} == by_form
    assert ids(by_form["a"]) == [STREET, FORMER_TOWN]
    assert [candidate["match"] for candidate in by_form["a"]] == [False, False]
    assert [(one["id"], one["match"]) for one in by_form["b"][:1]] == [("member-units/shanghai-daxue", True)]
    assert features(by_form["b"][0])["alias"] == 100


def test_candidates_are_of_the_types_asked_for_sorted_and_limited(refine: Refine) -> None:
    found = refine.one("五角场", type=["alliances", "member-units"], limit=3, type_strict="any")

    assert len(found) == 3
    assert {candidate["type"][0]["id"] for candidate in found} <= {"alliances", "member-units"}
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    assert refine.one("五角场", type=[]) == refine.one("五角场")


def test_a_date_chooses_between_what_was_and_what_is(refine: Refine) -> None:
    then = refine.one("五角场镇", type="streets", properties=[{"pid": "date", "v": "2013-06-27"}])
    now = refine.one("五角场镇", type="streets", properties=[{"pid": "date", "v": "2023-07"}])

    assert (then[0]["id"], then[0]["match"], features(then[0])["date"]) == (FORMER_TOWN, True, 100)
    assert features(next(one for one in now if one["id"] == FORMER_TOWN))["date"] == 0
    assert next(one for one in now if one["id"] == FORMER_TOWN)["score"] < then[0]["score"] - 20
    assert not now[0]["match"]
    assert ids(refine.one("天目西路街道", properties=[{"pid": "date", "v": "2015-09-30"}]))[0] == "streets/310108001"
    assert ids(refine.one("天目西路街道"))[0] == "streets/310106015"
    assert refine.one("天目西路街道")[0]["match"]


@pytest.mark.parametrize("value", ["2013-06-27", "2013年6月27日", "2013-06-27T00:00:00Z", "2013", ["2013-06", "2014"]])
def test_dates_are_read_as_spreadsheets_have_them(refine: Refine, value: Any) -> None:
    found = refine.one("五角场镇", type="streets", properties=[{"pid": "date", "v": value}])
    assert (found[0]["id"], found[0]["match"]) == (FORMER_TOWN, True)


@pytest.mark.parametrize("value", ["昨天", "", 20.5, "2013-13-45", True])
def test_a_cell_that_is_no_date_counts_as_none(refine: Refine, value: Any) -> None:
    given = refine.one("五角场镇", properties=[{"pid": "date", "v": value}])
    assert given == refine.one("五角场镇")


@pytest.mark.parametrize(
    "value",
    ["杨浦区", "杨浦", "上海市杨浦区", 310110, "310110", "districts/310110", {"id": "districts/310110", "name": "x"}],
)
def test_a_district_by_name_code_or_identifier_chooses_among_namesakes(refine: Refine, value: Any) -> None:
    namesakes = refine.one("复旦居委会", type="neighbourhoods")
    assert ids(namesakes)[:2] == ["neighbourhoods/310109016010", "neighbourhoods/310110019005"]
    assert not namesakes[0]["match"]

    chosen = refine.one("复旦居委会", type="neighbourhoods", properties=[{"pid": "district", "v": value}])
    assert (chosen[0]["id"], chosen[0]["match"]) == ("neighbourhoods/310110019005", True)
    assert (features(chosen[0])["division"], features(chosen[1])["division"]) in [(100, 0), (90, 0)]
    assert chosen[1]["score"] < namesakes[1]["score"] < chosen[0]["score"] + 0.1


def test_a_query_without_a_name_lists_what_lies_in_a_place(refine: Refine) -> None:
    found = refine.ask(q={"properties": [{"pid": "street", "v": "五角场街道"}], "type": "neighbourhoods"})["q"]

    assert len(found) == 10
    assert [one["id"] for one in found if not one["id"].startswith("neighbourhoods/310110019")] == []
    assert not any(one["match"] for one in found)


def test_a_kind_is_read_by_value_or_label(refine: Refine) -> None:
    for value in ("town", "Town", "镇"):
        found = refine.one("五角场", type="streets", properties=[kind_is(value)])
        assert ids(found)[0] == FORMER_TOWN, value


def test_drafts_are_in_no_answer(refine: Refine) -> None:
    unit = MemberUnitFactory(name="隐形飞艇制造厂", state="draft", cited=False)
    other = MemberUnitFactory(name="显形飞艇制造厂")
    UnitNameFactory(unit=other, name="绝密飞艇", state="draft", cited=False)
    unit_id, other_id = f"member-units/{unit.slug}", f"member-units/{other.slug}"

    assert unit_id not in ids(refine.one("隐形飞艇制造厂") + refine.one(unit_id) + refine.one(unit.slug))
    assert [one for one in refine.one("绝密飞艇") if "alias" in features(one)] == []
    assert refine.read(refine.address("suggest", "entity"), SUGGESTED, prefix="隐形飞艇")["result"] == []
    rows = checked(refine.post("extend", {"ids": [unit_id, other_id], "properties": [{"id": "name"}]}), EXTENDED)[
        "rows"
    ]
    assert rows == {unit_id: {"name": []}, other_id: {"name": [{"str": "显形飞艇制造厂"}]}}
    assert refine.client.get("/reconcile/preview", {"id": unit_id}).status_code == 404


def test_a_batch_costs_as_many_statements_however_long_it_is(refine: Refine) -> None:
    def cost(number: int) -> int:
        names = ["五角场", "五角厂街道", "上理工", "wujiaocang", "华东电力设计研究所"] * 5
        batch = {
            f"q{i}": {"query": name, "properties": [{"pid": "district", "v": "杨浦区"}]}
            for i, name in enumerate(names[:number])
        }
        with CaptureQueriesContext(connection) as queries:
            refine.ask(**batch)
        return len(queries)

    assert cost(BATCH_SIZE) == cost(5) <= 32


def test_queries_do_not_touch_each_other(refine: Refine) -> None:
    names = ["五角场", "上大", "国定一居民区", "---", "wujiaochang", "长海医院", "没有这样的名字吧"]
    together = refine.ask(**{name: {"query": name} for name in names})
    assert together == {name: refine.one(name) for name in names}


# Suggestions --------------------------------------------------------------------------------------------------------


def suggest(refine: Refine, what: str, **parameters: Any) -> list[Any]:
    return list(refine.read(refine.address("suggest", what), SUGGESTED, **parameters)["result"])


def test_records_are_suggested_by_what_is_typed_first(refine: Refine) -> None:
    assert ids(suggest(refine, "entity", prefix="五角场街道"))[0] == STREET
    assert ids(suggest(refine, "entity", prefix=STREET)) == [STREET]
    assert "streets/310110019" in ids(suggest(refine, "entity", prefix="310110019"))
    assert ids(suggest(refine, "entity", prefix="wujiaochangj", type="streets")) == [STREET]
    assert "member-units/shanghai-daxue" in ids(suggest(refine, "entity", prefix="上大"))
    assert ids(suggest(refine, "entity", prefix="复旦大"))[0] == "member-units/fudan-daxue"
    assert suggest(refine, "entity", prefix="") == suggest(refine, "entity", prefix="·") == []


def test_suggestions_are_paged_by_a_cursor(refine: Refine) -> None:
    pages = [suggest(refine, "entity", prefix="新村", cursor=cursor) for cursor in (0, 10, 20)]

    assert [len(page) for page in pages] == [10, 10, 10]
    assert len({one["id"] for page in pages for one in page}) == 30
    assert suggest(refine, "entity", prefix="五角场街道党工委", cursor=1000) == []


def test_what_openrefine_sends_besides_is_taken(refine: Refine) -> None:
    leftovers = {"spell": "always", "exact": "false", "scoring": "entity", "prefixed": "true", "type_strict": "any"}

    assert suggest(refine, "entity", prefix="五角场街道", type="/type/object", **leftovers) == suggest(
        refine, "entity", prefix="五角场街道"
    )
    assert ids(suggest(refine, "property", prefix="", type="member-units", **leftovers))


def test_types_and_properties_are_suggested_by_identifier_and_label(refine: Refine) -> None:
    assert ids(suggest(refine, "type", prefix="street")) == ["streets"]
    assert ids(suggest(refine, "type", prefix="")) == list(TYPES)
    assert ids(suggest(refine, "property", prefix="distr")) == ["district"]
    assert ids(suggest(refine, "property", prefix="code", type="member-units")) == []
    assert len(suggest(refine, "property", prefix="")) == 10
    assert len(suggest(refine, "property", prefix="", cursor=10)) == len(PROPERTIES) - 10


# Previews -----------------------------------------------------------------------------------------------------------


def test_a_preview_may_be_framed_and_nothing_else_may(refine: Refine) -> None:
    address = refine.manifest["preview"]["url"].replace("{{id}}", quote(FORMER_TOWN, safe=""))
    answer = refine.client.get(address.removeprefix("http://localhost"))
    page = answer.content.decode()

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "X-Frame-Options" not in answer.headers
    assert "frame-ancestors *;" in answer.headers["Content-Security-Policy"] + ";"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert [text for text in ("五角场镇", "Wujiaochang Zhen", "杨浦区", "长海路街道") if text not in page] == []
    assert re.findall(r"<script|style=|(?:src|href)=\"(?!/)", page) == []

    other = refine.client.get("/reconcile/features")
    assert other.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in other.headers["Content-Security-Policy"]


def test_a_preview_is_escaped(refine: Refine) -> None:
    alliance = AllianceFactory(name="<script>alert(1)</script>联盟")
    page = refine.client.get("/reconcile/preview", {"id": f"alliances/{alliance.slug}"}).content.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("key", ["", "streets", "streets/", "streets/1", "nothing/1", "../etc", "projects/x", "é" * 9])
def test_a_preview_of_nothing_is_404(refine: Refine, key: str) -> None:
    answer = refine.client.get("/reconcile/preview", {"id": key})
    assert answer.status_code == 404
    assert problem_of(answer)["code"] == "not_found"


# Data extension -----------------------------------------------------------------------------------------------------


def test_values_of_matched_records_are_given(refine: Refine) -> None:
    wanted = ["name", "kind", "district", "street", "pinyin", "other_names", "successor", "ended_on", "url", "code"]
    names = ["member-units/shanghai-daxue", FORMER_TOWN, "neighbourhoods/310110019007", "streets/000"]
    request = {"ids": names, "properties": [{"id": name, "settings": {}} for name in wanted]}
    found = checked(refine.post("extend", request), EXTENDED)

    assert found == refine.read("/reconcile", EXTENDED, extend=json.dumps(request))
    assert [one["id"] for one in found["meta"]] == wanted
    assert found["meta"][2] == {"id": "district", "name": "district", "type": {"id": "districts", "name": "district"}}
    unit, town, committee, missing = (found["rows"][name] for name in names)
    assert unit["other_names"] == [{"str": "上大"}]
    assert unit["kind"] == [{"str": "University"}]
    assert unit["url"] == [{"str": "/api/v1/member-units/shanghai-daxue"}]
    assert town["successor"] == [{"id": "streets/310110021", "name": "长海路街道"}]
    assert town["ended_on"] == [{"str": "2017-10-31/2020-06-30"}]
    assert committee["street"] == [{"id": STREET, "name": "五角场街道"}]
    assert committee["pinyin"] == [{"str": "Guodingyi Juweihui"}]
    assert missing == {name: [] for name in wanted}


def test_every_property_is_proposed_and_gives_values(refine: Refine) -> None:
    for name in TYPES:
        proposed = refine.read(refine.address("extend", "propose_properties"), {"type": "object"}, type=name)
        assert proposed["type"] == name
        wanted = [{"id": one["id"]} for one in proposed["properties"]]
        some = ids(refine.ask(q={"properties": [{"pid": "district", "v": "杨浦区"}], "type": name})["q"])[:1]
        found = checked(refine.post("extend", {"ids": some, "properties": wanted}), EXTENDED)
        assert found["rows"][some[0]]["name"]
    limited = refine.read(refine.address("extend", "propose_properties"), {"type": "object"}, type="streets", limit=2)
    assert (limited["limit"], len(limited["properties"])) == (2, 2)


def test_an_extension_costs_as_many_statements_however_many_records_it_names(refine: Refine) -> None:
    def cost(keys: list[str]) -> int:
        request = {"ids": [f"streets/{key}" for key in keys], "properties": [{"id": "district"}, {"id": "other_names"}]}
        with CaptureQueriesContext(connection) as queries:
            refine.post("extend", request)
        return len(queries)

    assert cost(["310110019", "310110101", "310110021"]) == cost(["310110019"]) == 5


# Bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queries", "status", "said"),
    [
        ("", 400, "not valid JSON"),
        ("{", 400, "not valid JSON"),
        ("[]", 400, "not a JSON object"),
        ("null", 400, "not a JSON object"),
        ('{"q": {"query": "a"}, "q": {"query": "b"}}', 400, "more than once"),
        ('{"q": NaN}', 400, "not valid JSON"),
        ('{"q": {"query": "\\ud800"}}', 400, "not valid JSON"),
        ('{"q": {"query": "\\u0000"}}', 400, "NUL"),
        ("[" * 50_000, 400, "not valid JSON"),
        ('{"q": ' + "9" * 5000 + "}", 400, "not valid JSON"),
        ('{"q": 1}', 400, "object is expected"),
        ('{"q": {}}', 400, "“query” or “properties”"),
        ('{"q": {"query": ""}}', 400, "“query” or “properties”"),
        ('{"q": {"query": 5}}', 400, "text is expected"),
        ('{"q": {"query": "a", "typ": "streets"}}', 400, "Did you mean “type”?"),
        ('{"q": {"query": "a", "type": "street"}}', 400, "Did you mean “streets”?"),
        ('{"q": {"query": "a", "type": [1]}}', 400, "text is expected"),
        ('{"q": {"query": "a", "limit": 0}}', 400, "positive whole number"),
        ('{"q": {"query": "a", "limit": 1.5}}', 400, "positive whole number"),
        ('{"q": {"query": "a", "limit": 1e999}}', 400, "positive whole number"),
        ('{"q": {"query": "a", "limit": true}}', 400, "positive whole number"),
        ('{"q": {"query": "a", "type_strict": "some"}}', 400, "Known are"),
        ('{"q": {"query": "a", "properties": {}}}', 400, "list is expected"),
        ('{"q": {"query": "a", "properties": [{"pid": "distrct", "v": 1}]}}', 400, "Did you mean “district”?"),
        ('{"q": {"query": "a", "properties": [{"pid": "pinyin", "v": 1}]}}', 400, "not one of the values"),
        ('{"q": {"query": "a", "properties": [{"pid": "date"}]}}', 400, "“pid” and “v”"),
        ('{"q": {"query": "a", "properties": [{"pid": "date", "v": null}]}}', 400, "text is expected"),
        ('{"q": {"query": "a", "properties": [{"pid": "date", "v": {"id": []}}]}}', 400, "text is expected"),
        (json.dumps({"q": {"query": "五" * 301}}), 400, "longer than 300"),
        (json.dumps({str(n): {"query": "a"} for n in range(BATCH_SIZE + 1)}), 413, f"At most {BATCH_SIZE}"),
        (json.dumps({"q": {"query": "x" * BODY_LIMIT}}), 413, "longer than"),
    ],
)
def test_a_batch_that_is_not_valid_is_refused_with_its_reason(
    refine: Refine, queries: str, status: int, said: str
) -> None:
    answer = refine.post("queries", queries)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert said in problem_of(answer)["detail"]


@pytest.mark.parametrize(
    ("extend", "status", "said"),
    [
        ("{}", 400, "list is expected"),
        ('{"ids": ["a"], "properties": [{"id": "names"}]}', 400, "Did you mean “name”?"),
        ('{"ids": ["a"], "properties": [{"id": "date"}]}', 400, "not one of the values"),
        ('{"ids": [1], "properties": []}', 400, "text is expected"),
        ('{"ids": [], "properties": [{"id": "name", "settings": {"limit": 1}}]}', 400, "no member “limit”"),
        ('{"ids": [], "properties": [], "x": 1}', 400, "no member “x”"),
        (json.dumps({"ids": ["a"] * (MOST_IDS + 1), "properties": []}), 413, "At most 200"),
    ],
)
def test_a_request_for_values_that_is_not_valid_is_refused(refine: Refine, extend: str, status: int, said: str) -> None:
    answer = refine.post("extend", extend)
    assert answer.status_code == status
    assert said in problem_of(answer)["detail"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", FORM, 400),
        (b"queries=%7B%7D&extend=%7B%7D", FORM, 400),
        (b"queries=%7B%7D&queries=%7B%7D", FORM, 400),
        (b"queris=%7B%7D", FORM, 400),
        (b"queries=%ff", FORM, 400),
        (b"queries=\xff", FORM, 400),
        (b"&".join(b"a=1" for _number in range(50)), FORM, 400),
        (b"{}", "application/json", 415),
        (b"queries=%7B%7D", "multipart/form-data", 415),
    ],
)
def test_a_form_that_is_not_one_is_refused(refine: Refine, body: bytes, kind: str, status: int) -> None:
    answer = refine.client.post("/reconcile", body, content_type=kind)
    assert answer.status_code == status
    problem_of(answer)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/reconcile?query=a", "Did you mean “queries”?"),
        ("/reconcile?queries={}&queries={}", "more than once"),
        ("/reconcile?callback=x", "no parameter “callback”"),
        ("/reconcile/suggest/entity", "at most 300 characters"),
        ("/reconcile/suggest/entity?prefx=a", "Did you mean “prefix”?"),
        ("/reconcile/suggest/entity?prefix=a&cursor=-1", "whole number"),
        ("/reconcile/suggest/entity?prefix=a&cursor=1001", "whole number"),
        ("/reconcile/suggest/entity?prefix=a&cursor=²", "whole number"),
        ("/reconcile/suggest/entity?prefix=a&type=street", "Did you mean “streets”?"),
        ("/reconcile/properties?type=street", "Did you mean “streets”?"),
        ("/reconcile/properties?limit=x", "positive whole number"),
    ],
)
def test_a_parameter_that_is_not_valid_is_refused(refine: Refine, address: str, said: str) -> None:
    answer = refine.client.get(address)
    assert answer.status_code == 400
    assert said in problem_of(answer)["detail"]


HOSTILE = [
    "%",
    "_",
    "\\",
    "'",
    '"',
    "；",
    "(",
    "*",
    "😀",
    "‮",
    "%25",
    "' OR 1=1 --",
    "[",
    "()+",
    "a",
    "𠀀𠀁",
    "ﷺ",
    "İ",
    "ß",
    "①",
]


@pytest.mark.parametrize("text", [*HOSTILE, "长" * 300, "a" * 300, "9" * 300, "市" + "镇" * 200, "-", "streets/", "/"])
def test_no_text_breaks_the_service(refine: Refine, text: str) -> None:
    properties = [{"pid": "division", "v": text}, kind_is(text), {"pid": "date", "v": text}]
    refine.ask(plain={"query": text}, refined={"query": text, "properties": properties})
    suggest(refine, "entity", prefix=text)
    checked(refine.post("extend", {"ids": [text, f"streets/{text}"[:300]], "properties": [{"id": "name"}]}), EXTENDED)
    assert refine.client.get("/reconcile/preview", {"id": text}).status_code == 404


@pytest.mark.parametrize("path", ["", "/suggest/entity", "/suggest/type", "/suggest/property", "/properties"])
def test_pages_of_other_hosts_may_ask(refine: Refine, path: str) -> None:
    answer = refine.client.options(
        f"/reconcile{path}", headers={"origin": "http://127.0.0.1:3333", "access-control-request-method": "GET"}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    methods = answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert methods == ["GET", "HEAD", "OPTIONS", *([] if path else ["POST"])]
    refused = refine.client.delete(f"/reconcile{path}")
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (405, "*")
