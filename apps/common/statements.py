"""SQL that is written once and run with ever new values: how Django's query becomes text with named places.

Building a query with the ORM costs more than running it. So each is built once for its *shape* (which filters with how
many values, which fields, which order), with a `Slot` wherever a value of a request goes, and its text is kept.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from django.db import connection
from django.db.models import Expression, Field, QuerySet
from psycopg import sql

# Texts kept by one process; the oldest goes first. A text has some 5 kB.
KEPT = 2_000
# Stands around the name of a slot in a text that is still being put together; nothing else can hold it.
MARK = "\0"


class Slot(Expression):
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


def literal(value: Any) -> str:
    """Return a value as an SQL literal."""
    return sql.Literal(value).as_string()


def spell(value: Any) -> str:
    """Return a slot or a value as it stands in a text."""
    return str(value) if isinstance(value, Slot) else literal(value)


def text_of(queryset: QuerySet[Any]) -> str:
    """Return the SQL of a queryset, with its constants written out and its slots marked."""
    text, params = queryset.query.sql_with_params()
    rest = iter(params)

    def fill(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return spell(next(rest))

    return re.sub(r"%[%s]", fill, text)


class Statement:
    """A text that the database has prepared after its second use, and the names of its slots in order."""

    def __init__(self, marked: str) -> None:
        pieces = marked.split(MARK)
        self.names = tuple(pieces[1::2])
        self.text = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])

    def params(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the parameters, in the order of the text."""
        return [values[name] for name in self.names]

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the statement and return its rows."""
        with connection.cursor() as cursor:
            cursor.execute(self.text, self.params(values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


class Bounded:
    """A dictionary that forgets what was not used for the longest time. Safe for threads."""

    def __init__(self, size: int = KEPT) -> None:
        self.size = size
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what is kept under a key; it is made at the first use."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
