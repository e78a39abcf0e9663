"""Merging two records: what pointed at the one points at the other, nothing is lost, and what cannot be is refused."""

# mypy: allow-untyped-calls

from typing import Any

import pytest
from django.db import connection

from apps.evidence.models import Citation
from apps.identity.merge_result import MergeError
from apps.identity.merging import fillable, merge, mergeable
from apps.identity.models import Merge
from apps.registry.models import Alliance, Membership, MemberUnit, UnitName
from tests import factories
from tests.conftest import Api
from tests.factories import (
    AllianceFactory,
    ArticleFactory,
    CitationFactory,
    EventFactory,
    FigureFactory,
    IdentifierFactory,
    MembershipFactory,
    MemberUnitFactory,
    ParticipationFactory,
    ProjectFactory,
    ProjectPartnerFactory,
    StreetFactory,
    UnitNameFactory,
    VenueFactory,
)
from tests.test_conventions import add_nested, full_row

pytestmark = pytest.mark.django_db


def unite(loser: Any, winner: Any, **given: Any) -> Any:
    """Merge two records and check the database's deferred rules, as the end of the transaction does."""
    outcome = merge(loser=loser, winner=winner, reason="the same", request_id="test", **given)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return outcome


def test_everything_that_pointed_at_the_one_points_at_the_other(api: Api) -> None:
    loser, winner = MemberUnitFactory(name="第二军医大学"), MemberUnitFactory(name="海军军医大学")
    rows = [
        UnitNameFactory(unit=loser, name="二军大"),
        IdentifierFactory(unit=loser),
        MembershipFactory(unit=loser),
        ProjectPartnerFactory(unit=loser),
        ParticipationFactory(unit=loser),
        MemberUnitFactory(parent=loser),
        VenueFactory(operator=loser),
        FigureFactory(subject=loser),
    ]
    figure_of_winner = FigureFactory(subject=winner)
    outcome = unite(loser, winner)
    for row in rows:
        row.refresh_from_db()
    unit, identifier, membership, partner, participation, part, venue, figure = rows
    assert {row.unit for row in (unit, identifier, membership, partner, participation)} == {winner}
    assert (part.parent, venue.operator, figure.subject) == (winner, winner, winner)
    assert not MemberUnit.objects.filter(pk=loser.pk).exists()
    api.problem(f"merges/{outcome.merge.slug}", 404)  # nothing is cited that says so
    CitationFactory(record=outcome.merge, supports=["reason"])
    Merge.objects.update(state="published")
    shown = api.get(f"merges/{outcome.merge.slug}")
    assert shown["record"]["key"] == winner.key
    assert (shown["merged_key"], shown["merged_name"]) == (loser.key, "第二军医大学")
    assert set(shown["moved"]) >= {f"memberships/{membership.key}.unit", f"member-units/{part.key}.parent"}
    assert figure_of_winner.subject == winner


def test_the_name_is_kept_with_the_sentences_that_give_it(api: Api) -> None:
    loser, winner = MemberUnitFactory(name="旧名大学", cited=False), MemberUnitFactory(name="新名大学")
    article = ArticleFactory()
    CitationFactory(record=loser, article=article, start=1, end=2, supports=["name"])
    CitationFactory(record=loser, article=article, start=3, end=4, supports=["name", "kind"])
    unite(loser, winner)
    alias = UnitName.objects.get(unit=winner)
    assert (alias.name, alias.kind, alias.state) == ("旧名大学", "as_written", "published")
    assert [(row.start, row.supports) for row in alias.citations.order_by("start")] == [
        (1, ["name", "kind"]),
        (3, ["name", "kind"]),
    ]
    assert [row.supports for row in winner.citations.filter(article=article)] == [["kind"]]
    assert api.keys("member-units", q="旧名大学") == [winner.slug]


def test_a_name_that_is_there_already_takes_the_sentences(api: Api) -> None:
    loser, winner = MemberUnitFactory(name="复旦", cited=False), MemberUnitFactory(name="复旦大学")
    standing = UnitNameFactory(unit=winner, name="复旦", kind="short")
    article = ArticleFactory()
    CitationFactory(record=loser, article=article, start=1, end=2, supports=["name"])
    unite(loser, winner)
    assert list(UnitName.objects.filter(unit=winner)) == [standing]
    assert standing.citations.filter(article=article).exists()


def test_evidence_of_what_the_other_does_not_say_stays_with_the_merge() -> None:
    loser, winner = (
        AllianceFactory(name="甲联盟", kind="pair", cited=False),
        AllianceFactory(name="乙联盟", kind="alliance"),
    )
    article = ArticleFactory()
    kept = CitationFactory(record=loser, article=article, start=1, end=2, supports=["status", "kind"])
    left = CitationFactory(record=loser, article=article, start=3, end=4, supports=["name", "kind"])
    outcome = unite(loser, winner)
    assert Citation.objects.get(pk=kept.pk).supports == ["status"]
    left.refresh_from_db()
    assert (left.record, left.supports) == (outcome.merge, ["merged_name"])
    assert outcome.merge.state == "published"


def test_rows_that_would_stand_twice_are_folded_and_keep_their_evidence() -> None:
    loser, winner, alliance = MemberUnitFactory(name="同名"), MemberUnitFactory(name="同名"), AllianceFactory()
    one = MembershipFactory(alliance=alliance, unit=loser, role="member", cited=False)
    other = MembershipFactory(alliance=alliance, unit=winner, role="member")
    convenor = MembershipFactory(alliance=alliance, unit=loser, role="convenor")
    article = ArticleFactory()
    only_one = CitationFactory(record=one, article=article, start=1, end=2, supports=["role"])
    both = [
        CitationFactory(record=row, article=article, start=5, end=6, supports=[name])
        for row, name in ((one, "role"), (other, "unit"))
    ]
    outcome = unite(loser, winner)
    assert set(Membership.objects.filter(alliance=alliance)) == {other, convenor}
    only_one.refresh_from_db()
    assert only_one.record == other
    assert not Citation.objects.filter(pk=both[0].pk).exists()
    both[1].refresh_from_db()
    assert both[1].supports == ["unit", "role"]
    assert outcome.merge.folded == [f"memberships/{one.key} → memberships/{other.key}"]


def test_a_published_row_takes_the_place_of_a_draft() -> None:
    loser, winner, alliance = MemberUnitFactory(), MemberUnitFactory(), AllianceFactory()
    published = MembershipFactory(alliance=alliance, unit=loser)
    MembershipFactory(alliance=alliance, unit=winner, state="draft", cited=False)
    unite(loser, winner)
    [row] = Membership.objects.filter(alliance=alliance)
    assert (row, row.unit, row.state) == (published, winner, "published")


def test_lists_of_records_move_too() -> None:
    loser, winner = ProjectFactory(), ProjectFactory()
    once, twice = EventFactory(), EventFactory()
    once.projects.set([loser])
    twice.projects.set([loser, winner])
    factories.rest(once, twice)
    unite(loser, winner)
    assert list(once.projects.all()) == list(twice.projects.all()) == [winner]


def test_empty_fields_are_filled_only_where_asked() -> None:
    street = StreetFactory()
    loser = AllianceFactory(
        street=street, founded_on="2012-06", founded_on_wording="去年6月", slogan="甲", summary="丙"
    )
    winner = AllianceFactory(slogan="乙")
    assert fillable(loser, winner) == ["street", "founded_on", "summary"]
    with pytest.raises(MergeError) as error:
        unite(loser, winner, fill=["slogan"])
    assert error.value.member == "fill"
    unite(loser, winner, fill=["founded_on", "street"])
    row = Alliance.objects.get(pk=winner.pk)
    assert (row.street, row.founded_on, row.founded_on_wording) == (street, "2012-06", "去年6月")
    assert row.founded_on_earliest is not None
    assert (row.slogan, row.summary) == ("乙", "")


def test_what_cannot_be_one_is_refused() -> None:
    unit, alliance, draft = MemberUnitFactory(), AllianceFactory(), MemberUnitFactory(state="draft", cited=False)
    whole = MemberUnitFactory()
    part = MemberUnitFactory(parent=MemberUnitFactory(parent=whole))
    street, other_street = StreetFactory(), StreetFactory()
    for loser, winner in ((unit, alliance), (unit, unit), (unit, draft), (whole, part), (street, other_street)):
        with pytest.raises(MergeError):
            unite(loser, winner)
    unite(part, whole)  # the other way round it is a part that was none
    unite(draft, unit)
    assert Merge.objects.get(merged_key=draft.key).state == "draft"


def test_the_old_slug_leads_on_through_later_merges(api: Api) -> None:
    first, second, third = (MemberUnitFactory(name=f"第{number}厂") for number in "甲乙丙")
    unite(first, second)
    answer = api.ask(f"member-units/{first.slug}", labels="true")
    assert (answer.status_code, answer["Location"]) == (301, f"/api/v1/member-units/{second.slug}?labels=true")
    assert answer["Cache-Control"] == "no-cache"
    unite(second, third)
    assert api.ask(f"member-units/{first.slug}")["Location"] == f"/api/v1/member-units/{third.slug}"
    assert [row.record for row in Merge.objects.filter(merged_key__in=[first.key, second.key])] == [third, third]
    [error] = api.problem("memberships", unit=first.slug)["errors"]
    assert f"member-units/{third.slug}" in error["detail"]
    UnitName.objects.filter(unit=third).update(state="draft")
    MemberUnit.objects.filter(pk=third.pk).update(state="draft")
    api.problem(f"member-units/{first.slug}", 404)
    [error] = api.problem("memberships", unit=first.slug)["errors"]
    assert third.slug not in error["detail"]


def test_a_merged_slug_is_given_to_nobody() -> None:
    loser, winner = MemberUnitFactory(slug="of-the-merged"), MemberUnitFactory()
    unite(loser, winner)
    again = MemberUnitFactory.build(slug="of-the-merged")
    with pytest.raises(Exception, match="deleted"):
        again.full_clean()


@pytest.mark.parametrize("resource", mergeable())
def test_each_kind_merges_with_whatever_hangs_on_it(resource: str) -> None:
    loser, winner = full_row(mergeable()[resource]), full_row(mergeable()[resource])
    add_nested(loser)
    add_nested(winner)
    unite(loser, winner)
    assert not type(loser).objects.filter(pk=loser.pk).exists()
