"""Entries of the change log as readers see them: what they may see, in fields and keys instead of columns and ids.

For somebody who does not keep the registry a record begins with its publication: changes of a draft are left out,
publishing it adds it, and taking it back into drafts deletes it. The history of a record that is hidden now is hidden
with it; the feed still has an item that it is gone.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias, TypedDict, cast

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model

from apps.common.models.logged_change import OPEN, LoggedChange
from apps.common.models.moved import Moved
from apps.common.models.records import Citable, Fact
from apps.common.rules.change_log import logged_models, owner_field
from apps.common.rules.territory import Reader, territory_of
from apps.common.values.columns import EarliestField, LatestField, PinyinField, PythonColumn
from apps.evidence.models import ArticleText
from apps.evidence.models.evidence import Evidence

KEYS = """
    SELECT DISTINCT ON (table_name, record_id) table_name, record_id, key FROM common_loggedchange
    WHERE (table_name, record_id) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
    ORDER BY table_name, record_id, number DESC
"""
# Whether records were published just before entries of the log; of a deleted one, whether it was at the end.
PUBLISHED = f"""
    SELECT asked.number, EXISTS (SELECT FROM (
        SELECT coalesce(after, before) AS row FROM common_loggedchange AS entry
        WHERE entry.table_name = asked.name AND entry.record_id = asked.id AND entry.number < asked.number
        ORDER BY entry.number DESC LIMIT 1
    ) AS newest WHERE {OPEN.format(row="newest.row")})
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS asked(number, name, id)
"""  # noqa: S608 - a text of ours
# Rows as they are, or were before they were deleted.
LAST = """
    SELECT asked.id, newest.row FROM unnest(%s::bigint[]) AS asked(id), LATERAL (
        SELECT coalesce(after, before) AS row FROM common_loggedchange AS entry
        WHERE entry.table_name = %s AND entry.record_id = asked.id ORDER BY entry.number DESC LIMIT 1
    ) AS newest
"""
# What the lists of records named just behind entries of the log.
LISTS = """
    SELECT asked.number, link.after FROM unnest(%s::bigint[], %s::text[]) AS asked(number, owner), LATERAL (
        SELECT DISTINCT ON (record_id) after FROM common_loggedchange AS entry
        WHERE entry.table_name = %s AND entry.key = asked.owner AND entry.number <= asked.number
        ORDER BY record_id, entry.number DESC
    ) AS link WHERE link.after IS NOT NULL
"""
OPERATIONS = {(False, True): "insert", (True, True): "update", (True, False): "delete"}
Row: TypeAlias = dict[str, object] | None


class FieldChange(TypedDict):
    """A field that differs between two rows."""

    field: str
    before: object
    after: object


@dataclass(frozen=True)
class Seen:
    """An entry as a reader sees it: the row before and after, where he may see it."""

    entry: LoggedChange
    model: type[Model]
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


def record_model(model: type[Model]) -> type[Citable]:
    """Return the model of the records to which the rows of a logged table belong: mostly itself."""
    return model if issubclass(model, Citable) else cast("type[Citable]", owner_field(model).related_model)


def is_link(model: type[Model]) -> bool:
    """Whether the rows of a logged table are those of a list of references."""
    concrete = model._meta.concrete_model
    return concrete is not None and bool(concrete._meta.auto_created)


def is_open(row: dict[str, object]) -> bool:
    """Whether everybody could see a logged row of a fact: published, in a status that is public."""
    return row["state"] == Fact.State.PUBLISHED and row.get("is_public") is not False


def is_keeper(user: Reader) -> bool:
    """Whether a reader keeps the whole registry, and so sees all drafts and texts."""
    return bool(territory_of(user).everything)


# Who sees what --------------------------------------------------------------------------------------------------------


def seen_by(user: Reader, entries: Sequence[LoggedChange]) -> list[Seen]:
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


def concealed(user: Reader, model: type[Model], ids: Iterable[int]) -> set[int]:
    """Return those records that a reader may not see now. Of a deleted one its last state counts."""
    asked = set(ids)
    if is_keeper(user) or not asked or not issubclass(model, Fact | Evidence):
        return set()
    rows = model.rows()
    asked -= set(rows.visible_to(user).filter(pk__in=asked).order_by().values_list("pk", flat=True))
    hidden = set(rows.filter(pk__in=asked).order_by().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(LAST, [list(asked - hidden), model._meta.db_table])
        gone = {pk: json.loads(row) if isinstance(row, str) else row for pk, row in cursor.fetchall()}
    if issubclass(model, Fact):
        return hidden | {pk for pk, row in gone.items() if not is_open(row)}
    ends = {pk: set(_pointed_at(model, row)) for pk, row in gone.items()}
    unseen = _concealed_ends(user, set().union(*ends.values()))
    return hidden | {pk for pk, pairs in ends.items() if pairs & unseen}


def not_concealed(user: Reader, seen: Iterable[Seen]) -> list[Seen]:
    """Return the entries about records that a reader may see now; of a link, both ends count."""
    if is_keeper(user):
        return list(seen)
    found = list(seen)
    ends = [
        set()
        if issubclass(each.model, Citable) and not issubclass(each.model, Evidence)
        else set(_pointed_at(each.model, each.after or each.before or {}))
        for each in found
    ]
    unseen = _concealed_ends(user, set().union(*ends))
    return [each for each, pairs in zip(found, ends, strict=True) if not pairs & unseen]


def _concealed_ends(user: Reader, pairs: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return those records, by table and internal key, that a reader may not see now."""
    models = logged_models()
    by_table: dict[str, set[int]] = defaultdict(set)
    for table, pk in pairs:
        if table in models:
            by_table[table].add(pk)
    return {(table, pk) for table, ids in by_table.items() for pk in concealed(user, models[table], ids)}


def _public(entry: LoggedChange, model: type[Model], published: dict[int, bool]) -> Seen:
    if issubclass(model, Fact):
        before, after = (row if row and is_open(row) else None for row in (entry.before, entry.after))
        return Seen(entry, model, before, after)
    if not published.get(entry.number, True):
        return Seen(entry, model, None, None)
    return Seen(entry, model, entry.before, entry.after)


def _own(user: Reader, known: Iterable[tuple[LoggedChange, type[Model]]]) -> set[int]:
    """Return the numbers of the entries about records that a reader may edit now: their drafts are no secret."""
    if not territory_of(user):
        return set()
    numbers: dict[type[Citable], dict[int, list[int]]] = {}
    for entry, model in known:
        if (record := _speaks_of(entry, model)) is not None:
            numbers.setdefault(record[0], {}).setdefault(record[1], []).append(entry.number)
    own: set[int] = set()
    for model, by_record in numbers.items():
        rows = model.rows().editable_by(user).filter(pk__in=by_record).order_by()
        own |= {number for pk in rows.values_list("pk", flat=True) for number in by_record[pk]}
    return own


def _speaks_of(entry: LoggedChange, model: type[Model]) -> tuple[type[Citable], int] | None:
    """Return model and internal key of the record that an entry is about, if those who edit it may see all of it."""
    if issubclass(model, Evidence):
        row = entry.after or entry.before or {}
        target = ContentType.objects.get_for_id(row["content_type_id"]).model_class()
        return None if target is None else (cast("type[Citable]", target), row["object_id"])
    if issubclass(model, Citable):
        return model, entry.record_id
    # The text of an article is no draft: who sees it is settled elsewhere.
    return None if model is ArticleText else (record_model(model), int(entry.key))


def _published(known: Iterable[tuple[LoggedChange, type[Model]]]) -> dict[int, bool]:
    """Return whether what evidence or a link hangs on was published when it was changed, by number."""
    asked: list[tuple[int, str, int]] = []
    for entry, model in known:
        row = entry.after or entry.before or {}
        if issubclass(model, Evidence):
            target = ContentType.objects.get_for_id(row["content_type_id"]).model_class()
            asked.append((entry.number, target._meta.db_table if target else "", row["object_id"]))
        elif not issubclass(model, Citable):
            asked.append((entry.number, record_model(model)._meta.db_table, int(entry.key)))
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PUBLISHED, [list(column) for column in zip(*asked, strict=True)])
        return dict(cursor.fetchall())


# The fields of a row --------------------------------------------------------------------------------------------------


# Column, name, and the model that the column points at.
ShownField: TypeAlias = tuple[str, str, type[Model] | type[GenericForeignKey] | None]


@cache
def shown_fields(model: type[Model]) -> tuple[ShownField, ...]:
    """Return the fields of a logged row that are shown."""
    generic = {field.ct_field: field for field in model._meta.private_fields if isinstance(field, GenericForeignKey)}
    untold = (*UNTOLD, *(OF_PARTIES if issubclass(model, Moved) else ()))
    found: list[ShownField] = []
    for field in model._meta.concrete_fields:
        computed = isinstance(field, PythonColumn) and not isinstance(field, EarliestField | LatestField | PinyinField)
        if field.primary_key or field.generated or computed or field.name in untold:
            continue
        if field.name in generic:
            found.append((str(field.column), generic[field.name].name, GenericForeignKey))
        elif field.is_relation:
            found.append((str(field.column), field.name, cast("type[Model]", field.related_model)))
        elif field.name not in {other.fk_field for other in generic.values()}:
            found.append((str(field.column), field.name, None))
    return tuple(found)


# Times of the row, texts that are not public, internal keys, and accounts.
UNTOLD = ("created_at", "updated_at", "captured", "says", "confirmed_by")
# Of a record that moves by a workflow: who sees it, and what parties told each other alone.
OF_PARTIES = ("is_public", "reason")


class Keys:
    """The public keys of rows by table and internal key, looked up for many at once, those of deleted rows too.

    A reader finds none of what he may not see now, wherever it is named.
    """

    def __init__(self, seen: Sequence[Seen], user: Reader) -> None:
        wanted: set[tuple[str, int]] = set()
        for each in seen:
            for row in filter(None, (each.before, each.after)):
                wanted |= set(_pointed_at(each.model, row))
        self._lists = dict(_lists_of(seen))
        for rows in self._lists.values():
            wanted |= {(target._meta.db_table, pk) for target, pks in rows.values() for pk in pks}
        hidden = set() if is_keeper(user) else _concealed_ends(user, wanted)
        wanted = (wanted - hidden) | {each.record for each in seen}
        tables, ids = [table for table, _id in wanted], [pk for _table, pk in wanted]
        with connection.cursor() as cursor:
            cursor.execute(KEYS, [tables, ids])
            self._known = {(table, pk): key for table, pk, key in cursor.fetchall()}
        self._hidden = hidden

    def key(self, table: str, pk: int) -> str:
        """Return the public key of a row."""
        return str(self._known.get((table, pk), ""))

    def row(self, model: type[Model], row: Row) -> Row:
        """Return the shown fields of a row, references as keys."""
        if row is None:
            return None
        found: dict[str, object] = {}
        for column, name, target in shown_fields(model):
            value = row.get(column)
            if (pointed := _end_of(column, target, row)) is not None:
                record, pk = pointed
                value = self._named(record, pk)
                if value is not None and target is GenericForeignKey:
                    value = f"{cast('type[Citable]', record).resource}/{value}"
            found[name] = value
        return found

    def lists(self, each: Seen) -> dict[str, object]:
        """Return the lists of references of a record as an entry left it, as keys."""
        found: dict[str, object] = {}
        for name, (target, pks) in self._lists.get(each.entry.number, {}).items():
            found[name] = sorted(key for pk in pks if (key := self._named(target, pk)) is not None)
        return found

    def _named(self, model: type[Model], pk: int) -> str | None:
        table = model._meta.db_table
        return None if (table, pk) in self._hidden else self.key(table, pk)


def _lists_of(seen: Iterable[Seen]) -> Iterator[tuple[int, dict[str, tuple[type[Model], list[int]]]]]:
    """Yield the entries that leave a record with lists, each with what these name, as models and internal keys."""
    by_model: dict[type[Model], list[Seen]] = {}
    for each in seen:
        if each.after is not None and each.model._meta.many_to_many:
            by_model.setdefault(each.model, []).append(each)
    for model, entries in by_model.items():
        found: dict[int, dict[str, tuple[type[Model], list[int]]]] = {each.entry.number: {} for each in entries}
        for field in model._meta.many_to_many:
            target: type[Model] = field.related_model
            for lists in found.values():
                lists[field.name] = (target, [])
            asked = [each.entry.number for each in entries], [str(each.entry.record_id) for each in entries]
            with connection.cursor() as cursor:
                cursor.execute(LISTS, [*asked, field.m2m_db_table()])
                for number, row in cursor.fetchall():
                    link = json.loads(row) if isinstance(row, str) else row
                    found[number][field.name][1].append(link[field.m2m_reverse_name()])
        yield from found.items()


def _pointed_at(model: type[Model], row: dict[str, object]) -> Iterator[tuple[str, int]]:
    for column, _name, target in shown_fields(model):
        if (pointed := _end_of(column, target, row)) is not None:
            yield pointed[0]._meta.db_table, pointed[1]


def _end_of(
    column: str, target: type[Model] | type[GenericForeignKey] | None, row: dict[str, object]
) -> tuple[type[Model], int] | None:
    """Return model and internal key of the row at which a column of a logged row points."""
    value = cast("int | None", row.get(column))
    if target is None or value is None:
        return None
    if issubclass(target, Model):
        return target, value
    kind = ContentType.objects.get_for_id(value).model_class()
    return None if kind is None else (kind, cast("int", row["object_id"]))


def difference(before: Row, after: Row) -> list[FieldChange]:
    """Return the fields that differ between two rows; what an added or deleted row leaves empty is left out."""
    names = dict.fromkeys([*(before or {}), *(after or {})])
    pairs = ((name, (before or {}).get(name), (after or {}).get(name)) for name in names)
    empty: tuple[object, ...] = (None, "", [])
    whole = before is None or after is None
    return [
        {"field": name, "before": old, "after": new}
        for name, old, new in pairs
        if old != new and not (whole and old in empty and new in empty)
    ]


def is_same(before: Row, after: Row) -> bool:
    """Whether two stored rows say the same, but for when they were last changed: a list of the record was."""
    if before is None or after is None:
        return before is after
    return all(before.get(name) == after.get(name) for name in before.keys() | after.keys() if name != "updated_at")
