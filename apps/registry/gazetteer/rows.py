"""The rows of the gazetteer: a division under one code and name, with the editions that list it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

LEVELS = ("district", "street", "neighbourhood")
KINDS = {
    "district": ("district", "county"),
    "street": ("subdistrict", "town", "township", "zone"),
    # other: no committee, but a statistical stand-in for the people of a zone or farm (虚拟社区, 虚拟生活区); and one
    # 社区管理站.
    "neighbourhood": ("residents_committee", "village_committee", "other"),
}
FILES = {level: f"{level}s.csv" for level in LEVELS}
CODE_LENGTH = {"district": 6, "street": 9, "neighbourhood": 12}


class GazetteerError(ValueError):
    """A problem, with its file, line and column."""


@dataclass(frozen=True)
class Edition:
    year: int
    cut_off: date
    levels: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class DivisionRow:
    code: str
    official_code: str
    name: str
    parent: str | None
    kind: str
    editions: tuple[int, ...]
    successor: str | None

    @property
    def coverage(self) -> str:
        """The level by which editions.yaml names the editions that list such divisions."""
        level = next(level for level, length in CODE_LENGTH.items() if length == len(self.official_code))
        return "zone" if level == "street" and self.official_code[6] in "45" else level


@dataclass(frozen=True)
class Curated:
    code: str
    successor: str
    reason: str


@dataclass(frozen=True)
class Gazetteer:
    editions: tuple[Edition, ...]
    districts: tuple[DivisionRow, ...]
    streets: tuple[DivisionRow, ...]
    neighbourhoods: tuple[DivisionRow, ...]
    curated: tuple[Curated, ...]

    def levels(self) -> Iterator[tuple[str, tuple[DivisionRow, ...]]]:
        return zip(LEVELS, (self.districts, self.streets, self.neighbourhoods), strict=True)

    def __iter__(self) -> Iterator[DivisionRow]:
        """All rows, parents before children."""
        return chain(self.districts, self.streets, self.neighbourhoods)

    def valid_in(self, year: int) -> Iterator[DivisionRow]:
        return (row for row in self if year in row.editions)

    def validity(self, row: DivisionRow) -> tuple[str, str]:
        return validity(row.editions, cut_offs(self.editions, row.coverage))

    def successor_shown_by(self, row: DivisionRow) -> str:
        """Return the source of the successor: curated, code or name; empty if there is none."""
        if row.successor is None:
            return ""
        if any(entry.code == row.code for entry in self.curated):
            return "curated"
        return "code" if row.successor[: len(row.official_code)] == row.official_code else "name"


def cut_offs(editions: Iterable[Edition], coverage: str) -> dict[int, date]:
    return {edition.year: edition.cut_off for edition in editions if coverage in edition.levels}


def validity(editions: Sequence[int], listed: Mapping[int, date]) -> tuple[str, str]:
    """Return the dates of a division's establishment and abolition, in EDTF, from the editions that have it.

    `listed` are the cut-off dates of all that could have it. A date is empty if no edition tells: before the earliest,
    and as long as it is in the newest.
    """
    years = list(listed)
    if not editions or not set(editions) <= set(years):
        raise ValueError(f"editions {_join(editions)} are not among those that list such divisions: {_join(years)}")
    first, last = years.index(editions[0]), years.index(editions[-1])
    if list(editions) != years[first : last + 1]:
        raise ValueError(f"editions {_join(editions)} leave a gap or are out of order")
    established = f"{listed[years[first - 1]]}/{listed[years[first]]}" if first else ""
    abolished = f"{listed[years[last]]}/{listed[years[last + 1]]}" if last + 1 < len(years) else ""
    return established, abolished


def _join(years: Iterable[int]) -> str:
    return " ".join(map(str, years)) or "(none)"


@dataclass(frozen=True)
class SourceRow:
    """One line of the shared files: a code under one name."""

    code: str
    name: str
    editions: tuple[int, ...]
