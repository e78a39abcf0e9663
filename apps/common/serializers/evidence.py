"""Citations, quotations, attestations and figures as they are nested in records."""

from typing import Protocol, cast

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.models.records import Citable
from apps.common.serializers.compiler import SqlRow
from apps.common.serializers.json_sql import Sentences, Truth, Value
from apps.common.serializers.quoting import NOT_ATTACHED, withheld
from apps.common.serializers.references import AddressField, NumberField, PartyField, Reference


class WordsSql(Protocol):
    """SQL about the words of a citation: is the text attached, are the words shown, and the words as JSON."""

    attached: str
    shown: str
    quotation: str


class Quotable(Protocol):
    """A model whose rows stand for words of an article (`Citation`, whose app may not be imported here)."""

    @classmethod
    def quoted_sql(cls, row: SqlRow) -> WordsSql:
        """Return what an answer says of the words of a row."""


def quoted_sql(row: SqlRow) -> WordsSql:
    """Return what an answer says of the words of a row of a model that is `Quotable`."""
    return cast("type[Quotable]", row.model).quoted_sql(row)


class QuotationSerializer(serializers.Serializer[dict[str, object]]):
    """The words of an article at a span, with what stands around them in their paragraph, 300 characters in all."""

    exact = serializers.CharField(help_text="The words of the span.")
    prefix = serializers.CharField(help_text="What stands before them.")
    suffix = serializers.CharField(help_text="What stands behind them.")
    paragraph = serializers.IntegerField(
        min_value=1, help_text="Paragraph of the body in which the span begins, from 1."
    )


@extend_schema_field(QuotationSerializer)
class QuotationField(serializers.DictField):
    """The quotation of a citation; null where the article's text is not attached, or the reader is not shown it."""

    heading = _("quotation")
    of_reading = True

    def __init__(self) -> None:
        super().__init__(
            source="*", read_only=True, allow_null=True, help_text="The words of the article, where they are shown."
        )

    def sql(self, row: SqlRow) -> Value:
        """Return the quotation of a row (see `compiler`), as `spans.quote` makes it."""
        return Value(quoted_sql(row).quotation)


class VerifiedField(serializers.BooleanField):
    """Whether the text of a citation's article is attached, so that the database has checked the span's digest."""

    heading = _("verified")
    of_reading = True

    def __init__(self) -> None:
        super().__init__(
            source="*",
            read_only=True,
            help_text="Whether the article's text is attached, so that the digest has been checked against it.",
        )

    def sql(self, row: SqlRow) -> Value:
        """Return whether the text is attached, for a row (see `compiler`)."""
        return Truth(quoted_sql(row).attached, null=False)


@extend_schema_field({"type": "string"})
class UnquotedField(serializers.CharField):
    """Why a citation has no quotation, in the reader's language; null where it has one."""

    of_reading = True

    def __init__(self) -> None:
        super().__init__(
            source="*",
            read_only=True,
            allow_null=True,
            help_text="Why there is no quotation, in the language asked for: the text is not attached, or withheld.",
        )

    def sql(self, row: SqlRow) -> Value:
        """Return why there is no quotation, for a row (see `compiler`)."""
        quoted, why = quoted_sql(row), withheld(row.compilation.quoting)
        return Sentences((f"NOT {quoted.attached}", str(NOT_ATTACHED)), (f"NOT {quoted.shown}", why))


class NotesField(serializers.DictField):
    """Texts by the field of which they speak, as they are stored."""

    child = serializers.CharField()

    def sql(self, row: SqlRow) -> Value:
        """Return the object of a row (see `compiler`)."""
        return Value(row.column(str(self.field_name)), null=False)


class CitationBrief(serializers.Serializer[Citable]):
    """Which sentence says so: a span in the body of an article, and the fields of this record that it supports."""

    article = Reference(help_text="Article that says so.")
    start = serializers.IntegerField(
        min_value=0, help_text="Offset of the span's first character in the article's body, in Unicode code points."
    )
    end = serializers.IntegerField(min_value=1, help_text="Offset behind the span's last character.")
    sha256 = serializers.CharField(help_text="SHA-256 of the span in UTF-8.")
    supports = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of this record that the span supports."
    )
    quotation = QuotationField()
    unquoted_because = UnquotedField()
    verified = VerifiedField()
    url = AddressField()


class AttestationBrief(serializers.Serializer[Citable]):
    """What a party says of this record, and how it was said."""

    kind = serializers.CharField(help_text="How it was said: `act` by using the service, or on a paper, or by a call.")
    party = PartyField(help_text="Unit, body or division that says it.")
    title = serializers.CharField(help_text="Title of the paper; empty for an act.")
    stated_on = serializers.CharField(help_text="Date of the paper, the call or the act (EDTF).")
    supports = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of this record of which it says what they are."
    )
    confirmed_at = serializers.DateTimeField(allow_null=True, help_text="When the party confirmed it.")
    disputed_at = serializers.DateTimeField(allow_null=True, help_text="When the party disputed it.")
    retracted_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was taken back; it supports nothing since."
    )
    url = AddressField()


class FigureBrief(serializers.Serializer[Citable]):
    """A number that a source reports about this record; `/figures` says the rest."""

    name = serializers.CharField(help_text="What the number is, in short.")
    measure = serializers.CharField(help_text="What is counted, as a key that figures of the same thing share.")
    comparator = serializers.CharField(
        help_text="How the number bounds the true one: `=`, `>=`, `>`, `~`, `<=` or `<`."
    )
    value = NumberField(help_text="The number.")
    unit = serializers.CharField(help_text="Unit of the number; 人次 (`person_time`) is not 人 (`person`).")
    kind = serializers.CharField(help_text="`actual` or `target`; a target is a plan.")
    as_written = serializers.CharField(help_text="The number in the words of the source.")
    reported_by = PartyField(help_text="Unit, body or division that reports it; null where the article does.")
    citations = CitationBrief(many=True, help_text="Which sentences say so.")
    url = AddressField()
