"""`manage.py dump DIR`: all that everybody may read, as files; the same data give the same files."""

import gzip
import hashlib
import json
import shutil
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple, NotRequired, TypedDict, cast

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Collate
from django.utils import translation

from apps.common.files.columns import Column, columns
from apps.common.files.exports import CELLS, JSON_LINES, cells, chunks, copied, head
from apps.common.files.spreadsheets import terms
from apps.common.models.records import Citable, citable_models
from apps.common.reading.data_version import build
from apps.common.resources.registry import viewsets
from apps.common.resources.views import RecordViewSet
from apps.common.serializers.compiler import Compilation, SqlRow, json_of, select_list
from apps.common.serializers.records import RecordSerializer
from apps.common.sql.slots import text_of
from apps.common.sql.statement import Statement

MANIFEST = "manifest.json"
FORMAT = 1  # of the folder; 2 after the next change that readers have to know of
# The time of the last write is no fact: it differs where the same facts were loaded twice, or undone.
LEFT_OUT = frozenset({"updated_at"})


class Export(NamedTuple):
    """One resource as it is dumped: SQL for its records as JSON, SQL for them as columns, and these columns."""

    objects: str
    rows: str
    columns: list[Column]


class FileEntry(TypedDict):
    """A file in the manifest. The digest is that of the content, whether it is compressed or not."""

    bytes: int
    sha256: str
    compressed_sha256: NotRequired[str]


class ResourceEntry(TypedDict):
    """A resource in the manifest."""

    records: int
    files: dict[str, FileEntry]
    columns: list[dict[str, object]]


class Manifest(TypedDict):
    """The manifest of a dump."""

    format: int
    software: dict[str, str]
    schema_version: str
    data_time: Any  # a text that sorts by time; None without records
    licence: dict[str, str | None]
    sha256: str
    resources: dict[str, ResourceEntry]


class Command(BaseCommand):
    """Write every published record, as CSV and as NDJSON, with a manifest."""

    help = "Write every published record into a folder, as CSV and NDJSON, with a manifest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder to write; an earlier dump in it is replaced as a whole")
        parser.add_argument("--gzip", action="store_true", help="compress the files")

    def handle(self, *args: object, folder: Path, **options: object) -> None:
        folder = folder.absolute()
        if folder.exists() and not is_dump(folder):
            raise CommandError(f"{folder} is neither empty nor a dump: name another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that it gets there by renaming.
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            with snapshot() as cursor:
                manifest = write(draft, cursor, compressed=bool(options["gzip"]))
            draft.chmod(0o755)
            replace(folder, draft)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        counts = sum(resource["records"] for resource in manifest["resources"].values())
        self.stdout.write(f"{counts} records of {len(manifest['resources'])} resources, {manifest['sha256']}")


def is_dump(folder: Path) -> bool:
    """Return whether a folder may be replaced: it is empty, or holds a dump."""
    return folder.is_dir() and ((folder / MANIFEST).is_file() or not any(folder.iterdir()))


def replace(folder: Path, draft: Path) -> None:
    """Put a folder in the place of another."""
    if not folder.exists():
        draft.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    folder.rename(old / "dump")
    try:
        draft.rename(folder)
    except OSError:
        (old / "dump").rename(folder)
        raise
    finally:
        shutil.rmtree(old)


@contextmanager
def snapshot() -> Iterator[CursorWrapper]:
    """Give a cursor that sees the database as it is now, on a connection of its own."""
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
            yield cursor
            cursor.execute("COMMIT")
    finally:
        own.close()


def write(folder: Path, cursor: CursorWrapper, *, compressed: bool) -> Manifest:
    """Write all files and the manifest into an empty folder; return the manifest."""
    resources: dict[str, ResourceEntry] = {}
    # Some fields are texts in the reader's language.
    with translation.override(settings.LANGUAGE_CODE):
        for resource, view in sorted(viewsets().items()):
            export = export_of(view)
            names = [column.name for column in export.columns]
            sources = {
                "csv": (head(names), cells(export.rows, export.columns), CELLS, b"\r\n"),
                "ndjson": (b"", export.objects, JSON_LINES, b"\n"),
            }
            files = {}
            for form, (before, text, options, ending) in sources.items():
                name = f"{resource}.{form}{'.gz' if compressed else ''}"
                with copied(cursor, Statement(text).text, [], options) as rows:
                    files[name], count = write_file(folder / name, before, rows, ending, compressed=compressed)
            resources[resource] = {"records": count, "files": files, "columns": described(export.columns)}
    manifest = manifest_of(resources, cursor)
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return manifest


@cache
def export_of(view: type[RecordViewSet]) -> Export:
    """Return the export of a resource: every record that everybody may read, by key, of all editions and days."""
    model = cast("type[Citable]", view.queryset.model)
    base = view.serializer_class
    names = [name for name in base.Meta.fields if name not in LEFT_OUT]
    serializer = base(context={"fields": names})
    # By bytes, whatever the collation of the database.
    ordered = model._default_manager.visible_to(None).order_by(Collate(model.key_field, "C"))

    def text(select: Callable[[RecordSerializer, SqlRow], str]) -> str:
        row = SqlRow(Compilation(None), model)
        return f"SELECT {select(serializer, row)} FROM {row.source(ordered)}"  # noqa: S608 - compiled

    return Export(text(json_of), text(select_list), columns(serializer, guarded=True))


def write_file(
    path: Path, before: bytes, rows: Iterable[bytes], ending: bytes, *, compressed: bool
) -> tuple[FileEntry, int]:
    """Write the rows of a COPY into a file; return its entry in the manifest, and the number of rows."""
    digest, size, count = hashlib.sha256(before), len(before), 0

    def counted() -> Iterator[bytes]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    with path.open("wb") as raw:
        # Neither name nor time in the file's head: the same content makes the same file.
        packed = gzip.GzipFile("", "wb", 9, raw, 0) if compressed else None
        target = cast("IO[bytes]", packed or raw)
        target.write(before)
        for chunk in chunks(counted(), ending=ending):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
        if packed:
            packed.close()
    entry: FileEntry = {"bytes": size, "sha256": digest.hexdigest()}
    if compressed:
        with path.open("rb") as file:
            entry["compressed_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return entry, count


def described(found: list[Column]) -> list[dict[str, object]]:
    """Return the entry of each column in the manifest, with its texts in both languages."""
    entries: list[dict[str, object]] = []
    for column in found:
        texts: dict[str, dict[str, str]] = {"label": {}, "description": {}}
        for code, tag in (("zh-hans", "zh-Hans"), ("en", "en")):
            with translation.override(code):
                texts["label"][tag], texts["description"][tag] = column.label(), column.description()
        entries.append({"name": column.name, "type": column.kind, **texts})
    return entries


def manifest_of(resources: dict[str, ResourceEntry], cursor: CursorWrapper) -> Manifest:
    """Return the manifest. Its `sha256` is that of the data alone: of the files' names and digests."""
    lines = [
        f"{entry['sha256']}  {name.removesuffix('.gz')}\n"
        for resource in resources.values()
        for name, entry in sorted(resource["files"].items())
    ]
    return {
        "format": FORMAT,
        "software": {"name": "partybuild", "build": build()},
        "schema_version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "data_time": data_time(cursor),
        "licence": {**in_both(terms), "url": settings.DATA_LICENSE_URL or None},
        "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        "resources": resources,
    }


def in_both(text: Callable[[], object]) -> dict[str, str]:
    """Return the text that a function gives in each of both languages."""
    texts = {}
    for code, tag in (("zh-hans", "zh-Hans"), ("en", "en")):
        with translation.override(code):
            texts[tag] = str(text())
    return texts


def data_time(cursor: CursorWrapper) -> str | None:
    """Return the time of the last write of a record."""
    rows = [model._default_manager.visible_to(None).order_by() for model in citable_models().values()]
    latest = " UNION ALL ".join(
        f"SELECT max(updated_at) AS at FROM ({text_of(each.values('updated_at'))}) AS r"  # noqa: S608
        for each in rows
    )
    cursor.execute(f"SELECT max(at) FROM ({latest}) AS latest".replace("%", "%%"), [])  # noqa: S608
    (at,) = cursor.fetchone()
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" if at else None
