"""Parameters of lists and records in the OpenAPI document, in the order in which one comes to need them."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from apps.common.filters.base import ChoiceFilter, Filter
from apps.common.filters.sets import facetable, filters_of
from apps.common.http.formats import LIST_FORMATS, RECORD_FORMATS
from apps.common.openapi.components import BOOLEAN, STRING, Schema
from apps.common.reading.order import DEFAULT_SIZE, MAX_SIZE
from apps.common.resources.views import RecordViewSet

STRINGS: Schema = {"type": "array", "items": STRING}
DAY: Schema = {"type": "string", "format": "date"}

# The order in the document: words, place, kind, status and dates, other filters, and what shapes the answer at the end.
FIRST = (
    *("resource", "key", "name", "request_id", "message", "id"),
    *("dry_run", "change_reason", "q", "written_as", "within", "district", "street", "neighbourhood", "committee"),
    *("attestation.party", "attestation.kind", "attestation.title", "attestation.reference"),
    *("attestation.stated_on", "attestation.stated_on_wording"),
    *("kind", "category", "scheme", "role", "operation", "status", "state"),
)
DATES = ("year", "since", "after", "before", "_after", "_before")
LAST = (
    *("article", "updated_after", "updated_before", "as_of", "known_at"),
    *("facets", "count", "expand", "fields", "labels", "sort", "page_size", "cursor", "format"),
    *("If-Match", "If-None-Match", "Idempotency-Key", "Accept-Language"),
)


def place_of(parameter: Schema) -> tuple[int, int]:
    """Return the place of a parameter among those of its operation; equals stay as they are."""
    name = parameter["name"]
    if parameter["in"] == "path":
        return 0, FIRST.index(name) if name in FIRST else 0
    if name in FIRST:
        return 1, FIRST.index(name)
    if name in LAST:
        return 4, LAST.index(name)
    return (2 if name.endswith(DATES) else 3), 0


LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description="Language of labels and errors: `zh-Hans` (default) or `en`. Data are never translated.",
)
DRY_RUN = OpenApiParameter(
    "dry_run", bool, default=False, description="Check everything, keep nothing, and tell what would change."
)
CURSOR = OpenApiParameter(
    "cursor", str, description="Opaque place of a page, `next_cursor` or `previous_cursor` of another page."
)
PAGE_SIZE = OpenApiParameter(
    "page_size",
    {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
    description="How many stand on a page.",
)
KEY = OpenApiParameter(
    "key", str, OpenApiParameter.PATH, description="Official code of a division; slug of anything else."
)
AS_OF = OpenApiParameter("as_of", DAY, description="What was true on this day, such as 2013-06-27.")
LABELS = OpenApiParameter(
    "labels",
    bool,
    default=False,
    description="Give the labels of choices too, as `…_label`, by `Accept-Language`.",
)
# Parameters of every list and of every record.
READ_PARAMETERS = (
    OpenApiParameter(
        "fields",
        STRINGS,
        description="Names of the fields to be given; all without it. Fields that are not named are absent, also those"
        " that the schema of the answer requires: a client that asks for some reads all fields as optional.",
    ),
    LABELS,
    AS_OF,
    OpenApiParameter(
        "known_at",
        {"type": "string", "format": "date-time"},
        description="What the registry knew at this instant, such as 2026-01-31T08:00:00Z, whatever was changed since.",
    ),
    LANGUAGE,
)


def format_parameter(*formats: str) -> OpenApiParameter:
    """Return the parameter that names the format of the answer, of which JSON is the first."""
    about = "Format of the answer; without it, `Accept` decides."
    if "csv" in formats:
        about += " `csv`, `xlsx` and `ndjson` give the whole list at once, without paging."
    return OpenApiParameter("format", str, enum=formats or ["json"], default="json", description=about)


def read_parameters(view: RecordViewSet, *, is_list: bool) -> list[OpenApiParameter]:
    """Return the parameters of a list or of a record but for the filters, and for the pages of a list."""
    names = ", ".join(f"`{name}`" for name in view.get_serializer_class().expandable())
    about = (
        "References that are given with the whole record, beside its key, name and address; a dot goes one step"
        f" deeper. There are: {names}."
    )
    return [
        *READ_PARAMETERS,
        format_parameter(*(LIST_FORMATS if is_list else RECORD_FORMATS)),
        *([OpenApiParameter("expand", STRINGS, description=about)] if names else []),
        *([] if is_list else [KEY]),
    ]


def filter_parameters(filters: dict[str, Filter]) -> list[Schema]:
    """Return the filters of a list; a choice says by its class which one it is."""
    found = []
    for name, item in sorted(filters.items()):
        schema = item.describe()
        if isinstance(item, ChoiceFilter):
            schema = {**schema, "items": {**schema["items"], "x-choices": item.choices}}
        found.append(_parameter(name, schema, item.help_text))
    return found


def page_parameters(view: RecordViewSet) -> list[Schema]:
    """Return the parameters of paging and sorting."""
    keys = ", ".join(f"`{key}`" for key in sorted(view.sortable))
    names = facetable(filters_of(view))
    facets = {"type": "array", "items": {"type": "string", "enum": names}}
    return [
        _parameter("cursor", STRING, CURSOR.description),
        _parameter("page_size", PAGE_SIZE.type, PAGE_SIZE.description),
        _parameter("count", {**BOOLEAN, "default": False}, "Count the matching records, up to 10,000."),
        _parameter(
            "sort",
            {**STRINGS, "default": [view.default_sort]},
            f"Keys, each with `-` before it to descend: {keys}. Ties are broken by the record's key.",
        ),
        *(
            [
                _parameter(
                    "facets", facets, "Count the records that the filters leave by the values of these parameters."
                )
            ]
            if names
            else []
        ),
    ]


def _parameter(name: str, schema: Any, description: Any) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def finish_parameter(parameter: Schema) -> None:
    """Say of a list how it is written: repeated, or in one with commas."""
    if parameter["schema"].get("type") == "array":
        parameter |= {"style": "form", "explode": True}
