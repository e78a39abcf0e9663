"""Statements as a service runs them: outside a transaction, prepared by the connection that runs them."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from cachetools import LRUCache
from django.db import DataError, OperationalError, ProgrammingError, connection, transaction
from pytest_django import DjangoDbBlocker

from apps.common.sql import prepared as prepared_calls
from apps.common.sql.slots import Parameter, literal
from apps.common.sql.statement import STATEMENTS, Statement, size_of

Alone = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def alone(db: None, django_db_blocker: DjangoDbBlocker) -> Alone:
    """Return what runs a function on a connection of its own, as a worker's thread would."""

    def run(work: Callable[[], Any]) -> Any:
        found: list[Any] = []

        def target() -> None:
            with django_db_blocker.unblock():
                try:
                    found.append(work())
                except Exception as error:
                    found.append(error)
                finally:
                    connection.close()

        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    return run


def prepared() -> list[str]:
    """Return the names of what this connection has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'read_%' ORDER BY name")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ["五角场", "", "a%sb", None, "$1"]),
        ("bigint", [1, 40_000, 3_000_000_000, -1, None]),
        ("numeric", [Decimal("1.50"), Decimal("-1E3"), 7]),
        ("date", [date(2013, 6, 27), None]),
        ("boolean", [True, False, None]),
        ("text[]", [["a", "五"], [], ['"{,}']]),
    ],
)
def test_the_first_use_and_all_later_ones_say_the_same(alone: Alone, kind: str, values: list[Any]) -> None:
    def work() -> None:
        statement = Statement(f"SELECT {Parameter('value')}::{kind}, '100%', NULL, {Parameter('value')}::{kind}::text")
        for value in values * 3:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT ({literal(value)})::{kind}::text".replace("%", "%%"), [])
                (expected,) = cursor.fetchone()
            if kind == "boolean":
                assert statement.cells({"value": value})[0][3] == (None if value is None else expected.encode())
                continue
            written = None if expected is None else expected.encode()
            assert statement.cells({"value": value}) == [[written, b"100%", None, written]]
        assert prepared() != []

    alone(work)


def test_what_a_connection_has_prepared_is_bounded(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_calls, "PREPARED", 3)

    def work() -> list[str]:
        made = [Statement(f"SELECT {number}") for number in range(8)]
        for _again in range(3):
            for number, statement in enumerate(made):
                assert statement.cells({}) == [[str(number).encode()]]
        return prepared()

    assert len(alone(work)) == 3


def run_sql(text: str) -> None:
    """Run a statement that changes something, in the same session."""
    with connection.cursor() as cursor:
        cursor.execute(text)


@pytest.mark.parametrize(
    "loss",
    [
        "DEALLOCATE ALL",
        "DISCARD ALL",
        "DROP TABLE pg_temp.kept; CREATE TEMP TABLE kept AS SELECT 1::int AS a, 2 AS b",
        "SELECT pg_terminate_backend(pg_backend_pid())",
    ],
)
def test_a_lost_plan_or_connection_is_nothing_that_a_reader_notices(alone: Alone, loss: str) -> None:
    def work() -> list[Any]:
        make = "CREATE TEMP TABLE IF NOT EXISTS kept AS SELECT 1::int AS a"
        statement = Statement("SELECT * FROM kept" if "kept" in loss else f"SELECT {Parameter('a')}::text")
        run_sql(make)
        for _again in range(3):
            assert statement.cells({"a": "x"})
        with suppress(OperationalError):
            run_sql(loss)
        return [statement.cells({"a": "x"}) for _again in range(3)]

    expected = [[b"1", b"2"]] if "kept" in loss else [[b"x"]]
    assert alone(work) == [expected] * 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT 1 / {}::int", DataError),
        ("SELECT pg_sleep(9 + {}::int)", OperationalError),
        ("SELECT {", ProgrammingError),
    ],
)
def test_an_error_is_raised_as_django_s_own_and_only_once(alone: Alone, text: str, error: type[Exception]) -> None:
    def work() -> None:
        statement = Statement(text.format(Parameter("a")) if "{}" in text else text)
        run_sql("SET statement_timeout = '50ms'")
        for _again in range(3):
            with pytest.raises(error):
                statement.cells({"a": 0})
        run_sql("SELECT 1")

    alone(work)


def test_in_a_transaction_a_statement_sees_what_the_transaction_did(alone: Alone) -> None:
    def work() -> None:
        statement = Statement("SELECT count(*) FROM own")
        run_sql("CREATE TEMP TABLE own (a int)")
        assert [statement.cells({}) for _again in range(3)] == [[[b"0"]]] * 3
        with transaction.atomic():
            run_sql("INSERT INTO own VALUES (1)")
            assert statement.cells({}) == [[b"1"]]
            transaction.set_rollback(True)
        assert statement.cells({}) == [[b"0"]]

    alone(work)


def test_what_a_process_keeps_is_bounded_by_its_size() -> None:
    few: LRUCache[Any, Any] = LRUCache(10_000, getsizeof=size_of)
    for number in range(100):
        few[number] = (Statement("SELECT 1" + " " * 990), number)
        assert few.currsize <= 10_000
    assert 2 <= len(few) <= 5
    assert STATEMENTS.getsizeof(Statement("SELECT 1")) == 2 * len("SELECT 1")
    assert size_of(Statement("SELECT 1")) < size_of((Statement("SELECT 1"), "a text")) < 1_000 == size_of(None)
