"""Slugs: their form, and those of deleted records, which are never used again."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.rules.territory import Reader

SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SLUG_LENGTH = 120


class RetiredSlug(models.Model):
    """A slug whose record was deleted. Written by the database; the slug is never given to another record.

    One that was merged into another record names that one's slug, which may be retired itself by now.
    """

    table = models.CharField(_("table"), max_length=63, help_text=_("Table of the deleted record."))
    slug = models.CharField(_("slug"), max_length=SLUG_LENGTH, help_text=_("Slug of the deleted record."))

    successor = models.CharField(
        _("successor"),
        max_length=SLUG_LENGTH,
        blank=True,
        db_default="",  # the trigger gives none
        help_text=_("Slug of the record into which the deleted one was merged."),
    )

    class Meta:
        verbose_name = _("retired slug")
        verbose_name_plural = _("retired slugs")
        constraints = [models.UniqueConstraint(fields=["table", "slug"], name="common_retiredslug_once")]

    def __str__(self) -> str:
        return f"{self.table}/{self.slug}"

    @classmethod
    def successor_of(cls, model: type[models.Model], slug: str, viewer: Reader = None) -> str:
        """Return the slug of the record that a merged one is by now; empty for any other slug, and a hidden one."""
        found, seen = "", {slug}
        rows = cls.objects.filter(table=model._meta.db_table).exclude(successor="")
        while (following := rows.filter(slug=found or slug).values_list("successor", flat=True).first()) is not None:
            if following in seen:
                return ""
            seen.add(following)
            found = following
        visible: Any = model._default_manager.all()
        return found if found and visible.visible_to(viewer).filter(slug=found).exists() else ""
