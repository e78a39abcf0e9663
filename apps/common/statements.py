"""SQL that is written once and run with ever new values: how Django's query becomes text with named places.

Building a query with the ORM costs more than running it. So each is built once for its *shape* (which filters with how
many values, which fields, which order), with a `Slot` wherever a value of a request goes, and its text is kept.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Expression, Field, QuerySet
from psycopg import Connection, errors, pq, sql
from psycopg import OperationalError as PsycopgOperationalError
from psycopg.adapt import PyFormat, Transformer

# Texts kept by one process; the oldest goes first. A text has some 5 kB.
KEPT = 2_000
# Statements that a connection holds prepared; the database keeps a plan of each, half a megabyte for a long one.
PREPARED = 100
# The database has no such plan (any more), or it is of another shape of the tables.
PLAN_IS_LOST = {"26000", "0A000"}
# The server ends the connection (57P..), or has ended it (08...); where it died without a word, there is no code.
CONNECTION_IS_LOST = ("57P", "08", "")
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


class Unread(Slot):
    """A slot whose value the planner does not look at: one plan serves all values, and the database keeps it."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return a subquery, which runs before the rest and is no constant to the planner."""
        return "(SELECT %s)", [self]


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
    """A text that is prepared at its second use on a connection, and the names of its slots in order.

    Where the plan hangs on the values, it is not kept (`plan_is_kept`), and made for each use.
    """

    def __init__(self, marked: str, *, plan_is_kept: bool = True) -> None:
        self.plan_is_kept = plan_is_kept
        pieces = marked.split(MARK)
        self.names = tuple(pieces[1::2])
        self.text = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])
        numbered = (f"${number}{piece}" for number, piece in enumerate(pieces[2::2], start=1))
        self.native = "".join((pieces[0], *numbered)).encode()

    def params(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the parameters, in the order of the text."""
        return [values[name] for name in self.names]

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the statement and return its rows."""
        params = self.params(values)
        return _retried(lambda: _rows(self.text, params))

    def cells(self, values: Mapping[str, Any]) -> list[list[bytes | None]]:
        """Run the statement and return its rows as the texts that PostgreSQL wrote: JSON is passed on unread."""
        params = self.params(values)
        result = _run_prepared(self.native, params, self.plan_is_kept) or _retried(lambda: _result(self.text, params))
        columns = range(result.nfields)
        return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]


class Prepared:
    """The statements that one connection has prepared, run by libpq's own call.

    A cursor of psycopg waits, looks up and converts in Python; for one record that costs three times what this does.
    """

    def __init__(self, raw: "Connection[Any]") -> None:
        self.raw = raw
        self._transformer = Transformer(raw)
        self._names: OrderedDict[tuple[bytes, tuple[int, ...]], bytes] = OrderedDict()
        self._seen: set[bytes] = set()
        self._made = 0

    def run(self, text: bytes, params: Sequence[Any], plan_is_kept: bool) -> "pq.abc.PGresult | None":
        """Run a text; return None at its first use, and where its plan or the connection turns out to be lost."""
        try:
            return self._run(text, params, plan_is_kept)
        except PsycopgOperationalError:  # libpq has no connection by which to send it
            self._lose()
            return None

    def _run(self, text: bytes, params: Sequence[Any], plan_is_kept: bool) -> "pq.abc.PGresult | None":
        if not plan_is_kept:
            values, types = self._dumped(params)
            formats = self._transformer.formats
            return self._checked(self.raw.pgconn.exec_params(text, values, types, formats))
        if text not in self._seen:
            if len(self._seen) >= KEPT:
                self._seen.clear()
            self._seen.add(text)
            return None
        values, types = self._dumped(params)
        key = (text, types)
        name = self._names.get(key)
        if name is None:
            name = self._prepare(key)
        else:
            self._names.move_to_end(key)
        result = self.raw.pgconn.exec_prepared(name, values, self._transformer.formats)
        return self._checked(result)

    def _dumped(self, params: Sequence[Any]) -> tuple[Any, tuple[int, ...]]:
        """Return the parameters as they are sent, and their types."""
        values = self._transformer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        return values, tuple(self._transformer.types or ())

    def _prepare(self, key: tuple[bytes, tuple[int, ...]]) -> bytes:
        self._made += 1
        name = b"read_%d" % self._made
        if self._checked(self.raw.pgconn.prepare(name, *key)):
            self._names[key] = name
        if len(self._names) > PREPARED:
            _key, oldest = self._names.popitem(last=False)
            self.raw.pgconn.exec_(b"DEALLOCATE " + oldest)
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


def _run_prepared(text: bytes, params: Sequence[Any], plan_is_kept: bool) -> "pq.abc.PGresult | None":
    """Run a text by way of what the thread's connection has prepared, or return None: the cursor can do all the rest.

    Not in a transaction, whose beginning psycopg may still have to send, nor while somebody looks at the queries.
    """
    raw: Connection[Any] | None = connection.connection
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


def _retried(run: Callable[[], Any]) -> Any:
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
