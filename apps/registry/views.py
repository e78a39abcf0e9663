"""Divisions, units, alliances and venues over HTTP."""

from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import Refusal
from apps.common.resources.views import RecordViewSet, Tag, to_record
from apps.common.rules.territory import Reader
from apps.common.writing.contract import Finder
from apps.common.writing.evidence import settle_evidence
from apps.common.writing.writer import RecordWriter
from apps.registry import filters, linked_terms
from apps.registry.borne import divide
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
from apps.registry.serializers import divisions, organisations, venues

# The domains of the document.
DIVISIONS = Tag(
    "divisions", "Where: districts, streets and neighbourhoods, with the editions of the codes that list them."
)
UNITS = Tag("units", "Who: organisations, the names under which they appear, and what other registers call them.")
ALLIANCES = Tag("alliances", "Bodies of units, from joint conferences to co-building pairs.")
VENUES = Tag("venues", "Places in which the networks work, and what they offer.")


class DivisionViewSet(RecordViewSet):
    """A level of the divisions; a list without `as_of` holds the newest edition."""

    @classmethod
    def at_time(cls, rows: Any, as_of: Any, asked: frozenset[str]) -> Any:
        return rows.valid_on(as_of) if as_of else rows.current()


class DistrictViewSet(DivisionViewSet):
    """County-level divisions of the city (区, 县), from the statistical division codes."""

    queryset = District.objects.all()
    serializer_class = divisions.DistrictSerializer
    detail_serializer_class = divisions.DistrictDetailSerializer
    filterset_class = filters.DistrictFilterSet
    sortable = {"code": "code", "name": "name_pinyin", "updated_at": "updated_at"}
    default_sort = "code"
    tag = DIVISIONS
    linked = linked_terms.DISTRICT


class StreetViewSet(DivisionViewSet):
    """Township-level divisions (街道, 镇, 乡 and zones of the same rank), from the statistical division codes."""

    queryset = Street.objects.all()
    serializer_class = divisions.StreetSerializer
    detail_serializer_class = divisions.StreetDetailSerializer
    filterset_class = filters.StreetFilterSet
    sortable = {"code": "code", "name": "name_pinyin", "updated_at": "updated_at"}
    default_sort = "code"
    tag = DIVISIONS
    linked = linked_terms.STREET


class NeighbourhoodViewSet(DivisionViewSet):
    """Residents' and village committees with their official codes, and estates (小区), which have none.

    No edition of the codes lists estates: they are given where `kind`, `q`, `written_as` or `article` asks for them.
    """

    queryset = Neighbourhood.objects.all()
    serializer_class = divisions.NeighbourhoodSerializer
    detail_serializer_class = divisions.NeighbourhoodDetailSerializer
    filterset_class = filters.NeighbourhoodFilterSet
    sortable = {"key": "key", "name": "name_pinyin", "updated_at": "updated_at"}
    default_sort = "key"
    tag = DIVISIONS
    linked = linked_terms.NEIGHBOURHOOD

    @classmethod
    def at_time(cls, rows: Any, as_of: Any, asked: frozenset[str]) -> Any:
        found = super().at_time(rows, as_of, asked)
        return found if asked & {"kind", "q", "written_as", "article"} else found.in_editions()


class MemberUnitViewSet(RecordViewSet):
    """Organisations and parts of them: universities, hospitals, companies, garrisons, party bodies ..."""

    queryset = MemberUnit.objects.all()
    serializer_class = organisations.MemberUnitSerializer
    detail_serializer_class = organisations.MemberUnitDetailSerializer
    filterset_class = filters.MemberUnitFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "name"
    tag = UNITS
    linked = linked_terms.MEMBER_UNIT

    @staticmethod
    def _identifier(key: str) -> tuple[str, str] | None:
        """Return the identifier in the place of a key (`uscc:9131…`), normalised; None for any other key."""
        scheme, colon, value = key.partition(":")
        if not colon or scheme not in SCHEMES or "\0" in value:
            return None
        try:
            return scheme, normalise(scheme, value)
        except SchemeError:
            return None

    def _bearer(self, key: str, user: Reader) -> str:
        """Return the slug of the unit that bears an identifier; empty for any other key, and if no unit does."""
        if (given := self._identifier(key)) is None:
            return ""
        borne = Identifier.objects.visible_to(user).filter(scheme=given[0], value=given[1])
        unit = MemberUnit.objects.visible_to(user).filter(pk__in=borne.order_by().values("unit")).first()
        return unit.slug if unit else ""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Let a write name its unit by an identifier: the slug takes its place."""
        super().initial(request, *args, **kwargs)
        if slug := self._bearer(self.kwargs.get("key", ""), request.user):
            self.kwargs["key"] = slug  # the method is called with this very dictionary

    def _elsewhere(self, request: HttpRequest | Request, key: str, user: Reader) -> HttpResponseBase | None:
        if slug := self._bearer(key, user):
            return to_record(request, self.queryset.model, slug, permanent=False)
        return super()._elsewhere(request, key, user)

    def update(self, request: Request, key: str) -> Any:
        """Replace a unit, or make one; by an identifier that nobody bears, make one that bears it."""
        if ":" not in key:
            return super().update(request, key)
        if (given := self._identifier(key)) is None:
            detail = gettext("An identifier is written as scheme:value, such as uscc:91110000600037341L.")
            raise Refusal("bad_request", detail)
        if self.conditions.match is not None:
            raise Refusal("precondition_failed", gettext("No record bears this identifier."))
        body = self._body()

        def work() -> Any:
            unit, identifier = divide(body)
            with unit.placing(self.flaws):
                change = self._writer().create(unit.members)
                self._refuse_reserved(change.record.key)
            with identifier.placing():
                self._bear(cast("MemberUnit", change.record), *given, identifier.members)
            with unit.placing():
                return self._answer([change], status=201)

        return self._write(self._reason(body), work)

    def _bear(self, unit: MemberUnit, scheme: str, value: str, evidence: Mapping[str, object]) -> None:
        """Record that a unit bears an identifier: published with it on evidence, and a draft without any."""
        is_published = evidence and unit.state == MemberUnit.State.PUBLISHED
        state = MemberUnit.State.PUBLISHED if is_published else MemberUnit.State.DRAFT
        writer = RecordWriter(IdentifierViewSet.contract(), self.request.user, Finder(self.request.user))
        body = {"unit": unit.key, "scheme": scheme, "value": value, "state": state.value, **evidence}
        settle_evidence([writer.create(body)], self.request.user)


class UnitNameViewSet(RecordViewSet):
    """Names under which units appear: official, short, former, and as sources write them."""

    queryset = UnitName.objects.all()
    serializer_class = organisations.UnitNameSerializer
    detail_serializer_class = organisations.UnitNameSerializer
    filterset_class = filters.UnitNameFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "name"
    tag = UNITS
    linked = linked_terms.UNIT_NAME


class IdentifierViewSet(RecordViewSet):
    """Identifiers that other registers give to units: unified social credit codes, ROR, Wikidata, websites ..."""

    queryset = Identifier.objects.all()
    serializer_class = organisations.IdentifierSerializer
    detail_serializer_class = organisations.IdentifierSerializer
    filterset_class = filters.IdentifierFilterSet
    sortable = {"slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = UNITS
    linked = linked_terms.IDENTIFIER


class AllianceViewSet(RecordViewSet):
    """Bodies of units: joint conferences and their parts, alliances, committees, co-building pairs ..."""

    queryset = Alliance.objects.all()
    serializer_class = organisations.AllianceSerializer
    detail_serializer_class = organisations.AllianceDetailSerializer
    filterset_class = filters.AllianceFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "founded_on": "founded_on_earliest", "updated_at": "updated_at"}
    default_sort = "name"
    tag = ALLIANCES
    linked = linked_terms.ALLIANCE


class MembershipViewSet(RecordViewSet):
    """Who belongs to which body, in which role."""

    queryset = Membership.objects.all()
    serializer_class = organisations.MembershipSerializer
    detail_serializer_class = organisations.MembershipSerializer
    filterset_class = filters.MembershipFilterSet
    sortable = {"slug": "slug", "joined_on": "joined_on_earliest", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = ALLIANCES
    linked = linked_terms.MEMBERSHIP


class VenueViewSet(RecordViewSet):
    """Places in which the networks work (阵地); parts of a venue are venues with a parent."""

    queryset = Venue.objects.all()
    serializer_class = venues.VenueSerializer
    detail_serializer_class = venues.VenueDetailSerializer
    filterset_class = filters.VenueFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "opened_on": "opened_on_earliest", "updated_at": "updated_at"}
    default_sort = "name"
    tag = VENUES
    linked = linked_terms.VENUE


class VenueServiceViewSet(RecordViewSet):
    """What venues offer, by whom and since when."""

    queryset = VenueService.objects.all()
    serializer_class = venues.VenueServiceSerializer
    detail_serializer_class = venues.VenueServiceSerializer
    filterset_class = filters.VenueServiceFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "name"
    tag = VENUES
    linked = linked_terms.VENUE_SERVICE
