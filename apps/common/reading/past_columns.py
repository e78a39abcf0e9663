"""The columns of rows of the past: as they stand in a row of a table, or in the JSON of an entry of the change log."""

import re
from collections.abc import Iterable
from typing import cast

from django.db import connection
from django.db.models import Field, GeneratedField, Model

from apps.common.rules.change_log import is_computed
from apps.common.sql.slots import literal
from apps.common.values.ngram_columns import TriggerColumn


def columns_at(model: type[Model], *, asked: str = "") -> str:
    """Return the select list of a table's columns from rows of stored columns called `past`.

    What the database computes is computed, where that costs much only if the text `asked` names the column.
    """
    return columns_of(model._meta.concrete_fields, words(asked))


def columns_of(fields: Iterable[Field], asked: frozenset[str]) -> str:
    """Return the same for some columns and the words of a text."""
    quote = connection.ops.quote_name
    found = []
    for field in fields:
        name = quote(str(field.column))
        found.append(f"{computed(field, asked)} AS {name}" if is_computed(field) else f"past.{name}")
    return ", ".join(found)


def computed(field: Field, asked: frozenset[str]) -> str:
    """Return what the database computes of a row called `past`; nothing where that costs much and is not asked for."""
    if isinstance(field, TriggerColumn):
        text = field.made_sql("past") if field.column in asked else "NULL"
    else:
        expression, params = cast("GeneratedField", field).generated_sql(connection)
        text = expression % tuple(map(literal, params))
    return f"({text})::{field.db_type(connection)}"


def words(text: str) -> frozenset[str]:
    """Return the words of a statement, by which it is known which columns it may ask for."""
    return frozenset(re.findall(r"\w+", text))


def logged_column(model: type[Model], field: Field, row: str) -> str:
    """Return a stored column of a row in JSON."""
    return collated(field, logged_value(model, field, row))


def logged_value(model: type[Model], field: Field, row: str) -> str:
    """Return the value of a stored column of a row in JSON."""
    quote = connection.ops.quote_name
    name, kind = literal(field.column), field.db_type(connection) or ""
    if kind == "jsonb":
        return f"nullif({row} -> {name}, 'null')"
    if kind.endswith("]"):
        return f"(jsonb_populate_record(NULL::{quote(model._meta.db_table)}, {row})).{quote(str(field.column))}"
    return f"({row} ->> {name})::{kind}"


def collated(field: Field, value: str) -> str:
    """Return a value as a column, with its collation: parts whose columns differ are not looked up in."""
    quote = connection.ops.quote_name
    collation = getattr(field, "db_collation", None)
    return f"{value}{f' COLLATE {quote(collation)}' if collation else ''} AS {quote(str(field.column))}"


def plain_columns(fields: Iterable[Field]) -> str:
    """Return some columns of rows called `past`, as they stand there."""
    return ", ".join(f"past.{connection.ops.quote_name(str(field.column))}" for field in fields)
