"""Rubrics, their dimensions in order, and ratings by them."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Counted, Fact, NamedRecord
from apps.common.models.row_names import FirstOf, LabelOf, NumberOf, RowName
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.evidence import ORDER, WHOLE
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField, ParagraphsField
from apps.registry.models import MemberUnit, Neighbourhood, Placed, Street


class Framework(Placed, NamedRecord):
    """A rubric in one version."""

    resource = "frameworks"
    attested_by = (Attester("owner"), Attester(PLACE))
    counted_by = Counted(date="adopted_on")
    belongs_to = ("owner", "street")

    version = OneLineField(
        _("version"), max_length=40, blank=True, help_text=_("Version of the rubric, as its owner counts them.")
    )
    owner = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="frameworks",
        verbose_name=_("owner"),
        help_text=_("Unit that keeps the rubric."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="frameworks",
        verbose_name=_("street"),
        help_text=_("Street in which it is used."),
    )
    adopted_on = EDTFField(_("adopted on"), help_text=_("Since when it is used."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it rates, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("framework")
        verbose_name_plural = _("frameworks")


class Dimension(Placed, NamedRecord):
    """One of the things that a rubric looks at."""

    own_words = frozenset({"position"})
    resource = "dimensions"
    attested_by = (Attester(PLACE),)
    unevidenced = {"framework": WHOLE, "position": ORDER}
    hangs_on = ("framework",)
    belongs_to = ("framework",)

    framework = models.ForeignKey(
        Framework,
        models.CASCADE,
        related_name="dimensions",
        verbose_name=_("framework"),
        help_text=_("Rubric to which it belongs."),
    )
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("Place in the rubric, from 1."))
    capability = OneLineField(
        _("capability"), max_length=60, blank=True, help_text=_("The capability that it stands for (领导力 ...).")
    )

    class Meta(NamedRecord.Meta):
        verbose_name = _("dimension")
        verbose_name_plural = _("dimensions")
        ordering = ["framework", "position"]
        constraints = [
            *NamedRecord.Meta.constraints,
            models.UniqueConstraint(fields=["framework", "position"], name="assessments_dimension_position_once"),
            models.UniqueConstraint(fields=["framework", "name"], name="assessments_dimension_once"),
            models.CheckConstraint(
                condition=Q(position__gte=1),
                name="assessments_dimension_from_one",
                violation_error_message=_("The positions of dimensions are counted from 1."),
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.framework.slug}-{super().slug_source()}"


class Assessment(Placed, Fact):
    """A rating of a neighbourhood, a unit or a street by a rubric."""

    resource = "assessments"
    attested_by = (Attester(PLACE),)
    unevidenced = {"framework": WHOLE}
    hangs_on = ("unit",)
    counted_by = Counted(date="assessed_on")
    name_field = "slug"
    row_name = RowName(
        _("%(subject)s (%(status)s) · %(framework)s"),
        {
            "subject": FirstOf("neighbourhood", "unit", "street"),
            "status": LabelOf("status"),
            "framework": FirstOf("framework"),
        },
    )
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("framework", "neighbourhood", "unit", "street")
    # Not the unit that is rated: nobody edits the rating of the own house.
    belongs_to = ("neighbourhood", "street")
    concerns = ("assessor",)

    class Status(models.TextChoices):
        PLANNED = "planned", _("Planned")
        UNDER_WAY = "under_way", _("Under way")
        COMPLETED = "completed", _("Completed")

    framework = models.ForeignKey(
        Framework,
        models.PROTECT,
        related_name="assessments",
        verbose_name=_("framework"),
        help_text=_("Rubric by which it is rated."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assessments",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood that is rated."),
    )
    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assessments",
        verbose_name=_("unit"),
        help_text=_("Unit that is rated."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assessments",
        verbose_name=_("street"),
        help_text=_("Street that is rated."),
    )
    assessor = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assessments_made",
        verbose_name=_("assessor"),
        help_text=_("Unit that rates."),
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, help_text=_("Where the rating stands."))
    assessed_on = EDTFField(_("assessed on"), help_text=_("When it was rated."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What was done, in the registry's own words."))

    class Meta(Fact.Meta):
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.CheckConstraint(
                condition=Q(neighbourhood__isnull=False, unit=None, street=None)
                | Q(neighbourhood=None, unit__isnull=False, street=None)
                | Q(neighbourhood=None, unit=None, street__isnull=False),
                name="assessments_assessment_one_subject",
                violation_error_message=_("Name exactly one neighbourhood, unit or street."),
            ),
        ]

    def slug_source(self) -> str:
        subject = self.neighbourhood or self.unit or self.street
        return f"{self.framework.slug}-{subject.key if subject else ''}"


class Score(Placed, Fact):
    """The value of one dimension in a rating."""

    resource = "scores"
    attested_by = (Attester(PLACE),)
    unevidenced = {"assessment": WHOLE}
    hangs_on = ("assessment",)
    counted_by = Counted(date="assessment__assessed_on")
    name_field = "slug"
    row_name = RowName(
        _("%(dimension)s: %(value)s · %(assessment)s"),
        {"dimension": FirstOf("dimension"), "value": NumberOf("value"), "assessment": FirstOf("assessment")},
    )
    search_columns = {}
    search_relations = ("dimension",)
    belongs_to = ("assessment",)

    assessment = models.ForeignKey(
        Assessment,
        models.CASCADE,
        related_name="scores",
        verbose_name=_("assessment"),
        help_text=_("Rating to which it belongs."),
    )
    dimension = models.ForeignKey(
        Dimension,
        models.PROTECT,
        related_name="scores",
        verbose_name=_("dimension"),
        help_text=_("Dimension that is rated."),
    )
    value = models.DecimalField(
        _("value"), max_digits=8, decimal_places=2, help_text=_("The value given, on the scale of the rubric.")
    )

    class Meta(Fact.Meta):
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(fields=["assessment", "dimension"], name="assessments_score_once"),
        ]

    def slug_source(self) -> str:
        return f"{self.assessment.slug}-{self.dimension.slug}"

    def clean(self) -> None:
        super().clean()
        if self.assessment_id and self.dimension_id and self.dimension.framework_id != self.assessment.framework_id:
            raise ValidationError({"dimension": _("The dimension belongs to another rubric than the assessment.")})
