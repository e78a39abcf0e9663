"""Which records are one and which are not: merges, and pairs that somebody told apart."""

from typing import cast

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable, Fact, RecordQuerySet
from apps.common.models.slugs import SLUG_LENGTH
from apps.common.rules.territory import Reader
from apps.common.values.columns import SearchField
from apps.common.values.ngram_columns import NgramsField, NgramsIndex
from apps.common.values.texts import OneLineField, ParagraphsField


class MergeQuerySet(RecordQuerySet):
    """Merges, which are seen where the record is seen into which one was merged."""

    def visible_to(self, user: Reader) -> "MergeQuerySet":
        """Return the merges that a user may see, of records that the user may see."""
        hidden = Q()
        for model, rows in self.hidden_records(user):
            if model is not self.model:
                is_hidden = Exists(rows.filter(pk=OuterRef("object_id")))
                hidden |= Q(is_hidden, content_type=ContentType.objects.get_for_model(model))
        seen = super().visible_to(user)
        return seen.exclude(hidden) if hidden else seen  # type: ignore[return-value]


class Merge(Fact):
    """A record that was found to be another one, and became part of it.

    It is published where an article says that the two are one, or where evidence was left with it.
    """

    resource = "merges"
    counted_by = None  # no record of the field
    name_field = "merged_name"
    belongs_to = ("record",)
    seen_with = ("record",)
    # The names of its fields, so that a merge needs one citation or attestation, and no value of it any.
    unevidenced = dict.fromkeys(
        ("record", "merged_key", "merged_name", "reason", "request_id", "by", "moved", "folded", "filled"),
        _("It tells what was done in the registry."),
    )
    search_columns = {"ngrams": ("search_text",)}

    content_type = models.ForeignKey(
        ContentType, models.CASCADE, verbose_name=_("record type"), help_text=_("Kind of the two records.")
    )
    object_id = models.PositiveBigIntegerField(_("record id"), help_text=_("Internal key of the record that stayed."))
    record = GenericForeignKey("content_type", "object_id")
    merged_key = models.CharField(
        _("merged key"),
        max_length=SLUG_LENGTH,
        help_text=_("Slug of the record that was merged; it answers with the address of the one that stayed."),
    )
    merged_name = OneLineField(
        _("merged name"), max_length=300, help_text=_("Name of the record that was merged, at that time.")
    )
    reason = ParagraphsField(_("reason"), help_text=_("Why the two are one."))
    request_id = models.CharField(
        _("request"),
        max_length=200,
        db_index=True,
        help_text=_("Request that merged them, as the change log names it."),
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("merged by"),
        help_text=_("Who merged them."),
    )
    moved = ArrayField(
        models.CharField(max_length=300),
        default=list,
        blank=True,
        verbose_name=_("moved"),
        help_text=_("Published records that now point at the one that stayed, as resource/key.field."),
    )
    folded = ArrayField(
        models.CharField(max_length=300),
        default=list,
        blank=True,
        verbose_name=_("folded"),
        help_text=_("Published records that would have stood twice, each with the one that stands for both."),
    )
    filled = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        verbose_name=_("filled"),
        help_text=_("Fields that were empty and took the value of the merged record."),
    )
    search_text = SearchField(
        _("search text"), source="merged_name", help_text=_("The merged name in the form in which it is searched.")
    )
    ngrams = NgramsField("search_text", verbose_name=_("n-grams"), help_text=_("Made by the database."))

    objects = MergeQuerySet.as_manager()

    class Meta(Fact.Meta):
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        ordering = ["slug"]
        indexes = [
            *Fact.Meta.indexes,
            NgramsIndex(fields=["ngrams"], name="%(app_label)s_%(class)s_ngrams"),
            models.Index(fields=["content_type", "object_id"], name="identity_merge_record"),
        ]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(fields=["content_type", "merged_key"], name="identity_merge_once"),
        ]

    def slug_source(self) -> str:
        model = cast("type[Citable]", self.content_type.model_class())
        return f"{model.resource}-{self.merged_key}"


class Distinction(models.Model):
    """Two records of a kind that look like one and are not: they are proposed no more."""

    content_type = models.ForeignKey(
        ContentType, models.CASCADE, verbose_name=_("record type"), help_text=_("Kind of the two records.")
    )
    first_id = models.PositiveBigIntegerField(_("first record"), help_text=_("The lower of the two internal keys."))
    second_id = models.PositiveBigIntegerField(_("second record"), help_text=_("The higher of the two."))
    reason = OneLineField(_("reason"), max_length=300, help_text=_("How they are told apart."))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("told apart by"),
        help_text=_("Who told them apart."),
    )
    at = models.DateTimeField(_("told apart at"), auto_now_add=True, help_text=_("When they were told apart."))

    class Meta:
        verbose_name = _("distinction")
        verbose_name_plural = _("distinctions")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["content_type", "first_id", "second_id"], name="identity_distinction_once"),
            models.CheckConstraint(
                condition=Q(first_id__lt=F("second_id")),
                name="identity_distinction_in_order",
                violation_error_message=_(
                    "Of a pair that was told apart, the record that was made first stands first."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.content_type.model} {self.first_id} ≠ {self.second_id}"
