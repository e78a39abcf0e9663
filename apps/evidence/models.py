"""How we know: published articles, the places in them that support facts, and the numbers they report."""

import hashlib
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.fields import EDTFField, PinyinField, SearchField
from apps.common.models import NamedRecord, Record
from apps.registry.models import MemberUnit

SHA256_PATTERN = r"^[0-9a-f]{64}$"


def _sha256_field(label: Any, help_text: Any, **options: Any) -> models.CharField:
    return models.CharField(
        label,
        max_length=64,
        validators=[RegexValidator(SHA256_PATTERN, _("64 hexadecimal digits in lower case are expected."))],
        help_text=help_text,
        **options,
    )


class Article(Record):
    """A published source. Its text stays outside the registry; what is kept are its position and digest."""

    resource = "articles"
    name_field = "title"

    title = models.CharField(_("title"), max_length=200, help_text=_("Title as published."))
    title_pinyin = PinyinField(
        _("pinyin"),
        source="title",
        max_length=800,
        db_collation="C",
        help_text=_("The title in Hanyu Pinyin, by which titles are sorted."),
    )
    search_text = SearchField(
        source="title", help_text=_("Title, pinyin and initials in the form in which they are searched.")
    )
    publisher = models.CharField(
        _("publisher"), max_length=100, blank=True, help_text=_("Medium that first published it.")
    )
    republisher = models.CharField(
        _("re-publisher"), max_length=100, blank=True, help_text=_("Site from which the text was captured.")
    )
    byline = models.CharField(_("byline"), max_length=100, blank=True, help_text=_("Author as printed."))
    editor = models.CharField(_("editor"), max_length=100, blank=True, help_text=_("Editors as printed."))
    issued_on = EDTFField(_("issued on"), help_text=_("Date of issue."))
    page = models.CharField(_("page"), max_length=100, blank=True, help_text=_("Page or section in print."))
    captured_file = models.CharField(
        _("captured file"), max_length=100, unique=True, help_text=_("Name of the file that holds the captured page.")
    )
    captured_sha256 = _sha256_field(
        _("digest of the page"), _("SHA-256 of the captured page in UTF-8, newlines as LF.")
    )
    body_start = models.PositiveIntegerField(
        _("body start"), help_text=_("Offset in the captured page at which the body begins, in Unicode code points.")
    )
    body_end = models.PositiveIntegerField(
        _("body end"), help_text=_("Offset in the captured page behind the body's last character.")
    )
    body_sha256 = _sha256_field(_("digest of the body"), _("SHA-256 of the body in UTF-8, newlines as LF."))

    class Meta(Record.Meta):
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ["slug"]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(body_end__gt=F("body_start")),
                name="evidence_article_body_not_empty",
                violation_error_message=_("The body ends before it begins."),
            ),
            models.CheckConstraint(
                condition=Q(captured_sha256__regex=SHA256_PATTERN, body_sha256__regex=SHA256_PATTERN),
                name="evidence_article_digests",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def body_length(self) -> int:
        """Length of the body in Unicode code points."""
        return self.body_end - self.body_start


class Citation(Record):
    """Where an article says something: a span of its body, and the fields of the record that the span supports."""

    resource = "citations"
    name_field = "slug"
    search_columns = ("article__search_text",)

    article = models.ForeignKey(
        Article,
        models.PROTECT,
        related_name="statements",
        verbose_name=_("article"),
        help_text=_("Article that says so."),
    )
    start = models.PositiveIntegerField(
        _("start"), help_text=_("Offset of the span's first character in the body, in Unicode code points.")
    )
    end = models.PositiveIntegerField(_("end"), help_text=_("Offset behind the span's last character."))
    sha256 = _sha256_field(_("digest"), _("SHA-256 of the span in UTF-8."))
    supports = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("supports"),
        help_text=_("Fields of the record that the span supports."),
    )
    content_type = models.ForeignKey(
        ContentType, models.CASCADE, verbose_name=_("record type"), help_text=_("Kind of record that is supported.")
    )
    object_id = models.PositiveBigIntegerField(_("record id"), help_text=_("Internal key of the record."))
    record = GenericForeignKey("content_type", "object_id")

    class Meta(Record.Meta):
        verbose_name = _("citation")
        verbose_name_plural = _("citations")
        ordering = ["article", "start", "end", "slug"]
        indexes = [models.Index(fields=["content_type", "object_id"], name="evidence_citation_record")]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="evidence_citation_not_empty",
                violation_error_message=_("The span is empty."),
            ),
            models.CheckConstraint(condition=Q(sha256__regex=SHA256_PATTERN), name="evidence_citation_digest"),
            models.CheckConstraint(condition=~Q(supports=[]), name="evidence_citation_supports_something"),
            models.UniqueConstraint(
                fields=["article", "start", "end", "content_type", "object_id"], name="evidence_citation_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article} [{self.start}, {self.end})"

    def slug_source(self) -> str:
        place = f"{self.start}-{self.end}-{self.content_type_id}-{self.record.key if self.record else self.object_id}"
        return f"{self.article.slug}-{self.start}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"

    def clean(self) -> None:
        super().clean()
        if self.article_id and self.end is not None and self.end > self.article.body_length:
            raise ValidationError(
                {
                    "end": _("The span ends at %(end)s, outside the body, which has %(length)s characters.")
                    % {"end": self.end, "length": self.article.body_length}
                }
            )
        if self.content_type_id and self.supports:
            model: Any = self.content_type.model_class()
            known = {field.name for field in model._meta.get_fields()}
            if unknown := sorted(set(self.supports) - known):
                raise ValidationError({"supports": _("Not a field of the record: %s.") % ", ".join(unknown)})


class Figure(NamedRecord):
    """One number that a source reports, with all that is needed to know what it means."""

    resource = "figures"

    class Comparator(models.TextChoices):
        EQUAL = "=", _("exactly")
        AT_LEAST = ">=", _("at least")
        MORE = ">", _("more than")
        ABOUT = "~", _("about or nearly")
        AT_MOST = "<=", _("at most")
        LESS = "<", _("less than")

    class Unit(models.TextChoices):
        PERSON = "person", pgettext_lazy("unit of a figure", "persons")
        PERSON_TIME = "person_time", pgettext_lazy("unit of a figure", "person-times")
        TIME = "time", pgettext_lazy("unit of a figure", "times")
        SESSION = "session", pgettext_lazy("unit of a figure", "sessions")
        ORGANISATION = "organisation", pgettext_lazy("unit of a figure", "organisations")
        ITEM = "item", pgettext_lazy("unit of a figure", "items")
        PROJECT = "project", pgettext_lazy("unit of a figure", "projects")
        CATEGORY = "category", pgettext_lazy("unit of a figure", "categories")
        POINT = "point", pgettext_lazy("unit of a figure", "points")
        YEAR = "year", pgettext_lazy("unit of a figure", "years")
        HOUR = "hour", pgettext_lazy("unit of a figure", "hours")

    class Kind(models.TextChoices):
        ACTUAL = "actual", _("Actual")
        TARGET = "target", _("Target")

    measure = models.CharField(
        _("measure"),
        max_length=60,
        db_index=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*$", _("Lower-case ASCII letters, digits and underscores only."))],
        help_text=_("What is counted, as a key that figures of the same thing share (services_provided ...)."),
    )
    comparator = models.CharField(
        _("comparator"), max_length=2, choices=Comparator, help_text=_("How the number bounds the true one.")
    )
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=2, help_text=_("The number."))
    unit = models.CharField(_("unit"), max_length=20, choices=Unit, help_text=_("Unit of the number."))
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, help_text=_("A target is a plan and never enters a sum of actuals.")
    )
    period = EDTFField(_("period"), help_text=_("Time over which, or at which, the number holds."))
    content_type = models.ForeignKey(
        ContentType, models.PROTECT, verbose_name=_("subject type"), help_text=_("Kind of record that it is about.")
    )
    object_id = models.PositiveBigIntegerField(_("subject id"), help_text=_("Internal key of the subject."))
    subject = GenericForeignKey("content_type", "object_id")
    reporter = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reported_figures",
        verbose_name=_("reporter"),
        help_text=_("Unit that reports the number; empty: the article does."),
    )
    as_written = models.CharField(
        _("as written"), max_length=60, help_text=_("The number in the words of the source, such as 720余次.")
    )

    class Meta(NamedRecord.Meta):
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        indexes = [models.Index(fields=["content_type", "object_id"], name="evidence_figure_subject")]
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(condition=Q(value__gte=0), name="evidence_figure_not_negative"),
        ]

    @property
    def reading(self) -> str:
        """The figure as a person reads it: ≥ 31700 人次."""
        sign = {"=": "", ">=": "≥ ", "<=": "≤ ", "~": "≈ "}.get(self.comparator, f"{self.comparator} ")
        value = self.value.quantize(Decimal(1)) if self.value == self.value.to_integral_value() else self.value
        return f"{sign}{number_format(value, use_l10n=False)} {self.get_unit_display()}"
