"""Records of any kind, looked up together."""

# mypy: allow-untyped-calls

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from apps.common.models.targets import Target
from apps.common.rules.territory import KEEPER
from apps.common.serializers.targets import load_targets
from apps.registry.models import Alliance
from tests.factories import (
    AllianceFactory,
    AppointmentFactory,
    CitationFactory,
    MembershipFactory,
    NeighbourhoodFactory,
    ProjectFactory,
    StreetFactory,
)

pytestmark = pytest.mark.django_db


def pair(row: object) -> tuple[int, int]:
    """Return a record as a generic reference points at it."""
    return ContentType.objects.get_for_model(row).pk, row.pk  # type: ignore[arg-type, attr-defined]


def test_targets_of_all_kinds_are_looked_up_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [AllianceFactory(), ProjectFactory(), StreetFactory(), NeighbourhoodFactory(), MembershipFactory()]
    alliance, project, street, neighbourhood, membership = rows
    citation = CitationFactory(record=membership, start=3, end=9)
    pairs = [pair(row) for row in [*rows, citation]]

    with translation.override("en"):
        load_targets(pairs, None)  # the statement is made, and looks up content types
        with django_assert_num_queries(1):
            found = load_targets(pairs, None)

    assert [found[each] for each in pairs] == [
        Target("alliances", alliance.slug, alliance.name),
        Target("projects", project.slug, project.name),
        Target("streets", street.code, street.name),
        Target("neighbourhoods", neighbourhood.code, neighbourhood.name),
        Target("memberships", membership.slug, f"{membership.unit.name} (member) · {membership.alliance.name}"),
        Target("citations", citation.slug, f"{citation.article.title}, characters 3–9"),
    ]


def test_the_statement_is_kept_for_each_language() -> None:
    membership = MembershipFactory()
    said = set()
    for language in ("en", "zh-hans"):
        with translation.override(language):
            said.add(load_targets([pair(membership)], None)[pair(membership)].name)
    assert len(said) == 2


def test_targets_that_are_gone_or_no_records_are_left_out() -> None:
    alliance = ContentType.objects.get_for_model(Alliance).pk
    assert load_targets([], None) == {}
    others = [(alliance, 2**40), (ContentType.objects.get_for_model(ContentType).pk, 1)]
    assert load_targets(others, KEEPER) == {}


def test_drafts_are_found_by_those_who_see_them() -> None:
    street = StreetFactory()
    draft = AllianceFactory(state="draft", cited=False, street=street)
    curator = AppointmentFactory(role="curator", street=street).user
    elsewhere = AppointmentFactory(role="curator", street=StreetFactory()).user
    assert [pair(draft) in load_targets([pair(draft)], user) for user in (None, elsewhere, curator, KEEPER)] == [
        False,
        False,
        True,
        True,
    ]
