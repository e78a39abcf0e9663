"""What the import of a file did or would do, or what is wrong with it, in the words of who looks at a spreadsheet."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.utils.formats import date_format

from apps.common.files.cells import Table
from apps.common.files.imports import ROWS, Imported, Importer
from apps.common.files.row_evidence import PAPER, read_paper
from apps.common.files.tables import read_table
from apps.common.http.problems import Refusal
from apps.common.models.records import Citable
from apps.common.resources.registry import viewset_of
from apps.common.rules.territory import Reader
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import Finder, Input
from apps.common.writing.writer import RecordWriter

MOST_SHOWN = 100  # changes; the counts are of all
LONGEST = 200  # characters of a value


class WrongCell(NamedTuple):
    """What is wrong with a file, and where: row and column as a spreadsheet names them, and how the row begins."""

    row: int | None
    record: str
    column: str
    detail: str


class ShownValue(NamedTuple):
    """A field that a change sets."""

    label: str
    before: str
    after: str


class Shown(NamedTuple):
    """A change as the preview shows it."""

    is_new: bool
    record: str
    key: str
    values: list[ShownValue]


class ImportResult(NamedTuple):
    """What an import did or would do, or what is wrong with the file."""

    wrong: list[WrongCell]
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    attestations: int = 0
    ignored: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    digest: str = ""

    @property
    def hidden(self) -> int:
        """How many changes are not shown."""
        return self.created + self.changed - len(self.shown)

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to confirm."""
        return bool(self.created or self.changed)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept in the database."""
        return self._asdict()

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "ImportResult":
        """Return it as it was before it was kept."""
        shown = tuple(
            Shown(is_new, record, key, [ShownValue(*value) for value in values])
            for is_new, record, key, values in kept["shown"]
        )
        wrong = [WrongCell(*cell) for cell in kept["wrong"]]
        return cls(**{**kept, "wrong": wrong, "ignored": tuple(kept["ignored"]), "shown": shown})


class FileImport:
    """A file on its way into the records of one kind."""

    def __init__(
        self, model: type[Citable], content: bytes, media_type: str, paper: Mapping[str, str] | None = None
    ) -> None:
        self._model = model
        self._content = content
        self._media_type = media_type
        self._paper = paper or {}
        self._table: Table | None = None

    def read(self) -> int:
        """Read the file; return how many rows it has. Raises Refusal."""
        self._table = read_table(self._content, self._media_type)
        return len(self._table.rows)

    def is_long(self) -> bool:
        """Tell whether the file has more rows than are imported at once."""
        try:
            table = read_table(self._content, self._media_type, settings.IMPORT_ROWS_AT_ONCE)
        except Refusal:
            return False  # `run` will say why
        self._table = None if table.is_cut else table
        return table.is_cut

    def run(self, user: Reader, progress: Callable[[int], None] = lambda done: None) -> Imported:
        """Write all rows or none, within the write of the caller, who checks what is deferred. Raises Refusal."""
        table = self._table = self._table or read_table(self._content, self._media_type)
        view = viewset_of(self._model)
        writer = RecordWriter(view.contract(), user, Finder(user))
        paper = read_paper(writer.contract, self._paper, writer.finder)
        return Importer(writer, view.serializer_class, table, paper=paper).run(progress)

    def result(self, done: Imported) -> ImportResult:
        """Return what was done."""
        inputs = viewset_of(self._model).contract().inputs
        digest = hashlib.sha256(hashlib.sha256(self._content).digest())
        digest.update(json.dumps(self._paper, sort_keys=True).encode())
        for change in done.changes:
            names = [name for name in change.fields if name in inputs]
            values = [(name, change.before.get(name), _current(inputs[name], change)) for name in names]
            digest.update(json.dumps([change.operation, change.record.key, values], default=str).encode())
        operations = [change.operation for change in done.changes]
        return ImportResult(
            wrong=[],
            created=operations.count("insert"),
            changed=operations.count("update"),
            unchanged=done.unchanged,
            attestations=done.attestations,
            ignored=tuple(done.ignored),
            shown=tuple(_shown(inputs, change) for change in done.changes[:MOST_SHOWN]),
            digest=digest.hexdigest(),
        )

    def refused(self, refusal: Refusal) -> ImportResult:
        """Return why nothing was done."""
        found = refusal.errors or [{"pointer": "", "detail": str(refusal.detail)}]
        return ImportResult([self._wrong(error["pointer"], error["detail"]) for error in found])

    def _wrong(self, pointer: str, detail: str) -> WrongCell:
        """Return an error of the API in the words of a spreadsheet."""
        part, number, column = [*pointer.strip("/").split("/", 2), "", "", ""][:3]
        if part in PAPER:
            return WrongCell(None, "", part, detail)
        if part != ROWS or self._table is None:
            return WrongCell(None, "", number if part == "columns" else "", detail)
        row = next((row for row in self._table.rows if row.number == int(number)), self._table.heading)
        cells = dict(zip(self._table.names, row.cells, strict=False))
        named = ["name" if self._model.row_name else self._model.name_field, self._model.key_field]
        return WrongCell(int(number), _cut(_first(cells, named)), column, detail)


def _current(item: Input, change: RecordChange) -> Any:
    """Return the value that a change has set; a list of a new record is not asked for before it is stored."""
    if item.is_many and change.record.pk is None:
        return []
    return item.current(change.record)


def _shown(inputs: dict[str, Input], change: RecordChange) -> Shown:
    is_new = change.operation == "insert"
    values = []
    for name in filter(inputs.__contains__, change.fields):  # not the evidence, of which there is a count
        item = inputs[name]
        before = "" if is_new else _text(item, change.before.get(name))
        values.append(ShownValue(_label(item), before, _text(item, _current(item, change))))
    return Shown(is_new, str(change.record), str(change.record.key), values)


def _label(item: Input) -> str:
    return str(getattr(item.field, "verbose_name", item.name))


def _text(item: Input, value: Any) -> str:
    """Return a value as `Input.current` gives it in words."""
    if value in (None, "", []):
        return ""
    if item.is_many or item.is_reference:
        keys = value if item.is_many else [value]
        return _cut(", ".join(map(str, item.field.related_model._base_manager.filter(pk__in=keys).order_by("pk"))))
    if item.is_target:
        kind, key = value
        return _cut(str(ContentType.objects.get_for_id(kind).get_object_for_this_type(pk=key)))
    if choices := dict(getattr(item.field, "flatchoices", ())):
        return str(choices.get(value, value))
    if isinstance(value, list):
        return _cut(", ".join(map(str, value)))
    return date_format(value) if hasattr(value, "isoformat") else _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _first(cells: dict[str, str], names: Iterable[str]) -> str:
    """Return the first of the named cells that holds something, or else of all."""
    named = (cells.get(name, "") for name in names)
    return next(filter(None, [*named, *cells.values()]), "")
