"""Changes behind published facts, with their authors and reasons: corrected dates of issue, and redactions."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.values.columns import validate_edtf
from apps.common.values.texts import OneLineField
from apps.evidence.models.articles import Article, sha256_field
from apps.evidence.redaction.digests import MARK


class Change(models.Model):
    """The author, time and reason of a change. Written by actions, and never changed."""

    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who made the change."),
    )
    at = models.DateTimeField(_("at"), auto_now_add=True, help_text=_("When the change was made."))
    reason = OneLineField(_("reason"), max_length=300, help_text=_("Why the change was made."))

    class Meta:
        abstract = True


class IssueDateCorrection(Change):
    """A corrected date of issue, and the dates of records that moved with it."""

    article = models.ForeignKey(
        Article,
        models.CASCADE,
        related_name="issue_date_corrections",
        verbose_name=_("article"),
        help_text=_("Article whose date of issue was corrected."),
    )
    old = models.CharField(
        _("old date"), max_length=64, blank=True, validators=[validate_edtf], help_text=_("Date of issue before.")
    )
    new = models.CharField(
        _("new date"), max_length=64, blank=True, validators=[validate_edtf], help_text=_("Date of issue since.")
    )
    moved = models.JSONField(
        _("moved dates"),
        default=list,
        blank=True,
        help_text=_("Dates counted from it that moved with it: record, field, wording, old and new value."),
    )

    class Meta:
        verbose_name = _("corrected date of issue")
        verbose_name_plural = _("corrected dates of issue")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.old or '–'} → {self.new or '–'}"


class Redaction(Change):
    """A person's name that was removed everywhere. Not the name is kept, but a digest and a length to recognise it."""

    digest = sha256_field(_("keyed digest"), _("HMAC-SHA-256 of the name under the service's secret key."))
    length = models.PositiveSmallIntegerField(_("length"), help_text=_("Length of the name in Unicode code points."))
    places = models.PositiveIntegerField(_("places"), help_text=_("In how many places the name stood."))

    class Meta:
        verbose_name = _("redaction")
        verbose_name_plural = _("redactions")
        ordering = ["pk"]

    def __str__(self) -> str:
        return MARK * self.length


class RedactedDigest(models.Model):
    """A digest of an article's text that changed by a redaction: a fixture file may still hold the old one."""

    article = models.ForeignKey(
        Article,
        models.CASCADE,
        related_name="redacted_digests",
        verbose_name=_("article"),
        help_text=_("Article whose text was redacted."),
    )
    # Keyed, because a plain digest of a short span, or of a page of which all but a name is known, gives the name away.
    original = sha256_field(
        _("keyed original"), _("HMAC-SHA-256 of the digest before the redaction, under the service's secret key.")
    )
    sha256 = sha256_field(_("digest"), _("SHA-256 of the redacted text."))

    class Meta:
        verbose_name = _("redacted digest")
        verbose_name_plural = _("redacted digests")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["article", "original"], name="evidence_redacteddigest_once")]

    def __str__(self) -> str:
        return self.sha256
