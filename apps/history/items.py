"""What the addresses of the history answer: entries of one record, and items of the feed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TypedDict

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange, Operation
from apps.common.models.records import Citable, Fact
from apps.common.rules.change_log import logged_models, owner_field
from apps.common.rules.territory import Reader, territory_of
from apps.evidence.models import Citation
from apps.history.readable import (
    FieldChange,
    Keys,
    Row,
    Seen,
    concealed,
    difference,
    is_keeper,
    is_link,
    is_same,
    not_concealed,
    record_model,
    seen_by,
)


class DescribedEntry(TypedDict):
    """An entry of one record's history, as it is answered."""

    number: int
    at: str
    request_id: str
    user: str | None
    reason: str
    resource: str
    key: str
    operation: str
    part: str
    changes: list[FieldChange]


def instant(value: datetime) -> str:
    """Return an instant as answers write it."""
    return str(value.strftime(settings.REST_FRAMEWORK["DATETIME_FORMAT"]))


def tables_of(resources: Iterable[str]) -> list[str]:
    """Return the logged tables that belong to resources: their own, and those of lists and texts."""
    names = set(resources)
    return [table for table, model in logged_models().items() if record_model(model).resource in names]


def told_tables(resources: Iterable[str]) -> list[str]:
    """Return those tables whose changes are told: a list changes with its record, whose data say all."""
    return [table for table in tables_of(resources) if not is_link(logged_models()[table])]


# One record -----------------------------------------------------------------------------------------------------------


def entries_of(model: type[Citable], key: str, before: int | None, size: int, user: Reader) -> list[LoggedChange]:
    """Return the entries of the records that have, or had, a key: the newest first, those before a number.

    A record that the reader may not see now has none.
    """
    logged = LoggedChange.objects.filter(table_name=model._meta.db_table, key=key)
    ids = set(logged.order_by().values_list("record_id", flat=True).distinct())
    return of_rows(model, sorted(ids - concealed(user, model, ids)), before, size)


def of_rows(model: type[Citable], ids: Sequence[int], before: int | None, size: int) -> list[LoggedChange]:
    """Return the entries of records by their internal keys, with those of their links, as `entries_of` does."""
    links = [table for table in tables_of([model.resource]) if table != model._meta.db_table]
    found = LoggedChange.objects.filter(table_name=model._meta.db_table, record_id__in=ids)
    if ids and links:
        # By owner: see `change_log.key_column`.
        found |= LoggedChange.objects.filter(table_name__in=links, key__in=[str(pk) for pk in ids])
    if before is not None:
        found = found.filter(number__lt=before)
    return list(found.order_by("-number")[:size])


def describe(entries: Sequence[LoggedChange], user: Reader) -> list[DescribedEntry]:
    """Return entries as a reader may see them, each with what it changed.

    One that only says that a list of the record changed is left out: what changed in the list is an entry of its own.
    """
    seen = [each for each in not_concealed(user, seen_by(user, entries)) if not is_same(each.before, each.after)]
    keys = Keys(seen, user)
    names = _user_names(seen) if territory_of(user) else {}
    return [
        {
            "number": each.entry.number,
            "at": instant(each.entry.at),
            "request_id": each.entry.request_id,
            "user": names.get(each.entry.user_id),
            "reason": each.entry.reason,
            "resource": each.resource,
            "key": keys.key(*each.record),
            "operation": each.operation,
            "part": "" if issubclass(each.model, Citable) else str(each.model._meta.verbose_name),
            "changes": difference(keys.row(each.model, each.before), keys.row(each.model, each.after)),
        }
        for each in seen
    ]


def _user_names(seen: Iterable[Seen]) -> dict[int | None, str]:
    ids = {each.entry.user_id for each in seen if each.entry.user_id is not None}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))


# The feed -------------------------------------------------------------------------------------------------------------


def feed_items(entries: Sequence[LoggedChange], user: Reader) -> list[dict[str, object]]:
    """Return entries as items of the feed: a record's state, with what it holds where the reader may still see it."""
    seen = seen_by(user, entries)
    keys = Keys(seen, user)
    present = _present(seen, user)
    items: list[dict[str, object]] = []
    for each in seen:
        own = issubclass(each.model, Citable)
        # A link that goes away leaves its record behind.
        there = each.record in present and (each.after is not None or not own)
        items.append(_item(each, there, keys.row(each.model, each.after) if there and own else None, keys))
        if not is_keeper(user) and issubclass(each.model, Fact) and _flips(each):
            items += [*_citations(each, there), *_linked(each, user)]
    return items


def _item(each: Seen, there: bool, data: Row, keys: Keys) -> dict[str, object]:
    data = None if data is None else data | keys.lists(each)
    operation = each.operation if issubclass(each.model, Citable) else Operation.UPDATE.value
    return _change_of(each, each.resource, keys.key(*each.record), operation, there=there, data=data)


def _change_of(each: Seen, resource: str, key: str, operation: str, there: bool, data: Row = None) -> dict[str, object]:
    """Return an item for a record that a change concerns; one that is there without its data is to be read anew."""
    return {
        "number": each.entry.number,
        "at": instant(each.entry.at),
        "request_id": each.entry.request_id,
        "resource": resource,
        "key": key,
        "url": f"{settings.API_ROOT}/{resource}/{key}",
        "operation": operation,
        "state": "updated" if there else "deleted",
        "data": data,
    }


def _flips(each: Seen) -> bool:
    """Whether the change shows or hides a record that was there before and is there after it."""
    return each.entry.operation == "update" and (each.before is None) != (each.after is None)


def _citations(each: Seen, there: bool) -> list[dict[str, object]]:
    """Return items for the citations of a record that is shown or hidden, for they come and go with it."""
    kind = ContentType.objects.get_for_model(each.model)
    slugs = Citation.objects.filter(content_type=kind, object_id=each.entry.record_id).values_list("slug", flat=True)
    return [_change_of(each, Citation.resource, slug, each.operation, there) for slug in slugs.order_by("slug")]


def _linked(each: Seen, user: Reader) -> list[dict[str, object]]:
    """Return items for the records that have a link from or to one that is shown or hidden: their answers change."""
    items: list[dict[str, object]] = []
    for link in logged_models().values():
        if issubclass(link, Citable):
            continue
        ends = [field for field in link._meta.concrete_fields if field.related_model is each.model]
        links = reduce(or_, (Q(**{field.name: each.entry.record_id}) for field in ends), Q(pk__in=[]))
        owner = record_model(link)
        pks = link._default_manager.filter(links).order_by().values(owner_field(link).attname)
        rows = owner.rows().visible_to(user).filter(pk__in=pks)
        keys = rows.order_by(owner.key_field).values_list(owner.key_field, flat=True)
        items += [_change_of(each, owner.resource, key, Operation.UPDATE.value, there=True) for key in keys]
    return items


def _present(seen: Iterable[Seen], user: Reader) -> set[tuple[str, int]]:
    """Return the records that are there now and that a reader may see, by table and internal key."""
    wanted: dict[type[Citable], set[int]] = {}
    for each in seen:
        wanted.setdefault(record_model(each.model), set()).add(each.record[1])
    found: set[tuple[str, int]] = set()
    for model, ids in wanted.items():
        rows = model.rows().visible_to(user).filter(pk__in=ids).order_by()
        found |= {(model._meta.db_table, pk) for pk in rows.values_list("pk", flat=True)}
    return found
