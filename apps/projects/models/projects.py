"""Projects, their partners and their results."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.given_names import MaybeUnnamed
from apps.common.models.records import Counted, NamedRecord
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.evidence import WHOLE
from apps.common.rules.trees import TreeKey
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField, ParagraphsField
from apps.projects.models.categories import Category
from apps.registry.models import (
    PARTY_KEYS,
    Alliance,
    District,
    Neighbourhood,
    PartOfWhole,
    Party,
    Placed,
    Street,
)


class Project(PartOfWhole, MaybeUnnamed):
    """An undertaking; a tree by `parent` (a programme over its brand projects)."""

    resource = "projects"
    attested_by = (Attester("alliance"), Attester(PLACE))
    hangs_on = ("parent", "alliance")
    counted_by = Counted(heading="category")
    mergeable = proposed_by_name = True
    begins_field = "starts_on"
    ends_field = "ends_on"
    belongs_to = ("alliance", "district", "street", "neighbourhood")
    inherits = "parent"

    class Kind(models.TextChoices):
        PROGRAMME = "programme", _("Programme")
        BRAND = "brand", _("Brand project")
        SERVICE = "service", _("Service")
        RESEARCH = "research", _("Research")
        PILOT = "pilot", _("Pilot")
        INFRASTRUCTURE = "infrastructure", _("Infrastructure")
        MECHANISM = "mechanism", _("Mechanism")
        CAMPAIGN = "campaign", _("Campaign")
        EDUCATION = "education", _("Education and training")
        METHOD = "method", _("Working method")
        CULTURE = "culture", _("Culture")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        PLANNED = "planned", _("Planned")
        UNDER_WAY = "under_way", _("Under way")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of undertaking."))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, help_text=_("Proposed and planned undertakings are no facts yet.")
    )
    parent = TreeKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        verbose_name=_("parent"),
        help_text=_("Programme or project of which it is a part."),
    )
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("category"),
        help_text=_("Heading under which its alliance or programme lists it."),
    )
    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("alliance"),
        help_text=_("Body in whose framework it is done."),
    )
    district = models.ForeignKey(
        District,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("district"),
        help_text=_("District in which it is done."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("street"),
        help_text=_("Street, town or township in which it is done."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood in which it is done."),
    )
    starts_on = EDTFField(_("starts on"), help_text=_("When it began or is to begin."))
    ends_on = EDTFField(_("ends on"), help_text=_("When it ended or is to end."))
    slogan = OneLineField(_("slogan"), max_length=200, blank=True, help_text=_("The motto that it bears."))
    summary = ParagraphsField(
        _("summary"), blank=True, help_text=_("What is done and to what end, in the registry's own words.")
    )

    class Meta(MaybeUnnamed.Meta):
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        constraints = [
            *MaybeUnnamed.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="projects_project_not_own_parent",
                violation_error_message=_("A project is not a part of itself."),
            ),
        ]


class ProjectPartner(Placed, Party):
    """A unit, alliance or division in a project, with a role."""

    resource = "project-partners"
    attested_by = (Attester(PLACE),)
    unevidenced = {"project": WHOLE}
    hangs_on = ("project",)
    counted_by = Counted(heading="project__category")
    row_name = Party.named_in("project")
    search_relations = (*Party.search_relations, "project")
    belongs_to = ("project",)

    class Role(models.TextChoices):
        LEAD = "lead", _("Lead")
        PARTNER = "partner", _("Partner")
        TECHNICAL_SUPPORT = "technical_support", _("Technical support")
        PROPOSER = "proposer", _("Proposer")
        APPLICANT = "applicant", _("Applicant")
        BUILDER = "builder", _("Builder")
        GUIDE = "guide", _("Guide")
        FUNDER = "funder", _("Funder")
        HOST = "host", _("Host")
        BENEFICIARY = "beneficiary", _("Beneficiary")

    project = models.ForeignKey(
        Project,
        models.CASCADE,
        related_name="partners",
        verbose_name=_("project"),
        help_text=_("Project in which it takes part."),
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, help_text=_("Part played in the project."))

    class Meta(Party.Meta):
        verbose_name = _("project partner")
        verbose_name_plural = _("project partners")
        ordering = ["slug"]
        constraints = [
            *Party.Meta.constraints,
            models.UniqueConstraint(
                fields=["project", *PARTY_KEYS, "as_written", "role"],
                nulls_distinct=False,
                name="projects_projectpartner_once",
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.project.slug}-{self.party_slug()}-{self.role}"


class Deliverable(Placed, NamedRecord):
    """Something that a project yields: a book, a film, an index, a standard."""

    resource = "deliverables"
    attested_by = (Attester(PLACE),)
    unevidenced = {"project": WHOLE}
    hangs_on = ("project",)
    counted_by = Counted(date="released_on", heading="project__category")
    mergeable = proposed_by_name = True
    belongs_to = ("project",)

    class Kind(models.TextChoices):
        BOOK = "book", _("Book")
        FILM = "film", _("Film")
        REPORT = "report", _("Report or list")
        INDEX = "index", _("Index")
        STANDARD = "standard", _("Standard")
        BRAND = "brand", _("Brand")
        PLATFORM = "platform", _("Platform")
        FACILITY = "facility", _("Facility")

    class Status(models.TextChoices):
        ANNOUNCED = "announced", _("Announced")
        RELEASED = "released", _("Released")

    project = models.ForeignKey(
        Project,
        models.CASCADE,
        related_name="deliverables",
        verbose_name=_("project"),
        help_text=_("Project that yields it."),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of result."))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, help_text=_("Announced is a plan; released is a fact.")
    )
    released_on = EDTFField(_("released on"), help_text=_("When it was released, or is to be."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("deliverable")
        verbose_name_plural = _("deliverables")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.UniqueConstraint(fields=["project", "name"], name="projects_deliverable_once"),
        ]
