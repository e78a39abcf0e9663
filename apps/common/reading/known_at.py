"""The tables as the registry knew them at an instant, rebuilt from the change log within a statement.

Before a statement stand common table expressions of the same names as the logged tables that it reads, which hide
those. So whatever is compiled for the present reads the past unchanged.

What a reader may not see now he does not see in the past either: such a record counts as a draft at every instant.
"""

import re
from functools import cache

from django.db import connection
from django.db.models import GeneratedField, Model

from apps.common.models.records import Fact
from apps.common.rules.change_log import logged_models
from apps.common.rules.territory import Reader
from apps.common.sql.slots import Parameter, literal, spell, text_of
from apps.common.values.ngram_columns import TriggerColumn

# In the place of the state that a record had. Expressions of a statement see the tables of the present until one of
# them hides these, and never themselves.
STATE = """
    CASE WHEN past.id IN (SELECT id FROM "{now}") THEN past.state
         WHEN past.id IN (SELECT id FROM "{table}") THEN 'draft'
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
            made = field.made_sql("past") if re.search(rf"\b{field.column}\b", asked) else "NULL"
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


def table_at(table: str, instant: str, *, asked: str = "", state: str = "") -> str:
    """Return a query for the rows that a logged table held at an instant, which is given as SQL (see `columns_at`)."""
    model = logged_models()[table]
    kept = ""
    if getattr(model, "gone_for_good", False):
        pk = connection.ops.quote_name(str(model._meta.pk.column))
        kept = f' AND past.{pk} IN (SELECT {pk} FROM "{table}")'
    return (
        f"SELECT {columns_at(model, asked=asked, state=state)} FROM"
        " (SELECT DISTINCT ON (record_id) after FROM common_loggedchange"
        f" WHERE table_name = '{table}' AND at <= {instant} ORDER BY record_id, number DESC) AS newest,"
        f' LATERAL jsonb_populate_record(NULL::"{table}", newest.after) AS past WHERE newest.after IS NOT NULL{kept}'
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


def known_at(text: str, instant: Parameter, viewer: Reader = None) -> str:
    """Return a statement that reads the tables as they were at an instant, for a reader."""
    when = f"{spell(instant)}::timestamptz"
    seen: list[str] = []
    rebuilt: dict[str, str] = {}

    def rebuild(table: str, asked: str) -> None:
        model = logged_models()[table]
        state, now = "", f"now_{table}"
        if visible := _seen_now(model, viewer):
            seen.append(f'"{now}" (id) AS MATERIALIZED ({visible})')
            state = STATE.format(now=now, table=table)
        made = columns_at(model, asked=asked)
        # What a table's columns are made of has to be rebuilt before it.
        for other in sorted(set(_names().findall(made)) - {table} - set(rebuilt)):
            rebuild(other, made)
        # Rebuilt once, and not again for each row of another table that looks something up in it.
        rebuilt[table] = f'"{table}" AS MATERIALIZED ({table_at(table, when, asked=asked, state=state)})'

    for table in sorted(set(_names().findall(text))):
        if table not in rebuilt:
            rebuild(table, text)
    # As a subquery, because it may begin with expressions of its own.
    before = ", ".join([*seen, *rebuilt.values()])
    return f"WITH {before} SELECT * FROM ({text}) AS asked" if rebuilt else text
