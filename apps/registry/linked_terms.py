"""Linked data of units, divisions, bodies and venues: a term for each field."""

from apps.common.linked_data.rules import (
    PARTIES,
    DirectTerm,
    Kind,
    TermRule,
    again,
    concept,
    counts,
    date,
    node,
    paired,
    places,
    reverse,
    value,
)
from apps.common.linked_data.shared_terms import BASE, NAME_GIVEN, NAMED, ROW, STATUS, SUMMED_UP, TYPE
from apps.registry.models import PARTY_KEYS

PARTY = {
    "party": again("prov:agent"),
    **dict.fromkeys(PARTY_KEYS, node("prov:agent")),
    "as_written": value("pb:asWritten"),
    "group": value("pb:group"),
}
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
    "participations": reverse("prov:agent"),
    "project_roles": reverse("prov:agent"),
    "reported_figures": reverse("prov:wasAttributedTo"),
}
WITHIN = ("alliance_count", "unit_count", "venue_count", "project_count", "event_count")
DISTRICT = Kind(
    ("schema:AdministrativeArea",),
    {**DIVISION, "streets": node("schema:containsPlace"), **counts("street_count", *WITHIN)},
)

STREET = Kind(
    ("schema:AdministrativeArea",),
    {
        **DIVISION,
        "district": node("schema:containedInPlace"),
        "neighbourhoods": node("schema:containsPlace"),
        **counts("neighbourhood_count", *WITHIN),
        **paired("neighbourhood", "estate"),
    },
)

NEIGHBOURHOOD = Kind(
    ("schema:AdministrativeArea",),
    {
        **DIVISION,
        "key": value("dcterms:identifier"),
        "street": node("schema:containedInPlace"),
        "committee": node("schema:containedInPlace"),
        "estates": node("schema:containsPlace"),
        "assessments": reverse("schema:itemReviewed"),
        **counts(*WITHIN),
    },
)

MEMBER_UNIT = Kind(
    ("org:Organization", "schema:Organization"),
    {
        **SUMMED_UP,
        "kind": concept("org:classification"),
        "parent": node("org:subOrganizationOf"),
        "parts": node("org:hasSubOrganization"),
        **places("schema:location"),
        "names": node("skosxl:altLabel", direct=DirectTerm("schema:alternateName", "name", "valid_until")),
        "identifiers": node("schema:identifier"),
        "alliances": node("org:hasMembership", direct=DirectTerm("org:memberOf", "alliance", "left_on")),
        "projects": reverse("prov:agent"),
        "claims": reverse("schema:agent"),
        "events": reverse("prov:agent"),
        "venues": reverse("pb:operator"),
        **counts("membership_count", "claim_count"),
        **paired("claim", "branch"),
    },
    {
        "university": "schema:CollegeOrUniversity",
        "faculty": "org:OrganizationalUnit",
        "office": "org:OrganizationalUnit",
        "team": "org:OrganizationalUnit",
        "school": "schema:School",
        "hospital": "schema:Hospital",
    },
)

UNIT_NAME = Kind(
    ("skosxl:Label",),
    {
        **BASE,
        **TYPE,
        "name": value("skosxl:literalForm"),
        "name_pinyin": TermRule("pinyin", ("pb:pinyin",)),
        "unit": reverse("skosxl:altLabel"),
        **date("valid_from", "schema:startDate"),
        **date("valid_until", "schema:endDate"),
    },
)

IDENTIFIER = Kind(
    ("schema:PropertyValue",),
    {
        **BASE,
        "scheme": concept("schema:propertyID"),
        "value": value("schema:value"),
        "unit": reverse("schema:identifier"),
    },
)

ALLIANCE = Kind(
    ("org:Organization", "org:OrganizationalCollaboration", "schema:Organization"),
    {
        **SUMMED_UP,
        **NAME_GIVEN,
        **STATUS,
        "kind": concept("org:classification"),
        "parent": node("org:subOrganizationOf"),
        "parts": node("org:hasSubOrganization"),
        **places("schema:areaServed"),
        **date("founded_on", "schema:foundingDate"),
        **date("dissolved_on", "schema:dissolutionDate"),
        "slogan": value("schema:slogan"),
        "members": reverse("org:organization", direct=DirectTerm("org:hasMember", "unit", "left_on")),
        "categories": reverse("pb:usedBy"),
        "projects": reverse("pb:alliance"),
        "events": reverse("schema:organizer"),
        "needs": reverse("dcterms:publisher"),
        "resources": reverse("dcterms:publisher"),
        **counts("part_count", "member_count", "project_count"),
        **paired("unit", "project", "category", "sub_conference", "founding_member", "activity"),
    },
)

MEMBERSHIP = Kind(
    ("org:Membership",),
    {
        **ROW,
        "alliance": node("org:organization"),
        "unit": node("org:member"),
        "as_written": value("pb:asWritten"),
        "role": concept("org:role"),
        **STATUS,
        "reason": PARTIES,
        **date("joined_on", "schema:startDate"),
        **date("left_on", "schema:endDate"),
    },
)

VENUE = Kind(
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
)

VENUE_SERVICE = Kind(
    ("schema:Service",),
    {
        **SUMMED_UP,
        "venue": node("pb:venue"),
        "category": concept("schema:serviceType"),
        "provider": node("schema:provider"),
        **date("offered_since", "schema:startDate"),
    },
)
