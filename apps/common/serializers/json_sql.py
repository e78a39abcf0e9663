"""SQL expressions that write JSON."""

import json
from collections.abc import Callable, Iterable, Iterator

from django.db.models import Field

from apps.common.sql.slots import literal

# What a function of PostgreSQL takes.
MOST_ARGUMENTS = 100


class Constant(str):
    """A piece of JSON that stands in the statement as it is."""


class Value:
    """SQL of any type, and how it is written as JSON: as `to_json` does, NULL as null."""

    def __init__(self, sql: str, *, null: bool = True) -> None:
        self.sql = sql
        self.null = null

    def __str__(self) -> str:
        """Return the SQL as a column of a query."""
        return self.sql

    def pieces(self) -> tuple[str, ...]:
        """Return what `concat` makes the JSON of: SQL that is never NULL, and constants."""
        return (f"coalesce(to_json({self.sql})::text, 'null')" if self.null else f"to_json({self.sql})",)


class Bare(Value):
    """SQL that is never NULL and whose text is JSON already: a whole number."""

    def __init__(self, sql: str) -> None:
        super().__init__(sql, null=False)

    def pieces(self) -> tuple[str, ...]:
        return (self.sql,)


class Truth(Value):
    """SQL for what is true or false, which `to_json` writes three times as slowly."""

    def pieces(self) -> tuple[str, ...]:
        unknown = f" WHEN ({self.sql}) IS NULL THEN 'null'" if self.null else ""
        return (f"CASE WHEN {self.sql} THEN 'true'{unknown} ELSE 'false' END",)


class Sentences(Value):
    """One of some texts, by the first condition that holds; NULL where none does."""

    def __init__(self, *cases: tuple[str, str]) -> None:
        self.cases = cases
        super().__init__(self._written(literal, "NULL"))

    def pieces(self) -> tuple[str, ...]:
        return (self._written(lambda text: literal(json.dumps(text, ensure_ascii=False)), "'null'"),)

    def _written(self, write: Callable[[str], str], otherwise: str) -> str:
        whens = " ".join(f"WHEN {condition} THEN {write(text)}" for condition, text in self.cases)
        return f"(CASE {whens} ELSE {otherwise} END)"


class Unescaped(Value):
    """A text of which nothing has to be escaped in JSON, of constants and of SQL that is never NULL."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts
        super().__init__(
            " || ".join(literal(part) if isinstance(part, Constant) else part for part in parts), null=False
        )

    def pieces(self) -> tuple[str, ...]:
        return (Constant('"'), *self.parts, Constant('"'))


class Written(Value):
    """JSON as SQL of type text: an object or an array."""

    def __str__(self) -> str:
        return f"({self.sql})::json"

    def pieces(self) -> tuple[str, ...]:
        return (f"coalesce({self.sql}, 'null')" if self.null else self.sql,)


def object_of(fields: Iterable[tuple[str, Value]]) -> str:
    """Return SQL, of type text and never NULL, for a JSON object of named values."""
    pieces: list[str] = []
    for name, value in fields:
        pieces += [Constant(f"{',' if pieces else '{'}{json.dumps(name)}:"), *value.pieces()]
    return _concatenated([*_run_together(pieces), Constant("}" if pieces else "{}")])


def _run_together(pieces: Iterable[str]) -> Iterator[str]:
    """Yield pieces with constants that stand side by side made one."""
    constant = ""
    for piece in pieces:
        if isinstance(piece, Constant):
            constant += piece
            continue
        if constant:
            yield Constant(constant)
            constant = ""
        yield piece
    if constant:
        yield Constant(constant)


def _concatenated(pieces: list[str]) -> str:
    """Return one call of `concat` for all pieces, or calls within a call where they are too many."""
    found = [literal(str(piece)) if isinstance(piece, Constant) else piece for piece in pieces]
    while len(found) > MOST_ARGUMENTS:
        groups = (found[at : at + MOST_ARGUMENTS] for at in range(0, len(found), MOST_ARGUMENTS))
        found = [f"concat({', '.join(group)})" for group in groups]
    return f"concat({', '.join(found)})"


def choice_label(column: str, field: Field, shown: Callable[[str], str] = str) -> str:
    """Return the label of a choice in the active language, each as `shown` gives it."""
    cases = " ".join(f"WHEN {literal(value)} THEN {literal(shown(str(label)))}" for value, label in field.flatchoices)
    return f"(CASE {column} {cases} ELSE {column} END)"
