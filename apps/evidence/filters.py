"""Filters of articles, citations, marks and figures."""

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q

from apps.common.filters.base import BooleanFilter, ChoiceFilter, CommaFilter, KeyFilter
from apps.common.filters.places import PartyFilter, TargetFilter
from apps.common.filters.ranges import CountRange, DateRange, NumberRange
from apps.common.filters.sets import RecordFilterSet
from apps.common.models.records import Citable
from apps.common.rules.territory import Reader
from apps.evidence.models import Article, ArticleText, Attestation, Citation, Figure, Mark
from apps.registry.filters import PlacedFilterSet
from apps.registry.models import MemberUnit


class AttachedFilter(BooleanFilter):
    """Rows whose article has its text attached, or has not; `field_name` leads from the row to the article."""

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        attached = Exists(ArticleText.objects.filter(article=OuterRef(self.field_name)))
        return Q(attached) if shape else ~Q(attached)


class AttestedFilter(BooleanFilter):
    """Rows on which a party has the only word: no article is cited for them."""

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        kind = ContentType.objects.get_for_model(model)
        cited = Exists(Citation.objects.filter(content_type=kind, object_id=OuterRef(self.field_name)))
        return ~Q(cited) if shape else Q(cited)


class ArticleFilterSet(RecordFilterSet):
    """Filters of articles."""

    article = None
    publisher = CommaFilter("publisher", help_text="Media that first published the article.")
    issued = DateRange("issued_on")
    citation_count = CountRange("citation_spans")
    text_attached = AttachedFilter("pk", help_text="Whether the captured page is attached.")


class CitationFilterSet(RecordFilterSet):
    """Filters of citations."""

    article = KeyFilter("article", Article)
    record = TargetFilter()
    verified = AttachedFilter(
        "article_id", help_text="Whether the article's text is attached, so that the digest has been checked."
    )
    start = NumberRange("start")
    end = NumberRange("end")


class AttestationFilterSet(RecordFilterSet):
    """Filters of attestations."""

    article = None
    record = TargetFilter()
    kind = ChoiceFilter("kind", Attestation.Kind, help_text="How it was said.")
    party = PartyFilter(
        Attestation,
        "party",
        help_text="Units, alliances and divisions as `resource/key`, such as `streets/310110101`, separated by commas:"
        " what one of them says.",
    )
    title = CommaFilter("title", help_text="Titles of papers, as they stand there.")
    reference = CommaFilter("reference", help_text="Numbers of papers, or addresses of a register's entries.")
    stated = DateRange("stated_on")


class MarkFilterSet(RecordFilterSet):
    """Filters of marks."""

    article = KeyFilter("article", Article)
    reason = ChoiceFilter("reason", Mark.Reason, help_text="Reasons for which a stretch states no fact.")
    start = NumberRange("start")
    end = NumberRange("end")


class FigureFilterSet(PlacedFilterSet):
    """Filters of figures."""

    measure = CommaFilter("measure", help_text="Keys of what is counted.")
    unit = ChoiceFilter("unit", Figure.Unit, help_text="Units of the number.")
    kind = ChoiceFilter("kind", Figure.Kind, help_text="Actual or target.")
    subject = TargetFilter()
    reporter = KeyFilter("reporter", MemberUnit)
    reported_by = PartyFilter(
        Figure,
        "reported_by",
        help_text="Units, alliances and divisions as `resource/key`, such as `streets/310110101`, separated by commas:"
        " numbers that one of them reports.",
    )
    attested = AttestedFilter("pk", help_text="Whether a party says the number itself, and no article reports it.")
    period = DateRange("period")
    value = NumberRange("value")
