"""The JSON of articles, citations, marks and figures."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers.compiler import SqlRow
from apps.common.serializers.counts import CountField
from apps.common.serializers.evidence import NotesField, QuotationField, UnquotedField, VerifiedField
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
from apps.evidence.models import Article, Attestation, Citation, Figure, Mark
from apps.evidence.models.figures import REPORTER_KEYS, SIGNS
from apps.evidence.statements import RecordStatement
from apps.evidence.sums.summary import Summary
from apps.registry.models.parties import PARTY_KEYS
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

    citations = attestations = None
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

    citations = attestations = None
    name = NameField()
    record = TargetField(heading=_("record"), help_text="Record that the span supports.")
    read = NotesField(help_text="Fields whose values a curator read out of a span that does not say them, with notes.")
    levels = NotesField(
        read_only=True,
        help_text="How closely the words say each value: `literal`, `derived`, `cued`, `read`, `own_words`; empty where"
        " the article's text is not attached.",
    )
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
            "read",
            "levels",
            "quotation",
            "unquoted_because",
            "verified",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {"article": ArticleSerializer}


class AttestationSerializer(RecordSerializer):
    """What a party says of a record, by an act in the service, on paper or by telephone."""

    citations = attestations = None
    name = NameField()
    record = TargetField(heading=_("record"), help_text="Record of which it is said.")
    party = PartyField(heading=_("party"), help_text="Unit, body or division that says it.")

    class Meta:
        model = Attestation
        fields = (
            "url",
            "slug",
            "name",
            "record",
            "supports",
            "kind",
            "party",
            *PARTY_KEYS,
            "title",
            "reference",
            *edtf("stated_on"),
            "locator",
            "confirmed_at",
            "disputed_at",
            "retracted_at",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return party_serializers(PARTY_KEYS)


class StatementSerializer(serializers.Serializer[object]):
    """What one piece of evidence says of one field of a record."""

    field = serializers.CharField(help_text="Field of the record.")
    value = serializers.JSONField(
        help_text="What it says: a text, a number, true; a date with its wording; references as objects, null where the"
        " reader may not see the record."
    )
    by = TargetReference(help_text="Who says it: an article, or a party.")
    kind = serializers.CharField(help_text="`citation`, or the kind of the attestation: `act`, `roster`, `letter` ...")
    level = serializers.CharField(
        help_text="How closely the words say it: `literal`, `derived`, `cued`, `read`, `own_words`; empty for what a"
        " party says, and where the article's text is not attached."
    )
    since = serializers.DateTimeField(source="evidence.created_at", help_text="When it was recorded.")
    stands = serializers.BooleanField(help_text="Whether the record has this value, and the evidence stands.")
    retracted_at = serializers.SerializerMethodField(help_text="When it was taken back; null where it was not.")
    superseded_by = serializers.SerializerMethodField(
        help_text="Address of the evidence by which the present value stands, where it is another one; else null."
    )
    url = AddressField()

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_retracted_at(self, statement: RecordStatement) -> object:
        """Return when the evidence was taken back."""
        return getattr(statement.evidence, "retracted_at", None)

    @extend_schema_field({"type": ["string", "null"]})
    def get_superseded_by(self, statement: RecordStatement) -> object:
        """Return the address of the evidence of the present value."""
        other = statement.superseded_by
        return f"{settings.API_ROOT}/{other.resource}/{other.key}" if other else None


class StatementsSerializer(serializers.Serializer[object]):
    """Who says what of a record."""

    record = TargetReference(help_text="The record.")
    statements = StatementSerializer(many=True, help_text="By field, what stands first.")


class MarkSerializer(RecordSerializer):
    """A span of an article that states no fact."""

    citations = attestations = None
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
            "attestations",
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
