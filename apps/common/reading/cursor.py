"""The cursor of a page: the sort values of its boundary, signed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.core import signing
from django.utils.http import urlencode
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import parameter_error
from apps.common.reading.order import Order

# Without a time: the same page has the same cursors as long as the data are the same, for its ETag says so.
# Of characters that stand in an address as they are.
SIGNER = signing.Signer(salt="apps.common.paging", sep="~")
DIRECTIONS = "np"  # to the next page, to the previous one
# What shapes an answer without choosing or ordering its rows: a cursor serves whatever these are.
FREE = frozenset({"cursor", "page_size", "count", "fields", "expand", "labels", "facets", "format"})


class PagePosition(NamedTuple):
    """Where a page begins: behind the row with these sort values, or, read backwards, with that row."""

    values: tuple[str | None, ...]
    backwards: bool
    token: str


def opened(text: str) -> tuple[int, str, list[str | None]]:
    """Return direction, digest and sort values of a cursor. Raises ParameterError for one that is not ours."""
    try:
        direction = DIRECTIONS.index(text[:1])
        made_for, *values = SIGNER.unsign_object(text[1:])
    except (signing.BadSignature, ValueError) as error:
        raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
    return direction, made_for, values


def read_place(text: str, filters: str, order: Order) -> PagePosition:
    """Return where the page of a cursor begins in the list with this `digest`; raise ParameterError."""
    direction, made_for, values = opened(text)
    if made_for != filters or len(values) != len(order):
        raise parameter_error(
            "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
        )
    return PagePosition(tuple(values), bool(direction), text[1:])


def boundary(filters: str, values: Sequence[str | None]) -> str:
    """Return the token of the boundary behind the row with these sort values, as SQL's texts (see `read_place`)."""
    # Not compressed, which takes longer than all else here and would save a few characters.
    token: str = SIGNER.sign_object([filters, *values])
    return token


def cursor(token: str, *, backwards: bool) -> str:
    """Return the cursor of the page behind a boundary, or of the one that ends at it."""
    return DIRECTIONS[backwards] + token


def link(params: Mapping[str, str], path: str, cursor: str) -> str:
    """Return the address of the page of a cursor."""
    query = [(name, value) for name, value in params.items() if name not in ("count", "facets")]
    before = f"{urlencode(query)}&" if query else ""
    return f"{path}?{before}cursor={cursor}"


def following_page(request: Request, cursor: str | None) -> dict[str, str | None]:
    """Return the members by which a page that has no way back names the next one; None where it is the last."""
    if cursor is None:
        return {"next": None, "next_cursor": None}
    query = urlencode({**request.query_params.dict(), "cursor": cursor})
    return {"next": f"{request.path}?{query}", "next_cursor": cursor}


def digest(params: Mapping[str, str], path: str) -> str:
    """Return what ties a cursor to the list it was made for."""
    kept = sorted((name, value) for name, value in params.items() if name not in FREE)
    return hashlib.sha256(repr((path, kept)).encode()).hexdigest()[:12]
