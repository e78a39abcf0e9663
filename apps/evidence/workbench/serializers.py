"""The JSON of how much of an article the registry holds."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers.references import AddressField, Reference, TargetReference
from apps.evidence.models import Mark
from apps.evidence.workbench.coverage import Covered
from apps.evidence.workbench.scanner import KINDS


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
