"""What every operation may be answered with beside what it is there for: problems, headers, other formats.

Each stands once, among the components, and by reference where it is used.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from rest_framework.views import APIView

from apps.common.http.formats import EXPORTS, FORMATS
from apps.common.http.problem_answers import CONTENT_TYPE
from apps.common.http.problems import PROBLEMS
from apps.common.models.records import Record
from apps.common.openapi.components import ADDRESS, PROBLEM, STRING, Schema, component, labelled
from apps.common.reading.answer_cache import CachedReads
from apps.common.resources.action_views import action_of
from apps.common.resources.views import RecordViewSet

HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "Identifier of the request: the client's own, or one that was made.",
        "schema": STRING,
    },
    "X-Change-ID": {
        "description": "The service's own identifier of a request that may write, by which its changes are known.",
        "schema": STRING,
    },
    "ETag": {
        "description": "Version of the answer, for `If-None-Match`; of a record, for `If-Match`.",
        "schema": STRING,
    },
    "Location": {"description": "Address of what was made, or of what is to be read instead.", "schema": ADDRESS},
    "Link": {
        "description": "The pages before and behind, what describes the service, the licence of the data (RFC 8288).",
        "schema": STRING,
    },
    "Content-Disposition": {"description": "Name of the file, of an answer that is one.", "schema": STRING},
    "Idempotent-Replayed": {
        "description": "`true` where the answer is that of an earlier request with the same idempotency key.",
        "schema": STRING,
    },
    "RateLimit": {
        "description": "Requests that are left, and seconds until there are new ones; where they are counted.",
        "schema": STRING,
    },
    "RateLimit-Policy": {
        "description": "Requests in so many seconds; where they are counted.",
        "schema": STRING,
    },
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "How to say who one is.", "schema": STRING},
}
ALWAYS = ("X-Request-ID", "RateLimit", "RateLimit-Policy")
# Of problems, by status.
PROBLEM_HEADERS = {401: ("WWW-Authenticate",), 409: ("Retry-After",), 429: ("Retry-After",), 503: ("Retry-After",)}

COSTLY = (
    "A costly read takes one of a few places, unless its answer is kept; for want of one it is `busy`. `x-costly` says"
    " of an operation whether it is costly always or with which parameters, and as a file."
)

# Told from a page or a record by what it has to have.
_LINKED: dict[str, Schema] = {
    "@context": {"description": "What the terms mean."},
    "@graph": {"type": "array", "items": {"type": "object"}, "description": "The records, of a list."},
}
# What answers in other formats than JSON are.
CONTENTS: dict[str, Schema] = {
    "jsonld": component("LinkedData", "Linked data (JSON-LD 1.1).", ("@graph",), **_LINKED),
    "csv": {
        **STRING,
        "description": "The whole list as CSV (RFC 4180), UTF-8, the names of the columns in the first line.",
    },
    "xlsx": {
        **STRING,
        "contentMediaType": FORMATS["xlsx"].media_type,
        "description": "The whole list as a spreadsheet; a second sheet says what the columns are.",
    },
    "ndjson": {**STRING, "description": "The whole list, one record a line, each as in JSON."},
}


def _pascal(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_"))


def headers(names: Iterable[str]) -> Schema:
    """Return headers by reference."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


@cache
def _problems() -> dict[int, tuple[str, Schema]]:
    """Return the answers that are problems, each with its name, by status: one for all codes of a status."""
    found: dict[int, tuple[str, Schema]] = {}
    for status in sorted({status for status, _title in PROBLEMS.values()}):
        codes = [(code, title) for code, (each, title) in PROBLEMS.items() if each == status]
        about = str(codes[0][1]) if len(codes) == 1 else labelled(codes)
        about += f"\n\n{COSTLY}" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
        found[status] = (
            _pascal(codes[0][0]),
            {
                "description": about,
                "headers": headers((*ALWAYS, "X-Change-ID", *PROBLEM_HEADERS.get(status, ()))),
                "content": {CONTENT_TYPE: {"schema": PROBLEM}},
            },
        )
    return found


def responses() -> dict[str, Schema]:
    """Return the shared answers by name; those that no operation gives are left out of the document."""
    elsewhere = headers(("X-Request-ID", "Location"))
    return {
        **dict(_problems().values()),
        "NotModified": {
            "description": "The answer is still the one whose `ETag` stands in `If-None-Match`.",
            "headers": headers(("X-Request-ID", "ETag")),
        },
        "MovedPermanently": {"description": "The record was merged into another one.", "headers": elsewhere},
    }


def complete(operation: Schema, view: APIView, method: str, path: str) -> None:
    """Add to an operation what it may be answered with, and the headers of its good answers."""
    answers = operation["responses"]
    refused = {int(status) for status in answers if int(status) >= HTTPStatus.BAD_REQUEST}
    for status in refused:
        del answers[str(status)]
    for status, answer in answers.items():
        answer["description"] = answer.get("description") or "The answer."
        answer["headers"] = headers(_headers_of(operation, view, method, path, int(status)))
    _add_formats(operation)
    names = {status: name for status, (name, _answer) in _problems().items()}
    for status in sorted(refused | set(_statuses(operation, view, method, path))):
        answers[str(status)] = {"$ref": f"#/components/responses/{names[status]}"}
    if method == "GET" and isinstance(view, CachedReads):
        answers["304"] = {"$ref": "#/components/responses/NotModified"}
    if isinstance(view, RecordViewSet) and view.action == "retrieve" and issubclass(view.queryset.model, Record):
        answers["301"] = {"$ref": "#/components/responses/MovedPermanently"}


def _statuses(operation: Schema, view: APIView, method: str, path: str) -> Iterable[int]:
    """Yield the statuses of the problems that follow from what an operation takes."""
    yield from (400, 401, 406, 429, 500, 503)
    if "{" in path:
        yield 404
    if "requestBody" in operation:
        yield from (411, 413, 415)
    if method == "POST":
        yield from (409, 422)  # each takes an idempotency key
    if method != "GET":
        yield 403
    if method == "POST" and hasattr(view, "contract"):
        yield 412  # where a condition is given
    conditional = any(given["name"] == "If-Match" for given in operation.get("parameters", ())) and method != "POST"
    if conditional or getattr(view, "action", "") in ("bulk_change", "bulk_delete"):  # whose items give their version
        yield from (409, 412, 428)


def _headers_of(operation: Schema, view: APIView, method: str, path: str, status: int) -> list[str]:
    """Return the names of the headers of a good answer."""
    taken = {given["name"]: given for given in operation.get("parameters", ())}
    found = list(ALWAYS)
    if method != "GET":
        found.append("X-Change-ID")
    if method == "POST":
        found.append("Idempotent-Replayed")
    if isinstance(view, CachedReads) and method == "GET":
        found.append("ETag")
    is_change = path.endswith("}") and method in ("PUT", "PATCH")
    if hasattr(view, "contract") and status in (200, 201) and (is_change or action_of(view)):
        found.append("ETag")
    if status == 201 and not path.endswith("/bulk"):
        found += ["Location"] if "ETag" in found or not hasattr(view, "contract") else ["ETag", "Location"]
    if status == 202 and getattr(view, "action", "") == "import_file":
        found += ["Location", "Retry-After"]
    if "cursor" in taken and isinstance(view, RecordViewSet):
        found.append("Link")
    if any(form in _formats(taken) for form in ("graphml", *EXPORTS)):
        found.append("Content-Disposition")
    return [*found, *getattr(view, "told_headers", {}).get(status, ())]


def _formats(parameters: Mapping[str, Any]) -> list[str]:
    return parameters["format"]["schema"].get("enum", []) if "format" in parameters else []


def _add_formats(operation: Schema) -> None:
    """Add to an operation what it answers in the formats that it knows."""
    for name in _formats({given["name"]: given for given in operation.get("parameters", ())}):
        if name in CONTENTS:
            operation["responses"]["200"]["content"][FORMATS[name].media_type] = {"schema": CONTENTS[name]}
