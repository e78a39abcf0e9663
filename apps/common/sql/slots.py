"""Parameters of a statement that is still being put together."""

import re
from typing import Any

from django.db.models import Expression, Field, QuerySet
from psycopg import sql

# Stands around the name of a slot in a text that is still being put together; nothing else can hold it.
MARK = "\0"


class Parameter(Expression):
    """The place of a value that is given when the statement runs."""

    def __init__(self, name: str, output_field: "Field[Any, Any] | None" = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def __repr__(self) -> str:
        return f"Slot({self.name})"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return a placeholder whose parameter is the slot itself."""
        return "%s", [self]

    def __str__(self) -> str:
        """Return the slot as it stands in a text that is put together by hand."""
        return f"{MARK}{self.name}{MARK}"


class OpaqueParameter(Parameter):
    """A slot whose value the planner does not look at: one plan serves all values, and the database keeps it."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return a subquery, which runs before the rest and is no constant to the planner."""
        return "(SELECT %s)", [self]


def literal(value: Any) -> str:
    """Return a value as an SQL literal."""
    return sql.Literal(value).as_string()


def spell(value: Any) -> str:
    """Return a slot or a value as it stands in a text."""
    return str(value) if isinstance(value, Parameter) else literal(value)


def text_of(queryset: QuerySet[Any]) -> str:
    """Return the SQL of a queryset, with its constants written out and its slots marked."""
    text, params = queryset.query.sql_with_params()
    rest = iter(params)

    def fill(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return spell(next(rest))

    return re.sub(r"%[%s]", fill, text)
