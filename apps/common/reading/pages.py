"""Lists and details as they are answered: a request becomes a shape and values, the shape a statement, that an answer.

Nothing of Django REST framework runs here, and no row passes through Python: PostgreSQL writes the JSON of each record
(`serializers.compiler`), and what is left to do is to put a page together.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.http import Http404

from apps.common.filters.sets import filters_of
from apps.common.http.problems import ParameterError
from apps.common.reading.cursor import boundary, cursor, link
from apps.common.reading.known_at import everything
from apps.common.reading.page_sql import PageStatement, detail_statement, page_statement, whole_check
from apps.common.reading.read_request import ReadRequest
from apps.common.sql.statement import Statement

# From a request to an answer


class Detail(NamedTuple):
    """One record as JSON, the data version that it shows, and the version of the record itself."""

    body: bytes
    version: str
    record: str


def detail(request: ReadRequest) -> Detail:
    """Return one record; raise Http404 if there is none that the reader may see."""
    statement: Statement = detail_statement(request)
    rows = statement.cells(request.values)
    if later := _overtaken(request, rows[0][1] if rows else None):
        return detail(later)
    if not rows:
        raise Http404
    body, version, record = rows[0]
    return Detail(body or b"", (version or b"").decode(), (record or b"").decode())


def _overtaken(request: ReadRequest, version: bytes | None) -> ReadRequest | None:
    """Return the request that is to be answered instead, where tables may have changed since the last look at them.

    Where they changed again within the request, all of them count as changed.
    """
    moment = request.moment
    if moment is None or version == moment.version.encode() or moment.changed == everything():
        return None
    return request.at_present() if moment.is_kept else request.with_all_changed()


@dataclass(frozen=True)
class Page:
    """A page as JSON, the data version that it shows, and the addresses of its neighbours."""

    body: bytes
    version: str
    next: str | None
    previous: str | None


def page(request: ReadRequest) -> Page:
    """Return one page of a list; raise ParameterError where a filter names what there is not."""
    shape = request.shape
    made: PageStatement = page_statement(request)
    (row,) = made.statement.cells(request.values)
    if later := _overtaken(request, row[0]):
        return page(later)
    width = 1 + len(made.checked) + bool(shape.count) + len(shape.facets)
    asides = _read_asides(request, made.checked, row[1:width])
    records, counted, *end = row[width:]
    found = int(counted or 0)
    backwards = bool(shape.place and shape.place[0])
    # The page on the other side of the boundary at which this one begins, and the one behind its end.
    back = cursor(request.token, backwards=not backwards) if shape.place and found else None
    on = None
    if found > shape.size:
        values = [None if value is None else value.decode() for value in end]
        on = cursor(boundary(request.digest, values), backwards=backwards)
    cursors = (back, on) if backwards else (on, back)
    following, preceding = (link(request.params, request.path, each) if each else None for each in cursors)
    links = {"next": following, "previous": preceding, "next_cursor": cursors[0], "previous_cursor": cursors[1]}
    tail = json.dumps({**links, **asides}, ensure_ascii=False).encode()
    body = b'{"results":[' + (records or b"") + b"]," + tail[1:]
    return Page(body, (row[0] or b"").decode(), following, preceding)


def _read_asides(request: ReadRequest, names: tuple[str, ...], texts: list[bytes | None]) -> dict[str, object]:
    """Return what was asked about the whole list; raise ParameterError where a filter named what there is not."""
    shape = request.shape
    values = [json.loads(text or b"null") for text in texts]
    _refuse(request, names, values)
    found: dict[str, object] = {}
    if shape.count:
        counted = values[len(names)]
        found = {"count": min(counted, shape.count), "count_is_exact": counted <= shape.count}
    if shape.facets:
        found["facets"] = dict(zip(shape.facets, values[-len(shape.facets) :], strict=True))
    return found


def _refuse(request: ReadRequest, names: tuple[str, ...], asides: Sequence[list[str] | None]) -> None:
    """Raise ParameterError where a filter named what there is not."""
    wrong = [(name, unknown) for name, unknown in zip(names, asides, strict=False) if unknown]
    if wrong:
        filters, viewer = filters_of(request.shape.view), request.shape.viewer
        details = [(name, filters[name].refuse(unknown, viewer, request.values)) for name, unknown in wrong]
        raise ParameterError(
            [{"parameter": name, "code": "invalid_parameter", "detail": detail} for name, detail in details]
        )


def check_whole(request: ReadRequest, most: int = 0) -> int:
    """Raise ParameterError where a filter of a whole list names what there is not.

    Return how many rows the list has, counted up to one more than `most`; without `most`, nothing is counted.
    """
    made: PageStatement = whole_check(request, most)
    if not (made.checked or most):
        return 0
    (row,) = made.statement.rows(request.values)
    _refuse(request, made.checked, row)
    return int(row[-1]) if most else 0
