"""The history in the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from apps.common.http.problem_answers import CONTENT_TYPE
from apps.common.openapi.schema import ADDRESS, PROBLEM, STRING
from apps.common.reading.order import DEFAULT_SIZE, MAX_SIZE

INSTANT = {"type": "string", "format": "date-time"}
OPERATION = {
    "type": "string",
    "enum": ["insert", "update", "delete"],
    "description": "What was done: added, changed or deleted.",
}


def _object(about: str, /, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": about, "required": list(properties), "properties": properties}


_CHANGE: dict[str, dict[str, Any]] = {
    "number": {"type": "integer", "minimum": 1, "description": "Number of the change."},
    "at": {**INSTANT, "description": "When the change was committed."},
    "request_id": {
        **STRING,
        "description": "The service's own id of the request, or else transaction, that made the change.",
    },
    "client_request_id": {
        **STRING,
        "description": "The `X-Request-ID` that the client gave the request; empty where it gave none.",
    },
}
_RECORD: dict[str, dict[str, Any]] = {
    "resource": {**STRING, "description": "Resource of the record."},
    "key": {**STRING, "description": "Key of the record."},
}
DIFFERENCE = {
    "type": "array",
    "description": "The fields that differ; references as keys.",
    "items": _object(
        "A field.",
        field={**STRING, "description": "Name of the field."},
        before={"description": "Value before the change; null where there was none."},
        after={"description": "Value after the change; null where there is none."},
    ),
}
HISTORY = _object(
    "Changes of one record, the newest first.",
    results={
        "type": "array",
        "description": "The changes of the page.",
        "items": _object(
            "A change.",
            **_CHANGE,
            user={
                "type": ["string", "null"],
                "description": "Who made it; told to those who are appointed to anything.",
            },
            reason={**STRING, "description": "Why it was made."},
            **_RECORD,
            operation=OPERATION,
            part={**STRING, "description": "What of the record changed, where it was not the record itself."},
            changes=DIFFERENCE,
        ),
    },
    next={
        "type": ["string", "null"],
        "format": "uri-reference",
        "description": "Address of the next page, or null on the last one.",
    },
)
FEED = _object(
    "Changes of all records, in an order in which they can be replayed.",
    items={
        "type": "array",
        "description": "The changes of the page; it may be empty while there are more.",
        "items": _object(
            "A change.",
            **_CHANGE,
            **_RECORD,
            url={**ADDRESS, "description": "Address of the record."},
            operation=OPERATION,
            state={
                "type": "string",
                "enum": ["updated", "deleted"],
                "description": "Whether the record is still there for the reader.",
            },
            data={
                "type": ["object", "null"],
                "description": "The record after the change, references as keys; null where it is gone or is to be read"
                " anew.",
            },
        ),
    },
    next={**ADDRESS, "description": "Where to go on, now or later; always given."},
    more={"type": "boolean", "description": "Whether there are more changes already."},
)
REVERSION = _object(
    "What is changed back.",
    request_id={**STRING, "description": "Request that is taken back."},
    reverted_by={
        "type": ["string", "null"],
        "description": "Request that took it back, and that can be taken back like any other; null for a trial.",
    },
    changes={
        "type": "array",
        "description": "The rows that are changed back.",
        "items": _object("A row.", **_RECORD, operation=OPERATION, changes=DIFFERENCE),
    },
    conflicts={
        "type": "array",
        "description": "What stands in the way; empty where it was done.",
        "items": _object(
            "An obstacle.",
            pointer={**STRING, "description": "Place of the row in `changes`, as a JSON Pointer."},
            code={**STRING, "description": "Kind of obstacle, for programs."},
            detail={**STRING, "description": "What stands in the way, in the language asked for."},
        ),
    },
)
PAGE_SIZE = OpenApiParameter(
    "page_size",
    {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
    description="Changes a page.",
)
CURSOR = OpenApiParameter("cursor", str, description="Opaque place, taken from `next`.")
FORMAT = OpenApiParameter("format", str, enum=["json"], default="json", description="Format of the answer.")
HISTORY_PARAMETERS = [
    OpenApiParameter("resource", str, OpenApiParameter.PATH, description="Name of the resource, as in addresses."),
    PAGE_SIZE,
    CURSOR,
    FORMAT,
]
FEED_PARAMETERS = [
    OpenApiParameter("resource", str, description="Names of resources, separated by commas: their records only."),
    OpenApiParameter(
        "operation", str, description="`insert`, `update` or `delete`, separated by commas: such changes only."
    ),
    OpenApiParameter("since", INSTANT, description="Changes made at this instant or later."),
    PAGE_SIZE,
    CURSOR,
    FORMAT,
]
REVERT_PARAMETERS = [
    OpenApiParameter("request_id", str, OpenApiParameter.PATH, description="Request to be taken back."),
    OpenApiParameter("dry_run", bool, default=False, description="Try everything and keep nothing."),
    FORMAT,
]


def refused(about: str) -> Any:
    """Return the key and the schema of an answer that is a problem."""
    return {**PROBLEM, "description": about}


PROBLEM_TYPE = CONTENT_TYPE
