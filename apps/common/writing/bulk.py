"""Many records in one request, all or none: every item is tried, and one answer lists all that is wrong."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from django.db import transaction
from django.utils.translation import gettext

from apps.common.http.problems import Refusal
from apps.common.models.records import Citable
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import MOST_ERRORS, REASON, error_at, escape
from apps.common.writing.refusals import raise_all, refusing
from apps.common.writing.writer import RESERVED, Error, RecordWriter

ITEMS = "items"
MOST_ITEMS = 500
SEEN = "updated_at"

# Of several kinds of refusal the first is that of the answer; the errors have their own.
PRECEDENCE = ("bad_request", "permission_denied", "precondition_required", "precondition_failed", "conflict")

Item: TypeAlias = dict[str, object]
Wrong: TypeAlias = dict[int, list[tuple[str, Error]]]  # by the number of the item: code of the answer, and error
Shown: TypeAlias = Callable[[str], Mapping[str, object]]  # a record as it is answered, by its key
# Why the headers of a request want records to be left as they are, by internal key.
Objections: TypeAlias = Callable[[Sequence[Citable]], Mapping[int, str]]


def read_items(body: Mapping[str, object], flaws: Sequence[Error]) -> list[Item]:
    """Return the items of a body, of which some flaws are known. Raises Refusal."""
    errors = [
        error_at(f"/{escape(name)}", "unknown_field", gettext("There is no field “%(name)s”.") % {"name": name[:100]})
        for name in body
        if name not in (ITEMS, REASON)
    ]
    items = body.get(ITEMS)
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        detail = gettext("A list of 1 to %(most)s records is expected.") % {"most": MOST_ITEMS}
        errors.append(error_at(f"/{ITEMS}", "not_a_list", detail))
        items = []
    errors += [
        error_at(f"/{ITEMS}/{number}", "not_an_object", gettext("An object is expected."))
        for number, item in enumerate(items)
        if not isinstance(item, dict)
    ]
    if errors:
        flawed = {flaw["pointer"] for flaw in flaws}
        raise_all([*flaws, *(error for error in errors if error["pointer"] not in flawed)])
    return items


class Bulk(NamedTuple):
    """A request to write many records."""

    writer: RecordWriter
    items: list[Item]
    shown: Shown
    objections: Objections


def create(bulk: Bulk) -> list[RecordChange]:
    """Make a record of each item."""
    writer = bulk.writer
    writer.contract.load(bulk.items, writer.finder)
    wrong: Wrong = {}
    given = {key: number for number, item in enumerate(bulk.items) for key in writer.contract.keys_of(item)}
    there = {record.pk: record for record in _visible(writer, given)} if given else {}
    for pk, objection in bulk.objections(list(there.values())).items():
        _note(wrong, given[there[pk].key], "precondition_failed", "", "unique", objection)

    def one(item: Item) -> RecordChange:
        change = writer.create(item)
        if change.record.key in RESERVED:
            detail = gettext("This slug is an address.")
            raise Refusal("bad_request", errors=[error_at(f"{writer.pointer}/slug", "reserved", detail)])
        return change

    return _each(bulk, one, wrong)


def change(bulk: Bulk) -> list[RecordChange]:
    """Change the record that each item names, in the fields that it gives."""
    writer = bulk.writer
    writer.contract.load(bulk.items, writer.finder)
    records, wrong = _records(bulk)
    for number in wrong:
        writer.pointer = f"/{ITEMS}/{number}"
        for error in writer.member_errors(_fields(bulk.items[number])):
            wrong[number].append(("bad_request", error))
    return _each(
        bulk,
        lambda item: writer.change(
            records[_key(writer, item)], _fields(item), lambda: bulk.shown(_key(writer, item)), replace=False
        ),
        wrong,
    )


def _fields(item: Item) -> Item:
    """Return the members of an item that are to be changed."""
    return {name: value for name, value in item.items() if name not in (SEEN, "key")}


def delete(bulk: Bulk) -> list[RecordChange]:
    """Delete the record that each item names."""
    writer = bulk.writer
    records, wrong = _records(bulk)
    known = {*writer.contract.identity, "key", "url", SEEN}
    for number, item in enumerate(bulk.items):
        for name in item.keys() - known:
            detail = gettext("Only the key and “updated_at”, please.")
            _note(wrong, number, "bad_request", escape(name), "unknown_field", detail)
    found: list[RecordChange] = []
    gone: set[int] = set()

    def one(item: Item) -> RecordChange:
        record = records[_key(writer, item)]
        if record.pk in gone:  # with one that stands before it
            return RecordChange("delete", record)
        changes = writer.delete(record)
        gone.update(each.record.pk for each in changes if type(each.record) is writer.contract.model)
        found.extend(changes[1:])
        return changes[0]

    return [*_each(bulk, one, wrong), *found]


def _key(writer: RecordWriter, item: Item) -> str:
    return cast("str", _given_key(writer, item))  # `_records` has refused what is none


def _given_key(writer: RecordWriter, item: Item) -> object:
    names = dict.fromkeys((writer.contract.model.key_field, *writer.contract.identity, "key"))
    return next((item[name] for name in names if item.get(name)), None)


def _visible(writer: RecordWriter, keys: Iterable[str]) -> Any:
    """Return the records with some keys that the user sees."""
    model = writer.contract.model
    wanted = [key for key in keys if "\0" not in key]
    return model.rows().visible_to(writer.user).filter(**{f"{model.key_field}__in": wanted})


def _records(bulk: Bulk) -> tuple[dict[str, Citable], Wrong]:
    """Return the records of the items by key, locked, and which items name none, or one that is not as it was read."""
    writer, model = bulk.writer, bulk.writer.contract.model
    keys = [_given_key(writer, item) for item in bulk.items]
    visible = _visible(writer, (key for key in keys if isinstance(key, str)))
    # In the order of the keys, so that two requests for the same records do not wait for each other.
    rows = model._base_manager.select_for_update().filter(pk__in=list(visible.values_list("pk", flat=True)))
    found = {row.key: row for row in rows.order_by("pk")}
    objections = bulk.objections(list(found.values()))
    name = model.key_field
    wrong: Wrong = {}
    for number, (item, key) in enumerate(zip(bulk.items, keys, strict=True)):
        if not isinstance(key, str):
            _note(wrong, number, "bad_request", name, "required", gettext("“%(name)s” is required.") % {"name": name})
        elif key in keys[:number]:
            _note(wrong, number, "bad_request", name, "doubled", gettext("This record stands here twice."))
        elif key not in found:
            _note(wrong, number, "bad_request", name, "unknown_key", writer.finder.no_record(model, key))
        elif SEEN not in item:
            detail = gettext("Give “updated_at” as you have read it, so that nobody's change is lost.")
            _note(wrong, number, "precondition_required", SEEN, "required", detail)
        elif item[SEEN] != f"{found[key].updated_at:%Y-%m-%dT%H:%M:%S.%fZ}":
            detail = gettext("The record has changed since you read it; read it again.")
            _note(wrong, number, "precondition_failed", SEEN, "stale", detail)
        elif found[key].pk in objections:
            _note(wrong, number, "precondition_failed", "", "stale", objections[found[key].pk])
    return found, wrong


def _note(wrong: Wrong, number: int, code: str, member: str, error: str, detail: str) -> None:
    """Note what is wrong with an item: the code of the answer, and the error with its place."""
    place = f"/{ITEMS}/{number}" + (f"/{member}" if member else "")
    wrong.setdefault(number, []).append((code, error_at(place, error, detail)))


def _each(bulk: Bulk, one: Callable[[Item], RecordChange], wrong: Wrong) -> list[RecordChange]:
    """Do something with each item in its order, but for those that are wrong. Raises one Refusal with all errors."""
    writer, changes = bulk.writer, []
    # What is wrong with the body outside its items.
    refused = [("bad_request", flaw) for flaw in writer.flaws if not flaw["pointer"].startswith(f"/{ITEMS}/")]
    for number, item in enumerate(bulk.items):
        writer.pointer = f"/{ITEMS}/{number}"
        if number in wrong:
            refused += wrong[number]
            continue
        try:
            with refusing(writer.contract.model, writer.pointer), transaction.atomic():
                changes.append(one(item))
        except Refusal as refusal:
            if "Retry-After" in refusal.headers:  # each of the others might wait as long
                raise
            unplaced = error_at(writer.pointer, refusal.code, str(refusal.detail))
            refused += [(refusal.code, error) for error in refusal.errors or [unplaced]]
        if len(refused) >= MOST_ERRORS:
            break
    if refused:
        code = min((code for code, _error in refused), key=_rank)
        raise Refusal(code, errors=[error for _code, error in refused][:MOST_ERRORS])
    return changes


def _rank(code: str) -> int:
    return PRECEDENCE.index(code) if code in PRECEDENCE else 0
