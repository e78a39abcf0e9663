"""Claims: units commit themselves to projects (认领), and keep to it, or give the place back.

Places and quotas of a round are kept by the database: whoever enters a claim, or gets a place, waits for all others of
the same round until they have committed. A lease that has lapsed is free, before anybody writes so. The project of a
claim in a round is the one that the round puts up.
"""

from collections.abc import Iterator
from datetime import date
from typing import cast

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.models.moved import Moved
from apps.common.models.records import Counted, Fact
from apps.common.models.row_names import FirstOf, LabelOf, RowName
from apps.common.rules.competence import PLACE, Attester, Speaker, columns_of
from apps.common.rules.guards import Guard, Sentence
from apps.common.rules.workflow import (
    CONFIRMATION,
    DECISION,
    FIGURE,
    LAPSE,
    NEXT_STEP,
    Closed,
    Lapse,
    Transition,
    Wait,
    Workflow,
)
from apps.common.sql.days import LOCAL_DAY
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField, ParagraphsField
from apps.common.values.working_days import after
from apps.common.writing.acts import ACT
from apps.projects.models.projects import Project
from apps.projects.models.rounds import Round, RoundProject
from apps.registry.models import Alliance, MemberUnit, Placed

# Statuses in which a claim has a place, those in which a unit's quota counts it, and those beside which a unit has no
# second claim on the same project.
HOLDING = ("accepted", "under_way", "completed", "confirmed")
COUNTED = ("requested", *HOLDING)
LIVE = ("claimed", "requested", "accepted", "under_way", "completed")
# Whether a lease is over on the day that it is in the city.
LAPSED = f"(status = 'accepted' AND coalesce(lapses_on_latest < {LOCAL_DAY}, false))"
PLACES = """
    IF NEW.round_project_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT round.id, round.status, round.most_claims, round.opens_on_earliest, round.closes_on_latest,
           put_up.places, put_up.project_id
    INTO asked
    FROM projects_roundproject AS put_up JOIN projects_round AS round ON round.id = put_up.round_id
    WHERE put_up.id = NEW.round_project_id FOR NO KEY UPDATE OF round;
    NEW.project_id := asked.project_id;
    IF NEW.state <> 'published' OR NEW.reported THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        is_same := OLD.state = 'published' AND OLD.round_project_id IS NOT DISTINCT FROM NEW.round_project_id
                   AND OLD.unit_id = NEW.unit_id;
        was_counted := is_same AND OLD.status IN ({counted});
        was_holding := is_same AND OLD.status IN ({holding});
    END IF;
    today := {today};
    IF NEW.status IN ({counted}) AND NOT was_counted THEN
        IF asked.status <> 'open' OR asked.opens_on_earliest > today OR asked.closes_on_latest < today THEN
            RAISE check_violation USING CONSTRAINT = 'projects_claim_round_closed',
                MESSAGE = 'nothing can be claimed in this round today';
        END IF;
        IF asked.most_claims <= (
            SELECT count(*) FROM projects_claim AS claim
            JOIN projects_roundproject AS put_up ON put_up.id = claim.round_project_id
            WHERE put_up.round_id = asked.id AND claim.unit_id = NEW.unit_id AND claim.id IS DISTINCT FROM NEW.id
            AND claim.state = 'published' AND claim.status IN ({counted}) AND NOT {lapsed}
        ) THEN
            RAISE check_violation USING CONSTRAINT = 'projects_claim_quota',
                MESSAGE = 'the unit has as many claims in this round as it may have';
        END IF;
    END IF;
    IF NEW.status IN ({holding}) AND NOT was_holding AND asked.places <= (
        SELECT count(*) FROM projects_claim AS claim
        WHERE claim.round_project_id = NEW.round_project_id AND claim.id IS DISTINCT FROM NEW.id
        AND claim.state = 'published' AND claim.status IN ({holding}) AND NOT {lapsed}
    ) THEN
        RAISE check_violation USING CONSTRAINT = 'projects_claim_no_place',
            MESSAGE = 'all places of this project are taken';
    END IF;
    RETURN NEW;
"""
OTHER_PROJECT = _("The round puts another project up here.")
NO_PLACE = _("All places of this project are taken.")
QUOTA = _("The unit has as many claims in this round as it may have.")
CLOSED = _("Nothing can be claimed in this round today: it is not open, or its days have not come or are over.")


def _listed(statuses: tuple[str, ...]) -> str:
    return ", ".join(f"'{each}'" for each in statuses)


UNIT = ("unit",)
KEEPER = (PLACE, "round_project__round__street", "round_project__round__alliance")
DECISIONS = (
    Transition(
        "accept",
        ("requested", "claimed"),
        "accepted",
        KEEPER,
        _("Accept"),
        _("The unit gets the place."),
    ),
    Transition(
        "reject",
        ("requested", "claimed"),
        "rejected",
        KEEPER,
        _("Decline"),
        _("The unit does not get the place; the reason is for the two sides alone."),
        asks=("reason",),
    ),
    Transition(
        "withdraw",
        ("requested", "claimed"),
        "withdrawn",
        UNIT,
        _("Withdraw"),
        _("The unit takes its request back."),
        takes=("reason",),
    ),
)
WORK = (
    Transition("start", ("accepted",), "under_way", UNIT, _("Start"), _("The unit has begun; the lease is over.")),
    Transition(
        "finish",
        ("accepted", "under_way"),
        "completed",
        UNIT,
        _("Report as done"),
        _("The unit says that it is done; the keeper confirms it."),
        takes=("summary", FIGURE),
    ),
    Transition(
        "confirm",
        ("completed",),
        "confirmed",
        KEEPER,
        _("Confirm"),
        _("It is done, as the keeper sees it; say what came of it in the outcome."),
        asks=("outcome",),
        takes=(FIGURE,),
        apart_from=UNIT,
    ),
    Transition(
        "send_back",
        ("completed",),
        "under_way",
        KEEPER,
        _("Send back"),
        _("It is not done yet, as the keeper sees it."),
        asks=("reason",),
    ),
    Transition(
        "release",
        ("accepted", "under_way"),
        "released",
        (*UNIT, *KEEPER),
        _("Give the place back"),
        _("The place is free for others."),
        asks=("reason",),
    ),
    Transition(LAPSE, ("accepted",), "lapsed", (), _("Lapse"), _("Work had not started when the lease was over.")),
)


class Claim(Placed, Moved, Fact):
    """A unit's commitment to a project (认领)."""

    resource = "claims"
    attested_by = (
        # Whether a claim is accepted, is not for the unit to say.
        Attester(
            "unit",
            frozenset({"project", "unit", "as_written", "claimed_on", "summary", "round_project", "body"}),
        ),
        *map(Attester, KEEPER),
    )
    own_words = frozenset({"summary", "outcome"})
    hangs_on = ("project",)
    counted_by = Counted(date="claimed_on", heading="project__category")
    name_field = "slug"
    row_name = RowName(
        _("%(unit)s (%(status)s) · %(project)s"),
        {"unit": FirstOf("unit", "as_written"), "status": LabelOf("status"), "project": FirstOf("project")},
    )
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("unit", "project")
    # Either side may record it: those where the project lies or whose round it is, or the unit that commits itself.
    concerns = ("unit", "round_project")
    workflow = Workflow(
        entries={"requested": UNIT},
        public=frozenset({*HOLDING, "released", "lapsed"}),
        transitions=(*DECISIONS, *WORK),
        lapses=Lapse("accepted", "lapses_on"),
        waits={
            "requested": Wait(DECISION, KEEPER),
            "accepted": Wait(NEXT_STEP, UNIT),
            "completed": Wait(CONFIRMATION, KEEPER),
        },
    )

    class Status(models.TextChoices):
        CLAIMED = "claimed", _("Claimed")
        REQUESTED = "requested", _("Requested")
        ACCEPTED = "accepted", _("Accepted")
        UNDER_WAY = "under_way", _("Under way")
        COMPLETED = "completed", _("Completed")
        CONFIRMED = "confirmed", _("Confirmed")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        RELEASED = "released", _("Released")
        LAPSED = "lapsed", _("Lapsed")

    project = models.ForeignKey(
        Project,
        models.CASCADE,
        related_name="claims",
        verbose_name=_("project"),
        help_text=_("Project that is claimed."),
    )
    round_project = models.ForeignKey(
        RoundProject,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="claims",
        verbose_name=_("project of a round"),
        help_text=_("Where a round puts the project up: its place in the round."),
    )
    unit = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        related_name="claims",
        verbose_name=_("unit"),
        help_text=_("Unit that commits itself."),
    )
    body = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="claims",
        verbose_name=_("body"),
        help_text=_("Sub-conference or other body through which it claims."),
    )
    as_written = OneLineField(
        _("as written"), max_length=200, blank=True, help_text=_("The unit's name as the source writes it.")
    )
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=Status,
        default=Status.REQUESTED,
        help_text=_("Where the commitment stands."),
    )
    claimed_on = EDTFField(_("claimed on"), help_text=_("When the unit claimed the project."))
    accepted_on = EDTFField(_("accepted on"), help_text=_("When the keeper accepted it."))
    lapses_on = EDTFField(
        _("lapses on"),
        help_text=_(
            "Last day of the lease, within which work has to start, or the place is free; with “?” as long as holidays"
            " of its year are not known."
        ),
    )
    summary = ParagraphsField(
        _("summary"), blank=True, help_text=_("What the unit does under the claim, in the registry's own words.")
    )
    outcome = ParagraphsField(
        _("outcome"), blank=True, help_text=_("What came of it, in the words of the keeper or of the registry.")
    )

    class Meta(Fact.Meta):
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(
                fields=["project", "unit"],
                condition=Q(status__in=LIVE),
                name="projects_claim_once",
                violation_error_code="unique",
                violation_error_message=_("The unit has a claim on this project that is not settled yet."),
            ),
        ]
        triggers = [
            *Fact.Meta.triggers,
            Guard(
                name="keeps_places",
                operation=pgtrigger.Insert
                | pgtrigger.UpdateOf("status", "state", "round_project_id", "project_id", "unit_id"),
                when=pgtrigger.Before,
                declare=[
                    ("asked", "record"),
                    ("is_same", "boolean := false"),
                    ("was_counted", "boolean := false"),
                    ("was_holding", "boolean := false"),
                    ("today", "date"),
                ],
                func=PLACES.format(counted=_listed(COUNTED), holding=_listed(HOLDING), lapsed=LAPSED, today=LOCAL_DAY),
                sentences={
                    "_no_place": Sentence("no_place", NO_PLACE, "round_project", is_conflict=True),
                    "_quota": Sentence("quota", QUOTA, "round_project", is_conflict=True),
                    "_round_closed": Sentence("round_closed", CLOSED, "round_project", is_conflict=True),
                },
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.project.slug}-{self.unit.slug}"

    def clean(self) -> None:
        super().clean()
        if self.round_project is not None and self.round_project.project_id != self.project_id:
            raise ValidationError({"round_project": ValidationError(OTHER_PROJECT, code="other_project")})

    # How it moves

    def ruler(self) -> models.Model | None:
        """Return the keeper of the round; without a round the most precise place of the project, or its body."""
        if self.round_project is not None:
            return self.round_project.round.keeper
        places = (getattr(self, name) for name in columns_of(self))
        return next((place for place in places if place is not None), self.project.alliance)

    def why_not(self, transition: Transition, day: date) -> Closed | None:
        if self.lapsed(day) and transition.name != "release":
            detail = gettext("The lease was over on %(day)s; the place is free.") % {"day": self.lapses_on}
            return Closed("lapsed", detail)
        return None

    def on_move(self, transition: Transition, day: date) -> None:
        if transition.name == "accept":
            self.accepted_on = day.isoformat()
            days = None if self.round_project is None else self.round_project.round.lease_days
            self.lapses_on = "" if days is None else after(day, days).edtf

    def by_rule(self, day: date) -> Iterator[tuple[Moved, str, models.Model]]:
        """Where the first to claim gets the place, it is accepted at once; leases that are over end before.

        So is one that came of a match, where who keeps the project has proposed or accepted that.
        """
        if self.status != self.Status.REQUESTED:
            return
        if self.round_project is None:
            if (agreed := self._keeper_who_matched()) is not None:
                yield self, "accept", agreed
            return
        keeper, mode = self.round_project.round.keeper, self.round_project.round.mode
        over = Claim.objects.filter(Claim.over(day), round_project=self.round_project)
        for other in over.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk"):
            yield other, LAPSE, keeper
        if mode == Round.Mode.FIRST_COME:
            yield self, "accept", keeper

    def _keeper_who_matched(self) -> models.Model | None:
        """Return who decides on the claim and has said yes to the match that it came of; None: nobody has yet."""
        for match in self.matches.all():
            for said in match.attestations.filter(kind=ACT, supports__contains=["status"]).order_by("pk"):
                if not Speaker(said.party).may_not_say(self, ["status"]):
                    return cast(models.Model, said.party)
        return None
