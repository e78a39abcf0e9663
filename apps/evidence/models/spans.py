"""Places in articles: citations, which support facts, and marks of what is no fact."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Substr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact, Record
from apps.common.models.row_names import FirstOf, LabelOf, NamePart, NumberOf, RowName, choice_labels, field_label
from apps.common.models.targets import model_of
from apps.common.rules.guards import Guard, Sentence
from apps.common.values.texts import OneLineField
from apps.evidence import spans
from apps.evidence.models.articles import CURATORS, SHA256_PATTERN, Article, ArticleText, Paragraph, sha256_field
from apps.evidence.models.evidence import Evidence, EvidenceQuerySet, KeepsEvidence, SaysWhatItSupports
from apps.evidence.models.quotations import AddsToTheQuoted, QuotedSql, quoted_sql

if TYPE_CHECKING:  # a serializer, which Django cannot load before the models
    from apps.common.serializers.compiler import SqlRow

PLACE_IN_ARTICLE: dict[str, NamePart] = {
    "article": FirstOf("article"),
    "start": NumberOf("start"),
    "end": NumberOf("end"),
}
UNVERIFIED = _("The text of this article is not attached here, so that nothing can be published on it.")
CHOICE = re.compile("[a-z]+(?:_[a-z]+)*")
WRONG_DIGEST = _("The digest is not that of the text at this position.")


class Span(Record):
    """A stretch of an article's body. Where the article's text is attached, the database checks the digest itself."""

    name_field = "slug"
    search_columns = {}
    search_relations = ("article",)

    article = models.ForeignKey(
        Article,
        models.PROTECT,
        related_name="%(class)s_spans",
        verbose_name=_("article"),
        help_text=_("Article in which it lies."),
    )
    start = models.PositiveIntegerField(
        _("start"), help_text=_("Offset of the span's first character in the body, in Unicode code points.")
    )
    end = models.PositiveIntegerField(_("end"), help_text=_("Offset behind the span's last character."))
    sha256 = sha256_field(_("digest"), _("SHA-256 of the span in UTF-8."))

    class Meta(Record.Meta):
        abstract = True
        ordering = ["article", "start", "end", "slug"]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="%(app_label)s_%(class)s_not_empty",
                violation_error_message=_("The span is empty."),
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=SHA256_PATTERN),
                name="%(app_label)s_%(class)s_digest_is_sha256",
                violation_error_message=_("The digest of a span is SHA-256, in 64 lower-case hexadecimal digits."),
            ),
        ]
        triggers = [
            *Record.Meta.triggers,
            # loaddata, bulk writes and SQL do not ask clean(); nothing but the database sees them all.
            Guard(
                name="span_lies_in_the_body",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("article_id", "start", "end", "sha256"),
                when=pgtrigger.Before,
                declare=[("length", "integer"), ("body", "text")],
                func="""
                    SELECT source.body_end - source.body_start,
                           substr(page.captured, source.body_start + 1, source.body_end - source.body_start)
                    INTO length, body
                    FROM evidence_article AS source
                    LEFT JOIN evidence_articletext AS page ON page.article_id = source.id
                    WHERE source.id = NEW.article_id;
                    IF NEW."end" > length THEN
                        RAISE check_violation USING
                            CONSTRAINT = TG_TABLE_NAME || '_in_body',
                            MESSAGE = format('the span %s-%s lies outside the body', NEW.start, NEW."end");
                    END IF;
                    IF encode(sha256(convert_to(substr(body, NEW.start + 1, NEW."end" - NEW.start), 'UTF8')), 'hex')
                       <> NEW.sha256 THEN
                        RAISE check_violation USING
                            CONSTRAINT = TG_TABLE_NAME || '_digest_matches',
                            MESSAGE = format('the digest of %s-%s is not that of the text', NEW.start, NEW."end");
                    END IF;
                    RETURN NEW;
                """,
                sentences={
                    "_in_body": Sentence("constraint", _("The span ends outside the body."), "end"),
                    "_digest_matches": Sentence("constraint", WRONG_DIGEST, "sha256"),
                },
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if self.article_id is None or self.start is None or self.end is None:
            return
        length = self.article.body_length
        if self.end > length:
            raise ValidationError(
                {
                    "end": _("The span ends at %(end)s, outside the body, which has %(length)s characters.")
                    % {"end": self.end, "length": length}
                }
            )
        text = getattr(self.article, "text", None)
        if text and self.start < self.end and spans.digest(text.body[self.start : self.end]) != self.sha256:
            raise ValidationError({"sha256": self._where_it_is(text.body)})

    def _where_it_is(self, body: str) -> str:
        """Return the message about a wrong digest, with the position at which the text with this digest stands."""
        message = str(WRONG_DIGEST)
        place = spans.locate(body, self.start, self.end, self.sha256)
        if place is None:
            return message
        return f"{message} " + str(_("The text with this digest stands at %(start)s–%(end)s.")) % {
            "start": place[0],
            "end": place[1],
        }


class CitationQuerySet(EvidenceQuerySet):
    """Citations, with their words where these may be read."""

    def with_words(self) -> "CitationQuerySet":
        """Return the citations with their `words`, NULL where no text is attached: for those who may read them all."""
        start, length = OuterRef("start"), OuterRef("end") - OuterRef("start")
        around = {"start__lte": start, "end__gte": OuterRef("end")}
        line = Paragraph.objects.filter(article=OuterRef("article"), **around).order_by()
        words = Substr("text", start - F("start") + 1, length)
        page = ArticleText.objects.filter(article=OuterRef("article")).order_by()
        across = Substr("captured", F("article__body_start") + start + 1, length)
        found = (Subquery(rows.values(cut=text)[:1]) for rows, text in ((line, words), (page, across)))
        return self.annotate(words=Coalesce(*found))


def gives_in_words(model: type[models.Model], name: str, gives: str) -> str:
    """Return what words give in the place of a value of a field, with choices by their labels.

    In a figure they are its units, whichever part of it the words do not say.
    """
    labels = choice_labels(model, name)
    if hasattr(model, "as_written") and (name == "value" or name == "comparator"):
        labels = choice_labels(model, "unit")
    return CHOICE.sub(lambda found: labels.get(found[0], found[0]), gives)


class Citation(Evidence, Span):
    """Evidence of a record that an article gives: a span of its body, and the fields that the span supports."""

    resource = "citations"
    # Within another name without its record, which may be a citation, too.
    row_name = RowName(
        _("%(article)s, characters %(start)s–%(end)s → %(record)s"),
        {**PLACE_IN_ARTICLE, "record": FirstOf("record")},
        short=_("%(article)s, characters %(start)s–%(end)s"),
    )

    read = models.JSONField(
        _("read"),
        default=dict,
        blank=True,
        help_text=_("Fields whose values a person reads out of the span that does not say them, each with a note."),
    )

    objects = CitationQuerySet.as_manager()

    is_loaded = False  # from a file, which may come before the article's text; then all its levels are settled together
    support: Any = None  # what it supports, where that was looked up together with others, until it is checked
    # Returns levels and errors of citations by field; `support_levels`, which loads the models, sets it.
    supports_of: ClassVar[Callable[[Sequence["Citation"]], Sequence[Any]]]

    class Meta(Span.Meta):
        verbose_name = _("citation")
        verbose_name_plural = _("citations")
        indexes = Evidence.Meta.indexes
        constraints = [
            *Span.Meta.constraints,
            *Evidence.Meta.constraints[len(Record.Meta.constraints) :],
            models.UniqueConstraint(
                fields=["article", "start", "end", "content_type", "object_id"], name="evidence_citation_once"
            ),
        ]
        triggers = [
            *Span.Meta.triggers,
            SaysWhatItSupports("article_id", "start", "end", "sha256"),
            KeepsEvidence(),
            AddsToTheQuoted(),
        ]

    def clean(self) -> None:
        """Refuse a span that does not say the values which it supports; keep how closely it says each."""
        super().clean()
        if self.is_loaded or not self.supports or not self.has_words:
            return
        if getattr(self.article, "text", None) is None:
            if getattr(self.record, "state", "") == Fact.State.PUBLISHED:
                raise ValidationError({"article": ValidationError(UNVERIFIED, code="unverified")})
            return
        if wrong := self.settle_levels():
            raise ValidationError({"supports": [self._refusal(name, gives) for name, gives in wrong.items()]})

    def _refusal(self, name: str, gives: str) -> ValidationError:
        """Return why the words do not support a field, in the reader's language."""
        model = model_of(self.content_type_id)
        values = {"field": field_label(model, name), "gives": gives_in_words(model, name, gives) or "–"}
        text = gettext("The words do not say “%(field)s”; they give: %(gives)s.")
        return ValidationError(text % values, code="says_otherwise")

    def settle_levels(self) -> dict[str, str]:
        """Set the level of each field by the attached text; return the fields that the words do not say, with what
        they give instead. Nothing is known without a text."""
        found, self.support = self.support or type(self).supports_of([self])[0], None
        self.levels = found.levels
        return {} if found.errors is None else dict(found.errors)

    @classmethod
    def look_up(cls, rows: Iterable["Evidence"]) -> None:
        """Look up at once what several citations support, which each would look up for itself when it is checked."""
        fit = [row for row in rows if isinstance(row, Citation) and row.has_words and row.names_known_fields]
        for row, found in zip(fit, cls.supports_of(fit), strict=True):
            row.support = found

    @property
    def has_words(self) -> bool:
        """Whether it says of which words it is; an empty span has none, which is said elsewhere."""
        return None not in (self.article_id, self.start, self.end, self.record) and self.start < self.end

    @classmethod
    def quoted_sql(cls, row: "SqlRow") -> QuotedSql:
        """Return what an answer says of the words, for a row of a statement that is being written."""
        return quoted_sql(row)

    def slug_source(self) -> str:
        record = self.record
        target = f"{record.resource}/{record.key}" if record and record.pk else str(self.object_id)
        return f"{self.article.slug}-{self.start}-{spans.digest(f'{self.start}-{self.end}-{target}')[:8]}"


class Mark(Span):
    """A stretch of an article that a curator has looked at and found to state no fact, with the reason."""

    resource = "marks"
    counted_by = None  # a place in an article
    row_name = RowName(
        _("%(article)s, characters %(start)s–%(end)s (%(reason)s)"), {**PLACE_IN_ARTICLE, "reason": LabelOf("reason")}
    )
    kept_by = CURATORS

    class Reason(models.TextChoices):
        SLOGAN = "slogan", _("Slogan")
        NAME_PART = "name_part", _("Part of a name")
        WORDING = "wording", _("Figure of speech")
        HEADING = "heading", _("Heading")
        OPINION = "opinion", _("Opinion or exhortation")
        PRIVATE = "private", _("Private person")
        GENERIC = "generic", _("Said of something in general")

    reason = models.CharField(
        _("reason"), max_length=20, choices=Reason, help_text=_("Why the stretch states no fact.")
    )
    note = OneLineField(_("note"), max_length=200, blank=True, help_text=_("What else there is to say about it."))

    class Meta(Span.Meta):
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        constraints = [
            *Span.Meta.constraints,
            models.UniqueConstraint(fields=["article", "start", "end"], name="evidence_mark_once"),
        ]

    def slug_source(self) -> str:
        return f"{self.article.slug}-{self.start}-{self.end}-{self.reason.replace('_', '-')}"
