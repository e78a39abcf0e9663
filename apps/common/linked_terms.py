"""What each field of each resource is called in linked data (W3C ORG, PROV-O, Web Annotation, SKOS; schema.org).

Every field of every resource stands here, mapped or dropped with a reason; a test finds one that does not. Where no
shared vocabulary has a fitting term, `pb:` does (see docs/api.md).
"""

from apps.common.linked_rules import (
    ADDRESS,
    COUNTED,
    ELSEWHERE,
    PERSON,
    Kind,
    Rule,
    concept,
    counts,
    date,
    node,
    paired,
    places,
    reverse,
    value,
)

BASE = {
    "url": ADDRESS,
    "slug": value("dcterms:identifier"),
    "citations": reverse("oa:hasBody"),
    "updated_at": value("dcterms:modified"),
}
NAMED = {**BASE, "name": value("schema:name"), "name_pinyin": Rule("pinyin", ("schema:name",))}
SUMMED_UP = {**NAMED, "summary": value("schema:description"), "figures": reverse("schema:observationAbout")}
STATUS = {"status": concept("pb:status")}
TYPE = {"kind": concept("dcterms:type")}
PARTY = {"unit": node("prov:agent"), "alliance": node("prov:agent"), "as_written": value("pb:asWritten")}
ROLE = {"role": concept("prov:hadRole")}
DIVISION = {
    **NAMED,
    **TYPE,
    "code": value("dcterms:identifier"),
    "official_code": value("skos:notation"),
    "editions": value("pb:edition"),
    **date("established_on", "schema:foundingDate"),
    **date("abolished_on", "schema:dissolutionDate"),
    "successor": node("dcterms:isReplacedBy"),
    "predecessors": node("dcterms:replaces"),
    "alliances": reverse("schema:areaServed"),
    "projects": reverse("schema:location"),
    "events": reverse("schema:location"),
    "units": reverse("schema:location"),
    "venues": reverse("schema:containedInPlace"),
    "figures": reverse("schema:observationAbout"),
}
OFFER = {
    **SUMMED_UP,
    **STATUS,
    "alliance": node("dcterms:publisher"),
    "unit": node("dcterms:publisher"),
    "street": node("schema:areaServed"),
    "neighbourhood": node("schema:areaServed"),
    **date("published_on", "dcterms:issued"),
    **date("closes_on", "schema:availabilityEnds"),
}
SPAN = {
    "url": ADDRESS,
    "slug": value("dcterms:identifier"),
    "article": Rule("span", ("oa:hasTarget",)),
    "start": ELSEWHERE,
    "end": ELSEWHERE,
    "sha256": ELSEWHERE,
    "quotation": ELSEWHERE,
    "updated_at": value("dcterms:modified"),
}

KINDS: dict[str, Kind] = {
    "districts": Kind(
        ("schema:AdministrativeArea",),
        {**DIVISION, "streets": node("schema:containsPlace"), **counts("street_count")},
    ),
    "streets": Kind(
        ("schema:AdministrativeArea",),
        {
            **DIVISION,
            "district": node("schema:containedInPlace"),
            "neighbourhoods": node("schema:containsPlace"),
            **counts("neighbourhood_count"),
            **paired("neighbourhood", "estate"),
        },
    ),
    "neighbourhoods": Kind(
        ("schema:AdministrativeArea",),
        {
            **DIVISION,
            "key": value("dcterms:identifier"),
            "street": node("schema:containedInPlace"),
            "committee": node("schema:containedInPlace"),
            "estates": node("schema:containsPlace"),
            "assessments": reverse("schema:itemReviewed"),
        },
    ),
    "member-units": Kind(
        ("org:Organization", "schema:Organization"),
        {
            **SUMMED_UP,
            "kind": concept("org:classification"),
            "parent": node("org:subOrganizationOf"),
            "parts": node("org:hasSubOrganization"),
            **places("schema:location"),
            "names": node("skosxl:altLabel"),
            "alliances": node("org:hasMembership"),
            "projects": reverse("prov:agent"),
            "claims": reverse("schema:agent"),
            "events": reverse("prov:agent"),
            "venues": reverse("pb:operator"),
            **counts("membership_count", "claim_count"),
            **paired("claim", "branch"),
        },
    ),
    "unit-names": Kind(
        ("skosxl:Label",),
        {
            **BASE,
            **TYPE,
            "name": value("skosxl:literalForm"),
            "name_pinyin": Rule("pinyin", ("pb:pinyin",)),
            "unit": reverse("skosxl:altLabel"),
            **date("valid_from", "schema:startDate"),
            **date("valid_until", "schema:endDate"),
        },
    ),
    "alliances": Kind(
        ("org:Organization", "org:OrganizationalCollaboration", "schema:Organization"),
        {
            **SUMMED_UP,
            **STATUS,
            "kind": concept("org:classification"),
            "parent": node("org:subOrganizationOf"),
            "parts": node("org:hasSubOrganization"),
            **places("schema:areaServed"),
            **date("founded_on", "schema:foundingDate"),
            **date("dissolved_on", "schema:dissolutionDate"),
            "slogan": value("schema:slogan"),
            "members": reverse("org:organization"),
            "categories": reverse("pb:usedBy"),
            "projects": reverse("pb:alliance"),
            "events": reverse("schema:organizer"),
            "needs": reverse("dcterms:publisher"),
            "resources": reverse("dcterms:publisher"),
            **counts("part_count", "member_count", "project_count"),
            **paired("unit", "project", "category", "sub_conference", "founding_member", "activity"),
        },
    ),
    "memberships": Kind(
        ("org:Membership",),
        {
            **BASE,
            "alliance": node("org:organization"),
            "unit": node("org:member"),
            "as_written": value("pb:asWritten"),
            "role": concept("org:role"),
            **date("joined_on", "schema:startDate"),
            **date("left_on", "schema:endDate"),
        },
    ),
    "venues": Kind(
        ("schema:Place",),
        {
            **SUMMED_UP,
            **TYPE,
            "parent": node("schema:containedInPlace"),
            "parts": node("schema:containsPlace"),
            "operator": node("pb:operator"),
            **places("schema:containedInPlace"),
            **date("opened_on", "schema:startDate"),
            **date("closed_on", "schema:endDate"),
            "opening_hours": value("schema:openingHours"),
            "services": reverse("pb:venue"),
            "events": reverse("schema:location"),
            **counts("service_count"),
        },
    ),
    "venue-services": Kind(
        ("schema:Service",),
        {
            **SUMMED_UP,
            "venue": node("pb:venue"),
            "category": concept("schema:serviceType"),
            "provider": node("schema:provider"),
            **date("offered_since", "schema:startDate"),
        },
    ),
    "categories": Kind(
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
    ),
    "needs": Kind(("schema:Demand",), OFFER),
    "resources": Kind(("schema:Offer",), OFFER),
    "projects": Kind(
        ("schema:Project", "prov:Activity"),
        {
            **SUMMED_UP,
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
    ),
    "project-partners": Kind(
        ("prov:Association",), {**BASE, **PARTY, **ROLE, "project": reverse("prov:qualifiedAssociation")}
    ),
    "claims": Kind(
        ("schema:Action",),
        {
            **BASE,
            **STATUS,
            "project": node("schema:object"),
            "unit": node("schema:agent"),
            "as_written": value("pb:asWritten"),
            **date("claimed_on", "dcterms:date"),
            "summary": value("schema:description"),
        },
    ),
    "deliverables": Kind(
        ("schema:CreativeWork", "prov:Entity"),
        {
            **SUMMED_UP,
            **TYPE,
            **STATUS,
            "project": node("prov:wasGeneratedBy"),
            **date("released_on", "dcterms:issued"),
        },
    ),
    "events": Kind(
        ("schema:Event", "prov:Activity"),
        {
            **SUMMED_UP,
            **TYPE,
            **STATUS,
            "parent": node("schema:superEvent"),
            "parts": node("schema:subEvent"),
            "series": value("pb:series"),
            **date("held_on", "schema:startDate"),
            "alliance": node("schema:organizer"),
            "venue": node("schema:location"),
            **places("schema:location"),
            "projects": node("schema:about"),
            "slogan": value("schema:slogan"),
            "participations": node("prov:qualifiedAssociation"),
            **counts("part_count", "participation_count"),
            **paired("guest"),
        },
    ),
    "participations": Kind(
        ("prov:Association",),
        {
            **BASE,
            **PARTY,
            **ROLE,
            "event": reverse("prov:qualifiedAssociation"),
            "representative_name": PERSON,
            "representative_office": value("pb:office"),
            "award": node("pb:award"),
            "contribution": value("pb:contribution"),
        },
    ),
    "awards": Kind(
        ("pb:Award",),
        {
            **SUMMED_UP,
            "giver": node("schema:sponsor"),
            "district": node("schema:areaServed"),
            "participations": reverse("pb:award"),
        },
    ),
    "articles": Kind(
        ("schema:NewsArticle", "prov:Entity"),
        {
            "url": ADDRESS,
            "slug": value("dcterms:identifier"),
            "title": value("schema:name", "schema:headline"),
            "title_pinyin": Rule("pinyin", ("schema:name",)),
            "publisher": value("dcterms:publisher"),
            "republisher": value("pb:republisher"),
            "byline": value("dcterms:creator"),
            "editor": value("pb:editor"),
            **date("issued_on", "schema:datePublished"),
            "page": value("schema:pagination"),
            "captured_sha256": value("pb:capturedSha256"),
            "body_start": value("pb:bodyStart"),
            "body_end": value("pb:bodyEnd"),
            "body_length": COUNTED,
            "body_sha256": value("pb:bodySha256"),
            "citation_count": COUNTED,
            "updated_at": value("dcterms:modified"),
        },
    ),
    "citations": Kind(("oa:Annotation",), {**SPAN, "record": node("oa:hasBody"), "supports": value("pb:supports")}),
    "marks": Kind(("oa:Annotation",), {**SPAN, "reason": concept("pb:reason"), "note": value("schema:description")}),
    "figures": Kind(
        (),  # by its kind: a plan is no observation
        {
            **NAMED,
            "measure": value("schema:variableMeasured"),
            "comparator": ELSEWHERE,
            "value": Rule("bounded"),
            "unit": concept("schema:unitCode"),
            "kind": concept("dcterms:type"),
            "reading": COUNTED,
            **date("period", "schema:observationPeriod"),
            "subject": node("schema:observationAbout"),
            "reporter": node("prov:wasAttributedTo"),
            "as_written": value("pb:asWritten"),
        },
    ),
    "frameworks": Kind(
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
    ),
    "dimensions": Kind(
        ("skos:Concept",),
        {
            **NAMED,
            "name": value("schema:name", "skos:prefLabel"),
            "framework": node("skos:inScheme"),
            "position": value("schema:position"),
            "capability": value("pb:capability"),
        },
    ),
    "assessments": Kind(
        ("schema:Review",),
        {
            **BASE,
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
    ),
    "scores": Kind(
        ("schema:Rating",),
        {
            **BASE,
            "assessment": reverse("schema:reviewRating"),
            "dimension": node("schema:reviewAspect"),
            "value": value("schema:ratingValue"),
        },
    ),
}

# Classes that follow from a record's kind.
TYPES_BY_KIND: dict[tuple[str, str], str] = {
    ("member-units", "university"): "schema:CollegeOrUniversity",
    ("member-units", "faculty"): "org:OrganizationalUnit",
    ("member-units", "office"): "org:OrganizationalUnit",
    ("member-units", "team"): "org:OrganizationalUnit",
    ("member-units", "school"): "schema:School",
    ("member-units", "hospital"): "schema:Hospital",
    ("deliverables", "book"): "schema:Book",
    ("deliverables", "film"): "schema:Movie",
    ("deliverables", "report"): "schema:Report",
    ("figures", "actual"): "schema:Observation",
    ("figures", "target"): "pb:Target",
}
# Short cuts past a nested record: (resource, field) -> the term, the field of the nested record, and the field whose
# value says that it holds no more.
DIRECT: dict[tuple[str, str], tuple[str, str, str]] = {
    ("alliances", "members"): ("org:hasMember", "unit", "left_on"),
    ("member-units", "alliances"): ("org:memberOf", "alliance", "left_on"),
    ("member-units", "names"): ("schema:alternateName", "name", "valid_until"),
}
# A number keeps its meaning: only an exact one is a value.
BOUNDS = {
    "=": "schema:value",
    ">=": "schema:minValue",
    "<=": "schema:maxValue",
    ">": "pb:moreThan",
    "<": "pb:lessThan",
    "~": "pb:about",
}
