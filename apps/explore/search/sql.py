"""The one statement of a search: candidates of every resource, ranked, counted, cut to a page, with what they say.

Its text depends on the shape of the search alone (how many words, how long, which resources and filters), and is
kept; the values go in as parameters. Of each resource and each rank at most `CAP` rows are read, so that a common word
costs no more than a rare one; each rank has a query of its own, so that the best are among them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Case, F, Func, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Length

from apps.common.models.records import Citable, Fact, RecordQuerySet, citable_models
from apps.common.models.search_conditions import found_in, is_one_of
from apps.common.rules.territory import Viewer
from apps.common.sql.slots import Parameter
from apps.common.values.columns import PROSE

CAP = 1000  # rows of a resource read for each rank; hits are counted up to it
RANKS = ("exact", "prefix", "alias", "name", "text")  # best first
# The filters by place.
PLACES = ("district", "street")
# How a division lies in one: the references that lead there.
OF_DIVISION = {
    "districts in district": "id",
    "streets in district": "district",
    "streets in street": "id",
    "neighbourhoods in district": "street__district",
    "neighbourhoods in street": "street",
}


class SearchShape(NamedTuple):
    """The parts of a search on which the text of its statement depends."""

    resources: tuple[str, ...]
    patterns: tuple[bool, ...]  # for each word, whether it is long enough to need a pattern
    places: tuple[str, ...]  # the filters by place that are given
    is_later: bool  # whether it is a page behind the first
    viewer: Viewer | None = None  # who searches, as far as it matters: None is everybody


class FoundRow(NamedTuple):
    """A row of the page: the four values by which rows are sorted, the third being the number of the resource."""

    rank: int
    length: int
    number: int
    key: str
    details: dict[str, Any]


def slot(name: str) -> Value:
    """Return the expression that stands for a value to come."""
    return Value(Parameter(name))


def column_names(model: type[Citable]) -> set[str]:
    """Return the names of the columns of a model."""
    return {field.name for field in model._meta.concrete_fields}


def has_names(model: type[Citable]) -> bool:
    """Return whether records of the model have names of their own to be searched."""
    return "ngrams" in model.search_columns


def searched() -> dict[str, type[Citable]]:
    """Return the models whose records are searched, by resource: those with names or prose."""
    return {
        resource: model
        for resource, model in citable_models().items()
        if has_names(model) or (issubclass(model, Fact) and column_names(model) & set(PROSE))
    }


def in_places(model: type[Citable], places: tuple[str, ...]) -> Q | None:
    """Return the condition for rows that lie in the given places; None for a model whose rows lie in none such."""
    condition = Q()
    for place in places:
        value = Func(slot(place), template="((%(expressions)s)::bigint[])")
        column = model.place_columns.get(f"{place}s") or OF_DIVISION.get(f"{model.resource} in {place}", "")
        if not column:
            return None
        condition &= _lies_in(tuple(column.split("__")), value)
    return condition


def _lies_in(path: tuple[str, ...], value: Func) -> Q:
    step, *rest = path
    if not rest:
        return is_one_of(step, value)
    # By subqueries, not by joins, which would stand between the candidates and their index.
    within = citable_models()[f"{step}s"]._base_manager.filter(_lies_in(tuple(rest), value)).order_by()
    return is_one_of(step, ArraySubquery(within.values("pk"), template="(ARRAY(%(subquery)s))"))


def visible(model: type[Citable], viewer: Viewer | None) -> RecordQuerySet:
    """Return the rows of a model that a reader sees, in no order."""
    rows = model._default_manager.order_by()
    if viewer is not None:
        return rows.visible_to(viewer)
    # Whether everybody sees a row of the kinds that are searched depends on the row itself, and needs no other table.
    return rows.filter(Q(state=Fact.State.PUBLISHED)) if issubclass(model, Fact) else rows


def candidates(
    model: type[Citable], number: int, shape: SearchShape
) -> Iterator[QuerySet[Citable, tuple[object, ...]]]:
    """Yield the queries for the hits of one resource, the best ranks first: id, rank, length of the name, key."""
    place = in_places(model, shape.places)
    if place is None:
        return
    own = column_names(model)
    by_name, by_alias, by_any, in_name = Q(), Q(), Q(), Q()
    for at, is_long in enumerate(shape.patterns):
        term = slot(f"tsquery{at}"), slot(f"pattern{at}") if is_long else None
        in_prose = found_in("prose_ngrams", ["prose"], *term) if "prose" in own else Q()
        if has_names(model):
            by_name &= model.search_condition(*term)
            in_name &= Q(search_text__like=slot(f"pattern{at}"))
            by_alias &= Q(alias_text__like=slot(f"pattern{at}")) if "alias_text" in own else Q()
            in_prose |= model.search_condition(*term)
        by_any &= in_prose
    queries: list[Q] = []
    whens: list[tuple[str, Q]] = []
    if has_names(model):
        for rank in ("exact", "prefix"):
            queries.append(found_in("ngrams", ["search_text"], slot(f"{rank}_tsquery"), slot(f"{rank}_pattern")))
            whens.append((rank, Q(search_text__like=slot(f"{rank}_pattern"))))
        queries.append(by_name)
        # Another name counts where the name itself does not hold the words.
        whens += [("name", in_name), *([("alias", by_alias)] if by_alias else []), ("name", by_name)]
    columns = (
        Value(number, output_field=IntegerField()),
        F("pk"),
        Case(
            *(When(condition, then=Value(RANKS.index(rank))) for rank, condition in whens),
            default=Value(RANKS.index("text")),
            output_field=IntegerField(),
        ),
        Length(model.name_field),
        Cast(model.key_field, TextField()),
    )
    for condition in (*queries, by_any):
        yield visible(model, shape.viewer).filter(place, condition).values_list(*columns)[: CAP + 1]


def details_sql(model: type[Citable], viewer: Viewer | None) -> str:
    """Return the SQL expression for the details of a hit of one resource, as JSON.

    The state is among them for readers who may see drafts; to everybody else it is always the same.
    """
    own = column_names(model)
    quote = connection.ops.quote_name
    parts = {name: quote(name) for name in ("kind", *PROSE) if name in own}
    parts |= {"name": quote(model.name_field), "key": quote(model.key_field)}
    if viewer is not None and "state" in own:
        parts["state"] = quote("state")
    if model.resource == "member-units":
        # Those by which the unit is found; a name that is a draft is found by itself.
        parts["aliases"] = (
            "(SELECT json_agg(name ORDER BY id) FROM registry_unitname"
            " WHERE unit_id = source.id AND registry_unitname.state = 'published')"
        )
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in parts.items())
    table = quote(model._meta.db_table)
    return f"(SELECT json_build_object({pairs}) FROM {table} AS source WHERE source.id = page.pk)"  # noqa: S608


@lru_cache(maxsize=256)
def statement(shape: SearchShape) -> tuple[str, tuple[object, ...]]:
    """Return the SQL of a search and its parameters, `Parameter`s among them."""
    models = searched()
    parts: list[str] = []
    params: list[object] = []
    for number, resource in enumerate(shape.resources):
        for query in candidates(models[resource], number, shape):
            sql, values = query.query.sql_with_params()
            parts.append(f"({sql})")
            params += values
    found = " UNION ".join(parts) or "SELECT 0, 0::bigint, 0, 0, '' WHERE false"
    columns = [details_sql(models[name], shape.viewer) for name in shape.resources]
    details = " ".join(f"WHEN {number} THEN {expression}" for number, expression in enumerate(columns))
    behind = ""
    if shape.is_later:
        behind = "WHERE (rank, length, resource, key) > (%s::integer, %s::integer, %s::integer, %s::text)"
        params += [Parameter(f"after{at}") for at in range(4)]
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT resource, pk, rank, length, key COLLATE "C" AS key
            FROM ({found}) AS candidate (resource, pk, rank, length, key)
        ),
        page AS (SELECT * FROM found {behind} ORDER BY rank, length, resource, key LIMIT %s),
        counts AS (SELECT resource, count(*) AS number FROM found GROUP BY resource)
        SELECT (SELECT json_object_agg(resource, number ORDER BY resource) FROM counts),
               (SELECT json_agg(json_build_array(rank, length, resource, key, CASE resource {details} END)
                                ORDER BY rank, length, resource, key) FROM page)
    """  # noqa: S608 - made of our own names; every value is a parameter
    return sql, (*params, Parameter("limit"))


def run(shape: SearchShape, values: Mapping[str, object]) -> tuple[dict[str, int], list[FoundRow]]:
    """Return the number of rows of each resource, by its number in the shape, and the rows of the page."""
    sql, params = statement(shape)
    bound: list[Any] = [values[item.name] if isinstance(item, Parameter) else item for item in params]
    with connection.cursor() as cursor:
        cursor.execute(sql, bound)
        row = cursor.fetchone()
    return row[0] or {}, [FoundRow(*found) for found in row[1] or ()]
