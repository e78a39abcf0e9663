"""Linked data of articles, spans and figures: a term for each field."""

from apps.common.linked_data.rules import (
    ADDRESS,
    COUNTED,
    ELSEWHERE,
    Kind,
    TermRule,
    again,
    concept,
    date,
    node,
    value,
    web,
    words,
)
from apps.common.linked_data.shared_terms import NAME_GIVEN, NAMED
from apps.evidence.models.figures import REPORTER_KEYS
from apps.registry.models.parties import PARTY_KEYS

SPAN = {
    "url": ADDRESS,
    "slug": value("dcterms:identifier"),
    "name": words("schema:name"),
    "article": TermRule("span", ("oa:hasTarget",)),
    "start": ELSEWHERE,
    "end": ELSEWHERE,
    "sha256": ELSEWHERE,
    "quotation": ELSEWHERE,
    "read": ELSEWHERE,
    "levels": ELSEWHERE,
    "unquoted_because": COUNTED,
    "verified": value("pb:verified"),
    "updated_at": value("dcterms:modified"),
}
ARTICLE = Kind(
    ("schema:NewsArticle", "prov:Entity"),
    {
        "url": ADDRESS,
        "slug": value("dcterms:identifier"),
        "title": value("schema:name", "schema:headline"),
        "title_pinyin": TermRule("pinyin", ("schema:name",)),
        "publisher": value("dcterms:publisher"),
        "republisher": value("pb:republisher"),
        "byline": value("dcterms:creator"),
        "editor": value("pb:editor"),
        **date("issued_on", "schema:datePublished"),
        "page": value("schema:pagination"),
        "canonical_url": web("schema:url"),
        "text_attached": COUNTED,
        "captured_sha256": value("pb:capturedSha256"),
        "body_start": value("pb:bodyStart"),
        "body_end": value("pb:bodyEnd"),
        "body_length": COUNTED,
        "body_sha256": value("pb:bodySha256"),
        "citation_count": COUNTED,
        "updated_at": value("dcterms:modified"),
    },
)

CITATION = Kind(("oa:Annotation",), {**SPAN, "record": node("oa:hasBody"), "supports": value("pb:supports")})

ATTESTATION = Kind(
    ("prov:Entity",),
    {
        "url": ADDRESS,
        "slug": value("dcterms:identifier"),
        "name": words("schema:name"),
        "record": node("schema:about"),
        "supports": value("pb:supports"),
        "kind": concept("dcterms:type"),
        "party": again("prov:wasAttributedTo"),
        **dict.fromkeys(PARTY_KEYS, node("prov:wasAttributedTo")),
        "title": value("dcterms:title"),
        "reference": value("dcterms:source"),
        **date("stated_on", "dcterms:created"),
        "locator": value("schema:pagination"),
        "confirmed_at": value("pb:confirmedAt"),
        "disputed_at": value("pb:disputedAt"),
        "retracted_at": value("prov:invalidatedAtTime"),
        "updated_at": value("dcterms:modified"),
    },
)

MARK = Kind(("oa:Annotation",), {**SPAN, "reason": concept("pb:reason"), "note": value("schema:description")})

FIGURE = Kind(
    (),  # by its kind: a plan is no observation
    {
        **NAMED,
        **NAME_GIVEN,
        "measure": value("schema:variableMeasured"),
        "comparator": ELSEWHERE,
        "value": TermRule("bounded"),
        "unit": concept("schema:unitCode"),
        "kind": concept("dcterms:type"),
        "reading": COUNTED,
        **date("period", "schema:observationPeriod"),
        "subject": node("schema:observationAbout"),
        "reported_by": again("prov:wasAttributedTo"),
        **dict.fromkeys(REPORTER_KEYS, node("prov:wasAttributedTo")),
        "as_written": value("pb:asWritten"),
    },
    {"actual": "schema:Observation", "target": "pb:Target"},
)
