"""Districts, streets and neighbourhoods as JSON."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.common.models.records import Citable
from apps.common.serializers.counts import CountField, RecordedField, ReportedField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.references import AddressField, Reference, edtf
from apps.registry.models import District, Neighbourhood, Street

DIVISION = (
    "url",
    "code",
    "official_code",
    "name",
    "name_pinyin",
    "kind",
    "editions",
    *edtf("established_on"),
    *edtf("abolished_on"),
    "successor",
)
# What a division does as a party, as against what lies in it.
AS_PARTY = ("participations", "project_roles", "reported_figures")


class ParticipationOfDivision(serializers.Serializer):
    """An event in which the division itself took part."""

    event = Reference(help_text="The event.")
    role = serializers.CharField(help_text="Part that the division played: organiser, signatory ...")
    status = serializers.CharField(help_text="Where the invitation stands; `attended`: it took part.")
    as_written = serializers.CharField(help_text="The division's name as the source writes it.")
    contribution = serializers.CharField(help_text="What was given, presented or spoken about.")
    url = AddressField()


class ProjectRoleOfDivision(serializers.Serializer):
    """A project in which the division itself is a partner."""

    project = Reference(help_text="The project.")
    role = serializers.CharField(help_text="Part that the division plays: lead, builder ...")
    as_written = serializers.CharField(help_text="The division's name as the source writes it.")
    url = AddressField()


class AsParty(RecordSerializer):
    """What a division does itself: it organises, leads, signs and reports. Nothing of that lies in it for that."""

    participations = ParticipationOfDivision(
        many=True, read_only=True, help_text="Events in which the division itself took part, in which role."
    )
    project_roles = ProjectRoleOfDivision(
        source="projectpartners",
        many=True,
        read_only=True,
        help_text="Projects in which the division itself is a partner, in which role.",
    )
    reported_figures = Reference(many=True, read_only=True, help_text="Numbers that the division itself reports.")

    class Meta:
        abstract = True


COUNTS = ("alliance_count", "unit_count", "venue_count", "project_count", "event_count")


class WhatLiesInIt(serializers.Serializer[Citable]):
    """What lies in a division, by its own place or by that of what it belongs to, as lists have it."""

    alliances = Reference(many=True, read_only=True, source="alliances_within", help_text="Alliances that lie in it.")
    alliance_count = CountField("alliances_within", heading=_("alliances"), help_text="Alliances that lie in it.")
    unit_count = CountField("memberunits_within", heading=_("member units"), help_text="Units that lie in it.")
    venue_count = CountField("venues_within", heading=_("venues"), help_text="Venues that lie in it.")
    project_count = CountField("projects_within", heading=_("projects"), help_text="Projects that lie in it.")
    event_count = CountField("events_within", heading=_("events"), help_text="Events that were held in it.")


class WhatLiesInItWhole(WhatLiesInIt):
    """The same, named one by one."""

    venues = Reference(many=True, read_only=True, source="venues_within", help_text="Venues that lie in it.")
    projects = Reference(many=True, read_only=True, source="projects_within", help_text="Projects that lie in it.")
    events = Reference(many=True, read_only=True, source="events_within", help_text="Events that were held in it.")


class DistrictSerializer(RecordSerializer):
    """A county-level division."""

    street_count = CountField("streets", help_text="Streets on record, of all editions.")

    class Meta:
        model = District
        fields = (*DIVISION, "street_count", "citations", "attestations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"successor": DistrictSerializer}


class DistrictDetailSerializer(WhatLiesInIt, AsParty, DistrictSerializer):
    """A county-level division with what lies in it."""

    predecessors = Reference(many=True, read_only=True, help_text="Divisions whose place it took.")
    streets = Reference(many=True, read_only=True, help_text="Streets on record, of all editions.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about the district.")

    class Meta(DistrictSerializer.Meta):
        fields = (
            *DistrictSerializer.Meta.fields,
            "predecessors",
            "streets",
            "alliances",
            *COUNTS,
            *AS_PARTY,
            "figures",
        )


class StreetSerializer(RecordSerializer):
    """A township-level division."""

    neighbourhood_count = CountField("neighbourhoods", help_text="Neighbourhoods on record, of all editions.")

    class Meta:
        model = Street
        fields = (*DIVISION, "district", "neighbourhood_count", "citations", "attestations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"district": DistrictSerializer, "successor": StreetSerializer}


class StreetDetailSerializer(WhatLiesInItWhole, AsParty, StreetSerializer):
    """A township-level division with its neighbourhoods and what is done in it."""

    predecessors = Reference(many=True, read_only=True, help_text="Divisions whose place it took.")
    neighbourhoods = Reference(many=True, read_only=True, help_text="Neighbourhoods on record, of all editions.")
    reported_neighbourhood_count = ReportedField(
        "neighbourhoods", help_text="Residential areas, as a source counts them."
    )
    recorded_neighbourhood_count = RecordedField(
        "neighbourhoods",
        kind__in=("residents_committee", "village_committee"),
        abolished_on="",
        help_text="Committees of the newest edition on record.",
    )
    reported_estate_count = ReportedField("estates", help_text="Estates, as a source counts them.")
    recorded_estate_count = RecordedField("neighbourhoods", kind="estate", help_text="Estates on record.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about the street.")

    class Meta(StreetSerializer.Meta):
        fields = (
            *StreetSerializer.Meta.fields,
            "predecessors",
            "neighbourhoods",
            "alliances",
            "projects",
            "events",
            "venues",
            *COUNTS,
            "reported_neighbourhood_count",
            "recorded_neighbourhood_count",
            "reported_estate_count",
            "recorded_estate_count",
            *AS_PARTY,
            "figures",
        )


class NeighbourhoodSerializer(RecordSerializer):
    """A committee or an estate."""

    class Meta:
        model = Neighbourhood
        fields = ("key", "slug", *DIVISION, "street", "committee", "citations", "attestations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"street": StreetSerializer, "committee": NeighbourhoodSerializer, "successor": NeighbourhoodSerializer}


class NeighbourhoodDetailSerializer(WhatLiesInItWhole, AsParty, NeighbourhoodSerializer):
    """A committee or an estate with what is done in it."""

    predecessors = Reference(many=True, read_only=True, help_text="Divisions whose place it took.")
    estates = Reference(many=True, read_only=True, help_text="Estates in the committee's area.")
    units = Reference(many=True, read_only=True, source="memberunits_within", help_text="Units that lie in it.")
    assessments = Reference(many=True, read_only=True, help_text="Ratings of the neighbourhood.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about the neighbourhood.")

    class Meta(NeighbourhoodSerializer.Meta):
        fields = (
            *NeighbourhoodSerializer.Meta.fields,
            "predecessors",
            "estates",
            "units",
            "alliances",
            "projects",
            "events",
            "venues",
            *COUNTS,
            "assessments",
            *AS_PARTY,
            "figures",
        )
