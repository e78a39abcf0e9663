"""The JSON of how well."""

from apps.assessments.models import Assessment, Dimension, Framework, Score
from apps.common.serializers.counts import RecordedField, ReportedField
from apps.common.serializers.evidence import FigureBrief
from apps.common.serializers.records import RecordSerializer, RowSerializer
from apps.common.serializers.references import AddressField, NameField, NumberField, Reference, edtf
from apps.registry.serializers.divisions import NeighbourhoodSerializer, StreetSerializer
from apps.registry.serializers.organisations import MemberUnitSerializer


class DimensionOfFramework(RowSerializer):
    """A dimension of the rubric."""

    url = AddressField()

    class Meta:
        model = Dimension
        fields = ("position", "name", "capability", "url")


class FrameworkSerializer(RecordSerializer):
    """A rubric with its dimensions in order."""

    dimensions = DimensionOfFramework(many=True, read_only=True, help_text="What it looks at, in order.")

    class Meta:
        model = Framework
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "version",
            "owner",
            "street",
            *edtf("adopted_on"),
            "summary",
            "dimensions",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"owner": MemberUnitSerializer, "street": StreetSerializer}


class FrameworkDetailSerializer(FrameworkSerializer):
    """A rubric with its dimensions and the ratings by it."""

    assessments = Reference(many=True, read_only=True, help_text="Ratings by the rubric.")
    reported_dimension_count = ReportedField("dimensions", help_text="Dimensions, as a source counts them.")
    recorded_dimension_count = RecordedField("dimensions", help_text="Dimensions on record.")
    figures = FigureBrief(many=True, read_only=True, help_text="Numbers reported about it.")

    class Meta(FrameworkSerializer.Meta):
        fields = (
            *FrameworkSerializer.Meta.fields,
            "assessments",
            "reported_dimension_count",
            "recorded_dimension_count",
            "figures",
        )


class DimensionSerializer(RecordSerializer):
    """One of the things that a rubric looks at."""

    class Meta:
        model = Dimension
        fields = (
            "url",
            "slug",
            "framework",
            "position",
            "name",
            "name_pinyin",
            "capability",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"framework": FrameworkSerializer}


class AssessmentSerializer(RecordSerializer):
    """A rating by a rubric."""

    name = NameField()

    class Meta:
        model = Assessment
        fields = (
            "url",
            "slug",
            "name",
            "framework",
            "neighbourhood",
            "unit",
            "street",
            "assessor",
            "status",
            *edtf("assessed_on"),
            "summary",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "framework": FrameworkSerializer,
            "neighbourhood": NeighbourhoodSerializer,
            "unit": MemberUnitSerializer,
            "street": StreetSerializer,
            "assessor": MemberUnitSerializer,
        }


class ScoreOfAssessment(RowSerializer):
    """The value of one dimension."""

    value = NumberField(help_text="The value given, on the scale of the rubric.")
    url = AddressField()

    class Meta:
        model = Score
        fields = ("dimension", "value", "url")


class AssessmentDetailSerializer(AssessmentSerializer):
    """A rating with its scores."""

    scores = ScoreOfAssessment(many=True, read_only=True, help_text="Values by dimension.")

    class Meta(AssessmentSerializer.Meta):
        fields = (*AssessmentSerializer.Meta.fields, "scores")


class ScoreSerializer(RecordSerializer):
    """The value of one dimension in a rating."""

    name = NameField()
    value = NumberField(help_text="The value given, on the scale of the rubric.")

    class Meta:
        model = Score
        fields = ("url", "slug", "name", "assessment", "dimension", "value", "citations", "attestations", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"assessment": AssessmentSerializer, "dimension": DimensionSerializer}
