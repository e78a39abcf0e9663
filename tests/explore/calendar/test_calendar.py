"""The calendar: what stands in it for whom, and that other programs can read it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from icalendar import Calendar

from apps.common.values.dates import today
from apps.projects.models import Claim
from tests import factories
from tests.conftest import eventually, problem_of
from tests.parties import ROOT, Town

pytestmark = pytest.mark.django_db
ADDRESS = f"{ROOT}/calendar.ics"


@pytest.fixture
def town() -> Town:
    return Town()


def read(query: str, client: Client | None = None, **headers: str) -> dict[str, Any]:
    """Return the entries of a calendar by the resource and key in their UID."""
    answer = (client or Client()).get(f"{ADDRESS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.content.decode()
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = Calendar.from_ical(answer.content)
    assert {str(calendar[name]) for name in ("version", "prodid")} == {"2.0", "-//partybuild//registry//ZH"}
    found = {str(each["uid"]).rpartition("/")[0]: each for each in calendar.walk("VEVENT")}
    assert len(found) == len(calendar.walk("VEVENT"))
    for each in found.values():  # RFC 5545, 3.6.1
        assert each["dtstamp"].dt.tzinfo is not None
        assert type(each["dtstart"].dt) is type(each["dtend"].dt) is date
        assert each["dtstart"].dt < each["dtend"].dt
    return found


def test_an_event_is_a_whole_day_and_what_is_not_known_to_the_day_is_left_out(town: Town) -> None:
    def held(day: str, **values: Any) -> str:
        event: Any = factories.EventFactory(street=town.street, held_on=day, **{"status": "planned", **values})
        return f"events/{event.slug}"

    one, several = held("2026-03-05"), held("2026-03-05/2026-03-07")
    unsure, off = held("2026-03-05~"), held("2026-03-05", status="cancelled")
    held("2026-03"), held("2026"), held(""), held("2026-03-05/.."), held("2026-03-05/2026-04")
    found = read(f"street={town.street.code}")
    days = {uid: (each["dtstart"].dt.day, each["dtend"].dt.day, str(each["status"])) for uid, each in found.items()}
    assert days == {
        one: (5, 6, "CONFIRMED"),
        several: (5, 8, "CONFIRMED"),
        unsure: (5, 6, "TENTATIVE"),
        off: (5, 6, "CANCELLED"),
    }
    assert str(found[one]["url"]).endswith(f"/api/v1/{one}")


def test_deadlines_of_rounds_leases_and_needs_stand_there_while_they_hold(town: Town) -> None:
    ends = (today() + timedelta(days=30)).isoformat()
    found, place = town.open_round(lease_days=4, closes_on=ends)
    slug = town.claim(0, place).json()["slug"]
    need: Any = factories.NeedFactory(alliance=None, street=town.street, closes_on=ends)
    query = f"street={town.street.code}"
    two = {f"rounds/{found['slug']}", f"needs/{need.slug}"}
    assert set(read(query)) == two  # a request is no deadline
    town.curator.act(f"claims/{slug}/accept")
    calendar = read(query)
    assert set(calendar) == {*two, f"claims/{slug}"}
    lease = Claim.objects.get(slug=slug)
    entry = calendar[f"claims/{slug}"]
    assert entry["dtstart"].dt == lease.lapses_on_latest
    assert str(entry["status"]) == ("TENTATIVE" if lease.lapses_on.endswith("?") else "CONFIRMED")
    assert set(read(f"unit={town.units[0].slug}")) == {f"claims/{slug}"}
    assert set(read(f"unit={town.units[0].slug}&street={factories.StreetFactory().code}")) == set()
    assert set(read(f"district={town.street.district.code}")) == {*two, f"claims/{slug}"}
    assert "Claiming ends" in str(read(query, **{"Accept-Language": "en"})[f"rounds/{found['slug']}"]["summary"])
    town.speakers[0].act(f"claims/{slug}/start")
    town.curator.act(f"rounds/{found['slug']}/close")
    assert set(read(query)) == {f"needs/{need.slug}"}


def test_a_calendar_shows_what_its_reader_may_see(town: Town) -> None:
    draft: Any = factories.EventFactory(street=town.street, held_on="2026-03-05", state="draft", cited=False)
    event: Any = factories.EventFactory(street=town.street, held_on="2026-03-06")
    factories.ParticipationFactory(event=event, unit=town.units[0], state="draft", cited=False)
    query = f"street={town.street.code}"
    assert set(read(query)) == set(read(query, town.curator.client)) == {f"events/{event.slug}"}
    assert draft.slug not in str(read(query, town.curator.client))
    assert read(f"unit={town.units[0].slug}") == {}  # that it takes part is a draft
    factories.ParticipationFactory(event=event, unit=town.units[1])
    assert set(read(f"unit={town.units[1].slug}")) == {f"events/{event.slug}"}


def test_lines_are_folded_and_end_as_the_standard_says_and_equal_data_give_equal_bytes(town: Town) -> None:
    name = "一场名字很长的活动,带有逗号;分号\\与反斜线," * 4
    factories.EventFactory(street=town.street, held_on="2026-03-05", name=name)
    address = f"{ADDRESS}?street={town.street.code}"
    answer = Client().get(address)
    assert answer.content.endswith(b"END:VCALENDAR\r\n")
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75
    assert b"\n" not in answer.content.replace(b"\r\n", b"")
    (entry,) = read(f"street={town.street.code}").values()
    assert str(entry["summary"]) == name
    assert Client().get(address).content == answer.content

    def check() -> None:
        tag = Client().get(address)["ETag"]
        assert Client().get(address, headers={"If-None-Match": tag}).status_code == 304

    eventually(check)


@pytest.mark.parametrize("query", ["", "street=1", "street=310110101&format=json", "unit=nichts", "district="])
def test_wrong_questions_are_refused(query: str) -> None:
    assert problem_of(Client().get(f"{ADDRESS}?{query}"))["status"] == 400
