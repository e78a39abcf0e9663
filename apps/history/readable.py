"""Entries of the change log as readers see them: what they may see, in fields and keys instead of columns and ids.

For somebody who does not keep the registry a record begins with its publication: what was changed while it was a draft
is not told, publishing it adds it, and taking it back into drafts deletes it. The history of a record that is hidden
now is hidden with it; the feed goes on to tell that it is gone.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Citable, Fact
from apps.common.rules.change_log import logged_models, owner_field
from apps.common.rules.territory import territory_of
from apps.common.values.columns import EarliestField, LatestField, PinyinField, PythonColumn
from apps.evidence.models import ArticleText, Citation

KEYS = """
    SELECT DISTINCT ON (table_name, record_id) table_name, record_id, key FROM common_loggedchange
    WHERE (table_name, record_id) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
    ORDER BY table_name, record_id, number DESC
"""
# Whether records were published just before entries of the log; of a deleted one, whether it was at the end.
PUBLISHED = """
    SELECT asked.number, EXISTS (SELECT FROM (
        SELECT coalesce(after, before) AS row FROM common_loggedchange AS entry
        WHERE entry.table_name = asked.name AND entry.record_id = asked.id AND entry.number < asked.number
        ORDER BY entry.number DESC LIMIT 1
    ) AS newest WHERE coalesce(newest.row ->> 'state', 'published') = 'published')
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS asked(number, name, id)
"""
# Rows as they are, or were before they were deleted.
LAST = """
    SELECT asked.id, newest.row FROM unnest(%s::bigint[]) AS asked(id), LATERAL (
        SELECT coalesce(after, before) AS row FROM common_loggedchange AS entry
        WHERE entry.table_name = %s AND entry.record_id = asked.id ORDER BY entry.number DESC LIMIT 1
    ) AS newest
"""
OPERATIONS = {(False, True): "insert", (True, True): "update", (True, False): "delete"}
Row = dict[str, Any] | None


@dataclass(frozen=True)
class Seen:
    """An entry as a reader sees it: the row before and after, where he may see it."""

    entry: LoggedChange
    model: Any
    before: Row
    after: Row

    @property
    def operation(self) -> str:
        """What was done, as far as the reader sees."""
        return OPERATIONS[self.before is not None, self.after is not None]

    @property
    def resource(self) -> str:
        """The resource whose record changed."""
        return str(record_model(self.model).resource)

    @property
    def record(self) -> tuple[str, int]:
        """Table and internal key of the record that changed: of a link or a text, those of its owner."""
        own = issubclass(self.model, Citable)
        return (
            record_model(self.model)._meta.db_table,
            self.entry.record_id if own else int(self.entry.key),
        )


def record_model(model: Any) -> Any:
    """Return the model of the records to which the rows of a logged table belong: mostly itself."""
    return model if issubclass(model, Citable) else owner_field(model).related_model


def is_keeper(user: Any) -> bool:
    """Tell whether a reader keeps the whole registry, and so sees all drafts and texts."""
    return bool(territory_of(user).everything)


# Who sees what --------------------------------------------------------------------------------------------------------


def seen_by(user: Any, entries: Sequence[LoggedChange]) -> list[Seen]:
    """Return the entries as a reader sees them; those of which he may see nothing are left out."""
    models = logged_models()
    known = [(entry, models[entry.table_name]) for entry in entries if entry.table_name in models]
    if is_keeper(user):
        return [Seen(entry, model, entry.before, entry.after) for entry, model in known]
    published, own = _published(known), _own(user, known)
    found = (
        Seen(entry, model, entry.before, entry.after) if entry.number in own else _public(entry, model, published)
        for entry, model in known
    )
    return [seen for seen in found if seen.before is not None or seen.after is not None]


def concealed(user: Any, model: Any, ids: Iterable[int]) -> set[int]:
    """Return those records that a reader may not see now. Of a deleted one its last state counts."""
    asked = set(ids)
    if is_keeper(user) or not asked or not (issubclass(model, Fact) or model is Citation):
        return set()
    rows: Any = model._default_manager
    asked -= set(rows.visible_to(user).filter(pk__in=asked).order_by().values_list("pk", flat=True))
    hidden = set(rows.filter(pk__in=asked).order_by().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(LAST, [list(asked - hidden), model._meta.db_table])
        gone = {pk: json.loads(row) if isinstance(row, str) else row for pk, row in cursor.fetchall()}
    if issubclass(model, Fact):
        return hidden | {pk for pk, row in gone.items() if row["state"] != Fact.State.PUBLISHED}
    return hidden | {pk for pk, row in gone.items() if _conceals(user, _pointed_at(model, row))}


def not_concealed(user: Any, seen: Iterable[Seen]) -> list[Seen]:
    """Return those entries that speak of no record which a reader may not see now; of a link, both ends count."""
    if is_keeper(user):
        return list(seen)
    return [
        each
        for each in seen
        if (issubclass(each.model, Citable) and each.model is not Citation)
        or not _conceals(user, _pointed_at(each.model, each.after or each.before or {}))
    ]


def _conceals(user: Any, pairs: Iterable[tuple[str, int]]) -> bool:
    models = logged_models()
    return any(concealed(user, models[table], [pk]) for table, pk in pairs if table in models)


def _public(entry: LoggedChange, model: Any, published: dict[int, bool]) -> Seen:
    if issubclass(model, Fact):
        before, after = (
            row if row and row["state"] == Fact.State.PUBLISHED else None for row in (entry.before, entry.after)
        )
        return Seen(entry, model, before, after)
    hidden = not published.get(entry.number, True) or (model is ArticleText and not settings.QUOTATIONS_PUBLIC)
    return Seen(entry, model, None, None) if hidden else Seen(entry, model, entry.before, entry.after)


def _own(user: Any, known: Iterable[tuple[LoggedChange, Any]]) -> set[int]:
    """Return the numbers of the entries about records that a reader may edit now: their drafts are no secret."""
    if not territory_of(user):
        return set()
    numbers: dict[Any, dict[int, list[int]]] = {}
    for entry, model in known:
        if (record := _speaks_of(entry, model)) is not None:
            numbers.setdefault(record[0], {}).setdefault(record[1], []).append(entry.number)
    own: set[int] = set()
    for model, by_record in numbers.items():
        rows = model._default_manager.editable_by(user).filter(pk__in=by_record).order_by()
        own |= {number for pk in rows.values_list("pk", flat=True) for number in by_record[pk]}
    return own


def _speaks_of(entry: LoggedChange, model: Any) -> tuple[Any, int] | None:
    """Return model and internal key of the record of which an entry tells, if those who edit it may see all of it."""
    if model is Citation:
        row = entry.after or entry.before or {}
        target = ContentType.objects.get_for_id(row["content_type_id"]).model_class()
        return None if target is None else (target, row["object_id"])
    if issubclass(model, Citable):
        return model, entry.record_id
    # The text of an article is no draft: who sees it is settled elsewhere.
    return None if model is ArticleText else (record_model(model), int(entry.key))


def _published(known: Iterable[tuple[LoggedChange, Any]]) -> dict[int, bool]:
    """Return whether what a citation or a link hangs on was published when it was changed, by number."""
    asked: list[tuple[int, str, int]] = []
    for entry, model in known:
        row = entry.after or entry.before or {}
        if model is Citation:
            target = ContentType.objects.get_for_id(row["content_type_id"]).model_class()
            asked.append((entry.number, target._meta.db_table if target else "", row["object_id"]))
        elif not issubclass(model, Citable):
            asked.append((entry.number, record_model(model)._meta.db_table, int(entry.key)))
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PUBLISHED, [list(column) for column in zip(*asked, strict=True)])
        return dict(cursor.fetchall())


# What is said of a row ------------------------------------------------------------------------------------------------


@cache
def shown_fields(model: Any) -> tuple[tuple[str, str, Any], ...]:
    """Return the fields of a logged row that are shown: column, name, and the model that the column points at."""
    generic = {field.ct_field: field for field in model._meta.private_fields if isinstance(field, GenericForeignKey)}
    found: list[tuple[str, str, Any]] = []
    for field in model._meta.concrete_fields:
        computed = isinstance(field, PythonColumn) and not isinstance(field, EarliestField | LatestField | PinyinField)
        if field.primary_key or field.generated or computed or field.name in ("created_at", "updated_at", "captured"):
            continue
        if field.name in generic:
            found.append((field.column, generic[field.name].name, GenericForeignKey))
        elif field.is_relation:
            found.append((field.column, field.name, field.related_model))
        elif field.name not in {other.fk_field for other in generic.values()}:
            found.append((field.column, field.name, None))
    return tuple(found)


class Keys:
    """The public keys of rows by table and internal key, looked up for many at once, those of deleted rows too."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        wanted: set[tuple[str, int]] = set()
        for each in seen:
            wanted.add(each.record)
            for row in filter(None, (each.before, each.after)):
                wanted |= set(_pointed_at(each.model, row))
        tables, ids = [table for table, _id in wanted], [pk for _table, pk in wanted]
        with connection.cursor() as cursor:
            cursor.execute(KEYS, [tables, ids])
            self._known = {(table, pk): key for table, pk, key in cursor.fetchall()}

    def key(self, table: str, pk: int) -> str:
        """Return the public key of a row."""
        return str(self._known.get((table, pk), ""))

    def row(self, model: Any, row: Row) -> Row:
        """Return the shown fields of a row, references as keys."""
        if row is None:
            return None
        found: dict[str, Any] = {}
        for column, name, target in shown_fields(model):
            value: Any = row.get(column)
            if target is GenericForeignKey:
                pointed: Any = ContentType.objects.get_for_id(value).model_class()
                value = f"{pointed.resource}/{self.key(pointed._meta.db_table, row['object_id'])}"
            elif target is not None and value is not None:
                value = self.key(target._meta.db_table, value)
            found[name] = value
        return found


def _pointed_at(model: Any, row: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for column, _name, target in shown_fields(model):
        if target is GenericForeignKey:
            pointed: Any = ContentType.objects.get_for_id(row[column]).model_class()
            yield pointed._meta.db_table, row["object_id"]
        elif target is not None and row.get(column) is not None:
            yield target._meta.db_table, row[column]


def difference(before: Row, after: Row) -> list[dict[str, Any]]:
    """Return the fields that differ between two rows; what an added or deleted row leaves empty is not said."""
    names = dict.fromkeys([*(before or {}), *(after or {})])
    pairs = ((name, (before or {}).get(name), (after or {}).get(name)) for name in names)
    empty: tuple[Any, ...] = (None, "", [])
    whole = before is None or after is None
    return [
        {"field": name, "before": old, "after": new}
        for name, old, new in pairs
        if old != new and not (whole and old in empty and new in empty)
    ]
