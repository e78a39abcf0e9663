"""Partial dates in EDTF (ISO 8601-2): what a value means as an interval of days.

Pure functions: text in, dates out. The library `edtf` reads the notation; what is ours is the narrowing to dates
(no times of day) and to the years that PostgreSQL and Python both hold.
"""

from datetime import date
from functools import lru_cache
from time import struct_time

from edtf import parse_edtf
from edtf.parser.edtf_exceptions import EDTFParseException
from edtf.parser.parser_classes import DateAndTime

MAX_LENGTH = 64


class EDTFError(ValueError):
    """A text that is not an EDTF date that the registry can hold."""


@lru_cache(maxsize=4096)
def bounds(value: str) -> tuple[date | None, date | None]:
    """Return the first and the last day that an EDTF value can mean; None where that side is open or not stated.

    `2012-06` is 2012-06-01 to 2012-06-30; `../2013-06-27` is None to 2013-06-27; the empty text, which stands for
    "not stated", is None to None. Raises EDTFError for anything else than a date, a season or an interval of them.
    """
    if not value:
        return None, None
    if len(value) > MAX_LENGTH:
        raise EDTFError(f"longer than {MAX_LENGTH} characters")
    try:
        parsed = parse_edtf(value)
    except EDTFParseException as error:
        raise EDTFError("not an EDTF date, such as 2012-06, 2023~ or ../2013-06-27") from error
    if isinstance(parsed, DateAndTime):
        raise EDTFError("a time of day is not a date")
    # The library reads an empty side of an interval ("unknown" in EDTF) as ten years before or after the other side.
    first = None if value.startswith("/") else _day(parsed.lower_strict())
    last = None if value.endswith("/") else _day(parsed.upper_strict())
    if first and last and first > last:
        raise EDTFError(f"begins ({first}) after it ends ({last})")
    return first, last


def _day(moment: struct_time | float) -> date | None:
    """Turn one bound as the library gives it into a date; None for infinity and for wholly unspecified years."""
    if not isinstance(moment, struct_time) or moment.tm_year <= 0 or moment.tm_year >= 9999:
        return None
    try:
        return date(moment.tm_year, moment.tm_mon, moment.tm_mday)
    except ValueError as error:
        raise EDTFError("outside the years 1 to 9998") from error
