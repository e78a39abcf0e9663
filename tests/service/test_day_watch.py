"""What has lapsed is written at the start of the service, after each midnight, and again where that failed."""

import threading
from datetime import date

import pytest

from apps.service import day_watch


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
    monkeypatch.setattr(day_watch, "run", run)
    monkeypatch.setattr(day_watch, "INTERVAL", 0.0)
    monkeypatch.setattr(day_watch, "PAUSE", 0.0)
    day_watch._watch(stopped)
    assert ticked == [(date(2026, 3, 1), 1), (date(2026, 3, 1), 0), (date(2026, 3, 2), 0)]


def test_the_watch_ends_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_watch, "run", lambda *command, stopped: 0)
    with day_watch.days_tick():
        assert [each for each in threading.enumerate() if each.name == "days"]
    assert not [each for each in threading.enumerate() if each.name == "days"]
