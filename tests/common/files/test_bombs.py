"""Files that unpack, or spread, to more than is read: refused in under a second and 200 MB, before they are parsed.

Each is read in a process of its own, which tells how long it computed and how much memory it came to need.
"""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.common.files.books import MAIN, book, packed, row, sheet
from tests.databases import ROOT
from tests.full import share

SECONDS, MEGABYTES = 1.0, 200
SHEET = "xl/worksheets/sheet1.xml"
READ = """
import json, os, re, sys, time
from pathlib import Path
import django
django.setup()
from apps.common.files.tables import CSV, XLSX, read_table
from apps.common.http.problems import Refusal
for name in sys.argv[1:]:
    if os.fork():  # each in a process of its own
        os.wait()
        continue
    path = Path(name)
    content = path.read_bytes()
    start = time.process_time()  # whatever else the machine does
    try:
        table = read_table(content, CSV if path.suffix == ".csv" else XLSX)
        told = {"rows": len(table.rows), "faults": len(table.faults), "refused": ""}
    except Refusal as refusal:
        told = {"rows": 0, "faults": 0, "refused": str(refusal.detail)}
    told["seconds"] = time.process_time() - start
    peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())
    told["megabytes"] = int(peak[1]) / 1024
    print(path.stem, json.dumps(told), flush=True)
    os._exit(0)
"""


class Found(NamedTuple):
    """What came of reading a file, and what it took."""

    rows: int
    faults: int
    refused: str
    seconds: float
    megabytes: float


def replaced(path: str, content: bytes) -> bytes:
    """Return a good workbook with another part in the place of one."""
    with zipfile.ZipFile(io.BytesIO(book(sheet(row(1, "name") + row(2, "甲")), strings=""))) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    return packed({**parts, path: content}, level=9)


def of_zeros() -> bytes:
    """A part that unpacks to a thousand times its size."""
    return replaced(SHEET, b" " * 200_000_000)


def of_equal_cells() -> bytes:
    return replaced(
        SHEET, f'<worksheet xmlns="{MAIN}"><sheetData>'.encode() + b"<row><c><v>1</v></c></row>" * 5_000_000
    )


def of_shared_texts() -> bytes:
    texts = "".join(f"<si><t>{number:x}</t></si>" for number in range(2_100_000))
    return book(sheet(row(1, "name") + row(2, '<c t="s"><v>2099999</v></c>')), strings=texts)


def of_wide_rows() -> bytes:
    cells = "".join(f"<c><v>{place}</v></c>" for place in range(16_384))
    return book(sheet(row(1, "name") + "".join(f'<row r="{number}">{cells}</row>' for number in range(2, 300))))


def of_a_wide_heading() -> bytes:
    return book(sheet(f'<row r="1">{"".join(f"<c><v>{place}</v></c>" for place in range(16_384))}</row>'))


def of_a_long_cell() -> bytes:
    return book(sheet(row(1, "name") + row(2, "甲" * 30_000_000)))


def of_a_long_attribute() -> bytes:
    return replaced(SHEET, f'<worksheet xmlns="{MAIN}" a="{"x" * 90_000_000}"/>'.encode())


def of_entities() -> bytes:
    nested = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return replaced(SHEET, f'<!DOCTYPE x [<!ENTITY e0 "x">{nested}]><worksheet>&e9;</worksheet>'.encode())


def of_depth() -> bytes:
    return replaced(SHEET, b"<a>" * 9_000_000)


def of_entries() -> bytes:
    return packed({f"xl/{number}": b"" for number in range(200_000)}, method=zipfile.ZIP_STORED)


def of_separators() -> bytes:
    return b"," * 20_000_000


def of_separators_below() -> bytes:
    return b"name\n" + b"," * 20_000_000


def used(column: str) -> bytes:
    """A record, and one empty cell at the end of a used range of a million rows."""
    rows = row(1, "name", "kind") + row(2, "甲", "company") + f'<row r="1048576"><c r="{column}1048576" s="0"/></row>'
    return book(sheet(rows, before=f'<dimension ref="A1:{column}1048576"/>'))


def used_to_d() -> bytes:
    return used("D")


def used_to_amj() -> bytes:
    return used("AMJ")


def used_to_xfd() -> bytes:
    return used("XFD")


def of_styled_cells() -> bytes:
    empty = "".join(f'<row r="{number}"><c r="A{number}" s="0"/></row>' for number in range(3, 1_048_577))
    return book(sheet(row(1, "name") + row(2, "甲") + empty))


pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells how much memory a process had")

BOMBS: list[Callable[[], bytes]] = [
    of_zeros,
    of_equal_cells,
    of_shared_texts,
    of_a_wide_heading,
    of_a_long_attribute,
    of_entities,
    of_depth,
    of_entries,
    of_separators,
    of_separators_below,
]
TRIED = share(0, BOMBS, 2)
WRONG_CELLS: list[Callable[[], bytes]] = [of_wide_rows, of_a_long_cell]
WIDE: list[Callable[[], bytes]] = [used_to_d, used_to_amj, used_to_xfd, of_styled_cells]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """Return what came of all of them, by the name of what makes them."""
    folder = tmp_path_factory.mktemp("bombs")
    paths = []
    for make in (*TRIED, *WRONG_CELLS, *WIDE):
        path = folder / f"{make.__name__}.{'csv' if 'separators' in make.__name__ else 'xlsx'}"
        path.write_bytes(make())
        paths.append(str(path))
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "partybuild.settings"}
    done = subprocess.run(
        [sys.executable, "-c", READ, *paths], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (line.partition(" ") for line in done.stdout.splitlines())
    return {name: Found(**json.loads(told)) for name, _blank, told in lines}


@pytest.mark.parametrize("make", TRIED, ids=lambda make: make.__name__)
def test_a_bomb_is_refused_at_once(read: dict[str, Found], make: Callable[[], bytes]) -> None:
    found = read[make.__name__]
    assert found.refused
    assert found.seconds < SECONDS
    assert found.megabytes < MEGABYTES


@pytest.mark.parametrize("make", WRONG_CELLS, ids=lambda make: make.__name__)
def test_cells_that_are_too_many_or_too_long_are_found_at_once(
    read: dict[str, Found], make: Callable[[], bytes]
) -> None:
    found = read[make.__name__]
    assert found.refused or found.faults
    assert found.seconds < SECONDS
    assert found.megabytes < MEGABYTES


@pytest.mark.parametrize("make", WIDE, ids=lambda make: make.__name__)
def test_a_used_range_of_a_million_rows_is_read_in_seconds(read: dict[str, Found], make: Callable[[], bytes]) -> None:
    """Case 18."""
    found = read[make.__name__]
    assert (found.rows, found.faults, found.refused) == (1, 0, "")
    assert found.seconds < (10 if make is of_styled_cells else SECONDS)
    assert found.megabytes < MEGABYTES
