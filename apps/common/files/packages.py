"""The zip file that a workbook is: its parts, found by name and bounded before anything is read.

A few hundred kilobytes can unpack to gigabytes, so sizes, ratios, numbers of tags and lengths of texts are looked at
first: `zipfile` never gives more of a part than the directory says, and the counting costs a fraction of the parsing.
"""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.parsers import expat

from django.utils.translation import gettext

from apps.common.files.cells import unreadable
from apps.common.http.problems import Refusal

MEGABYTE = 2**20
MOST_ENTRIES = 2_000
MOST_UNPACKED = 100 * MEGABYTE  # of all parts that are read
MOST_RATIO = 250  # of a part above a megabyte; spreadsheets of equal rows come near 100
MOST_TAGS = 8_000_000  # of a part: 20,000 rows of 50 cells have 6 million
LONGEST_RUN = MEGABYTE  # between two tags; a cell has at most 32,767 characters
MOST_DEPTH = 100
CHUNK = 2**18
READ_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
FILLED = re.compile(rb"[</:][vt]>")  # a value, or a text in its place
OLD_FORMAT = bytes.fromhex("d0cf11e0a1b11ae1")

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, expat.ExpatError),
    *(EOFError, OSError, RuntimeError, ValueError, LookupError),  # of `zipfile`, and of odd encodings of XML
)

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class Relation(NamedTuple):
    """What a part points at: the last word of the kind of relation, and the path of the other part."""

    kind: str
    path: str


class Package:
    """A workbook's zip file. Raises Refusal for what is none, or too large."""

    def __init__(self, content: bytes) -> None:
        if content.startswith(OLD_FORMAT):
            detail = gettext("The file is an old .xls, or protected by a password: save it as .xlsx without one.")
            raise unreadable(detail)
        if content.count(b"PK\x01\x02") > MOST_ENTRIES:  # each opens an entry of the directory
            raise _too_large()
        with _broken():
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._entries = {_plain(entry.filename): entry for entry in self._zip.infolist()}
        if len(self._entries) < len(self._zip.infolist()):  # of two parts of one name, each program takes another
            raise not_a_workbook()
        self._unpacked = 0

    def has(self, path: str) -> bool:
        """Tell whether there is a part."""
        return _plain(path) in self._entries

    def parse(self, path: str, start: Start, end: End | None = None, text: Text | None = None) -> None:
        """Run through the XML of a part. Handlers are given names without their prefixes. Raises Refusal."""
        self._check(path)
        with _broken():
            _parse(self._chunks(path), start, end, text)

    def is_filled(self, path: str) -> bool:
        """Tell whether a sheet holds anything, as far as its first megabyte shows; a longer one surely does."""
        before = b""
        with _broken():
            for number, chunk in enumerate(self._chunks(path)):
                if FILLED.search(before + chunk) or number * CHUNK > MEGABYTE:
                    return True
                before = chunk[-3:]
        return False

    def relations(self, path: str) -> dict[str, Relation]:
        """Return what a part points at, by the names that it uses for them; "" stands for the package itself."""
        folder, name = posixpath.split(path)
        found: dict[str, Relation] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                found[attributes.get("Id", "")] = Relation(attributes.get("Type", "").rpartition("/")[2], target)

        about = posixpath.join(folder, "_rels", f"{name}.rels")
        if self.has(about):
            self.parse(about, start)
        return found

    def _check(self, path: str) -> None:
        """Raise Refusal for a part that is too large, before it is parsed."""
        entry = self._entries.get(_plain(path))
        if entry is None:
            raise not_a_workbook()
        if entry.compress_type not in READ_METHODS or entry.flag_bits & 1:
            raise not_a_workbook()
        self._unpacked += entry.file_size
        ratio = entry.file_size / max(entry.compress_size, 1)
        if self._unpacked > MOST_UNPACKED or (entry.file_size > MEGABYTE and ratio > MOST_RATIO):
            raise _too_large()
        tags = run = 0
        with _broken():
            for chunk in self._chunks(path):
                found = chunk.count(b"<")
                tags += found
                run = 0 if found else run + len(chunk)
                if tags > MOST_TAGS or run > LONGEST_RUN:
                    raise _too_large()

    def _chunks(self, path: str) -> Iterator[bytes]:
        with self._zip.open(self._entries[_plain(path)]) as part:
            while chunk := part.read(CHUNK):
                yield chunk


def _plain(path: str) -> str:
    """Return a path in the one form in which parts are looked up."""
    return path.replace("\\", "/").lstrip("/").casefold()


def _parse(chunks: Iterator[bytes], start: Start, end: End | None, text: Text | None) -> None:
    depth = 0

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise not_a_workbook()
        start(name.rpartition(":")[2], attributes)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end is not None:
            end(name.rpartition(":")[2])

    def refuse(*_args: object) -> None:
        raise not_a_workbook()  # no workbook declares entities, which could grow without bound

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = text
    for chunk in chunks:
        parser.Parse(chunk)
    parser.Parse(b"", True)


@contextmanager
def _broken() -> Iterator[None]:
    """Say of whatever the libraries stumble over that it is no workbook."""
    try:
        yield
    except BROKEN as error:
        raise not_a_workbook() from error


def not_a_workbook() -> Refusal:
    """Return the refusal of what cannot be read."""
    return unreadable(gettext("The file is not a spreadsheet that can be read; save it as .xlsx once more."))


def _too_large() -> Refusal:
    return unreadable(
        gettext("The spreadsheet unpacks to more than is read; save its filled cells alone as a new one.")
    )
