"""Which pairs are proposed as one, in which order, and the curators' pages on which they are merged or told apart."""

# mypy: allow-untyped-calls

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.identity.models import Distinction, Merge
from apps.identity.proposals import REASONS, models, proposals
from apps.registry.models import MemberUnit
from tests.factories import (
    AllianceFactory,
    EventFactory,
    IdentifierFactory,
    MemberUnitFactory,
    StreetFactory,
    UnitNameFactory,
    UserFactory,
)
from tests.pages import carried
from tests.test_conventions import factory

pytestmark = pytest.mark.django_db

DOUBLES = "/admin/identity/merge/doubles/"
PAIR = "/admin/identity/merge/two/"


def proposed(*records: Any) -> list[tuple[set[str], tuple[str, ...]]]:
    """Return the pairs that are proposed among some records, with their reasons, the likeliest first."""
    rows = type(records[0]).objects.filter(pk__in=[row.pk for row in records])
    found, total = proposals(records[0].resource, rows, 0, 50)
    assert total == len(found)
    assert all(one[2].score >= two[2].score for one, two in pairwise(found))
    return [({first.key, second.key}, likelihood.reasons) for first, second, likelihood in found]


def test_pairs_are_found_by_name_sound_other_name_and_code_with_their_reasons() -> None:
    one = MemberUnitFactory(name="星辰 科技（集团）")
    two = MemberUnitFactory(name="星辰科技(集团)")
    three = MemberUnitFactory(name="新城科技集团")  # as it sounds
    four = MemberUnitFactory(name="上海星河物流有限公司")
    five = MemberUnitFactory(name="星河物流")
    six = MemberUnitFactory(name="别的名称")
    UnitNameFactory(unit=six, name="星河物流")
    seven, eight = MemberUnitFactory(name="甲单位"), MemberUnitFactory(name="完全另一家")
    IdentifierFactory(unit=seven, scheme="uscc", value="91110000600037341L")
    IdentifierFactory(unit=eight, scheme="uscc", value="92110000600037341H")
    found = {frozenset(pair): reasons for pair, reasons in proposed(one, two, three, four, five, six, seven, eight)}
    assert found[frozenset({one.key, two.key})][0] == "name"
    assert found[frozenset({seven.key, eight.key})][0] == "identifier"
    assert found[frozenset({five.key, six.key})][0] == "alias"
    assert frozenset({one.key, seven.key}) not in found
    assert all(reason in REASONS for reasons in found.values() for reason in reasons)


def test_what_contradicts_keeps_a_pair_out() -> None:
    here, there = StreetFactory(), StreetFactory()
    whole = MemberUnitFactory(name="同一名称")
    assert proposed(whole, MemberUnitFactory(name="同一名称", parent=whole)) == []
    assert proposed(AllianceFactory(name="同盟会", street=here), AllianceFactory(name="同盟会", street=there)) == []
    same = [EventFactory(name="签约仪式", held_on="2013-06-27") for _number in range(2)]
    assert proposed(same[0], EventFactory(name="签约仪式", held_on="2015")) == []
    assert proposed(*same)[0][1] == ("name", "date")
    parts = [MemberUnitFactory(name="组织部门", parent=MemberUnitFactory()) for _number in range(2)]
    assert proposed(*parts) == []


def test_those_who_agree_on_more_come_first() -> None:
    here = StreetFactory()
    rows = [
        AllianceFactory(name="同盟会"),
        AllianceFactory(name="同盟会", street=here),
        AllianceFactory(name="同盟会", street=here),
    ]
    found = proposed(*rows)
    assert found[0] == ({rows[1].key, rows[2].key}, ("name", "place"))
    assert len(found) == 3


@pytest.mark.parametrize("resource", models())
def test_each_kind_costs_a_fixed_number_of_statements(resource: str) -> None:
    model = models()[resource]
    rows = [factory(model)(name="重复的名称" if number % 2 else f"名称{number}") for number in range(8)]
    mine = model.objects.filter(pk__in=[row.pk for row in rows])
    with CaptureQueriesContext(connection) as queries:
        _found, total = proposals(resource, mine, 0, 3)
    assert len(queries) <= 4
    assert total == (0 if resource in ("deliverables", "needs", "resources") else 6)  # of things apart


@pytest.fixture
def steward(client: Client) -> Any:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def test_the_page_proposes_tells_apart_and_leads_to_the_preview(steward: Any) -> None:
    one, two = MemberUnitFactory(name="绝密飞艇厂"), MemberUnitFactory(name="绝密飞艇厂")
    page: Any = steward.get(DOUBLES, {"kind": "member-units"})
    assert one.slug in page.content.decode()
    assert f"loser={two.slug}&amp;winner={one.slug}" in page.content.decode()
    address = f"{DOUBLES}?kind=member-units"
    for wrong in ({"reason": ""}, {"reason": "x" * 301}, {"first": "no-such"}, {"second": one.slug}):
        steward.post(address, {"first": one.slug, "second": two.slug, "reason": "two works", **wrong})
        assert not Distinction.objects.exists()
    assert steward.post(address, {"first": two.slug, "second": one.slug, "reason": "two works"}).status_code == 302
    assert Distinction.objects.get().reason == "two works"
    assert two.slug not in steward.get(DOUBLES, {"kind": "member-units"}).content.decode()
    assert steward.get(DOUBLES, {"kind": "no-such"}).status_code == 404
    for page_number in ("0", "-1", "９", "x", "9999", "99999"):
        assert steward.get(DOUBLES, {"page": page_number}).status_code == 200


def test_the_preview_changes_nothing_and_a_reason_merges(steward: Any) -> None:
    loser, winner = MemberUnitFactory(name="绝密飞艇厂", summary="造飞艇"), MemberUnitFactory(name="飞艇总厂")
    part = MemberUnitFactory(parent=loser)
    address = f"{PAIR}?resource=member-units&loser={loser.slug}&winner={winner.slug}"
    shown = steward.get(address).content.decode()
    assert part.name in shown
    assert steward.post(address, {"reason": "", **carried(shown)}).status_code == 200
    assert MemberUnit.objects.filter(pk=loser.pk).exists()
    assert not Merge.objects.exists()
    answer = steward.post(address, {"reason": "one works", "fill": ["summary"], **carried(shown)})
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/registry/memberunit/{winner.pk}/change/")
    part.refresh_from_db()
    winner.refresh_from_db()
    assert (part.parent, winner.summary) == (winner, "造飞艇")
    merge = Merge.objects.get()
    assert (merge.reason, merge.filled) == ("one works", ["summary"])
    assert steward.get(f"/admin/identity/merge/{merge.pk}/change/").status_code == 200
    refused = f"{PAIR}?resource=member-units&loser={winner.slug}&winner={part.slug}"
    assert steward.post(refused, {"reason": "no", **carried(steward.get(refused).content)}).status_code == 409
    for wrong in ("resource=districts&loser=a&winner=b", "loser=x", "resource=member-units&loser=x&winner=b"):
        assert steward.get(f"{PAIR}?{wrong}").status_code == 200


@pytest.mark.parametrize("place", [0, 1])
def test_two_records_of_which_one_changed_since_the_preview_are_not_merged(steward: Any, place: int) -> None:
    pair = MemberUnitFactory(), MemberUnitFactory()
    address = f"{PAIR}?resource=member-units&loser={pair[0].slug}&winner={pair[1].slug}"
    shown = steward.get(address).content
    MemberUnit.objects.filter(pk=pair[place].pk).update(summary="新的说明")
    for given in (carried(shown), {}):
        refused = steward.post(address, {"reason": "one works", **given})
        assert "one works" in refused.content.decode()  # what was typed still stands there
        assert not Merge.objects.exists()
    assert "新的说明" in refused.content.decode()
    assert steward.post(address, {"reason": "one works", **carried(refused.content)}).status_code == 302
    assert Merge.objects.exists()


def test_the_pages_are_for_those_who_keep_the_registry(client: Client) -> None:
    for user in (None, UserFactory(), UserFactory(is_staff=True)):
        if user:
            client.force_login(user)
        for address in (DOUBLES, PAIR):
            assert client.get(address).status_code in (302, 403)


def test_two_records_of_a_list_are_selected_to_be_merged(steward: Any) -> None:
    one, two, three = (MemberUnitFactory() for _number in range(3))
    address = "/admin/registry/memberunit/"

    def select(*rows: Any) -> Any:
        given = {"action": "merge_selected", "_selected_action": [row.pk for row in rows]}
        return steward.post(address, carried(steward.get(f"{address}?q=").content) | given)

    assert select(two, one)["Location"] == f"{PAIR}?resource=member-units&loser={two.slug}&winner={one.slug}"
    assert select(one)["Location"] == address
    assert select(one, two, three)["Location"] == address
