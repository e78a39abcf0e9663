"""Who sees and edits what: a table of appointments and records, and the check before a row is saved."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.common.models.records import Citable, citable_models
from apps.common.rules.permissions import foreign_fields, may_edit
from apps.common.rules.territory import Territory
from apps.common.values.dates import today
from apps.common.writing.statuses import status_error
from apps.evidence.models import Citation
from apps.identity.models import Merge
from apps.registry.models import Membership, MemberUnit
from tests import factories
from tests.factories import (
    AllianceFactory,
    AppointmentFactory,
    ArticleFactory,
    AssessmentFactory,
    AttestationFactory,
    AwardFactory,
    CategoryFactory,
    CitationFactory,
    ClaimFactory,
    DeliverableFactory,
    DimensionFactory,
    DistrictFactory,
    EventFactory,
    FigureFactory,
    FrameworkFactory,
    IdentifierFactory,
    MarkFactory,
    MatchFactory,
    MembershipFactory,
    MemberUnitFactory,
    NeedFactory,
    NeighbourhoodFactory,
    ParticipationFactory,
    ProjectFactory,
    ProjectPartnerFactory,
    ResourceFactory,
    RoundFactory,
    RoundProjectFactory,
    ScoreFactory,
    StreetFactory,
    UnitNameFactory,
    UserFactory,
    VenueFactory,
    VenueServiceFactory,
)

pytestmark = pytest.mark.django_db

DRAFT = {"state": "draft", "cited": False}


class World(NamedTuple):
    """A district with two streets, a neighbourhood and units; another district far away; and who was appointed."""

    district: Any
    street: Any
    next_street: Any
    neighbourhood: Any
    estate: Any
    far_street: Any
    university: Any
    school: Any
    users: dict[str, User]


def appointed(role: str = "curator", **scope: Any) -> User:
    """Make a user with one appointment, and give it back as a request would load it."""
    user: User = AppointmentFactory(role=role, **scope).user
    return User.objects.get(pk=user.pk)


@pytest.fixture
def world() -> World:
    district = DistrictFactory()
    street, next_street = StreetFactory(district=district), StreetFactory(district=district)
    neighbourhood = NeighbourhoodFactory(street=street)
    estate = NeighbourhoodFactory(street=street, kind="estate", code=None, slug="world-estate", committee=neighbourhood)
    far_street = StreetFactory()
    university = MemberUnitFactory(street=street)
    school = MemberUnitFactory(parent=university, street=far_street)
    users = {
        "nobody": UserFactory(),
        "staff": UserFactory(is_staff=True),
        "district": appointed(district=district),
        "street": appointed(street=street),
        "next": appointed(street=next_street),
        "neighbourhood": appointed(neighbourhood=neighbourhood),
        "far": appointed(street=far_street),
        "university": appointed("representative", unit=university),
        "school": appointed("representative", unit=school),
        "steward": appointed("steward"),
        "superuser": UserFactory(is_superuser=True),
    }
    return World(district, street, next_street, neighbourhood, estate, far_street, university, school, users)


ALL = {"steward", "superuser"}
STREET = ALL | {"district", "street"}
COMMITTEE = STREET | {"neighbourhood"}
UNIT = STREET | {"university"}
CURATORS = ALL | {"district", "street", "next", "neighbourhood", "far"}


def made(world: World, name: str) -> Any:
    """Make the record that a line of the table speaks of."""
    w = world
    alliance = AllianceFactory(street=w.street)
    project = ProjectFactory(alliance=alliance)
    event = EventFactory(neighbourhood=w.neighbourhood)
    framework = FrameworkFactory(street=w.street)
    match name:
        case "district":
            return w.district
        case "street":
            return w.street
        case "neighbourhood":
            return w.neighbourhood
        case "estate":
            return w.estate
        case "unit":
            return w.university
        case "part of a unit elsewhere":
            return w.school
        case "part of a unit nowhere":
            return MemberUnitFactory(parent=MemberUnitFactory(parent=w.university))
        case "unit name":
            return UnitNameFactory(unit=w.university, **DRAFT)
        case "identifier":
            return IdentifierFactory(unit=w.university, **DRAFT)
        case "alliance":
            return alliance
        case "part of an alliance":
            return AllianceFactory(parent=AllianceFactory(parent=alliance), **DRAFT)
        case "part of an alliance elsewhere":
            return AllianceFactory(parent=alliance, street=w.far_street, **DRAFT)
        case "alliance without a place":
            return AllianceFactory(**DRAFT)
        case "membership":
            return MembershipFactory(alliance=alliance, unit=w.school, **DRAFT)
        case "venue":
            return VenueFactory(neighbourhood=w.neighbourhood, **DRAFT)
        case "venue of an operator":
            return VenueFactory(operator=w.school, **DRAFT)
        case "venue service":
            return VenueServiceFactory(venue=VenueFactory(neighbourhood=w.estate), **DRAFT)
        case "category":
            return CategoryFactory(alliance=None, programme=project, **DRAFT)
        case "need":
            return NeedFactory(alliance=None, neighbourhood=w.neighbourhood, **DRAFT)
        case "resource":
            return ResourceFactory(unit=w.university, **DRAFT)
        case "match":
            need = NeedFactory(alliance=None, neighbourhood=w.neighbourhood)
            return MatchFactory(need=need, offer=ResourceFactory(unit=w.school), **DRAFT)
        case "project":
            return ProjectFactory(parent=project, **DRAFT)
        case "project partner":
            return ProjectPartnerFactory(project=project, unit=w.school, **DRAFT)
        case "round":
            return RoundFactory(street=w.street, **DRAFT)
        case "put up in a round":
            return RoundProjectFactory(round=RoundFactory(street=w.street), project=project, **DRAFT)
        case "claim":
            return ClaimFactory(project=project, unit=w.school, **DRAFT)
        case "deliverable":
            return DeliverableFactory(project=project, **DRAFT)
        case "event":
            return EventFactory(parent=event, **DRAFT)
        case "participation":
            return ParticipationFactory(event=event, unit=w.school, **DRAFT)
        case "award":
            return AwardFactory(giver=w.university, **DRAFT)
        case "article":
            return ArticleFactory()
        case "mark":
            return MarkFactory()
        case "citation":
            return CitationFactory(record=alliance)
        case "citation of a division":
            return CitationFactory(record=w.neighbourhood)
        case "figure":
            return FigureFactory(subject=project, reporter=w.school, **DRAFT)
        case "citation of a figure":
            return CitationFactory(record=FigureFactory(subject=alliance))
        case "attestation":  # by whom it was said gives no right
            return AttestationFactory(record=alliance, unit=w.school)
        case "framework":
            return framework
        case "dimension":
            return DimensionFactory(framework=framework, **DRAFT)
        case "assessment":
            return AssessmentFactory(framework=framework, neighbourhood=w.neighbourhood, assessor=w.school, **DRAFT)
        case "rating of a unit":
            return AssessmentFactory(neighbourhood=None, unit=w.university, assessor=w.school, **DRAFT)
        case "score":
            rating = AssessmentFactory(framework=framework, neighbourhood=w.neighbourhood)
            return ScoreFactory(assessment=rating, **DRAFT)
    raise AssertionError(name)


FAR_SCHOOL = {"far", "university", "school"}  # all to whose territory the school belongs
TABLE: list[tuple[str, set[str]]] = [
    ("district", ALL | {"district"}),
    ("street", STREET),
    ("neighbourhood", COMMITTEE),
    ("estate", COMMITTEE),
    ("unit", UNIT),
    ("part of a unit elsewhere", ALL | FAR_SCHOOL),
    ("part of a unit nowhere", UNIT),
    ("unit name", UNIT),
    ("identifier", UNIT),
    ("alliance", STREET),
    ("part of an alliance", STREET),
    ("part of an alliance elsewhere", ALL | {"far"}),
    ("alliance without a place", ALL),
    ("membership", STREET | FAR_SCHOOL),
    ("venue", COMMITTEE),
    ("venue of an operator", ALL | FAR_SCHOOL),
    ("venue service", COMMITTEE),
    ("category", STREET),
    ("need", COMMITTEE),
    ("resource", ALL | {"university"}),  # the party that offers it does not say where it lies
    ("match", COMMITTEE | {"university", "school"}),  # either side, and who keeps the place of the need
    ("project", STREET),
    ("project partner", STREET | FAR_SCHOOL),
    ("round", STREET),
    ("put up in a round", STREET),
    ("claim", STREET | FAR_SCHOOL),
    ("deliverable", STREET),
    ("event", COMMITTEE),
    ("participation", COMMITTEE | FAR_SCHOOL),
    ("award", ALL | {"university"}),
    ("article", CURATORS),
    ("mark", CURATORS),
    ("citation", STREET),
    ("citation of a division", COMMITTEE),
    ("figure", STREET | FAR_SCHOOL),
    ("citation of a figure", STREET),
    ("attestation", STREET),
    ("framework", STREET),
    ("dimension", STREET),
    ("assessment", COMMITTEE | FAR_SCHOOL),
    ("rating of a unit", STREET | FAR_SCHOOL),
    ("score", COMMITTEE),
]


@pytest.mark.parametrize(("name", "editors"), TABLE, ids=[line[0] for line in TABLE])
def test_a_record_is_edited_and_its_draft_is_seen_where_it_lies(world: World, name: str, editors: set[str]):
    record = made(world, name)
    rows = type(record).objects.filter(pk=record.pk)

    assert {who for who, user in world.users.items() if rows.editable_by(user).exists()} == editors
    assert {who for who, user in world.users.items() if may_edit(user, record)} == editors
    draft = getattr(record, "state", "") == "draft"
    seers = {who for who, user in world.users.items() if rows.visible_to(user).exists()}
    assert seers == (editors if draft else set(world.users))
    assert [rows.visible_to(user).exists() for user in (None, AnonymousUser())] == [not draft] * 2


def test_every_kind_of_record_stands_in_the_table(world: World):
    # Merges are made by a verb, and are edited by nobody.
    assert {type(made(world, name)) for name, _editors in TABLE} == set(citable_models().values()) - {Merge}


def test_the_citation_of_a_draft_is_seen_with_it(world: World):
    draft = MembershipFactory(
        alliance=AllianceFactory(street=world.street), unit=None, as_written="某单位", state="draft"
    )
    citation = Citation.objects.get(object_id=draft.pk, content_type__model="membership")

    seers = {n for n, user in world.users.items() if Citation.objects.visible_to(user).filter(pk=citation.pk).exists()}
    assert seers == STREET


def test_a_territory_costs_two_queries_at_most_and_only_once(world: World):
    for name, most in {"street": 1, "school": 2, "steward": 1, "superuser": 0}.items():
        user = User.objects.get(pk=world.users[name].pk)
        with CaptureQueriesContext(connection) as queries:
            assert user.territory
            assert user.territory
        assert len(queries) == most


def test_a_unit_is_appointed_with_all_its_parts(world: World):
    parts = [world.university, world.school]
    for _level in range(5):
        parts.append(MemberUnitFactory(parent=parts[-1]))
    MemberUnitFactory(parent=world.street and MemberUnitFactory())

    assert appointed("representative", unit=world.university).territory.keys(MemberUnit) == {part.pk for part in parts}


@pytest.mark.parametrize(
    ("first", "last", "holds"), [(0, 0, True), (-9, None, True), (1, None, False), (-9, -1, False), (-9, 0, True)]
)
def test_an_appointment_holds_from_its_first_day_to_its_last(world: World, first: int, last: int | None, holds: bool):
    until = None if last is None else today() + timedelta(days=last)
    user = appointed(street=world.street, from_day=today() + timedelta(days=first), until=until)

    assert bool(user.territory) == holds


def test_who_left_may_nothing(world: World):
    User.objects.update(is_active=False)

    assert {User.objects.get(pk=user.pk).territory for user in world.users.values()} == {Territory()}


@pytest.mark.parametrize(
    "scope",
    [
        {"role": "steward", "street": "street"},
        {"role": "curator"},
        {"role": "curator", "street": "street", "district": "district"},
        {"role": "curator", "unit": "university"},
        {"role": "representative"},
        {"role": "representative", "street": "street"},
        {"role": "representative", "unit": "university", "district": "district"},
        {"role": "steward", "until": "2019-12-31"},
    ],
)
def test_a_role_has_exactly_the_scope_that_it_needs(world: World, scope: dict[str, str]):
    values = {name: getattr(world, value, value) for name, value in scope.items()}
    with pytest.raises(ValidationError):
        factories.AppointmentFactory.build(user=UserFactory(), **values).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        AppointmentFactory(**values)


# Before a row is saved ------------------------------------------------------------------------------------------------


def changed(record: Any, /, **values: Any) -> Any:
    """Return a row as it is to be saved."""
    again = type(record).objects.get(pk=record.pk)
    for name, value in values.items():
        setattr(again, name, value)
    return again


def test_a_record_is_moved_neither_out_of_a_territory_nor_into_it(world: World):
    own, foreign = AllianceFactory(street=world.street), AllianceFactory(street=world.far_street)
    curator, district = world.users["street"], world.users["district"]

    assert foreign_fields(curator, changed(own, name="另一个名字")) == []
    assert foreign_fields(curator, changed(foreign, name="另一个名字")) == [""]
    assert foreign_fields(curator, changed(own, street=world.far_street)) == [""]
    assert foreign_fields(curator, changed(foreign, street=world.street)) == [""]
    assert foreign_fields(curator, changed(own, street=None)) == [""]
    # The most precise division decides, whatever stands beside it.
    assert foreign_fields(curator, changed(own, neighbourhood=NeighbourhoodFactory(street=world.far_street))) == [""]
    assert foreign_fields(district, changed(own, street=world.next_street)) == []
    assert foreign_fields(world.users["steward"], changed(own, street=world.far_street)) == []


def test_who_loses_a_foreign_reference_must_be_allowed_to_edit_it(world: World):
    project = ProjectFactory(street=world.street, alliance=AllianceFactory(street=world.far_street))

    assert foreign_fields(world.users["street"], changed(project, summary="别的")) == []
    assert foreign_fields(world.users["street"], changed(project, alliance=None)) == ["alliance"]
    assert foreign_fields(world.users["far"], changed(project, alliance=None)) == [""]


def test_a_new_record_lies_where_its_maker_may_work(world: World):
    curator = world.users["street"]
    foreign = AllianceFactory(street=world.far_street)
    own = AllianceFactory(street=world.street)

    assert foreign_fields(curator, AllianceFactory.build(street=world.street)) == []
    assert foreign_fields(curator, AllianceFactory.build()) == [""]
    assert foreign_fields(curator, AllianceFactory.build(parent=own)) == []
    assert foreign_fields(curator, AllianceFactory.build(parent=foreign, street=world.street)) == ["parent"]
    assert foreign_fields(world.users["staff"], AllianceFactory.build(street=world.street)) == [""]


def test_a_party_is_named_freely_but_a_body_is_not_joined_by_force(world: World):
    alliance, foreign = AllianceFactory(street=world.street), AllianceFactory(street=world.next_street)
    build = MembershipFactory.build

    assert foreign_fields(world.users["street"], build(alliance=alliance, unit=MemberUnitFactory())) == []
    assert foreign_fields(world.users["street"], build(alliance=foreign, unit=MemberUnitFactory())) == [""]
    # Either side may enter it, in a status in which the other one answers; and then it stays where that has answered.
    user = world.users["university"]
    entered = {
        status: status_error(build(alliance=foreign, unit=world.university, status=status), None, user)
        for status in Membership.Status.values
    }
    assert foreign_fields(user, build(alliance=foreign, unit=world.university)) == []
    assert [status for status, errors in entered.items() if not errors] == ["applied"]
    assert {each["code"] for errors in entered.values() for each in errors} == {"first_status"}
    membership = MembershipFactory(alliance=alliance, unit=world.university)
    assert foreign_fields(user, changed(membership, alliance=foreign)) == ["alliance"]


def test_either_side_may_record_a_claim(world: World):
    project = ProjectFactory(street=world.street)
    claim = ClaimFactory.build(project=project, unit=world.school)

    allowed = {name for name, user in world.users.items() if not foreign_fields(user, claim)}
    assert allowed == STREET | FAR_SCHOOL


def test_a_representative_gives_the_unit_parts_but_no_places(world: World):
    user = world.users["university"]
    build = MemberUnitFactory.build

    assert foreign_fields(user, build(parent=world.school)) == []
    assert foreign_fields(user, build(parent=world.school, street=world.far_street)) == ["street"]
    assert foreign_fields(user, build(parent=MemberUnitFactory())) == [""]


def test_a_citation_is_moved_between_own_records_only(world: World):
    own, foreign = AllianceFactory(street=world.street), AllianceFactory(street=world.far_street)
    citation = CitationFactory(record=own)
    curator = world.users["street"]

    assert foreign_fields(curator, changed(citation, record=AllianceFactory(street=world.street))) == []
    assert foreign_fields(curator, changed(citation, record=foreign)) == [""]
    assert foreign_fields(curator, CitationFactory.build(article=citation.article, record=foreign)) == [""]


def test_a_row_of_a_record_that_is_saved_with_it_counts_as_own(world: World):
    alliance = AllianceFactory.build(street=world.street)

    assert foreign_fields(world.users["street"], MembershipFactory.build(alliance=alliance, unit=world.school)) == []


def test_every_model_says_where_its_rows_lie():
    silent: list[type[Citable]] = []
    for model in citable_models().values():
        for name in (*model.belongs_to, *model.concerns, *([model.inherits] if model.inherits else [])):
            assert model._meta.get_field(name).is_relation
        if not model.belongs_to and not model.concerns and not model.kept_by:
            silent.append(model)
    assert [model.resource for model in silent] == ["districts"]  # which are appointed by their keys
