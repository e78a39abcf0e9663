"""Filters of what is done together."""

from apps.common.filters.base import BooleanFilter, ChoiceFilter, KeyFilter
from apps.common.filters.places import PartyFilter, TreeFilter
from apps.common.filters.ranges import CountRange, DateRange, NumberRange
from apps.projects.models import (
    Category,
    Claim,
    Deliverable,
    Match,
    Need,
    Project,
    ProjectPartner,
    Resource,
    Round,
    RoundProject,
)
from apps.registry.filters import PlacedFilterSet
from apps.registry.models import Alliance, MemberUnit


class CategoryFilterSet(PlacedFilterSet):
    """Filters of categories."""

    alliance = KeyFilter("alliance", Alliance)
    programme = KeyFilter("programme", Project)
    position = NumberRange("position")
    project_count = CountRange("projects")


class OfferFilterSet(PlacedFilterSet):
    """Filters of both needs and resources."""

    alliance = KeyFilter("alliance", Alliance)
    unit = KeyFilter("unit", MemberUnit)
    category = KeyFilter("category", Category)
    capacity = NumberRange("capacity")
    published = DateRange("published_on")
    closes = DateRange("closes_on")


class NeedFilterSet(OfferFilterSet):
    """Filters of needs."""

    status = ChoiceFilter("status", Need.Status, help_text="Where the need stands.")
    project = KeyFilter("project", Project)


class ResourceFilterSet(OfferFilterSet):
    """Filters of resources."""

    status = ChoiceFilter("status", Resource.Status, help_text="Where the offer stands.")


class MatchFilterSet(PlacedFilterSet):
    """Filters of matches."""

    need = KeyFilter("need", Need)
    offer = KeyFilter("offer", Resource)
    broker = KeyFilter("broker", Alliance)
    claim = KeyFilter("claim", Claim)
    status = ChoiceFilter("status", Match.Status, help_text="Where the match stands.")


class ProjectFilterSet(PlacedFilterSet):
    """Filters of projects."""

    kind = ChoiceFilter("kind", Project.Kind, help_text="Kinds of undertaking.")
    status = ChoiceFilter("status", Project.Status, help_text="Proposed, planned, under way, completed or cancelled.")
    parent = KeyFilter("parent", Project)
    category = KeyFilter("category", Category)
    alliance = KeyFilter("alliance", Alliance)
    claimed_by = KeyFilter("claims__unit", MemberUnit, distinct=True)
    partner = KeyFilter("partners__unit", MemberUnit, distinct=True)
    party = PartyFilter(
        ProjectPartner,
        "party",
        through="project",
        help_text="Units, alliances and divisions as `resource/key`, such as `districts/310107`, separated by commas:"
        " projects in which one of them is a partner, in whatever role.",
    )
    starts = DateRange("starts_on")
    part_of = TreeFilter(Project, below=True)
    has_part = TreeFilter(Project, below=False)
    ends = DateRange("ends_on")
    part_count = CountRange("parts")
    partner_count = CountRange("partners")
    claim_count = CountRange("claims")


class ProjectPartnerFilterSet(PlacedFilterSet):
    """Filters of project partners."""

    project = KeyFilter("project", Project)
    unit = KeyFilter("unit", MemberUnit)
    alliance = KeyFilter("alliance", Alliance)
    party = PartyFilter(
        ProjectPartner,
        "party",
        help_text="Units, alliances and divisions as `resource/key`, such as `streets/310110101`, separated by commas:"
        " what one of them takes part in itself.",
    )
    group = BooleanFilter("group", help_text="Whether the party is several that are not named one by one.")
    role = ChoiceFilter("role", ProjectPartner.Role, help_text="Parts played in the project.")


class RoundFilterSet(PlacedFilterSet):
    """Filters of rounds."""

    status = ChoiceFilter("status", Round.Status, help_text="Where the round stands.")
    mode = ChoiceFilter("mode", Round.Mode, help_text="How places are given.")
    alliance = KeyFilter("alliance", Alliance)
    opens = DateRange("opens_on")
    closes = DateRange("closes_on")
    project_count = CountRange("projects")


class RoundProjectFilterSet(PlacedFilterSet):
    """Filters of the projects of rounds."""

    round = KeyFilter("round", Round)
    project = KeyFilter("project", Project)
    category = KeyFilter("category", Category)
    places = NumberRange("places")


class ClaimFilterSet(PlacedFilterSet):
    """Filters of claims."""

    project = KeyFilter("project", Project)
    unit = KeyFilter("unit", MemberUnit)
    status = ChoiceFilter("status", Claim.Status, help_text="Where the commitment stands.")
    alliance = KeyFilter("project__alliance", Alliance)
    round = KeyFilter("round_project__round", Round)
    round_project = KeyFilter("round_project", RoundProject)
    body = KeyFilter("body", Alliance)
    claimed = DateRange("claimed_on")
    accepted = DateRange("accepted_on")
    lapses = DateRange("lapses_on")


class DeliverableFilterSet(PlacedFilterSet):
    """Filters of deliverables."""

    project = KeyFilter("project", Project)
    kind = ChoiceFilter("kind", Deliverable.Kind, help_text="Kinds of result.")
    status = ChoiceFilter("status", Deliverable.Status, help_text="Announced or released.")
    released = DateRange("released_on")
    alliance = KeyFilter("project__alliance", Alliance)
