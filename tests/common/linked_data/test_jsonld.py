"""Records as JSON-LD, read by rdflib as others will read them."""

import json
from typing import Any

import pytest
from django.test import Client
from rdflib import RDF, Graph, Literal, Namespace, URIRef
from rest_framework.serializers import ListSerializer

from apps.common.linked_data.jsonld import (
    CONTEXT,
    CONTEXT_FILE,
    FORMS,
    REFERENCE,
    Site,
    to_jsonld,
    to_jsonld_list,
    to_node,
)
from apps.common.resources.registry import viewsets
from tests.conftest import Api
from tests.full import share

pytestmark = [
    pytest.mark.django_db,
    # rdflib's own parser of JSON-LD uses what rdflib deprecates.
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
]

BASE = "https://registry.example"
ROOT = f"{BASE}/api/v1"
RESOURCES = sorted(viewsets())
KINDS = {name: viewset.linked for name, viewset in viewsets().items()}
SITE = Site(BASE, KINDS)
ORG = Namespace(CONTEXT["org"])
PROV = Namespace(CONTEXT["prov"])
OA = Namespace(CONTEXT["oa"])
SCHEMA = Namespace(CONTEXT["schema"])
PB = Namespace(CONTEXT["pb"])
EDTF = URIRef(CONTEXT["edtf"] + "EDTF")
PREFIXES = {name for name, term in CONTEXT.items() if isinstance(term, str)}


def parse(document: dict[str, Any]) -> Graph:
    """Return the triples of a document, which has to be read without the network."""
    return Graph().parse(data=json.dumps(document), format="json-ld")


def iri(path: str) -> URIRef:
    return URIRef(f"{ROOT}/{path}")


def graph_of(api: Api, path: str, **parameters: str) -> Graph:
    return parse(to_jsonld(path.partition("/")[0], api.get(path, **parameters), SITE))


def sound(graph: Graph) -> None:
    """Check that every name is absolute, of a known vocabulary or of the registry, and every literal well formed."""
    roots = (*(term for name, term in CONTEXT.items() if name in PREFIXES), f"{ROOT}/", str(RDF))
    for triple in graph:
        for term in triple:
            if isinstance(term, URIRef):
                assert str(term).startswith(roots), term
            elif isinstance(term, Literal):
                assert not term.ill_typed, term
                assert str(term) not in ("", "None")


def test_the_context_is_one_and_is_served_as_a_file(client: Client) -> None:
    answer = client.get("/static/partybuild/context-v1.jsonld")
    assert answer.status_code == 200
    served = json.loads(b"".join(answer.streaming_content))  # type: ignore[arg-type]
    assert served == {"@context": CONTEXT} == json.loads(CONTEXT_FILE.read_text(encoding="utf-8"))
    assert answer.headers["Content-Type"].startswith("application/ld+json")


def test_every_resource_is_mapped_and_every_field_mapped_or_dropped() -> None:
    for name, viewset in viewsets().items():
        known = set(KINDS[name].rules)
        for serializer in (viewset.serializer_class, viewset.detail_serializer_class):
            fields: dict[str, Any] = serializer().fields  # type: ignore[misc]
            assert set(fields) <= known, (name, set(fields) - known)
            for field in fields.values():
                rows = field.child if isinstance(field, ListSerializer) else field
                if model := getattr(getattr(rows, "Meta", None), "model", None):
                    assert set(rows.fields) <= set(KINDS[model.resource].rules), (name, rows)


def test_every_term_has_a_prefix_of_the_context() -> None:
    terms = {term for kind in KINDS.values() for rule in kind.rules.values() for term in rule.terms}
    terms |= {term for kind in KINDS.values() for term in (*kind.types, *kind.types_by_kind.values())}
    terms |= {rule.direct.term for kind in KINDS.values() for rule in kind.rules.values() if rule.direct}
    terms |= {name for name in CONTEXT if ":" in name}
    assert {term.partition(":")[0] for term in terms} <= PREFIXES
    assert {rule.form for kind in KINDS.values() for rule in kind.rules.values()} == {*FORMS, "dropped"}


@pytest.mark.parametrize("resource", share(0, RESOURCES, 2))
def test_every_record_of_every_list_is_read(api: Api, resource: str) -> None:
    page = api.get(resource, page_size=200)
    while True:
        graph = parse(to_jsonld_list(resource, page, SITE))
        sound(graph)
        for record in page["results"]:
            subject = URIRef(BASE + record["url"])
            assert (iri(resource), URIRef(CONTEXT["hydra"] + "member"), subject) in graph
            assert set(graph.objects(subject, RDF.type)), subject
        if not page["next"] or resource == "neighbourhoods":  # 6,500 alike
            break
        assert (None, URIRef(CONTEXT["hydra"] + "next"), URIRef(BASE + page["next"])) in graph
        page = api.get(page["next"])


@pytest.mark.parametrize("resource", share(1, RESOURCES, 2))
def test_whole_records_are_read_with_all_that_is_nested_in_them(api: Api, resource: str) -> None:
    expand = ",".join(viewsets()[resource].detail_serializer_class.expandable())
    parameters = {"labels": "true"} | ({"expand": expand} if expand else {})
    for listed in api.get(resource, fields="url", page_size=200)["results"][::60]:
        record = api.get(listed["url"], **parameters)
        check_fields(resource, record)
        graph = parse(to_jsonld(resource, record, SITE))
        sound(graph)
        assert set(graph.objects(URIRef(BASE + listed["url"]), RDF.type))


def check_fields(resource: str, record: dict[str, Any]) -> None:
    """Check that whatever is nested is mapped as well, down to the last field."""
    for name, content in record.items():
        assert name in KINDS[resource].rules or name.endswith("_label"), (resource, name)
        for row in content if isinstance(content, list) else [content]:
            if not isinstance(row, dict) or set(row) <= REFERENCE or name == "quotation":
                continue
            if KINDS[resource].rules[name].form != "dropped":
                # An expanded reference keeps the fields of one.
                check_fields(
                    row["url"].split("/")[-2], {key: row[key] for key in row if key not in REFERENCE - {"url"}}
                )


def test_a_body_its_parts_and_its_evidence(api: Api) -> None:
    key = "alliances/wujiaochang-zhen-lianxihui"
    graph, alliance, record = graph_of(api, key), iri(key), api.get(key)
    assert {ORG.Organization, ORG.OrganizationalCollaboration} <= set(graph.objects(alliance, RDF.type))
    assert Literal(record["name"], lang="zh") in set(graph.objects(alliance, SCHEMA.name))
    assert Literal(record["name_pinyin"], lang="zh-Latn-pinyin") in set(graph.objects(alliance, SCHEMA.name))
    assert graph.value(alliance, SCHEMA.foundingDate) == Literal("2012-06", datatype=EDTF)
    assert len(set(graph.objects(alliance, ORG.hasSubOrganization))) == 5
    assert (alliance, PROV.wasDerivedFrom, iri("articles/wujiaochang-zhen-2013")) in graph
    assert graph.value(alliance, ORG.classification) == iri("vocabularies/alliances.kind#joint_conference")
    annotations = set(graph.subjects(OA.hasBody, alliance))
    assert {str(annotation) for annotation in annotations} == {BASE + item["url"] for item in record["citations"]}
    for citation in record["citations"]:
        selector = graph.value(graph.value(URIRef(BASE + citation["url"]), OA.hasTarget), OA.hasSelector)
        assert graph.value(selector, OA.start) == Literal(citation["start"])
        assert graph.value(selector, OA.end) == Literal(citation["end"])


def test_members_and_their_roles_from_either_side(api: Api) -> None:
    for row in api.results("memberships", page_size=200, fields="url,alliance,unit,role,left_on"):
        if row["unit"] and not row["left_on"]:
            break
    alliance, unit, membership = (URIRef(BASE + at["url"]) for at in (row["alliance"], row["unit"], row))
    for path in (f"alliances/{row['alliance']['key']}", f"member-units/{row['unit']['key']}"):
        graph = graph_of(api, path)
        assert graph.value(membership, ORG.role) == iri(f"vocabularies/memberships.role#{row['role']}")
        assert (alliance, ORG.hasMember, unit) in graph or (unit, ORG.memberOf, alliance) in graph
        assert (membership, ORG.organization, alliance) in graph
        assert (membership, ORG.member, unit) in graph or (unit, ORG.hasMembership, membership) in graph


def test_a_number_keeps_its_meaning(api: Api) -> None:
    kept = 0
    for record in api.results("figures", page_size=200):
        graph = parse(to_jsonld("figures", record, SITE))
        figure = URIRef(BASE + record["url"])
        assert ((figure, SCHEMA.value, None) in graph) == (record["comparator"] == "=")
        assert ((figure, RDF.type, SCHEMA.Observation) in graph) == (record["kind"] == "actual")
        assert (figure, SCHEMA.observationAbout, URIRef(BASE + record["subject"]["url"])) in graph
        kept += (figure, SCHEMA.minValue, Literal(record["value"])) in graph
    assert kept
    assert "schema:value" not in to_node("figures", {"url": "/api/v1/figures/x", "value": 3}, SITE)


def test_who_took_part_but_no_person(api: Api) -> None:
    named = [row for row in api.results("participations", page_size=200) if row["representative_name"] and row["unit"]]
    event = api.get(named[0]["event"]["url"])
    document = to_jsonld("events", event, SITE)
    text = json.dumps(document, ensure_ascii=False)
    assert [row["representative_name"] for row in named if row["representative_name"] in text] == []
    graph, association = parse(document), URIRef(BASE + named[0]["url"])
    assert (URIRef(BASE + event["url"]), PROV.qualifiedAssociation, association) in graph
    assert graph.value(association, PROV.agent) == URIRef(BASE + named[0]["unit"]["url"])
    assert str(graph.value(association, PROV.hadRole)).endswith(f"participations.role#{named[0]['role']}")


def test_a_member_that_left_is_a_membership_only() -> None:
    unit = {"key": "u", "name": "某单位", "url": "/api/v1/member-units/u"}
    row = {"unit": unit, "role": "member", "left_on": "2015", "url": "/api/v1/memberships/m"}
    document = to_jsonld("alliances", {"url": "/api/v1/alliances/a", "members": [row]}, SITE)
    graph = parse(document)
    assert (iri("memberships/m"), ORG.organization, iri("alliances/a")) in graph
    assert (None, ORG.hasMember, None) not in graph
    row["left_on"] = ""
    graph = parse(to_jsonld("alliances", {"url": "/api/v1/alliances/a", "members": [row]}, SITE))
    assert (iri("alliances/a"), ORG.hasMember, iri("member-units/u")) in graph


def test_picked_fields_and_empty_ones_make_a_document_too() -> None:
    document = to_jsonld("projects", {"kind": "brand", "summary": "", "alliance": None, "parts": []}, SITE)
    assert set(document) == {"@context", "@type", "dcterms:type"}
    sound(parse(document))
