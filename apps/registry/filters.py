"""Filters of who and where."""

from collections.abc import Iterable, Sequence
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


class WithinFilter(TargetFilter):
    """Rows that lie in a division, or in anything below it."""

    # From the whole to the part, each with the paths on which a level below leads up to it.
    LEVELS: ClassVar[dict[str, dict[str, str]]] = {
        District.resource: {"district": "", "street": "district", "neighbourhood": "street__district"},
        Street.resource: {"street": "", "neighbourhood": "street"},
        Neighbourhood.resource: {"neighbourhood": ""},
    }

    def __init__(self, *, prefix: str = "", levels: Iterable[str] = ("district", "street", "neighbourhood")) -> None:
        super().__init__(
            help_text="Divisions as `resource/key`, such as `districts/310110` or `streets/310110013`, separated by"
            " commas: records in one of them or in anything below it.",
        )
        self.prefix = prefix
        self.levels = tuple(levels)

    def known(self, resource: str) -> type[Citable]:
        if resource not in self.LEVELS:
            detail = gettext("“%(name)s” is no level of the divisions.") % {"name": resource[:100]}
            raise FilterError(detail + nearest(resource[:100], self.LEVELS))
        return super().known(resource)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        parts = []
        for resource, slot in zip(shape, slots, strict=True):
            place = Subquery(keyed(self.known(resource), [slot], viewer))
            for level, up in self.LEVELS[resource].items():
                if level in self.levels:
                    path = "__".join(filter(None, (self.prefix, level, up)))
                    parts.append(model._base_manager.filter(**{path: place}).order_by().values("pk"))
        if not parts:
            return NOTHING
        # A union, because PostgreSQL looks up each part in an index but reads the whole table for an OR over joins.
        return Q(pk__in=parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])


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
    within = WithinFilter(levels=("district",))
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
    within = WithinFilter(levels=("street",))


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


class MemberUnitFilterSet(RecordFilterSet):
    """Filters of member units."""

    kind = ChoiceFilter("kind", MemberUnit.Kind, help_text="Kinds of organisation.")
    parent = KeyFilter("parent", MemberUnit)
    district = KeyFilter("district", District)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    alliance = KeyFilter("memberships__alliance", Alliance, distinct=True)
    identifier = IdentifierFilter("identifiers", help_text="Identifiers as `scheme:value`, separated by commas.")
    within = WithinFilter()
    part_of = TreeFilter(MemberUnit, below=True)
    has_part = TreeFilter(MemberUnit, below=False)
    membership_count = CountRange("memberships")
    claim_count = CountRange("claims")


class UnitNameFilterSet(RecordFilterSet):
    """Filters of unit names."""

    kind = ChoiceFilter("kind", UnitName.Kind, help_text="How the name relates to the unit.")
    unit = KeyFilter("unit", MemberUnit)
    valid_from = DateRange("valid_from")
    valid_until = DateRange("valid_until")


class IdentifierFilterSet(RecordFilterSet):
    """Filters of identifiers."""

    scheme = ChoiceFilter("scheme", Identifier.Scheme, help_text="Registers or standards that give identifiers.")
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
    founded = DateRange("founded_on")
    within = WithinFilter()
    part_of = TreeFilter(Alliance, below=True)
    has_part = TreeFilter(Alliance, below=False)
    dissolved = DateRange("dissolved_on")
    part_count = CountRange("parts")
    member_count = CountRange("memberships")
    project_count = CountRange("projects")


class MembershipFilterSet(RecordFilterSet):
    """Filters of memberships."""

    alliance = KeyFilter("alliance", Alliance)
    unit = KeyFilter("unit", MemberUnit)
    role = ChoiceFilter("role", Membership.Role, help_text="Roles in the body.")
    joined = DateRange("joined_on")
    left = DateRange("left_on")
    within = WithinFilter(prefix="alliance")


class VenueFilterSet(RecordFilterSet):
    """Filters of venues."""

    kind = ChoiceFilter("kind", Venue.Kind, help_text="Kinds of place.")
    parent = KeyFilter("parent", Venue)
    operator = KeyFilter("operator", MemberUnit)
    district = KeyFilter("district", District)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    opened = DateRange("opened_on")
    within = WithinFilter()
    part_of = TreeFilter(Venue, below=True)
    has_part = TreeFilter(Venue, below=False)
    closed = DateRange("closed_on")
    service_count = CountRange("services")


class VenueServiceFilterSet(RecordFilterSet):
    """Filters of venue services."""

    category = ChoiceFilter("category", VenueService.Category, help_text="Fields of service.")
    venue = KeyFilter("venue", Venue)
    provider = KeyFilter("provider", MemberUnit)
    offered_since = DateRange("offered_since")
    within = WithinFilter(prefix="venue")
