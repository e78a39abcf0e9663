"""Names that come near a search that finds nothing: other characters of the same sound, or one letter wrong."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import F, IntegerField, TextField, Value
from django.db.models.functions import Cast

from apps.common.rules.territory import Viewer
from apps.common.sql.slots import Parameter
from apps.common.values.ngrams import edits, every, nearby, ngrams
from apps.common.values.pinyin import search_key
from apps.explore.search.sql import has_names, in_places, searched, slot, visible

READ_ROWS = 100  # rows of a resource among which the nearest are sought
MOST = 5
LONGEST = 24  # characters of a term that is corrected; a longer one has too many ways to be wrong
SHORTEST = 3


@lru_cache(maxsize=64)
def statement(
    resources: tuple[str, ...], places: tuple[str, ...], viewer: Viewer | None
) -> tuple[str, tuple[object, ...]]:
    """Return the SQL for rows that may be meant, and its parameters, `Parameter`s among them."""
    parts: list[str] = []
    params: list[object] = []
    for number, resource in enumerate(resources):
        model = searched()[resource]
        place = in_places(model, places)
        if place is None or not has_names(model):
            continue
        rows = (
            visible(model, viewer)
            .filter(place, ngrams__hold=slot("nearby"))
            .values_list(
                Value(number, output_field=IntegerField()),
                Cast(model.key_field, TextField()),
                F(model.name_field),
                "search_text",
            )[:READ_ROWS]
        )
        sql, values = rows.query.sql_with_params()
        parts.append(f"({sql})")
        params += values
    return " UNION ALL ".join(parts), tuple(params)


def suggestions(
    whole: str, resources: tuple[str, ...], places: tuple[str, ...], viewer: Viewer | None, values: Mapping[str, object]
) -> list[tuple[str, str, str]]:
    """Return resource, key and name of the records whose names come nearest to a normalised text."""
    _line, reading, *_rest = search_key(whole).split("\n")
    terms = [term for term in dict.fromkeys((whole, reading)) if SHORTEST <= len(term) <= LONGEST]
    sql, params = statement(resources, places, viewer)
    if not terms or not sql:
        return []
    alike = every(ngrams(reading)) if reading in terms else ""
    tsquery = " | ".join(part for part in (alike and f"({alike})", nearby(terms)) if part)
    values = {**values, "nearby": tsquery}
    bound: list[Any] = [values[item.name] if isinstance(item, Parameter) else item for item in params]
    with connection.cursor() as cursor:
        cursor.execute(sql, bound)
        rows = cursor.fetchall()
    near = []
    for number, key, name, search_text in rows:
        wrong, length = min((edits(term, line), -len(term)) for line in search_text.split() for term in terms)
        if wrong <= max(-length // 4, 1):
            near.append((wrong, len(name), number, key, name))
    found: dict[str, tuple[str, str, str]] = {}
    for _wrong, _length, number, key, name in sorted(near):
        found.setdefault(name, (resources[number], key, name))
    return list(found.values())[:MOST]
