"""Working days: what a deadline of so many of them is, with the holidays and make-up days that the State Council sets.

The library knows the years for which these are published, which happens each autumn. Of a later day one knows only the
weekday: a deadline that lies there, or is counted over it, is provisional.
"""

from datetime import date, timedelta
from typing import NamedTuple

import chinese_calendar
from chinese_calendar.constants import holidays

KNOWN_YEARS = range(min(holidays).year, max(holidays).year + 1)
WEEKEND = 5  # the first weekday that is none of work
DAY = timedelta(days=1)


class Deadline(NamedTuple):
    """The last day of a deadline, and whether holidays may still move it."""

    day: date
    is_provisional: bool

    @property
    def edtf(self) -> str:
        """The day as a date in EDTF, marked as uncertain where it is provisional."""
        return f"{self.day.isoformat()}{'?' if self.is_provisional else ''}"


def is_working_day(day: date) -> bool:
    """Whether people work on a day; of a year that is not known, whether it is no weekend."""
    if day.year not in KNOWN_YEARS:
        return day.weekday() < WEEKEND
    return bool(chinese_calendar.is_workday(day))


def after(day: date, number: int) -> Deadline:
    """Return the day that is so many working days behind another one, which is not counted itself."""
    found = day
    for _each in range(number):
        found += DAY
        while not is_working_day(found):
            found += DAY
    return Deadline(found, number > 0 and found.year not in KNOWN_YEARS)
