"""What has lapsed is written at the start of the service, after each midnight, and again where that failed."""

import threading
from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from apps.service import day_watch
from tests.factories import NeedFactory


def test_each_day_ticks_once_and_a_failed_one_again(monkeypatch: pytest.MonkeyPatch) -> None:
    days = iter([date(2026, 3, 1)] * 3 + [date(2026, 3, 2)] * 3)
    codes = iter([1, 0, 0])
    ticked: list[tuple[date, int]] = []
    current: list[date] = []
    stopped = threading.Event()

    def day() -> date:
        found = next(days, None)
        if found is None:
            stopped.set()
        current[:] = [found or current[0]]
        return current[0]

    def run(*command: str, stopped: threading.Event) -> int:
        assert command == ("tick",)
        ticked.append((current[0], code := next(codes)))
        return code

    monkeypatch.setattr(day_watch, "today", day)
    monkeypatch.setattr(day_watch, "has_lapsed", lambda _day: True)
    monkeypatch.setattr(day_watch, "run", run)
    monkeypatch.setattr(day_watch, "INTERVAL", 0.0)
    monkeypatch.setattr(day_watch, "PAUSE", 0.0)
    day_watch._watch(stopped)
    assert ticked == [(date(2026, 3, 1), 1), (date(2026, 3, 1), 0), (date(2026, 3, 2), 0)]


def test_the_watch_ends_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_watch, "has_lapsed", lambda _day: False)
    with day_watch.days_tick():
        assert [each for each in threading.enumerate() if each.name == "days"]
    assert not [each for each in threading.enumerate() if each.name == "days"]


@pytest.mark.parametrize("found", [False, True, OperationalError()])
def test_a_process_is_started_where_something_has_lapsed(found: object, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []
    ticked: list[tuple[str, ...]] = []
    stopped = threading.Event()

    def has_lapsed(day: date) -> object:
        asked.append(day)
        if len(asked) == 2:
            stopped.set()
        if isinstance(found, Exception):
            raise found
        return found

    def run(*command: str, stopped: threading.Event) -> int:
        ticked.append(command)
        return 0

    days = iter([date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 2)])
    monkeypatch.setattr(day_watch, "today", lambda: next(days))
    monkeypatch.setattr(day_watch, "has_lapsed", has_lapsed)
    monkeypatch.setattr(day_watch, "run", run)
    monkeypatch.setattr(day_watch, "INTERVAL", 0.0)
    monkeypatch.setattr(day_watch, "PAUSE", 0.0)
    day_watch._watch(stopped)
    # Once a day; again on the same day where the database was away.
    assert asked == [date(2026, 3, 1), date(2026, 3, 1 if isinstance(found, Exception) else 2)]
    assert ticked == [("tick",)] * (2 if found is True else 0)


def test_what_has_lapsed_is_found_until_it_is_written(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "close", lambda: None)  # the transaction of the test goes on
    assert not day_watch.has_lapsed(date(2026, 3, 2))
    NeedFactory(closes_on="2026-03-01")
    assert day_watch.has_lapsed(date(2026, 3, 2))
    assert not day_watch.has_lapsed(date(2026, 3, 1))
    call_command("tick", stdout=StringIO())
    assert not day_watch.has_lapsed(date(2026, 3, 2))
