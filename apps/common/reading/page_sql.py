"""The statements of a detail, a page and a whole list."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from django.db.models import CharField, Count, DateField, F, Q, TextField, Value
from django.db.models.functions import NullIf

from apps.common.filters.base import ChoiceFilter, KeyFilter
from apps.common.filters.sets import filters_of
from apps.common.models.records import Citable, RecordQuerySet
from apps.common.reading.data_version import VERSION
from apps.common.reading.known_at import known_at
from apps.common.reading.order import field_of, order_by
from apps.common.reading.read_request import ReadRequest, RequestShape
from apps.common.reading.record_version import row_version
from apps.common.reading.rows import filtered_rows, is_kept, is_weighed, parameters_of, placed_rows, visible_rows
from apps.common.reading.search_plan import weighed_rows
from apps.common.rules.territory import shared
from apps.common.serializers.compiler import Compilation, SqlRow, is_partly_hidden, json_of
from apps.common.serializers.json_sql import choice_label
from apps.common.serializers.quoting import IN_FILES
from apps.common.serializers.records import RecordSerializer
from apps.common.sql.slots import Parameter, text_of
from apps.common.sql.statement import Statement, kept

FACET_VALUES = 100


# From a shape to a statement


def _serializer(shape: RequestShape) -> RecordSerializer:
    context = {"labels": shape.labels, "expand": shape.expand, "fields": shape.fields}
    return shape.serializer(context=context)


def _compilation(request: ReadRequest, *, in_file: bool = False) -> Compilation:
    shape = request.shape
    day = Parameter("as_of", DateField()) if shape.as_of else None
    quoting = IN_FILES if in_file else shape.quoting
    return Compilation(shape.viewer, day, past=shape.known_at, quoting=quoting)


# What of a shape chooses and orders rows, and says nothing of how one is shown.
CHOOSING: dict[str, Any] = {
    "asked": frozenset(),
    "filters": (),
    "order": (),
    "place": None,
    "size": 0,
    "count": 0,
    "facets": (),
}


class ShownRow(NamedTuple):
    """A row, and SQL for its JSON."""

    row: SqlRow
    body: str


def _shown(request: ReadRequest) -> ShownRow:
    """Return a row of the request's own, and its JSON, which takes longer to write than all else of a statement."""
    row, body = _shown_alike(request)
    return ShownRow(row.again(), body)


@kept(lambda request: ("shown", replace(request.shape, **CHOOSING)))
def _shown_alike(request: ReadRequest) -> ShownRow:
    row = SqlRow(_compilation(request), request.shape.view.queryset.model)
    return ShownRow(row, json_of(_serializer(request.shape), row))


def statement(request: ReadRequest, text: str, *, found: str = "", plan_is_kept: bool = True) -> Statement:
    """Return the statement of a text, over the tables as they were at the instant that is asked for, if one is.

    `found`: the query of a list, to whose one row the text refers as `found`.
    """
    shape = request.shape
    text = shared(text, shape.viewer)
    if request.changed is not None:
        then = (Parameter("known_at"), request.changed, shape.viewer)
        found = found and known_at(shared(found, shape.viewer), *then)
        text = known_at(text, *then, of_one=bool(found) or shape.is_of_one, found=found)
    return Statement(text, plan_is_kept=plan_is_kept)


@kept(lambda request: ("detail", request.shape, request.changed))
def detail_statement(request: ReadRequest) -> Statement:
    row, body = _shown(request)
    rows = visible_rows(request).order_by().filter(**{request.shape.view.queryset.model.key_field: Parameter("key")})
    version = row_version(row.model, row.column)
    return statement(request, f"SELECT {body}, ({VERSION}), {version} FROM {row.source(rows)}")


class PageStatement(NamedTuple):
    """The statement of a page, and the filters whose keys it checks, in the order of its columns."""

    statement: Statement
    checked: tuple[str, ...]


@kept(lambda request: ("page", request.shape, tuple(request.values), request.changed))
def page_statement(request: ReadRequest) -> PageStatement:
    """Return the statement of a page.

    Its one row is: the data version, what is asked about the whole list (unknown keys, count, facets), the JSON of the
    records with commas between them, how many rows were found (one more than the page has, where there is more), and
    the sort values of the row behind which the next boundary lies: the last of the page, or, read backwards, the one
    beyond. Rows are chosen in a subquery, so that only those
    of the page are written as JSON.
    """
    shape = request.shape
    rows = filtered_rows(request)
    missing = dict(_missing(request))
    asides = _asides(request, rows)
    page = weighed_rows(request, rows) if is_weighed(request) else placed_rows(shape, rows)[: shape.size + 1]
    row, shown = _shown(request)
    place = f"{row.alias}.place"
    backwards = bool(shape.place and shape.place[0])
    turned = f" ORDER BY {place} DESC" if backwards else ""
    body = f"string_agg({shown}, ','{turned}) FILTER (WHERE {place} <= {shape.size})"
    keys = [row.column(column) for column, _descends in shape.order]
    ends = [f"(array_agg({key}::text) FILTER (WHERE {place} = {shape.size + backwards}))[1]" for key in keys]
    if shape.known_at:
        # All changed rows are looked through only where rows are chosen; those of the page are looked up by their keys.
        chosen = text_of(page.values("pk"))
        counted = "".join(f", ({text}) AS aside_{number}" for number, text in enumerate(asides))
        found = f"SELECT ARRAY({chosen}) AS keys{counted}"
        asides = [f"SELECT aside_{number} FROM found" for number in range(len(asides))]
        source = row.looked_up("(SELECT keys FROM found)")
    else:
        found, source = "", row.source(page, numbered=True)
    asides = [VERSION, *(f"SELECT array_to_json({text})" for text in missing.values()), *asides]
    text = f"SELECT {', '.join([*(f'({text})' for text in asides), body, 'count(*)', *ends])} FROM {source}"
    return PageStatement(statement(request, text, found=found, plan_is_kept=is_kept(request)), tuple(missing))


def _asides(request: ReadRequest, rows: RecordQuerySet) -> list[str]:
    """Return SQL for what is asked about the whole list: the count, the facets."""
    shape, found = request.shape, []
    if shape.count:
        found.append(f"SELECT count(*) FROM ({text_of(rows.values('pk')[: shape.count + 1])}) AS counted")
    found += [_facet(request, rows, name) for name in shape.facets]
    return found


def _missing(request: ReadRequest) -> Iterator[tuple[str, str]]:
    """Yield the filters whose values are keys, each with SQL for those of the keys that no record has."""
    for name, inner in request.shape.filters:
        shape = request.shape
        text = filters_of(shape.view)[name].missing(inner, parameters_of(request, name), shape.viewer)
        if text:
            yield name, text


def _facet(request: ReadRequest, rows: RecordQuerySet, name: str) -> str:
    """Return SQL for the values of a filter with their counts under the current filters, the most frequent first.

    Values are as the filter takes them; an empty text, which it does not take, is none.
    """
    item = filters_of(request.shape.view)[name]
    path, value = item.field_name, "facet_value"
    parts: dict[str, F | NullIf] = {"value": F(path)}
    if isinstance(item, KeyFilter):
        target = item.target
        parts = {"value": F(f"{path}__{target.key_field}")}
        if target.row_name is None:
            parts["name"] = F(f"{path}__{target.name_field}")
        if is_partly_hidden(target, request.shape.viewer):
            rows = rows.filter(Q(**{path: None}) | Q(**{f"{path}__in": target.rows().visible_to(request.shape.viewer)}))
    elif isinstance(field_of(rows.model, path), CharField | TextField):  # a filter that counts stands on a column
        parts = {"value": NullIf(F(path), Value(""))}
        if not isinstance(item, ChoiceFilter):
            value = r"replace(replace(facet_value, '\', '\\'), ',', '\,')"
    grouped = rows.values(**{f"facet_{key}": part for key, part in parts.items()}).annotate(facet_count=Count("pk"))
    ordered = grouped.order_by("-facet_count", "facet_value")[:FACET_VALUES]
    columns = [f"{value} AS value"]
    if isinstance(item, KeyFilter):
        columns.append(f"{'facet_name' if 'name' in parts else _name_of(request, item.target)} AS name")
    if request.shape.labels and isinstance(item, ChoiceFilter):
        columns.append(f"{choice_label('facet_value', rows.model._meta.get_field(path))} AS label")
    text = f"SELECT {', '.join(columns)}, facet_count AS count FROM ({text_of(ordered)}) AS grouped"
    return f"SELECT coalesce(json_agg(r), '[]'::json)::text FROM ({text}) AS r"


def _name_of(request: ReadRequest, target: type[Citable]) -> str:
    """Return SQL for the name of a facet's value that is made of other records."""
    row = SqlRow(_compilation(request), target)
    name, key = row.name(), row.column("key")
    source = row.source(row.compilation.rows(target, narrow=False).order_by())
    return f"(SELECT {name} FROM {source} WHERE {key} = facet_value)"


def whole(request: ReadRequest, select: Callable[[RecordSerializer, SqlRow], str]) -> tuple[RecordSerializer, str]:
    """Return the serializer of a whole list, and SQL for its rows in the order asked for.

    `select` gives what is selected from a row for a serializer. It goes into a file, and so without quotations.
    """
    shape = request.shape
    rows = filtered_rows(request)
    row = SqlRow(_compilation(request, in_file=True), rows.model)
    serializer = _serializer(shape)
    fields = select(serializer, row)
    ordered = rows.order_by(*order_by(rows.model, shape.order, backwards=False))
    # The order is that of the subquery, through which PostgreSQL reads in one pass.
    return serializer, f"SELECT {fields} FROM {row.source(ordered)}"


@kept(lambda request, most: ("check", request.shape, tuple(request.values), most, request.changed))
def whole_check(request: ReadRequest, most: int) -> PageStatement:
    missing = dict(_missing(request))
    asides = list(missing.values())
    if most:
        asides.append(f"SELECT count(*) FROM ({text_of(filtered_rows(request).values('pk')[: most + 1])}) AS counted")
    text = f"SELECT {', '.join(f'({text})' for text in asides)}"
    return PageStatement(statement(request, text), tuple(missing))
