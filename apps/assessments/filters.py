"""Filters of how well."""

from apps.assessments.models import Assessment, Dimension, Framework
from apps.common.filters.base import ChoiceFilter, KeyFilter
from apps.common.filters.ranges import DateRange, NumberRange
from apps.registry.filters import PlacedFilterSet
from apps.registry.models import MemberUnit


class FrameworkFilterSet(PlacedFilterSet):
    """Filters of frameworks."""

    owner = KeyFilter("owner", MemberUnit)
    adopted = DateRange("adopted_on")


class DimensionFilterSet(PlacedFilterSet):
    """Filters of dimensions."""

    framework = KeyFilter("framework", Framework)
    position = NumberRange("position")


class AssessmentFilterSet(PlacedFilterSet):
    """Filters of assessments."""

    framework = KeyFilter("framework", Framework)
    unit = KeyFilter("unit", MemberUnit)
    assessor = KeyFilter("assessor", MemberUnit)
    status = ChoiceFilter("status", Assessment.Status, help_text="Where the rating stands.")
    assessed = DateRange("assessed_on")


class ScoreFilterSet(PlacedFilterSet):
    """Filters of scores."""

    assessment = KeyFilter("assessment", Assessment)
    dimension = KeyFilter("dimension", Dimension)
    value = NumberRange("value")
