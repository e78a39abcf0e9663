"""COPY of many rows into the tables of models: what is not given is computed as the model does, or is its default."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

import psycopg
from django.apps import apps
from django.db import models
from psycopg import sql

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 5_000
NULL = r"\N"


def text_of(value: Any) -> str:
    """Return a value in COPY's text format."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | tuple):
        return "{" + ",".join(map(str, value)) + "}"
    text = str(value)
    if "\\" in text or "\n" in text or "\t" in text:
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return text


class Loader:
    """Fills the tables of one database; the triggers of the model rest, but for those that fill columns."""

    def __init__(self, connection: psycopg.Connection[Any], say: Callable[[str], None]) -> None:
        self.connection = connection
        self.say = say
        self.counts: dict[str, int] = {}

    def copy(self, label: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Load rows into the table of a model. A row begins with its primary key."""
        model = apps.get_model(label)
        names, line = _writer(model, columns)
        table = sql.Identifier(model._meta.db_table)
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table, sql.SQL(", ").join(map(sql.Identifier, names)))
        found, count = iter(rows), 0
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            while batch := list(islice(found, BATCH)):
                copy.write("".join(map(line, batch)))
                count += len(batch)
        if isinstance(model._meta.pk, models.AutoField):
            self.connection.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}").format(
                    sql.Literal(model._meta.db_table), table
                )
            )
        self.counts[label] = count
        self.say(f"{count:,} {label}")


def _writer(model: type[models.Model], columns: Sequence[str]) -> "tuple[list[str], Callable[[Sequence[Any]], str]]":
    """Return the columns of a model's table, and what turns a given row into a line of COPY."""
    places = {name: place for place, name in enumerate(columns)}
    names: list[str] = []
    parts: list[Callable[[Sequence[Any]], str]] = []
    for field in model._meta.concrete_fields:
        if isinstance(field, models.GeneratedField) or (field.column not in places and _is_left_to_the_database(field)):
            continue
        names.append(field.column)
        parts.append(_part(field, places))

    def line(row: Sequence[Any]) -> str:
        return "\t".join([part(row) for part in parts]) + "\n"

    return names, line


def _is_left_to_the_database(field: Any) -> bool:
    """Return whether the table gives the column its value: by a default of its own, or by a trigger (n-grams)."""
    return field.has_db_default() or field.get_internal_type() in ("NgramsField", "SearchVectorField")


def _part(field: Any, places: dict[str, int]) -> Callable[[Sequence[Any]], str]:
    """Return what gives one column of a row as text."""
    if field.column in places:
        place = places[field.column]
        return lambda row: text_of(row[place])
    # Not isinstance: apps.common.values.columns cannot be imported before the settings.
    if sources := getattr(field, "sources", ()):
        defaults = {name: field.model._meta.get_field(name).get_default() for name in sources}
        given = [(name, places[name]) for name in sources if name in places]
        compute: Callable[..., str] = cache(
            lambda *values: text_of(
                field.computed(defaults | {name: value for (name, _place), value in zip(given, values, strict=True)})
            )
        )
        return lambda row: compute(*(row[place] for _name, place in given))
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        # Instants differ from row to row, and are the same in each build.
        return lambda row: datetime.fromtimestamp(EPOCH.timestamp() + row[0], UTC).isoformat()
    constant = text_of(field.get_default())
    return lambda _row: constant


@contextmanager
def triggers_resting(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Let no trigger or foreign key look at each row, but for triggers that fill a column (`NEW.x := ...`)."""
    filling = connection.execute(
        """SELECT tgrelid::regclass::text, tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
           WHERE NOT tgisinternal AND tgtype & 7 = 7 AND prosrc ~ '(^|[;\\n]|BEGIN|THEN)\\s*NEW\\.\\w+\\s*:?='"""
    ).fetchall()
    connection.execute("SET session_replication_role = replica")
    _enable(connection, filling, "ALWAYS ")
    try:
        yield
    finally:
        connection.execute("SET session_replication_role = origin")
        _enable(connection, filling, "")


def _enable(connection: psycopg.Connection[Any], triggers: list[Any], how: str) -> None:
    for table, name in triggers:
        connection.execute(f'ALTER TABLE {table} ENABLE {how}TRIGGER "{name}"')


@contextmanager
def indexes_made_last(connection: psycopg.Connection[Any], say: Callable[[str], None]) -> Iterator[None]:
    """Take away all indexes but those of primary keys, and make them again, just as they were, behind the block."""
    constraints = connection.execute(
        """SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
                  format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
           FROM pg_constraint WHERE contype = 'u' AND connamespace = 'public'::regnamespace"""
    ).fetchall()
    indexes = connection.execute(
        """SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid) FROM pg_index
           JOIN pg_class ON pg_class.oid = indrelid
           WHERE relnamespace = 'public'::regnamespace
                 AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"""
    ).fetchall()
    for drop, _make in constraints + indexes:
        connection.execute(drop)
    yield
    connection.execute("SET maintenance_work_mem = '512MB'")
    for _drop, make in constraints + indexes:
        connection.execute(make)
    say(f"{len(constraints) + len(indexes)} indexes made")
