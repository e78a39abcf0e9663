"""How the OpenAPI document describes the merging of records."""

from typing import Any

from apps.common.openapi.write_schema import REASON_SCHEMA, REF, STRING
from apps.common.writing.contract import CITATIONS, REASON


def _named(about: str, **more: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "resource": {**STRING, "description": "Resource of the record."},
        "key": {**STRING, "description": "Key of the record."},
        **more,
    }
    item = {"type": "object", "required": list(properties), "properties": properties}
    return {"type": "array", "items": item, "description": about}


_COUNT = {"type": "integer", "minimum": 0}
_FIELDS = {"type": "array", "items": STRING}

GIVEN: dict[str, Any] = {
    "type": "object",
    "required": ["into", REASON],
    "properties": {
        "into": {**STRING, "description": "Slug of the record that stays, of the same resource."},
        "fill": {
            **_FIELDS,
            "description": "Fields that are empty in the one that stays and take the other's value.",
        },
        REASON: REASON_SCHEMA,
        CITATIONS: {
            "type": "array",
            "items": {"$ref": f"{REF}CitationGiven"},
            "description": "Which sentences say that the two are one; they support fields of the merge, as `reason`.",
        },
    },
}
MERGED: dict[str, Any] = {
    "type": "object",
    "description": "What a merge did, or would do.",
    "required": ["record", "merge", "moved", "moved_count", "folded", "folded_count", "filled"],
    "properties": {
        "record": {"$ref": f"{REF}TargetReference"},
        "merge": {**STRING, "description": "Address of the merge."},
        "moved": _named(
            "The first 500 rows that now point at the record that stays.",
            field={**STRING, "description": "Field by which the row points."},
        ),
        "moved_count": {**_COUNT, "description": "How many rows moved."},
        "folded": _named(
            "The first 500 rows that would have stood twice.",
            into={**STRING, "description": "Key of the row that stands for both."},
        ),
        "folded_count": {**_COUNT, "description": "How many rows would have stood twice."},
        "filled": {**_FIELDS, "description": "Fields that took the other's value."},
    },
}
