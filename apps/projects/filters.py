"""Filters of what is done together."""

from apps.common.filters import ChoiceFilter, DateFilter, KeyFilter, RecordFilterSet
from apps.projects.models import Category, Claim, Deliverable, Need, Project, ProjectPartner, Resource
from apps.registry.models import Alliance, District, MemberUnit, Neighbourhood, Street


class CategoryFilterSet(RecordFilterSet):
    """Filters of categories."""

    alliance = KeyFilter("alliance", Alliance)
    programme = KeyFilter("programme", Project)


class OfferFilterSet(RecordFilterSet):
    """What needs and resources are both filtered by."""

    alliance = KeyFilter("alliance", Alliance)
    unit = KeyFilter("unit", MemberUnit)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    published_after = DateFilter("published_on", "after")
    published_before = DateFilter("published_on", "before")


class NeedFilterSet(OfferFilterSet):
    """Filters of needs."""

    status = ChoiceFilter("status", Need.Status, help_text="Where the need stands.")


class ResourceFilterSet(OfferFilterSet):
    """Filters of resources."""

    status = ChoiceFilter("status", Resource.Status, help_text="Where the offer stands.")


class ProjectFilterSet(RecordFilterSet):
    """Filters of projects."""

    kind = ChoiceFilter("kind", Project.Kind, help_text="Kinds of undertaking.")
    status = ChoiceFilter("status", Project.Status, help_text="Proposed, planned, under way, completed or cancelled.")
    parent = KeyFilter("parent", Project)
    category = KeyFilter("category", Category)
    alliance = KeyFilter("alliance", Alliance)
    district = KeyFilter("district", District)
    street = KeyFilter("street", Street)
    neighbourhood = KeyFilter("neighbourhood", Neighbourhood)
    claimed_by = KeyFilter("claims__unit", MemberUnit, distinct=True)
    partner = KeyFilter("partners__unit", MemberUnit, distinct=True)
    starts_after = DateFilter("starts_on", "after")
    starts_before = DateFilter("starts_on", "before")


class ProjectPartnerFilterSet(RecordFilterSet):
    """Filters of project partners."""

    project = KeyFilter("project", Project)
    unit = KeyFilter("unit", MemberUnit)
    alliance = KeyFilter("alliance", Alliance)
    role = ChoiceFilter("role", ProjectPartner.Role, help_text="Parts played in the project.")


class ClaimFilterSet(RecordFilterSet):
    """Filters of claims."""

    project = KeyFilter("project", Project)
    unit = KeyFilter("unit", MemberUnit)
    status = ChoiceFilter("status", Claim.Status, help_text="Where the commitment stands.")
    alliance = KeyFilter("project__alliance", Alliance)
    street = KeyFilter("project__street", Street)
    claimed_after = DateFilter("claimed_on", "after")
    claimed_before = DateFilter("claimed_on", "before")


class DeliverableFilterSet(RecordFilterSet):
    """Filters of deliverables."""

    project = KeyFilter("project", Project)
    kind = ChoiceFilter("kind", Deliverable.Kind, help_text="Kinds of result.")
    status = ChoiceFilter("status", Deliverable.Status, help_text="Announced or released.")
    released_after = DateFilter("released_on", "after")
    released_before = DateFilter("released_on", "before")
