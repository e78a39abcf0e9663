"""Events, held or planned: meetings, signings, donations, milestones; their participants, and awards."""

from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.models.given_names import MaybeUnnamed
from apps.common.models.moved import Moved
from apps.common.models.records import Counted, NamedRecord
from apps.common.rules.change_log import logged_links
from apps.common.rules.competence import PLACE, Attester
from apps.common.rules.evidence import WHOLE, links_rest_on_evidence
from apps.common.rules.publishing import links_to_no_draft
from apps.common.rules.trees import TreeKey
from apps.common.rules.workflow import DECISION, Transition, Wait, Workflow
from apps.common.values.columns import EDTFField
from apps.common.values.texts import OneLineField, ParagraphsField
from apps.projects.models import Project
from apps.registry.models import PARTY_KEYS, Alliance, District, MemberUnit, Neighbourhood, Party, Placed, Street, Venue

# Who keeps an event, and who is asked to it.
KEEPERS = ("alliance", PLACE)
HOSTS = ("event__alliance", PLACE)


class Event(Placed, Moved, MaybeUnnamed):
    """Something that happened at a time; parts of an event are events with a parent."""

    resource = "events"
    attested_by = (Attester("alliance"), Attester("organisers"), Attester(PLACE))
    hangs_on = ("venue", "parent", "alliance")
    counted_by = Counted(date="held_on")
    mergeable = proposed_by_name = True
    belongs_to = ("alliance", "district", "street", "neighbourhood")
    inherits = "parent"
    workflow = Workflow(
        entries={"planned": KEEPERS},
        public=frozenset({"planned", "held", "reported", "cancelled"}),
        transitions=(
            Transition(
                "hold", ("planned",), "held", KEEPERS, _("Note as held"), _("It has taken place."), takes=("held_on",)
            ),
            Transition(
                "write_up",
                ("held",),
                "reported",
                KEEPERS,
                _("Report on it"),
                _("What happened stands in the summary; numbers are figures of the event."),
                asks=("summary",),
            ),
            Transition(
                "cancel",
                ("planned",),
                "cancelled",
                KEEPERS,
                _("Cancel"),
                _("It does not take place; the reason is for who keeps it alone."),
                asks=("reason",),
            ),
        ),
    )

    class Kind(models.TextChoices):
        CONFERENCE = "conference", _("Conference or meeting")
        SIGNING = "signing", _("Signing")
        UNVEILING = "unveiling", _("Unveiling")
        LAUNCH = "launch", _("Launch or release")
        DONATION = "donation", _("Donation")
        COMMENDATION = "commendation", _("Commendation")
        CEREMONY = "ceremony", _("Ceremony")
        PRESENTATION = "presentation", _("Presentation")
        ACTIVITY = "activity", _("Activity")
        MILESTONE = "milestone", _("Milestone")

    class Status(models.TextChoices):
        PLANNED = "planned", _("Planned")
        HELD = "held", _("Held")
        REPORTED = "reported", pgettext_lazy("status of an event", "Reported")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("Kind of event."))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.PLANNED, help_text=_("Planned is no fact yet.")
    )
    parent = TreeKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        verbose_name=_("parent"),
        help_text=_("Event of which it is a part."),
    )
    series = OneLineField(
        _("series"), max_length=100, blank=True, help_text=_("Name of the series to which it belongs.")
    )
    held_on = EDTFField(_("held on"), help_text=_("When it was or is to be held."))
    alliance = models.ForeignKey(
        Alliance,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("alliance"),
        help_text=_("Body whose event it is, or that it founds."),
    )
    venue = models.ForeignKey(
        Venue,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("venue"),
        help_text=_("Place in which it was held."),
    )
    district = models.ForeignKey(
        District,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("district"),
        help_text=_("District in which it was held."),
    )
    street = models.ForeignKey(
        Street,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("street"),
        help_text=_("Street, town or township in which it was held."),
    )
    neighbourhood = models.ForeignKey(
        Neighbourhood,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("neighbourhood"),
        help_text=_("Neighbourhood in which it was held, or that it is about."),
    )
    projects = models.ManyToManyField(
        Project,
        blank=True,
        related_name="events",
        verbose_name=_("projects"),
        help_text=_("Projects that were signed, launched or presented."),
    )
    slogan = OneLineField(_("slogan"), max_length=200, blank=True, help_text=_("The motto that it bears."))
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What happened, in the registry's own words."))

    class Meta(MaybeUnnamed.Meta):
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            *MaybeUnnamed.Meta.indexes,
            models.Index(F("held_on_earliest").desc(nulls_last=True), F("slug"), name="events_event_held"),
        ]
        constraints = [
            *MaybeUnnamed.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="events_event_not_own_parent",
                violation_error_message=_("An event is not a part of itself."),
            ),
        ]

    def on_move(self, transition: Transition, day: date) -> None:
        if transition.name == "hold" and not self.held_on:
            self.held_on = day.isoformat()

    @property
    def organisers(self) -> list[MemberUnit]:
        """The units that are known to organise it."""
        return [
            *MemberUnit.objects.filter(
                participations__in=self.participations.filter(
                    role=Participation.Role.ORGANISER, state=self.State.PUBLISHED
                )
            )
            .order_by("slug")
            .distinct()
        ]


class EventProject(Event.projects.through):  # type: ignore[name-defined]
    """The link between an event and a project, as a model that can bear triggers."""

    class Meta:
        proxy = True
        verbose_name = _("event's project")
        verbose_name_plural = _("events' projects")
        triggers = [*logged_links(), *links_to_no_draft(), *links_rest_on_evidence()]


class Award(Placed, NamedRecord):
    """An award scheme. Its recipients are participations."""

    resource = "awards"
    attested_by = (Attester("giver"), Attester(PLACE))
    mergeable = proposed_by_name = True
    belongs_to = ("district", "giver")

    giver = models.ForeignKey(
        MemberUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="awards_given",
        verbose_name=_("giver"),
        help_text=_("Unit that gives it."),
    )
    district = models.ForeignKey(
        District,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="awards",
        verbose_name=_("district"),
        help_text=_("District in which it is given."),
    )
    summary = ParagraphsField(_("summary"), blank=True, help_text=_("What it honours, in the registry's own words."))

    class Meta(NamedRecord.Meta):
        verbose_name = _("award")
        verbose_name_plural = _("awards")


class Participation(Placed, Moved, Party):
    """A unit, body or division at an event in a role, and the office of who represented it in public.

    Before the event it is an invitation, seen by both sides alone until it is accepted.
    """

    resource = "participations"
    attested_by = (
        *map(Attester, HOSTS),
        *(Attester(key, frozenset({"representative_office", "contribution"})) for key in PARTY_KEYS),
    )
    unevidenced = {"event": WHOLE}
    own_words = frozenset({"contribution"})
    hangs_on = ("event",)
    counted_by = Counted(date="event__held_on")
    row_name = Party.named_in("event")
    search_relations = (*Party.search_relations, "event")
    belongs_to = ("event",)
    # Who keeps an event may speak for a guest as well, as a street does for its neighbourhoods, and answer for it.
    workflow = Workflow(
        entries={"invited": HOSTS},
        public=frozenset({"accepted", "attended"}),
        waits={"invited": Wait(DECISION, PARTY_KEYS)},
        transitions=(
            Transition(
                "accept",
                ("invited",),
                "accepted",
                PARTY_KEYS,
                _("Accept"),
                _("The guest is going to take part."),
                takes=("representative_office",),
            ),
            Transition(
                "decline",
                ("invited", "accepted"),
                "declined",
                PARTY_KEYS,
                _("Decline"),
                _("The guest does not take part; the reason is for the two sides alone."),
                asks=("reason",),
            ),
            Transition(
                "attend",
                ("accepted",),
                "attended",
                HOSTS,
                _("Note as present"),
                _("The guest has taken part."),
                takes=("contribution",),
            ),
            Transition(
                "invite", ("declined",), "invited", HOSTS, _("Invite again"), _("The guest is asked once more.")
            ),
        ),
    )

    class Status(models.TextChoices):
        INVITED = "invited", _("Invited")
        ACCEPTED = "accepted", _("Will attend")
        DECLINED = "declined", _("Declined")
        ATTENDED = "attended", _("Attended")

    class Role(models.TextChoices):
        ORGANISER = "organiser", _("Organiser")
        CHAIR = "chair", _("Chair")
        SPEAKER = "speaker", _("Speaker")
        ATTENDEE = "attendee", _("Attendee")
        SIGNATORY = "signatory", _("Signatory")
        DONOR = "donor", _("Donor")
        RECIPIENT = "recipient", _("Recipient")
        PRESENTER = "presenter", _("Presenter of an award")
        AWARDEE = "awardee", _("Awardee")
        FOUNDER = "founder", _("Founder")
        FOUNDED = "founded", _("Body that is founded")
        PERFORMER = "performer", _("Performer")
        MENTOR = "mentor", _("Mentor")
        APPRENTICE = "apprentice", _("Apprentice")
        SENDER = "sender", _("Sender of a wish or message")
        IMPLIED_DONOR = "implied_donor", _("Donor, as the source implies")

    event = models.ForeignKey(
        Event,
        models.CASCADE,
        related_name="participations",
        verbose_name=_("event"),
        help_text=_("Event at which it took part."),
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, help_text=_("Part played at the event."))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.INVITED, help_text=_("Where the invitation stands.")
    )
    representative_name = OneLineField(
        _("representative"),
        max_length=60,
        blank=True,
        help_text=_("Who represented the unit in public, as the source prints it; private persons are not named."),
    )
    representative_office = OneLineField(
        _("office"), max_length=200, blank=True, help_text=_("Office in which the representative took part.")
    )
    award = models.ForeignKey(
        Award,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="participations",
        verbose_name=_("award"),
        help_text=_("Award received or presented."),
    )
    contribution = OneLineField(
        _("contribution"), max_length=200, blank=True, help_text=_("What was given, presented or spoken about.")
    )

    class Meta(Party.Meta):
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        ordering = ["slug"]
        constraints = [
            *Party.Meta.constraints,
            models.UniqueConstraint(
                fields=["event", *PARTY_KEYS, "as_written", "role", "representative_name", "award"],
                nulls_distinct=False,
                name="events_participation_once",
            ),
            models.CheckConstraint(
                condition=Q(representative_name="") | ~Q(representative_office=""),
                name="events_participation_person_has_office",
                violation_error_message=_("A person is named only together with the office held."),
            ),
            models.CheckConstraint(
                condition=Q(award=None) | Q(role__in=["awardee", "presenter"]),
                name="events_participation_award_has_role",
                violation_error_message=_("Only one who receives or presents an award is tied to it."),
            ),
        ]

    def slug_source(self) -> str:
        return f"{self.event.slug}-{self.party_slug()}-{self.role}"
