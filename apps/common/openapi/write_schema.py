"""How the OpenAPI document describes writes: from the same contracts by which bodies are read."""

from typing import Any, TypeGuard

from django.contrib.postgres.fields import ArrayField
from django.db import models
from drf_spectacular.utils import OpenApiParameter

from apps.common.files.tables import CSV, XLSX
from apps.common.models.import_jobs import ImportJob
from apps.common.resources.views import RecordViewSet
from apps.common.values.json import JsonObject
from apps.common.writing.bulk import ITEMS, MOST_ITEMS, SEEN
from apps.common.writing.contract import CITATIONS, REASON, Contract, Input
from apps.common.writing.idempotency import LONGEST_KEY

STRING = {"type": "string"}
REF = "#/components/schemas/"
KEY = {**STRING, "description": "Key of the record."}
# By action: the name of the operation, its summary, and what it does.
ACTIONS = {
    "create": ("create", "Make one of the %s", "Makes a record. Without a slug, one is made from the name."),
    "update": (
        "replace",
        "Replace or make one of the %s",
        "Replaces a record: what the body leaves out gets its default. Where there is no such record, it is made with"
        " this key. The body of a GET is a valid body and changes nothing.",
    ),
    "partial_update": ("change", "Change one of the %s", "Changes the fields that the body gives."),
    "destroy": ("delete", "Delete one of the %s", "Deletes a record to which no other record points."),
    "bulk_create": ("bulk_create", "Make many of the %s", "Makes all records of the list, or none."),
    "bulk_change": (
        "bulk_change",
        "Change many of the %s",
        "Changes all records of the list, or none. Each item names its record by its key and gives its `updated_at` as"
        " it was read.",
    ),
    "bulk_delete": (
        "bulk_delete",
        "Delete many of the %s",
        "Deletes all records of the list, or none. Each item gives the key and the `updated_at` of its record.",
    ),
    "import_file": (
        "import",
        "Import a file of %s",
        "Makes and changes records from a CSV or XLSX file with the columns of an export; all rows or none. A row"
        " names its record by its key; where there is none, it makes one. Columns that are only read are passed over."
        " With `dry_run=true`, a preview. A file of more than 5,000 rows is imported behind the answer, which is 202"
        " and says where to see how far it is.",
    ),
}
REASON_SCHEMA = {**STRING, "minLength": 1, "maxLength": 1000, "description": "Why the registry is changed; logged."}
CITATION = {
    "type": "object",
    "description": "A citation that is made together with the record; one with a `url` is on record already.",
    "properties": {
        "article": {
            "anyOf": [STRING, {"$ref": f"{REF}Reference"}],
            "description": "Article that says so, by its slug.",
        },
        "start": {"type": "integer", "minimum": 0, "description": "Offset of the span's first character in the body."},
        "end": {"type": "integer", "minimum": 1, "description": "Offset behind the span's last character."},
        "sha256": {**STRING, "description": "SHA-256 of the span in UTF-8; or give the words as `quotation`."},
        "quotation": {"description": "The words of the span, in the place of their digest."},
        "supports": {
            "type": "array",
            "items": STRING,
            "description": "Fields of the record that the span supports.",
        },
        "url": {**STRING, "description": "Address of a citation that is on record."},
    },
}
CHANGES = {
    "type": "array",
    "description": "The records that are changed.",
    "items": {
        "type": "object",
        "required": ["resource", "key", "operation"],
        "properties": {
            "resource": {**STRING, "description": "Resource of the record."},
            "key": {**STRING, "description": "Key of the record."},
            "operation": {"type": "string", "enum": ["insert", "update", "delete"], "description": "What is done."},
            "fields": {
                "type": "array",
                "description": "The fields that change; none where nothing does.",
                "items": {
                    "type": "object",
                    "required": ["field", "before", "after"],
                    "properties": {
                        "field": {**STRING, "description": "Name of the field."},
                        "before": {"description": "Value before; null in a new record."},
                        "after": {"description": "Value after."},
                    },
                },
            },
        },
    },
}
# Components that the generator does not know; those of resources come in as they are used.
COMPONENTS: dict[str, dict[str, Any]] = {
    "CitationGiven": CITATION,
    "Changes": {
        "type": "object",
        "description": "What a write of many records did, or would do.",
        "required": ["changes"],
        "properties": {"changes": CHANGES},
    },
    "Imported": {
        "type": "object",
        "description": "What an import did, or would do.",
        "required": ["created", "changed", "unchanged", "ignored", "changes"],
        "properties": {
            "created": {"type": "integer", "minimum": 0, "description": "Records that are made."},
            "changed": {"type": "integer", "minimum": 0, "description": "Records that are changed."},
            "unchanged": {"type": "integer", "minimum": 0, "description": "Rows that change nothing."},
            "ignored": {
                "type": "array",
                "items": STRING,
                "description": "What of the file is not taken: columns that are only read, by their names; in words,"
                " columns without a heading and other sheets that hold something, empty rows between others, comments.",
            },
            "changes": {
                "type": "array",
                "description": "The first 500 records that are made or changed.",
                "items": {
                    "type": "object",
                    "required": ["resource", "key", "operation", "fields"],
                    "properties": {
                        "resource": {**STRING, "description": "Resource of the record."},
                        "key": {**STRING, "description": "Key of the record."},
                        "operation": {"type": "string", "enum": ["insert", "update"], "description": "What is done."},
                        "fields": {"type": "array", "items": STRING, "description": "Fields that are written."},
                    },
                },
            },
        },
    },
    "ImportJob": {
        "type": "object",
        "description": "An import that goes on behind its answer.",
        "required": [
            *("id", "url", "resource", "state", "dry_run", "rows", "rows_done", "made_at", "started_at", "ended_at"),
            *("result", "problem"),
        ],
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "Identifier."},
            "url": {"type": "string", "format": "uri-reference", "description": "Where to see how far it is."},
            "resource": {**STRING, "description": "The list into which the file is imported."},
            "state": {
                "type": "string",
                "enum": ImportJob.State.values,
                "description": "`done`: see `result`; `refused`: nothing was written, see `problem`; `failed`: it could"
                " not be done, which is not the file's fault.",
            },
            "dry_run": {"type": "boolean", "description": "Whether nothing is kept."},
            "rows": {"type": ["integer", "null"], "minimum": 1, "description": "Rows of the file, once it is read."},
            "rows_done": {"type": "integer", "minimum": 0, "description": "Rows that are checked and written."},
            "made_at": {"type": "string", "format": "date-time", "description": "When the file came."},
            "started_at": {"type": ["string", "null"], "format": "date-time", "description": "When it was last begun."},
            "ended_at": {"type": ["string", "null"], "format": "date-time", "description": "When it ended."},
            "result": {
                "anyOf": [{"$ref": f"{REF}Imported"}, {"type": "null"}],
                "description": "What an import of a shorter file would have been answered with.",
            },
            "problem": {
                "anyOf": [{"$ref": f"{REF}Problem"}, {"type": "null"}],
                "description": "Why nothing was written, as an import of a shorter file would have been refused.",
            },
        },
    },
    "DryRun": {
        "type": "object",
        "description": "What a write would do.",
        "required": ["record", "changes"],
        "properties": {
            "record": {"description": "The record as it would be; null where it would be deleted."},
            "changes": CHANGES,
        },
    },
}
WHEN = {
    "401": "Authentication is needed.",
    "403": "The record lies outside the territory to which one is appointed, or the token does not allow to write.",
    "409": "The change does not agree with what is on record, or another request is working on it.",
}
WHEN_TAGGED = {
    "412": "The record has changed since it was read.",
    "428": "`If-Match` is missing.",
}
# Of every POST: each of them writes.
WHEN_KEYED = {
    "409": "A request with this idempotency key is still being worked on.",
    "422": "The idempotency key was used for another request.",
}
KEYED: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {**STRING, "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    "description": "Key of the request, so that it can be sent again for 24 hours and is done once.",
}


def is_write(view: object) -> TypeGuard[RecordViewSet]:
    """Whether the operation that is being described writes."""
    return hasattr(view, "contract") and getattr(view, "action", None) in ACTIONS


# What is neither an ordinary write nor open to everybody, by the name of the operation or its beginning.
RESTRICTED = {
    "merge_records": WHEN | WHEN_TAGGED,
    "revert": {"401": WHEN["401"]},
    "import_jobs_": {"401": WHEN["401"]},
    "webhooks_": {"401": WHEN["401"], "403": "The account or its token may not subscribe."},
}


def problems(operation_id: str) -> dict[str, str]:
    """Return the statuses of the problems of what not everybody may do, by the name of its operation."""
    found = next((RESTRICTED[name] for name in RESTRICTED if operation_id.startswith(name)), dict[str, str]())
    name = next((name for name, *_rest in ACTIONS.values() if operation_id.endswith(f"_{name}")), None)
    if name is None or operation_id in RESTRICTED:
        return found
    return found | WHEN | ({} if name in ("create", "bulk_create", "import") else WHEN_TAGGED)


def parameters(view: RecordViewSet) -> list[OpenApiParameter]:
    """Return the parameters and headers of a write."""
    found = [
        OpenApiParameter(
            "dry_run", bool, default=False, description="Check everything, keep nothing, and tell what would change."
        ),
        OpenApiParameter(
            "Accept-Language", str, OpenApiParameter.HEADER, description="Language of errors: `zh-Hans` or `en`."
        ),
    ]
    if view.action in ("update", "partial_update", "destroy"):
        about = "The `ETag` of the record as it was read; needed to change or delete."
        found.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=about))
        about = "An `ETag`: refuse where the record is still so. `*`: refuse where there is one; so PUT makes one only."
        found.append(OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description=about))
    if view.action in ("destroy", "import_file"):
        about = "Why the registry is changed."
        found.append(OpenApiParameter(REASON, str, description=about))
    return found


def request(view: RecordViewSet) -> dict[str, Any]:
    """Return the schema of a write's body, by media type."""
    contract = view.contract()
    name = contract.model.__name__
    if view.action == "import_file":
        return {media_type: {"type": "string", "format": "binary", "minLength": 1} for media_type in (CSV, XLSX)}
    match view.action:
        case "create":
            schema = _component(f"{name}Given", _record(contract, REASON))
        case "update":
            schema = _component(f"{name}Replacing", _record(contract, REASON, left_out=contract.identity))
        case "partial_update":
            schema = _component(f"{name}Changing", _record(contract, REASON, partial=True))
        case "destroy":
            schema = {"type": "object", "properties": {REASON: REASON_SCHEMA}, "required": [REASON]}
        case "bulk_create":
            schema = _many(_component(f"{name}Item", _record(contract)))
        case "bulk_change":
            schema = _record(contract, SEEN, partial=True)
            schema["properties"][contract.model.key_field] = KEY
            schema["required"].append(contract.model.key_field)
            schema = _many(_component(f"{name}ItemChanging", schema))
        case _:
            keys = {contract.model.key_field: KEY, SEEN: {**STRING, "format": "date-time"}}
            schema = _many({"type": "object", "properties": keys, "required": list(keys)})
    return {"application/json": schema}


def responses(view: RecordViewSet, record: JsonObject) -> dict[int, Any]:
    """Return the schemas of a write's good answers; `record` is that of the record."""
    dry = {"$ref": f"{REF}DryRun"}
    many = {"$ref": f"{REF}Changes"}
    match view.action:
        case "create":
            return {201: record, 200: dry}
        case "update":
            return {201: record, 200: {"anyOf": [record, dry]}}
        case "partial_update":
            return {200: {"anyOf": [record, dry]}}
        case "destroy":
            return {204: None, 200: dry}
        case "bulk_create":
            return {201: many, 200: many}
        case "import_file":
            return {200: {"$ref": f"{REF}Imported"}, 202: {"$ref": f"{REF}ImportJob"}}
    return {200: many}


def _component(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    COMPONENTS[name] = schema
    return {"$ref": f"{REF}{name}"}


def _many(item: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": item, "description": "The records."}
    return {"type": "object", "required": [REASON, ITEMS], "properties": {REASON: REASON_SCHEMA, ITEMS: items}}


def _record(contract: Contract, *also: str, partial: bool = False, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
    extra = {
        REASON: REASON_SCHEMA,
        SEEN: {**STRING, "format": "date-time", "description": "When the row last changed."},
    }
    properties = {name: _member(item) for name, item in contract.inputs.items()}
    if contract.cited:
        about = "Citations to be made with the record; a published record needs one."
        properties[CITATIONS] = {"type": "array", "items": {"$ref": f"{REF}CitationGiven"}, "description": about}
    required = [
        name for name, item in contract.inputs.items() if item.is_required and not partial and name not in left_out
    ]
    return {
        "type": "object",
        "description": "What is written of a record. Members that are only read may stand beside, unchanged.",
        "required": [*required, *also],
        "properties": properties | {name: extra[name] for name in also},
    }


def _member(item: Input) -> dict[str, Any]:
    about = {"description": str(getattr(item.field, "help_text", "") or "The record, as `resource/key`.")}
    if item.is_target:
        return {"anyOf": [STRING, {"$ref": f"{REF}TargetReference"}], **about}
    key = {"anyOf": [STRING, {"$ref": f"{REF}Reference"}]}
    if item.is_many:
        return {"type": "array", "items": key, **about}
    if item.is_reference:
        return {"anyOf": [*key["anyOf"], {"type": "null"}] if item.field.null else key["anyOf"], **about}
    return {**_value(item.field), **about}


def _value(field: Any) -> dict[str, Any]:
    match field:
        case ArrayField():
            return {"type": "array", "items": _value(field.base_field)}
        case models.IntegerField():
            schema: dict[str, Any] = {"type": "integer"}
        case models.DecimalField():
            schema = {"type": "number"}
        case _:
            schema = {"type": "string", **({"maxLength": field.max_length} if field.max_length else {})}
            if not field.blank:
                schema["minLength"] = 1
            if field.choices:
                schema = {"type": "string", "enum": [value for value, _label in field.flatchoices]}
                if field.blank:
                    schema["enum"].append("")
    if field.null:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    return schema
