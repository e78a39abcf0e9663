"""The walk through the network: from the records that a request starts from, one step a statement.

The number of statements depends on the depth of the request and never on the number of records found.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, CharField, F, IntegerField, Q, Value
from django.db.models.functions import Cast

from apps.common.models.records import Citable, Fact, RecordQuerySet
from apps.common.models.row_names import choice_labels
from apps.common.rules.territory import Reader, territory_of
from apps.events.models import Event
from apps.explore.lookups import any_of
from apps.explore.network.rules import DIVISIONS, NODES, PLACES, RANK, RECORDS, RULES, EdgeKind, EdgeRule, kind_names
from apps.registry.models import District, Neighbourhood, Street

NODE_LIMIT = 2_000
EDGE_LIMIT = 10_000
DEPTH = 1
MAX_DEPTH = 3

Id = tuple[str, int]  # resource and primary key
Ids = dict[str, list[int]]


@dataclass(frozen=True)
class WalkRequest:
    """The parameters of a network, and its reader. Places and records are primary keys, `kinds` resources or kinds."""

    districts: tuple[int, ...] | None = None
    streets: tuple[int, ...] | None = None
    named: dict[str, tuple[int, ...]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    edges: frozenset[str] = frozenset()
    events: bool = False
    as_of: date | None = None
    depth: int = DEPTH
    viewer: Reader = None

    @property
    def tells_state(self) -> bool:
        """Whether the answer says which records are drafts: to a reader who may see some."""
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


def _text(column: str) -> F | Value:
    return F(column) if column else Value("", CharField())


def _state(model: type[Citable]) -> F | Value:
    """Return the column of a record's state; a division is no statement, and always published."""
    return F("state") if issubclass(model, Fact) else Value(Fact.State.PUBLISHED, CharField())


class Network:
    """The graph that a request asks for, as far as it has been read."""

    def __init__(self, asked: WalkRequest) -> None:
        self.asked = asked
        self.nodes: dict[Id, NodeRow] = {}
        self.truncated = False
        kinds = {resource for name in asked.kinds for resource in kind_names()[name]}
        self.resources = [
            resource
            for resource in RECORDS
            if (not kinds or resource in kinds or resource in asked.named)
            and (resource != Event.resource or asked.events or resource in kinds)
        ]
        self.divisions = [resource for resource in DIVISIONS if not kinds or resource in kinds]
        shown = {*self.resources, *self.divisions}
        rules = [
            (number, rule)
            for number, rule in enumerate(RULES)
            if (not asked.edges or rule.kind in asked.edges)
            and {rule.source[0].resource, rule.target[0].resource} <= shown
        ]
        # Edges that are walked along, and those of divisions that are parties, which are only shown.
        self.party_rules = [(number, rule) for number, rule in rules if rule.source[0].resource in DIVISIONS]
        self.rules = [each for each in rules if each not in self.party_rules]

    # Reading ----------------------------------------------------------------------------------------------------------

    def kept(self, resource: str) -> RecordQuerySet:
        """Return the rows of a resource that the reader may see, of the kinds and the day of the request."""
        asked, model = self.asked, NODES[resource].model
        rows = model.objects.visible_to(asked.viewer)
        if asked.as_of:
            rows = rows.valid_on(asked.as_of)
        if asked.kinds and resource not in asked.kinds:
            kinds = Q(kind__in=sorted(asked.kinds & choice_labels(model, "kind").keys()))
            rows = rows.filter(kinds | any_of("pk", asked.named.get(resource, ())))
        return rows

    def read_nodes(self, conditions: dict[str, Q]) -> list[NodeRow]:
        """Return the nodes under a condition a resource, in order, in one statement; at most one over the limit."""
        limit = NODE_LIMIT - len(self.nodes) + 1
        parts = []
        for resource, condition in conditions.items():
            kind = NODES[resource]
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
                    **{f"n_{name}": _place(kind.model, name) for name, _model in PLACES},
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

    def stating(self, rule: EdgeRule) -> RecordQuerySet:
        """Return the rows that may state an edge of a rule, which the reader may see, on the day of the request."""
        rows = rule.model.objects.visible_to(self.asked.viewer)
        return rows.valid_on(self.asked.as_of) if self.asked.as_of else rows

    def read_edges(self, condition: Callable[[EdgeRule], Q], rules: Iterable[tuple[int, EdgeRule]]) -> list[EdgeRow]:
        """Return the edges of some rules under a condition made for each, in order, in one statement."""
        parts = []
        for number, rule in rules:
            ends = {f"{rule.source[1]}__isnull": False, f"{rule.target[1]}__isnull": False}
            parts.append(
                self.stating(rule)
                .filter(condition(rule), **ends)
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
        found = [EdgeRow(*row) for row in _together(parts, ("e_rule", "slug", "e_target"), EDGE_LIMIT + 1)]
        self.truncated |= len(found) > EDGE_LIMIT
        return found[:EDGE_LIMIT]

    # Walking ----------------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[NodeRow]) -> Ids:
        """Add nodes up to the limit; return those that are new."""
        new: Ids = defaultdict(list)
        rows = [row for row in rows if (row.resource, row.pk) not in self.nodes]
        room = NODE_LIMIT - len(self.nodes)
        self.truncated |= len(rows) > room
        for row in rows[:room]:
            self.nodes[row.resource, row.pk] = row
            new[row.resource].append(row.pk)
        return new

    def walk(self) -> None:
        """Read the records that the request starts from, and those within its depth."""
        edge_of = self.add(self.read_nodes(self.start()))
        for _step in range(self.asked.depth):
            if not edge_of or self.truncated:
                return
            edges = self.read_edges(touching(edge_of), self.rules)
            found = {end for row in edges for end in row.ends()} - set(self.nodes)
            wanted = by_resource(found)
            edge_of = self.add(
                self.read_nodes({name: any_of("pk", wanted[name]) for name in RECORDS if name in wanted})
            )

    def start(self) -> dict[str, Q]:
        """Return the condition of the records to start from: those named, those in a place, or all."""
        asked = self.asked
        place = self.place()
        names = asked.named or self.resources
        return {
            resource: place & (any_of("pk", asked.named[resource]) if asked.named else Q())
            for resource in self.resources
            if resource in names
        }

    def place(self) -> Q:
        """Return the condition for rows that lie in the districts and streets of the request."""
        asked = self.asked
        if asked.districts is None and asked.streets is None:
            return Q()
        condition = Q()
        for column, keys in (("in_district", asked.districts), ("in_street", asked.streets)):
            if keys is not None:
                condition &= any_of(column, keys)
        return condition

    def edges(self) -> list[EdgeRow]:
        """Return the edges with both ends among the nodes."""
        return self.read_edges(within(by_resource(self.nodes)), [*self.rules, *self.party_rules])

    # Divisions --------------------------------------------------------------------------------------------------------

    def add_divisions(self) -> None:
        """Add the divisions that are parties of the records or in which these lie, and those in which they lie."""
        conditions = self.parties()
        if not self.asked.edges or EdgeKind.PLACE in self.asked.edges:
            conditions = self.places(conditions)
        self.add(self.read_nodes({name: conditions[name] for name in self.divisions}))

    def parties(self) -> dict[str, Q]:
        """Return the condition of the divisions that are parties of the records, for each level."""
        ids = by_resource(self.nodes)
        conditions = {name: Q(any_of("pk", ())) for name in DIVISIONS}
        for _number, rule in self.party_rules:
            (division, key), (target, column) = rule.source, rule.target
            rows = self.stating(rule).filter(any_of(column, ids.get(target.resource, ())))
            conditions[division.resource] |= Q(pk__in=rows.order_by().values(key))
        return conditions

    def places(self, parties: dict[str, Q]) -> dict[str, Q]:
        """Return the condition of these divisions, of those in which the records lie, and of all around them."""
        rows = self.nodes.values()
        district, street, neighbourhood = (
            {pk for row in rows if (pk := getattr(row, name))} for name in ("district", "street", "neighbourhood")
        )
        neighbourhoods = parties[Neighbourhood.resource] | any_of("pk", neighbourhood)
        around = Neighbourhood.objects.filter(neighbourhoods).order_by().values("street")
        streets = parties[Street.resource] | any_of("pk", street) | Q(pk__in=around)
        districts = parties[District.resource] | any_of("pk", district)
        districts |= Q(pk__in=Street.objects.filter(streets).order_by().values("district"))
        return {
            District.resource: districts | any_of("pk", self.asked.districts or ()),
            Street.resource: streets | any_of("pk", self.asked.streets or ()),
            Neighbourhood.resource: neighbourhoods,
        }

    def place_of(self, row: NodeRow) -> tuple[str, Id] | None:
        """Return the narrowest place of a node that is a node itself, with the field that names it."""
        for name, model in PLACES:
            pk = getattr(row, name)
            if pk and (model.resource, pk) in self.nodes:
                return name, (model.resource, pk)
        return None


def _together(parts: list[RecordQuerySet], order: tuple[str, ...], limit: int) -> Iterable[tuple[Any, ...]]:
    """Return the first rows of several queries, each of which is in the same order, by one statement."""
    if len(parts) < 2:
        return parts[0] if parts else ()
    return parts[0].union(*parts[1:], all=True).order_by(*order)[:limit]


def _place(model: type[Citable], name: str) -> F | Cast:
    """Return the column of the division of a level in which a row lies; NULL where there is none."""
    column = model.place_columns.get(f"{name}s", name)
    known = column in {field.name for field in model._meta.fields}
    return F(column) if known else Cast(Value(None), BigIntegerField())


def touching(ids: Ids) -> Callable[[EdgeRule], Q]:
    """Return the condition of edges with an end among the nodes."""

    def condition(rule: EdgeRule) -> Q:
        (source, source_column), (target, target_column) = rule.source, rule.target
        return any_of(source_column, ids.get(source.resource, ())) | any_of(target_column, ids.get(target.resource, ()))

    return condition


def within(ids: Ids) -> Callable[[EdgeRule], Q]:
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
