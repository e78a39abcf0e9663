"""Matches: a need and a resource are brought together (对接), and both sides say whether they want it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.moved import Moved
from apps.common.models.records import Fact
from apps.common.models.row_names import FirstOf, LabelOf, RowName
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.guards import Guard, Sentence
from apps.common.rules.workflow import DECISION, Closed, Transition, Wait, Workflow
from apps.common.values.dates import today
from apps.common.values.texts import ParagraphsField
from apps.common.writing.acts import ACT
from apps.projects.models.claims import LIVE as LIVE_CLAIMS
from apps.projects.models.claims import Claim
from apps.projects.models.offers import PUBLISHERS, Need, Resource
from apps.registry.models import Alliance, Placed

ASKER = tuple(f"need__{name}" for name in PUBLISHERS)
GIVER = tuple(f"offer__{name}" for name in PUBLISHERS)
BROKER = ("broker", "need__in_neighbourhood", "need__in_street", "need__in_district")
# Statuses beside which a need and a resource have no second match.
OPEN = ("proposed", "accepted_by_asker", "accepted_by_giver")
LIVE = (*OPEN, "accepted")
# Statuses of a need and of a resource in which a match of them can be proposed and accepted.
STILL_ASKED = ("open", "matched")
STILL_FREE = ("offered",)
NEED_CLOSED = _("The need is met, withdrawn or lapsed; nothing can be matched with it.")
RESOURCE_TAKEN = _("The resource is in use or withdrawn; it is not free at the moment.")
BOTH_STAND = """
    SELECT status INTO found FROM projects_need WHERE id = NEW.need_id FOR NO KEY UPDATE;
    IF found NOT IN ('open', 'matched') THEN
        RAISE check_violation USING CONSTRAINT = 'projects_match_need_closed',
            MESSAGE = 'the need of a match is closed';
    END IF;
    SELECT status INTO found FROM projects_resource WHERE id = NEW.offer_id FOR NO KEY UPDATE;
    IF found <> 'offered' THEN
        RAISE check_violation USING CONSTRAINT = 'projects_match_resource_taken',
            MESSAGE = 'the resource of a match is not free';
    END IF;
    RETURN NEW;
"""

ACCEPT, DECLINE = _("Accept"), _("Decline")
HALF = _("The side for which you speak wants it; the other side decides.")
WHOLE = _(
    "Both sides want it: the need is matched, and the resource is in use. Where the need has a project, the unit that"
    " offers claims it."
)
NO = _("The side for which you speak does not want it; the reason is for the two sides and the broker alone.")
BACK = _("It is taken back before the other side has decided.")
ACCEPTING = (
    Transition("accept", ("proposed",), "accepted_by_asker", ASKER, ACCEPT, HALF),
    Transition("accept", ("proposed",), "accepted_by_giver", GIVER, ACCEPT, HALF),
    Transition("accept", ("accepted_by_asker",), "accepted", GIVER, ACCEPT, WHOLE),
    Transition("accept", ("accepted_by_giver",), "accepted", ASKER, ACCEPT, WHOLE),
)
ENDING = (
    Transition("decline", ("proposed", "accepted_by_giver"), "declined", ASKER, DECLINE, NO, asks=("reason",)),
    Transition("decline", ("proposed", "accepted_by_asker"), "declined", GIVER, DECLINE, NO, asks=("reason",)),
    Transition("withdraw", ("accepted_by_asker",), "withdrawn", ASKER, _("Withdraw"), BACK, takes=("reason",)),
    Transition("withdraw", ("accepted_by_giver",), "withdrawn", GIVER, _("Withdraw"), BACK, takes=("reason",)),
    Transition("withdraw", OPEN, "withdrawn", BROKER, _("Withdraw"), BACK, takes=("reason",)),
    Transition(
        "end",
        ("accepted",),
        "withdrawn",
        (*ASKER, *GIVER),
        _("End"),
        _("It comes to nothing after all; each side opens its need and its resource again."),
        asks=("reason",),
    ),
)
BY_RULE = _("It was proposed by this side, which thereby wants it.")
COUNTED = (
    Transition("asked", ("proposed",), "accepted_by_asker", (), ACCEPT, BY_RULE),
    Transition("offered", ("proposed",), "accepted_by_giver", (), ACCEPT, BY_RULE),
)


class Match(Placed, Moved, Fact):
    """A need and a resource that somebody has brought together; it lies where the need lies."""

    resource = "matches"
    attested_by = tuple(map(Attester, (*ASKER, *GIVER, "broker", PLACE)))
    own_words = frozenset({"note"})
    hangs_on = ("need",)
    counted_by = None  # it is for the parties alone
    name_field = "slug"
    row_name = RowName(
        _("%(need)s (%(status)s) · %(offer)s"),
        {"need": FirstOf("need"), "status": LabelOf("status"), "offer": FirstOf("offer")},
    )
    search_columns = {"prose_ngrams": ("prose",)}
    search_relations = ("need", "offer")
    # Either side, and who brought them together, may propose it, and they alone see it.
    concerns = ("need", "offer", "broker")
    workflow = Workflow(
        entries={"proposed": (*ASKER, *GIVER, *BROKER)},
        public=frozenset(),
        transitions=(*ACCEPTING, *ENDING, *COUNTED),
        waits={
            "proposed": Wait(DECISION, (*ASKER, *GIVER)),
            "accepted_by_asker": Wait(DECISION, GIVER),
            "accepted_by_giver": Wait(DECISION, ASKER),
        },
    )

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        ACCEPTED_BY_ASKER = "accepted_by_asker", _("Accepted by who asks")
        ACCEPTED_BY_GIVER = "accepted_by_giver", _("Accepted by who offers")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    need = models.ForeignKey(
        Need, models.PROTECT, related_name="matches", verbose_name=_("need"), help_text=_("Need that may be met.")
    )
    offer = models.ForeignKey(
        Resource,
        models.PROTECT,
        related_name="matches",
        verbose_name=_("resource"),
        help_text=_("Resource by which it may be met."),
    )
    broker = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="brokered_matches",
        verbose_name=_("broker"),
        help_text=_("Body that brought the two together; the divisions in which the need lies do so by themselves."),
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.PROPOSED, help_text=_("Where the match stands.")
    )
    claim = models.ForeignKey(
        Claim,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="matches",
        verbose_name=_("claim"),
        help_text=_("Claim of the unit that offers, on the project of the need; made once both sides want the match."),
    )
    note = ParagraphsField(_("note"), blank=True, help_text=_("What the two could do together."))

    class Meta(Fact.Meta):
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        ordering = ["slug"]
        constraints = [
            *Fact.Meta.constraints,
            models.UniqueConstraint(
                fields=["need", "offer"],
                condition=Q(status__in=LIVE),
                name="projects_match_once",
                violation_error_code="unique",
                violation_error_message=_("The need and the resource have a match that is not settled yet."),
            ),
        ]
        triggers = [
            *Fact.Meta.triggers,
            Guard(
                name="both_stand",
                operation=pgtrigger.UpdateOf("status"),
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "NEW.status = 'accepted' AND OLD.status <> 'accepted' AND NOT NEW.reported"
                ),
                declare=[("found", "text")],
                func=BOTH_STAND,
                sentences={
                    "_need_closed": Sentence("need_closed", NEED_CLOSED, "need", is_conflict=True),
                    "_resource_taken": Sentence("resource_taken", RESOURCE_TAKEN, "offer", is_conflict=True),
                },
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.need.slug}-{self.offer.slug}"

    def clean(self) -> None:
        """Refuse to bring together what is not asked for, or not free, any more."""
        super().clean()
        if self.need_id is None or self.offer_id is None:
            return  # the fields say so themselves
        stored = None if self.pk is None else Match.objects.filter(pk=self.pk).values_list("need", "offer").first()
        is_new = stored != (self.need_id, self.offer_id)
        if is_new and not self.reported and (closed := self._closed(today())):
            field, code, sentence = closed
            raise ValidationError({field: ValidationError(sentence, code=code)})

    def _closed(self, day: date) -> tuple[str, str, Any] | None:
        """Return the side that does not stand any more: the field, a code, and a sentence."""
        if self.need.status not in STILL_ASKED or self.need.lapsed(day):
            return "need", "need_closed", NEED_CLOSED
        if self.offer.status not in STILL_FREE:
            return "offer", "resource_taken", RESOURCE_TAKEN
        return None

    # How it moves

    def why_not(self, transition: Transition, day: date) -> Closed | None:
        if transition.name != "accept" or (closed := self._closed(day)) is None:
            return None
        return Closed(closed[1], str(closed[2]))

    def brings(self, transition: Transition, day: date) -> Iterator[tuple[Moved, models.Model]]:
        """Once both sides want it, the unit that offers claims the project of the need, unless it has a live claim."""
        project, unit = self.need.project, self.offer.unit
        if transition.target != self.Status.ACCEPTED or project is None or unit is None:
            return
        if not Claim.objects.filter(project=project, unit=unit, status__in=LIVE_CLAIMS).exists():
            day_of_claim = day.isoformat()
            self.claim = Claim(project=project, unit=unit, claimed_on=day_of_claim, state=Fact.State.PUBLISHED)
            yield self.claim, unit

    def follows(self, transition: Transition) -> Iterator[tuple[Moved, str]]:
        """Once both sides want it, the need is matched and the resource in use."""
        if transition.target == self.Status.ACCEPTED:
            yield Need.objects.select_for_update(no_key=True).get(pk=self.need_id), "match"
            yield Resource.objects.select_for_update(no_key=True).get(pk=self.offer_id), "use"

    def by_rule(self, day: date) -> Iterator[tuple[Moved, str, models.Model]]:
        """What a side proposes itself it wants; a division above it, and a broker, wait for both."""
        for said in self.attestations.filter(kind=ACT, supports__contains=[self.workflow.field]):
            for side, name in ((self.need, "asked"), (self.offer, "offered")):
                if said.party in [getattr(side, each) for each in PUBLISHERS if getattr(side, each) is not None]:
                    yield self, name, said.party
                    return
