"""Linked data of rubrics and ratings: a term for each field."""

from apps.common.linked_data.rules import Kind, date, node, paired, reverse, value
from apps.common.linked_data.shared_terms import NAMED, ROW, STATUS, SUMMED_UP

FRAMEWORK = Kind(
    ("skos:ConceptScheme",),
    {
        **SUMMED_UP,
        "version": value("schema:version"),
        "owner": node("dcterms:publisher"),
        "street": node("schema:areaServed"),
        **date("adopted_on", "dcterms:available"),
        "dimensions": reverse("skos:inScheme"),
        "assessments": reverse("dcterms:conformsTo"),
        **paired("dimension"),
    },
)

DIMENSION = Kind(
    ("skos:Concept",),
    {
        **NAMED,
        "name": value("schema:name", "skos:prefLabel"),
        "framework": node("skos:inScheme"),
        "position": value("schema:position"),
        "capability": value("pb:capability"),
    },
)

ASSESSMENT = Kind(
    ("schema:Review",),
    {
        **ROW,
        **STATUS,
        "framework": node("dcterms:conformsTo"),
        "neighbourhood": node("schema:itemReviewed"),
        "unit": node("schema:itemReviewed"),
        "street": node("schema:itemReviewed"),
        "assessor": node("schema:author"),
        **date("assessed_on", "dcterms:date"),
        "summary": value("schema:description"),
        "scores": node("schema:reviewRating"),
    },
)

SCORE = Kind(
    ("schema:Rating",),
    {
        **ROW,
        "assessment": reverse("schema:reviewRating"),
        "dimension": node("schema:reviewAspect"),
        "value": value("schema:ratingValue"),
    },
)
