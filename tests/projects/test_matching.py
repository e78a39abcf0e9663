"""Matches over HTTP: a neighbourhood asks, a unit offers, somebody brings them together, and both sides decide."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from apps.common.values.dates import today
from apps.projects.models import Claim, Match, Need
from tests import factories
from tests.parties import ROOT, Party, codes

pytestmark = pytest.mark.django_db


class Two:
    """A need of a neighbourhood, a resource of a unit elsewhere, and who speaks for them."""

    def __init__(self) -> None:
        self.street: Any = factories.StreetFactory()
        self.neighbourhood: Any = factories.NeighbourhoodFactory(street=self.street)
        self.unit: Any = factories.MemberUnitFactory(street=factories.StreetFactory())
        self.asker = Party(role="curator", neighbourhood=self.neighbourhood)
        self.giver = Party(role="representative", unit=self.unit)
        self.broker = Party(role="curator", street=self.street)
        self.other = Party(role="representative", unit=factories.MemberUnitFactory())
        self.need: Any = factories.NeedFactory(alliance=None, neighbourhood=self.neighbourhood)
        self.offer: Any = factories.ResourceFactory(unit=self.unit)

    def propose(self, who: Party, **values: Any) -> Any:
        """Propose the match; return the answer."""
        body = {"need": self.need.slug, "offer": self.offer.slug, **values}
        return who.post("matches", state="published", change_reason="对接", **body)

    def path(self, who: Party, **values: Any) -> str:
        """Propose the match; return its path."""
        answer = self.propose(who, **values)
        assert answer.status_code == 201, answer.content.decode()
        return f"matches/{answer.json()['slug']}"


@pytest.fixture
def two() -> Two:
    return Two()


def test_what_a_street_brings_together_both_sides_accept(two: Two) -> None:
    path = two.path(two.broker, note="每月一次。")
    assert two.broker.get(path).json()["status"] == "proposed"
    assert two.giver.act(f"{path}/accept")["status"] == "accepted_by_giver"
    assert codes(two.giver.post(f"{path}/accept")) == ["not_competent"]
    assert Need.objects.get(pk=two.need.pk).status == "open"
    assert two.asker.act(f"{path}/accept")["status"] == "accepted"
    nobody = Client()
    assert nobody.get(f"{ROOT}/needs/{two.need.slug}").json()["status"] == "matched"
    assert nobody.get(f"{ROOT}/resources/{two.offer.slug}").json()["status"] == "in_use"
    told = nobody.get(f"{ROOT}/needs/{two.need.slug}/statements").json()["statements"]
    says = {each["by"]["name"] for each in told if each["field"] == "status" and each["value"] == "matched"}
    assert says == {str(two.neighbourhood)}
    assert two.asker.act(f"needs/{two.need.slug}/meet", outcome="办了六次。")["status"] == "met"


def test_what_a_side_proposes_it_wants(two: Two) -> None:
    assert two.asker.get(two.path(two.asker)).json()["status"] == "accepted_by_asker"
    two.offer = factories.ResourceFactory(unit=two.unit)
    assert two.giver.get(two.path(two.giver)).json()["status"] == "accepted_by_giver"


def test_a_match_is_seen_by_the_two_sides_and_the_broker_alone(two: Two) -> None:
    path = two.path(two.asker, note="请尽快")
    declined = two.giver.act(f"{path}/decline", reason="人手不够")
    assert (declined["status"], declined["reason"]) == ("declined", "人手不够")
    seen = [each.get(path).status_code for each in (two.asker, two.giver, two.broker, two.other)]
    assert seen == [200, 200, 200, 404]
    nobody = Client()
    asked = ("matches", "matches?format=csv", "changes", "search?q=请尽快", f"matches?need={two.need.slug}")
    for address in (path, f"{path}/history", f"{path}/actions", f"changes?resource=matches&key={path[8:]}", *asked):
        answer: Any = nobody.get(f"{ROOT}/{address}")
        text = b"".join(answer).decode()
        assert answer.status_code < 500
        assert not [word for word in ("人手不够", "请尽快", two.offer.slug) if word in text.replace(address, "")]
    assert two.broker.get(f"matches?need={two.need.slug}").json()["results"][0]["slug"] == path[8:]


def test_what_one_side_has_withdrawn_the_other_is_not_told_any_more(two: Two) -> None:
    path = two.path(two.broker)
    two.giver.act(f"resources/{two.offer.slug}/withdraw", reason="用不了")
    for answer in (two.asker.get(path), two.asker.get(f"{path}/statements")):
        assert answer.status_code == 200
        assert two.offer.name not in answer.content.decode()
        assert two.need.name in answer.content.decode()
    assert two.offer.name in two.giver.get(f"{path}/statements").content.decode()


def test_who_brings_together_what_he_does_not_see_is_told_so(two: Two) -> None:
    two.giver.act(f"resources/{two.offer.slug}/withdraw", reason="用不了")
    for who in (two.broker, two.other):
        assert "unknown_key" in codes(two.propose(who))


def test_each_transition_and_who_may_not_take_it(two: Two) -> None:
    path = two.path(two.asker)
    assert two.other.post(f"{path}/accept").status_code == 404
    assert codes(two.asker.post(f"{path}/decline", reason="算了")) == ["not_competent"]
    assert codes(two.giver.post(f"{path}/decline")) == ["required"]
    assert codes(two.giver.post(f"{path}/withdraw")) == ["not_competent"]
    assert codes(two.giver.post(f"{path}/end", reason="算了")) == ["wrong_state"]
    assert two.asker.act(f"{path}/withdraw")["status"] == "withdrawn"
    assert codes(two.giver.post(f"{path}/accept")) == ["wrong_state"]

    path = two.path(two.giver)
    assert two.asker.act(f"{path}/decline", reason="时间不合")["status"] == "declined"
    path = two.path(two.giver)
    assert two.giver.act(f"{path}/withdraw")["status"] == "withdrawn"
    path = two.path(two.broker)
    assert two.broker.act(f"{path}/withdraw", reason="弄错了")["status"] == "withdrawn"
    path = two.path(two.broker)
    assert two.giver.act(f"{path}/decline", reason="不办")["status"] == "declined"
    path = two.path(two.broker)
    assert two.asker.act(f"{path}/accept")["status"] == "accepted_by_asker"
    assert two.giver.act(f"{path}/accept")["status"] == "accepted"
    assert two.giver.act(f"{path}/end", reason="老师病了")["status"] == "withdrawn"


def test_a_need_and_a_resource_have_one_live_match(two: Two) -> None:
    two.path(two.asker)
    again = two.propose(two.giver)
    assert (again.status_code, codes(again), Match.objects.count()) == (409, ["unique"], 1)


def test_nothing_is_matched_with_what_is_met_lapsed_or_in_use(two: Two) -> None:
    path = two.path(two.asker)
    two.giver.act(f"resources/{two.offer.slug}/use")
    answer = two.giver.post(f"{path}/accept")
    assert (answer.status_code, codes(answer)) == (409, ["resource_taken"])
    offered = {each["name"]: each["code"] for each in two.giver.get(f"{path}/actions").json()["actions"]}
    assert offered["accept"] == "resource_taken"
    free: Any = factories.ResourceFactory(unit=two.unit)
    assert codes(two.propose(two.asker, offer=two.offer.slug)) == ["resource_taken"]
    two.asker.act(f"needs/{two.need.slug}/meet", outcome="自己解决了。")
    assert codes(two.propose(two.asker, offer=free.slug)) == ["need_closed"]
    over = (today() - timedelta(days=1)).isoformat()
    two.need = factories.NeedFactory(alliance=None, neighbourhood=two.neighbourhood, closes_on=over)
    assert codes(two.propose(two.asker, offer=free.slug)) == ["need_closed"]


def test_of_two_needs_that_want_one_resource_the_first_gets_it(two: Two) -> None:
    first = two.path(two.asker)
    two.need = factories.NeedFactory(alliance=None, neighbourhood=two.neighbourhood)
    second = two.path(two.asker)
    two.giver.act(f"{first}/accept")
    assert codes(two.giver.post(f"{second}/accept")) == ["resource_taken"]
    row = Match.objects.get(slug=second[8:])
    row.status = "accepted"
    # Whoever looked before the first was stored is told by the database.
    with pytest.raises(IntegrityError, match="not free"), transaction.atomic():
        row.save()
    assert Match.objects.get(pk=row.pk).status == "accepted_by_asker"


def test_members_that_are_missing_are_told(two: Two) -> None:
    for who in (two.asker, two.giver, two.broker):
        assert sorted(codes(who.post("matches", state="published", change_reason="测试"))) == ["required", "required"]


# A claim that comes of a match ----------------------------------------------------------------------------------------


def asked_for(two: Two, **project: Any) -> Any:
    """Give the need a project; return it."""
    made: Any = factories.ProjectFactory(alliance=None, **project)
    two.need = factories.NeedFactory(alliance=None, neighbourhood=two.neighbourhood, project=made)
    return made


def test_who_offers_claims_the_project_of_the_need_once_both_accept(two: Two) -> None:
    project = asked_for(two, neighbourhood=two.neighbourhood)
    path = two.path(two.asker)
    tried = two.giver.client.post(f"{ROOT}/{path}/accept?dry_run=true", "{}", content_type="application/json").json()
    assert {(each["resource"], each["operation"]) for each in tried["changes"]} == {
        ("matches", "update"),
        ("claims", "insert"),
        ("needs", "update"),
        ("resources", "update"),
    }
    moved = {each["resource"]: each["fields"] for each in tried["changes"]}
    assert moved["needs"] == [{"field": "status", "before": "open", "after": "matched"}]
    assert Claim.objects.filter(project=project).count() == 0
    answer = two.giver.post(f"{path}/accept")
    match = answer.json()
    nobody = Client()
    claim = nobody.get(f"{ROOT}{match['claim']['url'].removeprefix(ROOT)}").json()
    assert (claim["status"], claim["accepted_on"], claim["claimed_on"]) == ("accepted", *[today().isoformat()] * 2)
    assert (claim["project"]["key"], claim["unit"]["key"]) == (project.slug, two.unit.slug)
    assert nobody.get(f"{ROOT}/needs/{two.need.slug}").json()["status"] == "matched"
    told = nobody.get(f"{ROOT}/claims/{claim['slug']}/statements").json()["statements"]
    said = {(each["field"], each["value"] if each["field"] == "status" else "", each["by"]["name"]) for each in told}
    unit, neighbourhood = str(two.unit), str(two.neighbourhood)
    assert said >= {
        ("status", "requested", unit),
        ("status", "accepted", neighbourhood),
        ("project", "", unit),
        ("unit", "", unit),
    }
    assert not {each for each in said if each[0] in ("project", "unit", "claimed_on") and each[2] != unit}
    history = nobody.get(f"{ROOT}/claims/{claim['slug']}/history").json()["results"]
    assert {each["request_id"] for each in history} == {answer["X-Change-ID"]}
    waiting = two.giver.get("inbox").json()["results"]
    assert [(each["kind"], each["record"]["key"]) for each in waiting] == [("next_step", claim["slug"])]


def test_the_street_that_brought_them_together_keeps_the_project_and_thereby_accepts_the_claim(two: Two) -> None:
    asked_for(two, street=two.street)
    path = two.path(two.broker)
    two.asker.act(f"{path}/accept")
    match = two.giver.act(f"{path}/accept")
    claim = Claim.objects.get(slug=match["claim"]["key"])
    assert claim.status == "accepted"
    (said,) = claim.attestations.filter(supports__contains=["accepted_on"])
    assert said.party == two.street


def test_a_claim_waits_for_the_keeper_of_the_project_who_has_said_nothing_yet(two: Two) -> None:
    """A neighbourhood names a project of another street in its need: nobody accepts it in that street's name."""
    street: Any = factories.StreetFactory()
    asked_for(two, street=street)
    keeper = Party(role="curator", street=street)
    path = two.path(two.asker)
    match = two.giver.act(f"{path}/accept")
    slug = match["claim"]["key"]
    assert Claim.objects.get(slug=slug).status == "requested"
    assert two.asker.get(f"claims/{slug}").status_code == 404
    assert slug not in two.asker.get(path).content.decode()  # it is for the unit and the keeper alone
    assert [each["record"]["key"] for each in keeper.get("inbox").json()["results"]] == [slug]
    assert keeper.act(f"claims/{slug}/reject", reason="另有安排")["status"] == "rejected"
    assert two.asker.get(f"needs/{two.need.slug}").json()["status"] == "matched"


def test_a_unit_that_has_claimed_the_project_claims_it_no_second_time(two: Two) -> None:
    project = asked_for(two, street=two.street)
    own = two.giver.make("claims", project=project.slug, unit=two.unit.slug)
    match = two.giver.act(f"{two.path(two.asker)}/accept")
    assert (match["status"], match["claim"]) == ("accepted", None)
    assert [each.slug for each in Claim.objects.filter(project=project)] == [own["slug"]]
    assert Need.objects.get(pk=two.need.pk).status == "matched"


def test_nothing_is_claimed_without_a_project_or_by_who_is_no_unit(two: Two) -> None:
    assert two.giver.act(f"{two.path(two.asker)}/accept")["claim"] is None
    asked_for(two, street=two.street)
    two.offer = factories.ResourceFactory(unit=None, street=two.unit.street)
    giver = Party(role="curator", street=two.unit.street)
    assert giver.act(f"{two.path(two.asker)}/accept")["claim"] is None
    assert Claim.objects.filter(project=two.need.project).count() == 0


def test_who_may_not_propose_a_match_is_not_told_that_there_is_one(two: Two) -> None:
    before = two.propose(two.other)
    path = two.path(two.asker)
    after = two.propose(two.other)
    told = [(each.status_code, codes(each)) for each in (before, after)]
    assert told == [(403, ["foreign"])] * 2
    assert codes(two.propose(two.other, note=1)) == ["not_a_text"]
    assert {*codes(two.propose(two.giver))} == {"unique"}
    assert two.asker.get(path).json()["status"] == "accepted_by_asker"
