"""The tables as the registry knew them at an instant, within a statement: what changed since is taken from the log.

Before a statement stand common table expressions of the same names as the logged tables that have changed since, which
hide those. So whatever is compiled for the present reads the past unchanged. Rows that did not change come from the
tables themselves, with their indexes; of a row that did, the first change since tells how it was before. Each part
reads one table only, which lets PostgreSQL look rows up in it for each row of another.

What a reader may not see now he does not see in the past either: such a record counts as a draft at every instant.
"""

import re
from collections.abc import Collection, Iterator
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
# In the place of the state that a record had. Expressions of a statement see the tables of the present until one of
# them hides these, and never themselves.
STATE = """
    CASE WHEN past.id IN (SELECT id FROM "{now}") THEN past.state
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
    elif kind == "jsonb":
        value = f"nullif(entry.before -> {name}, 'null')"
    elif kind.endswith("]"):
        row = f"jsonb_populate_record(NULL::{quote(model._meta.db_table)}, entry.before)"
        value = f"({row}).{quote(str(field.column))}"
    else:
        value = f"(entry.before ->> {name})::{kind}"
    return f"{value} AS {quote(str(field.column))}"


def _parts(model: type[Model], asked: str, state: str, renamed: str) -> Iterator[str]:
    """Yield queries that together give the rows of a logged table as they were, each over one table.

    `renamed` names the expression of the rows whose searched names, which are those of another table, have changed.
    """
    quote = connection.ops.quote_name
    table, pk = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    own = f"FROM changed_since WHERE table_name = {literal(model._meta.db_table)}"
    same = f"past.{pk} NOT IN (SELECT record_id {own})"
    columns = ", ".join(f"past.{quote(str(field.column))}" for field in model._meta.concrete_fields)
    others = f" AND past.{pk} NOT IN (SELECT id FROM {renamed})" if renamed else ""
    yield f"SELECT {columns} FROM {table} AS past WHERE {same}{others}"
    if renamed:
        made = columns_at(model, asked=asked)
        yield f"SELECT {made} FROM {table} AS past WHERE past.{pk} = ANY(ARRAY(SELECT id FROM {renamed})) AND {same}"
    stored = ", ".join(_logged_column(model, field) for field in model._meta.concrete_fields if not is_computed(field))
    kept = ""
    if getattr(model, "gone_for_good", False):
        kept = f" WHERE (SELECT true FROM {table} AS present WHERE present.{pk} = past.{pk})"
    yield (
        f"SELECT {columns_at(model, asked=asked, state=state)} FROM (SELECT {stored} FROM common_loggedchange AS entry"
        f" WHERE entry.table_name = {literal(model._meta.db_table)} AND entry.before IS NOT NULL"
        f" AND entry.number = ANY(ARRAY(SELECT number {own}))) AS past{kept}"
    )


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

    def __init__(self, moment: str, changed: Collection[str], viewer: Reader) -> None:
        self.moment, self.changed, self.viewer = moment, changed, viewer
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
        state = ""
        if visible := _seen_now(model, self.viewer):
            now, state = f"now_{table}", STATE.format(now=f"now_{table}", table=table)
            own = f"SELECT record_id FROM changed_since WHERE table_name = {literal(table)}"
            self.before.append(
                f'"{now}" (id) AS MATERIALIZED (SELECT id FROM ({visible}) AS visible (id) WHERE id IN ({own}))'
            )
        renamed = ""
        if names:
            renamed = f'"renamed_{table}"'
            self.before.append(f"{renamed} (id) AS MATERIALIZED ({' UNION '.join(map(self._owners, names))})")
        parts = " UNION ALL ".join(_parts(model, asked, state, renamed))
        self.rebuilt[table] = f'"{table}" AS NOT MATERIALIZED ({parts})'

    def _owners(self, field: NamesField) -> str:
        """Return a query for the rows that a row of names belongs to, or belonged to, that has changed."""
        return (
            f"SELECT (held ->> {literal(field.owner)})::bigint FROM common_loggedchange AS entry,"
            f" LATERAL (VALUES (entry.before), (entry.after)) AS both_states (held)"
            f" WHERE held IS NOT NULL AND entry.table_name = {literal(field.names)}"
            f" AND {is_open_at(self.moment, 'entry')}"
        )


def known_at(text: str, snapshot: Parameter | str, changed: Collection[str], viewer: Reader = None) -> str:
    """Return a statement that reads the tables as they were in a snapshot, since which some have changed."""
    moment = f"{spell(snapshot)}::pg_snapshot"
    rebuilding = _Rebuilding(moment, changed, viewer)
    for table in sorted(set(_names().findall(text))):
        rebuilding.rebuild(table, text)
    if not rebuilding.rebuilt:
        return text
    tables = ", ".join(map(literal, sorted(rebuilding.rebuilt)))
    first = CHANGED.format(tables=tables, is_open=is_open_at(moment, "entry"))
    before = ", ".join([first, *rebuilding.before, *rebuilding.rebuilt.values()])
    # As a subquery, because it may begin with expressions of its own.
    return f"WITH {before} SELECT * FROM ({text}) AS asked"
