"""Spreadsheets (XLSX) read cell by cell: the cells decide, and never what the file says about them.

The used range (`<dimension>`), `spans` and counts are wrong in files of some programs, so they are not read. A cell is
given as the text that stands for it; what stands for nothing (a formula without its value, an error, a time of day) is
a fault of that cell. Rows and cells that hold nothing cost nothing but their reading, however many there are.

Of the libraries, openpyxl makes a row of every gap and holds all shared texts, and those over calamine a cell of every
place in the used range (decision 0027).
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from django.utils.translation import gettext

from apps.common.files.cell_formats import NO_STYLES, DateFormat, Styles, read_styles
from apps.common.files.cells import MOST_COLUMNS, MOST_FAULTS, Fault, Row, Table, cell_name, outside, unreadable
from apps.common.files.packages import Package, not_a_workbook

MOST_CHARACTERS = 32_767  # of a cell, as spreadsheets have it
LONGEST_WRITTEN = 7 * MOST_CHARACTERS  # where each is an escape
ROWS_OF_HEADING = 10  # among which the heading is
LAST_DAY = 2_958_465  # 9999-12-31
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
SURROGATES = re.compile("[\ud800-\udfff]")
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?", re.ASCII)
WHOLE = re.compile(r"-?[0-9]+", re.ASCII)


class EnoughError(Exception):
    """All was read that is wanted."""


class Book(NamedTuple):
    """What a workbook says before its cells are read."""

    sheet: str  # path of the first sheet that is shown
    others: tuple[str, ...]  # names of the others that hold something
    strings: str  # path of the shared texts, "" if there are none
    styles: Styles
    is_1904: bool  # whether days are counted from 1904 on


def read_workbook(content: bytes, most_rows: int) -> Table:
    """Return the cells of the first sheet, and no more rows than asked for. Raises Refusal."""
    package = Package(content)
    book = _book(package)
    sheet = SheetReader(book, most_rows)
    with suppress(EnoughError):
        package.parse(book.sheet, sheet.start, sheet.end, sheet.text)
    texts = TextReader(sheet.wanted)
    if sheet.wanted and book.strings:
        with suppress(EnoughError):
            package.parse(book.strings, texts.start, texts.end, texts.text)
    rows = sheet.resolved(texts.found)
    filled = [row for row in rows if _holds(row)]
    heading = filled[0] if filled else Row(1, [])
    further = [gettext("sheet “%(name)s”") % {"name": name} for name in book.others]
    if any(relation.kind in ("comments", "threadedComment") for relation in package.relations(book.sheet).values()):
        further.append(gettext("comments on cells"))
    return Table(
        heading=heading,
        rows=[_padded(row, len(heading.cells)) for row in filled[1:]],
        is_cut=sheet.is_cut,
        faults=tuple(sheet.faults),
        further=tuple(further),
    )


def _holds(row: Row) -> bool:
    return any(not cell.isspace() for cell in row.cells if cell)


def _padded(row: Row, width: int) -> Row:
    """Return a row with the empty cells that stand under the last headings."""
    return row._replace(cells=row.cells + [""] * (width - len(row.cells)))


def _book(package: Package) -> Book:
    """Return what is to be read of a workbook. Raises Refusal."""
    path = next((each.path for each in package.relations("").values() if each.kind == "officeDocument"), "")
    path = path or "/xl/workbook.xml"
    sheets: list[tuple[str, str, bool]] = []
    is_1904 = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal is_1904
        if tag == "sheet":
            key = next((value for name, value in attributes.items() if name.rpartition(":")[2] == "id"), "")
            sheets.append((attributes.get("name", ""), key, attributes.get("state", "visible") == "visible"))
        elif tag == "workbookPr":
            is_1904 = attributes.get("date1904") in ("1", "true")

    package.parse(path, start)
    relations = package.relations(path)
    found = [
        (name, relations[key].path, is_shown)
        for name, key, is_shown in sheets
        if key in relations and relations[key].kind == "worksheet" and package.has(relations[key].path)
    ]
    if not found:
        raise not_a_workbook()
    sheet = next((path for _name, path, is_shown in found if is_shown), found[0][1])
    others = tuple(name for name, path, _is_shown in found if path != sheet and package.is_filled(path))
    parts = {relation.kind: relation.path for relation in relations.values() if package.has(relation.path)}
    styles = read_styles(package, parts["styles"]) if "styles" in parts else NO_STYLES
    return Book(sheet, others, parts.get("sharedStrings", ""), styles, is_1904)


@lru_cache(maxsize=2 * MOST_COLUMNS)
def _number_of(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def unescape(text: str) -> str:
    """Return a text without the escapes of characters that XML cannot hold: `_x000D_` (ECMA-376, ST_Xstring)."""
    if "_x" not in text:
        return text
    plain = ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    # A character beyond the first plane may be two escapes.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if SURROGATES.search(plain) else plain


class SheetReader:
    """Handlers of the XML of a sheet; `rows` are what they have found, texts that are shared by their number."""

    def __init__(self, book: Book, most_rows: int) -> None:
        self._book = book
        self._most_rows = most_rows
        self.rows: list[tuple[int, list[str | int]]] = []
        self.faults: list[Fault] = []
        self.wanted: set[int] = set()
        self.is_cut = False
        self._width = MOST_COLUMNS
        self._row, self._column, self._cells = 0, -1, list[str | int]()
        self._kind, self._style, self._formula, self._phonetic = "", "", False, 0
        self._parts: list[str] | None = None
        self._length = 0
        self._is_read = False  # whether the characters that come are those of the cell

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the begin of an element."""
        if tag == "c":
            self._open_cell(attributes)
        elif self._parts is None:
            if tag == "row":
                self._open_row(attributes.get("r", ""))
        elif tag in ("v", "t"):
            self._is_read = not self._phonetic
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._phonetic += 1

    def text(self, text: str) -> None:
        """Handle characters."""
        if self._is_read and self._parts is not None:
            self._length += len(text)
            if self._length <= LONGEST_WRITTEN:
                self._parts.append(text)

    def end(self, tag: str) -> None:
        """Handle the end of an element."""
        if tag == "c" and self._parts is not None:
            self._close_cell("".join(self._parts))
            self._parts, self._is_read = None, False
        elif tag in ("v", "t"):
            self._is_read = False
        elif tag == "rPh":
            self._phonetic -= 1
        elif tag == "row":
            self._close_row()

    def resolved(self, texts: Mapping[int, str | None]) -> list[Row]:
        """Return the rows with the shared texts. Raises Refusal where there is no such text."""
        return [
            Row(row, [self._shared(row, column, cell, texts) for column, cell in enumerate(cells)])
            for row, cells in self.rows
        ]

    def _shared(self, row: int, column: int, cell: str | int, texts: Mapping[int, str | None]) -> str:
        if isinstance(cell, str):
            return cell
        if cell not in texts:
            raise not_a_workbook()
        text = texts[cell]
        return self._fault("max_length", row=row, column=column) if text is None else text

    def _open_row(self, number: str) -> None:
        row = int(number) if number.isascii() and number.isdigit() and len(number) < 8 else self._row + 1
        if row <= self._row:
            raise unreadable(gettext("The row %(row)s stands there twice, or out of order.") % {"row": row})
        self._row, self._column, self._cells = row, -1, []

    def _open_cell(self, attributes: dict[str, str]) -> None:
        match = REFERENCE.fullmatch(attributes.get("r", ""))
        column = _number_of(match[1]) if match else self._column + 1
        if column <= self._column:
            name = cell_name(self._row, column)
            raise unreadable(gettext("The cell %(cell)s stands there twice, or out of order.") % {"cell": name})
        self._column = column
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._parts, self._length, self._formula, self._phonetic = [], 0, False, 0

    def _close_cell(self, raw: str) -> None:
        if not raw and not self._formula:
            return
        if self._column >= self._width:
            if raw.strip():
                self._outside()
        elif (cell := self._cell_of(raw)) != "":
            self._cells += [""] * (self._column - len(self._cells))
            self._cells.append(cell)

    def _cell_of(self, raw: str) -> str | int:
        """Return the text of a cell, or the number of a shared one."""
        if self._length > LONGEST_WRITTEN:
            return self._fault("max_length")
        if self._formula and not raw and self._kind != "str":  # a text may be empty
            return self._fault("formula")
        match self._kind:
            case "e":
                return self._fault("error_value", raw)
            case "s":
                if not WHOLE.fullmatch(raw) or len(raw) > 9:
                    raise not_a_workbook()
                self.wanted.add(int(raw))
                return int(raw)
            case "b":
                return "true" if raw.strip() in ("1", "true") else "false"
            case "str" | "inlineStr":
                text = unescape(raw)
                return text if len(text) <= MOST_CHARACTERS else self._fault("max_length")
            case "d":
                return self._day_of(raw.strip())
        return self._number(raw.strip())

    def _outside(self) -> None:
        if not self.rows:
            raise unreadable(gettext("More than %(most)s columns; take those of an export.") % {"most": MOST_COLUMNS})
        self.faults.append(outside(self._row, self._column))
        if len(self.faults) >= MOST_FAULTS:
            raise EnoughError

    def _number(self, raw: str) -> str:
        if not NUMBER.fullmatch(raw):
            return raw
        number = float(raw)
        style = int(self._style) if self._style.isascii() and self._style.isdigit() and len(self._style) < 9 else 0
        if shown := self._book.styles.dates.get(style):
            return self._date(number, shown)
        if WHOLE.fullmatch(raw):
            return raw.zfill(self._book.styles.digits.get(style, 0))
        if abs(number) >= 1e15:  # of such a number a spreadsheet keeps the first digits alone, and writes it with an E
            return self._fault("lost_digits", raw)
        return str(int(number)) if number.is_integer() else format(Decimal(repr(number)), "f")

    def _date(self, number: float, shown: DateFormat) -> str:
        days = number + 1462 if self._book.is_1904 else number
        if not 0 <= days < LAST_DAY + 1:
            return self._fault("not_a_date")
        seconds = round(days * 86_400)
        if not shown.is_date or seconds % 86_400:
            return self._fault("time_of_day", str(timedelta(seconds=seconds % 86_400)))
        day = seconds // 86_400
        # The first spreadsheets believed in a 29th of February 1900.
        if day in (0, 60):
            return self._fault("not_a_date")
        date = datetime(1899, 12, 30 if day > 60 else 31) + timedelta(days=day)
        return shown.written(date.date())

    def _day_of(self, raw: str) -> str:
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            return raw
        if moment.hour or moment.minute or moment.second:
            return self._fault("time_of_day", f"{moment:%H:%M:%S}")
        return moment.date().isoformat()

    def _close_row(self) -> None:
        if not self._cells:
            return
        if len(self.rows) > self._most_rows:
            self.is_cut = True
            raise EnoughError
        self.rows.append((self._row, self._cells))
        self._cells = []
        # What stands first may be a title, which is narrower than the heading below it.
        if len(self.rows) == ROWS_OF_HEADING:
            self._width = max(len(cells) for _row, cells in self.rows)

    def _fault(self, code: str, found: str = "", *, row: int = 0, column: int = -1) -> str:
        """Note that a cell cannot be taken; return what stands in its place."""
        row, column = row or self._row, self._column if column < 0 else column
        if sum(fault.code == code for fault in self.faults) < MOST_FAULTS:
            detail = _sentence(code) % {"cell": cell_name(row, column), "found": found[:40]}
            self.faults.append(Fault(row, column, code, detail))
        return ""


def _sentence(code: str) -> str:
    match code:
        case "formula":
            return gettext(
                "The cell %(cell)s holds a formula without its value; open and save the file, or paste the value."
            )
        case "error_value":
            return gettext("The cell %(cell)s holds the error %(found)s.")
        case "max_length":
            return gettext("The cell %(cell)s is longer than 32,767 characters.")
        case "lost_digits":
            return gettext("The cell %(cell)s holds a number of which the last digits are lost; enter it as a text.")
        case "time_of_day":
            return gettext("The cell %(cell)s holds a time of day (%(found)s); a date without one is expected.")
    return gettext("The cell %(cell)s is formatted as a date, and its number is none.")


class TextReader:
    """Handlers of the XML of the shared texts: `found` has those that are wanted; None stands for one too long."""

    def __init__(self, wanted: set[int]) -> None:
        self.found: dict[int, str | None] = {}
        self._wanted = wanted
        self._last = max(wanted, default=-1)
        self._number = -1
        self._parts: list[str] | None = None
        self._length = self._phonetic = 0
        self._is_read = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the begin of an element."""
        if tag == "si":
            self._number += 1
            if self._number > self._last:
                raise EnoughError
            self._parts = [] if self._number in self._wanted else None
            self._length = self._phonetic = 0
        elif tag == "t":
            self._is_read = self._parts is not None and not self._phonetic
        elif tag == "rPh":
            self._phonetic += 1

    def text(self, text: str) -> None:
        """Handle characters."""
        if self._is_read and self._parts is not None:
            self._length += len(text)
            if self._length <= LONGEST_WRITTEN:
                self._parts.append(text)

    def end(self, tag: str) -> None:
        """Handle the end of an element."""
        if tag == "t":
            self._is_read = False
        elif tag == "rPh":
            self._phonetic -= 1
        elif tag == "si" and self._parts is not None:
            text = unescape("".join(self._parts)) if self._length <= LONGEST_WRITTEN else ""
            is_short = self._length <= LONGEST_WRITTEN and len(text) <= MOST_CHARACTERS
            self.found[self._number] = text if is_short else None
