"""The files of the gazetteer, read strictly: CSV files of divisions, YAML lists of editions and successors."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from apps.registry.gazetteer.checking import check
from apps.registry.gazetteer.rows import (
    FILES,
    LEVELS,
    Curated,
    DivisionRow,
    Edition,
    Gazetteer,
    GazetteerError,
    SourceRow,
)

_COLUMNS = ["code", "name", "parent", "editions", "successor", "kind"]
_SOURCE_COLUMNS = ["code", "name", "parent_code", "editions"]


def read(folder: Path | str) -> Gazetteer:
    """Return the gazetteer of a folder such as fixtures/gazetteer, checked."""
    folder = Path(folder)
    districts, streets, neighbourhoods = (
        tuple(_division(where, cells) for where, cells in _table(folder / FILES[level], _COLUMNS)) for level in LEVELS
    )
    gazetteer = Gazetteer(read_editions(folder), districts, streets, neighbourhoods, read_curated(folder))
    check(gazetteer)
    return gazetteer


def write(gazetteer: Gazetteer, folder: Path | str) -> None:
    for level, rows in gazetteer.levels():
        with (Path(folder) / FILES[level]).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for row in rows:
                years = " ".join(map(str, row.editions))
                writer.writerow([row.code, row.name, row.parent or "", years, row.successor or "", row.kind])


def read_source(folder: Path | str) -> dict[str, list[SourceRow]]:
    """Return the rows of each level in the shared files."""
    return {
        level: [
            SourceRow(row["code"], row["name"], _years(where, row["editions"]))
            for where, row in _table(Path(folder) / f"shanghai-{FILES[level]}", _SOURCE_COLUMNS)
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
    """Yield each row of a CSV file with its position."""
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
    """Yield each entry of a YAML list with its position."""
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
