"""The JSON of articles, citations, marks and figures."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers.compiler import SqlRow
from apps.common.serializers.counts import CountField
from apps.common.serializers.evidence import QuotationField, UnquotedField, VerifiedField
from apps.common.serializers.json_sql import Value, choice_label
from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.references import (
    AddressField,
    NameField,
    NumberField,
    PartyField,
    Reference,
    TargetField,
    TargetReference,
    edtf,
)
from apps.common.sql.slots import literal
from apps.evidence.models import Article, Citation, Figure, Mark
from apps.evidence.models.figures import REPORTER_KEYS, SIGNS
from apps.evidence.summary import Summary
from apps.evidence.workbench.coverage import Covered
from apps.evidence.workbench.scanner import KINDS
from apps.registry.serializers.parties import party_serializers


class AttachedField(serializers.BooleanField):
    """Whether the captured page of an article is attached."""

    heading = _("text attached")
    of_reading = True

    def __init__(self) -> None:
        super().__init__(
            source="*",
            read_only=True,
            help_text="Whether the captured page is attached, so that citations are checked against it and quoted.",
        )

    def sql(self, row: SqlRow) -> Value:
        """Return whether a row has its text (see `common.serializers.compiler`)."""
        text = f"SELECT FROM evidence_articletext AS page WHERE page.article_id = {row.column('pk')}"
        return Value(f"EXISTS ({text})", null=False)


class ArticleSerializer(RecordSerializer):
    """A published source."""

    citations = None
    text_attached = AttachedField()
    citation_count = CountField("citation_spans", help_text="Citations of the article.")

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
            "canonical_url",
            "text_attached",
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
    name = NameField()
    record = TargetField(heading=_("record"), help_text="Record that the span supports.")
    quotation = QuotationField()
    unquoted_because = UnquotedField()
    verified = VerifiedField()

    class Meta:
        model = Citation
        fields = (
            "url",
            "slug",
            "name",
            "article",
            "start",
            "end",
            "sha256",
            "record",
            "supports",
            "quotation",
            "unquoted_because",
            "verified",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"article": ArticleSerializer}


class MarkSerializer(RecordSerializer):
    """A span of an article that states no fact."""

    citations = None
    name = NameField()

    class Meta:
        model = Mark
        fields = ("url", "slug", "name", "article", "start", "end", "sha256", "reason", "note", "updated_at")

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"article": ArticleSerializer}


@extend_schema_field({"type": "string"})
class ReadingField(serializers.CharField):
    """A figure as a person reads it."""

    heading = _("reading")

    def sql(self, row: SqlRow) -> Value:
        """Return `Figure.reading` for a row (see `common.serializers.compiler`)."""
        signs = " ".join(f"WHEN {literal(sign)} THEN {literal(shown)}" for sign, shown in SIGNS.items())
        unit = choice_label(row.column("unit"), Figure._meta.get_field("unit"))
        return Value(
            f"(CASE {row.column('comparator')} {signs} END || trim_scale({row.column('value')}) || ' ' || {unit})"
        )


class FigureSerializer(RecordSerializer):
    """One number that a source reports."""

    value = NumberField(help_text="The number.")
    reading = ReadingField(read_only=True, help_text="The figure as a person reads it.")
    subject = TargetField(heading=_("subject"), help_text="Record that the number is about.")
    reported_by = PartyField(
        heading=_("reported by"),
        help_text="Unit, body or division that reports the number; null where the article does.",
    )

    class Meta:
        model = Figure
        fields = (
            "url",
            "slug",
            "name",
            "name_pinyin",
            "name_given",
            "measure",
            "comparator",
            "value",
            "unit",
            "kind",
            "reading",
            *edtf("period"),
            "subject",
            "reported_by",
            *REPORTER_KEYS,
            "as_written",
            "citations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return party_serializers(REPORTER_KEYS)


class FigureSummand(serializers.Serializer[Figure]):
    """A figure as the summary points at it."""

    key = serializers.CharField(help_text="Slug of the figure.")
    name = serializers.CharField(help_text="What the number is, in short.")
    reading = serializers.CharField(help_text="The figure as a person reads it.")
    period = serializers.CharField(help_text="Time over which, or at which, the number holds (EDTF).")
    subject = TargetReference(source="target", read_only=True, help_text="Record that the number is about.")
    url = AddressField()


class FigureSummarySerializer(serializers.Serializer[object]):
    """The sum of the actual figures of one measure, and the targets, which never enter it."""

    measure = serializers.CharField(source="total.measure", help_text="What is counted.")
    unit = serializers.CharField(source="total.unit", help_text="Unit of the sum.")
    kind = serializers.SerializerMethodField(help_text="Always `actual`.")
    comparator = serializers.CharField(
        source="total.comparator", help_text="How the sum bounds the true one: `=`, `>=`, `>`, `~`, `<=` or `<`."
    )
    value = NumberField(source="total.value", help_text="The sum.")
    reading = serializers.SerializerMethodField(help_text="The sum as a person reads it.")
    figures = FigureSummand(many=True, help_text="The figures that were added.")
    targets = FigureSummand(many=True, help_text="Figures of the measure that are plans; they are not in the sum.")

    def get_kind(self, summary: Summary) -> str:
        """Return the kind of all that is added."""
        return Figure.Kind.ACTUAL.value

    def get_reading(self, summary: Summary) -> str:
        """Return the sum as a person reads it."""
        total = summary.total
        return Figure(comparator=total.comparator, value=total.value, unit=total.unit).reading


class CoverageTallySerializer(serializers.Serializer[object]):
    """How many there are, and how many of them are covered."""

    total = serializers.IntegerField(min_value=0, help_text="How many there are.")
    covered = serializers.IntegerField(min_value=0, help_text="How many of them are covered.")
    percent = serializers.FloatField(
        min_value=0, max_value=100, help_text="The share covered, rounded down; 100 where there are none."
    )


class CoverageTalliesSerializer(serializers.Serializer[object]):
    """Coverage by kind; of the four kinds of findings only where a text is attached."""

    numeral = CoverageTallySerializer(required=False, help_text="Numerals in the body.")
    date = CoverageTallySerializer(required=False, help_text="Date expressions in the body.")
    quoted = CoverageTallySerializer(required=False, help_text="Quoted names in the body.")
    name = CoverageTallySerializer(required=False, help_text="Names in the body that the registry knows.")
    value = CoverageTallySerializer(help_text="Values of the records that rest on the article; covered by any article.")


class CoverageCitation(serializers.Serializer[object]):
    """A citation that covers a finding."""

    record = TargetReference(help_text="Record that the citation supports.")
    url = AddressField(help_text="Address of the citation, relative to the host.")


class CoverageMark(serializers.Serializer[object]):
    """A mark that covers a finding."""

    reason = serializers.ChoiceField(choices=Mark.Reason.choices, help_text="Why the stretch states no fact.")
    url = AddressField(help_text="Address of the mark, relative to the host.")


class CoverageBySerializer(serializers.Serializer[object]):
    """What covers a finding: citations, marks, or several that do so together."""

    citations = CoverageCitation(many=True, help_text="Citations that cover it.")
    marks = CoverageMark(many=True, help_text="Marks that say that it states no fact.")


class CoverageFindingSerializer(serializers.Serializer[object]):
    """A stretch of the body that may state a fact."""

    kind = serializers.ChoiceField(choices=KINDS, source="finding.kind", help_text="What it is.")
    start = serializers.IntegerField(
        min_value=0, source="finding.start", help_text="Offset of its first character in the body, in code points."
    )
    end = serializers.IntegerField(min_value=1, source="finding.end", help_text="Offset behind its last character.")
    text = serializers.SerializerMethodField(help_text="Its words; null where the reader is not shown them.")
    covered_by = serializers.SerializerMethodField(help_text="What covers it; null where nothing does.")

    def get_text(self, item: Covered) -> str | None:
        """Return the words, where the reader is shown them."""
        article, bodies = self.context["article"].pk, self.context["bodies"]
        return item.finding.text if bodies.shown(article, item.finding.start, item.finding.end) else None

    @extend_schema_field(CoverageBySerializer(allow_null=True))
    def get_covered_by(self, item: Covered) -> object:
        """Return the citations and marks that cover the finding."""
        return CoverageBySerializer(item).data if item else None


class CoverageValue(serializers.Serializer[object]):
    """A value that no citation supports."""

    record = TargetReference(help_text="Record that holds the value.")
    field = serializers.CharField(help_text="Field of the record.")


class ArticleCoverageSerializer(serializers.Serializer[object]):
    """How much of an article the registry holds."""

    article = Reference(help_text="The article.")
    text_attached = serializers.BooleanField(
        help_text="Whether the article's text is attached; without it nothing can be found in it."
    )
    totals = CoverageTalliesSerializer(source="tallies", help_text="Counts by kind.")
    findings = CoverageFindingSerializer(
        many=True, help_text="What in the body may state a fact, in reading order; empty without a text."
    )
    values_without_evidence = CoverageValue(
        many=True, help_text="Values of records that rest on the article which no citation of any article supports."
    )


class ArticleFactSerializer(serializers.Serializer[object]):
    """One fact: a record, the fields that the span supports, and the span."""

    record = TargetReference(help_text="Record that the fact is about.")
    values = serializers.DictField(
        help_text="The fields that the span supports, with their values as the record's own resource shows them;"
        " a date comes with its interval and its wording."
    )
    start = serializers.IntegerField(
        min_value=0, source="citation.start", help_text="Offset of the span's first character in the body."
    )
    end = serializers.IntegerField(min_value=1, source="citation.end", help_text="Offset behind its last character.")
    sha256 = serializers.CharField(source="citation.sha256", help_text="SHA-256 of the span in UTF-8.")
    url = AddressField(help_text="Address of the citation, relative to the host.")


class ArticleFactsSerializer(serializers.Serializer[object]):
    """An article as facts, in reading order."""

    article = Reference(help_text="The article.")
    facts = ArticleFactSerializer(many=True, help_text="What the article states, in the order of the spans.")
