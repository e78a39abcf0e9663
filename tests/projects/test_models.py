"""Needs, resources, projects, claims and results: their constraints, and what they are called."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import (
    AllianceFactory,
    ClaimFactory,
    DeliverableFactory,
    MatchFactory,
    MemberUnitFactory,
    ProjectFactory,
    ProjectPartnerFactory,
    RoundFactory,
    RoundProjectFactory,
    StreetFactory,
)
from tests.rows import FACTORIES
from tests.violations import refuse

pytestmark = pytest.mark.django_db


def build(model: str, **values: Any) -> Any:
    """Return a row of a model that is not saved; its references are those given."""
    (factory,) = [factory for found, factory in FACTORIES.items() if found.__name__ == model]
    return factory.build(**{"slug": "of-the-test", "state": "draft", **values})


def own_parent() -> Any:
    row = ProjectFactory()
    row.parent = row
    return row


def partner(**values: Any) -> Any:
    return build("ProjectPartner", **{"project": ProjectFactory(), "unit": None, "alliance": None, **values})


def same_partner_again(**values: Any) -> Any:
    first = ProjectPartnerFactory(unit=None, as_written="某企业")
    return partner(project=first.project, as_written="某企业", **values)


def same_claim_again() -> Any:
    first = ClaimFactory()
    return build("Claim", project=first.project, unit=first.unit, status="completed")


def without_places() -> Any:
    return build("RoundProject", places=0, round=RoundFactory(), project=ProjectFactory())


def put_up_again() -> Any:
    first = RoundProjectFactory()
    return build("RoundProject", round=first.round, project=first.project)


def same_match_again() -> Any:
    first = MatchFactory()
    return build("Match", need=first.need, offer=first.offer)


def same_deliverable_again() -> Any:
    first = DeliverableFactory()
    return build("Deliverable", project=first.project, name=first.name, kind="film")


VIOLATIONS: dict[str, Callable[[], Any]] = {
    "projects_category_has_user": lambda: build("Category", alliance=None),
    "projects_need_has_publisher": lambda: build("Need", alliance=None),
    "projects_need_capacity": lambda: build("Need", alliance=AllianceFactory(), capacity=0),
    "projects_resource_has_publisher": lambda: build("Resource", unit=None),
    "projects_resource_capacity": lambda: build("Resource", unit=MemberUnitFactory(), capacity=0),
    "projects_match_once": same_match_again,
    "projects_project_not_own_parent": own_parent,
    "projects_projectpartner_one_party": lambda: partner(unit=MemberUnitFactory(), alliance=AllianceFactory()),
    "projects_projectpartner_group_is_no_party": lambda: partner(unit=MemberUnitFactory(), group=True),
    "projects_projectpartner_names_a_party": partner,
    "projects_projectpartner_once": same_partner_again,
    "projects_round_has_keeper": lambda: build("Round", street=None),
    "projects_round_most_claims": lambda: build("Round", most_claims=0, street=StreetFactory()),
    "projects_roundproject_once": put_up_again,
    "projects_roundproject_places": without_places,
    "projects_claim_once": same_claim_again,
    "projects_deliverable_once": same_deliverable_again,
}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_clean_and_the_database_keep_every_constraint(constraint: str) -> None:
    refuse(constraint, VIOLATIONS[constraint]())


@pytest.mark.parametrize("model", ["Need", "Resource"])
@pytest.mark.parametrize("publisher", ["alliance", "unit", "street"])
def test_any_publisher_will_do(model: str, publisher: str) -> None:
    factory = {"alliance": AllianceFactory, "unit": MemberUnitFactory, "street": StreetFactory}[publisher]
    row = build(model, **{"alliance": None, "unit": None, publisher: factory()})
    row.full_clean()
    row.save()
    assert getattr(type(row).objects.get(slug="of-the-test"), publisher) is not None


def test_a_category_belongs_to_a_body_or_a_programme() -> None:
    row = build("Category", alliance=None, programme=ProjectFactory())
    row.full_clean()
    row.save()
    assert list(row.programme.categories.all()) == [row]


def test_the_same_partner_may_take_several_parts() -> None:
    first = ProjectPartnerFactory(role="lead")
    again = partner(project=first.project, unit=first.unit, role="funder")
    again.full_clean()
    again.save()
    assert set(first.project.partners.all()) == {first, again}


def test_a_party_is_shown_by_unit_alliance_or_name_as_written() -> None:
    project = ProjectFactory(name="测试计划")
    shown = [
        str(ProjectPartnerFactory(project=project, unit=MemberUnitFactory(name="甲校"), as_written="甲")),
        str(ProjectPartnerFactory(project=project, unit=None, alliance=AllianceFactory(name="乙盟"))),
        str(ProjectPartnerFactory(project=project, unit=None, as_written="某企业")),
    ]
    assert shown == ["甲校 (partner) · 测试计划", "乙盟 (partner) · 测试计划", "某企业 (partner) · 测试计划"]


def test_what_belongs_to_a_project_goes_with_it() -> None:
    project = ProjectFactory()
    rows = [ClaimFactory(project=project), DeliverableFactory(project=project), ProjectPartnerFactory(project=project)]
    project.delete()
    assert [type(row).objects.filter(pk=row.pk).exists() for row in rows] == [False, False, False]
