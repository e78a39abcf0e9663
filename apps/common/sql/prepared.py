"""Statements prepared on a connection, run by libpq's own calls."""

import threading
from collections.abc import Sequence
from typing import Any

from cachetools import LRUCache
from django.db import connection
from psycopg import Connection, errors, pq
from psycopg import OperationalError as PsycopgOperationalError
from psycopg.adapt import PyFormat, Transformer

# Statements that a connection holds prepared; the database keeps a plan of each, half a megabyte for a long one.
PREPARED = 100
# The database has no such plan (any more), or it is of another shape of the tables.
PLAN_IS_LOST = {"26000", "0A000"}
# The server ends the connection (57P..), or has ended it (08...); where it died without a word, there is no code.
CONNECTION_IS_LOST = ("57P", "08", "")


class Prepared:
    """The statements that one connection has prepared, run by libpq's own call.

    A cursor of psycopg waits, looks up and converts in Python; for one record that costs three times what this does.
    """

    def __init__(self, raw: Connection) -> None:
        self.raw = raw
        self._transformer = Transformer(raw)
        self._names: LRUCache[tuple[bytes, tuple[int, ...]], bytes] = LRUCache(PREPARED)
        self._made = 0

    def run(self, text: bytes, params: Sequence[object], plan_is_kept: bool) -> "pq.abc.PGresult | None":
        """Run a text; return None where its plan or the connection turns out to be lost."""
        try:
            return self._run(text, params, plan_is_kept)
        except PsycopgOperationalError:  # libpq has no connection by which to send it
            self._lose()
            return None

    def _run(self, text: bytes, params: Sequence[object], plan_is_kept: bool) -> "pq.abc.PGresult | None":
        values, types = self._dumped(params)
        formats = self._transformer.formats
        if not plan_is_kept:
            return self._checked(self.raw.pgconn.exec_params(text, values, types, formats))
        key = (text, types)
        name = self._names.get(key)
        if name is None and (name := self._prepare(key)) is None:
            return None
        return self._checked(self.raw.pgconn.exec_prepared(name, values, formats))

    def _dumped(self, params: Sequence[object]) -> tuple[Sequence[Any], tuple[int, ...]]:
        """Return the parameters as they are sent, and their types."""
        values = self._transformer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        return values, tuple(self._transformer.types or ())

    def _prepare(self, key: tuple[bytes, tuple[int, ...]]) -> bytes | None:
        if len(self._names) >= self._names.maxsize:
            _key, oldest = self._names.popitem()
            self.raw.pgconn.exec_(b"DEALLOCATE " + oldest)
        self._made += 1
        name = b"read_%d" % self._made
        if not self._checked(self.raw.pgconn.prepare(name, *key)):
            return None
        self._names[key] = name
        return name

    def _checked(self, result: "pq.abc.PGresult") -> "pq.abc.PGresult | None":
        """Return a good result, and None for one that the statement is not to blame for; raise what else went wrong."""
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            return result
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        if state in PLAN_IS_LOST:
            self._names.clear()
            return None
        if self.raw.closed or state[:3] in CONNECTION_IS_LOST or state[:2] in CONNECTION_IS_LOST:
            self._lose()
            return None
        with connection.wrap_database_errors:
            raise errors.error_from_result(result, self.raw.info.encoding)

    def _lose(self) -> None:
        """Close a connection that is lost, which libpq may still hold for one that is in use."""
        self.raw.close()


_own = threading.local()


def run_prepared(text: bytes, params: Sequence[object], plan_is_kept: bool) -> "pq.abc.PGresult | None":
    """Run a text by way of what the thread's connection has prepared, or return None: the cursor can do all the rest.

    Not in a transaction, whose beginning psycopg may still have to send, nor while somebody looks at the queries.
    """
    raw: Connection | None = connection.connection
    if (
        raw is None
        or raw.closed
        or connection.in_atomic_block
        or connection.execute_wrappers
        or connection.queries_logged
    ):
        return None
    known: Prepared | None = getattr(_own, "prepared", None)
    if known is None or known.raw is not raw:
        known = _own.prepared = Prepared(raw)
    return known.run(text, params, plan_is_kept)
