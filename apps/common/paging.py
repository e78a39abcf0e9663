"""Keyset paging: a page begins behind the last row of the one before, however deep, without OFFSET or COUNT.

The cursor is opaque and signed: it holds the sort order, the sort values of the row it stands at, the direction, and a
digest of the filters it was made for.
"""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from django.core import signing
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.http import urlencode
from django.utils.translation import gettext
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import nearest, parameter_error

DEFAULT_SIZE = 50
MAX_SIZE = 200
COUNT_CAP = 10_000
SALT = "apps.common.paging"

Order = list[tuple[str, bool]]  # column and whether it descends


class KeysetPagination(BasePagination):
    """Pages of a list. The view says by which keys it can be sorted (`sortable`, `default_sort`)."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page that the request asks for."""
        self.request = request
        self.size = self._size(request)
        self.sort = request.query_params.get("sort", view.default_sort)
        order = self._order(self.sort, view)
        position, backwards = self._read_cursor(order)
        self.count = _capped_count(queryset) if request.query_params.get("count") == "true" else None
        if position is not None:
            queryset = queryset.filter(_behind(order, position, backwards))
        rows = list(queryset.order_by(*_order_by(order, backwards))[: self.size + 1])
        more = len(rows) > self.size
        rows = rows[: self.size]
        if backwards:
            rows.reverse()
        has_next, has_previous = (position is not None, more) if backwards else (more, position is not None)
        self.next = self._link(order, rows[-1], "n") if rows and has_next else None
        self.previous = self._link(order, rows[0], "p") if rows and has_previous else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap the rows of a page, with links in the body and in the `Link` header (RFC 8288)."""
        body: dict[str, Any] = {"results": data, "next": self.next, "previous": self.previous}
        if self.count is not None:
            body |= {"count": min(self.count, COUNT_CAP), "count_is_exact": self.count <= COUNT_CAP}
        links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", self.next), ("prev", self.previous)) if url]
        return Response(body, headers={"Link": ", ".join(links)} if links else None)

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
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the OpenAPI parameters of paging and sorting."""
        keys = sorted(view.sortable)
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
                {"type": "string", "default": view.default_sort},
                f"Comma-separated keys, each with `-` before it to descend: {', '.join(f'`{key}`' for key in keys)}."
                " Ties are broken by the record's key.",
            ),
        ]

    def _size(self, request: Request) -> int:
        text = request.query_params.get("page_size", str(DEFAULT_SIZE))
        if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_SIZE):
            raise parameter_error(
                "page_size", gettext("page_size is a whole number from 1 to %(max)s.") % {"max": MAX_SIZE}
            )
        return int(text)

    def _order(self, sort: str, view: Any) -> Order:
        """Turn the sort parameter into columns, the record's key last."""
        order: Order = []
        for item in sort.split(","):
            name, descends = item.removeprefix("-"), item.startswith("-")
            if name not in view.sortable:
                detail = gettext("One cannot sort by “%(name)s”.") % {"name": name} + nearest(name, view.sortable)
                raise parameter_error("sort", detail)
            if view.sortable[name] in [column for column, _descends in order]:
                raise parameter_error("sort", gettext("“%(name)s” is given more than once.") % {"name": name})
            order.append((view.sortable[name], descends))
        tie_breaker = view.queryset.model.key_field
        if tie_breaker not in [column for column, _descends in order]:
            order.append((tie_breaker, False))
        return order

    def _filters_digest(self) -> str:
        """Return what ties a cursor to the list it was made for: all parameters but the place and size of the page."""
        kept = sorted(
            (name, value)
            for name, value in self.request.query_params.items()
            if name not in ("cursor", "page_size", "count", "fields", "expand", "labels")
        )
        return hashlib.sha256(repr((self.request.path, kept)).encode()).hexdigest()[:12]

    def _link(self, order: Order, row: Model, direction: str) -> str:
        values = [getattr(row, column) for column, _descends in order]
        plain = [str(value) if isinstance(value, date | Decimal) else value for value in values]
        cursor = signing.dumps([direction, self._filters_digest(), *plain], salt=SALT, compress=True)
        query: dict[str, Any] = {
            name: value for name, value in self.request.query_params.items() if name not in ("cursor", "count")
        }
        return f"{self.request.path}?{urlencode({**query, 'cursor': cursor})}"

    def _read_cursor(self, order: Order) -> tuple[list[Any] | None, bool]:
        text = self.request.query_params.get("cursor")
        if text is None:
            return None, False
        try:
            direction, digest, *values = signing.loads(text, salt=SALT)
        except (signing.BadSignature, ValueError) as error:
            raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
        if digest != self._filters_digest() or len(values) != len(order):
            raise parameter_error(
                "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
            )
        return values, direction == "p"


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _order_by(order: Order, backwards: bool) -> list[OrderBy]:
    """Return the ORDER BY of a list, in which NULL is last whatever the direction, or of the list read backwards."""
    return [
        OrderBy(
            F(column), descending=descends != backwards, nulls_first=backwards or None, nulls_last=not backwards or None
        )
        for column, descends in order
    ]


def _behind(order: Order, position: list[Any], backwards: bool) -> Q:
    """Return the condition for the rows that come behind a position in the order of `_order_by`."""
    condition = Q()
    equal_so_far = Q()
    for (column, descends), value in zip(order, position, strict=True):
        if value is None:
            beyond = Q(**{f"{column}__isnull": False}) if backwards else Q(pk__in=[])
            equal = Q(**{f"{column}__isnull": True})
        else:
            beyond = Q(**{f"{column}__{'lt' if descends != backwards else 'gt'}": value})
            if not backwards:
                beyond |= Q(**{f"{column}__isnull": True})
            equal = Q(**{column: value})
        condition |= equal_so_far & beyond
        equal_so_far &= equal
    return condition


def _capped_count(queryset: QuerySet[Any]) -> int:
    return queryset.order_by()[: COUNT_CAP + 1].count()
