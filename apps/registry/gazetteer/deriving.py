"""The gazetteer derived from the rows of the editions. The decisions:

- Official codes are used again for other names, so that each (official code, name) is a record. The newest holder's
  `code` is the official one, an earlier holder's has the year of its last edition added: 310109018-2017 is 提篮桥街道.
- A record's parent is the holder of the parent's official code in the record's own last edition: what is valid today
  lies in something valid today.
- The successor of a record that is not valid today is, in this order: the one that successors.yaml gives; the next
  holder of its code; the only record of the same name that appears later, in the same street or district or in what
  follows them. "The same name" of a neighbourhood is the same `match_key` and the same kind (创智坊居委会（筹） and
  创智坊居委会). Where none of these says it, there is none: a dissolved committee's area may have gone anywhere.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from apps.registry.gazetteer.checking import check, check_level
from apps.registry.gazetteer.files import read_curated, read_editions, read_source, write
from apps.registry.gazetteer.rows import CODE_LENGTH, LEVELS, Curated, DivisionRow, Edition, Gazetteer, SourceRow
from apps.registry.naming import match_key


def kind_of(code: str, name: str) -> str:
    if len(code) == CODE_LENGTH["district"]:
        return "county" if name.endswith("县") else "district"
    if len(code) == CODE_LENGTH["street"]:
        endings = {"街道": "subdistrict", "镇": "town", "乡": "township"}
        return next((kind for ending, kind in endings.items() if name.endswith(ending)), "zone")
    if "村委会" in name or "村民委员会" in name:
        return "village_committee"
    return "residents_committee" if "居委" in name or "居民委员会" in name else "other"


def build(
    editions: Sequence[Edition], source: Mapping[str, Sequence[SourceRow]], curated: Sequence[Curated]
) -> Gazetteer:
    """Return the gazetteer from the rows of each level, checked."""
    given = {entry.code: entry.successor for entry in curated}
    levels: dict[str, tuple[DivisionRow, ...]] = {}
    parents: tuple[DivisionRow, ...] = ()
    for level in LEVELS:
        rows = _records(source[level], parents)
        successors = {**_by_name(rows, parents), **_by_code(rows), **given}
        levels[level] = tuple(replace(row, successor=successors.get(row.code)) for row in rows)
        check_level(level, levels[level], parents, editions)  # at once: the next level follows successors
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
    """Return the next holder of the same official code; the rows come in order of code and time."""
    return {row.code: later.code for row, later in pairwise(rows) if row.official_code == later.official_code}


def _by_name(rows: Sequence[DivisionRow], parents: Iterable[DivisionRow]) -> dict[str, str]:
    """Return the one record of the same name and kind that appears next, in the same parent or its successors."""
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
    return match_key(row.name) if len(row.official_code) == CODE_LENGTH["neighbourhood"] else row.name


def main(source_folder: str, folder: str) -> None:
    gazetteer = build(read_editions(folder), read_source(source_folder), read_curated(folder))
    write(gazetteer, folder)
    for level, rows in gazetteer.levels():
        shown = Counter(gazetteer.successor_shown_by(row) for row in rows if row.successor)
        years = Counter(year for row in rows for year in row.editions)
        sys.stdout.write(f"{level}: {len(rows)} records; editions {sorted(years.items())}; successors {dict(shown)}\n")
