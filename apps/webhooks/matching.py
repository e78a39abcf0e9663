"""The changes that a subscription gets: those of records that its list shows, or showed before the change.

The list is that of the resource with the subscription's filters, as its owner sees it. The records that it shows now
are read from the database as it stands; those that it showed before a change are read by the same statement, over a
table in which the row is put back as the change log has it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Model
from django.utils.translation import gettext

from apps.common.filters.base import CommaFilter, Filter, ParsedFilter
from apps.common.filters.places import TargetFilter, TreeFilter
from apps.common.filters.ranges import BoundFilter, CountRange
from apps.common.filters.sets import SearchFilter, filters_of
from apps.common.http.parameters import FilterError, given_twice, joined
from apps.common.http.problems import nearest
from apps.common.models.logged_change import LoggedChange, Operation
from apps.common.models.records import Citable, RecordQuerySet
from apps.common.reading.past_columns import columns_at
from apps.common.resources.registry import viewsets
from apps.common.rules.change_log import logged_models
from apps.common.rules.territory import Reader
from apps.common.sql.slots import text_of
from apps.common.values.json import JsonObject
from apps.history.items import instant, told_tables
from apps.history.readable import OPERATIONS, record_model

MOST_FILTERS = 20
LONGEST_FILTER = 2_000

LoggedRow = Mapping[str, Any]  # a row as the change log has it, by column
LoggedModels = Mapping[str, type[Model]]


def without_empty(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that have a value."""
    return {name: text for name, text in given.items() if text}


def as_texts(resource: str, given: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return filters that are given with one or several values as texts with commas, and errors by parameter."""
    known = filters_of(viewsets()[resource])
    filled = {name: [value for value in values if value] for name, values in given.items()}
    wrong = {
        name: given_twice(name)
        for name, values in filled.items()
        if len(values) > 1 and name in known and not known[name].is_list
    }
    return {name: joined(values or [""]) for name, values in filled.items()}, wrong


def check_filters(resource: str, given: dict[str, str], user: Reader) -> dict[str, str]:
    """Return the errors in filters by parameter: those for which the list would refuse them, and no others.

    One with an empty value counts as not given (`without_empty`).
    """
    known, model = filters_of(viewsets()[resource]), viewsets()[resource].queryset.model
    wrong: dict[str, str] = {}
    for name, text in list(given.items())[: MOST_FILTERS + 1]:
        if name not in known:
            wrong[name[:100]] = gettext("There is no filter “%(name)s”.") % {"name": name[:100]}
            wrong[name[:100]] += nearest(name[:100], known)
            continue
        if not text:
            continue
        try:
            if len(text) > LONGEST_FILTER:
                raise FilterError(gettext("A value of at most 2000 characters is expected."))
            parsed = known[name].read(text, model)
            if unknown := _missing(known[name], parsed, user):
                raise FilterError(known[name].refuse(unknown, user, {}))
        except FilterError as error:
            wrong[name] = error.detail
    return wrong


def _missing(item: Filter, parsed: ParsedFilter, user: Reader) -> list[str]:
    """Return those of the values of a filter that are keys of no record."""
    if not (asked := item.missing(parsed.shape, parsed.values, user)):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {asked}".replace("%", "%%"), [])
        (found,) = cursor.fetchone()
    return list(found or ())


# Lists ---------------------------------------------------------------------------------------------------------------


def _rows(resource: str, given: dict[str, str], user: Reader) -> RecordQuerySet:
    """Return the rows of a list as a user sees it, in no order; raise FilterError for filters that are not valid."""
    view = viewsets()[resource]
    model = view.queryset.model
    rows: RecordQuerySet = view.at_time(model._default_manager.visible_to(user), None, frozenset(given))
    for name, text in given.items():
        item = filters_of(viewsets()[resource])[name]
        parsed = item.read(text, model)
        rows = rows.filter(item.condition(model, parsed.shape, parsed.values, user))
    return rows.order_by()


def _needs_own_row_only(item: Filter, parsed: ParsedFilter, user: Reader) -> bool:
    """Return whether a filter can be applied to the row of a deleted record alone.

    The rows that pointed at the record are gone as well, and those that it pointed at may be: filters that read them
    count as met. So a receiver may get a deleted record that he never saw, but he misses none that he saw.
    """
    if isinstance(item, TreeFilter | TargetFilter | SearchFilter) or "__" in item.field_name:
        return False
    if isinstance(item, CommaFilter) and item.distinct:
        return False
    if isinstance(item, BoundFilter) and isinstance(item.owner, CountRange):
        return False
    return not _missing(item, parsed, user)


def shown_now(resource: str, given: dict[str, str], user: Reader, ids: Iterable[int]) -> set[int]:
    """Return those of the records, by internal key, that a list shows now."""
    return set(_rows(resource, given, user).filter(pk__in=set(ids)).values_list("pk", flat=True))


def shown_before(resource: str, given: dict[str, str], user: Reader, befores: Sequence[LoggedRow]) -> set[int]:
    """Return those of the records, by internal key, that a list shows if they are as in `befores`."""
    model = viewsets()[resource].queryset.model
    ids = [row["id"] for row in befores]
    there = set(model._base_manager.filter(pk__in=ids).values_list("pk", flat=True))
    known = filters_of(viewsets()[resource])
    found: set[int] = set()
    for gone in (False, True):
        rows = [row for row in befores if (row["id"] in there) is not gone]
        if not rows:
            continue
        held = given
        if gone:
            parsed = {name: known[name].read(text, model) for name, text in given.items()}
            held = {name: text for name, text in given.items() if _needs_own_row_only(known[name], parsed[name], user)}
        asked = _rows(resource, held, user).filter(pk__in=[row["id"] for row in rows]).values("pk")
        found |= _select_over(model, rows, text_of(asked))
    return found


def _select_over(model: type[Citable], rows: list[LoggedRow], text: str) -> set[int]:
    """Return the keys that a statement selects from a table in which some rows are put back."""
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(field.column or field.name) for field in model._meta.concrete_fields)
    # Hides the table; within it, the name still stands for the table itself.
    hiding = (
        (
            f"WITH {table} AS NOT MATERIALIZED (SELECT {columns} FROM {table} WHERE id <> ALL(%s)"  # noqa: S608
            f" UNION ALL SELECT {columns_at(model, asked=text)} FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)"
            " AS past)"
        )
        .replace("%", "%%")
        .replace("%%s", "%s")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{hiding} {text.replace('%', '%%')}",
            [[row["id"] for row in rows], json.dumps(rows, ensure_ascii=False)],
        )
        return {pk for (pk,) in cursor.fetchall()}


# Items of a message ---------------------------------------------------------------------------------------------------


def tables(resource: str) -> list[str]:
    """Return the logged tables whose changes a subscription to a resource may get."""
    return told_tables([resource])


def items_of(resource: str, given: dict[str, str], user: Reader, entries: Sequence[LoggedChange]) -> list[JsonObject]:
    """Return the items of a message about changes, in their order: the record, and the operation on it."""
    models = logged_models()
    own = [entry for entry in entries if issubclass(models[entry.table_name], Citable)]
    ids = {entry.number: _record_of(entry, models) for entry in entries}
    now = shown_now(resource, given, user, ids.values())
    before = _numbers_shown_before(resource, given, user, own)
    numbers = {entry.number for entry in own}
    items = []
    for entry in entries:
        there = ids[entry.number] in now
        # A change of a text is one of its record, which stays.
        was = entry.number in before if entry.number in numbers else there
        if (was, there) in OPERATIONS:
            items.append((entry, ids[entry.number], OPERATIONS[was, there]))
    keys = _keys(models, items)
    return [_item(entry, resource, keys[record], operation) for entry, record, operation in items if record in keys]


def _record_of(entry: LoggedChange, models: LoggedModels) -> int:
    """Return the internal key of the record that changed: of a text, that of its owner."""
    return entry.record_id if issubclass(models[entry.table_name], Citable) else int(entry.key)


def _numbers_shown_before(
    resource: str, given: dict[str, str], user: Reader, entries: Sequence[LoggedChange]
) -> set[int]:
    """Return the numbers of the changes before which the list showed the record."""
    waiting = [entry for entry in entries if entry.before is not None]
    found: set[int] = set()
    while waiting:
        # One row of each record at a time.
        layer: dict[int, LoggedChange] = {}
        for entry in waiting:
            layer.setdefault(entry.record_id, entry)
        waiting = [entry for entry in waiting if layer[entry.record_id] is not entry]
        shown = shown_before(resource, given, user, [entry.before or {} for entry in layer.values()])
        found |= {entry.number for pk, entry in layer.items() if pk in shown}
    return found


def _keys(models: LoggedModels, items: Iterable[tuple[LoggedChange, int, str]]) -> dict[int, str]:
    """Return the public keys of records by their internal ones."""
    found: dict[int, str] = {}
    wanted: dict[int, type[Citable]] = {}
    for entry, record, _operation in items:
        if issubclass(models[entry.table_name], Citable):
            found[record] = entry.key
        else:
            wanted[record] = record_model(models[entry.table_name])
    for record, model in wanted.items():
        if record not in found:
            keys = model._base_manager.filter(pk=record).values_list(model.key_field, flat=True)
            found.update((record, str(key)) for key in keys)
    return found


def _item(entry: LoggedChange, resource: str, key: str, operation: str) -> JsonObject:
    return {
        "number": entry.number,
        "at": instant(entry.at),
        "request_id": entry.request_id,
        "client_request_id": entry.client_request_id,
        "resource": resource,
        "key": key,
        "url": f"{settings.API_ROOT}/{resource}/{key}",
        "operation": Operation(operation).value,
    }
