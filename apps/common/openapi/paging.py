"""The envelope of a page, for the OpenAPI document. Alone, since Django REST framework reads it before any view is."""

from rest_framework.pagination import BasePagination

from apps.common.openapi.components import BOOLEAN, FACETS, NEXT, NEXT_CURSOR, Schema
from apps.common.reading.order import COUNT_CAP


class PageSchema(BasePagination):
    """What the OpenAPI document says of pages; `reading` makes them."""

    def get_paginated_response_schema(self, schema: Schema) -> Schema:
        """Return the OpenAPI schema of a page."""
        return {
            "type": "object",
            "description": "A page of a list.",
            "required": ["results", "next", "previous", "next_cursor", "previous_cursor"],
            "properties": {
                "results": schema,
                "next": NEXT,
                "previous": {**NEXT, "description": "Address of the page before, or null on the first one."},
                "next_cursor": NEXT_CURSOR,
                "previous_cursor": {
                    **NEXT_CURSOR,
                    "description": "`cursor` of the page before, or null on the first one.",
                },
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": COUNT_CAP,
                    "description": "With `count=true`: how many records match, counted up to 10,000.",
                },
                "count_is_exact": {
                    **BOOLEAN,
                    "description": "With `count=true`: false where there are more records than were counted.",
                },
                "facets": FACETS,
            },
        }
