"""The JSON of what is done together."""

from django.utils.translation import gettext_lazy as _

from apps.common.serializers.counts import CountField, RecordedField, ReportedField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.parties_only import LapsedField, ReasonField
from apps.common.serializers.records import RecordSerializer, RowSerializer
from apps.common.serializers.references import AddressField, NameField, PartyField, Reference, edtf
from apps.projects.models import (
    Category,
    Claim,
    Deliverable,
    Need,
    Project,
    ProjectPartner,
    Resource,
    Round,
    RoundProject,
)
from apps.projects.models.claims import HOLDING
from apps.registry.models import PARTY_KEYS
from apps.registry.serializers.divisions import DistrictSerializer, NeighbourhoodSerializer, StreetSerializer
from apps.registry.serializers.organisations import AllianceSerializer, MemberUnitSerializer
from apps.registry.serializers.parties import party_serializers

OFFER = (
    "url",
    "slug",
    "name",
    "name_pinyin",
    "name_given",
    "status",
    "alliance",
    "unit",
    "street",
    "neighbourhood",
    "category",
    "capacity",
    *edtf("published_on"),
    *edtf("closes_on"),
    "summary",
    "citations",
    "attestations",
    "updated_at",
)
PLACES: dict[str, type[RecordSerializer]] = {
    "alliance": AllianceSerializer,
    "street": StreetSerializer,
    "neighbourhood": NeighbourhoodSerializer,
}


class CategorySerializer(RecordSerializer):
    """A heading under which an alliance or a programme sorts its projects."""

    project_count = CountField("projects", help_text="Projects on record under the heading.")

    class Meta:
        model = Category
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "alliance",
            "programme",
            "position",
            "project_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"alliance": AllianceSerializer, "programme": ProjectSerializer}


class CategoryDetailSerializer(CategorySerializer):
    """A heading with the projects under it."""

    projects = Reference(many=True, read_only=True, help_text="Projects on record under the heading.")

    class Meta(CategorySerializer.Meta):
        fields = (*CategorySerializer.Meta.fields, "projects")


class NeedSerializer(RecordSerializer):
    """What a street, a neighbourhood, an alliance or a unit asks for."""

    reason = ReasonField()

    class Meta:
        model = Need
        fields = (*OFFER[:-3], "project", "outcome", "reason", *OFFER[-3:])

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            **PLACES,
            "unit": MemberUnitSerializer,
            "category": CategorySerializer,
            "project": ProjectSerializer,
        }


class ResourceSerializer(RecordSerializer):
    """What a unit offers."""

    reason = ReasonField()

    class Meta:
        model = Resource
        fields = (*OFFER[:-3], "reason", *OFFER[-3:])

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {**PLACES, "unit": MemberUnitSerializer, "category": CategorySerializer}


class ProjectSerializer(RecordSerializer):
    """An undertaking."""

    part_count = CountField("parts", heading=_("parts"), help_text="Parts on record.")
    partner_count = CountField("partners", heading=_("partners"), help_text="Partners on record.")
    claim_count = CountField("claims", help_text="Claims on record; what a source reports stands in `figures`.")

    class Meta:
        model = Project
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "name_given",
            "kind",
            "status",
            "parent",
            "category",
            "alliance",
            "district",
            "street",
            "neighbourhood",
            *edtf("starts_on"),
            *edtf("ends_on"),
            "slogan",
            "summary",
            "part_count",
            "partner_count",
            "claim_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {**PLACES, "parent": ProjectSerializer, "category": CategorySerializer, "district": DistrictSerializer}


class PartnerOfProject(RowSerializer):
    """A partner of the project."""

    party = PartyField(help_text="Unit, body or division that takes part.")
    url = AddressField()

    class Meta:
        model = ProjectPartner
        fields = ("party", "unit", "alliance", "as_written", "group", "role", "url")


class ClaimOfProject(RowSerializer):
    """A claim of the project."""

    url = AddressField()

    class Meta:
        model = Claim
        fields = ("unit", "as_written", "status", *edtf("claimed_on"), "summary", "url")


class DeliverableOfProject(RowSerializer):
    """A result of the project."""

    url = AddressField()

    class Meta:
        model = Deliverable
        fields = ("name", "kind", "status", *edtf("released_on"), "url")


class ProjectDetailSerializer(ProjectSerializer):
    """An undertaking with its parts, partners, claims, deliverables and events."""

    parts = Reference(many=True, read_only=True, help_text="Projects that are parts of it.")
    categories = Reference(
        many=True, read_only=True, help_text="Headings under which the programme sorts its projects."
    )
    partners = PartnerOfProject(many=True, read_only=True, help_text="Who takes part, in which role.")
    claims = ClaimOfProject(many=True, read_only=True, help_text="Units that have committed themselves to it.")
    deliverables = DeliverableOfProject(many=True, read_only=True, help_text="What it yields.")
    events = Reference(many=True, read_only=True, help_text="Events at which it was signed, launched or presented.")
    reported_part_count = ReportedField(
        "integration_fields", help_text="Parts of a mechanism, as a source counts them."
    )
    recorded_part_count = RecordedField("parts", help_text="Parts on record.")
    reported_brand_project_count = ReportedField("brand_projects", help_text="Brand projects, as a source counts them.")
    recorded_brand_project_count = RecordedField(
        "parts", "parts__parts", kind="brand", help_text="Brand projects on record, those of its parts among them."
    )
    reported_category_count = ReportedField("project_categories", help_text="Headings, as a source counts them.")
    recorded_category_count = RecordedField("categories", help_text="Headings on record.")
    reported_method_count = ReportedField("working_methods", help_text="Working methods, as a source counts them.")
    recorded_method_count = RecordedField("parts", kind="method", help_text="Working methods on record.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about it.")

    class Meta(ProjectSerializer.Meta):
        fields = (
            *ProjectSerializer.Meta.fields,
            "parts",
            "categories",
            "partners",
            "claims",
            "deliverables",
            "events",
            "reported_part_count",
            "recorded_part_count",
            "reported_brand_project_count",
            "recorded_brand_project_count",
            "reported_category_count",
            "recorded_category_count",
            "reported_method_count",
            "recorded_method_count",
            "figures",
        )


class ProjectPartnerSerializer(RecordSerializer):
    """A unit, body or division in a project."""

    party = PartyField(heading=_("party"), help_text="Unit, body or division that takes part.")

    name = NameField()

    class Meta:
        model = ProjectPartner
        fields = (
            "url",
            "slug",
            "name",
            "project",
            "party",
            *PARTY_KEYS,
            "as_written",
            "group",
            "role",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"project": ProjectSerializer, **party_serializers(PARTY_KEYS)}


class RoundSerializer(RecordSerializer):
    """A call to claim projects."""

    project_count = CountField("projects", help_text="Projects that are put up in it, on record.")

    class Meta:
        model = Round
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "status",
            "alliance",
            "street",
            "mode",
            *edtf("opens_on"),
            *edtf("closes_on"),
            "most_claims",
            "lease_days",
            "summary",
            "project_count",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"alliance": AllianceSerializer, "street": StreetSerializer}


class RoundProjectSerializer(RecordSerializer):
    """A project that is put up in a round."""

    name = NameField()
    taken = RecordedField("claims", status__in=HOLDING, help_text="Places that claims hold.")

    class Meta:
        model = RoundProject
        fields = (
            "url",
            "slug",
            "name",
            "round",
            "project",
            "places",
            "taken",
            "category",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"round": RoundSerializer, "project": ProjectSerializer, "category": CategorySerializer}


class ClaimSerializer(RecordSerializer):
    """A unit's commitment to a project."""

    name = NameField()
    lapsed = LapsedField(
        status="accepted", until="lapses_on", help_text="Whether the lease is over: the place is free."
    )
    reason = ReasonField()

    class Meta:
        model = Claim
        fields = (
            "url",
            "slug",
            "name",
            "project",
            "round_project",
            "unit",
            "body",
            "as_written",
            "status",
            *edtf("claimed_on"),
            *edtf("accepted_on"),
            *edtf("lapses_on"),
            "lapsed",
            "summary",
            "outcome",
            "reason",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "project": ProjectSerializer,
            "round_project": RoundProjectSerializer,
            "unit": MemberUnitSerializer,
            "body": AllianceSerializer,
        }


class DeliverableSerializer(RecordSerializer):
    """Something that a project yields."""

    class Meta:
        model = Deliverable
        fields = (
            "url",
            "slug",
            "project",
            "name",
            "name_pinyin",
            "kind",
            "status",
            *edtf("released_on"),
            "summary",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"project": ProjectSerializer}
