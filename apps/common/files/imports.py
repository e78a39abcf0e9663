"""Reading a file of records into a resource: what an export wrote comes back, changed or not, and new rows are made.

Each row names its record by its key; a row whose key is not on record, or that has none, makes one. All rows are
checked before anything is said, and all are written or none. New rows go in by COPY, which costs a fraction of single
inserts; where the database refuses that, the rows are tried one by one, so that the answer can point at each.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, cast

import openpyxl
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.utils.translation import gettext

from apps.common.files.columns import SEPARATOR, TEXT, columns, name_of, unmark
from apps.common.http.problems import Refusal, nearest
from apps.common.models.records import Citable, Record
from apps.common.models.slugs import RetiredSlug
from apps.common.writing.contract import MOST_ERRORS, Contract, Input, error_at, escape
from apps.common.writing.refusals import invalid, refusing
from apps.common.writing.writer import RESERVED, RecordChange, RecordWriter, refuse_drafts

ROWS = "rows"
MOST_ROWS = 20_000
SEEN = "updated_at"
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Table(NamedTuple):
    """A file as it was read: the names of its columns, and its cells as texts."""

    names: list[str]
    rows: list[list[str]]
    is_marked: bool  # whether cells that a spreadsheet would run have a mark


class Imported(NamedTuple):
    """What an import did."""

    changes: list[RecordChange]
    unchanged: int
    ignored: list[str]


# From bytes to cells


def read_table(content: bytes, media_type: str) -> Table:
    """Return the cells of a file. Raises Refusal."""
    rows = _sheet_rows(content) if media_type == XLSX else _csv_rows(content)
    try:
        names = [name_of(cell) for cell in next(rows, [])]
        found = list(islice(filter(any, rows), MOST_ROWS + 1))
    except csv.Error as error:
        raise _unreadable(gettext("The file is not valid CSV: %(reason)s.") % {"reason": error}) from error
    if not any(names) or not found:
        raise _unreadable(gettext("The file has no rows below its heading."))
    if len(found) > MOST_ROWS:
        raise _unreadable(gettext("More than %(most)s rows; split the file.") % {"most": MOST_ROWS})
    if doubled := sorted({name for name in names if name and names.count(name) > 1}):
        raise _unreadable(gettext("Columns stand there twice: %(names)s.") % {"names": ", ".join(doubled)})
    for number, row in enumerate(found):
        if len(row) > len(names) and any(row[len(names) :]):
            detail = gettext("The row has more cells than the heading.")
            raise Refusal("bad_request", errors=[error_at(f"/{ROWS}/{number}", "too_long", detail)])
    return Table(names, found, media_type != XLSX)


def _csv_rows(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = gettext("The file is not UTF-8, from byte %(place)s on; save it as “CSV UTF-8”.")
        raise _unreadable(detail % {"place": error.start}) from error
    yield from csv.reader(io.StringIO(text, newline=""), strict=True)


def _sheet_rows(content: bytes) -> Iterator[list[str]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_text(cell) for cell in row]
    except Refusal:
        raise
    except Exception as error:  # the library raises whatever its reading of a broken file stumbles over
        raise _unreadable(gettext("The file is not a spreadsheet that can be read.")) from error


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _unreadable(detail: str) -> Refusal:
    return Refusal("bad_request", errors=[error_at("", "unreadable", detail)])


# From cells to records


class Importer:
    """Imports a table into one resource."""

    def __init__(self, writer: RecordWriter, serializer: Any, table: Table) -> None:
        self.writer = writer
        self.contract: Contract = writer.contract
        self.table = table
        known = {column.name: column for column in columns(serializer(context={"labels": True}), guarded=False)}
        self.marked = {name for name, column in known.items() if column.kind == TEXT and table.is_marked}
        self._check_columns(known)
        self.read = {*self.contract.inputs, SEEN, self.contract.model.key_field}
        self.ignored = [name for name in table.names if name and name not in self.read]

    def _check_columns(self, known: Iterable[str]) -> None:
        names = [*self.contract.inputs, *known]
        errors = [
            error_at(
                f"/columns/{escape(name)}",
                "unknown_field",
                gettext("There is no column “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], names),
            )
            for name in self.table.names
            if name and name not in names
        ]
        if errors:
            raise Refusal("bad_request", errors=errors[:MOST_ERRORS])

    def run(self) -> Imported:
        """Write all rows, or none. Raises Refusal with a pointer to each cell that is wrong."""
        bodies = [self._body(number, row) for number, row in enumerate(self.table.rows)]
        self.contract.load(bodies, self.writer.finder)
        keys = [self._key(row, body) for row, body in zip(self.table.rows, bodies, strict=True)]
        records = self._records(keys)
        errors: list[dict[str, str]] = []
        changes: list[RecordChange] = []
        new: list[tuple[int, dict[str, Any]]] = []
        unchanged = 0
        for number, (body, key) in enumerate(zip(bodies, keys, strict=True)):
            if key and key in keys[:number] and key not in records:
                errors.append(self._doubled(number))
            elif key not in records:
                new.append((number, body))
            else:
                try:
                    change = self._change(number, records[key], body)
                except Refusal as refusal:
                    errors += refusal.errors or [error_at(f"/{ROWS}/{number}", refusal.code, str(refusal.detail))]
                    continue
                unchanged += not change.fields
                changes += [change] if change.fields else []
        try:
            refuse_drafts(changes)
        except Refusal as refusal:
            # Not to be told again of each new row, whose check would meet them too.
            code = "bad_request" if errors else refusal.code
            raise Refusal(code, errors=[*errors, *(refusal.errors or [])][:MOST_ERRORS]) from refusal
        made, wrong = self._make(new, fast=not errors)
        if errors := errors + wrong:
            conflict = all(error["code"] in ("unique", "stale", "referenced") for error in errors)
            raise Refusal("conflict" if conflict else "bad_request", errors=errors[:MOST_ERRORS])
        return Imported([*made, *changes], unchanged, self.ignored)

    def _body(self, number: int, row: list[str]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, cell in zip(self.table.names, row, strict=False):
            if name in self.contract.inputs:
                text = unmark(cell) if name in self.marked else cell
                body[name] = self._value(self.contract.inputs[name], text)
            elif name == SEEN and cell:
                body[SEEN] = cell
        return body

    def _value(self, item: Input, text: str) -> Any:
        """Return a cell as a body has it; what cannot be read stays a text, and is refused as one."""
        if item.is_many or isinstance(item.field, ArrayField):
            parts = text.split(SEPARATOR) if text else []
            numbers = isinstance(item.field, ArrayField) and isinstance(item.field.base_field, models.IntegerField)
            return [_number(part, whole=True) for part in parts] if numbers else parts
        if text == "":
            return None if item.is_target or item.field.null else ""
        if isinstance(getattr(item, "field", None), models.IntegerField | models.DecimalField):
            return _number(text, whole=isinstance(item.field, models.IntegerField))
        return text

    def _key(self, row: list[str], body: Mapping[str, Any]) -> str:
        name = self.contract.model.key_field
        # One that the database makes is no input; a neighbourhood's code is that of all its editions.
        if key := dict(zip(self.table.names, row, strict=False)).get(name):
            return unmark(key) if name in self.marked else key
        return next((str(body[name]) for name in self.contract.identity if body.get(name)), "")

    def _records(self, keys: list[str]) -> dict[str, Any]:
        model: Any = self.contract.model
        wanted = {key for key in keys if key and "\0" not in key}
        visible = model._default_manager.visible_to(self.writer.user).filter(**{f"{model.key_field}__in": wanted})
        rows = model._base_manager.select_for_update(no_key=True).filter(pk__in=visible.order_by().values("pk"))
        return {row.key: row for row in rows.order_by("pk")}

    def _doubled(self, number: int) -> dict[str, str]:
        place = f"/{ROWS}/{number}/{self.contract.model.key_field}"
        return error_at(place, "doubled", gettext("This record stands there twice."))

    def _change(self, number: int, record: Citable, body: dict[str, Any]) -> RecordChange:
        self.writer.pointer = f"/{ROWS}/{number}"
        was, seen = f"{record.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}", body.pop(SEEN, None)
        for name, item in self.contract.inputs.items():
            if name in body and body[name] == "" and item.is_required:
                detail = gettext("“%(name)s” is required.") % {"name": name}
                raise Refusal("bad_request", errors=[error_at(f"{self.writer.pointer}/{name}", "required", detail)])
        with refusing(self.contract.model, self.writer.pointer), transaction.atomic():
            change = self.writer.change(record, body, dict, replace=False)
        if change.fields and seen and seen != was:
            detail = gettext("The record has changed since the file was made.")
            raise Refusal("conflict", errors=[error_at(f"{self.writer.pointer}/{SEEN}", "stale", detail)])
        return change

    # New records

    def _make(
        self, new: list[tuple[int, dict[str, Any]]], *, fast: bool
    ) -> tuple[list[RecordChange], list[dict[str, str]]]:
        if not new:
            return [], []
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"slugs of {self._table}"])
        if fast and not any(item.is_many for item in self.contract.inputs.values()):
            made, rows, errors = self._prepare(new)
            if errors:
                return [], errors
            try:
                with transaction.atomic():
                    self._copy(rows)
                    connection.check_constraints()
            except DatabaseError:
                pass  # told row by row below
            else:
                return [RecordChange("insert", record, fields) for record, fields in made], []
        return self._one_by_one(new)

    @property
    def _table(self) -> str:
        return str(self.contract.model._meta.db_table)

    def _prepare(
        self, new: list[tuple[int, dict[str, Any]]]
    ) -> tuple[list[tuple[Any, list[str]]], list[list[Any]], list[dict[str, str]]]:
        """Return new records that obey the model's rules with the fields that were given, their rows, what is wrong."""
        made: list[tuple[Any, list[str]]] = []
        errors: list[dict[str, str]] = []
        rows: list[list[Any]] = []
        fields = self._columns()
        slugs = self._taken() if "slug" in self.contract.inputs else None
        # References were found already; to check one again would cost a query.
        computed = {
            field.name
            for field in self.contract.model._meta.fields
            if not field.editable or field.generated or field.is_relation
        }
        for number, body in new:
            self.writer.pointer = f"/{ROWS}/{number}"
            try:
                record, given = self.writer.made(_without_empty(body))
                if slugs is not None:
                    self._name(cast("Record", record), slugs)
                record.clean_fields(exclude=computed)
                record.clean()
                self.writer.check_place(record)
                # Now, while what was read of the name is at hand.
                rows.append([field.pre_save(record, add=True) for field in fields])
            except Refusal as refusal:
                errors += refusal.errors or []
            except ValidationError as error:
                errors += invalid(error, self.writer.pointer, {}).errors or []
            else:
                made.append((record, given))
        return made, rows, errors

    def _taken(self) -> set[str]:
        retired = RetiredSlug.objects.filter(table=self._table).values_list("slug", flat=True)
        model: Any = self.contract.model
        return {*retired, *model._base_manager.values_list("slug", flat=True), *RESERVED}

    def _name(self, record: Record, taken: set[str]) -> None:
        """Give a new row a slug that is free, or check the one that it has."""
        if record.slug in taken:
            detail = gettext("There is such a record already.")
            raise Refusal("conflict", errors=[error_at(f"{self.writer.pointer}/slug", "unique", detail)])
        if not record.slug:
            stem, number = record.slug_stem(), 1
            slug = stem
            while slug in taken:
                number += 1
                slug = f"{stem}-{number}"
            record.slug = slug
        taken.add(record.slug)
        record.slug_is_free = True

    def _columns(self) -> list[Any]:
        """Return the columns that Python fills."""
        fields = self.contract.model._meta.concrete_fields
        return [
            field
            for field in fields
            if not (field.primary_key or field.generated or field.db_returning or _is_made(field))
        ]

    def _copy(self, rows: list[list[Any]]) -> None:
        """Write new rows into the table by COPY."""
        quote = connection.ops.quote_name
        names = ", ".join(quote(str(field.column)) for field in self._columns())
        with connection.cursor() as cursor, connection.wrap_database_errors:
            text = f"COPY {quote(self._table)} ({names}) FROM STDIN"
            with cursor.cursor.copy(text) as copying:
                for row in rows:
                    copying.write_row(row)

    def _one_by_one(self, new: list[tuple[int, dict[str, Any]]]) -> tuple[list[RecordChange], list[dict[str, str]]]:
        changes: list[RecordChange] = []
        errors: list[dict[str, str]] = []
        for number, body in new:
            self.writer.pointer = f"/{ROWS}/{number}"
            try:
                with refusing(self.contract.model, self.writer.pointer), transaction.atomic():
                    change = self.writer.create(_without_empty(body))
                    refuse_drafts([change])
                    connection.check_constraints()
                    changes.append(change)
            except Refusal as refusal:
                errors += refusal.errors or [error_at(self.writer.pointer, refusal.code, str(refusal.detail))]
                if len(errors) >= MOST_ERRORS:
                    break
        return changes, errors


def _is_made(field: Any) -> bool:
    """Tell whether a trigger fills a column."""
    return getattr(field, "sources", None) == ()


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without its empty cells: a new record has the defaults there."""
    return {name: value for name, value in body.items() if value not in ("", None, []) and name != SEEN}


def _number(text: str, *, whole: bool) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    if whole:
        return int(text) if text.lstrip("-").isdecimal() and text.isascii() else text
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
