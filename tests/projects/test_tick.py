"""`manage.py tick`: what has lapsed is written by rule, once, as an act of the party whose rule it is."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.common.models.logged_change import LoggedChange
from apps.common.values.dates import today
from apps.projects.models import Claim, Need
from tests import factories
from tests.parties import ROOT, Town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return Town()


def tick() -> str:
    """Run the command; return what it says."""
    told = io.StringIO()
    call_command("tick", stdout=told)
    return told.getvalue()


def over(row: Any, name: str, days: int) -> None:
    """Set a date of a record so many days before today."""
    setattr(row, name, (today() - timedelta(days=days)).isoformat())
    row.save()
    factories.rest(row)


def test_a_lease_that_is_over_lapses_once_and_names_whose_rule_it_is(town: Town) -> None:
    _round, place = town.open_round(mode="first_come", lease_days=3)
    lapsing, standing = (town.claim(number, place).json()["slug"] for number in range(2))
    over(Claim.objects.get(slug=lapsing), "lapses_on", 1)
    over(Claim.objects.get(slug=standing), "lapses_on", 0)  # the last day is still one of the lease
    assert tick() == "partybuild: 1 claims lapsed\npartybuild: 0 needs lapsed\n"
    statuses = dict(Claim.objects.filter(slug__in=(lapsing, standing)).values_list("slug", "status"))
    assert statuses == {lapsing: "lapsed", standing: "accepted"}
    told = Client().get(f"{ROOT}/claims/{lapsing}/statements").json()["statements"]
    assert [(each["by"]["name"]) for each in told if each["field"] == "status" and each["stands"]] == [str(town.street)]
    entry = LoggedChange.objects.filter(
        table_name="projects_claim", record_id=Claim.objects.get(slug=lapsing).pk
    ).latest("number")
    assert (entry.user_id, entry.reason) == (None, "lapse")
    assert tick() == "partybuild: 0 claims lapsed\npartybuild: 0 needs lapsed\n"


def test_a_need_past_its_last_day_lapses_and_drafts_and_reports_of_others_do_not(town: Town) -> None:
    asked: Any = factories.NeedFactory(alliance=None, street=town.street, status="open")
    met: Any = factories.NeedFactory(alliance=None, street=town.street, status="met")
    draft: Any = factories.NeedFactory(alliance=None, street=town.street, status="open", state="draft", cited=False)
    for row in (asked, met):
        over(row, "closes_on", 1)
    Need.objects.filter(pk=draft.pk).update(closes_on=(today() - timedelta(days=1)).isoformat())
    assert tick() == "partybuild: 0 claims lapsed\npartybuild: 1 needs lapsed\n"
    assert [Need.objects.get(pk=row.pk).status for row in (asked, met, draft)] == ["lapsed", "met", "open"]


def test_a_claim_without_a_round_lapses_by_the_rule_of_its_place(town: Town) -> None:
    claim: Any = factories.ClaimFactory(project=town.project, unit=town.units[0], status="accepted")
    over(claim, "lapses_on", 1)
    tick()
    claim.refresh_from_db()
    assert claim.status == "lapsed"
    assert claim.attestations.get(kind="act").party == town.street
