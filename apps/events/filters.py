"""Filters of what happened."""

from apps.common.filters.base import BooleanFilter, ChoiceFilter, CommaFilter, KeyFilter
from apps.common.filters.places import PartyFilter, TreeFilter
from apps.common.filters.ranges import CountRange, DateRange
from apps.events.models import Award, Event, Participation
from apps.projects.models import Project
from apps.registry.filters import PlacedFilterSet
from apps.registry.models import Alliance, MemberUnit, Venue


class EventFilterSet(PlacedFilterSet):
    """Filters of events."""

    kind = ChoiceFilter("kind", Event.Kind, help_text="Kinds of event.")
    status = ChoiceFilter("status", Event.Status, help_text="Planned, held, reported or cancelled.")
    parent = KeyFilter("parent", Event)
    series = CommaFilter("series", help_text="Names of series.")
    alliance = KeyFilter("alliance", Alliance)
    venue = KeyFilter("venue", Venue)
    project = KeyFilter("projects", Project, distinct=True)
    unit = KeyFilter("participations__unit", MemberUnit, distinct=True)
    party = PartyFilter(
        Participation,
        "party",
        through="event",
        help_text="Units, alliances and divisions as `resource/key`, such as `streets/310110101`, separated by commas:"
        " events in which one of them took part, in whatever role.",
    )
    held = DateRange("held_on")
    part_of = TreeFilter(Event, below=True)
    has_part = TreeFilter(Event, below=False)
    part_count = CountRange("parts")
    participation_count = CountRange("participations")


class ParticipationFilterSet(PlacedFilterSet):
    """Filters of participations."""

    event = KeyFilter("event", Event)
    unit = KeyFilter("unit", MemberUnit)
    alliance = KeyFilter("alliance", Alliance)
    party = PartyFilter(
        Participation,
        "party",
        help_text="Units, alliances and divisions as `resource/key`, such as `streets/310110101`, separated by commas:"
        " what one of them took part in itself.",
    )
    group = BooleanFilter("group", help_text="Whether the party is several that are not named one by one.")
    award = KeyFilter("award", Award)
    role = ChoiceFilter("role", Participation.Role, help_text="Parts played at the event.")
    status = ChoiceFilter("status", Participation.Status, help_text="Where the invitation stands.")
    project = KeyFilter("event__projects", Project, distinct=True)


class AwardFilterSet(PlacedFilterSet):
    """Filters of awards."""

    giver = KeyFilter("giver", MemberUnit)
