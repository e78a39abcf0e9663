"""Filters of how well."""

from apps.assessments.models import Assessment, Dimension, Framework
from apps.common.filters.base import ChoiceFilter, KeyFilter
from apps.common.filters.ranges import DateRange, NumberRange
from apps.common.filters.sets import RecordFilterSet
from apps.registry.filters import WithinFilter
from apps.registry.models import MemberUnit, Neighbourhood, Street


class FrameworkFilterSet(RecordFilterSet):
    """Filters of frameworks."""

    owner = KeyFilter("owner", MemberUnit)
    street = KeyFilter("street", Street)
    within = WithinFilter(levels=("street",))
    adopted = DateRange("adopted_on")


class DimensionFilterSet(RecordFilterSet):
    """Filters of dimensions."""

    framework = KeyFilter("framework", Framework)
    position = NumberRange("position")


class AssessmentFilterSet(RecordFilterSet):
    """Filters of assessments."""

    framework = KeyFilter("framework", Framework)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    unit = KeyFilter("unit", MemberUnit)
    street = KeyFilter("street", Street)
    assessor = KeyFilter("assessor", MemberUnit)
    status = ChoiceFilter("status", Assessment.Status, help_text="Where the rating stands.")
    assessed = DateRange("assessed_on")
    within = WithinFilter(levels=("street", "neighbourhood"))


class ScoreFilterSet(RecordFilterSet):
    """Filters of scores."""

    assessment = KeyFilter("assessment", Assessment)
    dimension = KeyFilter("dimension", Dimension)
    value = NumberRange("value")
