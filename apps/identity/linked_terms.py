"""Linked data of merges: a term for each field."""

from apps.common.linked_data.rules import ELSEWHERE, Kind, node, value
from apps.common.linked_data.shared_terms import BASE

MERGE = Kind(
    ("prov:Activity",),
    {
        **BASE,
        "record": node("prov:used"),
        "merged_key": value("pb:mergedKey"),
        "merged_name": value("schema:alternateName"),
        "reason": value("schema:description"),
        "request_id": value("pb:request"),
        "moved": ELSEWHERE,
        "folded": ELSEWHERE,
        "filled": value("pb:filled"),
        "created_at": value("prov:endedAtTime"),
    },
)
