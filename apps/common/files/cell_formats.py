"""What a style shows of the number in a cell: a date, or zeros before its digits; a spreadsheet stores neither."""

import re
from datetime import date
from typing import NamedTuple

from apps.common.files.packages import Package, not_a_workbook

# Numbers of formats that every spreadsheet knows (ECMA-376, 18.8.30; from 27 on those of East Asia, of which some show
# a date in one country and a time in another).
DATES = {14, 15, 16, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58}
MONTHS = {17}
MOMENTS = {22}
TIMES = {18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56}
MOST_STYLES = 100_000
ZEROS = re.compile("0{2,40}")
# What of a format is no letter of it: quoted text, an escaped character, colours and conditions, blanks and fillings.
ASIDE = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|[_*].', re.IGNORECASE)


class Styles(NamedTuple):
    """The styles of a workbook that show something else than a number, by their numbers."""

    dates: dict[int, "DateFormat"]
    digits: dict[int, int]  # how many digits are shown at least


NO_STYLES = Styles({}, {})


class DateFormat(NamedTuple):
    """What a style shows of a moment: whether its year, month or day, and the finest of these."""

    is_date: bool
    finest: str = "day"

    def written(self, day: date) -> str:
        """Return a day as precisely as the style shows it, where nothing is lost by that."""
        if self.finest == "year" and (day.month, day.day) == (1, 1):
            return f"{day:%Y}"
        if self.finest in ("year", "month") and day.day == 1:
            return f"{day:%Y-%m}"
        return day.isoformat()


def read_format(number: int, code: str | None) -> DateFormat | None:
    """Return what a format shows of a moment; None where it shows a number. `code` is None for one without a code."""
    if code is None:
        if number in DATES | MOMENTS:
            return DateFormat(True)
        if number in MONTHS:
            return DateFormat(True, "month")
        return DateFormat(False) if number in TIMES else None
    letters = ASIDE.sub("", code.partition(";")[0]).lower()
    if "general" in letters or not re.search(r"[ymdhs]", letters):
        return None
    if "y" not in letters and "d" not in letters:
        # Minutes, unless months stand alone.
        return DateFormat(True, "month") if re.fullmatch(r"[^hs]*m[^hs]*", letters) else DateFormat(False)
    finest = "day" if "d" in letters else "month" if "m" in letters else "year"
    return DateFormat(True, finest)


def read_styles(package: Package, path: str) -> Styles:
    """Return the styles of a workbook. Raises Refusal."""
    codes: dict[int, str] = {}
    styles: list[int] = []
    inside = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if tag in ("cellXfs", "cellStyleXfs", "dxfs"):
            inside = tag
        elif tag == "numFmt" and inside != "dxfs":
            codes[_whole(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif tag == "xf" and inside == "cellXfs":
            styles.append(_whole(attributes.get("numFmtId")))
            if len(styles) > MOST_STYLES:
                raise not_a_workbook()

    package.parse(path, start)
    dates = {number: read_format(style, codes.get(style)) for number, style in enumerate(styles)}
    digits = {number: len(codes[style]) for number, style in enumerate(styles) if ZEROS.fullmatch(codes.get(style, ""))}
    return Styles({number: shown for number, shown in dates.items() if shown is not None}, digits)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0
