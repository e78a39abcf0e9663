"""A list as a spreadsheet (XLSX), written row by row: text is always text, so that no cell is a formula."""

import re
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import xlsxwriter
import xlsxwriter.worksheet
from django.utils import timezone
from django.utils.translation import gettext

from apps.common.files.columns import NUMBER, TEXT, Column
from apps.common.http.licence import licence

MOST_ROWS = 1_048_575  # of a sheet, below its heading
MOST_DIGITS = 15  # of a number that spreadsheets keep
# What XML cannot hold, or would not give back, and the beginning of what stands for it (ECMA-376, ST_Xstring).
UNWRITTEN = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9a-fA-F]{4}_)")
WIDTHS = {NUMBER: 12, TEXT: 30}
WIDTH = 20  # of keys, dates and addresses


class TextSheet(xlsxwriter.worksheet.Worksheet):
    """A sheet on which every text stands as it is.

    The library forgets an escape that begins in another one (`_x0041_x0042_`), and takes a text between `<r>` and
    `</r>` for XML of its own.
    """

    @staticmethod
    def _escape_control_characters(data: str) -> str:
        return UNWRITTEN.sub(lambda match: f"_x{ord(match[0]):04X}_", data)

    def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, object]] = ()) -> None:
        self._xml_inline_string(string, True, attributes)


class CellError(ValueError):
    """A text that is too long for a cell."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class Sheet(NamedTuple):
    """What a spreadsheet says beside its rows."""

    resource: str
    title: str
    source: str
    parameters: dict[str, str]
    columns: Sequence[Column]


def write_book(sheet: Sheet, rows: Iterable[Sequence[str | None]]) -> Any:
    """Return a spreadsheet of rows of texts, and a second sheet that says what they are, as an open temporary file.

    Rows go through a file as they come, so that memory does not grow. Raises CellError.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever answers with it closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, options)
    try:
        try:
            # Where a reader edits such a cell, it stays text: neither a formula nor a number without its zeros.
            text = book.add_format({"num_format": "@", "quote_prefix": True})
            heading = book.add_format({"bold": True})
            _write_rows(book.add_worksheet(sheet.resource, TextSheet), sheet, rows, text, heading)
            _write_about(book.add_worksheet("about", TextSheet), sheet, heading)
            book.set_properties({"title": sheet.title, "comments": sheet.source})
        finally:
            book.close()  # which removes the files that it keeps for its sheets
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _write_rows(page: Any, sheet: Sheet, rows: Iterable[Sequence[str | None]], text: Any, heading: Any) -> None:
    page.freeze_panes(1, 0)
    for place, column in enumerate(sheet.columns):
        is_number = column.kind == NUMBER
        page.set_column(place, place, WIDTHS.get(column.kind, WIDTH), None if is_number else text)
    for place, column in enumerate(sheet.columns):
        page.write_string(0, place, column.heading(), heading)
    numbers = frozenset(place for place, column in enumerate(sheet.columns) if column.kind == NUMBER)
    for number, row in enumerate(rows, 1):
        for place, cell in enumerate(row):
            if not cell:
                continue
            if place in numbers and sum(map(str.isdigit, cell)) <= MOST_DIGITS:
                page.write_number(number, place, float(cell))
            elif page.write_string(number, place, cell) < 0:  # it was cut
                raise CellError(sheet.columns[place].name)


def _write_about(page: Any, sheet: Sheet, heading: Any) -> None:
    page.set_column(0, 0, 30)
    page.set_column(1, 1, 30)
    page.set_column(2, 2, 100)
    asked = ", ".join(f"{name}={text}" for name, text in sheet.parameters.items())
    lines = [
        (gettext("Records"), sheet.title),
        (gettext("Source"), sheet.source),
        (gettext("Filters and sort order"), asked or gettext("none")),
        (gettext("Made at"), f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"),
        (gettext("Terms of use"), terms()),
    ]
    for number, (name, text) in enumerate(lines):
        page.write_string(number, 0, name, heading)
        page.write_string(number, 1, text)
    start = len(lines) + 1
    for place, name in enumerate((gettext("Column"), gettext("Label"), gettext("What it says"))):
        page.write_string(start, place, name, heading)
    for number, column in enumerate(sheet.columns, start + 1):
        for place, text in enumerate((column.name, column.label(), column.description())):
            page.write_string(number, place, text)


def terms() -> str:
    """Return under what terms the data are given, in the active language."""
    source = gettext("Facts of published articles, each with its citation; the articles belong to their publishers.")
    if (stated := licence()) is None:
        return source + " " + gettext("Whoever runs the service states the licence of the data.")
    return source + " " + gettext("The licence of the data is %(name)s: %(url)s") % stated
