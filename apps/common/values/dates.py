"""Partial dates in EDTF (ISO 8601-2): what a value means as an interval of days.

Pure functions: text in, dates out. The library `edtf` reads the notation; what is ours is the narrowing to dates
(no times of day) and to the years that PostgreSQL and Python both hold.
"""

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from time import struct_time
from typing import Any

from django.utils.translation import gettext, gettext_noop
from edtf import parse_edtf

MAX_LENGTH = 64
# The registry is about one city, which has had no summer time since 1991.
LOCAL_TIME = timezone(timedelta(hours=8), "UTC+8")

# What dates, seasons, sets and intervals of them are written with. It leaves out times of day, and years with a letter
# (Y170000002, Y1E99999999), which mean years that cannot be stored and which the library may take forever to compute.
_CHARACTERS = re.compile(r"[0-9X.~?%\[\]{},/-]+")
# A month or day of which one digit is unspecified: the library half reads it and stumbles.
_HALF_SPECIFIED = re.compile(r"-[~?%]?(X[0-9]|[0-9]X)")

_NOT_EDTF = gettext_noop("not an EDTF date, such as 2012-06, 2023~ or ../2013-06-27")


def today() -> date:
    """Return the day that it is in the city."""
    return datetime.now(LOCAL_TIME).date()


class EDTFError(ValueError):
    """A text that is not an EDTF date that the registry can hold; `str()` says why in English, `reason` to a reader."""

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(reason % values)
        self._reason, self._values = reason, values

    @property
    def reason(self) -> str:
        """What is wrong with the text, in the reader's language."""
        return gettext(self._reason) % self._values


@lru_cache(maxsize=4096)
def bounds(value: str) -> tuple[date | None, date | None]:
    """Return the first and the last day that an EDTF value can mean; None where that side is open or not stated.

    `2012-06` is 2012-06-01 to 2012-06-30; `../2013-06-27` is None to 2013-06-27; the empty text, which stands for
    "not stated", is None to None. Raises EDTFError for anything else than a date, a season or an interval of them.
    """
    if not value:
        return None, None
    if len(value) > MAX_LENGTH:
        raise EDTFError(gettext_noop("longer than %(limit)s characters"), limit=MAX_LENGTH)
    if "T" in value:
        raise EDTFError(gettext_noop("a time of day is not a date"))
    if not _CHARACTERS.fullmatch(value) or _HALF_SPECIFIED.search(value):
        raise EDTFError(_NOT_EDTF)
    try:
        parsed: Any = parse_edtf(value)
        lower, upper = parsed.lower_strict(), parsed.upper_strict()
    except Exception as error:  # beside its own exception the library raises whatever its code stumbles over
        raise EDTFError(_NOT_EDTF) from error
    # The library reads an empty side of an interval ("unknown" in EDTF) as ten years before or after the other side.
    unspecified = "X" in value
    first = None if value.startswith("/") else _day(lower, unspecified)
    last = None if value.endswith("/") else _day(upper, unspecified)
    if first and last and first > last:
        raise EDTFError(gettext_noop("begins (%(first)s) after it ends (%(last)s)"), first=first, last=last)
    return first, last


def is_over(value: str, day: date) -> bool:
    """Whether the last day that a valid EDTF value can mean has passed by a day; a value that is open never has."""
    last = bounds(value)[1]
    return last is not None and last < day


def _day(moment: struct_time | float, unspecified: bool) -> date | None:
    """Turn one bound as the library gives it into a date; None for infinity and for unspecified years (XXXX)."""
    if not isinstance(moment, struct_time):
        return None
    if moment.tm_year <= 0 or moment.tm_year >= 9999:
        if unspecified:
            return None
        raise EDTFError(gettext_noop("outside the years 1 to 9998"))
    try:
        return date(moment.tm_year, moment.tm_mon, moment.tm_mday)
    except ValueError as error:
        raise EDTFError(gettext_noop("a day that does not exist")) from error
