"""The tables as the registry knew them at an instant, rebuilt from the change log within a statement.

Before a statement stand common table expressions of the same names as the logged tables that it reads, which hide
those. So whatever is compiled for the present reads the past unchanged.
"""

import re
from functools import cache
from typing import Any

from django.db import connection

from apps.common.log import logged_models
from apps.common.statements import Slot, literal, spell


def columns_at(model: Any, source: str) -> str:
    """Return the select list of a table's columns from rows of stored columns, the computed ones computed."""
    quote = connection.ops.quote_name
    found = []
    for field in model._meta.concrete_fields:
        text = quote(field.column)
        if field.generated:
            expression, params = field.generated_sql(connection)
            text = f"({expression % tuple(map(literal, params))})::{field.db_type(connection)} AS {text}"
        else:
            text = f"{source}.{text}"
        found.append(text)
    return ", ".join(found)


def table_at(table: str, instant: str) -> str:
    """Return a query for the rows that a logged table held at an instant, which is given as SQL."""
    return (
        f"SELECT {_columns(table)} FROM (SELECT DISTINCT ON (record_id) after FROM common_loggedchange"  # noqa: S608
        f" WHERE table_name = '{table}' AND at <= {instant} ORDER BY record_id, number DESC) AS newest,"
        f' LATERAL jsonb_populate_record(NULL::"{table}", newest.after) AS past WHERE newest.after IS NOT NULL'
    )


@cache
def _columns(table: str) -> str:
    return columns_at(logged_models()[table], "past")


@cache
def _names() -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(map(re.escape, logged_models()))})\b")


def at_instant(text: str, instant: Slot) -> str:
    """Return a statement that reads the tables as they were at an instant."""
    tables = sorted(set(_names().findall(text)))
    if not tables:
        return text
    when = f"{spell(instant)}::timestamptz"
    # Rebuilt once, and not again for each row of another table that looks something up in it.
    rebuilt = ", ".join(f'"{table}" AS MATERIALIZED ({table_at(table, when)})' for table in tables)
    return f"WITH {rebuilt} {text}"
