"""Parameters and envelope of a page, for the OpenAPI document."""

from typing import TYPE_CHECKING, Any, cast

from rest_framework.pagination import BasePagination
from rest_framework.views import APIView

from apps.common.filters.sets import facetable, filters_of
from apps.common.reading.order import COUNT_CAP, DEFAULT_SIZE, MAX_SIZE

if TYPE_CHECKING:
    from apps.common.resources.views import RecordViewSet

FACET = {
    "type": "object",
    "required": ["value", "count"],
    "properties": {
        "value": {"type": ["string", "null"], "description": "Value, as the parameter takes it."},
        "name": {"type": ["string", "null"], "description": "Name of the record whose key the value is."},
        "label": {"type": "string", "description": "With `labels=true`: label of the choice."},
        "count": {"type": "integer", "minimum": 1, "description": "Records with the value."},
    },
}


class PageSchema(BasePagination):
    """What the OpenAPI document says of pages; `reading` makes them."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the OpenAPI schema of a page."""
        link = {"type": ["string", "null"], "format": "uri-reference"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": {**schema, "description": "The records of the page."},
                "next": {**link, "description": "Address of the next page, or null on the last one."},
                "previous": {**link, "description": "Address of the page before, or null on the first one."},
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": COUNT_CAP,
                    "description": "With `count=true`: how many records match, counted up to 10,000.",
                },
                "count_is_exact": {
                    "type": "boolean",
                    "description": "With `count=true`: false where there are more records than were counted.",
                },
                "facets": {
                    "type": "object",
                    "description": "With `facets=…`: for each parameter that is named, how many of the records that the"
                    " filters leave have which value, the most frequent first; null stands for none. At most 100.",
                    "additionalProperties": {"type": "array", "items": FACET},
                },
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Return the OpenAPI parameters of paging and sorting."""
        viewset = cast("RecordViewSet", view)
        keys = sorted(viewset.sortable)
        return [
            _parameter("cursor", {"type": "string"}, "Opaque place of a page, taken from `next` or `previous`."),
            _parameter(
                "page_size",
                {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
                "Records a page.",
            ),
            _parameter("count", {"type": "boolean", "default": False}, "Count the matching records, up to 10,000."),
            _parameter(
                "sort",
                {"type": "string", "default": viewset.default_sort},
                f"Comma-separated keys, each with `-` before it to descend: {', '.join(f'`{key}`' for key in keys)}."
                " Ties are broken by the record's key.",
            ),
            *(
                [
                    _parameter(
                        "facets",
                        {"type": "array", "items": {"type": "string", "enum": names}},
                        "Count the records that the filters leave by the values of these parameters.",
                    )
                ]
                if (names := facetable(filters_of(view)))
                else []
            ),
        ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
