"""Events over HTTP: announced, its guests invited, held, and reported on."""

from typing import Any

import pytest
from django.test import Client

from apps.common.values.dates import today
from tests import factories
from tests.parties import ROOT, Party, Town, codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return Town()


def announce(town: Town, **values: Any) -> str:
    """Announce a meeting of the street; return its path."""
    body = {"name": "联席会议", "kind": "conference", "street": town.street.code, **values}
    return f"events/{town.curator.make('events', **body)['slug']}"


def invite(town: Town, event: str, **party: str) -> str:
    """Invite a guest; return the path of the invitation."""
    made = town.curator.make("participations", event=event.partition("/")[2], role="attendee", **party)
    return f"participations/{made['slug']}"


def shown(path: str) -> Any:
    """Return what everybody sees at an address; nothing where there is nothing for everybody."""
    answer: Any = Client().get(f"{ROOT}/{path}")
    return answer.json() if answer.status_code == 200 else None


def test_a_meeting_is_announced_held_and_reported(town: Town) -> None:
    event = announce(town)
    assert shown(event)["status"] == "planned"
    assert codes(town.curator.post(f"{event}/write_up", summary="来了三百人。")) == ["wrong_state"]
    held = town.curator.act(f"{event}/hold")
    assert (held["status"], held["held_on"]) == ("held", today().isoformat())
    assert codes(town.curator.post(f"{event}/write_up")) == ["required"]
    assert codes(town.curator.post(f"{event}/cancel", reason="下雨")) == ["wrong_state"]
    town.curator.act(f"{event}/write_up", summary="来了三百人。")
    assert (shown(event)["status"], shown(event)["summary"]) == ("reported", "来了三百人。")
    assert town.speakers[0].post(f"{event}/hold").status_code == 403


def test_a_meeting_is_called_off_and_the_reason_stays_with_who_keeps_it(town: Town) -> None:
    event = announce(town, held_on="2099-06-01")
    assert codes(town.curator.post(f"{event}/cancel")) == ["required"]
    assert town.curator.act(f"{event}/cancel", reason="场地未定")["reason"] == "场地未定"
    assert (shown(event)["status"], shown(event)["reason"], shown(event)["held_on"]) == ("cancelled", "", "2099-06-01")


def test_the_day_of_an_event_stays_or_is_corrected_when_it_is_held(town: Town) -> None:
    event = announce(town, held_on="2026-05")
    assert town.curator.act(f"{event}/hold", held_on="2026-05-12")["held_on"] == "2026-05-12"
    other = announce(town, name="另一次会议", held_on="2026-04-02")
    assert town.curator.act(f"{other}/hold")["held_on"] == "2026-04-02"


def test_a_guest_is_invited_accepts_and_takes_part(town: Town) -> None:
    event = announce(town)
    path = invite(town, event, unit=town.units[0].slug)
    guest, other = town.speakers
    assert (shown(path), other.get(path).status_code, guest.get(path).status_code) == (None, 404, 200)
    assert shown(event)["participation_count"] == 0
    assert codes(town.curator.post(f"{path}/accept")) == ["not_competent"]
    accepted = guest.act(f"{path}/accept", representative_office="校长办公室")
    assert (accepted["status"], accepted["representative_office"]) == ("accepted", "校长办公室")
    assert (shown(path)["status"], shown(event)["participation_count"]) == ("accepted", 1)
    assert shown(event)["recorded_guest_count"] == 0
    assert codes(guest.post(f"{path}/attend")) == ["not_competent"]
    assert town.curator.act(f"{path}/attend", contribution="发言")["status"] == "attended"
    assert shown(event)["recorded_guest_count"] == 1
    told = shown(f"{path}/statements")["statements"]
    said = {(each["value"], each["by"]["name"]) for each in told if each["field"] == "status"}
    unit, street = str(town.units[0]), str(town.street)
    assert said == {("invited", street), ("accepted", unit), ("attended", street)}


def test_a_guest_declines_and_is_asked_once_more(town: Town) -> None:
    event = announce(town)
    path = invite(town, event, unit=town.units[0].slug)
    assert codes(town.speakers[0].post(f"{path}/decline")) == ["required"]
    assert town.speakers[0].act(f"{path}/decline", reason="时间冲突")["reason"] == "时间冲突"
    assert shown(path) is None
    assert codes(town.curator.post(f"{path}/attend")) == ["wrong_state"]
    assert town.curator.act(f"{path}/invite")["status"] == "invited"


def test_divisions_and_bodies_are_guests_as_well(town: Town) -> None:
    event = announce(town)
    street: Any = factories.StreetFactory()
    neighbourhood: Any = factories.NeighbourhoodFactory(street=town.street)
    body: Any = factories.AllianceFactory(street=street)
    for party, speaker in (
        (f"streets/{street.code}", Party(role="curator", street=street)),
        (f"neighbourhoods/{neighbourhood.key}", Party(role="curator", neighbourhood=neighbourhood)),
        (f"alliances/{body.slug}", Party(role="curator", street=street)),
    ):
        assert speaker.act(f"{invite(town, event, party=party)}/accept")["status"] == "accepted"


def test_what_a_guest_did_is_not_written_beforehand(town: Town) -> None:
    event = announce(town)
    body = {"event": event.partition("/")[2], "role": "attendee", "unit": town.units[0].slug}
    for party in (town.curator, town.speakers[0]):
        answer = party.post("participations", state="published", change_reason="测试", status="attended", **body)
        assert codes(answer) in (["no_evidence"] * 2, ["foreign"]), answer.content.decode()
    answer = town.speakers[0].post("participations", state="published", change_reason="测试", **body)
    assert codes(answer) == ["foreign"]  # nobody invites himself


def test_the_host_does_not_put_another_guest_into_the_place_of_one_that_has_answered(town: Town) -> None:
    path = invite(town, announce(town), unit=town.units[0].slug)
    assert town.curator.patch(path, unit=town.units[1].slug).status_code == 200
    town.speakers[1].act(f"{path}/accept")
    answer = town.curator.patch(path, unit=town.units[0].slug)
    assert (answer.status_code, codes(answer)) == (400, ["no_evidence"])
    assert town.curator.patch(path, role="speaker").status_code == 200
    assert shown(path)["unit"]["key"] == town.units[1].slug
