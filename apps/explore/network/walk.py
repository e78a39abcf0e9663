"""How the network is walked: from the records that a question starts from, one step a statement.

The number of statements hangs on the depth asked for and never on how much is found.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, CharField, F, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast

from apps.common.models.records import Fact
from apps.common.rules.territory import territory_of
from apps.events.models import Event
from apps.explore.lookups import any_of
from apps.explore.network.rules import NODES, PLACES, RANK, RECORDS, RULES, EdgeKind, EdgeRule, kind_names
from apps.registry.models import District, Neighbourhood, Street

NODE_LIMIT = 2_000
EDGE_LIMIT = 10_000
DEPTH = 1
MAX_DEPTH = 3

Id = tuple[str, int]  # resource and primary key
Ids = dict[str, list[int]]


@dataclass(frozen=True)
class WalkRequest:
    """What is asked for, and by whom. Keys are given as primary keys; `kinds` holds resources and kinds within them."""

    districts: tuple[int, ...] | None = None
    streets: tuple[int, ...] | None = None
    named: dict[str, tuple[int, ...]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    edges: frozenset[str] = frozenset()
    events: bool = False
    as_of: date | None = None
    depth: int = DEPTH
    viewer: Any = None

    @property
    def tells_state(self) -> bool:
        """Whether the reader is one who may see drafts, and so is told which are."""
        return bool(territory_of(self.viewer))


class NodeRow(NamedTuple):
    """A node as it is read."""

    resource: str
    pk: int
    key: str
    name: str
    name_pinyin: str
    kind: str
    status: str
    starts_on: str
    ends_on: str
    district: int | None
    street: int | None
    neighbourhood: int | None
    state: str


class EdgeRow(NamedTuple):
    """An edge as it is read: the number of its rule, both ends, the record that states it."""

    rule: int
    source: int
    target: int
    record: int
    key: str
    role: str
    status: str
    starts_on: str
    ends_on: str
    state: str

    def ends(self) -> tuple[Id, Id]:
        """Return both nodes."""
        rule = RULES[self.rule]
        return (rule.source[0].resource, self.source), (rule.target[0].resource, self.target)


def _text(column: str) -> Any:
    return F(column) if column else Value("", CharField())


def _state(model: Any) -> Any:
    """Return the column of a record's state; a division is no statement, and always published."""
    return F("state") if issubclass(model, Fact) else Value(Fact.State.PUBLISHED, CharField())


class Network:
    """A graph on its way from the question to the answer."""

    def __init__(self, question: WalkRequest) -> None:
        self.question = question
        self.nodes: dict[Id, NodeRow] = {}
        self.truncated = False
        asked = {resource for name in question.kinds for resource in kind_names()[name]}
        self.resources = [
            resource
            for resource in RECORDS
            if (not asked or resource in asked or resource in question.named)
            and (resource != Event.resource or question.events or resource in asked)
        ]
        self.rules = [
            (number, rule)
            for number, rule in enumerate(RULES)
            if (not question.edges or rule.kind in question.edges)
            and {rule.source[0].resource, rule.target[0].resource} <= set(self.resources)
        ]

    # What there is ---------------------------------------------------------------------------------------------------

    def kept(self, resource: str) -> QuerySet[Any]:
        """Return the rows of a resource that the reader may see, of the kinds and the day asked for."""
        question, model = self.question, NODES[resource].model
        rows = model.objects.visible_to(question.viewer)
        if question.as_of:
            rows = rows.valid_on(question.as_of)
        if question.kinds and resource not in question.kinds:
            kinds = Q(kind__in=sorted(question.kinds & set(model.Kind.values)))
            rows = rows.filter(kinds | any_of("pk", question.named.get(resource, ())))
        return rows

    def read_nodes(self, conditions: dict[str, Q]) -> list[NodeRow]:
        """Return the nodes under a condition for each resource, in order, in one statement; at most one too many."""
        limit = NODE_LIMIT - len(self.nodes) + 1
        parts = []
        for resource, condition in conditions.items():
            kind = NODES[resource]
            places = ("district", "street", "neighbourhood") if resource in RECORDS else ()
            parts.append(
                self.kept(resource)
                .filter(condition)
                .annotate(
                    n_rank=Value(RANK[resource], IntegerField()),
                    n_key=F(kind.model.key_field),
                    n_status=_text(kind.status),
                    n_starts=_text(kind.starts),
                    n_ends=_text(kind.ends),
                    n_state=_state(kind.model),
                    **{f"n_{name}": _place(kind.model, name, places) for name, _model in PLACES},
                )
                .order_by("n_key")
                .values_list(
                    *("n_rank", "pk", "n_key", "name", "name_pinyin", "kind", "n_status", "n_starts", "n_ends"),
                    *("n_district", "n_street", "n_neighbourhood", "n_state"),
                )[:limit]
            )
        found = _together(parts, ("n_rank", "n_key"), limit)
        names = list(NODES)
        return [NodeRow(names[row[0]], *row[1:]) for row in found]

    def read_edges(self, condition: Any) -> list[EdgeRow]:
        """Return the edges of all rules under a condition made for each, in order, in one statement."""
        parts = []
        for number, rule in self.rules:
            rows = rule.model.objects.visible_to(self.question.viewer)
            if self.question.as_of:
                rows = rows.valid_on(self.question.as_of)
            ends = {f"{rule.source[1]}__isnull": False, f"{rule.target[1]}__isnull": False}
            parts.append(
                rows.filter(condition(rule), **ends)
                .annotate(
                    e_rule=Value(number, IntegerField()),
                    e_source=F(rule.source[1]),
                    e_target=F(rule.target[1]),
                    e_role=_text(rule.role),
                    e_status=_text(rule.status),
                    e_starts=_text(rule.starts),
                    e_ends=_text(rule.ends),
                )
                .order_by("slug", "e_target")
                .values_list(
                    *("e_rule", "e_source", "e_target", "pk", "slug", "e_role", "e_status", "e_starts", "e_ends"),
                    "state",
                )[: EDGE_LIMIT + 1]
            )
        rows = [EdgeRow(*row) for row in _together(parts, ("e_rule", "slug", "e_target"), EDGE_LIMIT + 1)]
        self.truncated |= len(rows) > EDGE_LIMIT
        return rows[:EDGE_LIMIT]

    # How it is walked ------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[NodeRow]) -> Ids:
        """Add nodes up to the limit; return those that are new."""
        new: Ids = defaultdict(list)
        room = NODE_LIMIT - len(self.nodes)
        self.truncated |= len(rows) > room
        for row in rows[:room]:
            self.nodes[row.resource, row.pk] = row
            new[row.resource].append(row.pk)
        return new

    def walk(self) -> None:
        """Read the records that the question starts from, and those within its depth."""
        edge_of = self.add(self.read_nodes(self.start()))
        for _step in range(self.question.depth):
            if not edge_of or self.truncated:
                return
            found = {end for row in self.read_edges(touching(edge_of)) for end in row.ends()} - set(self.nodes)
            wanted = by_resource(found)
            edge_of = self.add(
                self.read_nodes({name: any_of("pk", wanted[name]) for name in RECORDS if name in wanted})
            )

    def start(self) -> dict[str, Q]:
        """Return the condition of the records to start from: those named, those in a place, or all."""
        question = self.question
        place = self.place()
        names = question.named or self.resources
        return {
            resource: place & (any_of("pk", question.named[resource]) if question.named else Q())
            for resource in self.resources
            if resource in names
        }

    def place(self) -> Q:
        """Return the condition of lying in the districts and streets asked for."""
        question = self.question
        if question.districts is None and question.streets is None:
            return Q()
        streets = Q() if question.streets is None else any_of("pk", question.streets)
        if question.districts is not None:
            streets &= any_of("district", question.districts)
        within = Street.objects.filter(streets).values_list("pk", "neighbourhoods__pk")
        found = list(within.order_by())
        condition = any_of("street", {street for street, _pk in found})
        condition |= any_of("neighbourhood", {pk for _street, pk in found if pk})
        if question.streets is None:
            condition |= any_of("district", question.districts or ())
        return condition

    # Places ----------------------------------------------------------------------------------------------------------

    def add_places(self) -> None:
        """Add the divisions in which the records lie, and those in which these lie."""
        if self.question.edges and EdgeKind.PLACE not in self.question.edges:
            return
        rows = self.nodes.values()
        district, street, neighbourhood = (
            {pk for row in rows if (pk := getattr(row, name))} for name in ("district", "street", "neighbourhood")
        )
        around = Q(any_of("neighbourhoods", neighbourhood))
        streets = any_of("pk", street) | Q(pk__in=Street.objects.filter(around).values("pk"))
        districts = any_of("pk", district) | Q(pk__in=Street.objects.filter(streets).values("district"))
        conditions = {
            District.resource: districts | any_of("pk", self.question.districts or ()),
            Street.resource: streets | any_of("pk", self.question.streets or ()),
            Neighbourhood.resource: any_of("pk", neighbourhood),
        }
        asked = {name for kind in self.question.kinds for name in kind_names()[kind]}
        self.add(self.read_nodes({name: wanted for name, wanted in conditions.items() if not asked or name in asked}))

    def place_of(self, row: NodeRow) -> tuple[str, Id] | None:
        """Return the narrowest place of a node that is a node itself, with the field that names it."""
        for name, model in PLACES:
            pk = getattr(row, name)
            if pk and (model.resource, pk) in self.nodes:
                return name, (model.resource, pk)
        return None


def _together(parts: list[QuerySet[Any]], order: tuple[str, ...], limit: int) -> Iterable[Any]:
    """Return the first rows of several queries, each of which is in the same order, by one statement."""
    if len(parts) < 2:
        return parts[0] if parts else ()
    return parts[0].union(*parts[1:], all=True).order_by(*order)[:limit]


def _place(model: Any, name: str, places: tuple[str, ...]) -> Any:
    """Return the column of a place, also of a division that lies in one; NULL where there is none."""
    known = places or tuple(item.name for item in model._meta.fields if item.name in ("district", "street"))
    return F(name) if name in known else Cast(Value(None), BigIntegerField())


def touching(ids: Ids) -> Any:
    """Return the condition of edges with an end among the nodes."""

    def condition(rule: EdgeRule) -> Q:
        (source, source_column), (target, target_column) = rule.source, rule.target
        return any_of(source_column, ids.get(source.resource, ())) | any_of(target_column, ids.get(target.resource, ()))

    return condition


def within(ids: Ids) -> Any:
    """Return the condition of edges with both ends among the nodes."""

    def condition(rule: EdgeRule) -> Q:
        (source, source_column), (target, target_column) = rule.source, rule.target
        return any_of(source_column, ids.get(source.resource, ())) & any_of(target_column, ids.get(target.resource, ()))

    return condition


def by_resource(ids: Iterable[Id]) -> Ids:
    """Return the primary keys of nodes by resource."""
    found: Ids = defaultdict(list)
    for resource, pk in ids:
        found[resource].append(pk)
    return found
