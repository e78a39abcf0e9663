"""Districts, streets and neighbourhoods as JSON."""

from apps.common.serializers.counts import CountField, RecordedField, ReportedField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.references import Reference, edtf
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


class DistrictSerializer(RecordSerializer):
    """A county-level division."""

    street_count = CountField("streets", help_text="Streets on record, of all editions.")

    class Meta:
        model = District
        fields = (*DIVISION, "street_count", "citations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"successor": DistrictSerializer}


class DistrictDetailSerializer(DistrictSerializer):
    """A county-level division with what lies in it."""

    predecessors = Reference(many=True, read_only=True, help_text="Divisions whose place it took.")
    streets = Reference(many=True, read_only=True, help_text="Streets on record, of all editions.")
    alliances = Reference(many=True, read_only=True, help_text="Alliances of the district itself.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about the district.")

    class Meta(DistrictSerializer.Meta):
        fields = (*DistrictSerializer.Meta.fields, "predecessors", "streets", "alliances", "figures")


class StreetSerializer(RecordSerializer):
    """A township-level division."""

    neighbourhood_count = CountField("neighbourhoods", help_text="Neighbourhoods on record, of all editions.")

    class Meta:
        model = Street
        fields = (*DIVISION, "district", "neighbourhood_count", "citations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"district": DistrictSerializer, "successor": StreetSerializer}


class StreetDetailSerializer(StreetSerializer):
    """A township-level division with its neighbourhoods and what is done in it."""

    predecessors = Reference(many=True, read_only=True, help_text="Divisions whose place it took.")
    neighbourhoods = Reference(many=True, read_only=True, help_text="Neighbourhoods on record, of all editions.")
    alliances = Reference(many=True, read_only=True, help_text="Alliances of the street.")
    projects = Reference(many=True, read_only=True, help_text="Projects done in the street.")
    events = Reference(many=True, read_only=True, help_text="Events held in or by the street.")
    venues = Reference(many=True, read_only=True, help_text="Venues in the street.")
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
            "reported_neighbourhood_count",
            "recorded_neighbourhood_count",
            "reported_estate_count",
            "recorded_estate_count",
            "figures",
        )


class NeighbourhoodSerializer(RecordSerializer):
    """A committee or an estate."""

    class Meta:
        model = Neighbourhood
        fields = ("key", "slug", *DIVISION, "street", "committee", "citations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"street": StreetSerializer, "committee": NeighbourhoodSerializer, "successor": NeighbourhoodSerializer}


class NeighbourhoodDetailSerializer(NeighbourhoodSerializer):
    """A committee or an estate with what is done in it."""

    predecessors = Reference(many=True, read_only=True, help_text="Divisions whose place it took.")
    estates = Reference(many=True, read_only=True, help_text="Estates in the committee's area.")
    units = Reference(many=True, read_only=True, help_text="Units of the neighbourhood.")
    alliances = Reference(many=True, read_only=True, help_text="Alliances of the neighbourhood.")
    projects = Reference(many=True, read_only=True, help_text="Projects done in the neighbourhood.")
    events = Reference(many=True, read_only=True, help_text="Events about the neighbourhood.")
    venues = Reference(many=True, read_only=True, help_text="Venues in the neighbourhood.")
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
            "assessments",
            "figures",
        )
