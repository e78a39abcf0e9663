"""Buttons of the admin: an action is offered to whom it is open, says what it does, and is done as over HTTP."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Claim, Round
from tests import factories
from tests.common.admin.test_records import change_address, errors, filled_in
from tests.pages import carried
from tests.parties import Party, Town

pytestmark = pytest.mark.django_db


def desk(party: Party, language: str = "en") -> Client:
    """Return a client in which a party is logged in to the admin."""
    User.objects.filter(pk=party.user.pk).update(is_staff=True)
    client = Client(headers={"accept-language": language})
    client.force_login(User.objects.get(pk=party.user.pk))
    return client


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def claim(town: Town) -> Claim:
    _round, place = town.open_round()
    return Claim.objects.get(slug=town.claim(0, place).json()["slug"])


def offered(client: Client, record: Any) -> list[str]:
    """Return the names of the actions that the page of a record offers."""
    moves = client.get(change_address(record)).context.get("moves", [])
    return [each["transition"].name for each in moves]


def move_address(record: Any, name: str) -> str:
    return change_address(record).replace("/change/", f"/move/{name}/")


def take(client: Client, record: Any, name: str, **given: str) -> Any:
    """Send the page of an action as it is shown; return what is shown then."""
    page = client.get(move_address(record, name))
    assert page.status_code == 200
    return client.post(move_address(record, name), {**carried(page.content), **given}, follow=True)


def test_a_page_offers_what_is_open_to_its_reader_and_says_what_it_does(town: Town, claim: Claim) -> None:
    keeper, unit = desk(town.curator), desk(town.speakers[0])
    assert offered(keeper, claim) == ["accept", "reject"]
    assert offered(unit, claim) == ["withdraw"]
    assert "The unit gets the place." in keeper.get(change_address(claim)).content.decode()
    steward: Any = factories.AppointmentFactory(user__is_staff=True)
    client = Client()
    client.force_login(User.objects.get(pk=steward.user.pk))
    assert offered(client, claim) == []  # the right to edit gives no competence
    assert client.get(move_address(claim, "accept"), follow=True).redirect_chain
    other = desk(town.speakers[1])
    assert other.get(move_address(claim, "withdraw")).status_code == 404


def test_an_action_is_an_act_of_the_party_and_one_change(town: Town, claim: Claim) -> None:
    keeper, unit = desk(town.curator), desk(town.speakers[0])
    page = keeper.get(move_address(claim, "accept")).content.decode()
    assert str(town.street) in page
    assert "Accept" in take(keeper, claim, "accept").content.decode()
    claim.refresh_from_db()
    assert (claim.status, bool(claim.accepted_on)) == ("accepted", True)
    take(unit, claim, "finish", summary="上了十次课。\r\n\r\n来了三百人。")
    claim.refresh_from_db()
    assert (claim.status, claim.summary) == ("completed", "上了十次课。\n\n来了三百人。")
    told = Client().get(f"/api/v1/claims/{claim.slug}/statements").json()["statements"]
    by = {each["value"]: each["by"]["name"] for each in told if each["field"] == "status"}
    assert by == {"requested": str(town.units[0]), "accepted": str(town.street), "completed": str(town.units[0])}
    changes = Client().get(f"/api/v1/claims/{claim.slug}/history").json()["results"]
    assert changes[0]["reason"] == "finish"
    assert {each["field"] for each in changes[0]["changes"]} >= {"status", "summary"}


def test_what_an_action_asks_for_is_asked_for(town: Town, claim: Claim) -> None:
    keeper = desk(town.curator)
    for given in ({}, {"reason": "  "}, {"reason": "长" * 1001}):
        answer = take(keeper, claim, "reject", **given)
        assert [*answer.context["form"].errors] == ["reason"]
        claim.refresh_from_db()
        assert claim.status == "requested"
    take(keeper, claim, "reject", reason="名额有限")
    claim.refresh_from_db()
    assert (claim.status, claim.reason) == ("rejected", "名额有限")


def test_what_the_database_refuses_is_said_on_the_page(town: Town) -> None:
    _round, place = town.open_round(places=1)
    first, second = (Claim.objects.get(slug=town.claim(number, place).json()["slug"]) for number in (0, 1))
    keeper = desk(town.curator)
    take(keeper, first, "accept")
    answer = take(keeper, second, "accept")
    assert "All places of this project are taken." in answer.content.decode()
    second.refresh_from_db()
    assert second.status == "requested"


def test_an_action_is_taken_on_the_record_as_it_was_shown(town: Town, claim: Claim) -> None:
    keeper, unit = desk(town.curator), desk(town.speakers[0])
    assert "did not say what it showed" in keeper.post(move_address(claim, "accept")).content.decode()
    shown = carried(keeper.get(move_address(claim, "reject")).content)
    claim.summary = "先上五次课。"
    claim.save()
    factories.rest(claim)
    answer = keeper.post(move_address(claim, "reject"), {**shown, "reason": "名额有限"})
    page = answer.content.decode()
    assert "changed since the page was shown" in page
    assert "名额有限" in page  # what was typed stands there
    again = {**carried(answer.content), "reason": "名额有限"}
    withdrawn = take(unit, claim, "withdraw")
    assert withdrawn.status_code == 200
    page = keeper.post(move_address(claim, "reject"), again).content.decode()
    assert "there is no action “reject”" in page
    claim.refresh_from_db()
    assert claim.status == "withdrawn"


def test_the_status_of_a_published_record_is_moved_by_actions_alone(town: Town, claim: Claim) -> None:
    keeper = desk(town.curator)
    page = keeper.get(change_address(claim))
    assert page.context["adminform"].form.fields["status"].disabled
    given = filled_in(page)
    answer = keeper.post(change_address(claim), {**given, "status": "confirmed"})
    assert "moved by actions alone" in str(errors(answer)["status"])
    del given["status"]  # as a browser sends it
    assert keeper.post(change_address(claim), given).status_code == 302
    page = keeper.get(change_address(town.project))  # with the claim in a row
    given = filled_in(page)
    answer = keeper.post(change_address(town.project), {**given, "claims-0-status": "confirmed"})
    assert "moved by actions alone" in str(errors(answer)["claims-0-status"])
    claim.refresh_from_db()
    assert claim.status == "requested"


def test_who_moved_a_record_while_its_page_was_open_is_told(town: Town, claim: Claim) -> None:
    keeper, unit = desk(town.curator), desk(town.speakers[0])
    given = filled_in(keeper.get(change_address(claim)))
    del given["status"]
    take(unit, claim, "withdraw")
    answer = keeper.post(change_address(claim), {**given, "outcome": "居民满意。"})
    assert "“Requested” became “Withdrawn”" in str(errors(answer)["status"])


def test_a_draft_is_entered_in_the_first_status_but_by_a_curator(town: Town) -> None:
    unit, keeper = desk(town.speakers[0]), desk(town.curator)
    draft: Any = factories.ClaimFactory(
        project=town.project, unit=town.units[0], status="requested", state="draft", cited=False
    )
    for client, is_refused in ((unit, True), (keeper, False)):
        given = filled_in(client.get(change_address(draft)))
        answer = client.post(change_address(draft), {**given, "status": "accepted"})
        if is_refused:
            assert "A record is entered as" in str(errors(answer)["status"])
        else:
            assert answer.status_code == 302
    draft.refresh_from_db()
    assert (draft.status, draft.reported) == ("accepted", True)


def test_a_claim_that_is_published_on_a_page_gets_its_place_by_the_rule_of_the_round(town: Town) -> None:
    _round, place = town.open_round(mode="first_come")
    body = {"project": town.project.slug, "round_project": place["slug"], "unit": town.units[0].slug}
    made = town.speakers[0].post("claims", change_reason="认领", **body).json()
    draft = Claim.objects.get(slug=made["slug"])
    unit = desk(town.speakers[0])
    where = change_address(draft).partition(f"{draft.pk}/")[0]
    shown = carried(unit.get(where).content)
    unit.post(where, {**shown, "action": "publish_selected", "_selected_action": [draft.pk]})
    draft.refresh_from_db()
    assert (draft.state, draft.status) == ("published", "accepted")


def test_a_round_is_opened_by_a_button(town: Town) -> None:
    made = town.curator.make("rounds", name="第二批", street=town.street.code, mode="approval")
    found, keeper = Round.objects.get(slug=made["slug"]), desk(town.curator, "zh-hans")
    take(keeper, found, "open", closes_on="2020-13")
    found.refresh_from_db()
    assert found.status == "planned"
    take(keeper, found, "open", closes_on="2099-12-31")
    found.refresh_from_db()
    assert (found.status, found.closes_on) == ("open", "2099-12-31")
