"""The history in the OpenAPI document."""

from drf_spectacular.utils import OpenApiParameter

from apps.common.openapi.components import (
    ADDRESS,
    BOOLEAN,
    FIELD_CHANGE,
    INSTANT,
    NEXT,
    NEXT_CURSOR,
    OPERATION,
    STRING,
    Schema,
    array,
    choice,
    component,
)
from apps.common.openapi.parameters import CURSOR, DRY_RUN, PAGE_SIZE, STRINGS, format_parameter

_CHANGE: dict[str, Schema] = {
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
_RECORD: dict[str, Schema] = {
    "resource": {**STRING, "description": "Resource of the record."},
    "key": {**STRING, "description": "Key of the record."},
}
_NAME: Schema = {
    "type": ["string", "null"],
    "description": "What the record is called now, in words where it has no name; null where it is gone or not seen.",
}
_DIFFERENCE = array(FIELD_CHANGE, "The fields that differ; references as keys.")
HISTORY = component(
    "HistoryPage",
    "Changes of one record, the newest first.",
    results=array(
        component(
            "HistoryEntry",
            "A change of a record.",
            **_CHANGE,
            user={
                "type": ["string", "null"],
                "description": "Who made it; told to those who are appointed to anything.",
            },
            reason={**STRING, "description": "Why it was made."},
            **_RECORD,
            name=_NAME,
            operation=OPERATION,
            part={**STRING, "description": "What of the record changed, where it was not the record itself."},
            changes=_DIFFERENCE,
        ),
        "The changes of the page.",
    ),
    next=NEXT,
    next_cursor=NEXT_CURSOR,
)
FEED = component(
    "ChangePage",
    "Changes of all records, in an order in which they can be replayed.",
    items=array(
        component(
            "Change",
            "A change, as who follows them all is told.",
            **_CHANGE,
            **_RECORD,
            name=_NAME,
            url={**ADDRESS, "description": "Address of the record."},
            operation=OPERATION,
            state=choice("ChangeState", ["updated", "deleted"], "Whether the record is still there for the reader."),
            data={
                "type": ["object", "null"],
                "description": "The record after the change, references as keys; null where it is gone or is to be read"
                " anew.",
            },
        ),
        "The changes of the page; it may be empty while there are more.",
    ),
    next={**ADDRESS, "description": "Where to go on, now or later; always given."},
    next_cursor={**STRING, "description": "`cursor` of the next page; always given."},
    more={**BOOLEAN, "description": "Whether there are more changes already."},
)
REVERSION = component(
    "Reversion",
    "What is changed back.",
    request_id={**STRING, "description": "Request that is taken back."},
    reverted_by={
        "type": ["string", "null"],
        "description": "Request that took it back, and that can be taken back like any other; null for a trial.",
    },
    changes=array(
        component("ReversionRow", "A row that is changed back.", **_RECORD, operation=OPERATION, changes=_DIFFERENCE),
        "The rows that are changed back.",
    ),
    conflicts=array(
        component(
            "ReversionConflict",
            "What stands in the way.",
            pointer={**STRING, "description": "Place of the row in `changes`, as a JSON Pointer."},
            code={**STRING, "description": "Kind of obstacle, for programs."},
            detail={**STRING, "description": "What stands in the way, in the language asked for."},
        ),
        "What stands in the way; empty where it was done.",
    ),
)
HISTORY_PARAMETERS = [
    OpenApiParameter("resource", str, OpenApiParameter.PATH, description="Name of the resource, as in addresses."),
    PAGE_SIZE,
    CURSOR,
    format_parameter(),
]
FEED_PARAMETERS = [
    OpenApiParameter("resource", STRINGS, description="Names of resources: their records only."),
    OpenApiParameter("operation", {"type": "array", "items": OPERATION}, description="Such changes only."),
    OpenApiParameter("since", INSTANT, description="Changes made at this instant or later."),
    PAGE_SIZE,
    CURSOR,
    format_parameter(),
]
REVERT_PARAMETERS = [
    OpenApiParameter("request_id", str, OpenApiParameter.PATH, description="Request to be taken back."),
    DRY_RUN,
    format_parameter(),
]
