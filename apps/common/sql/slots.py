"""The places of values in a statement that is still being put together."""

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from psycopg import sql

# Stands around the name of a parameter in a text that is still being put together; nothing else can hold it.
MARK = "\0"


class Parameter(Expression):
    """The place of a value that is given when the statement runs."""

    def __init__(self, name: str, output_field: Field | None = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def __repr__(self) -> str:
        return f"Parameter({self.name})"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """Return a placeholder for which the parameter itself is filled in."""
        return "%s", [self]

    def __str__(self) -> str:
        """Return the parameter as it stands in a text that is put together by hand."""
        return f"{MARK}{self.name}{MARK}"


class OpaqueParameter(Parameter):
    """A parameter whose value the planner does not look at: one plan serves all values, and the database keeps it."""

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """Return a subquery, which runs before the rest and is no constant to the planner."""
        return "(SELECT %s)", [self]


def literal(value: object) -> str:
    """Return a value as an SQL literal."""
    return sql.Literal(value).as_string()


def spell(value: object) -> str:
    """Return a parameter or a value as it stands in a text."""
    return str(value) if isinstance(value, Parameter) else literal(value)


def text_of(queryset: QuerySet) -> str:
    """Return the SQL of a queryset, with its constants written out and its parameters marked."""
    text, params = queryset.query.sql_with_params()
    rest = iter(params)

    def fill(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return spell(next(rest))

    return re.sub(r"%[%s]", fill, text)
