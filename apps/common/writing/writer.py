"""Writing one record from a body: its values go through the model's rules into the database.

Everything here runs inside the `write_transaction` of the caller.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.db.models.deletion import Collector
from django.utils.translation import gettext

from apps.common.http.problems import Refusal
from apps.common.models.records import Citable, Fact
from apps.common.models.reserved_slugs import lock_slugs
from apps.common.rules import permissions, publishing
from apps.common.rules.territory import Reader
from apps.common.writing.citations import add_citations
from apps.common.writing.contract import CITATIONS, MOST_ERRORS, REASON, Contract, Finder, error_at, escape
from apps.common.writing.refusals import draft_error, invalid, pointed_at_error

# Addresses of a resource that are no records.
RESERVED = {"bulk", "import", "summary"}


@dataclass
class RecordChange:
    """What a write did to one record: nothing, where `fields` of an update are empty.

    `pointer` leads to the record in the body.
    """

    operation: str
    record: Citable
    fields: list[str] = field(default_factory=list)
    before: dict[str, object] = field(default_factory=dict)
    pointer: str = ""


@dataclass
class RecordWriter:
    """Writes records of one resource for one user. Raises Refusal, with pointers below `pointer`."""

    contract: Contract
    user: Reader
    finder: Finder
    pointer: str = ""

    def create(self, body: Mapping[str, object], *, key: str | None = None) -> RecordChange:
        """Make a record; `key` is that of the address where it is made by PUT."""
        record, values, many = self._made(body, key)
        if "slug" in self.contract.inputs and not values.get("slug"):
            lock_slugs(record._meta.db_table)
        self._validate(record)
        self._may_save(record)
        record.save(force_insert=True)
        for name, rows in many.items():
            getattr(record, name).set(rows)
        self._cite(record, body)
        self.finder.forget()
        return RecordChange("insert", record, sorted(values), pointer=self.pointer)

    def made(self, body: Mapping[str, object]) -> tuple[Citable, list[str], Mapping[str, list[Model]]]:
        """Return a new record that is neither checked nor stored yet, the fields that were given, and its lists."""
        record, values, many = self._made(body, None)
        return record, sorted(values), many

    def check_place(self, record: Citable) -> None:
        """Raise Refusal where the user may not save a record as it is now."""
        self._may_save(record)

    def _made(
        self, body: Mapping[str, object], key: str | None
    ) -> tuple[Citable, dict[str, object], dict[str, list[Model]]]:
        contract = self.contract
        values, errors = contract.read(body, self.finder)
        errors += [self._read_only(name) for name in body if name in contract.shown]
        errors += [
            self._required(name)
            for name, item in contract.inputs.items()
            if item.is_required and name not in body and not (key and name in contract.identity)
        ]
        if key is not None:
            errors += self._take_key(values, key)
        self._raise(errors)
        record = contract.model()
        return record, values, self._set(record, values)

    def change(
        self, record: Citable, body: Mapping[str, object], shown: Callable[[], Mapping[str, object]], *, replace: bool
    ) -> RecordChange:
        """Change a locked record; with `replace`, what the body leaves out gets its default.

        `shown` gives the record as it is answered now; it is asked only where the body has read-only members.
        """
        contract = self.contract
        values, errors = contract.read(body, self.finder)
        if read_only := [name for name in body if name in contract.shown]:
            now = shown()
            errors += [self._read_only(name) for name in read_only if name not in now or body[name] != now[name]]
        if replace:
            left_out = contract.inputs.keys() - body.keys() - contract.hidden - {*contract.identity}
            absent = {name: item for name, item in contract.inputs.items() if name in left_out}
            errors += [self._required(name) for name, item in absent.items() if item.is_required]
            values |= {name: item.default() for name, item in absent.items() if not item.is_required}
        errors += self._kept_keys(record, values)
        self._raise(errors)
        before = {name: contract.inputs[name].current(record) for name in values}
        many = self._set(record, values)
        changed = self._changed(record, before, many)
        may_edit = permissions.may_edit(self.user, record)  # what would change nothing needs no right
        if changed:
            self._demand(may_edit)
            self._validate(record)
            self._may_save(record)
            record.save_changes()
            for name in set(changed) & set(many):
                getattr(record, name).set(many[name])
        if self._cite(record, body):
            self._demand(may_edit)
            changed.append(CITATIONS)
        if changed:
            self.finder.forget()
        return RecordChange("update", record, sorted(changed), before, self.pointer)

    def would_change(self, record: Citable, body: Mapping[str, object]) -> bool:
        """Tell whether a body says anything else than a record, which is neither locked nor saved, and set it there."""
        values, errors = self.contract.read(body, self.finder)
        self._raise(errors + self._kept_keys(record, values))
        before = {name: self.contract.inputs[name].current(record) for name in values}
        return bool(self._changed(record, before, self._set(record, values)))

    def delete(self, record: Citable) -> list[RecordChange]:
        """Delete a locked record; return it and what goes with it."""
        self._demand(permissions.may_edit(self.user, record))
        collector = Collector(using=record._state.db or DEFAULT_DB_ALIAS, origin=record)
        collector.collect([record])
        found = [row for rows in collector.data.values() for row in rows]
        found += [row for rows in collector.fast_deletes for row in rows]
        gone = [RecordChange("delete", row) for row in found if isinstance(row, Citable) and row != record]
        record.delete()
        self.finder.forget()
        return [RecordChange("delete", record), *sorted(gone, key=lambda each: (each.record.resource, each.record.key))]

    # Steps

    def _set(self, record: Citable, values: dict[str, object]) -> dict[str, list[Model]]:
        """Set the values on a record; return those that can be set only once it is stored."""
        inputs = self.contract.inputs
        many = {name: cast("list[Model]", value) for name, value in values.items() if inputs[name].is_many}
        for name, value in values.items():
            if name not in many:
                setattr(record, name, value)
        return many

    def _changed(self, record: Citable, before: Mapping[str, object], many: Mapping[str, list[Model]]) -> list[str]:
        """Return the fields that were set to another value."""
        inputs = self.contract.inputs
        found = [name for name in before if name not in many and inputs[name].current(record) != before[name]]
        return found + [name for name, rows in many.items() if sorted({row.pk for row in rows}) != before[name]]

    def _validate(self, record: Citable) -> None:
        """Run the model's rules. What the database alone can check it checks when the row is written."""
        computed = {item.name for item in record._meta.fields if not item.editable or item.generated}
        try:
            record.clean_fields(exclude=computed)
            record.clean()
            record.validate_unique(exclude=computed)
            record.validate_constraints(exclude=computed)
        except ValidationError as error:
            names = {
                part: name
                for name, item in self.contract.inputs.items()
                if item.is_target
                for part in (item.field.ct_field, item.field.fk_field)
            }
            raise invalid(error, self.pointer, names) from error

    @staticmethod
    def _demand(right: bool) -> None:
        if not right:
            raise Refusal("permission_denied")

    def _may_save(self, record: Citable) -> None:
        if foreign := permissions.foreign_fields(self.user, record):
            detail = gettext("This lies outside the territory to which you are appointed.")
            places = [self.pointer + (f"/{escape(name)}" if name else "") for name in foreign]
            raise Refusal("permission_denied", errors=[error_at(place, "foreign", detail) for place in places])

    def _cite(self, record: Citable, body: Mapping[str, object]) -> bool:
        given = body.get(CITATIONS) if self.contract.cited else None
        return given is not None and add_citations(record, given, self.finder, self.pointer)

    def _take_key(self, values: dict[str, object], key: str) -> list[dict[str, str]]:
        """Give a new record the key of its address."""
        name = "slug" if "slug" in self.contract.inputs else "code"
        if self.contract.model.key_field == "key" and key[:12].isdigit():
            name = "code"
        if values.get(name) not in (None, "", key):
            return [error_at(f"/{name}", "permanent", gettext("The address names another record."))]
        values[name] = key
        return []

    def _kept_keys(self, record: Citable, values: dict[str, object]) -> list[dict[str, str]]:
        wrong = [name for name in self.contract.identity if name in values and values[name] != getattr(record, name)]
        for name in self.contract.identity:
            values.pop(name, None)
        return [error_at(f"/{name}", "permanent", gettext("The key of a record never changes.")) for name in wrong]

    def _read_only(self, name: str) -> dict[str, str]:
        return error_at(f"/{escape(name)}", "read_only", gettext("“%(name)s” cannot be written.") % {"name": name})

    def _required(self, name: str) -> dict[str, str]:
        return error_at(f"/{escape(name)}", "required", gettext("“%(name)s” is required.") % {"name": name})

    def _raise(self, errors: list[dict[str, str]]) -> None:
        if errors:
            raise Refusal(
                "bad_request", errors=[{**error, "pointer": self.pointer + error["pointer"]} for error in errors[:50]]
            )


def refuse_drafts(changes: Iterable[RecordChange]) -> None:
    """Raise Refusal where a published record would point at a draft, once all of a request is written.

    The database has the last word, at the end of the transaction; its errors have no pointer.
    """
    published: dict[type[Fact], dict[int, RecordChange]] = {}
    withdrawn: dict[type[Fact], dict[int, RecordChange]] = {}
    for change in changes:
        record = change.record
        if isinstance(record, Fact) and change.fields and change.operation != "delete":
            if record.state == Fact.State.PUBLISHED:
                published.setdefault(type(record), {})[record.pk] = change
            elif change.before.get("state") == Fact.State.PUBLISHED:
                withdrawn.setdefault(type(record), {})[record.pk] = change
    wrong = [
        draft_error(breach, own[breach.pk].pointer)
        for model, own in published.items()
        for breach in publishing.breaches_of(model, own)
    ]
    if wrong:
        raise Refusal("bad_request", errors=wrong[:MOST_ERRORS])
    wrong = [
        pointed_at_error([f"{breach.resource}/{breach.key}" for breach in breaches], own[pk].pointer)
        for model, own in withdrawn.items()
        for pk, breaches in publishing.breaches_against(model, own).items()
    ]
    if wrong:
        raise Refusal("conflict", errors=wrong[:MOST_ERRORS])


def read_reason(body: object) -> str:
    """Return why a write is made. Raises Refusal."""
    reason = body.get(REASON) if isinstance(body, dict) else None
    if not isinstance(reason, str) or not reason.strip():
        detail = gettext("Say in “%(name)s” why the registry is changed.") % {"name": REASON}
        raise Refusal("bad_request", errors=[error_at(f"/{REASON}", "required", detail)])
    if len(reason) > 1000 or "\0" in reason:
        detail = gettext("The reason is longer than 1000 characters, or is no text.")
        raise Refusal("bad_request", errors=[error_at(f"/{REASON}", "invalid", detail)])
    return reason.strip()
