"""The one statement of a search: candidates of every resource, ranked, counted, cut to a page, with what they say.

Its text depends on the shape of the search alone (how many words, how long, which resources and filters), and is
kept; the values go in as parameters. Of each resource and each rank at most `CAP` rows are read, so that a common word
costs no more than a rare one; each rank has a query of its own, so that the best are among them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, Func, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Length
from django.utils.translation import get_language

from apps.common.models.records import Citable, Fact, RecordQuerySet, citable_models
from apps.common.models.search_conditions import found_in, is_one_of
from apps.common.rules.territory import Viewer, shared
from apps.common.serializers.compiler import Compilation, SqlRow
from apps.common.sql.slots import Parameter, text_of
from apps.common.sql.statement import Statement
from apps.common.values.columns import PROSE
from apps.explore.lookups import path_to_place

CAP = 1000  # rows of a resource read for each rank; hits are counted up to it
RANKS = ("exact", "prefix", "alias", "name", "text")  # best first
# The filters by place.
PLACES = ("district", "street")


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
        if not (path := path_to_place(model, place)):
            return None
        condition &= _lies_in(tuple(path.split("__")), value)
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
    return rows.filter(model.public()) if issubclass(model, Fact) else rows


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
    row = SqlRow(Compilation(viewer), model)
    parts = {name: row.column(name) for name in ("kind", "key", *PROSE) if name in own | {"key"}}
    parts["name"] = str(row.name())
    if viewer is not None and "state" in own:
        parts["state"] = row.column("state")
    if model.resource == "member-units":
        # Those by which the unit is found; a name that is a draft is found by itself.
        parts["aliases"] = (
            "(SELECT json_agg(name ORDER BY id) FROM registry_unitname"  # noqa: S608 - likewise
            f" WHERE unit_id = {row.column('pk')} AND registry_unitname.state = 'published')"
        )
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in parts.items())
    source = row.source(model._base_manager.order_by())
    return f"(SELECT json_build_object({pairs}) FROM {source} WHERE {row.column('pk')} = page.pk)"  # noqa: S608


@lru_cache(maxsize=256)
def statement(shape: SearchShape, language: str | None) -> Statement:
    """Return the statement of a search in the active language."""
    models = searched()
    parts = [
        f"({text_of(query)})"
        for number, resource in enumerate(shape.resources)
        for query in candidates(models[resource], number, shape)
    ]
    found = " UNION ".join(parts) or "SELECT 0, 0::bigint, 0, 0, '' WHERE false"
    columns = [details_sql(models[name], shape.viewer) for name in shape.resources]
    details = " ".join(f"WHEN {number} THEN {expression}" for number, expression in enumerate(columns))
    behind = ""
    if shape.is_later:
        place = zip(map(Parameter, ("after0", "after1", "after2", "after3")), ("integer",) * 3 + ("text",), strict=True)
        values = ", ".join(f"{value}::{kind}" for value, kind in place)
        behind = f"WHERE (rank, length, resource, key) > ({values})"
    text = f"""
        WITH found AS MATERIALIZED (
            SELECT resource, pk, rank, length, key COLLATE "C" AS key
            FROM ({found}) AS candidate (resource, pk, rank, length, key)
        ),
        page AS (SELECT * FROM found {behind} ORDER BY rank, length, resource, key LIMIT {Parameter("limit")}),
        counts AS (SELECT resource, count(*) AS number FROM found GROUP BY resource)
        SELECT (SELECT json_object_agg(resource, number ORDER BY resource) FROM counts),
               (SELECT json_agg(json_build_array(rank, length, resource, key, CASE resource {details} END)
                                ORDER BY rank, length, resource, key) FROM page)
    """  # noqa: S608 - made of our own names; every value is a parameter
    # As a subquery, since what is shared comes before it.
    return Statement(shared(f"SELECT * FROM ({text}) AS answer (counts, page)", shape.viewer))  # noqa: S608


def run(shape: SearchShape, values: Mapping[str, object]) -> tuple[dict[str, int], list[FoundRow]]:
    """Return the number of rows of each resource, by its number in the shape, and the rows of the page."""
    [(counts, page)] = statement(shape, get_language()).rows(values)
    return counts or {}, [FoundRow(*found) for found in page or ()]
