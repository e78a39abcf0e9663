"""The kinds of nodes and edges of the network, and where in the registry each of them is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable
from apps.common.models.row_names import choice_labels
from apps.events.models import Event, Participation
from apps.projects.models import Claim, Project, ProjectPartner
from apps.registry.models import PARTY_KEYS, Alliance, District, Membership, MemberUnit, Neighbourhood, Party, Street


class EdgeKind(TextChoices):
    """Kinds of tie between two nodes; the edge points from the first-named to the second."""

    MEMBERSHIP = "membership", _("Membership")
    PART_OF = "part_of", _("Part of")
    PARTNER = "partner", _("Project partner")
    CLAIM = "claim", _("Claim")
    PROJECT_OF = "project_of", _("Project of an alliance")
    EVENT_OF = "event_of", _("Event of an alliance")
    PRESENTS = "presents", _("Project presented at an event")
    PARTICIPATION = "participation", _("Participation")
    PLACE = "place", _("Place")


@dataclass(frozen=True)
class NodeKind:
    """A kind of node: its model, and the columns of its status and dates, where it has them."""

    model: type[Citable]
    status: str = ""
    starts: str = ""
    ends: str = ""


RECORDS = {
    kind.model.resource: kind
    for kind in (
        NodeKind(Alliance, "status", "founded_on", "dissolved_on"),
        NodeKind(Project, "status", "starts_on", "ends_on"),
        NodeKind(MemberUnit),
        NodeKind(Event, "status", "held_on", ""),
    )
}
# Places are shown with whatever lies in them, and nobody is reached through them: a district would lead to all.
DIVISIONS = {
    kind.model.resource: kind
    for kind in (NodeKind(model, "", "established_on", "abolished_on") for model in (District, Street, Neighbourhood))
}
NODES = {**RECORDS, **DIVISIONS}
RANK = {resource: rank for rank, resource in enumerate(NODES)}
PLACES = (("neighbourhood", Neighbourhood), ("street", Street), ("district", District))  # the narrowest first


@dataclass(frozen=True)
class EdgeRule:
    """The place of edges of a kind: a model, and the columns of both ends. `pk` stands for the row itself."""

    kind: EdgeKind
    model: type[Citable]
    source: tuple[type[Citable], str]
    target: tuple[type[Citable], str]
    role: str = ""
    status: str = ""
    starts: str = ""
    ends: str = ""

    @property
    def field(self) -> str:
        """The field of the record that states the edge; empty where the whole record does."""
        return self.target[1] if self.source[1] == "pk" else ""


def _of_parties(
    kind: EdgeKind, model: type[Party], target: tuple[type[Citable], str], *, status: str = ""
) -> Iterator[EdgeRule]:
    """Yield the rules of the edges from parties: one for each kind of party."""
    for key in PARTY_KEYS:
        party = cast("type[Citable]", model._meta.get_field(key).related_model)
        yield EdgeRule(kind, model, (party, key), target, role="role", status=status)


RULES = (
    EdgeRule(
        EdgeKind.MEMBERSHIP,
        Membership,
        (MemberUnit, "unit"),
        (Alliance, "alliance"),
        role="role",
        status="status",
        starts="joined_on",
        ends="left_on",
    ),
    *(EdgeRule(EdgeKind.PART_OF, kind.model, (kind.model, "pk"), (kind.model, "parent")) for kind in RECORDS.values()),
    *_of_parties(EdgeKind.PARTNER, ProjectPartner, (Project, "project")),
    EdgeRule(EdgeKind.CLAIM, Claim, (MemberUnit, "unit"), (Project, "project"), status="status", starts="claimed_on"),
    EdgeRule(EdgeKind.PROJECT_OF, Project, (Project, "pk"), (Alliance, "alliance")),
    EdgeRule(EdgeKind.EVENT_OF, Event, (Event, "pk"), (Alliance, "alliance")),
    EdgeRule(EdgeKind.PRESENTS, Event, (Event, "pk"), (Project, "projects")),
    *_of_parties(EdgeKind.PARTICIPATION, Participation, (Event, "event"), status="status"),
)


def kind_names() -> dict[str, set[str]]:
    """Return every name that `kind` takes, with the resources whose nodes it keeps."""
    names: dict[str, set[str]] = {resource: {resource} for resource in NODES}
    for resource, kind in NODES.items():
        for value in choice_labels(kind.model, "kind"):
            names.setdefault(value, set()).add(resource)
    return names
