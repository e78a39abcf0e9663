"""The tables as the registry knew them at an instant, within a statement: what changed since is taken from the log.

Before a statement stand common table expressions of the same names as the logged tables that have changed since, which
hide those. So whatever is compiled for the present reads the past unchanged. Rows that did not change come from the
tables themselves, with their indexes; of a row that did, the first change since tells how it was before. Both are
parts of one UNION ALL. The parts over a table of the present stand without a condition: the conditions stand around the
union, with the number of the part that each is for. Only so does PostgreSQL look up and sort their rows by indexes.

Where rows are chosen and counted, all that changed are looked through. So their keys, references and states are read
from the log once, and the rest only of those that are found.

Of one record, and of the rows that are chosen for a page, only few rows are looked at, each by a key or a reference,
and most changes change none of these: such rows are found in the table itself (`_RebuildingForOne`), and the log is
asked for each of them whether it has changed since. Only those that moved, as the log says, are read from there
beforehand.

The snapshot stands in subqueries, so that one plan serves all instants.

What a reader may not see now he does not see in the past either: such a record counts as a draft at every instant.
"""

import re
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from django.db import connection
from django.db.models import Field, Model

from apps.common.models.logged_change import OPEN
from apps.common.models.records import Fact
from apps.common.reading.past_columns import (
    collated,
    columns_of,
    computed,
    logged_column,
    logged_value,
    plain_columns,
    words,
)
from apps.common.rules.change_log import is_computed, is_lookup, logged_models
from apps.common.rules.territory import Reader
from apps.common.rules.transactions import is_open_at
from apps.common.sql.slots import Parameter, literal, spell, text_of
from apps.common.values.ngram_columns import NamesField

# The first change of each row since the instant, or the first by which it moved.
CHANGED = """
    changed_since AS MATERIALIZED (
        SELECT DISTINCT ON (table_name, record_id) table_name, record_id, number FROM common_loggedchange AS entry
        WHERE table_name IN ({tables}){kind} AND {is_open} ORDER BY table_name, record_id, number
    )
"""
# What a row held before a change; NULL where it had not been added.
BEFORE = "before #> '{}'"
# The same for a row that is there: JSON's null where it had not been added, or is found as one that moved.
UNMOVED = f"CASE WHEN moves THEN 'null' ELSE coalesce({BEFORE}, 'null') END"
# One of these of the first change of a row; NULL where it did not change.
HELD = """
    (SELECT {held} AS held FROM common_loggedchange AS entry
     WHERE table_name = '{table}' AND record_id = past.{key} AND {is_open} ORDER BY {first}number LIMIT 1)
"""
# The keys, references and states of the rows of a table as they were before that change.
FIRST = """
    {read} AS MATERIALIZED (
        SELECT past.* FROM (
            SELECT {columns}, entry.{rest}
            FROM changed_since AS changed JOIN common_loggedchange AS logged ON logged.number = changed.number,
                 LATERAL (SELECT logged.number, logged.before #> '{{}}' AS held OFFSET 0) AS entry
            WHERE changed.table_name = '{table}' AND logged.before IS NOT NULL
        ) AS past {gone}
    )
"""
# The same as the reader may see them.
SEEN = """,
    {first} AS {how} (SELECT {columns}, {rest} FROM {read} AS past)
"""
# In the place of the state that a record had.
STATE = """
    CASE WHEN EXISTS (SELECT FROM ({visible}) AS visible (id) WHERE visible.id = past.id) THEN past.state
         WHEN EXISTS (SELECT FROM "{table}" AS present WHERE present.id = past.id) THEN 'draft'
         WHEN (SELECT {open} FROM common_loggedchange WHERE table_name = '{table}' AND record_id = past.id
               ORDER BY number DESC LIMIT 1) THEN past.state
         ELSE 'draft' END
"""


class Changed(NamedTuple):
    """The logged tables of which rows have changed since an instant, and those of them of which rows have moved."""

    tables: frozenset[str]
    moved: frozenset[str]


@cache
def everything() -> Changed:
    """Return that any row may have changed."""
    tables = frozenset(logged_models())
    return Changed(tables, tables)


@cache
def _names() -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(map(re.escape, logged_models()))})\b")


def _seen_now(model: type[Model], viewer: Reader) -> str:
    """Return SQL for the internal keys of the records that a reader may see now; nothing if these are all."""
    if not issubclass(model, Fact):
        return ""
    rows = model._default_manager.visible_to(viewer).order_by()
    return text_of(rows.values("pk")) if rows.query.where else ""


class _Rebuilding:
    """The expressions that hide the tables of one statement."""

    kind = ""  # of changes
    rest = "number"  # of what is read from the log at once, by which the rest of a row is found
    how = "MATERIALIZED"  # whether a reader may see a row is looked up for each that was read

    def __init__(self, moment: str, changed: Changed, viewer: Reader) -> None:
        self.changed, self.viewer = changed, viewer
        self.logged = changed.tables  # of which rows are read from the log
        self.is_open = is_open_at(moment, "entry")
        self.before: list[str] = []  # expressions that read tables of the present
        self.rebuilt: dict[str, str] = {}

    def rebuild(self, table: str, asked: frozenset[str]) -> None:
        """Add the expressions of a table, where it or what its columns are made of has changed."""
        model = logged_models()[table]
        names = [
            field
            for field in model._meta.concrete_fields
            if isinstance(field, NamesField) and field.names in self.changed.tables and field.column in asked
        ]
        if table in self.rebuilt or not (table in self.changed.tables or names):
            return
        for field in names:
            self.rebuild(field.names, words(field.made_sql("past")))
        is_there = self._is_there(model)
        is_alone = not names and table not in self.logged
        parts, conditions = {0: self._as_it_is(model, asked, is_alone=is_alone)}, {0: is_there}
        if table in self.logged:
            self.before.append(self._first(model, self._kept(model, asked)))
            parts[1], conditions[1] = self._as_logged(model, asked), "true"
        if names:
            renamed = f'"renamed_{table}"'
            self.before.append(f"{renamed} (id) AS MATERIALIZED ({' UNION '.join(map(self._owners, names))})")
            parts[2] = self._as_renamed(model, asked)
            conditions[2] = f"{is_there} AND past.id = ANY(ARRAY(SELECT id FROM {renamed}))"
            conditions[0] = f"{is_there} AND past.id NOT IN (SELECT id FROM {renamed})"
        numbered = " OR ".join(f"(past.part = {number} AND {each})" for number, each in conditions.items())
        union = " UNION ALL ".join(f"SELECT {part}" for part in parts.values())
        rows = self._rows(model, f"({union}) AS past WHERE {numbered}", asked)
        self.rebuilt[table] = f'"{table}" AS NOT MATERIALIZED ({rows})'

    def expressions(self) -> list[str]:
        """Return all expressions: first that which collects the first change of each row."""
        tables = ", ".join(map(literal, sorted(self.logged.intersection(self.rebuilt))))
        collected = CHANGED.format(tables=tables, kind=self.kind, is_open=self.is_open)
        return [*([collected] if tables else []), *self.before, *self.rebuilt.values()]

    def _kept(self, model: type[Model], asked: frozenset[str]) -> list[Field]:
        """Return the columns that are read from the log at once: keys, references, choices, of those asked for."""

        def is_kept(field: Field) -> bool:
            is_short = bool(field.choices) or field.db_type(connection) in ("bigint", "integer")
            is_key = field.primary_key or field.name == getattr(model, "key_field", "")
            return is_key or (is_short and not is_computed(field) and field.column in asked)

        return [field for field in model._meta.concrete_fields if is_kept(field)]

    def _fields(self, model: type[Model], _asked: frozenset[str]) -> Collection[Field]:
        """Return the columns that the rows have."""
        return model._meta.concrete_fields

    def _as_it_is(self, model: type[Model], asked: frozenset[str], *, is_alone: bool) -> str:
        """Return the part of the rows as they are. `is_alone`: there is no other part."""
        return f'{plain_columns(self._fields(model, asked))}, 0 AS part FROM "{model._meta.db_table}" AS past'

    def _is_there(self, model: type[Model]) -> str:
        """Return the condition for the rows of that part: those that have not changed."""
        name = literal(model._meta.db_table)
        return f"past.{_key(model)} NOT IN (SELECT record_id FROM changed_since WHERE table_name = {name})"

    def _as_logged(self, model: type[Model], asked: frozenset[str]) -> str:
        """Return the part of the changed rows as they were; columns not kept are looked up, if asked for."""
        quote, kept = connection.ops.quote_name, self._kept(model, asked)
        stored = ", ".join(
            f"kept.{quote(str(field.column))}" if field in kept else logged_column(model, field, "entry.before")
            for field in model._meta.concrete_fields
            if not is_computed(field)
        )
        entries = "common_loggedchange AS entry ON entry.number = kept.number"
        rows = f"(SELECT {stored} FROM {_first_name(model)} AS kept LEFT JOIN {entries}) AS past"
        return f"{columns_of(model._meta.concrete_fields, asked)}, 1 AS part FROM {rows}"

    def _as_renamed(self, model: type[Model], asked: frozenset[str]) -> str:
        """Return the part of the rows of which names have changed, which stand in another table."""
        return f'{columns_of(self._fields(model, asked), asked)}, 2 AS part FROM "{model._meta.db_table}" AS past'

    def _rows(self, model: type[Model], parts: str, asked: frozenset[str]) -> str:
        """Return the query for the rows of a table from all its parts."""
        return f"SELECT {plain_columns(self._fields(model, asked))} FROM {parts}"

    def _first(self, model: type[Model], kept: Collection[Field]) -> str:
        """Return the expression that reads some columns of the changed rows, as they were, from the log."""
        table, quote = model._meta.db_table, connection.ops.quote_name
        seen = []
        for field in kept:
            name, kind = quote(str(field.column)), field.db_type(connection)
            visible = _seen_now(model, self.viewer) if field.column == "state" else ""
            state = f"({STATE.format(visible=visible, table=table, open=OPEN.format(row='before'))})::{kind} AS {name}"
            seen.append(state if visible else self._unpacked(field))
        gone = ""
        if getattr(model, "gone_for_good", False):
            key = _key(model)
            gone = f'WHERE EXISTS (SELECT FROM "{table}" AS present WHERE present.{key} = past.{key})'
        read, first = quote(f"read_{table}"), _first_name(model)
        columns = ", ".join(logged_column(model, field, "entry.held") for field in kept)
        return FIRST.format(read=read, columns=columns, rest=self.rest, table=table, gone=gone) + SEEN.format(
            first=first, how=self.how, columns=", ".join(seen), rest=self._rest(model), read=read
        )

    def _rest(self, model: type[Model]) -> str:
        """Return what the rest of a row is found by, or the row itself."""
        return f"past.{self.rest}"

    def _unpacked(self, field: Field) -> str:
        """Return a column of a row that was read from the log."""
        return plain_columns([field])

    def _owners(self, field: NamesField) -> str:
        """Return a query for the rows that a row of names belongs to, or belonged to, that has changed."""
        return (
            f"SELECT (held ->> {literal(field.owner)})::bigint FROM common_loggedchange AS entry,"
            f" LATERAL (VALUES (entry.before), (entry.after)) AS both_states (held)"
            f" WHERE held IS NOT NULL AND entry.table_name = {literal(field.names)}"
            f" AND {self.is_open}"
        )


MANY = 6  # tables


class _RebuildingForOne(_Rebuilding):
    """The same for a statement about one record: rows that did not move are found in the table.

    Each part has one more column, `held`: the row as it was before its first change since, NULL of one that has not
    changed. What rows are found by stands in the parts as it was, and all else is taken from there.
    """

    kind, rest = " AND moves", "held"

    def __init__(self, moment: str, changed: Changed, viewer: Reader) -> None:
        super().__init__(moment, changed, viewer)
        self.logged = changed.moved
        # Whether a reader may see a row is looked up for those that are found. Where many tables have such rows, that
        # is done for all of them: a statement that reads them hundreds of times is otherwise planned for seconds.
        self.how = "MATERIALIZED" if len(changed.moved) > MANY else "NOT MATERIALIZED"

    def _fields(self, model: type[Model], asked: frozenset[str]) -> list[Field]:
        # Those alone that are asked for, or that these are computed of: there are many parts to be set up.
        fields = model._meta.concrete_fields
        texts = (computed(field, asked) for field in fields if is_computed(field) and field.column in asked)
        asked = asked.union(*map(words, texts))
        return [field for field in fields if field.primary_key or field.column in asked]

    def _kept(self, model: type[Model], asked: frozenset[str]) -> list[Field]:
        return [field for field in self._fields(model, asked) if is_lookup(field)]

    def _as_it_is(self, model: type[Model], asked: frozenset[str], *, is_alone: bool) -> str:
        held, part = self._held(model, UNMOVED, "moves DESC, "), super()._as_it_is(model, asked, is_alone=is_alone)
        # By a join the log is asked once for each row. But a part of a union that is a join has no plan for a row at a
        # time; there the log is asked twice, by the condition and by what is selected.
        return (
            f"entry.held, {part} LEFT JOIN LATERAL {held} AS entry ON true" if is_alone else f"{held} AS held, {part}"
        )

    def _is_there(self, _model: type[Model]) -> str:
        return "past.held IS DISTINCT FROM 'null'"

    def _as_logged(self, model: type[Model], asked: frozenset[str]) -> str:
        columns = (
            plain_columns([field]) if is_lookup(field) else collated(field, f"NULL::{field.db_type(connection)}")
            for field in self._fields(model, asked)
        )
        # What had not been added then held nothing. The condition also keeps the part a subquery; a plain scan of an
        # expression has no plan for a row at a time.
        rows = f"{_first_name(model)} AS past WHERE past.held IS NOT NULL"
        return f"past.held, {', '.join(columns)}, 1 AS part FROM {rows}"

    def _as_renamed(self, model: type[Model], asked: frozenset[str]) -> str:
        return f"{self._held(model, UNMOVED, 'moves DESC, ')} AS held, {super()._as_renamed(model, asked)}"

    def _held(self, model: type[Model], held: str, first: str = "") -> str:
        return HELD.format(held=held, table=model._meta.db_table, key=_key(model), is_open=self.is_open, first=first)

    def _rows(self, model: type[Model], parts: str, asked: frozenset[str]) -> str:
        quote = connection.ops.quote_name
        stored, columns = ["past.held"], []
        for field in self._fields(model, asked):
            name, now = quote(str(field.column)), quote(f"now_{field.column}")
            changed = "CASE WHEN past.held IS NULL THEN past.{} ELSE {} END AS {}"
            if is_lookup(field):
                stored.append(f"past.{name}")
                columns.append(f"past.{name}")
            elif is_computed(field):
                stored.append(f"past.{name} AS {now}")
                columns.append(changed.format(now, computed(field, asked), name))
            else:
                stored.append(changed.format(name, logged_value(model, field, "past.held"), name))
                columns.append(f"past.{name}")
        return f"SELECT {', '.join(columns)} FROM (SELECT {', '.join(stored)} FROM {parts}) AS past"

    def _rest(self, model: type[Model]) -> str:
        return f"{self._held(model, BEFORE)} AS held"  # of the first change, which need not have moved the row

    def _unpacked(self, field: Field) -> str:
        if not is_computed(field):
            return super()._unpacked(field)
        row = f'jsonb_populate_record(NULL::"{field.model._meta.db_table}", past.held)'
        return collated(field, f"(SELECT {computed(field, frozenset())} FROM {row} AS past)")


def _first_name(model: type[Model]) -> str:
    return connection.ops.quote_name(f"first_{model._meta.db_table}")


def _key(model: type[Model]) -> str:
    """Return the column of the internal key of a table: not all call it id."""
    return connection.ops.quote_name(str(model._meta.pk.column))


def known_at(
    text: str,
    snapshot: Parameter | str,
    changed: Changed,
    viewer: Reader = None,
    *,
    of_one: bool = False,
    found: str = "",
) -> str:
    """Return a statement that reads the tables as they were in a snapshot, since which some have changed.

    `of_one`: it is about one record, or some of which the keys are known, and reads few rows of the tables, by their
    keys and references. `found`: a statement that this function has returned, to which the text refers as `found`.
    """
    kind = _RebuildingForOne if of_one else _Rebuilding
    rebuilding = kind(f"(SELECT {spell(snapshot)}::pg_snapshot)", changed, viewer)
    asked = words(text)
    for table in sorted(set(_names().findall(text))):
        rebuilding.rebuild(table, asked)
    # First, because what stands behind the others reads the tables of the present no more.
    before = [f"found AS MATERIALIZED ({found})"] if found else []
    if rebuilding.rebuilt:
        before += rebuilding.expressions()
    # As a subquery, because it may begin with expressions of its own.
    return f"WITH {', '.join(before)} SELECT * FROM ({text}) AS asked" if before else text
