"""Linked data of what is done together: a term for each field."""

from apps.common.linked_data.rules import Kind, counts, date, node, paired, places, reverse, value
from apps.common.linked_data.shared_terms import NAME_GIVEN, NAMED, ROLE, ROW, STATUS, SUMMED_UP, TYPE
from apps.registry.linked_terms import PARTY

OFFER = {
    **SUMMED_UP,
    **NAME_GIVEN,
    **STATUS,
    "alliance": node("dcterms:publisher"),
    "unit": node("dcterms:publisher"),
    "street": node("schema:areaServed"),
    "neighbourhood": node("schema:areaServed"),
    **date("published_on", "dcterms:issued"),
    **date("closes_on", "schema:availabilityEnds"),
}
CATEGORY = Kind(
    ("skos:Concept",),
    {
        **NAMED,
        "name": value("schema:name", "skos:prefLabel"),
        "alliance": node("pb:usedBy"),
        "programme": node("pb:usedBy"),
        "position": value("schema:position"),
        "projects": reverse("dcterms:subject"),
        **counts("project_count"),
    },
)

NEED = Kind(("schema:Demand",), OFFER)

RESOURCE = Kind(("schema:Offer",), OFFER)

PROJECT = Kind(
    ("schema:Project", "prov:Activity"),
    {
        **SUMMED_UP,
        **NAME_GIVEN,
        **TYPE,
        **STATUS,
        "parent": node("dcterms:isPartOf"),
        "parts": node("dcterms:hasPart"),
        "category": node("dcterms:subject"),
        "categories": reverse("pb:usedBy"),
        "alliance": node("pb:alliance"),
        **places("schema:location"),
        **date("starts_on", "schema:startDate"),
        **date("ends_on", "schema:endDate"),
        "slogan": value("schema:slogan"),
        "partners": node("prov:qualifiedAssociation"),
        "claims": reverse("schema:object"),
        "deliverables": reverse("prov:wasGeneratedBy"),
        "events": reverse("schema:about"),
        **counts("part_count", "partner_count", "claim_count"),
        **paired("part", "brand_project", "category", "method"),
    },
)

PROJECT_PARTNER = Kind(("prov:Association",), {**ROW, **PARTY, **ROLE, "project": reverse("prov:qualifiedAssociation")})

CLAIM = Kind(
    ("schema:Action",),
    {
        **ROW,
        **STATUS,
        "project": node("schema:object"),
        "unit": node("schema:agent"),
        "as_written": value("pb:asWritten"),
        **date("claimed_on", "dcterms:date"),
        "summary": value("schema:description"),
    },
)

DELIVERABLE = Kind(
    ("schema:CreativeWork", "prov:Entity"),
    {
        **SUMMED_UP,
        **TYPE,
        **STATUS,
        "project": node("prov:wasGeneratedBy"),
        **date("released_on", "dcterms:issued"),
    },
    {"book": "schema:Book", "film": "schema:Movie", "report": "schema:Report"},
)
