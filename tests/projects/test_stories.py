"""The work as whole stories over HTTP, each party with its token; what waits and what all are told at each step."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.common.values.dates import today
from apps.history import feed
from apps.projects.models import Claim
from tests import factories
from tests.parties import ROOT, Party, Town, codes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def all_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own transaction count as over, so that the feed tells of it."""
    monkeypatch.setattr(feed, "horizon", lambda: (2**62, "1"))


def told(resource: str, key: str) -> list[tuple[str, str]]:
    """Return what everybody who follows the feed is told of a record: each operation, with the status it gave."""
    found, address, more = [], f"{ROOT}/changes?resource={resource}&page_size=200", True
    while more:
        page = Client().get(address).json()
        found += [each for each in page["items"] if each["key"] == key and each["data"]]
        address, more = page["next"], page["more"]
    return [(item["operation"], item["data"]["status"]) for item in found]


def waits(person: Party) -> list[tuple[str, str]]:
    """Return what waits for somebody: why, and which record."""
    found = person.get("inbox").json()["results"]
    return [(each["kind"], each["record"]["key"]) for each in found]


def reported(path: str) -> list[tuple[float, str, str]]:
    """Return the figures of a record: value, unit, and who reports it."""
    found = Client().get(f"{ROOT}/figures?subject={path}").json()["results"]
    return [(each["value"], each["unit"], each["reported_by"]["key"]) for each in found]


def end_lease(key: str, days: int) -> None:
    """Have the lease of a claim end so many days after today."""
    row = Claim.objects.get(slug=key)
    row.lapses_on = (today() + timedelta(days=days)).isoformat()
    row.save()
    factories.rest(row)


def test_a_town_opens_a_round_and_units_do_its_projects() -> None:
    town = Town(units=4)
    street = town.curator
    planned = street.make("rounds", name="第一批", street=town.street.code, mode="approval", lease_days=60)["slug"]
    put_up = {"round": planned, "project": town.project.slug, "places": 2}
    place = street.make("round-projects", **put_up)
    assert waits(street) == [("next_step", planned)]
    assert codes(town.claim(0, place)) == ["round_closed"]  # not open yet
    street.act(f"rounds/{planned}/open")
    assert told("rounds", planned) == [("insert", "planned"), ("update", "open")]
    assert waits(street) == []

    # Three units request it; the places are two.
    done, refused, given_back = (town.claim(number, place).json()["slug"] for number in range(3))
    assert waits(street) == [("decision", done), ("decision", refused), ("decision", given_back)]
    assert told("claims", done) == []
    street.act(f"claims/{done}/accept")
    street.act(f"claims/{given_back}/accept")
    assert codes(street.post(f"claims/{refused}/accept")) == ["no_place"]
    assert street.act(f"claims/{refused}/reject", reason="名额已满")["status"] == "rejected"
    assert town.speakers[1].get(f"claims/{refused}").json()["reason"] == "名额已满"
    assert told("claims", refused) == []
    assert waits(street) == []

    # One starts, finishes, and is confirmed with a figure.
    unit = town.speakers[0]
    assert waits(unit) == [("next_step", done)]
    unit.act(f"claims/{done}/start")
    assert waits(unit) == []
    unit.act(f"claims/{done}/finish", summary="上了十次课。", figure={"value": 10, "unit": "session"})
    assert waits(street) == [("confirmation", done)]
    assert codes(unit.post(f"claims/{done}/confirm", outcome="好。")) == ["not_competent"]
    number = {"value": 310, "unit": "person_time", "comparator": "~"}
    confirmed = street.act(f"claims/{done}/confirm", outcome="居民满意。", figure=number)
    assert (confirmed["status"], confirmed["outcome"]) == ("confirmed", "居民满意。")
    keys = (town.units[0].slug, town.street.code)
    assert sorted(reported(f"claims/{done}")) == [(10, "session", keys[0]), (310, "person_time", keys[1])]
    steps = ["accepted", "under_way", "completed", "confirmed"]
    assert told("claims", done) == [("insert", steps[0]), *(("update", each) for each in steps[1:])]

    # Another gives its place back, which is free for the fourth.
    town.speakers[2].act(f"claims/{given_back}/release", reason="人手不够")
    assert told("claims", given_back)[-1] == ("update", "released")
    lapsing = town.claim(3, place).json()["slug"]
    street.act(f"claims/{lapsing}/accept")
    assert waits(town.speakers[3]) == [("next_step", lapsing)]

    # That one does not start: the lease draws to its end, is over, and the place is free again.
    end_lease(lapsing, days=1)
    assert waits(street) == waits(town.speakers[3]) == [("due", lapsing)]
    end_lease(lapsing, days=-1)
    assert codes(town.speakers[3].post(f"claims/{lapsing}/start")) == ["lapsed"]
    call_command("tick", verbosity=0)
    assert told("claims", lapsing)[-1] == ("update", "lapsed")
    assert waits(street) == waits(town.speakers[3]) == []
    assert street.act(f"claims/{town.claim(1, place).json()['slug']}/accept")["status"] == "accepted"
    street.act(f"rounds/{planned}/close")
    assert codes(town.claim(2, place)) == ["round_closed"]


def test_a_neighbourhood_asks_is_offered_a_match_and_its_need_is_met() -> None:
    street: Any = factories.StreetFactory()
    neighbourhood: Any = factories.NeighbourhoodFactory(street=street)
    unit: Any = factories.MemberUnitFactory(street=street)
    asker, giver = Party(role="curator", neighbourhood=neighbourhood), Party(role="representative", unit=unit)
    broker = Party(role="curator", street=street)
    need = asker.make("needs", name="老人学国画", neighbourhood=neighbourhood.key, summary="想请人教国画。")["slug"]
    offer = giver.make("resources", name="国画老师", unit=unit.slug, summary="可以教国画。")["slug"]
    assert told("needs", need) == [("insert", "open")]
    suggested = asker.get(f"needs/{need}/matches").json()["results"]
    assert offer in [each["record"]["key"] for each in suggested]

    match = broker.make("matches", need=need, offer=offer)["slug"]
    assert waits(asker) == waits(giver) == [("decision", match)]
    assert waits(broker) == [("decision", match)]  # a street speaks for its neighbourhoods
    assert giver.act(f"matches/{match}/accept")["status"] == "accepted_by_giver"
    assert waits(giver) == []
    assert asker.act(f"matches/{match}/accept")["status"] == "accepted"
    assert told("matches", match) == []  # for the two sides alone
    assert told("needs", need) == [("insert", "open"), ("update", "matched")]
    assert told("resources", offer) == [("insert", "offered"), ("update", "in_use")]

    assert waits(asker) == [("next_step", need)]
    met = asker.act(f"needs/{need}/meet", outcome="办了六次。", figure={"value": 6, "unit": "session"})
    assert (met["status"], met["outcome"]) == ("met", "办了六次。")
    assert reported(f"needs/{need}") == [(6, "session", neighbourhood.key)]
    assert told("needs", need)[-1] == ("update", "met")
    assert waits(asker) == []
    assert giver.act(f"resources/{offer}/offer")["status"] == "offered"


def test_a_university_is_invited_into_an_alliance_and_confirms() -> None:
    street: Any = factories.StreetFactory()
    alliance: Any = factories.AllianceFactory(street=street)
    university: Any = factories.MemberUnitFactory(kind="university")
    keeper, rector = Party(role="curator", street=street), Party(role="representative", unit=university)
    body = {"alliance": alliance.slug, "unit": university.slug, "role": "member"}
    membership = keeper.make("memberships", status="invited", **body)["slug"]
    members = f"{ROOT}/memberships?alliance={alliance.slug}"
    assert told("memberships", membership) == []
    assert Client().get(members).json()["results"] == []
    assert waits(rector) == [("decision", membership)]
    assert waits(keeper) == []
    assert codes(keeper.post(f"memberships/{membership}/accept")) == ["not_competent"]
    joined = rector.act(f"memberships/{membership}/accept")
    assert (joined["status"], joined["joined_on"]) == ("member", today().isoformat())
    assert [each["slug"] for each in Client().get(members).json()["results"]] == [membership]
    assert told("memberships", membership) == [("insert", "member")]
    assert waits(rector) == []


def test_a_meeting_is_announced_held_and_reported() -> None:
    town = Town(units=2)
    keeper = town.curator
    meeting = keeper.make("events", name="联席会议", kind="conference", street=town.street.code)["slug"]
    assert told("events", meeting) == [("insert", "planned")]
    guests = [
        keeper.make("participations", event=meeting, unit=unit.slug, role="attendee")["slug"] for unit in town.units
    ]
    assert [waits(each) for each in town.speakers] == [[("decision", each)] for each in guests]
    assert [told("participations", each) for each in guests] == [[], []]
    town.speakers[0].act(f"participations/{guests[0]}/accept")
    town.speakers[1].act(f"participations/{guests[1]}/decline", reason="另有会议")
    assert [waits(each) for each in town.speakers] == [[], []]
    assert [told("participations", each) for each in guests] == [[("insert", "accepted")], []]

    assert codes(keeper.post(f"events/{meeting}/write_up", summary="议定三件事。")) == ["wrong_state"]
    keeper.act(f"events/{meeting}/hold", held_on=today().isoformat())
    keeper.act(f"participations/{guests[0]}/attend")
    assert told("participations", guests[0]) == [("insert", "accepted"), ("update", "attended")]
    written = keeper.act(f"events/{meeting}/write_up", summary="议定三件事。")
    assert (written["status"], written["summary"]) == ("reported", "议定三件事。")
    number = {"measure": "attendance", "comparator": "=", "value": 1, "unit": "organisation", "kind": "actual"}
    subject = {"subject": f"events/{meeting}", "reported_by": f"streets/{town.street.code}"}
    keeper.make("figures", name="到会单位", as_written="1 家", name_given=True, **number, **subject)
    assert reported(f"events/{meeting}") == [(1, "organisation", town.street.code)]
    assert told("events", meeting) == [("insert", "planned"), ("update", "held"), ("update", "reported")]
