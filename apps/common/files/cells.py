"""What the readers of files share: a table of texts, the cells that cannot be taken, and how much is read at most."""

from typing import NamedTuple

from django.utils.translation import gettext

from apps.common.http.problems import Refusal
from apps.common.writing.contract import error_at

MOST_ROWS = 20_000  # below the heading
MOST_COLUMNS = 500
MOST_FAULTS = 50


class Fault(NamedTuple):
    """A cell that cannot be taken: its row as the spreadsheet counts, its column from 0, a code and a sentence."""

    row: int
    column: int
    code: str
    detail: str


class Row(NamedTuple):
    """A row: its number as a spreadsheet shows it, and its cells as texts, as many as it has."""

    number: int
    cells: list[str]


class Table(NamedTuple):
    """A file as it was read."""

    heading: Row  # names of columns; the empty one is that of a column without a heading
    rows: list[Row]  # those that hold something
    is_marked: bool = False  # whether cells that a spreadsheet would run have a mark
    is_cut: bool = False  # whether there are more rows than were asked for
    faults: tuple[Fault, ...] = ()
    further: tuple[str, ...] = ()  # what else the file holds, in words

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return self.heading.cells


def unreadable(detail: str) -> Refusal:
    """Return the refusal of a whole file."""
    return Refusal("bad_request", errors=[error_at("", "unreadable", detail)])


def outside(row: int, column: int) -> Fault:
    """Return the fault of a cell that stands under no heading."""
    detail = gettext("The cell %(cell)s stands to the right of the last heading.") % {"cell": cell_name(row, column)}
    return Fault(row, column, "too_long", detail)


def letters_of(column: int) -> str:
    """Return how a spreadsheet calls a column, which is counted from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_name(row: int, column: int) -> str:
    """Return how a spreadsheet calls a cell: B2."""
    return f"{letters_of(column)}{row}"
