"""The JSON of what happened."""

from django.utils.translation import gettext_lazy as _

from apps.common.serializers.counts import CountField, RecordedField, ReportedField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.parties_only import ReasonField
from apps.common.serializers.records import RecordSerializer, RowSerializer
from apps.common.serializers.references import AddressField, NameField, PartyField, Reference, edtf
from apps.events.models import Award, Event, Participation
from apps.registry.models import PARTY_KEYS
from apps.registry.serializers.divisions import DistrictSerializer, NeighbourhoodSerializer, StreetSerializer
from apps.registry.serializers.organisations import AllianceSerializer, MemberUnitSerializer
from apps.registry.serializers.parties import party_serializers
from apps.registry.serializers.venues import VenueSerializer


class EventSerializer(RecordSerializer):
    """Something that happened, or is planned."""

    part_count = CountField("parts", heading=_("parts"), help_text="Parts on record.")
    participation_count = CountField("participations", help_text="Participations on record.")
    reason = ReasonField()

    class Meta:
        model = Event
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "name_given",
            "kind",
            "status",
            "parent",
            "series",
            *edtf("held_on"),
            "alliance",
            "venue",
            "district",
            "street",
            "neighbourhood",
            "projects",
            "slogan",
            "summary",
            "reason",
            "part_count",
            "participation_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "parent": EventSerializer,
            "alliance": AllianceSerializer,
            "venue": VenueSerializer,
            "district": DistrictSerializer,
            "street": StreetSerializer,
            "neighbourhood": NeighbourhoodSerializer,
        }


class ParticipationInEvent(RowSerializer):
    """One who took part in the event."""

    party = PartyField(help_text="Unit, body or division that took part.")
    url = AddressField()

    class Meta:
        model = Participation
        fields = (
            "party",
            "unit",
            "alliance",
            "as_written",
            "group",
            "role",
            "status",
            "representative_name",
            "representative_office",
            "award",
            "contribution",
            "url",
        )


class EventDetailSerializer(EventSerializer):
    """An event with its parts and who took part."""

    parts = Reference(many=True, read_only=True, help_text="Events that are parts of it.")
    participations = ParticipationInEvent(many=True, read_only=True, help_text="Who took part, in which role.")
    reported_guest_count = ReportedField("guests", help_text="Guests, as a source counts them: persons.")
    recorded_guest_count = RecordedField(
        "participations",
        role="attendee",
        status="attended",
        help_text="Attendees on record: units and bodies, not persons.",
    )
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about it.")

    class Meta(EventSerializer.Meta):
        fields = (
            *EventSerializer.Meta.fields,
            "parts",
            "participations",
            "reported_guest_count",
            "recorded_guest_count",
            "figures",
        )


class ParticipationSerializer(RecordSerializer):
    """A unit, body or division at an event."""

    party = PartyField(heading=_("party"), help_text="Unit, body or division that took part.")

    name = NameField()
    reason = ReasonField()

    class Meta:
        model = Participation
        fields = (
            "url",
            "slug",
            "name",
            "event",
            "party",
            *PARTY_KEYS,
            "as_written",
            "group",
            "role",
            "status",
            "representative_name",
            "representative_office",
            "award",
            "contribution",
            "reason",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"event": EventSerializer, **party_serializers(PARTY_KEYS), "award": AwardSerializer}


class AwardSerializer(RecordSerializer):
    """An award scheme."""

    class Meta:
        model = Award
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "giver",
            "district",
            "summary",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"giver": MemberUnitSerializer, "district": DistrictSerializer}


class AwardInParticipation(RowSerializer):
    """One who received or presented the award."""

    party = PartyField(help_text="Unit, body or division that received or presented it.")
    url = AddressField()

    class Meta:
        model = Participation
        fields = ("event", "party", "unit", "alliance", "as_written", "group", "role", "contribution", "url")


class AwardDetailSerializer(AwardSerializer):
    """An award scheme with who received it."""

    participations = AwardInParticipation(many=True, read_only=True, help_text="Who received or presented it.")

    class Meta(AwardSerializer.Meta):
        fields = (*AwardSerializer.Meta.fields, "participations")
