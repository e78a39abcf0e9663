"""How the OpenAPI document describes writes: from the same contracts by which bodies are read.

What is written of a record is described twice: `NewProject` has what a new one needs, `ProjectChanges` the same fields
and needs none. A body is one of them together with the reason, or with the version of the record that it changes.
"""

from typing import Any, TypeGuard

from django.contrib.postgres.fields import ArrayField
from django.db import models
from drf_spectacular.utils import OpenApiParameter

from apps.common.files.tables import CSV, XLSX
from apps.common.models.import_jobs import ImportJob
from apps.common.openapi.components import (
    ADDRESS,
    BOOLEAN,
    COMPONENTS,
    COUNT,
    FIELD_CHANGE,
    INSTANT,
    OPERATION,
    PROBLEM,
    STRING,
    Schema,
    array,
    choice,
    component,
    nullable,
    reference,
)
from apps.common.openapi.parameters import DRY_RUN, KEY, LANGUAGE
from apps.common.resources.uploads import FILE, FileFormParser
from apps.common.resources.views import RecordViewSet
from apps.common.writing.bulk import ITEMS, MOST_ITEMS, SEEN
from apps.common.writing.contract import REASON, Contract, Input, PartyInput
from apps.common.writing.idempotency import LONGEST_KEY

# By action: the verb of the operation's name, its summary, and what it does.
ACTIONS = {
    "create": ("create", "Make one of the %s", "Makes a record. Without a slug, one is made from the name."),
    "update": (
        "replace",
        "Replace or make one of the %s",
        "Replaces a record: what the body leaves out gets its default. Where there is no such record, it is made with"
        " this key. The body of a GET is a valid body and changes nothing.",
    ),
    "partial_update": ("update", "Change one of the %s", "Changes the fields that the body gives."),
    "destroy": ("delete", "Delete one of the %s", "Deletes a record to which no other record points."),
    "bulk_create": ("bulk_create", "Make many of the %s", "Makes all records of the list, or none."),
    "bulk_change": (
        "bulk_update",
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
CHANGE_REASON: Schema = {
    **STRING,
    "minLength": 1,
    "maxLength": 1000,
    "description": "Why the registry is changed; logged.",
}
REASONED = component("ChangeReason", "Why the registry is changed.", **{REASON: CHANGE_REASON})
AFFIRMED = array(STRING, "Fields that it is to support with the values that they have after the request.")
NEW_CITATION = component(
    "NewCitationOfRecord",
    "A citation that is made together with the record; one with a `url` is on record already.",
    (),
    article={"anyOf": [STRING, reference("Reference")], "description": "Article that says so, by its slug."},
    start={**COUNT, "description": "Offset of the span's first character in the body."},
    end={"type": "integer", "minimum": 1, "description": "Offset behind the span's last character."},
    sha256={**STRING, "description": "SHA-256 of the span in UTF-8; or give the words as `quotation`."},
    quotation={"description": "The words of the span, in the place of their digest."},
    unquoted_because={"description": "As it was read, of a citation that is on record."},
    verified={"description": "As it was read, of a citation that is on record."},
    supports=array(STRING, "Fields of the record that the span supports."),
    read={
        "type": "object",
        "additionalProperties": STRING,
        "description": "Fields whose values a curator reads out of a span that does not say them, each with a note.",
    },
    url={**STRING, "description": "Address of a citation that is on record."},
    affirms=AFFIRMED,
)
PAPER_KIND = choice(
    "AttestationPaperKind", ["register", "roster", "form", "minutes", "letter", "call"], "How it was said."
)
NEW_ATTESTATION = component(
    "NewAttestationOfRecord",
    "An attestation that is made together with the record; one with a `url` is on record already.",
    (),
    kind=PAPER_KIND,
    party={"anyOf": [STRING, reference("TargetReference")], "description": "Who says it, as `resource/key`."},
    title={**STRING, "description": "Title of the paper; it may be left out for a call."},
    reference={**STRING, "description": "Number of the paper, or address of the register's entry."},
    stated_on={**STRING, "description": "Date of the paper or the call (EDTF)."},
    stated_on_wording={**STRING, "description": "The date in the words of the paper, where they are vague."},
    locator={**STRING, "description": "Page, row or entry in the paper."},
    supports=array(STRING, "Fields of the record of which the party says what they are."),
    url={**STRING, "description": "Address of an attestation that is on record."},
    affirms=AFFIRMED,
    retracted={"type": "boolean", "description": "True takes an attestation that is on record back."},
)
# What is said once for all rows of a file that is imported, in the order of `files.row_evidence.PAPER`.
PAPER_PARAMETERS = tuple(
    OpenApiParameter(f"attestation.{name}", schema, description=about)
    for name, schema, about in (
        (
            "party",
            str,
            "Who says what all rows set, as `resource/key`: each record that is made or changed gets an attestation of"
            " its own. What differs stands in columns of the same names, and `citation.start` and the like.",
        ),
        ("kind", PAPER_KIND, "How it was said."),
        ("title", str, "Title of the paper; it may be left out for a call."),
        ("reference", str, "Number of the paper."),
        ("stated_on", str, "Date of the paper or the call (EDTF)."),
        ("stated_on_wording", str, "The date in the words of the paper, where they are vague."),
    )
)
NEW_EVIDENCE: dict[str, Schema] = {
    "citations": array(NEW_CITATION, "Citations to be made with the record, or affirmed for its new values."),
    "attestations": array(NEW_ATTESTATION, "Attestations to be made with the record, affirmed, or retracted."),
}
NAMED: dict[str, Schema] = {
    "resource": {**STRING, "description": "Resource of the record."},
    "key": {**STRING, "description": "Key of the record."},
}
CHANGES = array(
    component(
        "RecordChange",
        "A record that is changed.",
        ("fields",),
        **NAMED,
        operation=OPERATION,
        fields=array(FIELD_CHANGE, "The fields that change; none where nothing does."),
    ),
    "The records that are changed.",
)
CHANGED = component("RecordChanges", "What a write of many records did, or would do.", changes=CHANGES)
TRIED = component(
    "DryRun",
    "What a write would do.",
    record={"description": "The record as it would be; null where it would be deleted."},
    changes=CHANGES,
)
IMPORTED = component(
    "ImportResult",
    "What an import did, or would do.",
    created={**COUNT, "description": "Records that are made."},
    changed={**COUNT, "description": "Records that are changed."},
    unchanged={**COUNT, "description": "Rows that change nothing."},
    attestations={**COUNT, "description": "Attestations that are made, of records that are made or changed."},
    ignored=array(
        STRING,
        "What of the file is not taken: columns that are only read, by their names; in words, columns without a heading"
        " and other sheets that hold something, empty rows between others, comments.",
    ),
    changes=array(
        component(
            "ImportedRecord",
            "A record that is made or changed by an import.",
            **NAMED,
            operation=OPERATION,
            fields=array(STRING, "Fields that are written."),
        ),
        "The first 500 records that are made or changed.",
    ),
)
IMPORT_JOB = component(
    "ImportJob",
    "An import that goes on behind its answer.",
    id={"type": "string", "format": "uuid", "description": "Identifier."},
    url={**ADDRESS, "description": "Where to see how far it is."},
    resource={**STRING, "description": "The list into which the file is imported."},
    state=choice(
        "ImportJobState",
        list(ImportJob.State.values),
        "`done`: see `result`; `refused`: nothing was written, see `problem`; `failed`: it could not be done, which is"
        " not the file's fault.",
    ),
    dry_run={**BOOLEAN, "description": "Whether nothing is kept."},
    rows={"type": ["integer", "null"], "minimum": 1, "description": "Rows of the file, once it is read."},
    rows_done={**COUNT, "description": "Rows that are checked and written."},
    made_at={**INSTANT, "description": "When the file came."},
    started_at={"type": ["string", "null"], "format": "date-time", "description": "When it was last begun."},
    ended_at={"type": ["string", "null"], "format": "date-time", "description": "When it ended."},
    result=nullable(IMPORTED, "What an import of a shorter file would have been answered with."),
    problem=nullable(PROBLEM, "Why nothing was written, as an import of a shorter file would have been refused."),
)
FILE_FORM = component(
    "ImportFile",
    f"A form with a file. The file alone may be the body, too, as `{CSV}` or `{XLSX}`.",
    **{FILE: {**STRING, "format": "binary", "description": "The file: CSV in UTF-8, or XLSX."}},
)
VERSION: Schema = {**INSTANT, "description": "When the record last changed, as it was read."}
KEYED: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {**STRING, "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    "description": "Key of the request, so that it can be sent again for 24 hours and is done once.",
}
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The `ETag` of the record as it was read, so that nobody's change is lost.",
)


def is_write(view: object) -> TypeGuard[RecordViewSet]:
    """Whether the operation that is being described writes."""
    return hasattr(view, "contract") and getattr(view, "action", None) in ACTIONS


def parameters(view: RecordViewSet) -> list[OpenApiParameter]:
    """Return the parameters and headers of a write."""
    found = [DRY_RUN, LANGUAGE]
    if view.action in ("partial_update", "destroy"):
        found.append(IF_MATCH)
    if view.action == "update":
        about = "The `ETag` of the record as it was read; needed where there is such a record."
        found.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=about))
    if view.action in ("update", "partial_update", "destroy"):
        about = "An `ETag`: refuse where the record is still so. `*`: refuse where there is one; so PUT makes one only."
        found.append(OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description=about))
        found.append(KEY)
    if view.action in ("destroy", "import_file"):
        about = "Why the registry is changed."
        found.append(OpenApiParameter(REASON, str, required=True, description=about))
    if view.action == "import_file":
        found += [parameter for parameter in PAPER_PARAMETERS if parameter.name in view.paper_names()]
    return found


def request(view: RecordViewSet) -> Schema:
    """Return the schema of a write's body, by media type."""
    contract = view.contract()
    name = contract.model.__name__
    if view.action == "import_file":
        return {FileFormParser.media_type: FILE_FORM}
    new, changes = reference(f"New{name}"), reference(f"{name}Changes")
    if f"{name}Changes" not in COMPONENTS:
        COMPONENTS[f"New{name}"] = _record(contract)
        COMPONENTS[f"{name}Changes"] = _record(contract, partial=True)
    key = contract.model.key_field
    seen = component(
        f"{key.capitalize()}Version",
        "Which record is meant, as it was read.",
        **{key: {**STRING, "description": "Key of the record."}, SEEN: VERSION},
    )
    identity = [each for each in contract.identity if contract.inputs[each].is_required]
    match view.action:
        case "create":
            schema = _all_of(new, REASONED, *([{"required": identity}] if identity else []))
        case "update":
            schema = _all_of(new, REASONED)
        case "partial_update":
            schema = _all_of(changes, REASONED)
        case "bulk_create":
            schema = _many(_all_of(new, {"required": identity}) if identity else new)
        case "bulk_change":
            schema = _many(_all_of(changes, seen))
        case _:
            schema = _many(seen)
    return {"application/json": schema}


def responses(view: RecordViewSet, record: Schema) -> dict[int, Any]:
    """Return the schemas of a write's good answers; `record` is that of the record."""
    match view.action:
        case "create":
            return {201: record, 200: TRIED}
        case "update":
            return {201: record, 200: {"anyOf": [record, TRIED]}}
        case "partial_update":
            return {200: {"anyOf": [record, TRIED]}}
        case "destroy":
            return {204: None, 200: TRIED}
        case "bulk_create":
            return {201: CHANGED, 200: CHANGED}
        case "import_file":
            return {200: IMPORTED, 202: IMPORT_JOB}
    return {200: CHANGED}


def _all_of(*schemas: Schema) -> Schema:
    return {"allOf": list(schemas)}


def _many(item: Schema) -> Schema:
    items = {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": item, "description": "The records."}
    return {"type": "object", "required": [REASON, ITEMS], "properties": {REASON: CHANGE_REASON, ITEMS: items}}


def _record(contract: Contract, *, partial: bool = False) -> Schema:
    properties = {name: member(item) for name, item in contract.inputs.items()}
    properties |= {name: _party(item) for name, item in contract.parties.items()}
    properties |= {name: NEW_EVIDENCE[name] for name in contract.evidence}
    schema = {
        "type": "object",
        "description": "What is written of a record. Members that are only read may stand beside, unchanged.",
        "properties": properties,
    }
    # A key is given by the address, where a record is replaced.
    if required := [
        name for name, item in contract.inputs.items() if item.is_required and name not in contract.identity
    ]:
        schema["required"] = required
    if partial:
        schema.pop("required", None)
    return schema


def member(item: Input) -> Schema:
    """Return the schema of a member of a body."""
    about = str(getattr(item.field, "help_text", "") or "The record, as `resource/key`.")
    key = [STRING, reference("TargetReference" if item.is_target else "Reference")]
    if item.is_many:
        return array({"anyOf": key}, about)
    if item.is_target or item.is_reference:
        return {
            "anyOf": [*key, {"type": "null"}] if item.is_reference and item.field.null else key,
            "description": about,
        }
    return {**_value(item.field), "description": about}


def _party(item: PartyInput) -> Schema:
    keys, resources = (", ".join(f"`{name}`" for name in names) for names in ([k.name for k in item.keys], item.models))
    about = f"One of the {resources}, as `resource/key`. Sets one of {keys} and empties the others; null empties all."
    return {"anyOf": [STRING, reference("TargetReference"), {"type": "null"}], "description": about}


def _value(field: Any) -> Schema:
    match field:
        case ArrayField():
            return {"type": "array", "items": _value(field.base_field)}
        case models.IntegerField():
            schema: Schema = {"type": "integer"}
        case models.DecimalField():
            schema = {"type": "number"}
        case models.BooleanField():
            return dict(BOOLEAN)
        case _:
            schema = {"type": "string", **({"maxLength": field.max_length} if field.max_length else {})}
            if not field.blank:
                schema["minLength"] = 1
    if field.choices:
        return {
            "type": schema["type"],
            "enum": [*(value for value, _label in field.flatchoices), *([""] if field.blank else [])],
            "x-choices": field.flatchoices,
        } | ({"type": [schema["type"], "null"]} if field.null else {})
    if field.null:
        schema["type"] = [schema["type"], "null"]
    return schema
