"""The meaning of relative dates, counted from an article's date of issue: 去年6月, 近日. Text in, EDTF out.

A wording means an interval of days once the anchor is a day. Where the anchor is itself an interval (a month, a year, a
date that is open on one side), the beginning is counted from its first day and the end from its last; what the anchor
leaves open stays open. So an article without a date leaves `../..`, and nothing is invented.
"""

import re
from datetime import date, timedelta
from typing import NamedTuple

from apps.common.values.dates import bounds

TODAY = {"今天": 0, "今日": 0, "今": 0, "昨天": -1, "昨日": -1, "昨": -1, "前天": -2, "明天": 1, "明日": 1}
YEARS = {"今年": 0, "本年": 0, "去年": -1, "前年": -2, "明年": 1}
MONTHS = {"本月": 0, "上月": -1, "上个月": -1, "下月": 1, "下个月": 1}
NUMERALS = {name: number for number, name in enumerate((*"一二三四五六七八九十", "十一", "十二"), start=1)}

# Some time up to the issue of the article, which says no more.
UP_TO_NOW = {
    *("近日", "日前", "近期", "最近", "不久前", "前不久", "此前", "近来", "新近"),
    *("近年", "近年来", "近些年来", "近几年", "近几年来", "多年来"),
    *("目前", "迄今", "至今", "截至目前", "新开张", "新添"),
}
# Some time from the issue of the article on.
FROM_NOW = {"即将", "今后", "未来", "不久后"}
BY_YEAR_END = {"年底前", "今年年底前", "今年底前", "年内", "今年内", "今年年内"}
SINCE_NEW_YEAR = {"今年以来", "年初以来", "今年年初以来", "今年初以来"}
PAST_YEAR = {"过去的一年", "过去一年", "近一年来", "一年来"}

DAY = re.compile(rf"({'|'.join(TODAY)})(?:凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚)?")
_MONTH = "|".join(sorted(NUMERALS, key=len, reverse=True))
MONTH_OF_YEAR = re.compile(rf"({'|'.join(YEARS)})(?:([0-9]{{1,2}}|{_MONTH})月)?(?:([0-9]{{1,2}})[日号])?")


class Anchor(NamedTuple):
    """A date of issue: as written at either end (empty where it is open), and the days that it can mean."""

    start: str
    end: str
    first: date | None
    last: date | None


def resolve(wording: str, anchor: str) -> str | None:
    """Return the EDTF date that a wording means in an article issued at `anchor`; None for one that is not known.

    `anchor` is EDTF too; the empty text stands for an article without a date. Raises EDTFError for any other text.
    """
    try:
        found = _resolve(wording.strip(), _read(anchor))
    except OverflowError:  # the day before the first of all days
        return None
    return found if found and _exists(found) else None


def _resolve(wording: str, issued: Anchor) -> str | None:
    if day := DAY.fullmatch(wording):
        return _day(issued, TODAY[day[1]])
    if month := MONTH_OF_YEAR.fullmatch(wording):
        return _of_year(issued, YEARS[month[1]], month[2], month[3])
    if wording in MONTHS:
        return _span(_month(issued.first, MONTHS[wording]), _month(issued.last, MONTHS[wording]))
    if wording in UP_TO_NOW:
        return f"../{issued.end or '..'}"
    if wording in FROM_NOW:
        return f"{issued.start or '..'}/.."
    if wording in BY_YEAR_END:
        return _span(issued.start, issued.last and f"{issued.last.year:04}-12-31")
    if wording in SINCE_NEW_YEAR:
        return _span(issued.first and f"{issued.first.year:04}-01-01", issued.end)
    if wording in PAST_YEAR:
        return _span(_month(issued.first, -12), issued.end)
    return None


def _read(anchor: str) -> Anchor:
    first, last = bounds(anchor)
    start, slash, end = anchor.partition("/")
    return Anchor(start.strip("."), (end if slash else start).strip("."), first, last)


def _day(issued: Anchor, shift: int) -> str:
    if not shift:
        return _span(issued.start, issued.end)
    step = timedelta(days=shift)
    return _span(issued.first and (issued.first + step).isoformat(), issued.last and (issued.last + step).isoformat())


def _of_year(issued: Anchor, shift: int, month: str | None, day: str | None) -> str | None:
    if day and not month:
        return None
    tail = ""
    for part in (month, day):
        tail += f"-{NUMERALS.get(part) or int(part):02}" if part else ""
    return _span(*(bound and f"{bound.year + shift:04}{tail}" for bound in (issued.first, issued.last)))


def _exists(edtf: str) -> bool:
    """Return whether a text is a date: 今年13月 is none."""
    try:
        bounds(edtf)
    except ValueError:
        return False
    return True


def _month(day: date | None, shift: int) -> str:
    """Return the month that lies so many months after the one of a day."""
    if day is None:
        return ""
    year, month = divmod(day.year * 12 + day.month - 1 + shift, 12)
    return f"{year:04}-{month + 1:02}"


def _span(start: str | date | None, end: str | date | None) -> str:
    """Return the interval from start to end; a single date where they are the same and neither is open."""
    if start == end and start:
        return str(start)
    return f"{start or '..'}/{end or '..'}"
