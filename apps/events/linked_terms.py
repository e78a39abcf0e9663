"""Linked data of what happened: a term for each field."""

from apps.common.linked_data.rules import PARTIES, PERSON, Kind, counts, date, node, paired, places, reverse, value
from apps.common.linked_data.shared_terms import NAME_GIVEN, ROLE, ROW, STATUS, SUMMED_UP, TYPE
from apps.registry.linked_terms import PARTY

EVENT = Kind(
    ("schema:Event", "prov:Activity"),
    {
        **SUMMED_UP,
        **NAME_GIVEN,
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
        "reason": PARTIES,
        "participations": node("prov:qualifiedAssociation"),
        **counts("part_count", "participation_count"),
        **paired("guest"),
    },
)

PARTICIPATION = Kind(
    ("prov:Association",),
    {
        **ROW,
        **PARTY,
        **ROLE,
        **STATUS,
        "reason": PARTIES,
        "event": reverse("prov:qualifiedAssociation"),
        "representative_name": PERSON,
        "representative_office": value("pb:office"),
        "award": node("pb:award"),
        "contribution": value("pb:contribution"),
    },
)

AWARD = Kind(
    ("pb:Award",),
    {
        **SUMMED_UP,
        "giver": node("schema:sponsor"),
        "district": node("schema:areaServed"),
        "participations": reverse("pb:award"),
    },
)
