"""The registry as a graph: who works with whom, on what and where, and which published sentence says so."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from apps.explore.network.evidence import evidence_of
from apps.explore.network.rules import NODES, RANK, RECORDS, RULES, EdgeKind
from apps.explore.network.walk import (
    EDGE_LIMIT,
    NODE_LIMIT,
    EdgeRow,
    Network,
    NodeRow,
    WalkRequest,
    by_resource,
    within,
)


def build(question: WalkRequest) -> dict[str, Any]:
    """Return the network that answers a question, its texts in the reader's language."""
    network = Network(question)
    network.walk()
    network.add_places()
    ids = by_resource(network.nodes)
    edges = [_edge(network, row) for row in network.read_edges(within(ids))]
    if not question.edges or {EdgeKind.PLACE, EdgeKind.PART_OF} & question.edges:
        edges += [edge for row in network.nodes.values() if (edge := _place_edge(network, row))]
    evidence = evidence_of({edge["record"] for edge in edges})
    for edge in edges:
        record, stated_by = edge.pop("record"), edge.pop("field")
        edge["evidence"] = [item for item in evidence.get(record, ()) if not stated_by or stated_by in item["supports"]]
    degrees = Counter(end for edge in edges for end in (edge["source"], edge["target"]))
    order = {kind: rank for rank, kind in enumerate(EdgeKind.values)}
    edges.sort(key=lambda edge: (order[edge["kind"]], edge["id"]))
    rows = sorted(network.nodes.values(), key=lambda row: (RANK[row.resource], row.key))
    # Who asks for some kinds of edge wants to see them, not all that has none.
    asked = {row for row in rows if not question.edges or row.pk in question.named.get(row.resource, ())}
    nodes = [node for row in rows if (node := _node(network, row))["id"] in degrees or row in asked]
    return {
        "node_count": len(nodes),
        "edge_count": len(edges),
        "node_limit": NODE_LIMIT,
        "truncated": network.truncated,
        "narrow": _how_to_narrow() if network.truncated else None,
        "nodes": [{**node, "degree": degrees[node["id"]]} for node in nodes],
        "edges": edges,
    }


def _how_to_narrow() -> str:
    return gettext(
        "This is a part: a network of more than %(nodes)s nodes or %(edges)s edges is not given whole. Ask for a"
        " district, a street, an alliance or a unit, for fewer kinds, or for a smaller depth."
    ) % {"nodes": NODE_LIMIT, "edges": EDGE_LIMIT}


def _label(model: Any, column: str, value: str) -> str | None:
    """Return the label of a choice in the reader's language; None where there is no value."""
    return str(dict(model._meta.get_field(column).flatchoices)[value]) if value else None


def _state(network: Network, row: NodeRow | EdgeRow) -> dict[str, str]:
    """Return the member that says whether a record is a draft, for a reader to whom some are shown."""
    return {"state": row.state} if network.question.tells_state else {}


def _node(network: Network, row: NodeRow) -> dict[str, Any]:
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


def _edge(network: Network, row: EdgeRow) -> dict[str, Any]:
    """Return a stored edge; `record` and `field` say where its evidence is looked for."""
    rule = RULES[row.rule]
    source, target = (network.nodes[end] for end in row.ends())
    stated_by = f"#{rule.field}" if rule.field else ""
    return {
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
        "record": (rule.model, row.record),
        "field": rule.field,
    }


def _place_edge(network: Network, row: NodeRow) -> dict[str, Any] | None:
    """Return the edge from a node to the narrowest place in which it lies, if that is asked for."""
    found = network.place_of(row)
    kind = EdgeKind.PLACE if row.resource in RECORDS else EdgeKind.PART_OF
    if found is None or (network.question.edges and kind not in network.question.edges):
        return None
    name, place = found
    return {
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
        "record": (NODES[row.resource].model, row.pk),
        "field": name,
    }
