"""Bodies of units, and who belongs to them."""

from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.given_names import MaybeUnnamed
from apps.common.models.moved import Moved
from apps.common.models.records import Fact
from apps.common.models.row_names import FirstOf, LabelOf, RowName
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.evidence import WHOLE
from apps.common.rules.trees import TreeKey
from apps.common.rules.workflow import DECISION, Transition, Wait, Workflow
from apps.common.values.columns import EDTFField
from apps.common.values.dates import EDTFError, bounds
from apps.common.values.pinyin import slugify_name
from apps.common.values.texts import OneLineField, ParagraphsField
from apps.registry.models.divisions import District, Neighbourhood, Street
from apps.registry.models.places import PartOfWhole
from apps.registry.models.units import MemberUnit


class Alliance(PartOfWhole, MaybeUnnamed):
    """A body of units at any level, from a district's network down to a co-building pair; a tree by `parent`."""

    resource = "alliances"
    attested_by = (Attester(PLACE),)
    hangs_on = ("parent",)
    mergeable = proposed_by_name = True
    begins_field = "founded_on"
    ends_field = "dissolved_on"
    belongs_to = ("district", "street", "neighbourhood")
    inherits = "parent"

    class Kind(models.TextChoices):
        JOINT_CONFERENCE = "joint_conference", _("Joint conference")
        SUB_CONFERENCE = "sub_conference", _("Sub-conference")
        ALLIANCE = "alliance", _("Alliance")
        COMMITTEE = "committee", _("Committee")
        WORKING_GROUP = "working_group", _("Working group")
        EXTENDED_BRANCH = "extended_branch", _("Extended party branch")
        NETWORK = "network", _("Network")
        PAIR = "pair", _("Co-building pair")
        TRIPLE = "triple", _("Co-building triple")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        ACTIVE = "active", _("Active")
        DISSOLVED = "dissolved", _("Dissolved")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of body."))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, help_text=_("Proposed bodies are plans, not facts.")
    )
    parent = TreeKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        verbose_name=_("parent"),
        help_text=_("Body of which this one is a part."),
    )
    district = models.ForeignKey(
        District,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="alliances",
        verbose_name=_("district"),
        help_text=_("District whose body it is."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="alliances",
        verbose_name=_("street"),
        help_text=_("Street, town or township whose body it is."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="alliances",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood whose body it is."),
    )
    founded_on = EDTFField(_("founded on"), help_text=_("When it was founded."))
    dissolved_on = EDTFField(_("dissolved on"), help_text=_("When it was dissolved."))
    slogan = OneLineField(_("slogan"), max_length=200, blank=True, help_text=_("The motto that it bears."))
    summary = ParagraphsField(
        _("summary"), blank=True, help_text=_("What it is for and how it works, in the registry's own words.")
    )

    class Meta(MaybeUnnamed.Meta):
        verbose_name = _("alliance")
        verbose_name_plural = _("alliances")
        constraints = [
            *MaybeUnnamed.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="registry_alliance_not_own_parent",
                violation_error_message=_("An alliance is not a part of itself."),
            ),
            models.CheckConstraint(
                condition=Q(dissolved_on="") | Q(status="dissolved"),
                name="registry_alliance_dissolved_has_status",
                violation_error_message=_("A body with a date of dissolution has the status dissolved."),
            ),
            models.CheckConstraint(
                condition=~Q(status="proposed") | Q(founded_on=""),
                name="registry_alliance_proposed_not_founded",
                violation_error_message=_("A proposed body has no founding date yet."),
            ),
        ]


# The two sides of a membership: one invites or applies, the other one answers.
UNIT = ("unit",)
BODY = ("alliance",)


def answers(sources: tuple[str, ...], *, by: tuple[str, ...], to: tuple[str, ...]) -> tuple[Transition, ...]:
    """Return the ways out of an invitation or an application: the one side answers, or the other takes it back."""
    return (
        Transition("accept", sources, "member", by, _("Accept"), _("The unit is a member from now on."), apart_from=to),
        Transition(
            "decline",
            sources,
            "declined",
            by,
            _("Decline"),
            _("The unit does not become a member; the reason is for the two sides alone."),
            asks=("reason",),
        ),
        Transition(
            "withdraw",
            sources,
            "withdrawn",
            to,
            _("Withdraw"),
            _("Who invited, or applied, takes that back."),
            takes=("reason",),
        ),
    )


class Membership(PartOfWhole, Moved, Fact):
    """A unit in an alliance with a role. A member that is not resolved to a unit keeps the name as written."""

    resource = "memberships"
    attested_by = (Attester("alliance"), Attester("unit"))
    unevidenced = {"alliance": WHOLE}
    hangs_on = ("alliance",)
    whole = "alliance"
    name_field = "slug"
    row_name = RowName(
        _("%(member)s (%(role)s) · %(alliance)s"),
        {"member": FirstOf("unit", "as_written"), "role": LabelOf("role"), "alliance": FirstOf("alliance")},
    )
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("unit", "alliance")
    begins_field = "joined_on"
    ends_field = "left_on"
    concerns = ("alliance", "unit")
    workflow = Workflow(
        entries={"invited": BODY, "applied": UNIT},
        public=frozenset({"member", "left"}),
        waits={"invited": Wait(DECISION, UNIT), "applied": Wait(DECISION, BODY)},
        transitions=(
            *answers(("invited",), by=UNIT, to=BODY),
            *answers(("applied",), by=BODY, to=UNIT),
            Transition(
                "invite",
                ("declined", "withdrawn"),
                "invited",
                BODY,
                _("Invite again"),
                _("The unit is asked once more; it answers."),
            ),
            Transition(
                "apply",
                ("declined", "withdrawn"),
                "applied",
                UNIT,
                _("Apply again"),
                _("The unit asks once more; the body answers."),
            ),
            Transition(
                "leave",
                ("member",),
                "left",
                (*UNIT, *BODY),
                _("End the membership"),
                _("From the day that is given the unit is no longer a member."),
                asks=("left_on",),
                takes=("reason",),
            ),
        ),
    )

    class Status(models.TextChoices):
        INVITED = "invited", _("Invited")
        APPLIED = "applied", _("Applied")
        MEMBER = "member", pgettext_lazy("status of a membership", "Member")
        LEFT = "left", pgettext_lazy("status of a membership", "Left")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class Role(models.TextChoices):
        CONVENOR = "convenor", _("Convenor")
        CORE = "core", _("Core")
        LEADER = "leader", _("Responsible leader")
        LIAISON = "liaison", _("Liaison")
        FOUNDING_MEMBER = "founding_member", _("Founding member")
        MEMBER = "member", _("Member")
        ADVISER = "adviser", _("Adviser")
        PART_TIME_COMMITTEE_MEMBER = "part_time_committee_member", _("Part-time committee member")

    alliance = models.ForeignKey(
        Alliance,
        models.CASCADE,
        related_name="memberships",
        verbose_name=_("alliance"),
        help_text=_("Body to which the member belongs."),
    )
    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("unit"),
        help_text=_("The member; empty while the name as written is not resolved."),
    )
    as_written = OneLineField(
        _("as written"), max_length=200, blank=True, help_text=_("The member's name as the source writes it.")
    )
    role = models.CharField(_("role"), max_length=30, choices=Role, help_text=_("Role of the unit in the body."))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.INVITED, help_text=_("Where the membership stands.")
    )
    joined_on = EDTFField(_("joined on"), help_text=_("When it joined."))
    left_on = EDTFField(_("left on"), help_text=_("When it left."))

    class Meta(Fact.Meta):
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(fields=["alliance", "unit", "role", "joined_on"], name="registry_membership_once"),
            models.CheckConstraint(
                condition=Q(unit__isnull=False) | ~Q(as_written=""),
                name="registry_membership_names_a_member",
                violation_error_message=_("Name the unit, or give the member's name as written."),
            ),
        ]

    def slug_source(self) -> str:
        from_name = self.unit.slug if self.unit else slugify_name(self.as_written)
        return f"{self.alliance.slug}-{from_name}-{self.role}"

    def clean(self) -> None:
        super().clean()
        try:
            joined, left = bounds(self.joined_on)[0], bounds(self.left_on)[1]
        except EDTFError:
            return  # the field's own validator says so
        if joined and left and left < joined:
            raise ValidationError({"left_on": _("A member cannot leave before it joins.")})

    def on_move(self, transition: Transition, day: date) -> None:
        if transition.name == "accept" and not self.joined_on:
            self.joined_on = day.isoformat()
