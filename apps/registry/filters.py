"""Filters of who and where."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q, Subquery
from django.utils.translation import gettext

from apps.common.filters.base import NOTHING, ChoiceFilter, CommaFilter, Filter, KeyFilter, ParsedFilter, keyed
from apps.common.filters.places import TargetFilter, TreeFilter
from apps.common.filters.ranges import CountRange, DateRange
from apps.common.filters.sets import RecordFilterSet
from apps.common.http.parameters import FilterError
from apps.common.http.problems import nearest
from apps.common.models.records import Citable
from apps.common.rules.territory import Reader
from apps.registry import naming
from apps.registry.models import (
    Alliance,
    District,
    Identifier,
    Membership,
    MemberUnit,
    Neighbourhood,
    Street,
    UnitName,
    Venue,
    VenueService,
)
from apps.registry.schemes import SCHEMES, SchemeError, normalise

PLACES: dict[str, type[Citable]] = {each.resource: each for each in (District, Street, Neighbourhood)}


class LiesInFilter(KeyFilter):
    """Rows that lie in one of the divisions of a level; in the area of a committee lie its estates, too."""

    def __init__(self, level: str) -> None:
        target = PLACES[f"{level}s"]
        super().__init__(
            f"in_{level}",
            target,
            help_text=f"Keys of `{target.resource}`, separated by commas: records that lie in one of them, by their own"
            " place or by that of what they belong to.",
        )

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        return lies_in(self.target, self.field_name, slots, viewer)


def lies_in(target: type[Citable], path: str, slots: Sequence[Any], viewer: Reader) -> Q:
    """Return the condition that a path leads to one of the divisions with some keys, or to an estate in its area."""
    found = keyed(target, slots, viewer)
    if target is Neighbourhood:
        return Q(**{f"{path}__in": found.union(Neighbourhood._base_manager.filter(committee__in=found).values("pk"))})
    return Q(**({path: Subquery(found)} if len(slots) == 1 else {f"{path}__in": found}))


class WithinFilter(TargetFilter):
    """Rows that lie in a division of any level.

    `paths` lead from a row to the division of each level in which it lies; without one of a level, none does.
    """

    def __init__(self, **paths: str) -> None:
        super().__init__(
            help_text="Divisions as `resource/key`, such as `districts/310110` or `streets/310110013`, separated by"
            " commas: records that lie in one of them.",
        )
        self.paths = paths or {resource: f"in_{resource.removesuffix('s')}" for resource in PLACES}

    def known(self, resource: str) -> type[Citable]:
        if resource not in PLACES:
            detail = gettext("“%(name)s” is no level of the divisions.") % {"name": resource[:100]}
            raise FilterError(detail + nearest(resource[:100], PLACES))
        return super().known(resource)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        parts = [
            lies_in(PLACES[resource], self.paths[resource], [slot], viewer)
            for resource, slot in zip(shape, slots, strict=True)
            if resource in self.paths
        ]
        if len(parts) < 2:
            return parts[0] if parts else NOTHING
        # A union: PostgreSQL looks up each part in an index, but reads the whole table for an OR over subqueries.
        found = [model._base_manager.filter(part).order_by().values("pk") for part in parts]
        return Q(pk__in=found[0].union(*found[1:], all=True))


class PlacedFilterSet(RecordFilterSet):
    """Filters of records that lie somewhere."""

    district = LiesInFilter("district")
    street = LiesInFilter("street")
    neighbourhood = LiesInFilter("neighbourhood")
    within = WithinFilter()


class DivisionFilterSet(RecordFilterSet):
    """Filters of all levels of division."""

    official_code = CommaFilter("official_code", help_text="Codes as the division codes print them.")
    established = DateRange("established_on")
    abolished = DateRange("abolished_on")


class DistrictFilterSet(DivisionFilterSet):
    """Filters of districts."""

    kind = ChoiceFilter("kind", District.Kind, help_text="Kinds of county-level division.")
    successor = KeyFilter("successor", District)
    street_count = CountRange("streets")


class StreetFilterSet(DivisionFilterSet):
    """Filters of streets."""

    kind = ChoiceFilter("kind", Street.Kind, help_text="Kinds of township-level division.")
    district = KeyFilter("district", District)
    successor = KeyFilter("successor", Street)
    within = WithinFilter(districts="district")
    neighbourhood_count = CountRange("neighbourhoods")


class WrittenAsFilter(Filter):
    """Neighbourhoods that a name in an article can mean."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 100}

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        if len(text) > self.schema["maxLength"]:
            raise FilterError(gettext("More than %(limit)s characters.") % {"limit": self.schema["maxLength"]})
        try:
            return ParsedFilter(naming.says_village(text), (naming.match_key(text),))
        except ValueError:
            return ParsedFilter("nothing", ())

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        return NOTHING if shape == "nothing" else Neighbourhood.written_condition(slots[0], shape)


class NeighbourhoodFilterSet(DivisionFilterSet):
    """Filters of neighbourhoods."""

    kind = ChoiceFilter("kind", Neighbourhood.Kind, help_text="Committees of either kind, or estates.")
    district = KeyFilter("street__district", District)
    street = KeyFilter("street", Street)
    committee = KeyFilter("committee", Neighbourhood)
    successor = KeyFilter("successor", Neighbourhood)
    written_as = WrittenAsFilter(
        help_text="A name as articles write it, such as 国定一居民区; gives the committees that it can mean."
    )
    within = WithinFilter(districts="street__district", streets="street", neighbourhoods="committee")


class IdentifierFilter(CommaFilter):
    """Units that bear one of the identifiers given as `scheme:value`; one that nobody bears finds nothing."""

    facets = False
    schema: ClassVar[dict[str, Any]] = {"type": "string", "example": "uscc:91110000600037341L"}

    def check(self, words: tuple[str, ...]) -> ParsedFilter:
        pairs = [self._read(word) for word in words]
        return ParsedFilter(tuple(scheme for scheme, _value in pairs), tuple(value for _scheme, value in pairs))

    @staticmethod
    def _read(word: str) -> tuple[str, str]:
        scheme, colon, text = word.partition(":")
        if not colon:
            raise FilterError(gettext("An identifier is written as scheme:value, such as uscc:91110000600037341L."))
        if scheme not in SCHEMES:
            detail = gettext("There is no scheme “%(name)s”.") % {"name": scheme[:40]}
            raise FilterError(detail + nearest(scheme[:40], SCHEMES))
        try:
            return scheme, normalise(scheme, text)
        except SchemeError as error:
            detail = gettext("“%(value)s” is no identifier of the scheme %(scheme)s.") % {
                "value": text[:100],
                "scheme": scheme,
            }
            raise FilterError(f"{detail} {error.reason}") from error

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Q:
        found = Q()
        for scheme, slot in zip(shape, slots, strict=True):
            found |= Q(scheme=scheme, value=slot)
        rows = Identifier.objects.visible_to(viewer).filter(found).order_by()
        return Q(pk__in=rows.values("unit"))


class MemberUnitFilterSet(PlacedFilterSet):
    """Filters of member units."""

    kind = ChoiceFilter("kind", MemberUnit.Kind, help_text="Kinds of organisation.")
    parent = KeyFilter("parent", MemberUnit)
    alliance = KeyFilter("memberships__alliance", Alliance, distinct=True)
    identifier = IdentifierFilter("identifiers", help_text="Identifiers as `scheme:value`, separated by commas.")
    part_of = TreeFilter(MemberUnit, below=True)
    has_part = TreeFilter(MemberUnit, below=False)
    membership_count = CountRange("memberships")
    claim_count = CountRange("claims")


class UnitNameFilterSet(PlacedFilterSet):
    """Filters of unit names."""

    kind = ChoiceFilter("kind", UnitName.Kind, help_text="How the name relates to the unit.")
    unit = KeyFilter("unit", MemberUnit)
    valid_from = DateRange("valid_from")
    valid_until = DateRange("valid_until")


class IdentifierFilterSet(PlacedFilterSet):
    """Filters of identifiers."""

    scheme = ChoiceFilter("scheme", Identifier.Scheme, help_text="Registers or standards that give identifiers.")
    unit = KeyFilter("unit", MemberUnit)


class AllianceFilterSet(PlacedFilterSet):
    """Filters of alliances."""

    kind = ChoiceFilter("kind", Alliance.Kind, help_text="Kinds of body.")
    status = ChoiceFilter("status", Alliance.Status, help_text="Proposed, active or dissolved.")
    parent = KeyFilter("parent", Alliance)
    unit = KeyFilter("memberships__unit", MemberUnit, distinct=True)
    founded = DateRange("founded_on")
    part_of = TreeFilter(Alliance, below=True)
    has_part = TreeFilter(Alliance, below=False)
    dissolved = DateRange("dissolved_on")
    part_count = CountRange("parts")
    member_count = CountRange("memberships")
    project_count = CountRange("projects")


class MembershipFilterSet(PlacedFilterSet):
    """Filters of memberships."""

    alliance = KeyFilter("alliance", Alliance)
    unit = KeyFilter("unit", MemberUnit)
    role = ChoiceFilter("role", Membership.Role, help_text="Roles in the body.")
    status = ChoiceFilter("status", Membership.Status, help_text="Where the membership stands.")
    joined = DateRange("joined_on")
    left = DateRange("left_on")


class VenueFilterSet(PlacedFilterSet):
    """Filters of venues."""

    kind = ChoiceFilter("kind", Venue.Kind, help_text="Kinds of place.")
    parent = KeyFilter("parent", Venue)
    operator = KeyFilter("operator", MemberUnit)
    opened = DateRange("opened_on")
    part_of = TreeFilter(Venue, below=True)
    has_part = TreeFilter(Venue, below=False)
    closed = DateRange("closed_on")
    service_count = CountRange("services")


class VenueServiceFilterSet(PlacedFilterSet):
    """Filters of venue services."""

    category = ChoiceFilter("category", VenueService.Category, help_text="Fields of service.")
    venue = KeyFilter("venue", Venue)
    provider = KeyFilter("provider", MemberUnit)
    offered_since = DateRange("offered_since")
