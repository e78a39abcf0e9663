"""What a second curator has looked at."""

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _


class Review(models.Model):
    """That somebody has looked at what others changed in a published record, up to an entry of the change log."""

    content_type = models.ForeignKey(
        ContentType, models.CASCADE, related_name="+", verbose_name=_("record type"), help_text=_("Kind of record.")
    )
    object_id = models.PositiveBigIntegerField(_("record id"), help_text=_("Internal key of the record."))
    number = models.BigIntegerField(_("number"), help_text=_("The last change that was looked at, by its number."))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who looked at it."),
    )
    at = models.DateTimeField(_("at"), auto_now_add=True, help_text=_("When that was."))

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["pk"]
        indexes = [models.Index(fields=["content_type", "object_id", "-number"], name="evidence_review_record")]

    def __str__(self) -> str:
        return f"{self.content_type_id}/{self.object_id}: {self.number}"
