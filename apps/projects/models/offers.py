"""Needs and resources."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.given_names import MaybeUnnamed
from apps.common.models.moved import Moved
from apps.common.models.records import Counted
from apps.common.rules.competence import Attester
from apps.common.rules.workflow import FIGURE, LAPSE, NEXT_STEP, Lapse, Transition, Wait, Workflow
from apps.common.values.columns import EDTFField
from apps.common.values.texts import ParagraphsField
from apps.projects.models.categories import Category
from apps.projects.models.projects import Project
from apps.projects.subject_columns import SubjectsField, SubjectsIndex
from apps.registry.models import Alliance, MemberUnit, Neighbourhood, Placed, Street

# Who publishes a need or a resource speaks of it: the most precise that it names.
PUBLISHERS = ("unit", "neighbourhood", "street", "alliance")


class Offer(Placed, Moved, MaybeUnnamed):
    """Base of needs and resources: their publisher, their place, and their term."""

    hangs_on = ("alliance",)
    belongs_to = ("alliance", "unit", "street", "neighbourhood")
    mergeable = proposed_by_name = True
    attested_by = tuple(map(Attester, PUBLISHERS))
    counted_by = Counted(date="published_on", heading="category")

    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("alliance"),
        help_text=_("Body that publishes it, or in whose framework it is published."),
    )
    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("unit"),
        help_text=_("Unit that publishes it."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("street"),
        help_text=_("Street that publishes it."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood that publishes it, or for which it is meant."),
    )
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("category"),
        help_text=_("Heading under which its publisher lists it."),
    )
    capacity = models.PositiveIntegerField(
        _("capacity"), null=True, blank=True, help_text=_("For how many people it is asked for, or is enough.")
    )
    published_on = EDTFField(_("published on"), help_text=_("When it was published."))
    closes_on = EDTFField(_("closes on"), help_text=_("Until when it stands."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))
    name_subjects = SubjectsField(
        _("subjects of the name"), source="name", help_text=_("What the name is about; made by the registry.")
    )
    summary_subjects = SubjectsField(
        _("subjects of the summary"), source="summary", help_text=_("What the summary is about; made by the registry.")
    )

    def ruler(self) -> models.Model | None:
        """Return who publishes it: the most precise that it names."""
        return next((party for name in PUBLISHERS if (party := getattr(self, name)) is not None), None)

    class Meta(MaybeUnnamed.Meta):
        abstract = True
        indexes = [
            *MaybeUnnamed.Meta.indexes,
            SubjectsIndex(fields=["name_subjects"], name="%(app_label)s_%(class)s_nsubjects"),
            SubjectsIndex(fields=["summary_subjects"], name="%(app_label)s_%(class)s_ssubjects"),
        ]
        constraints = [
            *MaybeUnnamed.Meta.constraints,
            models.CheckConstraint(
                condition=Q(alliance__isnull=False)
                | Q(unit__isnull=False)
                | Q(street__isnull=False)
                | Q(neighbourhood__isnull=False),
                name="%(app_label)s_%(class)s_has_publisher",
                violation_error_message=_("Name the alliance, unit, street or neighbourhood that publishes it."),
            ),
            models.CheckConstraint(
                condition=Q(capacity__isnull=True) | Q(capacity__gt=0),
                name="%(app_label)s_%(class)s_capacity",
                violation_error_message=_("It is for one person at least; leave it empty where nobody has counted."),
            ),
        ]


class Need(Offer):
    """A request of a street, a neighbourhood, an alliance or a unit (需求清单)."""

    resource = "needs"

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("status of a need", "Open")
        MATCHED = "matched", _("Matched")
        MET = "met", _("Met")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        LAPSED = "lapsed", _("Lapsed")

    workflow = Workflow(
        entries={"open": PUBLISHERS},
        public=frozenset({"open", "matched", "met", "lapsed"}),
        transitions=(
            Transition("match", ("open",), "matched", (), _("Match"), _("A match of it was accepted by both sides.")),
            Transition(
                "reopen",
                ("matched", "lapsed"),
                "open",
                PUBLISHERS,
                _("Open again"),
                _("Nobody meets it after all, or it stands anew."),
                takes=("closes_on", "reason"),
            ),
            Transition(
                "meet",
                ("open", "matched"),
                "met",
                PUBLISHERS,
                _("Confirm that it is met"),
                _("It is met; say how in the outcome."),
                asks=("outcome",),
                takes=(FIGURE,),
            ),
            Transition(
                "withdraw",
                ("open", "matched"),
                "withdrawn",
                PUBLISHERS,
                _("Withdraw"),
                _("It is no longer asked for; everybody but its publisher loses sight of it."),
                asks=("reason",),
            ),
            Transition(LAPSE, ("open",), "lapsed", (), _("Lapse"), _("The day until which it stood is over.")),
        ),
        lapses=Lapse("open", "closes_on"),
        waits={"matched": Wait(NEXT_STEP, PUBLISHERS)},
    )
    own_words = frozenset({"summary", "outcome"})

    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.OPEN, help_text=_("Where the need stands.")
    )
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="needs",
        verbose_name=_("project"),
        help_text=_("Project that was made of it."),
    )
    outcome = ParagraphsField(
        _("outcome"), blank=True, help_text=_("How it was met, in the words of who asked or of the registry.")
    )

    class Meta(Offer.Meta):
        verbose_name = _("need")
        verbose_name_plural = _("needs")


class Resource(Offer):
    """An offer of a unit (资源清单)."""

    resource = "resources"

    class Status(models.TextChoices):
        OFFERED = "offered", _("Offered")
        IN_USE = "in_use", _("In use")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    workflow = Workflow(
        entries={"offered": PUBLISHERS},
        public=frozenset({"offered", "in_use"}),
        transitions=(
            Transition(
                "use",
                ("offered",),
                "in_use",
                PUBLISHERS,
                _("Put to use"),
                _("It is in use, and not free at the moment."),
            ),
            Transition(
                "offer", ("in_use", "withdrawn"), "offered", PUBLISHERS, _("Offer again"), _("It is free again.")
            ),
            Transition(
                "withdraw",
                ("offered", "in_use"),
                "withdrawn",
                PUBLISHERS,
                _("Withdraw"),
                _("It is no longer offered; everybody but its publisher loses sight of it."),
                asks=("reason",),
            ),
        ),
    )

    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.OFFERED, help_text=_("Where the offer stands.")
    )

    class Meta(Offer.Meta):
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
