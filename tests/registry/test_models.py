"""Divisions, units, alliances and venues: their constraints, their validity, the names that lead to them."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.registry.models import District, Neighbourhood, Street
from tests.common.values.test_pinyin import DISTRICTS, STREETS
from tests.factories import (
    AllianceFactory,
    CitationFactory,
    DistrictFactory,
    IdentifierFactory,
    MembershipFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    StreetFactory,
    UnitNameFactory,
    VenueFactory,
    VenueServiceFactory,
)
from tests.violations import refuse

pytestmark = pytest.mark.django_db


def pointing_at_itself(factory: Any, name: str) -> Callable[[], Any]:
    def build() -> Any:
        row = factory()
        setattr(row, name, row)
        return row

    return build


def the_same_again(factory: Any, *names: str) -> Callable[[], Any]:
    def build() -> Any:
        row = factory()
        return factory.build(slug="the-same-again", **{name: getattr(row, name) for name in names})

    return build


def estate(**values: Any) -> Any:
    return NeighbourhoodFactory.build(**{"kind": "estate", "code": None, "street": StreetFactory(), **values})


def alliance(**values: Any) -> Any:
    return AllianceFactory.build(slug="of-the-test", **values)


VIOLATIONS: dict[str, Callable[[], Any]] = {
    "registry_district_code_digits": lambda: DistrictFactory.build(code="99000a"),
    "registry_district_not_own_successor": pointing_at_itself(DistrictFactory, "successor"),
    "registry_street_code_digits": lambda: StreetFactory.build(code="99000000", district=DistrictFactory()),
    "registry_street_not_own_successor": pointing_at_itself(StreetFactory, "successor"),
    "registry_neighbourhood_code_digits": lambda: NeighbourhoodFactory.build(
        code="990000000000-23", street=StreetFactory()
    ),
    "registry_neighbourhood_slug_ascii": lambda: estate(slug="小区"),
    "registry_neighbourhood_code_or_slug": lambda: estate(slug="an-estate", code="990000000000"),
    "registry_neighbourhood_only_estates_have_committee": lambda: NeighbourhoodFactory.build(
        street=StreetFactory(), committee=NeighbourhoodFactory()
    ),
    "registry_neighbourhood_not_own_successor": pointing_at_itself(NeighbourhoodFactory, "successor"),
    "registry_neighbourhood_key_once": lambda: estate(slug=NeighbourhoodFactory().code),
    "registry_memberunit_not_own_parent": pointing_at_itself(MemberUnitFactory, "parent"),
    "registry_unitname_once": the_same_again(UnitNameFactory, "unit", "name", "kind"),
    "registry_identifier_once": the_same_again(IdentifierFactory, "unit", "scheme", "value"),
    "registry_identifier_well_formed": lambda: IdentifierFactory.build(
        slug="no-code", scheme="uscc", value="9111-L", unit=MemberUnitFactory()
    ),
    "registry_alliance_not_own_parent": pointing_at_itself(AllianceFactory, "parent"),
    "registry_alliance_dissolved_has_status": lambda: alliance(status="active", dissolved_on="2015"),
    "registry_alliance_proposed_not_founded": lambda: alliance(status="proposed", founded_on="2012-06"),
    "registry_membership_once": the_same_again(MembershipFactory, "alliance", "unit", "role"),
    "registry_membership_names_a_member": lambda: MembershipFactory.build(
        slug="nobody", alliance=AllianceFactory(), unit=None
    ),
    "registry_venue_not_own_parent": pointing_at_itself(VenueFactory, "parent"),
    "registry_venueservice_once": the_same_again(VenueServiceFactory, "venue", "name"),
}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_clean_and_the_database_keep_every_constraint(constraint: str) -> None:
    refuse(constraint, VIOLATIONS[constraint]())


# Divisions ------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "estate", "code": None, "slug": None},
        {"kind": "residents_committee", "code": None, "slug": "no-estate"},
        {"kind": "village_committee", "code": "990000000001", "slug": "both"},
    ],
)
def test_a_committee_has_a_code_and_an_estate_a_slug(values: dict[str, Any]) -> None:
    refuse("registry_neighbourhood_code_or_slug", NeighbourhoodFactory.build(street=StreetFactory(), **values))


def test_a_code_is_given_once() -> None:
    code = StreetFactory().code
    row = StreetFactory.build(code=code, district=DistrictFactory())
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert list(error.value.message_dict) == ["code"]
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_the_official_code_is_the_code_without_its_edition() -> None:
    row = StreetFactory(code="990000123-2017")
    assert Street.objects.get(pk=row.pk).official_code == "990000123"


def test_a_neighbourhood_is_addressed_by_code_or_slug() -> None:
    committee = NeighbourhoodFactory(code="990000000009")
    lane = estate(slug="an-estate", committee=committee)
    lane.save()
    CitationFactory(record=lane)
    assert (Neighbourhood.objects.get(key="990000000009"), Neighbourhood.objects.get(key="an-estate")) == (
        committee,
        lane,
    )
    assert list(committee.estates.all()) == [lane]
    assert lane not in Neighbourhood.objects.in_editions()
    assert committee in Neighbourhood.objects.in_editions()


@pytest.mark.parametrize(
    ("established_on", "abolished_on", "days"),
    [
        # In every edition: before, within, today.
        ("", "", {"1990-01-01": True, "2020-01-01": True, "2030-01-01": True}),
        # It began between two editions, and is known from the later one on.
        ("2017-10-31/2020-06-30", "", {"2017-10-31": False, "2020-06-29": False, "2020-06-30": True}),
        # It ended between two editions, and is known up to the earlier one.
        ("", "2017-10-31/2020-06-30", {"1990-01-01": True, "2017-10-31": True, "2017-11-01": False}),
    ],
)
def test_a_division_holds_where_it_is_known_to(established_on: str, abolished_on: str, days: dict[str, bool]) -> None:
    row = StreetFactory(established_on=established_on, abolished_on=abolished_on)
    assert {day: row in Street.objects.valid_on(date.fromisoformat(day)) for day in days} == days


def test_current_is_what_has_not_ended() -> None:
    ended = StreetFactory(abolished_on="2017-10-31/2020-06-30")
    lasting = StreetFactory(established_on="2017-10-31/2020-06-30")
    assert set(Street.objects.filter(pk__in=[ended.pk, lasting.pk]).current()) == {lasting}


@pytest.mark.parametrize(
    ("model", "day", "count"),
    [
        (District, "2013-06-27", 17),
        (District, "2015-09-30", 17),
        (District, "2017-10-31", 16),
        (District, "2023-07-06", 16),
        (Street, "2015-09-30", 213 + 19),  # that edition lists no zones: those of the next are open to the past
        (Street, "2017-10-31", 234),
        (Street, "2020-06-30", 234),
        (Street, "2023-06-30", 234),
        (Neighbourhood, "2017-10-31", 5925),
        (Neighbourhood, "2020-06-30", 6188),
        (Neighbourhood, "2023-06-30", 6509),
    ],
)
def test_each_edition_is_what_is_valid_on_its_day(model: Any, day: str, count: int) -> None:
    rows = model.objects.valid_on(date.fromisoformat(day)).exclude(editions=[])
    assert rows.count() == count


def test_wujiaochang_zhen_became_changhailu_jiedao() -> None:
    town = Street.objects.get(name="五角场镇")
    subdistrict = Street.objects.get(name="长海路街道")
    assert (town.editions, subdistrict.editions) == ([2015, 2017], [2020, 2023])
    assert (town.abolished_on, subdistrict.established_on) == ("2017-10-31/2020-06-30", "2017-10-31/2020-06-30")
    assert town.successor == subdistrict
    assert list(subdistrict.predecessors.all()) == [town]


@pytest.mark.parametrize(
    ("written", "name", "street"),
    [
        ("国定一居民区", "国定一居委会", "五角场街道"),
        ("翔殷路491弄居民区", "翔殷路四九一弄居委会", "长海路街道"),
        ("浣纱六村", "浣纱六村居委会", "长海路街道"),
        ("浣纱六村党支部", "浣纱六村居委会", "长海路街道"),
    ],
)
def test_the_names_that_articles_use_resolve_to_their_committees(written: str, name: str, street: str) -> None:
    found = Neighbourhood.objects.current().written_as(written)
    assert [(row.name, row.street.name) for row in found] == [(name, street)]


@pytest.mark.parametrize("written", ["", "……", "居委会", "火星居民区"])
def test_a_name_that_no_committee_bears_resolves_to_none(written: str) -> None:
    assert list(Neighbourhood.objects.written_as(written)) == []


def test_an_ambiguous_name_resolves_to_all_that_it_can_mean() -> None:
    first, second = (NeighbourhoodFactory(name="测试九村居委会") for _ in range(2))
    assert set(Neighbourhood.objects.written_as("测试九村居民区")) == {first, second}


def test_the_loaded_districts_carry_their_reviewed_pinyin() -> None:
    assert dict(District.objects.current().exclude(editions=[]).values_list("name", "name_pinyin")) == DISTRICTS


def test_the_loaded_streets_carry_their_reviewed_pinyin() -> None:
    lines = [line.strip() for line in STREETS.splitlines()]
    reviewed = sorted(tuple(line.split(" = ")) for line in lines if line and not line.startswith("#"))
    assert sorted(Street.objects.current().exclude(editions=[]).values_list("name", "name_pinyin")) == reviewed
    assert len(reviewed) == 234


# Alliances, units, venues ------------------------------------------------------------


@pytest.mark.parametrize(
    ("joined_on", "left_on", "is_valid"),
    [("2012", "2011", False), ("2012", "2012-06", True), ("2012-06", "2012", True), ("", "2011", True)],
)
def test_a_member_does_not_leave_before_it_joins(joined_on: str, left_on: str, is_valid: bool) -> None:
    row = MembershipFactory.build(
        alliance=AllianceFactory(), unit=MemberUnitFactory(), joined_on=joined_on, left_on=left_on
    )
    if is_valid:
        row.full_clean()
    else:
        with pytest.raises(ValidationError) as error:
            row.full_clean()
        assert error.value.message_dict == {"left_on": ["A member cannot leave before it joins."]}


def test_a_unit_may_be_a_member_in_several_roles() -> None:
    first = MembershipFactory(role="member")
    second = MembershipFactory(alliance=first.alliance, unit=first.unit, role="liaison")
    assert set(first.alliance.memberships.all()) == {first, second}


def test_a_member_that_is_not_resolved_keeps_its_name_as_written() -> None:
    row = MembershipFactory.build(alliance=AllianceFactory(), unit=None, as_written="某中学", state="draft")
    row.full_clean()
    row.save()
    assert str(row) == f"某中学 (member) · {row.alliance.name}"


def test_a_record_that_another_rests_on_is_not_deleted() -> None:
    tie = MembershipFactory()
    with pytest.raises(IntegrityError, match="protected foreign keys"):
        tie.unit.delete()
    with pytest.raises(IntegrityError, match="protected foreign keys"):
        AllianceFactory(parent=tie.alliance).parent.delete()


def test_what_belongs_to_an_alliance_goes_with_it() -> None:
    tie = MembershipFactory()
    tie.alliance.delete()
    assert not type(tie).objects.filter(pk=tie.pk).exists()


@pytest.mark.parametrize("hours", ["24/7", "Mo-Fr 09:00-17:00; Sa 10:00-12:00", 'PH off "only by call"', ""])
def test_opening_hours_take_the_openstreetmap_syntax(hours: str) -> None:
    VenueFactory.build(slug="a-venue", opening_hours=hours).full_clean()


@pytest.mark.parametrize("hours", ["全天候", "24/7<script>"])
def test_opening_hours_in_other_words_are_refused(hours: str) -> None:
    with pytest.raises(ValidationError) as error:
        VenueFactory.build(slug="a-venue", opening_hours=hours).full_clean()
    assert list(error.value.message_dict) == ["opening_hours"]
