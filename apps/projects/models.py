"""Needs, resources, projects, claims, and the results of projects."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.records import Counted, Fact, NamedRecord
from apps.common.values.columns import EDTFField
from apps.registry.models import Alliance, District, MemberUnit, Neighbourhood, Party, Street


class Category(NamedRecord):
    """A heading under which an alliance or a programme sorts its projects, in its own words."""

    resource = "categories"
    counted_by = Counted(("alliance", "programme"))
    belongs_to = ("alliance", "programme")

    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="categories",
        verbose_name=_("alliance"),
        help_text=_("Body that uses the heading."),
    )
    programme = models.ForeignKey(
        "Project",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="categories",
        verbose_name=_("programme"),
        help_text=_("Programme that uses the heading."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), null=True, blank=True, help_text=_("Place in the order of the source, from 1.")
    )

    class Meta(NamedRecord.Meta):
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(
                condition=Q(alliance__isnull=False) | Q(programme__isnull=False),
                name="projects_category_has_user",
                violation_error_message=_("Name the alliance or the programme that uses the category."),
            ),
        ]


class Offer(NamedRecord):
    """Base of needs and resources: their publisher, their place, and their term."""

    belongs_to = ("alliance", "unit", "street", "neighbourhood")
    mergeable = proposed_by_name = True
    counted_by = Counted(("", "alliance", "unit"), date="published_on")

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
    published_on = EDTFField(_("published on"), help_text=_("When it was published."))
    closes_on = EDTFField(_("closes on"), help_text=_("Until when it stands."))
    summary = models.TextField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        abstract = True
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(
                condition=Q(alliance__isnull=False)
                | Q(unit__isnull=False)
                | Q(street__isnull=False)
                | Q(neighbourhood__isnull=False),
                name="%(app_label)s_%(class)s_has_publisher",
                violation_error_message=_("Name the alliance, unit, street or neighbourhood that publishes it."),
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

    status = models.CharField(_("status"), max_length=20, choices=Status, help_text=_("Where the need stands."))

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

    status = models.CharField(_("status"), max_length=20, choices=Status, help_text=_("Where the offer stands."))

    class Meta(Offer.Meta):
        verbose_name = _("resource")
        verbose_name_plural = _("resources")


class Project(NamedRecord):
    """An undertaking; a tree by `parent` (a programme over its brand projects)."""

    resource = "projects"
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
    parent = models.ForeignKey(
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
    slogan = models.CharField(_("slogan"), max_length=200, blank=True, help_text=_("The motto that it bears."))
    summary = models.TextField(
        _("summary"), blank=True, help_text=_("What is done and to what end, in the registry's own words.")
    )

    class Meta(NamedRecord.Meta):
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.CheckConstraint(condition=~Q(parent=F("id")), name="projects_project_not_own_parent"),
        ]


class ProjectPartner(Party):
    """A unit or alliance in a project, with a role."""

    resource = "project-partners"
    counted_by = Counted(("project",), heading="project__category")
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
                fields=["project", "unit", "alliance", "as_written", "role"],
                nulls_distinct=False,
                name="projects_projectpartner_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party_name} – {self.project}"

    def slug_source(self) -> str:
        return f"{self.project.slug}-{self.party_slug()}-{self.role}"


class Claim(Fact):
    """A unit's commitment to a project (认领)."""

    resource = "claims"
    counted_by = Counted(("project",), date="claimed_on", heading="project__category")
    name_field = "slug"
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("unit", "project")
    # Either side may record it: the unit that commits itself, or those who keep the project.
    concerns = ("project", "unit")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        ACCEPTED = "accepted", _("Accepted")
        UNDER_WAY = "under_way", _("Under way")
        COMPLETED = "completed", _("Completed")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        REJECTED = "rejected", _("Rejected")

    project = models.ForeignKey(
        Project,
        models.CASCADE,
        related_name="claims",
        verbose_name=_("project"),
        help_text=_("Project that is claimed."),
    )
    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        related_name="claims",
        verbose_name=_("unit"),
        help_text=_("Unit that commits itself."),
    )
    as_written = models.CharField(
        _("as written"), max_length=200, blank=True, help_text=_("The unit's name as the source writes it.")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, help_text=_("Where the commitment stands."))
    claimed_on = EDTFField(_("claimed on"), help_text=_("When the unit claimed the project."))
    summary = models.TextField(
        _("summary"), blank=True, help_text=_("What the unit does under the claim, in the registry's own words.")
    )

    class Meta(Fact.Meta):
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(fields=["project", "unit"], name="projects_claim_once"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} – {self.project}"

    def slug_source(self) -> str:
        return f"{self.project.slug}-{self.unit.slug}"


class Deliverable(NamedRecord):
    """Something that a project yields: a book, a film, an index, a standard."""

    resource = "deliverables"
    counted_by = Counted(("project",), date="released_on", heading="project__category")
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
    summary = models.TextField(_("summary"), blank=True, help_text=_("What it is, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("deliverable")
        verbose_name_plural = _("deliverables")
        constraints = [
            *NamedRecord.Meta.constraints,
            models.UniqueConstraint(fields=["project", "name"], name="projects_deliverable_once"),
        ]
