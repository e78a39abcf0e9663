"""Identifiers of other registers: how they are written, who bears them, and how a unit is found by them."""

# mypy: allow-untyped-calls

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.registry.models import Identifier, MemberUnit
from apps.registry.schemes import SCHEMES, SchemeError, normalise, readings
from tests.accounts.test_access import sender
from tests.conftest import Api
from tests.factories import IdentifierFactory, MemberUnitFactory, StreetFactory, UserFactory
from tests.saying import article_with, saying
from tests.writing import Keeper

CODE = "91110000600037341L"
OTHER_CODE = "91310000132228728T"


@pytest.mark.parametrize(
    ("scheme", "written", "value"),
    [
        ("uscc", " 9111 0000 6000 3734 1l ", CODE),
        ("uscc", "９１１１０００0600037341Ｌ", CODE),
        ("ror", "https://ror.org/013q1eq08", "013q1eq08"),
        ("isni", "https://isni.org/isni/0000 0001 0125 2443", "0000000101252443"),
        ("wikidata", "http://www.wikidata.org/entity/q186285", "Q186285"),
        ("school", "4131010246", "4131010246"),
        ("domain", "https://www.Fudan.edu.cn:443/index.html", "fudan.edu.cn"),
        ("domain", "复旦.中国", "xn--yrsw21a.xn--fiqs8s"),
    ],
)
def test_a_value_is_kept_as_its_scheme_writes_it(scheme: str, written: str, value: str) -> None:
    assert normalise(scheme, written) == value
    assert normalise(scheme, value) == value


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("uscc", "91110000600037341M"),  # a wrong check digit
        ("uscc", CODE[:-1]),
        ("ror", "013q1eq09"),
        ("isni", "0000000101252444"),
        ("wikidata", "P31"),
        ("wikidata", "Q0"),
        ("school", "413101024"),
        ("domain", "localhost"),
        ("domain", "a..cn"),
        ("domain", "-a.cn"),
    ],
)
def test_what_cannot_be_a_value_is_refused_with_the_reason(scheme: str, text: str) -> None:
    with pytest.raises(SchemeError) as error:
        normalise(scheme, text)
    assert str(error.value.reason)


@pytest.mark.parametrize("text", ["", ":", "uscc:", "ror:/", "\0", "😀", "９" * 400, "domain:" + "a." * 300, "x" * 999])
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert list(readings(text)) == []
    for scheme in SCHEMES:
        with pytest.raises(SchemeError):
            normalise(scheme, text)


def test_a_bare_value_tells_its_scheme_and_a_named_one_is_only_that() -> None:
    assert list(readings(CODE.lower())) == [("uscc", CODE)]
    assert list(readings("ROR: 013Q1EQ08")) == [("ror", "013q1eq08")]
    assert list(readings("4131010246")) == []  # ten digits may be anything
    assert list(readings("school:4131010246")) == [("school", "4131010246")]


@pytest.mark.django_db
def test_the_model_puts_a_value_right_and_no_other_unit_takes_it() -> None:
    unit = MemberUnitFactory()
    row = Identifier(unit=unit, scheme="uscc", value=" 9111 0000 6000 3734 1l ")
    row.full_clean()
    row.save()
    assert (row.value, row.slug, str(row)) == (CODE, "uscc-91110000600037341l", f"uscc:{CODE}")
    with pytest.raises(ValidationError) as error:
        Identifier(unit=MemberUnitFactory(), scheme="uscc", value=CODE.lower()).full_clean()
    assert error.value.messages == ["Another record bears this identifier."]
    with pytest.raises(ValidationError) as error:
        Identifier(unit=unit, scheme="uscc", value="1" * 18).full_clean()
    assert "GB 32100" in error.value.message_dict["value"][0]


def test_a_unit_is_found_by_its_identifier_and_shows_it(api: Api) -> None:
    bearer, other = IdentifierFactory(scheme="uscc", value=CODE).unit, IdentifierFactory().unit
    assert api.keys("member-units", identifier=f"uscc:{CODE.lower()}") == [bearer.slug]
    both = f"uscc:{CODE},wikidata:{other.identifiers.get().value}"
    assert set(api.keys("member-units", identifier=both)) == {bearer.slug, other.slug}
    assert api.keys("member-units", identifier="ror:013q1eq08") == []
    [shown] = api.get(f"member-units/{bearer.slug}")["identifiers"]
    assert shown == {"scheme": "uscc", "value": CODE, "url": f"/api/v1/identifiers/uscc-{CODE.lower()}"}
    graph = api.client.get(f"/api/v1/member-units/{bearer.slug}?format=jsonld").json()
    assert graph["schema:identifier"]["schema:value"] == CODE
    assert api.keys("identifiers", q=CODE[4:12]) == [f"uscc-{CODE.lower()}"]


def test_a_draft_identifier_finds_nothing(api: Api) -> None:
    unit = IdentifierFactory(scheme="uscc", value=CODE, state="draft", cited=False).unit
    assert api.keys("member-units", identifier=f"uscc:{CODE}") == []
    assert api.get(f"member-units/{unit.slug}")["identifiers"] == []
    assert asked(api, {"query": CODE}) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (CODE, "scheme:value"),
        ("usc:1", "uscc"),
        ("uscc:91110000600037341M", "GB 32100"),
        ("uscc:", "GB 32100"),
        ("ror:013q1eq09", "ROR"),
    ],
)
def test_a_filter_that_is_no_identifier_is_refused(api: Api, given: str, said: str) -> None:
    [error] = api.problem("member-units", identifier=given)["errors"]
    assert error["parameter"] == "identifier"
    assert said in error["detail"]


def asked(api: Api, query: dict[str, Any]) -> Any:
    """Return the candidates for one reconciliation query."""
    return api.get("/reconcile", queries=json.dumps({"a": query}))["a"]["result"]


def test_reconciliation_finds_a_unit_by_its_code_with_full_score(api: Api) -> None:
    unit = IdentifierFactory(scheme="uscc", value=CODE).unit
    rival = MemberUnitFactory(name="绝密飞艇厂")
    for query in (
        {"query": CODE},
        {"query": f"uscc:{CODE.lower()}"},
        {"query": rival.name, "properties": [{"pid": "identifier", "v": CODE}]},
    ):
        first = asked(api, query)[0]
        assert (first["id"], first["score"], first["match"]) == (f"member-units/{unit.slug}", 100, True)
        assert first["features"] == [{"id": "identifier", "value": 100}]
    IdentifierFactory(unit=rival, scheme="uscc", value=OTHER_CODE)
    worse = asked(api, {"query": rival.name, "properties": [{"pid": "identifier", "v": CODE}]})[1]
    assert worse["id"] == f"member-units/{rival.slug}"
    assert {"id": "identifier", "value": 0} in worse["features"]
    assert not worse["match"]
    key = f"member-units/{unit.slug}"
    values = api.get("/reconcile", extend=json.dumps({"ids": [key], "properties": [{"id": "identifier"}]}))
    assert values["rows"][key]["identifier"] == [{"str": f"uscc:{CODE}"}]


def test_a_unit_is_written_by_its_identifier(api: Api) -> None:
    keeper = Keeper(UserFactory(is_staff=True, is_superuser=True))
    path = f"member-units/uscc:{CODE.lower()}"
    words = f"绝密飞艇厂是一家企业，统一社会信用代码{CODE}。"
    cited = {"article": article_with(words).slug, "start": 0, "end": len(words), "quotation": words}
    body = {
        "name": "绝密飞艇厂",
        "kind": "company",
        "state": "published",
        "citations": [{**cited, "supports": ["name", "kind", "identifiers"], "read": {"kind": "企业"}}],
    }
    api.problem(path, 404)
    assert keeper.send("PUT", path, {**body, "change_reason": "new"}, If_Match="*").status_code == 412
    dry = keeper.send("PUT", f"{path}?dry_run=true", {**body, "change_reason": "new"})
    assert (dry.status_code, Identifier.objects.filter(value=CODE).count()) == (200, 0)
    made = keeper.send("PUT", path, {**body, "change_reason": "new"})
    assert made.status_code == 201, made.content
    slug = made.json()["slug"]
    assert made["Location"] == f"/api/v1/member-units/{slug}"
    [identifier] = Identifier.objects.filter(unit__slug=slug)
    assert (identifier.value, identifier.state, identifier.citations.get().supports) == (
        CODE,
        "published",
        ["scheme", "value"],
    )
    way = api.ask(path, labels="true")
    assert (way.status_code, way["Location"]) == (307, f"/api/v1/member-units/{slug}?labels=true")
    # The same again replaces, and so do the other methods.
    tag = keeper.tag(f"member-units/{slug}")
    renamed: dict[str, Any] = {"name": "飞艇总厂", "kind": "company"}
    renamed |= {"citations": [saying(MemberUnit, renamed, ["name"])], "change_reason": "new"}
    again = keeper.send("PUT", path, renamed, If_Match=tag)
    assert (again.status_code, again.json()["slug"], again.json()["name"]) == (200, slug, "飞艇总厂")
    keeper.write("PATCH", path, {"summary": "造飞艇"}, If_Match=again["ETag"])
    assert api.get(f"member-units/{slug}")["summary"] == "造飞艇"
    for wrong in ("uscc:1", "usc:1", "domain:-", ":"):
        assert keeper.refused("PUT", f"member-units/{wrong}", body, 400) == {"": "bad_request"}
        api.problem(f"member-units/{wrong}", 404)


@pytest.mark.django_db
def test_evidence_of_the_identifier_is_told_from_that_of_the_unit() -> None:
    keeper = Keeper(UserFactory(is_staff=True, is_superuser=True))
    words = f"{CODE}是绝密飞艇厂，一家企业。"
    path, cited = f"member-units/uscc:{CODE}", {"article": article_with(words).slug}

    def span(start: int, end: int, *supports: str, **read: str) -> dict[str, Any]:
        return {**cited, "start": start, "end": end, "quotation": words[start:end], "supports": supports, "read": read}

    code, name = span(0, 18, "identifiers"), span(19, len(words), "name", "kind", kind="企业")
    body = {"name": "绝密飞艇厂", "kind": "company", "state": "published", "citations": [code, name]}
    # The place of an error is that in the request, whichever record the evidence is of.
    refused = {"/citations/0/supports": "says_otherwise"}
    assert keeper.refused("PUT", path, body, 400) == refused  # which scheme it is nothing says
    wrong = {**body, "citations": [code, span(19, 22, "name", "kind", kind="企业")]}
    assert keeper.refused("PUT", path, wrong, 400) == {"/citations/1/supports": "says_otherwise"}
    # Another code than that of the address does not stand for it, even if somebody reads it so.
    noted = {**body, "citations": [span(0, 18, "identifiers", identifiers="编码规则"), name]}
    assert keeper.refused("PUT", f"member-units/uscc:{OTHER_CODE}", noted, 400) == refused
    assert not MemberUnit.objects.filter(name="绝密飞艇厂").exists()
    made = keeper.send("PUT", path, {"change_reason": "test", **noted}).json()
    identifier = Identifier.objects.get(unit__slug=made["slug"])
    assert (identifier.state, identifier.citations.get().levels) == (
        "published",
        {"scheme": "read", "value": "literal"},
    )
    assert sorted(identifier.unit.citations.get().supports) == ["kind", "name"]


@pytest.mark.django_db
def test_an_identifier_without_evidence_is_a_draft_and_a_hidden_one_is_taken() -> None:
    keeper = Keeper(UserFactory(is_staff=True, is_superuser=True))
    body: dict[str, Any] = {"name": "绝密飞艇厂", "kind": "company", "state": "draft"}
    for evidence in ([], ["citations"]):
        given = {"change_reason": "test", **body, **{name: [] for name in evidence}}
        made = keeper.send("PUT", f"member-units/uscc:{CODE}", given).json()
        row = Identifier.objects.get(unit__slug=made["slug"])
        assert (row.state, row.citations.count(), row.attestations.count()) == ("draft", 0, 0)
        row.delete()
    IdentifierFactory(scheme="uscc", value=OTHER_CODE, state="draft", cited=False)
    before = MemberUnit.objects.count()
    other = sender(street=StreetFactory())
    given = {"change_reason": "test", **body}
    answer = other.send("PUT", f"member-units/uscc:{OTHER_CODE}", given)
    assert (answer.status_code // 100, MemberUnit.objects.count()) == (4, before)
