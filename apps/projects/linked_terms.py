"""Linked data of what is done together: a term for each field."""

from apps.common.linked_data.rules import PARTIES, Kind, counts, date, node, paired, places, reverse, value
from apps.common.linked_data.shared_terms import NAME_GIVEN, NAMED, ROLE, ROW, STATUS, SUMMED_UP, TYPE
from apps.registry.linked_terms import PARTY

OFFER = {
    **SUMMED_UP,
    **NAME_GIVEN,
    **STATUS,
    "reason": PARTIES,
    "alliance": node("dcterms:publisher"),
    "unit": node("dcterms:publisher"),
    "street": node("schema:areaServed"),
    "neighbourhood": node("schema:areaServed"),
    "category": node("dcterms:subject"),
    "capacity": value("pb:capacity"),
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

NEED = Kind(("schema:Demand",), {**OFFER, "project": reverse("prov:wasDerivedFrom"), "outcome": value("schema:result")})

RESOURCE = Kind(("schema:Offer",), OFFER)

MATCH = Kind(
    ("schema:Action",),
    {
        **ROW,
        **STATUS,
        "need": node("schema:object"),
        "offer": node("schema:instrument"),
        "broker": node("schema:participant"),
        "claim": node("schema:result"),
        "note": value("schema:description"),
        "reason": PARTIES,
    },
)

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

ROUND = Kind(
    ("schema:Action",),
    {
        **SUMMED_UP,
        **STATUS,
        "alliance": node("schema:agent"),
        "street": node("schema:agent"),
        "mode": value("pb:mode"),
        **date("opens_on", "schema:startTime"),
        **date("closes_on", "schema:endTime"),
        "most_claims": value("pb:mostClaims"),
        "lease_days": value("pb:leaseDays"),
        **counts("project_count"),
    },
)

ROUND_PROJECT = Kind(
    ("schema:ListItem",),
    {
        **ROW,
        "round": node("dcterms:isPartOf"),
        "project": node("schema:item"),
        "places": value("pb:places"),
        **counts("taken"),
        "category": node("dcterms:subject"),
    },
)

CLAIM = Kind(
    ("schema:Action",),
    {
        **ROW,
        **STATUS,
        "project": node("schema:object"),
        "unit": node("schema:agent"),
        "round_project": node("dcterms:isPartOf"),
        "body": node("pb:through"),
        "as_written": value("pb:asWritten"),
        **date("claimed_on", "dcterms:date"),
        **date("accepted_on", "dcterms:dateAccepted"),
        **date("lapses_on", "schema:expires"),
        "lapsed": value("pb:lapsed"),
        "summary": value("schema:description"),
        "outcome": value("schema:result"),
        "reason": PARTIES,
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
