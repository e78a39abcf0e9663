"""Where records lie: stored, kept in step, the same wherever it is asked, and never against itself."""

from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from apps.common.models.records import Fact, citable_models
from apps.registry.models import Neighbourhood, Placed
from apps.registry.models.places import placed_models
from tests import factories
from tests.conftest import Api
from tests.full import FULL, share
from tests.places import HANGS_ON, divisions_of
from tests.writing import Keeper

DAYS = [None, "2012-05-31", *(["2013-06-27", "2023-07-06"] if FULL else [])]
# Lists that a division's page has, by their names there.
LISTS = {
    "alliances": "alliances",
    "venues": "venues",
    "projects": "projects",
    "events": "events",
    "member-units": "units",
}


def lying(row: Any) -> tuple[Any, ...]:
    row.refresh_from_db()
    return row.in_district, row.in_street, row.in_neighbourhood


def test_the_rule_is_written_for_every_record_that_lies_somewhere() -> None:
    assert {model.resource: model.hangs_on for model in placed_models()} == HANGS_ON


@pytest.mark.parametrize("resource", share(0, [*HANGS_ON], 2))
def test_what_is_stored_is_what_the_rule_says(registry_rows: None, resource: str) -> None:
    for row in citable_models()[resource]._default_manager.all():
        assert lying(row) == divisions_of(row), row


@pytest.fixture
def registry_rows(db: None) -> None:
    """Add to the fixtures a record of every kind that lies somewhere by its whole, or by a neighbourhood."""
    estate = factories.NeighbourhoodFactory(
        code=None, slug="an-estate", kind="estate", committee=factories.NeighbourhoodFactory(), cited=True
    )
    alliance = factories.AllianceFactory(parent=factories.AllianceFactory(neighbourhood=estate))
    project = factories.ProjectFactory(alliance=alliance)
    factories.ClaimFactory(project=factories.ProjectFactory(parent=project))
    factories.ParticipationFactory(event=factories.EventFactory(alliance=alliance))
    factories.ResourceFactory(alliance=alliance, unit=None)
    factories.MatchFactory(need=factories.NeedFactory(alliance=alliance))
    factories.RoundProjectFactory(round=factories.RoundFactory(alliance=alliance, street=None))
    factories.FigureFactory(subject=project)
    factories.FigureFactory(subject=estate)
    factories.ScoreFactory(assessment=factories.AssessmentFactory(neighbourhood=estate))


# Kept in step ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_hangs_on_a_record_moves_with_it() -> None:
    here, there = factories.StreetFactory(), factories.StreetFactory()
    alliance = factories.AllianceFactory(street=here)
    project = factories.ProjectFactory(parent=factories.ProjectFactory(alliance=alliance))
    hanging = [
        factories.ClaimFactory(project=project),
        factories.DeliverableFactory(project=project),
        factories.FigureFactory(subject=project),
        factories.ParticipationFactory(event=factories.EventFactory(alliance=alliance)),
        factories.MembershipFactory(alliance=alliance),
        factories.CategoryFactory(alliance=alliance),
    ]
    stays = factories.ProjectFactory(parent=project, street=here)
    seen = {row.pk: row.updated_at for row in hanging}

    alliance.street = there
    alliance.save()

    for row in hanging:
        assert lying(row) == (there.district, there, None)
        assert row.updated_at > seen[row.pk]  # who follows the changes has to hear of it
    assert lying(stays) == (here.district, here, None)

    there.district = factories.DistrictFactory()
    there.save()
    assert all(lying(row)[0] == there.district for row in hanging)
    factories.rest(alliance)


@pytest.mark.django_db
def test_a_write_that_leaves_a_place_as_it_is_moves_nothing() -> None:
    alliance = factories.AllianceFactory(street=factories.StreetFactory())
    member = factories.MembershipFactory(alliance=alliance)
    alliance.summary = "另一句话"
    alliance.save()
    before = member.updated_at
    member.refresh_from_db()
    assert member.updated_at == before


@pytest.mark.django_db
def test_nobody_writes_a_stored_place() -> None:
    street = factories.StreetFactory()
    project = factories.ProjectFactory(street=street)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE projects_project SET in_district_id = NULL, in_street_id = 1 WHERE id = %s", [project.pk]
        )
    assert lying(project) == (street.district, street, None)


@pytest.mark.django_db
def test_a_part_may_be_stored_before_its_whole() -> None:
    street = factories.StreetFactory()
    with transaction.atomic(), connection.cursor() as cursor:
        part = factories.AllianceFactory()
        whole = factories.AllianceFactory.build(street=street, slug="whole-of-a-part", state="draft")
        cursor.execute("SELECT nextval(pg_get_serial_sequence('registry_alliance', 'id'))")
        (key,) = cursor.fetchone()
        cursor.execute("UPDATE registry_alliance SET parent_id = %s, state = 'draft' WHERE id = %s", [key, part.pk])
        whole.pk = key
        whole.save(force_insert=True)
    assert lying(part) == (street.district, street, None)


# It does not contradict itself ----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("model", placed_models(), ids=lambda model: model.resource)
def test_a_place_does_not_contradict_itself(model: type[Placed]) -> None:
    street, other = factories.StreetFactory(), factories.StreetFactory()
    neighbourhood = factories.NeighbourhoodFactory(street=street)
    own = {field.name for field in model._meta.concrete_fields}
    tried = 0
    for place, field in (
        ({"street": street, "district": other.district}, "district"),
        ({"neighbourhood": neighbourhood, "street": other}, "street"),
        ({"neighbourhood": neighbourhood, "district": other.district}, "district"),
    ):
        if not place.keys() <= own or model.resource == "assessments":  # whose subject is one of them
            continue
        tried += 1
        factory: Any = getattr(factories, f"{model.__name__}Factory")
        row = factory()
        for name, value in place.items():
            setattr(row, name, value)
        with pytest.raises(ValidationError) as refused:
            row.full_clean()
        assert refused.value.error_dict[field][0].code == "place_contradicts"
        with pytest.raises(IntegrityError, match="contradicts itself"), transaction.atomic():
            row.save()
    assert tried or not {"street", "district"} <= own


def test_a_contradiction_is_told_at_its_field(db: None) -> None:
    steward = Keeper(factories.UserFactory(is_superuser=True))
    street, other = factories.StreetFactory(), factories.StreetFactory()
    project = factories.ProjectFactory(street=street)
    path = f"projects/{project.slug}"
    tag = {"If-Match": steward.tag(path)}
    refused = steward.refused("PATCH", path, {"district": other.district.code}, 400, **tag)
    assert refused == {"/district": "place_contradicts"}
    other_street = {
        "street": None,
        "neighbourhood": factories.NeighbourhoodFactory().key,
        "district": other.district.code,
    }
    assert steward.refused("PATCH", path, other_street, 400, **tag) == {"/district": "place_contradicts"}
    project.refresh_from_db()
    assert project.district is None


@pytest.mark.django_db
def test_a_division_is_not_moved_away_from_what_names_both() -> None:
    street = factories.StreetFactory()
    factories.ProjectFactory(street=street, district=street.district)
    street.district = factories.DistrictFactory()
    with pytest.raises(IntegrityError, match="contradicts itself"), transaction.atomic():
        street.save()


# The same wherever it is asked ----------------------------------------------------------------------------------------


def lying_in(resource: str, day: str | None) -> dict[Any, set[str]]:
    """Return the keys of the records of a day by the divisions in which they lie, by the rule as tests write it."""
    model: Any = citable_models()[resource]
    rows = model._default_manager.visible_to(None)
    if day and model.begins_field:
        rows = rows.valid_on(date.fromisoformat(day))
    found: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        places = divisions_of(row)
        areas = [each.committee for each in places if isinstance(each, Neighbourhood)]
        for division in filter(None, (*places, *areas)):
            found[division].add(row.slug)
    return found


@pytest.mark.parametrize("day", DAYS)
def test_lists_counts_facets_statistics_and_pages_agree(api: Api, registry_rows: None, day: str | None) -> None:
    at = {"as_of": day} if day else {}
    lying = {resource: lying_in(resource, day) for resource in LISTS}
    divisions = {division for found in lying.values() for division in found} | {factories.StreetFactory()}
    assert len(divisions) > 5
    for division in divisions:
        level = division.resource.removesuffix("s")
        page = api.get(f"{division.resource}/{division.key}", **at)
        for resource, name in LISTS.items():
            asked = {level: division.key, "page_size": 200, "count": "true", **at}
            listed = api.get(resource, **asked)
            keys = {row["slug"] for row in listed["results"]}
            assert keys == lying[resource][division], (division, resource)
            assert listed["count"] == len(keys)
            within = {**asked, level: "", "within": f"{division.resource}/{division.key}"}
            assert api.get(resource, **within)["count"] == listed["count"]
            assert page[f"{name.removesuffix('s')}_count"] == len(keys), (division, resource)
            if name in page:
                assert {row["key"] for row in page[name]} == keys
            if level != "neighbourhood":
                totals = api.get("statistics", resource=resource, **{level: division.key}, **at)["totals"]
                assert totals == {resource: len(keys)}


@pytest.mark.parametrize("level", ["district", "street"])
def test_facets_count_by_where_records_lie(api: Api, registry_rows: None, level: str) -> None:
    for resource in LISTS:
        counts = {value["value"]: value["count"] for value in api.get(resource, facets=level)["facets"][level]}
        counts.pop(None, None)
        lying = lying_in(resource, None)
        assert counts == {place.code: len(keys) for place, keys in lying.items() if place.resource == f"{level}s"}


# Parts and wholes -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("own", "of_whole", "day", "there"),
    [
        ("", "2012-06", "2012-05-31", False),
        ("", "2012-06", "2012-06-15", True),
        ("2012", "2012-06", "2012-05-31", False),
        ("2011", "2012-06", "2012-05-31", False),
        ("2013", "2012-06", "2012-12-31", False),
        ("", "", "2001-01-01", True),
    ],
)
def test_a_part_does_not_exist_before_its_whole(own: str, of_whole: str, day: str, there: bool) -> None:
    whole = factories.AllianceFactory(founded_on=of_whole)
    part = factories.AllianceFactory(parent=whole, founded_on=own)
    member = factories.MembershipFactory(alliance=factories.AllianceFactory(parent=part))
    found = type(part).objects.valid_on(date.fromisoformat(day))
    assert (part in found) is there
    assert (member in type(member).objects.valid_on(date.fromisoformat(day))) is there


@pytest.mark.django_db
def test_parts_follow_when_the_whole_turns_out_to_be_younger() -> None:
    whole = factories.AllianceFactory(founded_on="2010")
    part = factories.AllianceFactory(parent=whole)
    whole.founded_on = "2012-06"
    whole.save()
    part.refresh_from_db()
    assert part.exists_from == date(2012, 6, 1)
    factories.rest(whole)


def test_every_fact_lies_somewhere_or_has_a_reason_not_to() -> None:
    nowhere = [
        model.resource
        for model in citable_models().values()
        if issubclass(model, Fact) and not issubclass(model, Placed)
    ]
    assert nowhere == ["merges"]  # no record of the field
