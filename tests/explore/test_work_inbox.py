"""What waits of the work: requests, confirmations, what lapses soon, next steps, each for the side whose turn it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.common.values.dates import today
from apps.projects.models import Claim, Need
from tests import factories
from tests.explore.test_inbox import of
from tests.pages import carried
from tests.parties import ROOT, Party, Town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return Town()


def waits(person: Party) -> list[tuple[str, str, list[str]]]:
    """Return what waits for somebody: kind, slug, and the names of the actions."""
    found = person.get("inbox").json()["results"]
    return [(each["kind"], each["record"]["key"], [one["name"] for one in each["actions"]]) for each in found]


def set_days(row: Any, name: str, days: int) -> None:
    """Set a date of a record so many days after today."""
    setattr(row, name, (today() + timedelta(days=days)).isoformat())
    row.save()
    factories.rest(row)


def test_each_step_of_a_claim_waits_for_the_side_whose_turn_it_is(town: Town) -> None:
    unit, street = town.speakers[0], town.curator
    _round, place = town.open_round()
    slug = town.claim(0, place).json()["slug"]
    others = [town.speakers[1], Party(role="curator", street=factories.StreetFactory())]
    assert waits(street) == [("decision", slug, ["accept", "reject"])]
    assert waits(unit) == []
    street.act(f"claims/{slug}/accept")
    assert waits(street) == []
    assert waits(unit) == [("next_step", slug, ["start", "finish", "release"])]
    unit.act(f"claims/{slug}/finish")
    assert waits(street) == [("confirmation", slug, ["confirm", "send_back"])]
    assert waits(unit) == []
    street.act(f"claims/{slug}/confirm", outcome="居民满意。")
    assert waits(street) == waits(unit) == []
    assert [waits(each) for each in others] == [[], []]


def test_the_actions_of_an_item_are_requests_that_do_it(town: Town) -> None:
    _round, place = town.open_round()
    slug = town.claim(0, place).json()["slug"]
    item = town.curator.get("inbox").json()["results"][0]
    assert item["by"] == str(town.units[0])
    accept, reject = item["actions"]
    assert accept == {"name": "accept", "method": "POST", "url": f"{ROOT}/claims/{slug}/accept", "body": {}}
    assert reject["body"] == {"reason": ""}
    town.curator.act(reject["url"].removeprefix(f"{ROOT}/"), reason="名额有限")
    assert Claim.objects.get(slug=slug).status == "rejected"
    counts = town.curator.get("inbox").json()["counts"]
    assert (counts["decision"], set(counts)) == (
        0,
        {"due", "decision", "confirmation", "to_publish", "to_review", "next_step", "draft", "submitted"},
    )


def test_what_lapses_within_three_working_days_is_due_for_both_sides_and_comes_first(town: Town) -> None:
    _round, place = town.open_round(lease_days=60)
    due, later, asked = (town.claim(0, place).json()["slug"], town.claim(1, place).json()["slug"], None)
    for slug in (due, later):
        town.curator.act(f"claims/{slug}/accept")
    assert [kind for kind, _slug, _names in waits(town.speakers[0])] == ["next_step"]
    set_days(Claim.objects.get(slug=due), "lapses_on", 1)
    need: Any = factories.NeedFactory(alliance=None, street=town.street)
    assert waits(town.curator) == [("due", due, ["release"])]
    set_days(need, "closes_on", 0)
    third: Any = factories.ProjectFactory(alliance=None, street=town.street)
    asked = town.speakers[0].make("claims", project=third.slug, unit=town.units[0].slug)["slug"]
    assert sorted(waits(town.curator)[:2]) == [
        ("due", due, ["release"]),
        ("due", need.slug, ["meet", "withdraw"]),
    ]
    assert waits(town.curator)[2:] == [("decision", asked, ["accept", "reject"])]
    assert waits(town.speakers[0]) == [("due", due, ["start", "finish", "release"])]
    assert waits(town.speakers[1]) == [("next_step", later, ["start", "finish", "release"])]
    set_days(Claim.objects.get(slug=due), "lapses_on", -1)  # over, though nobody has written it
    assert waits(town.speakers[0])[0] == ("due", due, ["release"])
    Need.objects.filter(pk=need.pk).update(closes_on="")
    assert [slug for kind, slug, _names in waits(town.curator) if kind == "due"] == [due]


def test_a_round_that_is_planned_waits_for_its_keeper_and_divisions_speak_for_those_below(town: Town) -> None:
    body: Any = factories.AllianceFactory(street=town.street)
    planned = town.curator.make("rounds", name="第二批", alliance=body.slug, mode="approval")["slug"]
    district = Party(role="curator", district=town.street.district)
    steward = Party(role="steward")
    neighbour = Party(role="curator", neighbourhood=factories.NeighbourhoodFactory(street=town.street))
    assert waits(town.curator) == waits(district) == [("next_step", planned, ["open"])]
    assert waits(steward) == waits(neighbour) == waits(town.speakers[0]) == []


def test_what_waits_is_what_the_actions_of_the_record_say(town: Town) -> None:
    """For each party and each status, an action that the inbox offers is open, and one that waits is offered."""
    _round, place = town.open_round()
    slug = town.claim(0, place).json()["slug"]
    people = {"unit": town.speakers[0], "other": town.speakers[1], "street": town.curator}
    people["district"] = Party(role="curator", district=town.street.district)
    seen = 0
    for step, who in (("", ""), ("accept", "street"), ("start", "unit"), ("finish", "unit")):
        if step:
            people[who].act(f"claims/{slug}/{step}")
        for person in people.values():
            answer = person.get(f"claims/{slug}/actions")
            is_open = {each["name"] for each in answer.json().get("actions", ()) if each["is_open"]}
            offered = {name for _kind, _slug, names in waits(person) for name in names}
            assert offered <= is_open
            seen += len(offered)
    assert seen == 2 * 2 + 3 + 2 * 2


def test_the_work_costs_a_statement_for_each_kind_of_record(town: Town) -> None:
    _round, place = town.open_round()
    town.claim(0, place)
    town.curator.get("inbox")
    with CaptureQueriesContext(connection) as few:
        assert len(waits(town.curator)) == 1
    town.claim(1, place)
    town.curator.make("rounds", name="第二批", street=town.street.code, mode="approval")
    town.curator.get("inbox")
    with CaptureQueriesContext(connection) as many:
        assert len(waits(town.curator)) == 3
    assert len(many) == len(few) + 1  # the rounds


# The page -------------------------------------------------------------------------------------------------------------


def press(client: Client, slug: str, do: str, **given: str) -> str:
    """Press a button of a card of the queue; return the page behind it."""
    card = card_of(client, slug)
    body = {"record": card.path, "version": card.version, "number": "", "do": do, **given}
    return client.post(reverse("admin-queue"), body, follow=True).content.decode()


def card_of(client: Client, slug: str) -> Any:
    """Return a card of the queue."""
    page = client.get(reverse("admin-queue"))
    return next(each for each in page.context["cards"] if each.record.slug == slug)


def follow(client: Client, slug: str, name: str, **given: str) -> Any:
    """Follow the link of an action from a card of the queue and send its form; return the answer."""
    url = next(each.url for each in card_of(client, slug).actions if each.transition.name == name)
    shown = client.get(url, {"from": "queue"})
    assert 'name="from" value="queue"' in shown.content.decode()
    return client.post(url, {**carried(shown.content), "from": "queue", **given})


def test_the_queue_has_the_buttons_and_they_move_the_record(town: Town) -> None:
    _round, place = town.open_round()
    slugs = [town.claim(number, place).json()["slug"] for number in range(2)]
    keeper, unit = of(town.curator.user), of(town.speakers[0].user)
    page = keeper.get(reverse("admin-queue")).content.decode()
    assert page.count('value="act:accept"') == page.count('/move/reject/?from=queue"') == 2
    assert slugs[0] in keeper.get(reverse("admin:index")).content.decode()

    press(keeper, slugs[0], "act:accept")
    assert Claim.objects.get(slug=slugs[0]).status == "accepted"
    press(keeper, slugs[1], "act:reject")  # without the reason that it asks for
    assert Claim.objects.get(slug=slugs[1]).status == "requested"
    assert follow(keeper, slugs[1], "reject", reason="名额有限")["Location"] == reverse("admin-queue")
    rejected = Claim.objects.get(slug=slugs[1])
    assert (rejected.status, rejected.reason) == ("rejected", "名额有限")

    for wrong in ("act:accept", "act:lapse", "act:vanish", "act:", "publish"):
        assert "errornote" in press(unit, slugs[0], wrong) or "messagelist" in press(unit, slugs[0], wrong)
        assert Claim.objects.get(slug=slugs[0]).status == "accepted"
    follow(unit, slugs[0], "finish", summary="上了十次课。", figure_value="10", figure_unit="session")
    done = Claim.objects.get(slug=slugs[0])
    assert (done.status, done.summary) == ("completed", "上了十次课。")
    assert done.attestations.filter(kind="act", unit=town.units[0]).exists()
    (figure,) = done.figures.all()
    assert (figure.value, figure.unit, figure.reporter) == (10, "session", town.units[0])
    follow(keeper, slugs[0], "confirm", outcome="居民满意。")
    assert Claim.objects.get(slug=slugs[0]).status == "confirmed"


def test_from_the_first_page_one_comes_back_to_it_with_a_sentence(town: Town) -> None:
    _round, place = town.open_round()
    slug = town.claim(0, place).json()["slug"]
    keeper = of(town.curator.user)
    card = card_of(keeper, slug)
    body = {"record": card.path, "version": card.version, "do": "act:accept", "from": "first"}
    answer = keeper.post(reverse("admin-queue"), body, follow=True)
    assert answer.redirect_chain == [(reverse("admin:index"), 302)]
    assert "is “Accepted” now" in answer.content.decode()
    again = keeper.post(reverse("admin-queue"), {**body, "from": "https://example.org/"}, follow=True)
    assert again.redirect_chain == [(reverse("admin-queue"), 302)]


def test_what_is_over_is_marked_and_has_the_actions_alone_that_are_open(town: Town) -> None:
    _round, place = town.open_round(lease_days=60)
    slug = town.claim(0, place).json()["slug"]
    town.curator.act(f"claims/{slug}/accept")
    unit = of(town.speakers[0].user)
    row = Claim.objects.get(slug=slug)
    set_days(row, "lapses_on", 1)
    card = card_of(unit, slug)
    assert (card.lapses, card.is_overdue) == (row.lapses_on, False)
    assert [each.transition.name for each in card.actions] == ["start", "finish", "release"]
    set_days(row, "lapses_on", -1)
    card = card_of(unit, slug)
    assert (card.lapses, card.is_overdue) == (row.lapses_on, True)
    assert [each.transition.name for each in card.actions] == ["release"]
    for name in ("admin:index", "admin-queue"):
        assert f"Overdue: the last day was {row.lapses_on}" in unit.get(reverse(name)).content.decode()


def test_a_match_and_an_invitation_wait_for_the_side_that_answers(town: Town) -> None:
    unit, street = town.speakers[0], town.curator
    need = street.make("needs", name="国画", street=town.street.code)["slug"]
    offer = unit.make("resources", name="美术老师", unit=town.units[0].slug)["slug"]
    match = street.make("matches", need=need, offer=offer)["slug"]
    assert waits(street) == []
    assert waits(unit) == [("decision", match, ["accept", "decline"])]
    unit.act(f"matches/{match}/accept")
    assert waits(unit) == []
    assert waits(street) == [("next_step", need, ["reopen", "meet", "withdraw"])]
    street.act(f"needs/{need}/meet", outcome="办了六次。")
    body: Any = factories.AllianceFactory(street=town.street)
    invited = street.make("memberships", alliance=body.slug, unit=town.units[0].slug, role="member")["slug"]
    assert waits(street) == []
    assert waits(unit) == [("decision", invited, ["accept", "decline"])]
    unit.act(f"memberships/{invited}/decline", reason="人手不够")
    unit.act(f"memberships/{invited}/apply")
    assert waits(unit) == []
    assert waits(street) == [("decision", invited, ["accept", "decline"])]
    event: Any = factories.EventFactory(street=town.street, status="planned")
    guest = street.make("participations", event=event.slug, unit=town.units[1].slug, role="attendee")["slug"]
    assert waits(town.speakers[1]) == [("decision", guest, ["accept", "decline"])]
