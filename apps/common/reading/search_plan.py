"""The rows of a searched page, found by the cheapest of three ways."""

from typing import Any, cast

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, QuerySet
from django.db.models.expressions import OrderBy, RawSQL

from apps.common.filters.sets import SearchFilter
from apps.common.models.search_conditions import is_one_of
from apps.common.reading.order import order_by
from apps.common.reading.read_request import SEARCH, Question, base_filters
from apps.common.reading.rows import _filtered, _placed, _slots
from apps.common.sql.slots import literal, text_of

# In how many rows of the order what is common is looked for, up to how many rows found are sorted, and in how much of
# the order others are looked for. Measured on 500,000 titles.
GLANCED = 1_000
FEW = 4_000
WALKED = 20_000
# To sort n rows found among N costs n times 1.5 µs, to walk to the 51st of them 51 / n times N times 1 µs. So walking
# is the cheaper way where n squared is more than so many times N.
EVEN = 34


def _weighed(question: Question, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of a page of what a search finds, chosen in the way that suits their number.

    What is common fills the page from the first `GLANCED` rows of the order, without its n-grams, which are dear to
    look up; and where these promise as much, from a few more (see `EVEN`). Otherwise few are sorted. Where there are
    more than `FEW`, the order is walked until the page is full; and where `WALKED` rows do not fill it, because those
    that are found lie together further on, all that are found are sorted after all.
    """
    shape, model = question.shape, rows.model
    size = shape.size + 1
    order = order_by(model, shape.order, bool(shape.place and shape.place[0]))
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
