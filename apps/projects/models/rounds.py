"""Rounds, in which a body or a street puts up projects to be claimed (认领批次)."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.moved import Moved
from apps.common.models.records import Counted, Fact, NamedRecord
from apps.common.models.row_names import FirstOf, RowName
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.evidence import WHOLE
from apps.common.rules.workflow import NEXT_STEP, Transition, Wait, Workflow
from apps.common.values.columns import EDTFField
from apps.common.values.dates import is_over, today
from apps.common.values.texts import ParagraphsField
from apps.projects.models.categories import Category
from apps.projects.models.projects import Project
from apps.registry.models import Alliance, Placed, Street

KEEPERS = ("alliance", "street")


class Round(Placed, Moved, NamedRecord):
    """A call to claim projects: by whom, from when to when, and by which rules."""

    resource = "rounds"
    hangs_on = ("alliance",)
    belongs_to = ("alliance", "street")
    attested_by = tuple(map(Attester, KEEPERS))
    counted_by = Counted(date="opens_on")
    begins_field = "opens_on"
    ends_field = "closes_on"

    class Mode(models.TextChoices):
        FIRST_COME = "first_come", _("First come, first served")
        APPROVAL = "approval", _("By decision of the keeper")

    class Status(models.TextChoices):
        PLANNED = "planned", _("Planned")
        OPEN = "open", pgettext_lazy("status of a round", "Open")
        CLOSED = "closed", _("Closed")

    workflow = Workflow(
        entries={"planned": KEEPERS},
        public=frozenset({"planned", "open", "closed"}),
        waits={"planned": Wait(NEXT_STEP, KEEPERS)},
        transitions=(
            Transition(
                "open",
                ("planned", "closed"),
                "open",
                KEEPERS,
                _("Open the round"),
                _("From now on units can claim its projects."),
                takes=("closes_on",),
            ),
            Transition(
                "close",
                ("open",),
                "closed",
                KEEPERS,
                _("Close the round"),
                _("Nothing can be claimed in it any more."),
            ),
        ),
    )

    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.PLANNED, help_text=_("Where the round stands.")
    )
    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rounds",
        verbose_name=_("alliance"),
        help_text=_("Body that puts the projects up."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rounds",
        verbose_name=_("street"),
        help_text=_("Street that puts the projects up."),
    )
    mode = models.CharField(
        _("mode"),
        max_length=20,
        choices=Mode,
        help_text=_("Whether the first to claim gets a place, or the keeper decides."),
    )
    opens_on = EDTFField(_("opens on"), help_text=_("First day on which units can claim."))
    closes_on = EDTFField(_("closes on"), help_text=_("Last day on which units can claim."))
    most_claims = models.PositiveSmallIntegerField(
        _("most claims"), null=True, blank=True, help_text=_("Most claims of one unit in the round; empty: any number.")
    )
    lease_days = models.PositiveSmallIntegerField(
        _("lease in days"),
        null=True,
        blank=True,
        help_text=_(
            "Working days after acceptance within which work has to start, or the claim lapses; empty: no limit."
        ),
    )
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("Text of the call, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("round")
        verbose_name_plural = _("rounds")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(
                condition=Q(alliance__isnull=False) | Q(street__isnull=False),
                name="projects_round_has_keeper",
                violation_error_message=_("Name the alliance or the street that puts the projects up."),
            ),
            models.CheckConstraint(
                condition=Q(most_claims__isnull=True) | Q(most_claims__gt=0),
                name="projects_round_most_claims",
                violation_error_message=_("A unit may have at least one claim; leave it empty for any number."),
            ),
        ]

    @property
    def keeper(self) -> models.Model:
        """The body or the street by whose rules the round goes."""
        found: models.Model = self.alliance or self.street
        return found

    def clean(self) -> None:
        super().clean()
        if self.reported or self.status == self.Status.CLOSED or not is_over(self.closes_on, today()):
            return
        stored = (
            None if self.pk is None else Round.objects.filter(pk=self.pk).values_list("status", "closes_on").first()
        )
        if stored != (self.status, self.closes_on):
            message = _("The last day of a round that is not closed lies in the past.")
            raise ValidationError({"closes_on": ValidationError(message, code="deadline_past")})


class RoundProject(Placed, Fact):
    """A project that is put up in a round, and how many units may claim it."""

    resource = "round-projects"
    unevidenced = {"round": WHOLE}
    hangs_on = ("round",)
    belongs_to = ("round",)
    attested_by = (Attester("round__alliance"), Attester("round__street"), Attester(PLACE))
    counted_by = Counted(heading="category")
    name_field = "slug"
    row_name = RowName(_("%(project)s · %(round)s"), {"project": FirstOf("project"), "round": FirstOf("round")})
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("project", "round")

    round = models.ForeignKey(
        Round,
        models.PROTECT,
        related_name="projects",
        verbose_name=_("round"),
        help_text=_("Round in which it is put up."),
    )
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        related_name="rounds",
        verbose_name=_("project"),
        help_text=_("Project that is put up."),
    )
    places = models.PositiveSmallIntegerField(
        _("places"), null=True, blank=True, help_text=_("How many units may do it; empty: any number.")
    )
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="round_projects",
        verbose_name=_("category"),
        help_text=_("Heading under which the round lists it."),
    )

    class Meta(Fact.Meta):
        verbose_name = _("project of a round")
        verbose_name_plural = _("projects of rounds")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(fields=["round", "project"], name="projects_roundproject_once"),
            models.CheckConstraint(
                condition=Q(places__isnull=True) | Q(places__gt=0),
                name="projects_roundproject_places",
                violation_error_message=_("There is at least one place; leave it empty for any number."),
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.round.slug}-{self.project.slug}"
