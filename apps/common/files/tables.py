"""A file as a table: its heading, its rows with the numbers that a spreadsheet shows, and what was passed over."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from django.conf import settings
from django.utils.translation import gettext

from apps.common.files.cells import MOST_COLUMNS, MOST_ROWS, Row, Table, letters_of, outside, unreadable
from apps.common.files.columns import name_of
from apps.common.files.workbooks import read_workbook

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\r?\n')  # by which some spreadsheets are told what separates the cells
MOST_SEPARATORS = 100_000  # of a line; more would cost hundreds of megabytes before they are counted
LONG_LINE = re.compile(rb"(?<![^\r\n])[^\r\n]{%d,}" % MOST_SEPARATORS)  # from its beginning, so that each is read once
MOST_TOLD = 20


def read_table(content: bytes, media_type: str, most_rows: int = MOST_ROWS) -> Table:
    """Return the cells of a file with no more rows than asked for, and whether there are more. Raises Refusal."""
    table = read_workbook(content, most_rows) if media_type == XLSX else _read_csv(content, most_rows)
    names = [name_of(cell) for cell in table.names]
    while names and not names[-1]:
        names.pop()
    if not names or not (table.rows or table.faults or table.is_cut):
        detail = gettext("The file has no rows below its heading.")
        if table.further:
            detail += " " + gettext("Not read: %(names)s.") % {"names": ", ".join(table.further)}
        raise unreadable(detail)
    if len(names) > MOST_COLUMNS:
        raise unreadable(gettext("More than %(most)s columns; take those of an export.") % {"most": MOST_COLUMNS})
    if table.is_cut and most_rows >= MOST_ROWS:
        raise unreadable(gettext("More than %(most)s rows; split the file.") % {"most": MOST_ROWS})
    if doubled := sorted({name for name in names if name and names.count(name) > 1}):
        raise unreadable(gettext("Columns stand there twice: %(names)s.") % {"names": ", ".join(doubled)})
    beyond = [
        outside(row.number, column)
        for row in table.rows
        if (column := next((each for each in range(len(names), len(row.cells)) if row.cells[each].strip()), 0))
    ]
    return table._replace(
        heading=Row(table.heading.number, names),
        faults=(*table.faults, *beyond),
        further=(*table.further, *_nameless(names, table.rows), *_gaps([table.heading, *table.rows])),
    )


def _nameless(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Return the columns without a heading that hold something, in words."""
    found = []
    for place, name in enumerate(names):
        filled = 0 if name else sum(len(row.cells) > place and bool(row.cells[place].strip()) for row in rows)
        if filled:
            words = gettext("column %(letters)s, which has no heading (filled cells: %(count)s)")
            found.append(words % {"letters": letters_of(place), "count": filled})
    return found


def _gaps(rows: Sequence[Row]) -> list[str]:
    """Return the empty rows between others, in words."""
    gaps = [
        f"{before.number + 1}" if after.number - before.number == 2 else f"{before.number + 1}–{after.number - 1}"
        for before, after in pairwise(rows)
        if after.number - before.number > 1
    ]
    if not gaps:
        return []
    told = ", ".join(gaps[:MOST_TOLD]) + (", …" if len(gaps) > MOST_TOLD else "")
    return [gettext("empty rows: %(rows)s") % {"rows": told}]


def _read_csv(content: bytes, most_rows: int) -> Table:
    heading: Row | None = None
    rows: list[Row] = []
    is_cut = False
    csv.field_size_limit(settings.MAX_FILE_BYTES)  # whatever a record holds
    try:
        for number, cells in enumerate(_csv_rows(content), 1):
            if not any(map(str.strip, cells)):
                continue
            if heading is None:
                heading = Row(number, cells)
            elif len(rows) == most_rows:
                is_cut = True
                break
            else:
                rows.append(Row(number, cells))
    except csv.Error as error:
        raise unreadable(gettext("The file is not valid CSV: %(reason)s.") % {"reason": error}) from error
    return Table(heading or Row(1, []), rows, is_marked=True, is_cut=is_cut)


def _csv_rows(content: bytes) -> Iterator[list[str]]:
    for line in LONG_LINE.finditer(content):
        if any(
            content.count(separator, line.start(), line.end()) > MOST_SEPARATORS for separator in (b",", b";", b"\t")
        ):
            raise unreadable(gettext("More than %(most)s columns; take those of an export.") % {"most": MOST_COLUMNS})
    file = io.TextIOWrapper(io.BytesIO(content.removeprefix(codecs.BOM_UTF8)), encoding="utf-8", newline="")
    try:
        match = SEPARATOR_LINE.fullmatch(file.readline(10))
        if match is None:
            file.seek(0)
        yield from csv.reader(file, delimiter=match[1] if match else ",", strict=True)
    except UnicodeDecodeError:
        try:
            content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            detail = gettext("The file is not UTF-8, from byte %(place)s on; save it as “CSV UTF-8”.")
            raise unreadable(detail % {"place": error.start}) from error
        raise
