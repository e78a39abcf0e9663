"""Memberships over HTTP: a body invites or a unit applies, the other side answers, and either ends it."""

from typing import Any

import pytest
from django.test import Client

from apps.common.values.dates import today
from tests import factories
from tests.parties import ROOT, Party, codes

pytestmark = pytest.mark.django_db


class House:
    """A body of a street with its keeper, and a university with who speaks for it."""

    def __init__(self, **values: Any) -> None:
        self.street: Any = factories.StreetFactory()
        self.body: Any = factories.AllianceFactory(street=self.street, **values)
        self.university: Any = factories.MemberUnitFactory(kind="university")
        self.keeper = Party(role="curator", street=self.street)
        self.speaker = Party(role="representative", unit=self.university)
        self.stranger = Party(role="representative", unit=factories.MemberUnitFactory())
        self.values = {"alliance": self.body.slug, "unit": self.university.slug, "role": "member"}

    def invite(self) -> str:
        """Invite the university; return the path of its membership."""
        return f"memberships/{self.keeper.make('memberships', **self.values)['slug']}"

    def apply(self) -> str:
        """Apply for the university; return the path of its membership."""
        return f"memberships/{self.speaker.make('memberships', status='applied', **self.values)['slug']}"


@pytest.fixture
def house() -> House:
    return House()


def seen(path: str, *people: Any) -> list[int]:
    """Return how an address answers to some people."""
    return [each.get(f"{ROOT}/{path}").status_code for each in people]


def members(body: Any) -> tuple[int, list[str]]:
    """Return how many members everybody counts in a body, and which are named."""
    found = Client().get(f"{ROOT}/alliances/{body.slug}").json()
    return found["member_count"], [each["unit"]["key"] for each in found["members"]]


def test_a_university_is_invited_into_an_alliance_and_confirms(house: House) -> None:
    path = house.invite()
    people = (Client(), house.stranger.client, house.speaker.client, house.keeper.client)
    assert seen(path, *people) == [404, 404, 200, 200]
    assert members(house.body) == (0, [])
    assert codes(house.keeper.post(f"{path}/accept")) == ["not_competent"]
    accepted = house.speaker.act(f"{path}/accept")
    assert (accepted["status"], accepted["joined_on"]) == ("member", today().isoformat())
    assert seen(path, *people) == [200, 200, 200, 200]
    assert members(house.body) == (1, [house.university.slug])
    told = Client().get(f"{ROOT}/{path}/statements").json()["statements"]
    said = {(each["value"], each["by"]["name"]) for each in told if each["field"] == "status"}
    assert said == {("invited", str(house.body)), ("member", str(house.university))}


def test_a_pair_is_an_alliance_with_two_memberships() -> None:
    pair = House(kind="pair")
    path = pair.invite()
    other: Any = factories.MemberUnitFactory()
    speaker = Party(role="representative", unit=other)
    second = pair.keeper.make("memberships", **{**pair.values, "unit": other.slug})
    pair.speaker.act(f"{path}/accept")
    speaker.act(f"memberships/{second['slug']}/accept")
    assert members(pair.body)[0] == 2


def test_a_unit_applies_and_the_body_answers(house: House) -> None:
    path = house.apply()
    assert seen(path, Client(), house.keeper.client) == [404, 200]
    assert codes(house.speaker.post(f"{path}/accept")) == ["not_competent"]
    assert codes(house.keeper.post(f"{path}/withdraw")) == ["not_competent"]
    assert codes(house.keeper.post(f"{path}/decline")) == ["required"]
    declined = house.keeper.act(f"{path}/decline", reason="名额已满")
    assert (declined["status"], declined["reason"]) == ("declined", "名额已满")
    assert seen(path, Client(), house.stranger.client) == [404, 404]
    assert house.speaker.act(f"{path}/apply")["status"] == "applied"
    assert house.keeper.act(f"{path}/accept")["status"] == "member"


def test_an_invitation_is_taken_back_and_made_again(house: House) -> None:
    path = house.invite()
    assert house.keeper.act(f"{path}/withdraw", reason="先不办")["status"] == "withdrawn"
    assert codes(house.speaker.post(f"{path}/accept")) == ["wrong_state"]
    assert codes(house.speaker.post(f"{path}/invite")) == ["not_competent"]
    house.keeper.act(f"{path}/invite")
    assert house.speaker.act(f"{path}/decline", reason="人手不够")["status"] == "declined"


@pytest.mark.parametrize("leaving", ["speaker", "keeper"])
def test_either_side_ends_it_with_the_day(house: House, leaving: str) -> None:
    path = house.invite()
    house.speaker.act(f"{path}/accept")
    party: Party = getattr(house, leaving)
    assert codes(party.post(f"{path}/leave")) == ["required"]
    assert party.post(f"{path}/leave", left_on="2000-01-01").status_code == 400  # before it joined
    assert house.stranger.post(f"{path}/leave", left_on="2099").status_code == 403
    left = party.act(f"{path}/leave", left_on=today().isoformat(), reason="合并")
    assert (left["status"], left["left_on"], left["reason"]) == ("left", today().isoformat(), "合并")
    shown = Client().get(f"{ROOT}/{path}").json()
    assert (shown["status"], shown["reason"]) == ("left", "")


def test_nobody_becomes_a_member_by_writing_it(house: House) -> None:
    for party, status in ((house.keeper, "member"), (house.keeper, "applied"), (house.speaker, "invited")):
        answer = party.post("memberships", state="published", change_reason="测试", status=status, **house.values)
        assert {*codes(answer)} in ({"first_status"}, {"no_evidence"}), (status, answer.content.decode())
    path = house.invite()
    body = {"status": "member", "change_reason": "测试"}
    tag = house.speaker.get(path)["ETag"]
    answer = house.speaker.client.patch(
        f"{ROOT}/{path}", body, content_type="application/json", headers={"If-Match": tag}
    )
    assert codes(answer) == ["by_action"]


def test_who_speaks_for_both_sides_does_not_accept(house: House) -> None:
    path = house.invite()
    both: Any = factories.AppointmentFactory(role="curator", street=house.street)
    second: Any = factories.AppointmentFactory(role="representative", unit=house.university, user=both.user)
    token: Any = factories.TokenFactory.build(user=both.user, scopes=["read", "write"])
    secret = token.set_secret()
    token.save()
    token.appointments.set([both, second])
    answer: Any = Client(headers={"Authorization": f"Bearer {secret}"}).post(
        f"{ROOT}/{path}/accept", {}, content_type="application/json"
    )
    assert codes(answer) == ["same_side"]


def test_the_body_does_not_put_another_unit_into_the_place_of_one_that_has_answered(house: House) -> None:
    path, other = house.invite(), factories.MemberUnitFactory()
    assert house.keeper.patch(path, unit=other.slug).status_code == 200  # whom it invites is its own to say
    assert house.keeper.patch(path, unit=house.university.slug).status_code == 200
    house.speaker.act(f"{path}/accept")
    for body in ({"unit": other.slug}, {"unit": None, "as_written": "某公司"}):
        answer = house.keeper.patch(path, **body)
        assert (answer.status_code, codes(answer)) == (400, ["no_evidence"]), body
    assert house.keeper.patch(path, role="liaison").status_code == 200
    assert members(house.body) == (1, [house.university.slug])


def test_nor_does_it_by_way_of_a_draft(house: House) -> None:
    path, other = house.invite(), factories.MemberUnitFactory()
    house.speaker.act(f"{path}/accept")
    assert house.keeper.patch(path, state="draft", unit=other.slug).status_code == 200
    answer = house.keeper.patch(path, state="published")
    assert (answer.status_code, codes(answer)) == (400, ["no_evidence"])
    assert house.keeper.patch(path, state="published", unit=house.university.slug).status_code == 200
    assert members(house.body) == (1, [house.university.slug])


def test_the_unit_itself_says_that_it_takes_the_place_of_another(house: House) -> None:
    path, other = house.invite(), factories.MemberUnitFactory()
    house.speaker.act(f"{path}/accept")
    house.keeper.appoint(role="representative", unit=other)
    assert house.keeper.patch(path, unit=other.slug).status_code == 200
    told = Client().get(f"{ROOT}/{path}/statements").json()["statements"]
    assert [each["by"]["name"] for each in told if each["field"] == "unit" and each["stands"]] == [str(other)]
