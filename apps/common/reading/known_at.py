"""The tables as the registry knew them at an instant, within a statement: what changed since is taken from the log.

Before a statement stand common table expressions of the same names as the logged tables that have changed since, which
hide those. So whatever is compiled for the present reads the past unchanged. Rows that did not change come from the
tables themselves, with their indexes; of a row that did, the first change since tells how it was before. Each part
reads one table only, which lets PostgreSQL look rows up in it for each row of another.

For a list all changes since are collected once; for a single record, of which few rows are read, each row is looked up
in the log. The snapshot stands in subqueries, so that one plan serves all instants.

What a reader may not see now he does not see in the past either: such a record counts as a draft at every instant.
"""

import re
from collections.abc import Collection
from functools import cache

from django.db import connection
from django.db.models import Field, GeneratedField, Model

from apps.common.models.records import Fact
from apps.common.rules.change_log import is_computed, logged_models
from apps.common.rules.territory import Reader
from apps.common.rules.transactions import is_open_at
from apps.common.sql.slots import Parameter, literal, spell, text_of
from apps.common.values.ngram_columns import NamesField, TriggerColumn

# The first change of each row since the instant.
CHANGED = """
    changed_since AS MATERIALIZED (
        SELECT DISTINCT ON (table_name, record_id) table_name, record_id, number FROM common_loggedchange AS entry
        WHERE table_name IN ({tables}) AND {is_open} ORDER BY table_name, record_id, number
    )
"""
# Whether the last change of a row (before an entry) was made since. Those of one row commit in their order.
LAST_IS_OPEN = """
    (SELECT {is_open} FROM common_loggedchange AS other
     WHERE other.table_name = '{table}' AND other.record_id = {pk}{before} ORDER BY other.number DESC LIMIT 1)
"""
# In the place of the state that a record had. Expressions of a statement see the tables of the present until one of
# them hides these, and never themselves.
STATE = """
    CASE WHEN EXISTS (SELECT FROM {now} WHERE visible.id = past.id) THEN past.state
         WHEN EXISTS (SELECT FROM "{table}" AS present WHERE present.id = past.id) THEN 'draft'
         WHEN (SELECT before ->> 'state' FROM common_loggedchange WHERE table_name = '{table}' AND record_id = past.id
               ORDER BY number DESC LIMIT 1) = 'published' THEN past.state
         ELSE 'draft' END
"""


def columns_at(model: type[Model], *, asked: str = "", state: str = "") -> str:
    """Return the select list of a table's columns from rows of stored columns called `past`.

    What the database computes is computed, where that costs much only if the text `asked` names the column. `state`
    stands in the place of the column of that name.
    """
    quote = connection.ops.quote_name
    found = []
    for field in model._meta.concrete_fields:
        name = quote(str(field.column))
        if isinstance(field, TriggerColumn):
            made = field.made_sql("past") if _names_column(asked, field) else "NULL"
            text = f"({made})::{field.db_type(connection)} AS {name}"
        elif isinstance(field, GeneratedField):
            expression, params = field.generated_sql(connection)
            text = f"({expression % tuple(map(literal, params))})::{field.db_type(connection)} AS {name}"
        elif state and field.column == "state":
            text = f"({state})::{field.db_type(connection)} AS {name}"
        else:
            text = f"past.{name}"
        found.append(text)
    return ", ".join(found)


def _names_column(text: str, field: Field) -> bool:
    return bool(re.search(rf"\b{field.column}\b", text))


def _logged_column(model: type[Model], field: Field) -> str:
    """Return a stored column of the row that an entry of the log holds as `before`."""
    quote = connection.ops.quote_name
    name, kind = literal(field.column), field.db_type(connection) or ""
    if field.primary_key:
        value = "entry.record_id"  # the same, and indexed
    elif field.name == getattr(model, "key_field", ""):
        value = f"entry.key::{kind}"  # likewise
    elif kind == "jsonb":
        value = f"nullif(entry.before -> {name}, 'null')"
    elif kind.endswith("]"):
        row = f"jsonb_populate_record(NULL::{quote(model._meta.db_table)}, entry.before)"
        value = f"({row}).{quote(str(field.column))}"
    else:
        value = f"(entry.before ->> {name})::{kind}"
    if collation := getattr(field, "db_collation", None):
        value += f" COLLATE {quote(collation)}"  # parts whose columns differ are not looked up in
    return f"{value} AS {quote(str(field.column))}"


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

    def __init__(self, moment: str, changed: Collection[str], viewer: Reader, *, is_single: bool) -> None:
        self.moment, self.changed, self.viewer, self.is_single = moment, changed, viewer, is_single
        self.before: list[str] = []  # expressions that read tables of the present
        self.rebuilt: dict[str, str] = {}

    def rebuild(self, table: str, asked: str) -> None:
        """Add the expression of a table, where it or what its columns are made of has changed."""
        model = logged_models()[table]
        names = [
            field
            for field in model._meta.concrete_fields
            if isinstance(field, NamesField) and field.names in self.changed and _names_column(asked, field)
        ]
        if table in self.rebuilt or not (table in self.changed or names):
            return
        for field in names:
            self.rebuild(field.names, field.made_sql("past"))
        parts = [self._unchanged(model, names), self._changed(model, asked)]
        if names:
            self.before.append(f'"renamed_{table}" (id) AS MATERIALIZED ({" UNION ".join(map(self._owners, names))})')
            parts.append(self._renamed(model, asked))
        self.rebuilt[table] = f'"{table}" AS NOT MATERIALIZED ({" UNION ALL ".join(parts)})'

    def collected(self) -> list[str]:
        """Return the expression that collects the first change of each row, where one is needed."""
        if self.is_single:
            return []
        tables = ", ".join(map(literal, sorted(self.rebuilt)))
        return [CHANGED.format(tables=tables, is_open=is_open_at(self.moment, "entry"))]

    # Parts, each over one table

    def _unchanged(self, model: type[Model], names: list[NamesField]) -> str:
        """Return a query for the rows that are as they were, in all columns."""
        table, pk = _table_and_pk(model)
        columns = ", ".join(f"past.{connection.ops.quote_name(str(field.column))}" for field in _columns(model))
        others = f' AND past.{pk} NOT IN (SELECT id FROM "renamed_{model._meta.db_table}")' if names else ""
        return f"SELECT {columns} FROM {table} AS past WHERE {self._is_same(model)}{others}"

    def _renamed(self, model: type[Model], asked: str) -> str:
        """Return a query for the rows of which only names have changed, which stand in another table."""
        table, pk = _table_and_pk(model)
        ids = f'ARRAY(SELECT id FROM "renamed_{model._meta.db_table}")'
        made = columns_at(model, asked=asked)
        return f"SELECT {made} FROM {table} AS past WHERE past.{pk} = ANY({ids}) AND {self._is_same(model)}"

    def _changed(self, model: type[Model], asked: str) -> str:
        """Return a query for the rows that have changed, as they were before the first change."""
        table, pk = _table_and_pk(model)
        name = literal(model._meta.db_table)
        stored = ", ".join(_logged_column(model, field) for field in _columns(model) if not is_computed(field))
        if self.is_single:
            is_last = self._last_is_open(model, "entry.record_id", " AND other.number < entry.number")
            first = f"{is_open_at(self.moment, 'entry')} AND {is_last} IS NOT TRUE"
        else:
            first = f"entry.number = ANY(ARRAY(SELECT number FROM changed_since WHERE table_name = {name}))"
        kept = ""
        if getattr(model, "gone_for_good", False):
            kept = f" WHERE (SELECT true FROM {table} AS present WHERE present.{pk} = past.{pk})"
        return (
            f"SELECT {columns_at(model, asked=asked, state=self._state(model))}"
            f" FROM (SELECT {stored} FROM common_loggedchange AS entry"
            f" WHERE entry.table_name = {name} AND entry.before IS NOT NULL AND {first}) AS past{kept}"
        )

    def _is_same(self, model: type[Model]) -> str:
        """Return the condition for rows that have not changed."""
        _table, pk = _table_and_pk(model)
        if self.is_single:
            return f"{self._last_is_open(model, f'past.{pk}')} IS NOT TRUE"
        name = literal(model._meta.db_table)
        return f"past.{pk} NOT IN (SELECT record_id FROM changed_since WHERE table_name = {name})"

    def _last_is_open(self, model: type[Model], pk: str, before: str = "") -> str:
        is_open = is_open_at(self.moment, "other")
        return LAST_IS_OPEN.format(table=model._meta.db_table, pk=pk, is_open=is_open, before=before)

    def _state(self, model: type[Model]) -> str:
        """Return SQL for the state that a record had, as far as the reader may know; nothing if he may know all."""
        visible = _seen_now(model, self.viewer)
        if not visible:
            return ""
        table = model._meta.db_table
        now = f"({visible}) AS visible (id)"
        if set(_names().findall(visible)) != {table}:
            # It reads tables that may be hidden here.
            self.before.append(f'"now_{table}" (id) AS MATERIALIZED ({visible})')
            now = f'"now_{table}" AS visible'
        return STATE.format(now=now, table=table)

    def _owners(self, field: NamesField) -> str:
        """Return a query for the rows that a row of names belongs to, or belonged to, that has changed."""
        return (
            f"SELECT (held ->> {literal(field.owner)})::bigint FROM common_loggedchange AS entry,"
            f" LATERAL (VALUES (entry.before), (entry.after)) AS both_states (held)"
            f" WHERE held IS NOT NULL AND entry.table_name = {literal(field.names)}"
            f" AND {is_open_at(self.moment, 'entry')}"
        )


def _columns(model: type[Model]) -> list[Field]:
    return list(model._meta.concrete_fields)


def _table_and_pk(model: type[Model]) -> tuple[str, str]:
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), quote(str(model._meta.pk.column))


def known_at(
    text: str, snapshot: Parameter | str, changed: Collection[str], viewer: Reader = None, *, is_single: bool = False
) -> str:
    """Return a statement that reads the tables as they were in a snapshot, since which some have changed.

    `is_single` for one that reads a single record.
    """
    rebuilding = _Rebuilding(f"(SELECT {spell(snapshot)}::pg_snapshot)", changed, viewer, is_single=is_single)
    for table in sorted(set(_names().findall(text))):
        rebuilding.rebuild(table, text)
    if not rebuilding.rebuilt:
        return text
    before = ", ".join([*rebuilding.collected(), *rebuilding.before, *rebuilding.rebuilt.values()])
    # As a subquery, because it may begin with expressions of its own.
    return f"WITH {before} SELECT * FROM ({text}) AS asked"
