"""Venues and their services as JSON."""

from django.utils.translation import gettext_lazy as _

from apps.common.serializers.counts import CountField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.records import RecordSerializer, RowSerializer
from apps.common.serializers.references import AddressField, Reference, edtf
from apps.registry.models import Venue, VenueService
from apps.registry.serializers.divisions import DistrictSerializer, NeighbourhoodSerializer, StreetSerializer
from apps.registry.serializers.organisations import MemberUnitSerializer


class VenueSerializer(RecordSerializer):
    """A place in which the networks work."""

    service_count = CountField("services", heading=_("services"), help_text="Services on record.")

    class Meta:
        model = Venue
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "kind",
            "parent",
            "operator",
            "district",
            "street",
            "neighbourhood",
            *edtf("opened_on"),
            *edtf("closed_on"),
            "opening_hours",
            "summary",
            "service_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "parent": VenueSerializer,
            "operator": MemberUnitSerializer,
            "district": DistrictSerializer,
            "street": StreetSerializer,
            "neighbourhood": NeighbourhoodSerializer,
        }


class ServiceOfVenue(RowSerializer):
    """Something that the venue offers."""

    url = AddressField()

    class Meta:
        model = VenueService
        fields = ("name", "category", "provider", *edtf("offered_since"), "summary", "url")


class VenueDetailSerializer(VenueSerializer):
    """A place with its parts, services and events."""

    parts = Reference(many=True, read_only=True, help_text="Venues that are parts of it.")
    services = ServiceOfVenue(many=True, read_only=True, help_text="What it offers.")
    events = Reference(many=True, read_only=True, help_text="Events held in it.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about it.")

    class Meta(VenueSerializer.Meta):
        fields = (*VenueSerializer.Meta.fields, "parts", "services", "events", "figures")


class VenueServiceSerializer(RecordSerializer):
    """One thing that a venue offers."""

    class Meta:
        model = VenueService
        fields = (
            "url",
            "slug",
            "venue",
            "name",
            "name_pinyin",
            "category",
            "provider",
            *edtf("offered_since"),
            "summary",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"venue": VenueSerializer, "provider": MemberUnitSerializer}
