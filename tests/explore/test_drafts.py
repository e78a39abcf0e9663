"""Search and network, asked by those who may see drafts."""

from typing import Any

import pytest

from tests.accounts.test_access import Sender, sender
from tests.factories import (
    AllianceFactory,
    MembershipFactory,
    MemberUnitFactory,
    StreetFactory,
    UnitNameFactory,
)

pytestmark = pytest.mark.django_db
DRAFT: dict[str, Any] = {"state": "draft", "cited": False}


@pytest.fixture
def street() -> Any:
    return StreetFactory()


def found(person: Sender, **parameters: str) -> dict[str, str | None]:
    """Return the addresses that a search finds, page by page, with the state of each."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    address = f"search?{query}&page_size=1"
    hits: dict[str, str | None] = {}
    while address:
        page = person.get(address)
        hits |= {f"{hit['resource']}/{hit['key']}": hit.get("state") for hit in page["results"]}
        address = (page["next"] or "").removeprefix("/api/v1/")
    assert sum(person.get(f"search?{query}")["resources"].values()) == len(hits)
    return hits


@pytest.mark.parametrize("state", ["draft", "submitted"])
def test_a_search_finds_the_drafts_of_the_reader_and_says_so(street: Any, state: str):
    shown = AllianceFactory(name="寻试联盟一", street=street)
    draft = AllianceFactory(name="寻试联盟二", street=street, state=state, cited=False)
    foreign = AllianceFactory(name="寻试联盟三", street=StreetFactory(), **DRAFT)
    own, other, steward = (
        sender(street=street),
        sender(street=StreetFactory()),
        sender("read", "steward", role="steward"),
    )
    first, second, third = (f"alliances/{row.slug}" for row in (shown, draft, foreign))
    assert found(Sender(), q="寻试联盟") == {first: None}
    assert found(other, q="寻试联盟") == {first: "published"}
    assert found(own, q="寻试联盟") == {first: "published", second: state}
    assert found(steward, q="寻试联盟") == {first: "published", second: state, third: "draft"}
    # Of a division there are no drafts.
    assert found(own, q=street.name, resource="streets") == {f"streets/{street.code}": None}
    # Also narrowed to a place.
    assert found(own, q="寻试联盟", street=street.code) == {first: "published", second: state}


def test_names_that_come_near_are_those_that_the_reader_may_see(street: Any):
    AllianceFactory(name="觅试隐联盟", street=street, **DRAFT)
    own, other = sender(street=street), sender(street=StreetFactory())
    near = [person.get("search?q=觅试银联盟")["suggestions"] for person in (own, other, Sender())]
    assert [[item["name"] for item in items] for items in near] == [["觅试隐联盟"], [], []]


def test_another_name_that_is_a_draft_is_found_by_itself(street: Any):
    name = UnitNameFactory(unit=MemberUnitFactory(street=street), name="别试隐名", **DRAFT)
    own = sender(street=street)
    assert found(own, q="别试隐名", resource="unit-names") == {f"unit-names/{name.slug}": "draft"}
    assert found(own, q="别试隐名") == {}


def test_the_network_holds_the_drafts_of_the_reader_and_says_so(street: Any):
    alliance = AllianceFactory(street=street)
    joining = MembershipFactory(alliance=alliance, unit=MemberUnitFactory(street=street, **DRAFT), **DRAFT)
    own, other = sender(street=street), sender(street=StreetFactory())
    ends = [f"alliances/{alliance.slug}", f"member-units/{joining.unit.slug}"]

    def told(person: Sender) -> tuple[dict[str, Any], dict[str, Any]]:
        network = person.get(f"network?alliance={alliance.slug}")
        nodes = {node["id"]: node.get("state") for node in network["nodes"]}
        return nodes, {edge["id"]: edge.get("state") for edge in network["edges"] if edge["kind"] == "membership"}

    assert told(own)[0].items() >= dict(zip(ends, ("published", "draft"), strict=True)).items()
    assert told(own)[1] == {f"memberships/{joining.slug}": "draft"}
    for person, state in ((other, "published"), (Sender(), None)):
        nodes, edges = told(person)
        assert (ends[1] in nodes, nodes[ends[0]], edges) == (False, state, {})
    # A record that one does not see is none to start from.
    path = f"network?unit={joining.unit.slug}"
    assert [person.send("GET", path).status_code for person in (own, other, Sender())] == [200, 400, 400]


@pytest.mark.parametrize("state", ["draft", "submitted"])
@pytest.mark.parametrize("form", ["graphml", "gexf"])
def test_the_formats_of_graphs_say_what_is_a_draft(street: Any, form: str, state: str):
    AllianceFactory(street=street, state=state, cited=False)
    path = f"network?street={street.code}&format={form}"
    told = {"graphml": f">{state}</data>", "gexf": f'value="{state}"'}[form].encode()
    assert told in sender(street=street).send("GET", path).content
    assert state.encode() not in Sender().send("GET", path).content
