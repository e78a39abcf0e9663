"""The JSON of who and where."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.common.serializers.counts import CountField, RecordedField, ReportedField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.parties_only import ReasonField
from apps.common.serializers.records import RecordSerializer, RowSerializer
from apps.common.serializers.references import AddressField, NameField, Reference, edtf
from apps.registry.models import Alliance, Identifier, Membership, MemberUnit, UnitName
from apps.registry.serializers.divisions import DistrictSerializer, NeighbourhoodSerializer, StreetSerializer

# A claim that stands: neither a proposal nor withdrawn or rejected.
STANDING = ("claimed", "accepted", "under_way", "completed", "confirmed")


class MemberUnitSerializer(RecordSerializer):
    """An organisation or a part of one."""

    membership_count = CountField("memberships", help_text="Memberships on record.")
    claim_count = CountField("claims", help_text="Claims on record.")

    class Meta:
        model = MemberUnit
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "kind",
            "parent",
            "district",
            "street",
            "neighbourhood",
            "summary",
            "membership_count",
            "claim_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "parent": MemberUnitSerializer,
            "district": DistrictSerializer,
            "street": StreetSerializer,
            "neighbourhood": NeighbourhoodSerializer,
        }


class NameOfUnit(RowSerializer):
    """A name of the unit."""

    url = AddressField()

    class Meta:
        model = UnitName
        fields = ("name", "name_pinyin", "kind", *edtf("valid_from"), *edtf("valid_until"), "url")


class IdentifierOfUnit(RowSerializer):
    """An identifier of the unit."""

    url = AddressField()

    class Meta:
        model = Identifier
        fields = ("scheme", "value", "url")


class AllianceOfUnit(RowSerializer):
    """An alliance to which the unit belongs."""

    url = AddressField()

    class Meta:
        model = Membership
        fields = ("alliance", "role", "status", "as_written", *edtf("joined_on"), *edtf("left_on"), "url")


class ProjectOfUnit(serializers.Serializer):
    """A project in which the unit is a partner."""

    project = Reference(help_text="The project.")
    role = serializers.CharField(help_text="Part that the unit plays.")
    url = AddressField()


class ClaimOfUnit(serializers.Serializer):
    """A project that the unit has claimed."""

    project = Reference(help_text="The project.")
    status = serializers.CharField(help_text="Where the commitment stands.")
    claimed_on = serializers.CharField(help_text="When the unit claimed the project (EDTF).")
    url = AddressField()


class EventOfUnit(serializers.Serializer):
    """An event in which the unit took part, or is going to."""

    event = Reference(help_text="The event.")
    role = serializers.CharField(help_text="Part that the unit played.")
    status = serializers.CharField(help_text="Where the invitation stands; `attended`: it took part.")
    url = AddressField()


class MemberUnitDetailSerializer(MemberUnitSerializer):
    """An organisation with its names, parts, alliances, projects and events."""

    names = NameOfUnit(many=True, read_only=True, help_text="Other names of the unit.")
    identifiers = IdentifierOfUnit(many=True, read_only=True, help_text="What other registers call the unit.")
    parts = Reference(many=True, read_only=True, help_text="Units that are parts of it.")
    alliances = AllianceOfUnit(source="memberships", many=True, read_only=True, help_text="Alliances it belongs to.")
    projects = ProjectOfUnit(
        source="projectpartners", many=True, read_only=True, help_text="Projects in which it is a partner."
    )
    claims = ClaimOfUnit(many=True, read_only=True, help_text="Projects that it has claimed.")
    events = EventOfUnit(source="participations", many=True, read_only=True, help_text="Events in which it took part.")
    venues = Reference(many=True, read_only=True, help_text="Venues that it runs.")
    reported_claim_count = ReportedField(
        "projects_claimed", help_text="Projects that it has claimed, as a source says."
    )
    recorded_claim_count = RecordedField("claims", status__in=STANDING, help_text="Claims on record that stand.")
    reported_branch_count = ReportedField("party_branches", help_text="Its party branches, as a source counts them.")
    recorded_branch_count = RecordedField(
        "parts", kind__in=("party_body", "residential"), help_text="Party branches on record that are parts of it."
    )
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about the unit.")

    class Meta(MemberUnitSerializer.Meta):
        fields = (
            *MemberUnitSerializer.Meta.fields,
            "names",
            "identifiers",
            "parts",
            "alliances",
            "projects",
            "claims",
            "events",
            "venues",
            "reported_claim_count",
            "recorded_claim_count",
            "reported_branch_count",
            "recorded_branch_count",
            "figures",
        )


class UnitNameSerializer(RecordSerializer):
    """A name that a unit has, had, or is given in a source."""

    class Meta:
        model = UnitName
        fields = (
            "url",
            "slug",
            "unit",
            "name",
            "name_pinyin",
            "kind",
            *edtf("valid_from"),
            *edtf("valid_until"),
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"unit": MemberUnitSerializer}


class IdentifierSerializer(RecordSerializer):
    """What another register calls a unit."""

    class Meta:
        model = Identifier
        fields = ("url", "slug", "unit", "scheme", "value", "citations", "attestations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"unit": MemberUnitSerializer}


class AllianceSerializer(RecordSerializer):
    """A body of units."""

    part_count = CountField("parts", heading=_("parts"), help_text="Parts on record.")
    member_count = CountField(
        "memberships", heading=_("members"), help_text="Members on record; what a source reports stands in `figures`."
    )
    project_count = CountField("projects", help_text="Projects on record.")

    class Meta:
        model = Alliance
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "name_given",
            "kind",
            "status",
            "parent",
            "district",
            "street",
            "neighbourhood",
            *edtf("founded_on"),
            *edtf("dissolved_on"),
            "slogan",
            "summary",
            "part_count",
            "member_count",
            "project_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "parent": AllianceSerializer,
            "district": DistrictSerializer,
            "street": StreetSerializer,
            "neighbourhood": NeighbourhoodSerializer,
        }


class MemberOfAlliance(RowSerializer):
    """A member of the alliance."""

    url = AddressField()

    class Meta:
        model = Membership
        fields = ("unit", "as_written", "role", "status", *edtf("joined_on"), *edtf("left_on"), "url")


class AllianceDetailSerializer(AllianceSerializer):
    """A body of units with its parts, members, projects and events."""

    parts = Reference(many=True, read_only=True, help_text="Bodies that are parts of it.")
    members = MemberOfAlliance(source="memberships", many=True, read_only=True, help_text="Its members, with roles.")
    categories = Reference(many=True, read_only=True, help_text="Headings under which it sorts its projects.")
    projects = Reference(many=True, read_only=True, help_text="Projects in its framework.")
    events = Reference(many=True, read_only=True, help_text="Its events.")
    needs = Reference(many=True, read_only=True, help_text="Needs published in its framework.")
    resources = Reference(many=True, read_only=True, help_text="Resources published in its framework.")
    reported_unit_count = ReportedField("units_claiming", help_text="Units that claim its projects, as a source says.")
    recorded_unit_count = RecordedField(
        "projects__claims", of="unit", status__in=STANDING, help_text="Units on record with a claim that stands."
    )
    reported_project_count = ReportedField("projects_claimed", help_text="Projects that are claimed, as a source says.")
    recorded_project_count = RecordedField(
        "projects__claims", of="project", status__in=STANDING, help_text="Its projects on record that are claimed."
    )
    reported_category_count = ReportedField("project_categories", help_text="Headings, as a source counts them.")
    recorded_category_count = RecordedField("categories", help_text="Headings on record.")
    reported_sub_conference_count = ReportedField("sub_conferences", help_text="Sub-conferences, as a source says.")
    recorded_sub_conference_count = RecordedField(
        "parts", kind="sub_conference", help_text="Sub-conferences on record."
    )
    reported_founding_member_count = ReportedField("founding_members", help_text="Founding members, as a source says.")
    recorded_founding_member_count = RecordedField(
        "memberships", role="founding_member", help_text="Founding members on record."
    )
    reported_activity_count = ReportedField("activities_held", help_text="Activities held, as a source counts them.")
    recorded_activity_count = RecordedField(
        "events", kind="activity", status__in=("held", "reported"), help_text="Activities on record that were held."
    )
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about it.")

    class Meta(AllianceSerializer.Meta):
        fields = (
            *AllianceSerializer.Meta.fields,
            "parts",
            "members",
            "categories",
            "projects",
            "events",
            "needs",
            "resources",
            "reported_unit_count",
            "recorded_unit_count",
            "reported_project_count",
            "recorded_project_count",
            "reported_category_count",
            "recorded_category_count",
            "reported_sub_conference_count",
            "recorded_sub_conference_count",
            "reported_founding_member_count",
            "recorded_founding_member_count",
            "reported_activity_count",
            "recorded_activity_count",
            "figures",
        )


class MembershipSerializer(RecordSerializer):
    """A unit in an alliance."""

    name = NameField()
    reason = ReasonField()

    class Meta:
        model = Membership
        fields = (
            "url",
            "slug",
            "name",
            "alliance",
            "unit",
            "as_written",
            "role",
            "status",
            *edtf("joined_on"),
            *edtf("left_on"),
            "reason",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"alliance": AllianceSerializer, "unit": MemberUnitSerializer}
