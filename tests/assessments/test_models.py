"""Rubrics and ratings: their constraints."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tests.factories import (
    AssessmentFactory,
    DimensionFactory,
    FrameworkFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    ScoreFactory,
    StreetFactory,
)
from tests.violations import refuse

pytestmark = pytest.mark.django_db


def dimension(**values: Any) -> Any:
    return DimensionFactory.build(**{"slug": "of-the-test", "framework": FrameworkFactory(), **values})


def assessment(**values: Any) -> Any:
    return AssessmentFactory.build(
        **{"slug": "of-the-test", "state": "draft", "framework": FrameworkFactory(), "neighbourhood": None, **values}
    )


def same_position() -> Any:
    first = DimensionFactory()
    return dimension(framework=first.framework, position=first.position)


def same_name() -> Any:
    first = DimensionFactory()
    return dimension(framework=first.framework, name=first.name)


def same_score() -> Any:
    first = ScoreFactory()
    return ScoreFactory.build(slug="of-the-test", assessment=first.assessment, dimension=first.dimension)


VIOLATIONS: dict[str, Callable[[], Any]] = {
    "assessments_dimension_position_once": same_position,
    "assessments_dimension_once": same_name,
    "assessments_dimension_from_one": lambda: dimension(position=0),
    "assessments_assessment_one_subject": assessment,
    "assessments_score_once": same_score,
}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_clean_and_the_database_keep_every_constraint(constraint: str) -> None:
    refuse(constraint, VIOLATIONS[constraint]())


def test_two_subjects_are_one_too_many() -> None:
    refuse("assessments_assessment_one_subject", assessment(unit=MemberUnitFactory(), street=StreetFactory()))


@pytest.mark.parametrize("subject", ["neighbourhood", "unit", "street"])
def test_any_one_subject_will_do(subject: str) -> None:
    factory = {"neighbourhood": NeighbourhoodFactory, "unit": MemberUnitFactory, "street": StreetFactory}[subject]
    row = assessment(**{subject: factory()})
    row.full_clean()
    row.save()
    assert list(getattr(row, subject).assessments.all()) == [row]


def test_a_score_is_given_for_a_dimension_of_the_same_rubric() -> None:
    row = ScoreFactory.build(assessment=AssessmentFactory(), dimension=DimensionFactory())
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert error.value.message_dict == {"dimension": ["The dimension belongs to another rubric than the assessment."]}


def test_dimensions_stand_in_the_order_of_the_rubric() -> None:
    framework = FrameworkFactory()
    rows = [DimensionFactory(framework=framework, position=position) for position in (3, 1, 2)]
    assert list(framework.dimensions.all()) == [rows[1], rows[2], rows[0]]
