"""The JSON of how we know."""

from rest_framework import serializers

from apps.common.serializers import CountField, NumberField, RecordSerializer, TargetField, edtf
from apps.evidence.models import Article, Citation, Figure
from apps.registry.serializers import MemberUnitSerializer


class ArticleSerializer(RecordSerializer):
    """A published source."""

    citations = None
    body_length = serializers.IntegerField(
        read_only=True, help_text="Length of the body in Unicode code points; citations lie within it."
    )
    citation_count = CountField("statements", help_text="Citations of the article.")

    class Meta:
        model = Article
        fields = (
            "url",
            "slug",
            "title",
            "title_pinyin",
            "publisher",
            "republisher",
            "byline",
            "editor",
            *edtf("issued_on"),
            "page",
            "captured_sha256",
            "body_start",
            "body_end",
            "body_length",
            "body_sha256",
            "citation_count",
            "updated_at",
        )


class CitationSerializer(RecordSerializer):
    """A span of an article that supports fields of a record."""

    citations = None
    record = TargetField(help_text="Record that the span supports.")

    class Meta:
        model = Citation
        fields = ("url", "slug", "article", "start", "end", "sha256", "record", "supports", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"article": ArticleSerializer}


class FigureSerializer(RecordSerializer):
    """One number that a source reports."""

    value = NumberField(help_text="The number.")
    reading = serializers.CharField(read_only=True, help_text="The figure as a person reads it.")
    subject = TargetField(help_text="Record that the number is about.")

    class Meta:
        model = Figure
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "measure",
            "comparator",
            "value",
            "unit",
            "kind",
            "reading",
            *edtf("period"),
            "subject",
            "reporter",
            "as_written",
            "citations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"reporter": MemberUnitSerializer}
