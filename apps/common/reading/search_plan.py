"""The rows of a searched page, found by the cheapest of three ways."""

from typing import cast

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper
from django.db.models.expressions import OrderBy, RawSQL

from apps.common.filters.sets import SearchFilter, filters_of
from apps.common.models.records import RecordQuerySet
from apps.common.models.search_conditions import is_one_of
from apps.common.reading.order import order_by
from apps.common.reading.read_request import SEARCH, ReadRequest
from apps.common.reading.rows import filtered_rows, parameters_of, placed_rows
from apps.common.sql.slots import literal, text_of

# All measured on 500,000 titles.
PROBE_ROWS = 1_000  # rows of the sort order probed for a frequent term
SORT_LIMIT = 4_000  # rows found that are sorted at most
SCAN_LIMIT = 20_000  # rows of the sort order scanned for a less frequent term
# To sort n rows found among N costs n times 1.5 µs, to walk to the 51st of them 51 / n times N times 1 µs. So walking
# is the cheaper way where n squared is more than so many times N.
SCAN_COST_RATIO = 34


def weighed_rows(request: ReadRequest, rows: RecordQuerySet) -> RecordQuerySet:
    """Return the rows of a page of what a search finds, chosen in the way that suits their number.

    A frequent term fills the page from the first `PROBE_ROWS` rows of the sort order, without its n-grams, which are
    dear to look up; and where these promise as much, from a few more (see `SCAN_COST_RATIO`). Otherwise up to
    `SORT_LIMIT` rows found are sorted. Where there are more, the order is scanned until the page is full; and where
    `SCAN_LIMIT` rows do not fill it, because the rows found lie together further on, all of them are sorted after all.
    """
    shape, model = request.shape, rows.model
    size = shape.size + 1
    order = order_by(model, shape.order, bool(shape.place and shape.place[0]))
    keys = [f"k{number}" for number in range(len(order))]
    behind = placed_rows(shape, rows)
    few = text_of(behind.order_by().values_list("pk", *(column for column, _descends in shape.order))[: SORT_LIMIT + 1])
    text = f"""(
        WITH probed AS MATERIALIZED (SELECT {_found_among(request, PROBE_ROWS)}),
        few (pk, {", ".join(keys)}) AS MATERIALIZED ({few}),
        scanned AS MATERIALIZED (SELECT {_found_among(request, SCAN_LIMIT)})
        SELECT CASE
            WHEN (SELECT cardinality(pks) FROM probed) = {size} THEN (SELECT pks FROM probed)
            WHEN (SELECT cardinality(pks) FROM probed) >= ({_promising(rows)})
            AND (SELECT cardinality(pks) FROM scanned) = {size} THEN (SELECT pks FROM scanned)
            WHEN (SELECT count(*) FROM few) <= {SORT_LIMIT}
            THEN ARRAY(SELECT pk FROM few ORDER BY {", ".join(map(_ordering, keys, order))} LIMIT {size})
            WHEN (SELECT cardinality(pks) FROM scanned) = {size} THEN (SELECT pks FROM scanned)
            ELSE ARRAY({text_of(behind.values("pk")[:size])})
        END
    )::bigint[]"""
    chosen = RawSQL(text.replace("%", "%%"), ())
    return model._base_manager.filter(is_one_of("pk", chosen)).order_by(*order)


def _found_among(request: ReadRequest, count: int) -> str:
    """Return SQL for the keys of the page's rows that stand among the first rows of the sort order."""
    shape = request.shape
    rows = filtered_rows(request, searched=False)
    item = cast(SearchFilter, filters_of(shape.view)[SEARCH])
    is_found = item.in_text(rows.model, parameters_of(request, SEARCH))
    marked = placed_rows(shape, rows).annotate(is_found=ExpressionWrapper(is_found, output_field=BooleanField()))
    first = text_of(marked.values_list("pk", "is_found")[:count])
    limit = shape.size + 1
    return f"ARRAY(SELECT pk FROM ({first}) AS first (pk, is_found) WHERE is_found LIMIT {limit}) AS pks"


def _promising(rows: RecordQuerySet) -> str:
    """Return SQL for the number of rows that a probe must find where a scan is cheaper than sorting all rows found."""
    table = literal(connection.ops.quote_name(rows.model._meta.db_table))
    rows_in_table = f"SELECT greatest(reltuples, 1) FROM pg_class WHERE oid = {table}::regclass"
    return f"SELECT {PROBE_ROWS} * sqrt({SCAN_COST_RATIO} / ({rows_in_table}))"


def _ordering(key: str, item: OrderBy) -> str:
    """Return SQL that orders by a key as an item of an order does by its column."""
    nulls = " NULLS LAST" if item.nulls_last else " NULLS FIRST" if item.nulls_first else ""
    return f"{key}{' DESC' if item.descending else ''}{nulls}"
