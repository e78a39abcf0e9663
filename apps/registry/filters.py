"""Filters of who and where."""

from typing import Any

import django_filters

from apps.common.filters import ChoiceFilter, CommaFilter, DateFilter, KeyFilter, RecordFilterSet
from apps.registry.models import (
    Alliance,
    District,
    Membership,
    MemberUnit,
    Neighbourhood,
    Street,
    UnitName,
    Venue,
    VenueService,
)


class DivisionFilterSet(RecordFilterSet):
    """What all levels of division are filtered by."""

    official_code = CommaFilter("official_code", help_text="Codes as the division codes print them.")


class DistrictFilterSet(DivisionFilterSet):
    """Filters of districts."""

    kind = ChoiceFilter("kind", District.Kind, help_text="Kinds of county-level division.")
    successor = KeyFilter("successor", District)


class StreetFilterSet(DivisionFilterSet):
    """Filters of streets."""

    kind = ChoiceFilter("kind", Street.Kind, help_text="Kinds of township-level division.")
    district = KeyFilter("district", District)
    successor = KeyFilter("successor", Street)


class NeighbourhoodFilterSet(DivisionFilterSet):
    """Filters of neighbourhoods."""

    kind = ChoiceFilter("kind", Neighbourhood.Kind, help_text="Committees of either kind, or estates.")
    district = KeyFilter("street__district", District)
    street = KeyFilter("street", Street)
    committee = KeyFilter("committee", Neighbourhood)
    successor = KeyFilter("successor", Neighbourhood)
    written_as = django_filters.CharFilter(
        method="filter_written_as",
        max_length=100,
        help_text="A name as articles write it, such as 国定一居民区; gives the committees that it can mean.",
    )

    def filter_written_as(self, queryset: Any, name: str, value: str) -> Any:
        """Keep the neighbourhoods that a name in an article can mean."""
        return queryset.written_as(value)


class MemberUnitFilterSet(RecordFilterSet):
    """Filters of member units."""

    kind = ChoiceFilter("kind", MemberUnit.Kind, help_text="Kinds of organisation.")
    parent = KeyFilter("parent", MemberUnit)
    district = KeyFilter("district", District)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    alliance = KeyFilter("memberships__alliance", Alliance, distinct=True)


class UnitNameFilterSet(RecordFilterSet):
    """Filters of unit names."""

    kind = ChoiceFilter("kind", UnitName.Kind, help_text="How the name relates to the unit.")
    unit = KeyFilter("unit", MemberUnit)


class AllianceFilterSet(RecordFilterSet):
    """Filters of alliances."""

    kind = ChoiceFilter("kind", Alliance.Kind, help_text="Kinds of body.")
    status = ChoiceFilter("status", Alliance.Status, help_text="Proposed, active or dissolved.")
    parent = KeyFilter("parent", Alliance)
    district = KeyFilter("district", District)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    unit = KeyFilter("memberships__unit", MemberUnit, distinct=True)
    founded_after = DateFilter("founded_on", "after")
    founded_before = DateFilter("founded_on", "before")


class MembershipFilterSet(RecordFilterSet):
    """Filters of memberships."""

    alliance = KeyFilter("alliance", Alliance)
    unit = KeyFilter("unit", MemberUnit)
    role = ChoiceFilter("role", Membership.Role, help_text="Roles in the body.")
    joined_after = DateFilter("joined_on", "after")
    joined_before = DateFilter("joined_on", "before")


class VenueFilterSet(RecordFilterSet):
    """Filters of venues."""

    kind = ChoiceFilter("kind", Venue.Kind, help_text="Kinds of place.")
    parent = KeyFilter("parent", Venue)
    operator = KeyFilter("operator", MemberUnit)
    district = KeyFilter("district", District)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    opened_after = DateFilter("opened_on", "after")
    opened_before = DateFilter("opened_on", "before")


class VenueServiceFilterSet(RecordFilterSet):
    """Filters of venue services."""

    category = ChoiceFilter("category", VenueService.Category, help_text="Fields of service.")
    venue = KeyFilter("venue", Venue)
    provider = KeyFilter("provider", MemberUnit)
