"""What the addresses of the history answer: entries of one record, and items of the feed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypedDict

from django.conf import settings
from django.contrib.contenttypes.models import ContentType

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange, Operation
from apps.common.models.records import Citable, Fact
from apps.common.rules.change_log import logged_models, owner_field
from apps.common.rules.territory import Reader, territory_of
from apps.common.serializers.targets import load_targets
from apps.evidence.models import Attestation, Citation
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

RecordAt: TypeAlias = tuple[str, int]  # table and internal key


class DescribedEntry(TypedDict):
    """An entry of one record's history, as it is answered."""

    number: int
    at: str
    request_id: str
    client_request_id: str
    user: str | None
    reason: str
    resource: str
    key: str
    name: str | None
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
    users = _user_names(seen) if territory_of(user) else {}
    names = _names((each.record for each in seen), user)
    return [
        {
            "number": each.entry.number,
            "at": instant(each.entry.at),
            "request_id": each.entry.request_id,
            "client_request_id": each.entry.client_request_id,
            "user": users.get(each.entry.user_id),
            "reason": each.entry.reason,
            "resource": each.resource,
            "key": keys.key(*each.record),
            "name": names.get(each.record),
            "operation": each.operation,
            "part": "" if issubclass(each.model, Citable) else str(each.model._meta.verbose_name),
            "changes": difference(keys.row(each.model, each.before), keys.row(each.model, each.after)),
        }
        for each in seen
    ]


def _names(records: Iterable[RecordAt], user: Reader) -> dict[RecordAt, str]:
    """Return what records are called now, by table and internal key: those that are there and that a reader sees."""
    kinds = {table: ContentType.objects.get_for_model(model).pk for table, model in logged_models().items()}
    places = {(kinds[table], pk): (table, pk) for table, pk in records}
    return {places[end]: target.name for end, target in load_targets(places, user).items()}


def _user_names(seen: Iterable[Seen]) -> dict[int | None, str]:
    ids = {each.entry.user_id for each in seen if each.entry.user_id is not None}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))


# The feed -------------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """A record as an item of the feed names it."""

    model: type[Citable]
    pk: int
    key: str

    @property
    def place(self) -> RecordAt:
        """Its table and internal key."""
        return self.model._meta.db_table, self.pk


def feed_items(entries: Sequence[LoggedChange], user: Reader) -> list[dict[str, object]]:
    """Return entries as items of the feed: a record's state, with what it holds where the reader may still see it."""
    seen = seen_by(user, entries)
    keys = Keys(seen, user)
    present = _present(seen, user)
    flips = [] if is_keeper(user) else [each for each in seen if issubclass(each.model, Fact) and _flips(each)]
    flipping = {each.entry.number for each in flips}
    evidence, linked = _evidence(flips), _linked(flips, user)
    told: list[tuple[Told, dict[str, object]]] = []
    for each in seen:
        own = issubclass(each.model, Citable)
        # A link that goes away leaves its record behind.
        there = each.record in present and (each.after is not None or not own)
        row = keys.row(each.model, each.after) if there and own else None
        told.append(_item(each, there, None if row is None else row | keys.lists(each), keys))
        if each.entry.number in flipping:
            # Its evidence comes and goes with it; the answers of records that have a link from or to it change.
            told += [_change_of(each, row, each.operation, there=there) for row in evidence[each.record]]
            told += [_change_of(each, row, Operation.UPDATE.value, there=True) for row in linked[each.record]]
    names = _names((record.place for record, _item in told), user)
    return [item | {"name": names.get(record.place)} for record, item in told]


def _item(each: Seen, there: bool, data: Row, keys: Keys) -> tuple[Told, dict[str, object]]:
    operation = each.operation if issubclass(each.model, Citable) else Operation.UPDATE.value
    record = Told(record_model(each.model), each.record[1], keys.key(*each.record))
    return _change_of(each, record, operation, there=there, data=data)


def _change_of(
    each: Seen, record: Told, operation: str, there: bool, data: Row = None
) -> tuple[Told, dict[str, object]]:
    """Return an item for a record that a change concerns; one that is there without its data is to be read anew."""
    resource = record.model.resource
    return record, {
        "number": each.entry.number,
        "at": instant(each.entry.at),
        "request_id": each.entry.request_id,
        "client_request_id": each.entry.client_request_id,
        "resource": resource,
        "key": record.key,
        "name": None,
        "url": f"{settings.API_ROOT}/{resource}/{record.key}",
        "operation": operation,
        "state": "updated" if there else "deleted",
        "data": data,
    }


def _flips(each: Seen) -> bool:
    """Whether the change shows or hides a record that was there before and is there after it."""
    return each.entry.operation == "update" and (each.before is None) != (each.after is None)


def _evidence(flips: Sequence[Seen]) -> dict[RecordAt, list[Told]]:
    """Return the evidence of records that are shown or hidden, by table and internal key of the record."""
    tables = {ContentType.objects.get_for_model(each.model).pk: each.model._meta.db_table for each in flips}
    found: dict[RecordAt, list[Told]] = defaultdict(list)
    if tables:
        ids = {each.entry.record_id for each in flips}
        for model in (Citation, Attestation):
            rows = model._default_manager.filter(content_type__in=tables, object_id__in=ids).order_by("slug")
            for own, kind, pk, slug in rows.values_list("pk", "content_type_id", "object_id", "slug"):
                found[tables[kind], pk].append(Told(model, own, slug))
    return found


def _linked(flips: Sequence[Seen], user: Reader) -> dict[RecordAt, list[Told]]:
    """Return the records linked from or to such as are shown or hidden, by those."""
    found: dict[RecordAt, list[Told]] = defaultdict(list)
    for link in logged_models().values() if flips else ():
        if issubclass(link, Citable):
            continue
        owner, holder = record_model(link), owner_field(link)
        for end in link._meta.concrete_fields:
            target = end.related_model
            ids = {each.entry.record_id for each in flips if each.model is target}
            if target is None or not ids:
                continue
            links = link._default_manager.filter(**{f"{end.name}__in": ids}).order_by()
            pairs = list(links.values_list(end.attname, holder.attname))
            rows = owner.rows().visible_to(user).filter(pk__in={pk for _end, pk in pairs}).order_by()
            keys = dict(rows.values_list("pk", owner.key_field))
            for pk, key, other in sorted((pk, str(keys[other]), other) for pk, other in pairs if other in keys):
                found[target._meta.db_table, pk].append(Told(owner, other, key))
    return found


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
