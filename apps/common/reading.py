"""Lists and details as they are answered: a request becomes a shape and values, the shape a statement, that an answer.

Nothing of Django REST framework runs here, and no row passes through Python: PostgreSQL writes the JSON of each record
(`compiling`), and what is left to do is to put a page together.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast
from urllib.parse import unquote_plus

from django.conf import settings
from django.db import connection
from django.db.models import BooleanField, Count, DateField, ExpressionWrapper, F, QuerySet
from django.db.models.expressions import OrderBy, RawSQL
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext

from apps.common import filters, paging
from apps.common.answers import VERSION
from apps.common.compiling import Row, Writer, choice_label, json_of
from apps.common.errors import ParameterError, nearest, parameter_error
from apps.common.filters import ChoiceFilter, Filter, KeyFilter, SearchFilter
from apps.common.models import is_one_of
from apps.common.past import at_instant
from apps.common.serializers import check_expansions
from apps.common.statements import KEPT, Bounded, Slot, Statement, Unread, literal, text_of
from apps.common.territory import Viewer, shared, viewer_of
from apps.common.versions import row_version

FACET_VALUES = 100
MOST_FACETS = 8
SEARCH = "q"  # the filter that searches
# In how many rows of the order what is common is looked for, up to how many rows found are sorted, and in how much of
# the order others are looked for. Measured on 500,000 titles.
GLANCED = 1_000
FEW = 4_000
WALKED = 20_000
# To sort n rows found among N costs n times 1.5 µs, to walk to the 51st of them 51 / n times N times 1 µs. So walking
# is the cheaper way where n squared is more than so many times N.
EVEN = 34
KEPT_LENGTH = 1_000  # characters of the parameters of a question that is kept
_statements = Bounded()
_questions = Bounded()


@dataclass(frozen=True)
class Shape:
    """All of a request that decides what its statement says; what differs otherwise goes into slots."""

    view: Any
    serializer: Any
    viewer: Viewer | None = None  # who reads, as far as it matters: None is everybody
    language: str = ""
    labels: bool = False
    as_of: bool = False
    known_at: bool = False
    expand: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    filters: tuple[tuple[str, Any], ...] = ()
    order: paging.Order = ()
    place: tuple[bool, tuple[bool, ...]] | None = None
    size: int = 0
    count: int = 0
    facets: tuple[str, ...] = ()
    quoted: bool = False


@dataclass(frozen=True)
class Question:
    """A shape with the values of one request, and what its answer is put together from."""

    shape: Shape
    values: dict[str, Any]
    params: Mapping[str, str]
    path: str
    digest: str = ""  # of what ties a cursor to a list
    token: str = ""  # of the boundary at which the page begins


# From a request to a question


def ask(request: Any, view: Any, user: Any, key: str | None = None) -> Question:
    """Return what a GET asks for: the record with a key, or a list. Raises ParameterError."""
    asked, cursor = _asked(request, view, user, key)
    if key is not None:
        return Question(asked.shape, {**asked.values, "key": key}, asked.params, request.path)
    if cursor is None:
        return asked
    place = paging.read_place(cursor, asked.digest, asked.shape.order)
    shape = _placed_shape(asked.shape, place.backwards, tuple(value is None for value in place.values))
    values = asked.values | {f"place_{number}": value for number, value in enumerate(place.values)}
    return Question(shape, values, asked.params, asked.path, asked.digest, place.token)


@lru_cache(KEPT)
def _placed_shape(shape: Shape, backwards: bool, nulls: tuple[bool, ...]) -> Shape:
    # Kept, because a statement is found by its shape, and soonest by the very same one.
    return replace(shape, place=(backwards, nulls))


def _asked(request: Any, view: Any, user: Any, key: str | None) -> tuple[Question, str | None]:
    """Return what is asked but for the key of a record and the place of a page, and the cursor that gives the place.

    Everybody who gives the same parameters asks the same, and so does each page of a list: they are read once, and
    found again by the address as it stands, unless its parameters are not named in the clear, or twice.
    """
    if user is not None:
        return _ask(request, view, user, key), request.GET.get("cursor")
    query = request.META.get("QUERY_STRING", "")
    parts = query.split("&") if query else []
    named = {part.partition("=")[0]: part for part in parts}
    is_clear = len(named) == len(parts) and all(map(str.isidentifier, named))
    cursor = named.pop("cursor", None) if key is None else None
    # An empty cursor is refused with the rest.
    if not is_clear or cursor in ("cursor", "cursor=") or len(query) > KEPT_LENGTH:
        return _ask(request, view, None, key), request.GET.get("cursor")
    path = request.path if key is None else None
    same = (view, path, translation.get_language(), settings.QUOTATIONS_PUBLIC, *named.values())
    found: Question = _questions.get(same, lambda: _ask(request, view, None, key))
    return found, unquote_plus(cursor.removeprefix("cursor=")) if cursor else None


def _ask(request: Any, view: Any, user: Any, key: str | None) -> Question:
    filters.refuse_unknown(request, filters.DETAIL_PARAMETERS if key is not None else _list_parameters(view))
    params = {name: request.GET[name] for name in request.GET}
    serializer = view.serializer_class if key is None else view.detail_serializer_class
    as_of = filters.read_day(request, "as_of")
    viewer, territory = viewer_of(user)
    known_at = filters.read_moment(request, "known_at")
    shared: dict[str, Any] = {
        "view": view,
        "serializer": serializer,
        "viewer": viewer,
        "language": translation.get_language() or "",
        "labels": filters.read_flag(request, "labels"),
        "as_of": as_of is not None,
        "known_at": known_at is not None,
        "expand": tuple(filters.read_words(request, "expand")),
        "fields": tuple(filters.read_words(request, "fields")),
        "quoted": settings.QUOTATIONS_PUBLIC,
    }
    check_expansions(serializer, list(shared["expand"]))
    _check_fields(serializer, shared["fields"])
    values: dict[str, Any] = {"as_of": as_of, "known_at": known_at, **territory}
    if key is not None:
        return Question(Shape(**shared), values, params, request.path)
    readings = filters.read_filters(request, view)
    for name, reading in readings.items():
        values |= {f"{name}_{number}": value for number, value in enumerate(reading.values)}
    params.pop("cursor", None)
    shape = Shape(
        **shared,
        asked=frozenset(readings),
        filters=tuple(sorted((name, reading.shape) for name, reading in readings.items())),
        order=paging.read_order(params, view),
        size=paging.read_size(params),
        count=paging.COUNT_CAP if filters.read_flag(request, "count") else 0,
        facets=_read_facets(request, view),
    )
    return Question(shape, values, params, request.path, paging.digest(params, request.path))


def base_filters(view: Any) -> dict[str, Filter]:
    """Return the filters of a view's lists, by parameter."""
    found: dict[str, Filter] = view.filterset_class.base_filters
    return found


@cache
def _list_parameters(view: Any) -> frozenset[str]:
    return frozenset((*filters.LIST_PARAMETERS, *base_filters(view)))


def _check_fields(serializer: Any, picked: tuple[str, ...]) -> None:
    known = serializer.Meta.fields
    for name in picked:
        if name not in known:
            detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            raise parameter_error("fields", detail)


def _read_facets(request: Any, view: Any) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filters.read_words(request, "facets")))
    known = filters.facetable(view) if names else ()
    for name in names:
        if name not in known:
            detail = gettext("One cannot count by “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            raise parameter_error("facets", detail)
    if len(names) > MOST_FACETS:
        raise parameter_error("facets", gettext("There are more than %(most)s values.") % {"most": MOST_FACETS})
    return names


# From a shape to a statement


def _serializer(shape: Shape) -> Any:
    context = {"labels": shape.labels, "expand": shape.expand, "fields": shape.fields}
    return shape.serializer(context=context)


def _writer(question: Question) -> Writer:
    shape = question.shape
    return Writer(shape.viewer, Slot("as_of", DateField()) if shape.as_of else None, past=shape.known_at)


def statement(question: Question, text: str, *, plan_is_kept: bool = True) -> Statement:
    """Return the statement of a text, over the tables as they were at the instant that is asked for, if one is."""
    text = shared(text, question.shape.viewer)
    if question.shape.known_at:
        text = at_instant(text, Slot("known_at"), question.shape.viewer)
    return Statement(text, plan_is_kept=plan_is_kept)


def _visible(question: Question) -> Any:
    return question.shape.view.queryset.model._default_manager.visible_to(question.shape.viewer)


def _filtered(question: Question, *, searched: bool = True) -> QuerySet[Any]:
    """Return the rows that the filters leave, of all pages and without an order; `searched=False` leaves out `q`."""
    shape, view = question.shape, question.shape.view
    rows = view.at_time(_visible(question), Slot("as_of", DateField()) if shape.as_of else None, shape.asked)
    for name, _inner in shape.filters:
        if searched or name != SEARCH:
            rows = rows.filter(_condition(question, name))
    return rows.order_by()


def _condition(question: Question, name: str) -> Any:
    """Return the condition that a filter sets."""
    view, inner = question.shape.view, dict(question.shape.filters)[name]
    return base_filters(view)[name].condition(view.queryset.model, inner, _slots(question, name), question.shape.viewer)


def _slots(question: Question, name: str) -> list[Slot]:
    count = sum(1 for value in question.values if value.rpartition("_")[0] == name and value[-1].isdigit())
    kind = Unread if name == SEARCH and _is_weighed(question) else Slot
    return [kind(f"{name}_{number}") for number in range(count)]


def _detail(question: Question) -> Statement:
    row = Row(_writer(question), question.shape.view.queryset.model)
    body = json_of(_serializer(question.shape), row)
    rows = _visible(question).order_by().filter(**{question.shape.view.queryset.model.key_field: Slot("key")})
    version = row_version(row.model, row.column)
    return statement(question, f"SELECT {body}, ({VERSION}), {version} FROM {row.source(rows)}")


class PageStatement(NamedTuple):
    """The statement of a page, and the filters whose keys it checks, in the order of its columns."""

    statement: Statement
    checked: tuple[str, ...]


def _page(question: Question) -> PageStatement:
    """Return the statement of a page.

    Its one row is: the data version, what is asked about the whole list (unknown keys, count, facets), the JSON of the
    records with commas between them, how many rows were found (one more than the page has, where there is more), and
    the sort values of the row behind which the next boundary lies: the last of the page, or, read backwards, the one
    beyond. Rows are chosen in a subquery, so that only those
    of the page are written as JSON.
    """
    shape = question.shape
    rows = _filtered(question)
    missing = dict(_missing(question))
    asides = [VERSION, *(f"SELECT array_to_json({text})" for text in missing.values()), *_asides(question, rows)]
    model = rows.model
    page = _weighed(question, rows) if _is_weighed(question) else _placed(shape, rows)[: shape.size + 1]
    row = Row(_writer(question), model)
    place = f"{row.alias}.place"
    backwards = bool(shape.place and shape.place[0])
    turned = f" ORDER BY {place} DESC" if backwards else ""
    body = f"string_agg({json_of(_serializer(shape), row)}, ','{turned}) FILTER (WHERE {place} <= {shape.size})"
    keys = [row.column(column) for column, _descends in shape.order]
    ends = [f"(array_agg({key}::text) FILTER (WHERE {place} = {shape.size + backwards}))[1]" for key in keys]
    selected = ", ".join([*(f"({text})" for text in asides), body, "count(*)", *ends])
    text = f"SELECT {selected} FROM {row.source(page, numbered=True)}"
    # The best plan for a common word is the worst for a rare one, but where the statement itself chooses.
    kept = SEARCH not in shape.asked or (_is_weighed(question) and shape.asked == {SEARCH})
    return PageStatement(statement(question, text, plan_is_kept=kept), tuple(missing))


def _placed(shape: Shape, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the rows that stand behind the place where the page begins, in order."""
    backwards = False
    if shape.place:
        backwards, nulls = shape.place
        rows = rows.filter(paging.behind(rows.model, shape.order, nulls, backwards))
    return rows.order_by(*paging.order_by(rows.model, shape.order, backwards))


def _is_weighed(question: Question) -> bool:
    """Tell whether the rows of a page are those that a search finds in an order that an index gives.

    The planner misjudges them: the n-grams of a longer word come together, while it multiplies their frequencies; and
    it does not know what it costs to read the n-grams of a row.
    """
    shape = question.shape
    # What was known at an instant is rebuilt, and has no index.
    ordered = not shape.known_at and paging.is_indexed(shape.view.queryset.model, shape.order)
    return ordered and bool(dict(shape.filters).get(SEARCH))


def _weighed(question: Question, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of a page of what a search finds, chosen in the way that suits their number.

    What is common fills the page from the first `GLANCED` rows of the order, without its n-grams, which are dear to
    look up; and where these promise as much, from a few more (see `EVEN`). Otherwise few are sorted. Where there are
    more than `FEW`, the order is walked until the page is full; and where `WALKED` rows do not fill it, because those
    that are found lie together further on, all that are found are sorted after all.
    """
    shape, model = question.shape, rows.model
    size = shape.size + 1
    order = paging.order_by(model, shape.order, bool(shape.place and shape.place[0]))
    keys = [f"k{number}" for number in range(len(order))]
    behind = _placed(shape, rows)
    few = text_of(behind.order_by().values_list("pk", *(column for column, _descends in shape.order))[: FEW + 1])
    item = cast(SearchFilter, base_filters(shape.view)[SEARCH])
    is_found = item.in_text(model, _slots(question, SEARCH))
    passed = _placed(shape, _filtered(question, searched=False)).annotate(
        is_found=ExpressionWrapper(is_found, output_field=BooleanField())
    )

    def walk(count: int) -> str:
        candidates = text_of(passed.values_list("pk", "is_found")[:count])
        return f"ARRAY(SELECT pk FROM ({candidates}) AS passed (pk, is_found) WHERE is_found LIMIT {size}) AS pks"

    table = literal(connection.ops.quote_name(model._meta.db_table))
    promising = f"SELECT {GLANCED} * sqrt({EVEN} / greatest(reltuples, 1)) FROM pg_class WHERE oid = {table}::regclass"
    text = f"""(
        WITH glanced AS MATERIALIZED (SELECT {walk(GLANCED)}),
        few (pk, {", ".join(keys)}) AS MATERIALIZED ({few}),
        walked AS MATERIALIZED (SELECT {walk(WALKED)})
        SELECT CASE
            WHEN (SELECT cardinality(pks) FROM glanced) = {size} THEN (SELECT pks FROM glanced)
            WHEN (SELECT cardinality(pks) FROM glanced) >= ({promising})
            AND (SELECT cardinality(pks) FROM walked) = {size} THEN (SELECT pks FROM walked)
            WHEN (SELECT count(*) FROM few) <= {FEW}
            THEN ARRAY(SELECT pk FROM few ORDER BY {", ".join(map(_ordering, keys, order))} LIMIT {size})
            WHEN (SELECT cardinality(pks) FROM walked) = {size} THEN (SELECT pks FROM walked)
            ELSE ARRAY({text_of(behind.values("pk")[:size])})
        END
    )::bigint[]"""
    chosen = RawSQL(text.replace("%", "%%"), ())
    return model._base_manager.filter(is_one_of("pk", chosen)).order_by(*order)


def _ordering(key: str, item: OrderBy) -> str:
    """Return SQL that orders by a key as an item of an order does by its column."""
    nulls = " NULLS LAST" if item.nulls_last else " NULLS FIRST" if item.nulls_first else ""
    return f"{key}{' DESC' if item.descending else ''}{nulls}"


def _asides(question: Question, rows: QuerySet[Any]) -> list[str]:
    """Return SQL for what is asked about the whole list: the count, the facets."""
    shape, found = question.shape, []
    if shape.count:
        found.append(f"SELECT count(*) FROM ({text_of(rows.values('pk')[: shape.count + 1])}) AS counted")
    found += [_facet(question, rows, name) for name in shape.facets]
    return found


def _missing(question: Question) -> Iterator[tuple[str, str]]:
    """Yield the filters whose values are keys, each with SQL for those of the keys that no record has."""
    for name, inner in question.shape.filters:
        shape = question.shape
        text = base_filters(shape.view)[name].missing(inner, _slots(question, name), shape.viewer)
        if text:
            yield name, text


def _facet(question: Question, rows: QuerySet[Any], name: str) -> str:
    """Return SQL for the values of a filter with their counts under the current filters, the most frequent first."""
    item: Any = base_filters(question.shape.view)[name]
    path = item.field_name
    parts: dict[str, Any] = {"value": F(path)}
    if isinstance(item, KeyFilter):
        target = item.target
        parts = {"value": F(f"{path}__{target.key_field}"), "name": F(f"{path}__{target.name_field}")}
    grouped = rows.values(**{f"facet_{key}": part for key, part in parts.items()}).annotate(facet_count=Count("pk"))
    ordered = grouped.order_by("-facet_count", "facet_value")[:FACET_VALUES]
    columns = ["facet_value AS value", *(["facet_name AS name"] if "name" in parts else [])]
    if question.shape.labels and isinstance(item, ChoiceFilter):
        columns.append(f"{choice_label('facet_value', rows.model._meta.get_field(path))} AS label")
    text = f"SELECT {', '.join(columns)}, facet_count AS count FROM ({text_of(ordered)}) AS grouped"
    return f"SELECT coalesce(json_agg(r), '[]'::json)::text FROM ({text}) AS r"


def whole(question: Question, select: Callable[[Any, Row], str]) -> tuple[Any, str]:
    """Return the serializer of a whole list, and SQL for its rows in the order asked for.

    `select` gives what is selected from a row for a serializer.
    """
    shape = question.shape
    rows = _filtered(question)
    row = Row(_writer(question), rows.model)
    serializer = _serializer(shape)
    fields = select(serializer, row)
    ordered = rows.order_by(*paging.order_by(rows.model, shape.order, backwards=False))
    # The order is that of the subquery, through which PostgreSQL reads in one pass.
    return serializer, f"SELECT {fields} FROM {row.source(ordered)}"


def _whole_check(question: Question, most: int) -> PageStatement:
    missing = dict(_missing(question))
    asides = list(missing.values())
    if most:
        asides.append(f"SELECT count(*) FROM ({text_of(_filtered(question).values('pk')[: most + 1])}) AS counted")
    text = f"SELECT {', '.join(f'({text})' for text in asides)}"
    return PageStatement(statement(question, text), tuple(missing))


# From a question to an answer


class Detail(NamedTuple):
    """One record as JSON, the data version that it shows, and the version of the record itself."""

    body: bytes
    version: str
    record: str


def detail(question: Question) -> Detail:
    """Return one record; raise Http404 if there is none that the reader may see."""
    statement: Statement = _statements.get(("detail", question.shape), lambda: _detail(question))
    rows = statement.cells(question.values)
    if not rows:
        raise Http404
    body, version, record = rows[0]
    return Detail(body or b"", (version or b"").decode(), (record or b"").decode())


@dataclass(frozen=True)
class Page:
    """A page as JSON, the data version that it shows, and the addresses of its neighbours."""

    body: bytes
    version: str
    next: str | None
    previous: str | None


def page(question: Question) -> Page:
    """Return one page of a list; raise ParameterError where a filter names what there is not."""
    shape = question.shape
    made: PageStatement = _statements.get(("page", shape, tuple(question.values)), lambda: _page(question))
    (row,) = made.statement.cells(question.values)
    width = 1 + len(made.checked) + bool(shape.count) + len(shape.facets)
    asides = _read_asides(question, made.checked, row[1:width])
    records, counted, *end = row[width:]
    found = int(counted or 0)
    backwards = bool(shape.place and shape.place[0])
    # The page on the other side of the boundary at which this one begins, and the one behind its end.
    back = None
    if shape.place and found:
        back = paging.link(question.params, question.path, question.token, backwards=not backwards)
    on = None
    if found > shape.size:
        values = [None if value is None else value.decode() for value in end]
        token = paging.boundary(question.digest, values)
        on = paging.link(question.params, question.path, token, backwards=backwards)
    following, preceding = (back, on) if backwards else (on, back)
    tail = json.dumps({"next": following, "previous": preceding, **asides}, ensure_ascii=False).encode()
    body = b'{"results":[' + (records or b"") + b"]," + tail[1:]
    return Page(body, (row[0] or b"").decode(), following, preceding)


def _read_asides(question: Question, names: tuple[str, ...], texts: list[bytes | None]) -> dict[str, Any]:
    """Return what was asked about the whole list; raise ParameterError where a filter named what there is not."""
    shape = question.shape
    values = [json.loads(text or b"null") for text in texts]
    _refuse(question, names, values)
    found: dict[str, Any] = {}
    if shape.count:
        counted = values[len(names)]
        found = {"count": min(counted, shape.count), "count_is_exact": counted <= shape.count}
    if shape.facets:
        found["facets"] = dict(zip(shape.facets, values[-len(shape.facets) :], strict=True))
    return found


def _refuse(question: Question, names: tuple[str, ...], asides: Sequence[Any]) -> None:
    """Raise ParameterError where a filter named what there is not."""
    wrong = [(name, unknown) for name, unknown in zip(names, asides, strict=False) if unknown]
    if wrong:
        filters_of = base_filters(question.shape.view)
        details = [(name, filters_of[name].refuse(unknown).detail) for name, unknown in wrong]
        raise ParameterError(
            [{"parameter": name, "code": "invalid_parameter", "detail": detail} for name, detail in details]
        )


def check_whole(question: Question, most: int = 0) -> int:
    """Raise ParameterError where a filter of a whole list names what there is not.

    Return how many rows the list has, counted up to one more than `most`; without `most`, nothing is counted.
    """
    key = ("check", question.shape, tuple(question.values), most)
    made: PageStatement = _statements.get(key, lambda: _whole_check(question, most))
    if not (made.checked or most):
        return 0
    (row,) = made.statement.rows(question.values)
    _refuse(question, made.checked, row)
    return int(row[-1]) if most else 0


def forget() -> None:
    """Forget all questions and statements; they are made anew at their next use."""
    _questions.clear()
    _statements.clear()
    _placed_shape.cache_clear()
