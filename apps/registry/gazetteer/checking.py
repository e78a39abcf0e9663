"""The checks of the gazetteer: codes, editions, parents and successors must agree."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from apps.registry.gazetteer.rows import (
    CODE_LENGTH,
    FILES,
    KINDS,
    LEVELS,
    DivisionRow,
    Edition,
    Gazetteer,
    GazetteerError,
    cut_offs,
    validity,
)

_Problems = Iterator[tuple[str, str]]  # column, and the problem of its value


def check(gazetteer: Gazetteer) -> None:
    """Raise GazetteerError for the first thing that cannot be: the line is that of the CSV file, its header being 1."""
    parents: tuple[DivisionRow, ...] = ()
    for level, rows in gazetteer.levels():
        check_level(level, rows, parents, gazetteer.editions)
        parents = rows
    successors = {row.code: row.successor for row in gazetteer}
    for number, entry in enumerate(gazetteer.curated, 1):
        where = f"successors.yaml: entry {number}"
        if entry.code not in successors:
            raise GazetteerError(f"{where}: code: {entry.code!r} is not in the gazetteer")
        if successors[entry.code] != entry.successor:
            raise GazetteerError(f"{where}: successor: the CSV file has {successors[entry.code]!r} for {entry.code}")


def check_level(
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
            raise GazetteerError(f"{FILES[level]}:{line}: {column}: {problem}")


def _own_problems(row: DivisionRow, level: str, editions: Sequence[Edition]) -> _Problems:
    if not re.fullmatch(rf"\d{{{CODE_LENGTH[level]}}}(-\d{{4}})?", row.code, re.ASCII):
        yield "code", f"{row.code!r} is not {CODE_LENGTH[level]} digits, with or without -YEAR"
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
        yield "parent", f"{row.parent!r} is not in {FILES[LEVELS[LEVELS.index(level) - 1]]}"
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
