"""The registry as a graph: who works with whom, on what and where, and which published sentence says so."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext

from apps.common.models.records import Citable
from apps.common.models.row_names import choice_labels
from apps.common.serializers.quoting import quoting_for
from apps.explore.network.evidence import EdgeCitation, RecordId, evidence_of
from apps.explore.network.rules import NODES, PLACES, RANK, RECORDS, RULES, EdgeKind
from apps.explore.network.walk import (
    EDGE_LIMIT,
    NODE_LIMIT,
    EdgeRow,
    Network,
    NodeRow,
    WalkRequest,
)
from apps.registry.models import Placed

Texts = dict[str, str | None]


class Edge(NamedTuple):
    """An edge on its way into the answer: its texts, the record that states it, and by which fields, if by some.

    Where nothing supports the fields of one group, those of the next are asked for.
    """

    texts: Texts
    record: RecordId
    fields: tuple[frozenset[str], ...] = ()

    def evidence(self, cited: Sequence[EdgeCitation]) -> list[EdgeCitation]:
        """Return those citations of the record that state the edge."""
        for fields in self.fields:
            if found := [item for item in cited if not fields.isdisjoint(item["supports"])]:
                return found
        return [] if self.fields else list(cited)


def build(asked: WalkRequest) -> dict[str, object]:
    """Return the network that answers a request, its texts in the reader's language."""
    network = Network(asked)
    network.walk()
    network.add_divisions()
    edges = [_edge(network, row) for row in network.edges()]
    if not asked.edges or {EdgeKind.PLACE, EdgeKind.PART_OF} & asked.edges:
        edges += [edge for row in network.nodes.values() if (edge := _place_edge(network, row))]
    evidence = evidence_of({edge.record for edge in edges}, quoting_for(asked.viewer))
    degrees = Counter(edge.texts[end] for edge in edges for end in ("source", "target"))
    order: dict[str | None, int] = {kind: rank for rank, kind in enumerate(EdgeKind.values)}
    edges.sort(key=lambda edge: (order[edge.texts["kind"]], edge.texts["id"]))
    rows = sorted(network.nodes.values(), key=lambda row: (RANK[row.resource], row.key))
    # An answer with some kinds of edge leaves out the nodes that have none of them.
    kept = {row for row in rows if not asked.edges or row.pk in asked.named.get(row.resource, ())}
    nodes = [node for row in rows if (node := _node(network, row))["id"] in degrees or row in kept]
    return {
        "node_count": len(nodes),
        "edge_count": len(edges),
        "node_limit": NODE_LIMIT,
        "truncated": network.truncated,
        "narrow": _how_to_narrow() if network.truncated else None,
        "nodes": [{**node, "degree": degrees[node["id"]]} for node in nodes],
        "edges": [
            {
                **edge.texts,
                "evidence": edge.evidence(evidence.get(edge.record, ())),
            }
            for edge in edges
        ],
    }


def _how_to_narrow() -> str:
    return gettext(
        "This is a part: a network of more than %(nodes)s nodes or %(edges)s edges is not given whole. Ask for a"
        " district, a street, an alliance or a unit, for fewer kinds, or for a smaller depth."
    ) % {"nodes": NODE_LIMIT, "edges": EDGE_LIMIT}


def _label(model: type[Citable], column: str, value: str) -> str | None:
    """Return the label of a choice in the reader's language; None where there is no value."""
    return choice_labels(model, column)[value] if value else None


def _state(network: Network, row: NodeRow | EdgeRow) -> dict[str, str]:
    """Return the member that says whether a record is published, for a reader to whom some are shown."""
    return {"state": row.state} if network.asked.tells_state else {}


def _node(network: Network, row: NodeRow) -> Texts:
    kind = NODES[row.resource]
    return {
        **_state(network, row),
        "id": f"{row.resource}/{row.key}",
        "resource": row.resource,
        "resource_label": str(kind.model._meta.verbose_name),
        "kind": row.kind,
        "kind_label": _label(kind.model, "kind", row.kind),
        "name": row.name,
        "name_pinyin": row.name_pinyin,
        "status": row.status or None,
        "status_label": _label(kind.model, kind.status, row.status),
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "url": f"{settings.API_ROOT}/{row.resource}/{row.key}",
    }


def _edge(network: Network, row: EdgeRow) -> Edge:
    """Return a stored edge."""
    rule = RULES[row.rule]
    source, target = (network.nodes[end] for end in row.ends())
    stated_by = f"#{rule.field}" if rule.field else ""
    texts = {
        **_state(network, row),
        # One event presents several projects; every other record states one edge under one field.
        "id": f"{rule.model.resource}/{row.key}{stated_by}"
        + (f"/{target.key}" if rule.kind == EdgeKind.PRESENTS else ""),
        "source": f"{source.resource}/{source.key}",
        "target": f"{target.resource}/{target.key}",
        "kind": rule.kind.value,
        "kind_label": str(rule.kind.label),
        "role": row.role or None,
        "role_label": _label(rule.model, rule.role, row.role),
        "status": row.status or None,
        "status_label": _label(rule.model, rule.status, row.status),
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "url": f"{settings.API_ROOT}/{rule.model.resource}/{row.key}",
    }
    return Edge(texts, RecordId(rule.model, row.record), (frozenset({rule.field}),) if rule.field else ())


def _place_edge(network: Network, row: NodeRow) -> Edge | None:
    """Return the edge from a node to the narrowest place in which it lies; None if the request leaves it out."""
    found = network.place_of(row)
    kind = EdgeKind.PLACE if row.resource in RECORDS else EdgeKind.PART_OF
    if found is None or (network.asked.edges and kind not in network.asked.edges):
        return None
    name, place = found
    texts: Texts = {
        **_state(network, row),
        "id": f"{row.resource}/{row.key}#{name}",
        "source": f"{row.resource}/{row.key}",
        "target": f"{place[0]}/{network.nodes[place].key}",
        "kind": kind.value,
        "kind_label": str(kind.label),
        **dict.fromkeys(("role", "role_label", "status", "status_label")),
        "starts_on": "",
        "ends_on": "",
        "url": f"{settings.API_ROOT}/{row.resource}/{row.key}",
    }
    model = NODES[row.resource].model
    # A record without a place of its own lies where that does on which it hangs, as what says that it does says, too.
    wholes = model.hangs_on if issubclass(model, Placed) else ()
    return Edge(texts, RecordId(model, row.pk), (frozenset(level for level, _model in PLACES), frozenset(wholes)))
