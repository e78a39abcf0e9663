"""A query as text with named parameters: written once, run with ever new values.

Building a query with the ORM costs more than running it. So each is built once for its *shape* (which filters with how
many values, which fields, which order), with a `Parameter` wherever a value of a request goes, and its text is kept.
"""

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from cachetools import LRUCache, cached
from django.db import InterfaceError, OperationalError, connection
from psycopg import pq

from apps.common.sql.prepared import run_prepared
from apps.common.sql.slots import MARK


def size_of(made: object) -> int:
    """Return about how many bytes something takes that is kept: a statement, or what has statements and texts."""
    if isinstance(made, Statement):
        return len(made.text) + len(made.native)
    if isinstance(made, tuple):
        return sum(map(size_of, made))
    return len(made) if isinstance(made, str) else 1_000


# Of a process, the least recently used dropped first. Most texts have 5 to 30 kB, those of the past up to 300; they
# differ by the tables that changed since.
KEPT = 64_000_000  # bytes
STATEMENTS: LRUCache[Hashable, Any] = LRUCache(KEPT, getsizeof=size_of)
_lock = threading.Lock()

Given = ParamSpec("Given")
Made = TypeVar("Made")


def kept(key: Callable[Given, Hashable]) -> Callable[[Callable[Given, Made]], Callable[Given, Made]]:
    """Return a decorator for a function that makes a statement: what it makes is kept under a key of its arguments."""
    return cached(STATEMENTS, key=key, lock=_lock)


class Statement:
    """A text that a connection prepares at its first use, and the names of its parameters in order.

    Where the plan hangs on the values, it is not kept (`plan_is_kept`), and made for each use.
    """

    def __init__(self, marked: str, *, plan_is_kept: bool = True) -> None:
        self.plan_is_kept = plan_is_kept
        pieces = marked.split(MARK)
        self.names = tuple(pieces[1::2])
        self.text = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])
        numbered = (f"${number}{piece}" for number, piece in enumerate(pieces[2::2], start=1))
        self.native = "".join((pieces[0], *numbered)).encode()

    def params(self, values: Mapping[str, object]) -> list[Any]:
        """Return the parameters, in the order of the text."""
        return [values[name] for name in self.names]

    def rows(self, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Run the statement and return its rows."""
        params = self.params(values)
        return _retried(lambda: _rows(self.text, params))

    def cells(self, values: Mapping[str, object]) -> list[list[bytes | None]]:
        """Run the statement and return its rows as the texts that PostgreSQL wrote: JSON is passed on unread."""
        params = self.params(values)
        result = run_prepared(self.native, params, self.plan_is_kept) or _retried(lambda: _result(self.text, params))
        columns = range(result.nfields)
        return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]


def _retried(run: Callable[[], Made]) -> Made:
    """Return what a reading statement finds; run it once more where the connection turns out to have been lost.

    So the check of the connection, with which Django begins each request, is not needed here: it would cost as much as
    the statement.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return run()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return run()


def _rows(text: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _result(text: str, params: Sequence[Any]) -> "pq.abc.PGresult":
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        result: pq.abc.PGresult = cursor.pgresult
    return result
