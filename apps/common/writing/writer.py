"""Writing one record from a body: its values go through the model's rules into the database.

Everything here runs inside the `write_transaction` of the caller.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TypeAlias, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.db.models.deletion import Collector
from django.utils.translation import get_language, gettext, override

from apps.common.http.problems import Refusal
from apps.common.models.records import Citable, Fact
from apps.common.models.reserved_slugs import lock_slugs
from apps.common.rules import permissions, publishing
from apps.common.rules.evidence import NO_EVIDENCE
from apps.common.rules.territory import Reader, territory_of
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import EVIDENCE, MOST_ERRORS, REASON, Contract, Finder, Input, error_at, escape
from apps.common.writing.evidence import rests_on_others
from apps.common.writing.evidence_bodies import add_evidence, evidence_errors, refuse_notes
from apps.common.writing.refusals import besides, broken_rules, draft_errors, pointed_at_error, raise_all
from apps.common.writing.review import objection
from apps.common.writing.statuses import status_error

# Addresses of a resource that are no records.
RESERVED = {"bulk", "import", "summary"}

Error: TypeAlias = dict[str, str]  # as it stands in an answer


@dataclass
class RecordWriter:
    """Writes records of one resource for one user. Raises Refusal, with pointers below `pointer`."""

    contract: Contract
    user: Reader
    finder: Finder
    pointer: str = ""
    # What was wrong with the body before it came here: told with all else, and in the place of what it leads to.
    flaws: Sequence[Error] = ()
    # Whether rules are told beside errors of members, which costs looks at the database: not for each row of a file.
    is_thorough: bool = True
    # Whether a status may be written that its workflow moves otherwise: a source reports it.
    is_reporting: bool = False

    def create(self, body: Mapping[str, object], *, key: str | None = None) -> RecordChange:
        """Make a record; `key` is that of the address where it is made by PUT."""
        record, values, many, errors = self._read_new(body, key)
        if not errors and "slug" in self.contract.inputs and not values.get("slug"):
            lock_slugs(record._meta.db_table)
        self._refuse(record, body, errors)
        self._may_save(record)
        self._may_publish(record, "", body, is_changed=True)
        record.save(force_insert=True)
        for name, rows in many.items():
            getattr(record, name).set(rows)
        self._bring_evidence(record, body)
        self.finder.forget()
        return RecordChange("insert", record, sorted(values), pointer=self.pointer, members=self.members(body))

    def made(self, body: Mapping[str, object]) -> tuple[Citable, list[str], Mapping[str, list[Model]]]:
        """Return a new record that is neither checked nor stored yet, the fields that were given, and its lists."""
        record, values, many, errors = self._read_new(body, None)
        if errors:
            self._refuse(record, body, errors)
        return record, sorted(values), many

    def member_errors(self, body: Mapping[str, object]) -> list[Error]:
        """Return what is wrong with the members of a body whose record there is not."""
        return self._placed(self.contract.read(body, self.finder)[1])

    def check_place(self, record: Citable, evidence: Mapping[str, object]) -> None:
        """Raise Refusal where the user may not save a new record, which brings some evidence, as it is now."""
        self._may_save(record)
        self._may_publish(record, "", evidence, is_changed=True)

    def _read_new(
        self, body: Mapping[str, object], key: str | None
    ) -> tuple[Citable, dict[str, object], dict[str, list[Model]], list[Error]]:
        """Return the record that a body makes, its values and lists, and what is wrong with the members."""
        contract, given = self.contract, body.keys() | self.members(body).keys()
        values, errors = contract.read(body, self.finder)
        errors += [self._read_only(name) for name in body if name in contract.shown]
        missing = [
            self._required(name)
            for name, item in contract.inputs.items()
            if item.is_required and name not in given and not (key and name in contract.identity)
        ]
        errors += missing
        if key is not None:
            errors += self._take_key(values, key)
        record = contract.model()
        many = self._set(record, values)
        if not missing:  # who enters it, is told by its references
            errors += status_error(record, None, self.user)
        return record, values, many, self._placed(errors)

    def change(
        self, record: Citable, body: Mapping[str, object], shown: Callable[[], Mapping[str, object]], *, replace: bool
    ) -> RecordChange:
        """Change a locked record; with `replace`, what the body leaves out gets its default.

        `shown` gives the record as it is answered now, in the active language; it is asked only where the body has
        read-only members.
        """
        contract = self.contract
        values, errors = contract.read(body, self.finder)
        errors += map(self._read_only, _contradicted(body, [name for name in body if name in contract.compared], shown))
        if replace:
            absent = self._left_out(body)
            errors += [self._required(name) for name, item in absent.items() if item.is_required]
            values |= {name: item.default() for name, item in absent.items() if not item.is_required}
        errors += self._kept_keys(record, values)
        before = {name: contract.inputs[name].current(record) for name in values}
        many = self._set(record, values)
        changed = self._changed(record, before, many)
        moved = [] if self.is_reporting else status_error(record, before, self.user)
        errors = self._placed([*errors, *moved])
        may_edit = permissions.may_edit(self.user, record)  # what would change nothing needs no right
        if errors and not may_edit:
            raise_all(errors)
        if errors or changed:
            self._demand(may_edit)
            self._refuse(record, body, errors)
            self._may_save(record)
            was = str(before.get("state", getattr(record, "state", "")))
            self._may_publish(record, was, body, is_changed=bool({*changed} - {"state"}) or _brings_evidence(body))
            record.save_changes()
            for name in set(changed) & set(many):
                getattr(record, name).set(many[name])
        if brought := self._bring_evidence(record, body):
            self._demand(may_edit)
            self._may_support(record)
            changed += brought
        if changed:
            self.finder.forget()
        return RecordChange("update", record, sorted(changed), before, self.pointer, self.members(body))

    def would_change(self, record: Citable, body: Mapping[str, object]) -> list[str]:
        """Return what a body says otherwise than a record, which is neither locked nor saved, and set it there."""
        values, errors = self.contract.read(body, self.finder)
        errors = self._placed(errors + self._kept_keys(record, values))
        before = {name: self.contract.inputs[name].current(record) for name in values}
        many = self._set(record, values)
        if errors:
            self._refuse(record, body, errors)
        return self._changed(record, before, many)

    def delete(self, record: Citable) -> list[RecordChange]:
        """Delete a locked record; return it and what goes with it."""
        raise_all(self._placed([]))
        self._demand(permissions.may_edit(self.user, record))
        if not permissions.may_support(self.user, record):
            self._refuse_support(f"{self.pointer}/{type(record).evidence_of}")
        collector = Collector(using=record._state.db or DEFAULT_DB_ALIAS, origin=record)
        collector.collect([record])
        found = [row for rows in collector.data.values() for row in rows]
        found += [row for rows in collector.fast_deletes for row in rows]
        gone = [RecordChange("delete", row) for row in found if isinstance(row, Citable) and row != record]
        record.delete()
        self.finder.forget()
        return [RecordChange("delete", record), *sorted(gone, key=lambda each: (each.record.resource, each.record.key))]

    # Steps

    def members(self, body: Mapping[str, object]) -> dict[str, str]:
        """Return the members of a body that set a field of another name, by these fields."""
        parties = self.contract.parties.keys() & body.keys()
        return {key: name for name in parties for key in self.contract.stored(name) if key not in body}

    def _left_out(self, body: Mapping[str, object]) -> dict[str, Input]:
        """Return what a body that replaces a record leaves out, and thereby sets to its default."""
        kept = {*body, *self.members(body), *self.contract.hidden, *self.contract.identity}
        return {name: item for name, item in self.contract.inputs.items() if name not in kept}

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

    def _refuse(self, record: Citable, body: Mapping[str, object], errors: list[Error]) -> None:
        """Raise Refusal with errors of members and all that follows from the others, if there is anything.

        What the database alone can check it checks when the row is written.
        """
        if errors and not self.is_thorough:
            raise_all(errors)
        wrong = {error["pointer"][len(self.pointer) + 1 :].partition("/")[0] for error in errors}
        wrong |= {key for name in wrong & self.contract.parties.keys() for key in self.contract.stored(name)}
        asked = copy(record)
        broken = broken_rules(record, self.contract, self.pointer, wrong, self.members(body))
        known = [error for error in broken if error["code"] != "unique"]
        if known != broken and permissions.foreign_fields(self.user, asked):
            broken = known  # who may not save the record is not told that there is such a one, which he may not see
            if not (errors or broken):
                self._may_save(asked)
        if errors or broken:
            raise_all([*errors, *broken, *self._evidence_errors(record, body)])

    def _evidence_errors(self, record: Citable, body: Mapping[str, object]) -> list[Error]:
        """Return what is wrong with the evidence in a body that is refused anyway."""
        errors = evidence_errors(record, given := self._evidence_of(body), self.finder, self.pointer)
        is_published = isinstance(record, Fact) and vars(record).get("state") == Fact.State.PUBLISHED
        may_act = not territory_of(self.user).everything  # what he writes may be evidence by itself
        if is_published and not given and not may_act and not (record.pk and record.citations.exists()):
            errors.append(error_at(f"{self.pointer}/{EVIDENCE[0]}", "no_evidence", str(NO_EVIDENCE)))
        return besides(self.flaws, errors)

    @staticmethod
    def _demand(right: bool) -> None:
        if not right:
            raise Refusal("permission_denied")

    def _may_save(self, record: Citable) -> None:
        if names := permissions.foreign_fields(self.user, record):
            outside = gettext("This lies outside the territory to which you are appointed.")
            places = [f"{self.pointer}/{escape(name)}".rstrip("/") for name in names]
            raise Refusal("permission_denied", errors=[error_at(place, "foreign", outside) for place in places])
        if names := permissions.for_curators(self.user, record):
            detail = str(permissions.FOR_CURATORS)
            errors = [error_at(f"{self.pointer}/{name}", "may_not_publish", detail) for name in names]
            raise Refusal("permission_denied", errors=errors)
        if not permissions.may_support(self.user, record):
            self._refuse_support(f"{self.pointer}/{type(record).evidence_of}")
        refuse_notes(self.user, record, self.pointer)

    def _may_publish(self, record: Citable, was: str, body: Mapping[str, object], *, is_changed: bool) -> None:
        """Raise Refusal where a record is published by this write, and not by this user.

        `was` is its state before, the empty one that of a new record.
        """
        if not isinstance(record, Fact) or not record.state == Fact.State.PUBLISHED != was:
            return
        rests_on_article = _brings_evidence(body) or rests_on_others(record)
        if wrong := objection(self.user, record, is_changed=is_changed, rests_on_article=rests_on_article):
            raise Refusal("permission_denied", errors=[error_at(f"{self.pointer}/state", *wrong)])

    def _may_support(self, record: Citable) -> None:
        """Raise Refusal where what a published record rests on was changed, and not by who may publish it."""
        is_published = isinstance(record, Fact) and record.state == Fact.State.PUBLISHED
        if is_published and not permissions.may_publish(self.user, record):
            self._refuse_support(f"{self.pointer}/{EVIDENCE[0]}")

    @staticmethod
    def _refuse_support(place: str) -> None:
        detail = gettext("What a published record rests on is changed by a curator of the place.")
        raise Refusal("permission_denied", errors=[error_at(place, "may_not_publish", detail)])

    def _bring_evidence(self, record: Citable, body: Mapping[str, object]) -> list[str]:
        return add_evidence(record, self._evidence_of(body), self.finder, self.pointer)

    def _evidence_of(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return the members of a body in which evidence comes, as far as the resource has them."""
        return {name: body[name] for name in self.contract.evidence if body.get(name) is not None}

    def _take_key(self, values: dict[str, object], key: str) -> list[Error]:
        """Give a new record the key of its address."""
        name = "slug" if "slug" in self.contract.inputs else "code"
        if self.contract.model.key_field == "key" and key[:12].isdigit():
            name = "code"
        if values.get(name) not in (None, "", key):
            return [error_at(f"/{name}", "permanent", gettext("The address names another record."))]
        values[name] = key
        return []

    def _kept_keys(self, record: Citable, values: dict[str, object]) -> list[Error]:
        wrong = [name for name in self.contract.identity if name in values and values[name] != getattr(record, name)]
        for name in self.contract.identity:
            values.pop(name, None)
        return [error_at(f"/{name}", "permanent", gettext("The key of a record never changes.")) for name in wrong]

    def _read_only(self, name: str) -> dict[str, str]:
        return error_at(f"/{escape(name)}", "read_only", gettext("“%(name)s” cannot be written.") % {"name": name})

    def _required(self, name: str) -> dict[str, str]:
        return error_at(f"/{escape(name)}", "required", gettext("“%(name)s” is required.") % {"name": name})

    def _placed(self, errors: Iterable[Error]) -> list[Error]:
        """Return the errors of members with their places in the body, and the flaws of this record before them."""
        flaws = [flaw for flaw in self.flaws if f"{flaw['pointer']}/".startswith(f"{self.pointer}/")]
        placed = ({**each, "pointer": self.pointer + each["pointer"]} for each in errors)
        return flaws + besides(self.flaws, placed)


def _contradicted(
    body: Mapping[str, object], names: Sequence[str], shown: Callable[[], Mapping[str, object]]
) -> Sequence[str]:
    """Return the members that say otherwise than the record does, in whatever language its names and labels were read.

    The language of the request comes first, which mostly is that of the body.
    """
    for language in dict.fromkeys([get_language() or settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)]):
        if names:
            with override(language):
                now = shown()
            names = [name for name in names if name not in now or body[name] != now[name]]
    return names


def _brings_evidence(body: Mapping[str, object]) -> bool:
    """Whether a body has evidence that is not on record yet."""
    given = [item for name in EVIDENCE if isinstance(items := body.get(name), list) for item in items]
    return any(isinstance(item, dict) and "url" not in item for item in given)


def refuse_drafts(changes: Iterable[RecordChange], user: Reader) -> None:
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
    found = [
        (breach, own[breach.pk].pointer, own[breach.pk].members)
        for model, own in published.items()
        for breach in publishing.breaches_of(model, own)
    ]
    if found:
        raise Refusal("bad_request", errors=draft_errors(found[:MOST_ERRORS], user))
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
