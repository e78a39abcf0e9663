"""Reading a file of records into a resource: what an export wrote comes back, changed or not, and new rows are made.

Each row names its record by its key; a row whose key is not on record, or that has none, makes one. All rows are
checked before anything is said, and all are written or none. Rows that change nothing are found without a lock and
need no right. Errors name the row as a spreadsheet shows it: the heading is row 1.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext

from apps.common.files.cell_values import read_cell
from apps.common.files.cells import Row, Table
from apps.common.files.columns import TEXT, columns, name_of, unmark
from apps.common.files.new_rows import NewRow, NewRows
from apps.common.files.row_evidence import (
    ATTESTATIONS,
    Paper,
    RowEvidence,
    evidence_columns,
    in_columns,
    supported_by,
)
from apps.common.http.problems import Refusal, nearest
from apps.common.models.records import Citable, Fact
from apps.common.writing.bulk import Objections
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import MOST_ERRORS, Contract, error_at, escape
from apps.common.writing.evidence import settle_evidence
from apps.common.writing.refusals import refusing
from apps.common.writing.writer import RecordWriter, refuse_drafts

ROWS = "rows"
SEEN = "updated_at"
MOST_LISTED = 500  # changes; the counts are of all
ROWS_A_STEP = 500  # between two reports of how far it is

Body = dict[str, Any]
Progress = Callable[[int], None]


class Imported(NamedTuple):
    """What an import did."""

    changes: list[RecordChange]
    unchanged: int
    ignored: list[str]
    attestations: int

    def answer(self) -> dict[str, object]:
        """Return what is answered."""
        operations = [change.operation for change in self.changes]
        return {
            "created": operations.count("insert"),
            "changed": operations.count("update"),
            "unchanged": self.unchanged,
            "attestations": self.attestations,
            "ignored": self.ignored,
            "changes": [
                {
                    "resource": change.record.resource,
                    "key": change.record.key,
                    "operation": change.operation,
                    "fields": change.fields,
                }
                for change in self.changes[:MOST_LISTED]
            ],
        }


class Importer:
    """Imports a table into one resource, with a paper on which all its rows rest, if one is given.

    Raises Refusal for columns that are unknown, and cells that say nothing.
    """

    def __init__(
        self,
        writer: RecordWriter,
        serializer: Any,
        table: Table,
        objections: Objections | None = None,
        paper: Paper | None = None,
    ) -> None:
        self.writer = writer
        self.objections: Objections = objections or (lambda records: {})
        self.contract: Contract = writer.contract
        self.table = table
        known = {column.name: column for column in columns(serializer(context={"labels": True}), guarded=False)}
        self.marked = {name for name, column in known.items() if column.kind == TEXT and table.is_marked}
        self.evidence = RowEvidence(self.contract, table.names, paper, is_marked=table.is_marked)
        own = {*self.contract.inputs, *self.contract.parties, *evidence_columns(self.contract)}
        self.read = {*own, SEEN, self.contract.model.key_field}
        self._check_columns({*own, *known})
        self._check_cells()
        self.ignored = [*(name for name in table.names if name and name not in self.read), *table.further]
        self._errors: list[dict[str, str]] = []
        self._is_objected = False  # to one row at least, by the headers of the request

    def _check_columns(self, known: set[str]) -> None:
        unknown = [name for name in self.table.names if name and name not in known]
        if not unknown:
            return
        hint = self._heading_below(known)
        errors = [
            error_at(
                f"/columns/{escape(name)}",
                "unknown_field",
                gettext("There is no column “%(name)s”.") % {"name": name[:100]} + (hint or nearest(name[:100], known)),
            )
            for name in unknown
        ]
        raise Refusal("bad_request", errors=errors[:MOST_ERRORS])

    def _heading_below(self, known: set[str]) -> str:
        """Return a sentence where a row below the first one looks like the heading: the first may be a title."""
        fitting = sum(name in known for name in self.table.names)
        for row in self.table.rows[:10]:
            if sum(name_of(cell) in known for cell in row.cells) > max(fitting, 1):
                detail = gettext("The heading has to be the first row; it seems to be row %(row)s.")
                return " " + detail % {"row": row.number}
        return ""

    def _check_cells(self) -> None:
        names = dict(enumerate(self.table.names))
        errors = [
            error_at(f"/{ROWS}/{fault.row}" + (f"/{escape(name)}" if name else ""), fault.code, fault.detail)
            for fault in sorted(self.table.faults)
            if (name := names.get(fault.column)) in self.read or name is None or fault.row == self.table.heading.number
        ]
        if errors:
            raise Refusal("bad_request", errors=errors[:MOST_ERRORS])

    def run(self, progress: Progress = lambda done: None) -> Imported:
        """Write all rows, or none; tell `progress` how many are done. Raises Refusal with a pointer to each cell."""
        bodies = [self._body(row) for row in self.table.rows]
        self.contract.load(bodies, self.writer.finder)
        keys = [self._key(row, body) for row, body in zip(self.table.rows, bodies, strict=True)]
        records = self._records(keys)
        new: list[NewRow] = []
        differing: list[tuple[Row, Citable, Body]] = []
        for row, body, key in self._once(bodies, keys):
            if (record := records.get(key)) is None:
                values = {name: body[name] for name in body if name != SEEN}
                new.append(NewRow(row.number, f"/{ROWS}/{row.number}", values, self.evidence.cells(row)))
            elif changed := self._changed_fields(row, record, body):
                differing.append((row, record, body | self._evidence_of(row, record, body, changed)))
        unchanged = len(bodies) - len(new) - len(differing)
        progress(unchanged)
        changes = self._changed(differing, lambda done: progress(unchanged + done))
        self._settle(changes)
        made, errors = NewRows(self.writer, new, self.evidence).make(
            lambda done: progress(unchanged + len(differing) + done), is_refused=bool(self._errors)
        )
        if errors := [in_columns(error) for error in (*self._errors, *errors)]:
            conflict = all(error["code"] in ("unique", "stale", "referenced") for error in errors)
            errors.sort(key=_row_of)
            code = "precondition_failed" if self._is_objected else "conflict"
            raise Refusal(code if conflict else "bad_request", errors=errors[:MOST_ERRORS])
        changes = [*made, *changes]
        attested = sum(ATTESTATIONS in change.fields for change in changes)
        return Imported(changes, unchanged, self.ignored, attested)

    # From cells to bodies

    def _body(self, row: Row) -> Body:
        body: Body = {}
        for name, cell in zip(self.table.names, row.cells, strict=False):
            if name in self.contract.inputs:
                text = unmark(cell) if name in self.marked else cell
                body[name] = read_cell(self.contract.inputs[name], text)
            elif name in self.contract.parties:
                body[name] = cell.strip() or None
            elif name == SEEN and cell:
                body[SEEN] = cell
        return body

    def _key(self, row: Row, body: Mapping[str, Any]) -> str:
        name = self.contract.model.key_field
        # One that the database makes is no input; a neighbourhood's code is that of all its editions.
        if key := dict(zip(self.table.names, row.cells, strict=False)).get(name, "").strip():
            return unmark(key) if name in self.marked else key
        return next((str(body[name]) for name in self.contract.identity if body.get(name)), "")

    def _once(self, bodies: list[Body], keys: list[str]) -> Iterable[tuple[Row, Body, str]]:
        """Yield the rows whose record does not stand above already, and refuse the others."""
        seen: dict[object, int] = {}
        for row, body, key in zip(self.table.rows, bodies, keys, strict=True):
            first = seen.setdefault(key or tuple(row.cells), row.number)
            if first == row.number:
                yield row, body, key
            elif key:
                place = f"/{ROWS}/{row.number}/{self.contract.model.key_field}"
                detail = gettext("This record stands there twice: also in row %(row)s.") % {"row": first}
                self._errors.append(error_at(place, "doubled", detail))
            else:
                detail = gettext("The row says the same as row %(row)s; where both are meant, give each a key.")
                self._errors.append(error_at(f"/{ROWS}/{row.number}", "doubled", detail % {"row": first}))

    # Records that are there already

    def _records(self, keys: list[str]) -> dict[str, Any]:
        """Return the records that the rows name, as far as the user sees them. None is locked."""
        model: Any = self.contract.model
        wanted = {key for key in keys if key and "\0" not in key}
        rows = model._default_manager.visible_to(self.writer.user).filter(**{f"{model.key_field}__in": wanted})
        many = [name for name, item in self.contract.inputs.items() if item.is_many]
        return {row.key: row for row in rows.order_by("pk").prefetch_related(*many)}

    def _changed_fields(self, row: Row, record: Citable, body: Body) -> list[str]:
        """Return the fields that a row sets to another value, and set them on the record; note what is refused."""
        self.writer.pointer = f"/{ROWS}/{row.number}"
        self.writer.is_thorough = len(self._errors) < MOST_ERRORS
        for name, item in self.contract.inputs.items():
            if name in body and body[name] == "" and item.is_required:
                detail = gettext("“%(name)s” is required.") % {"name": name}
                self._errors.append(error_at(f"{self.writer.pointer}/{name}", "required", detail))
                return []
        try:
            return self.writer.would_change(record, {name: body[name] for name in body if name != SEEN})
        except Refusal as refusal:
            self._note(refusal)
            return []

    def _evidence_of(self, row: Row, record: Citable, body: Body, changed: list[str]) -> Body:
        """Return the evidence of a row for the fields that it changes, or for all where it publishes the record."""
        if not self.evidence.is_given:
            return {}
        is_published = "state" in changed and getattr(record, "state", "") == Fact.State.PUBLISHED
        names = [*body, *self.writer.members(body)] if is_published else changed
        lists = {name: body[name] for name, item in self.contract.inputs.items() if item.is_many and name in body}
        return dict(self.evidence.of_row(row.number, self.evidence.cells(row), supported_by(record, names, lists)))

    def _changed(self, differing: list[tuple[Row, Citable, Body]], progress: Progress) -> list[RecordChange]:
        """Change the records whose rows differ, each locked; note what is refused."""
        rows: Any = self.contract.model._base_manager
        # In the order of the keys, so that two imports of the same records do not wait for each other.
        locked = rows.select_for_update(no_key=True).filter(pk__in=[record.pk for _row, record, _body in differing])
        found = {record.pk: record for record in locked.order_by("pk")}
        objections = self.objections(list(found.values()))
        changes: list[RecordChange] = []
        for number, (row, record, body) in enumerate(differing, 1):
            self.writer.pointer = f"/{ROWS}/{row.number}"
            if objection := objections.get(record.pk):
                self._is_objected = True
                self._errors.append(error_at(self.writer.pointer, "stale", objection))
                continue
            try:
                change = self._change(found.get(record.pk), body)
            except Refusal as refusal:
                if "Retry-After" in refusal.headers:  # each of the others might wait as long
                    raise
                self._note(refusal)
            else:
                changes += [change] if change.fields else []
            if number % ROWS_A_STEP == 0:
                progress(number)
        return changes

    def _change(self, record: Citable | None, body: Body) -> RecordChange:
        detail = gettext("The record has changed since the file was made.")
        stale = Refusal("conflict", errors=[error_at(f"{self.writer.pointer}/{SEEN}", "stale", detail)])
        if record is None:
            raise stale
        was, seen = f"{record.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}", body.get(SEEN)
        values = {name: body[name] for name in body if name != SEEN}
        with refusing(self.contract.model, self.writer.pointer), transaction.atomic():
            change = self.writer.change(record, values, dict, replace=False)
            if change.fields and seen and seen != was:
                raise stale
        return change

    def _settle(self, changes: list[RecordChange]) -> None:
        try:
            refuse_drafts(changes, self.writer.user)
            settle_evidence(changes, self.writer.user)
        except Refusal as refusal:
            # Not to be told again of each new row, whose check would meet them too.
            code = "bad_request" if self._errors else refusal.code
            errors = [in_columns(error) for error in (*self._errors, *(refusal.errors or []))]
            raise Refusal(code, errors=errors[:MOST_ERRORS]) from refusal

    def _note(self, refusal: Refusal) -> None:
        pointer = self.writer.pointer
        self._errors += refusal.errors or [error_at(pointer, refusal.code, str(refusal.detail))]


def _row_of(error: Mapping[str, str]) -> int:
    part, number = [*error["pointer"].strip("/").split("/"), ""][:2]
    return int(number) if part == ROWS and number.isdecimal() else 0
