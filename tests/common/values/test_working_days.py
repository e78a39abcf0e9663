"""Working days around holidays, make-up days and the end of what is known."""

from datetime import date, timedelta

import pytest

from apps.common.values.dates import bounds
from apps.common.values.working_days import KNOWN_YEARS, Deadline, after, is_working_day


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2025, 10, 1), False),  # the National Day, a Wednesday
        (date(2025, 9, 28), True),  # a Sunday on which its holidays are made up for
        (date(2025, 10, 11), True),  # a Saturday, likewise
        (date(2025, 10, 12), False),
        (date(2025, 10, 9), True),
    ],
)
def test_holidays_and_the_days_that_make_up_for_them(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_a_deadline_is_counted_over_holidays_and_behind_its_day() -> None:
    # 2025-10-01 to 08 were holidays, Saturday 2025-10-11 was worked on.
    assert after(date(2025, 9, 29), 1) == Deadline(date(2025, 9, 30), False)
    assert after(date(2025, 9, 29), 2) == Deadline(date(2025, 10, 9), False)
    assert after(date(2025, 9, 29), 4) == Deadline(date(2025, 10, 11), False)
    assert after(date(2025, 10, 3), 0) == Deadline(date(2025, 10, 3), False)


def test_a_deadline_in_a_year_that_is_not_known_is_provisional() -> None:
    last = date(KNOWN_YEARS[-1], 12, 31)
    beyond = after(last, 1)
    assert beyond.is_provisional
    assert beyond.day.year == last.year + 1
    assert beyond.day.weekday() < 5
    assert beyond.edtf.endswith("?")
    assert bounds(beyond.edtf) == (beyond.day, beyond.day)
    assert after(last - timedelta(days=30), 3).edtf == after(last - timedelta(days=30), 3).day.isoformat()


def test_this_year_is_known() -> None:
    assert date(2026, 1, 1).year in KNOWN_YEARS
