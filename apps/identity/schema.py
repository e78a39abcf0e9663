"""How the OpenAPI document describes the merging of records."""

from apps.common.openapi.components import ADDRESS, COUNT, STRING, Schema, array, component, reference
from apps.common.openapi.write_schema import CHANGE_REASON, NAMED, NEW_CITATION
from apps.common.writing.contract import REASON

_FIELDS: Schema = {"type": "array", "items": STRING}

GIVEN = component(
    "NewMerge",
    "Which record goes into which.",
    ("fill", "citations"),
    into={**STRING, "description": "Slug of the record that stays, of the same resource."},
    fill={**_FIELDS, "description": "Fields that are empty in the one that stays and take the other's value."},
    **{
        REASON: CHANGE_REASON,
        "citations": array(
            NEW_CITATION,
            "Which sentences say that the two are one; they support fields of the merge, as `reason`.",
        ),
    },
)
MERGED = component(
    "MergeResult",
    "What a merge did, or would do.",
    record=reference("TargetReference"),
    merge={**ADDRESS, "description": "Address of the merge."},
    moved=array(
        component(
            "MergeMovedRow",
            "A row that points at the record that stays.",
            **NAMED,
            field={**STRING, "description": "Field by which the row points."},
        ),
        "The first 500 rows that now point at the record that stays.",
    ),
    moved_count={**COUNT, "description": "How many rows moved."},
    folded=array(
        component(
            "MergeFoldedRow",
            "A row that would have stood twice.",
            **NAMED,
            into={**STRING, "description": "Key of the row that stands for both."},
        ),
        "The first 500 rows that would have stood twice.",
    ),
    folded_count={**COUNT, "description": "How many rows would have stood twice."},
    filled={**_FIELDS, "description": "Fields that took the other's value."},
)
