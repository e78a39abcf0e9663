"""Many records in one request, all or none: every item is tried, and one answer lists all that is wrong."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from django.db import transaction
from django.utils.translation import gettext

from apps.common.http.problems import Refusal
from apps.common.models.records import Citable
from apps.common.writing.contract import MOST_ERRORS, REASON, error_at, escape
from apps.common.writing.refusals import refusing
from apps.common.writing.writer import RESERVED, RecordChange, RecordWriter

ITEMS = "items"
MOST_ITEMS = 500
SEEN = "updated_at"

Item: TypeAlias = dict[str, object]
Shown: TypeAlias = Callable[[str], Mapping[str, object]]  # a record as it is answered, by its key


def read_items(body: Mapping[str, object]) -> list[Item]:
    """Return the items of a body. Raises Refusal."""
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
        raise Refusal("bad_request", errors=errors[:MOST_ERRORS])
    return items


def create(writer: RecordWriter, items: list[Item], shown: Shown) -> list[RecordChange]:
    """Make a record of each item."""
    writer.contract.load(items, writer.finder)

    def one(item: Item) -> RecordChange:
        change = writer.create(item)
        if change.record.key in RESERVED:
            detail = gettext("This slug is an address.")
            raise Refusal("bad_request", errors=[error_at(f"{writer.pointer}/slug", "reserved", detail)])
        return change

    return _each(writer, items, one)


def change(writer: RecordWriter, items: list[Item], shown: Shown) -> list[RecordChange]:
    """Change the record that each item names, in the fields that it gives."""
    writer.contract.load(items, writer.finder)
    records = _records(writer, items)
    return _each(
        writer,
        items,
        lambda item: writer.change(
            records[_key(writer, item)],
            {name: value for name, value in item.items() if name not in (SEEN, "key")},
            lambda: shown(_key(writer, item)),
            replace=False,
        ),
    )


def delete(writer: RecordWriter, items: list[Item], shown: Shown) -> list[RecordChange]:
    """Delete the record that each item names."""
    records = _records(writer, items)
    known = {*writer.contract.identity, "key", "url", SEEN}
    errors = [
        error_at(
            f"/{ITEMS}/{number}/{escape(name)}", "unknown_field", gettext("Only the key and “updated_at”, please.")
        )
        for number, item in enumerate(items)
        for name in item
        if name not in known
    ]
    if errors:
        raise Refusal("bad_request", errors=errors[:MOST_ERRORS])
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

    return [*_each(writer, items, one), *found]


def _key(writer: RecordWriter, item: Item) -> str:
    return cast("str", _given_key(writer, item))  # `_records` has refused what is none


def _given_key(writer: RecordWriter, item: Item) -> object:
    names = dict.fromkeys((writer.contract.model.key_field, *writer.contract.identity, "key"))
    return next((item[name] for name in names if item.get(name)), None)


def _records(writer: RecordWriter, items: list[Item]) -> dict[str, Citable]:
    """Return the records of the items by key, locked; each is named once, and stands as the item has read it."""
    model = writer.contract.model
    keys = [_given_key(writer, item) for item in items]
    wanted = [key for key in keys if isinstance(key, str) and "\0" not in key]
    visible = model.rows().visible_to(writer.user).filter(**{f"{model.key_field}__in": wanted})
    # In the order of the keys, so that two requests for the same records do not wait for each other.
    rows = model._base_manager.select_for_update().filter(pk__in=list(visible.values_list("pk", flat=True)))
    found = {row.key: row for row in rows.order_by("pk")}
    name, errors, stale = model.key_field, [], []
    for number, (item, key) in enumerate(zip(items, keys, strict=True)):
        place = f"/{ITEMS}/{number}"
        if not isinstance(key, str):
            detail = gettext("“%(name)s” is required.") % {"name": name}
            errors.append(error_at(f"{place}/{name}", "required", detail))
        elif key in keys[:number]:
            errors.append(error_at(f"{place}/{name}", "doubled", gettext("This record stands here twice.")))
        elif key not in found:
            detail = gettext("There is no %(path)s.") % {"path": f"{model.resource}/{key[:120]}"}
            errors.append(error_at(f"{place}/{name}", "unknown_key", detail))
        elif SEEN not in item:
            detail = gettext("Give “updated_at” as you have read it, so that nobody's change is lost.")
            stale.append(("precondition_required", error_at(f"{place}/{SEEN}", "required", detail)))
        elif item[SEEN] != f"{found[key].updated_at:%Y-%m-%dT%H:%M:%S.%fZ}":
            detail = gettext("The record has changed since you read it; read it again.")
            stale.append(("precondition_failed", error_at(f"{place}/{SEEN}", "stale", detail)))
    if errors:
        raise Refusal("bad_request", errors=errors[:MOST_ERRORS])
    if stale:
        raise Refusal(stale[0][0], errors=[error for _code, error in stale][:MOST_ERRORS])
    return found


def _each(writer: RecordWriter, items: list[Item], one: Callable[[Item], RecordChange]) -> list[RecordChange]:
    """Do something with each item, in its order. Raises one Refusal with all that is wrong."""
    changes, refusals = [], []
    for number, item in enumerate(items):
        writer.pointer = f"/{ITEMS}/{number}"
        try:
            with refusing(writer.contract.model, writer.pointer), transaction.atomic():
                changes.append(one(item))
        except Refusal as refusal:
            if "Retry-After" in refusal.headers:  # each of the others might wait as long
                raise
            refusals.append(refusal)
            if len(refusals) == MOST_ERRORS:
                break
    if refusals:
        errors = [error for refusal in refusals for error in refusal.errors or []]
        worst = next((each for each in refusals if each.code != "conflict"), refusals[0])
        raise Refusal(worst.code, "" if errors else str(worst.detail), errors[:MOST_ERRORS] or None)
    return changes
