"""A record as JSON-LD, made from the JSON that the API gives: values in, values out.

The document carries its context with it, so that it is read where it lies, without the network; the same context is a
static file, unchanged within /api/v1. Addresses are made absolute with the host that was asked.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from apps.common.linked_data.rules import Kind, TermRule

CONTENT_TYPE = "application/ld+json"
CONTEXT_FILE = Path(__file__).parents[1] / "static" / "partybuild" / "context-v1.jsonld"
CONTEXT: dict[str, Any] = json.loads(CONTEXT_FILE.read_text(encoding="utf-8"))["@context"]
PINYIN = "zh-Latn-pinyin"
# The fields of a reference, as against a record or a row of one.
REFERENCE = frozenset({"resource", "key", "name", "url"})

# A number keeps its meaning: only an exact one is a value.
BOUNDS = {
    "=": "schema:value",
    ">=": "schema:minValue",
    "<=": "schema:maxValue",
    ">": "pb:moreThan",
    "<": "pb:lessThan",
    "~": "pb:about",
}

Node = dict[str, Any]
# A record, or a row nested in one, as the API gives it: of any shape, as its resource decides.
Row = Mapping[str, Any]


class Site(NamedTuple):
    """Where a document is served, and the terms of each resource, since a record may hold rows of others.

    `base` is scheme and host, `https://example.org`, without a slash at the end; `licence` the address of that of the
    data, if one is stated; `language` the tag of the language of the request.
    """

    base: str
    kinds: Mapping[str, Kind]
    licence: str = ""
    language: str = "zh-Hans"


def to_jsonld(resource: str, record: Row, site: Site) -> Node:
    """Return a record as a document."""
    node = to_node(resource, record, site)
    if site.licence:
        # Of what is said about the record, not of the record.
        said = {"@id": f"{node['@id']}?format=jsonld", "@type": "schema:Dataset", "schema:about": {"@id": node["@id"]}}
        node["@included"] = [{**said, "dcterms:license": {"@id": site.licence}}]
    return {"@context": CONTEXT, **node}


def to_jsonld_list(resource: str, page: Row, site: Site) -> Node:
    """Return a page of a list as a document: its records, and the collection with the pages before and behind."""
    base = site.base
    address = f"{base}{settings.API_ROOT}/{resource}"
    view = {"@type": "hydra:PartialCollectionView"} | {
        f"hydra:{name}": {"@id": base + page[name]} for name in ("next", "previous") if page.get(name)
    }
    collection: Node = {"@id": address, "@type": "hydra:Collection", "hydra:view": view}
    if site.licence:
        collection["dcterms:license"] = {"@id": site.licence}
    if page.get("count_is_exact"):
        collection["hydra:totalItems"] = page["count"]
    nodes = [to_node(resource, record, site) for record in page["results"]]
    collection["hydra:member"] = [{"@id": node["@id"]} for node in nodes if "@id" in node]
    return {"@context": CONTEXT, "@graph": [collection, *nodes]}


def to_node(resource: str, record: Row, site: Site) -> Node:
    """Return a record, or a row nested in another record, without a context; fields without a value are left out."""
    kind = site.kinds[resource]
    types = [*kind.types, *filter(None, [kind.types_by_kind.get(record.get("kind", ""))])]
    node: Node = {"@id": site.base + record["url"]} if record.get("url") else {}
    if types:
        node["@type"] = types
    for name, content in record.items():
        rule = kind.rules.get(name)
        if rule and rule.form != "dropped" and content not in (None, "", []):
            FORMS[rule.form](node, rule, resource, name, record, site)
    articles = {citation["article"]["url"] for citation in record.get("citations") or ()}
    if articles:
        node["prov:wasDerivedFrom"] = [{"@id": site.base + url} for url in sorted(articles)]
    return node


def _nested(content: Row, site: Site) -> Node:
    """Return what stands in the place of a nested object: a reference, or the node of its own resource."""
    resource = _resource_of(content["url"])
    if not set(content) <= REFERENCE:
        return to_node(resource, content, site)
    node = {"@id": site.base + content["url"]}
    named = site.kinds[resource].rules.get("name")
    if named and named.form == "words":
        _write_words(node, named, resource, "name", content, site)
    elif content["name"]:
        node["schema:name"] = content["name"]
    return node


def _resource_of(address: str) -> str:
    return address.rsplit("/", 2)[1]


def _add(node: Node, term: str, contents: Iterable[object]) -> None:
    """Put contents under a term, behind what stands there already."""
    present = node.get(term, [])
    held = [*(present if isinstance(present, list) else [present]), *contents]
    node[term] = held[0] if len(held) == 1 else held


# The forms of rules ---------------------------------------------------------------------------------------------------
# Each writes one field of a record into its node.


def _write_value(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    content = record[name]
    for term in rule.terms:
        _add(node, term, content if isinstance(content, list) else [content])


def _write_pinyin(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    _add(node, rule.terms[0], [{"@value": record[name], "@language": PINYIN}])


def _write_words(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    _add(node, rule.terms[0], [{"@value": record[name], "@language": site.language}])


def _write_concept(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    vocabulary = f"{site.base}{settings.API_ROOT}/vocabularies/{resource}.{name}"
    _add(node, rule.terms[0], [{"@id": f"{vocabulary}#{record[name]}"}])


def _write_web(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    _add(node, rule.terms[0], [{"@id": record[name]}])


def _rows(content: Row | list[Row]) -> list[Row]:
    return content if isinstance(content, list) else [content]


def _write_node(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    _add(node, rule.terms[0], [_nested(row, site) for row in _rows(record[name])])
    _write_direct(node, rule, record[name], site)


def _write_reverse(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    _add(node.setdefault("@reverse", {}), rule.terms[0], [_nested(row, site) for row in _rows(record[name])])
    _write_direct(node, rule, record[name], site)


def _write_again(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    """Write a record that another field may give under the same term, where none does."""
    rules = site.kinds[resource].rules.items()
    others = (record.get(other) for other, its in rules if other != name and its.terms == rule.terms)
    if not any(content and content["url"] == record[name]["url"] for content in others):
        _write_node(node, rule, resource, name, record, site)


def _write_direct(node: Node, rule: TermRule, content: Row | list[Row], site: Site) -> None:
    """Write the short cut past nested records that hold."""
    if rule.direct is None:
        return
    term, end, over = rule.direct
    reached = [row[end] for row in _rows(content) if row.get(end) and not row.get(over)]
    if reached:
        _add(node, term, [{"@id": site.base + item["url"]} if isinstance(item, dict) else item for item in reached])


def _write_span(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    """Write where in an article a citation or a mark lies (Web Annotation)."""
    selectors: list[Node] = []
    if "start" in record and "end" in record:
        selectors.append({"@type": "oa:TextPositionSelector", "oa:start": record["start"], "oa:end": record["end"]})
    if quotation := record.get("quotation"):
        words = {f"oa:{part}": quotation[part] for part in ("exact", "prefix", "suffix")}
        selectors.append({"@type": "oa:TextQuoteSelector", **words})
    target: Node = {"@type": "oa:SpecificResource", "oa:hasSource": {"@id": site.base + record[name]["url"]}}
    if selectors:
        target["oa:hasSelector"] = selectors
    if record.get("sha256"):
        target["pb:sha256"] = record["sha256"]
    _add(node, rule.terms[0], [target])


def _write_bounded(node: Node, rule: TermRule, resource: str, name: str, record: Row, site: Site) -> None:
    """Write a reported number under the term that says how it bounds the true one; without that it says nothing."""
    if term := BOUNDS.get(record.get("comparator", "")):
        node[term] = record[name]


FORMS: dict[str, Callable[[Node, TermRule, str, str, Row, Site], None]] = {
    "value": _write_value,
    "pinyin": _write_pinyin,
    "words": _write_words,
    "concept": _write_concept,
    "web": _write_web,
    "node": _write_node,
    "reverse": _write_reverse,
    "again": _write_again,
    "span": _write_span,
    "bounded": _write_bounded,
}
