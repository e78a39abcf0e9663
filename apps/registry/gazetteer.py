"""The divisions of Shanghai in all editions of the statistical codes: deriving our copy, reading and checking it.

`python -m apps.registry.gazetteer ../shared/gazetteer fixtures/gazetteer` derives the CSV files again. The decisions:

- Official codes are used again for other names, so that each (official code, name) is a record. The newest holder's
  `code` is the official one, an earlier holder's has the year of its last edition added: 310109018-2017 is 提篮桥街道.
- A record's parent is the holder of the parent's official code in the record's own last edition: what is valid today
  lies in something valid today.
- The successor of a record that is not valid today is, in this order: the one that successors.yaml gives; the next
  holder of its code; the only record of the same name that appears later, in the same street or district or in what
  follows them. "The same name" of a neighbourhood is the same `match_key` and the same kind (创智坊居委会（筹） and
  创智坊居委会). Where none of these says it, there is none: a dissolved committee's area may have gone anywhere.
"""

import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import yaml

from apps.registry.naming import match_key

LEVELS = ("district", "street", "neighbourhood")
KINDS = {
    "district": ("district", "county"),
    "street": ("subdistrict", "town", "township", "zone"),
    # other: no committee, but a statistical stand-in for the people of a zone or farm (虚拟社区, 虚拟生活区); and one
    # 社区管理站.
    "neighbourhood": ("residents_committee", "village_committee", "other"),
}
_FILES = {level: f"{level}s.csv" for level in LEVELS}
_CODE_LENGTH = {"district": 6, "street": 9, "neighbourhood": 12}
_COLUMNS = ["code", "name", "parent", "editions", "successor", "kind"]
_SOURCE_COLUMNS = ["code", "name", "parent_code", "editions"]
_Problems = Iterator[tuple[str, str]]  # column, what is wrong with it


class GazetteerError(ValueError):
    """What is wrong, and in which file, line and column."""


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
        """The level under which editions.yaml says which editions list such divisions at all."""
        level = next(level for level, length in _CODE_LENGTH.items() if length == len(self.official_code))
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
        """curated, code, name, or empty where there is no successor."""
        if row.successor is None:
            return ""
        if any(entry.code == row.code for entry in self.curated):
            return "curated"
        return "code" if row.successor[: len(row.official_code)] == row.official_code else "name"


def cut_offs(editions: Iterable[Edition], coverage: str) -> dict[int, date]:
    return {edition.year: edition.cut_off for edition in editions if coverage in edition.levels}


def validity(editions: Sequence[int], listed: Mapping[int, date]) -> tuple[str, str]:
    """When a division was established and abolished, in EDTF, from the editions that have it and the cut-off dates of
    all that could. Empty where the editions do not tell: before the earliest, and as long as it is in the newest.
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


# Deriving -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceRow:
    """One line of the shared files: a code under one name."""

    code: str
    name: str
    editions: tuple[int, ...]


def kind_of(code: str, name: str) -> str:
    if len(code) == _CODE_LENGTH["district"]:
        return "county" if name.endswith("县") else "district"
    if len(code) == _CODE_LENGTH["street"]:
        endings = {"街道": "subdistrict", "镇": "town", "乡": "township"}
        return next((kind for ending, kind in endings.items() if name.endswith(ending)), "zone")
    if "村委会" in name or "村民委员会" in name:
        return "village_committee"
    return "residents_committee" if "居委" in name or "居民委员会" in name else "other"


def build(
    editions: Sequence[Edition], source: Mapping[str, Sequence[SourceRow]], curated: Sequence[Curated]
) -> Gazetteer:
    """The gazetteer from the rows of each level, checked."""
    given = {entry.code: entry.successor for entry in curated}
    levels: dict[str, tuple[DivisionRow, ...]] = {}
    parents: tuple[DivisionRow, ...] = ()
    for level in LEVELS:
        rows = _records(source[level], parents)
        successors = {**_by_name(rows, parents), **_by_code(rows), **given}
        levels[level] = tuple(replace(row, successor=successors.get(row.code)) for row in rows)
        _check_level(level, levels[level], parents, editions)  # at once: the next level follows successors
        parents = levels[level]
    gazetteer = Gazetteer(
        tuple(editions), levels["district"], levels["street"], levels["neighbourhood"], tuple(curated)
    )
    check(gazetteer)
    return gazetteer


def _records(source: Iterable[SourceRow], parents: Iterable[DivisionRow]) -> list[DivisionRow]:
    holders: defaultdict[str, list[SourceRow]] = defaultdict(list)
    for row in source:
        holders[row.code].append(row)
    parent_codes = {(parent.official_code, year): parent.code for parent in parents for year in parent.editions}
    records = []
    for official, rows in sorted(holders.items()):
        *earlier, newest = sorted(rows, key=lambda row: row.editions)
        for row in (*earlier, newest):
            code = official if row is newest else f"{official}-{row.editions[-1]}"
            parent = parent_codes.get((official[:-3], row.editions[-1]))
            kind = kind_of(official, row.name)
            records.append(DivisionRow(code, official, row.name, parent, kind, row.editions, None))
    return records


def _by_code(rows: Iterable[DivisionRow]) -> dict[str, str]:
    """The next holder of the same official code; the rows come in order of code and time."""
    return {row.code: later.code for row, later in pairwise(rows) if row.official_code == later.official_code}


def _by_name(rows: Sequence[DivisionRow], parents: Iterable[DivisionRow]) -> dict[str, str]:
    """The one record of the same name and kind that appears next, in the same parent or what follows it."""
    after = {parent.code: parent.successor for parent in parents}
    same: defaultdict[tuple[str | None, str, str], list[DivisionRow]] = defaultdict(list)
    for row in rows:
        same[row.parent, _name_key(row), row.kind].append(row)
    claims: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        parent = row.parent
        later: list[DivisionRow] = []
        while parent is not None:
            later += [x for x in same[parent, _name_key(row), row.kind] if x.editions[0] > row.editions[-1]]
            parent = after[parent]
        soonest = [x for x in later if x.editions[0] == min(y.editions[0] for y in later)]
        if len(soonest) == 1:
            claims[soonest[0].code].append(row.code)
    return {codes[0]: successor for successor, codes in claims.items() if len(codes) == 1}


def _name_key(row: DivisionRow) -> str:
    return match_key(row.name) if len(row.official_code) == _CODE_LENGTH["neighbourhood"] else row.name


# Checking -------------------------------------------------------------------------------------------------------------


def check(gazetteer: Gazetteer) -> None:
    """Raise GazetteerError for the first thing that cannot be: the line is that of the CSV file, its header being 1."""
    parents: tuple[DivisionRow, ...] = ()
    for level, rows in gazetteer.levels():
        _check_level(level, rows, parents, gazetteer.editions)
        parents = rows
    successors = {row.code: row.successor for row in gazetteer}
    for number, entry in enumerate(gazetteer.curated, 1):
        where = f"successors.yaml: entry {number}"
        if entry.code not in successors:
            raise GazetteerError(f"{where}: code: {entry.code!r} is not in the gazetteer")
        if successors[entry.code] != entry.successor:
            raise GazetteerError(f"{where}: successor: the CSV file has {successors[entry.code]!r} for {entry.code}")


def _check_level(
    level: str, rows: Sequence[DivisionRow], parents: Iterable[DivisionRow], editions: Sequence[Edition]
) -> None:
    parents_by_code = {parent.code: parent for parent in parents}
    siblings: dict[str, DivisionRow] = {}
    holders: dict[tuple[str, int], DivisionRow] = {}
    for row in rows:
        siblings.setdefault(row.code, row)
        for year in row.editions:
            holders.setdefault((row.official_code, year), row)
    newest = dict(sorted(holders))
    for line, row in enumerate(rows, 2):
        for column, problem in chain(
            _own_problems(row, level, editions),
            _code_problems(row, siblings, holders, newest),
            _parent_problems(row, level, parents_by_code),
            _successor_problems(row, siblings, editions[-1].year),
        ):
            raise GazetteerError(f"{_FILES[level]}:{line}: {column}: {problem}")


def _own_problems(row: DivisionRow, level: str, editions: Sequence[Edition]) -> _Problems:
    if not re.fullmatch(rf"\d{{{_CODE_LENGTH[level]}}}(-\d{{4}})?", row.code, re.ASCII):
        yield "code", f"{row.code!r} is not {_CODE_LENGTH[level]} digits, with or without -YEAR"
    if not row.name or row.name != " ".join(row.name.split()):
        yield "name", f"{row.name!r} is empty or has stray blanks"
    if row.kind not in KINDS[level]:
        yield "kind", f"{row.kind!r} is not one of {', '.join(KINDS[level])}"
    try:
        validity(row.editions, cut_offs(editions, row.coverage))
    except ValueError as error:
        yield "editions", str(error)


def _code_problems(
    row: DivisionRow,
    siblings: Mapping[str, DivisionRow],
    holders: Mapping[tuple[str, int], DivisionRow],
    newest: Mapping[str, int],
) -> _Problems:
    if siblings[row.code] is not row:
        yield "code", f"{row.code} is there twice"
    for year in row.editions:
        if holders[row.official_code, year] is not row:
            yield "editions", f"{row.official_code} has another holder in {year}"
    last, code_last = row.editions[-1], newest[row.official_code]
    expected = row.official_code if last == code_last else f"{row.official_code}-{last}"
    if row.code != expected:
        yield "code", f"{row.code} should be {expected}: its last edition is {last}, that of the code {code_last}"


def _parent_problems(row: DivisionRow, level: str, parents: Mapping[str, DivisionRow]) -> _Problems:
    if level == "district":
        if row.parent is not None:
            yield "parent", "a district has none"
        return
    parent = parents.get(row.parent or "")
    if parent is None:
        yield "parent", f"{row.parent!r} is not in {_FILES[LEVELS[LEVELS.index(level) - 1]]}"
    elif not row.official_code.startswith(parent.official_code):
        yield "parent", f"{row.code} cannot lie in {parent.code}"
    elif row.editions[-1] not in parent.editions:
        yield "parent", f"{parent.code} is not valid in {row.editions[-1]}"


def _successor_problems(row: DivisionRow, siblings: Mapping[str, DivisionRow], newest: int) -> _Problems:
    if row.successor is None:
        return
    if row.successor not in siblings:
        yield "successor", f"{row.successor!r} is not in the same file"
    elif row.editions[-1] == newest:
        yield "successor", f"{row.code} is valid in {newest}, so nothing has followed it"
    elif siblings[row.successor].editions[-1] <= row.editions[-1]:
        # This also rules out circles: along a chain of successors the last edition only rises.
        yield "successor", f"{row.successor} is not valid any later than {row.code}"


# Files ----------------------------------------------------------------------------------------------------------------


def read(folder: Path | str) -> Gazetteer:
    """The gazetteer from fixtures/gazetteer, checked."""
    folder = Path(folder)
    districts, streets, neighbourhoods = (
        tuple(_division(where, cells) for where, cells in _table(folder / _FILES[level], _COLUMNS)) for level in LEVELS
    )
    gazetteer = Gazetteer(read_editions(folder), districts, streets, neighbourhoods, read_curated(folder))
    check(gazetteer)
    return gazetteer


def write(gazetteer: Gazetteer, folder: Path | str) -> None:
    for level, rows in gazetteer.levels():
        with (Path(folder) / _FILES[level]).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for row in rows:
                years = " ".join(map(str, row.editions))
                writer.writerow([row.code, row.name, row.parent or "", years, row.successor or "", row.kind])


def read_source(folder: Path | str) -> dict[str, list[SourceRow]]:
    """The rows of each level in the shared files."""
    return {
        level: [
            SourceRow(row["code"], row["name"], _years(where, row["editions"]))
            for where, row in _table(Path(folder) / f"shanghai-{_FILES[level]}", _SOURCE_COLUMNS)
        ]
        for level in LEVELS
    }


def read_editions(folder: Path | str) -> tuple[Edition, ...]:
    editions: list[Edition] = []
    columns = {"year": int, "cut_off": date, "levels": list, "source": str}
    for where, entry in _entries(Path(folder) / "editions.yaml", columns):
        for level in entry["levels"]:
            if level not in (*LEVELS, "zone"):
                raise GazetteerError(f"{where}: levels: {level!r} is not one")
        edition = Edition(entry["year"], entry["cut_off"], tuple(entry["levels"]), entry["source"])
        if editions and (edition.year <= editions[-1].year or edition.cut_off <= editions[-1].cut_off):
            raise GazetteerError(f"{where}: year: editions go from oldest to newest")
        editions.append(edition)
    if not editions:
        raise GazetteerError("editions.yaml: there is no edition")
    return tuple(editions)


def read_curated(folder: Path | str) -> tuple[Curated, ...]:
    columns = {"code": str, "successor": str, "reason": str}
    return tuple(Curated(**entry) for _, entry in _entries(Path(folder) / "successors.yaml", columns))


def _division(where: str, row: Mapping[str, str]) -> DivisionRow:
    return DivisionRow(
        code=row["code"],
        official_code=row["code"].partition("-")[0],
        name=row["name"],
        parent=row["parent"] or None,
        kind=row["kind"],
        editions=_years(where, row["editions"]),
        successor=row["successor"] or None,
    )


def _years(where: str, text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{4}( \d{4})*", text, re.ASCII):
        raise GazetteerError(f"{where}: editions: {text!r} is not a list of years")
    return tuple(map(int, text.split()))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GazetteerError(f"{path}: {error}") from error


def _table(path: Path, columns: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a CSV file and where it stands."""
    # No name holds a line break, so that a row is a line; a quote left open would swallow the rest of the file.
    for line, text in enumerate(_text(path).splitlines(), 1):
        where = f"{path.name}:{line}"
        try:
            (cells,) = csv.reader([text], strict=True)
        except (csv.Error, ValueError) as error:
            raise GazetteerError(f"{where}: {error}") from error
        if line == 1 and cells != columns:
            raise GazetteerError(f"{where}: the columns should be {','.join(columns)}")
        if len(cells) != len(columns):
            raise GazetteerError(f"{where}: {len(cells)} cells instead of {len(columns)}")
        if line > 1:
            yield where, dict(zip(columns, cells, strict=True))


def _entries(path: Path, columns: Mapping[str, type]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each entry of a YAML list and where it stands."""
    try:
        entries = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise GazetteerError(f"{path.name}: {error}") from error
    if not isinstance(entries, list):
        raise GazetteerError(f"{path.name}: should be a list")
    for number, entry in enumerate(entries, 1):
        where = f"{path.name}: entry {number}"
        if not isinstance(entry, dict) or entry.keys() != columns.keys():
            raise GazetteerError(f"{where}: should have exactly {', '.join(columns)}")
        for column, type_ in columns.items():
            if type(entry[column]) is not type_ or not entry[column]:
                raise GazetteerError(f"{where}: {column}: {entry[column]!r} should be a {type_.__name__}")
        yield where, entry


def main(source_folder: str, folder: str) -> None:
    gazetteer = build(read_editions(folder), read_source(source_folder), read_curated(folder))
    write(gazetteer, folder)
    for level, rows in gazetteer.levels():
        shown = Counter(gazetteer.successor_shown_by(row) for row in rows if row.successor)
        years = Counter(year for row in rows for year in row.editions)
        sys.stdout.write(f"{level}: {len(rows)} records; editions {sorted(years.items())}; successors {dict(shown)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
