"""Taking a request back: every row that it changed becomes again what it was, or nothing happens at all."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Model
from django.utils.translation import gettext

from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Citable, Fact
from apps.common.models.slugs import RetiredSlug
from apps.common.rules.change_log import (
    LINKING,
    is_put_back,
    logged_models,
    owner_field,
    stored_columns,
    without_computed,
)
from apps.common.rules.competence import speaking_party, speaks_for
from apps.common.rules.permissions import answered, guarded, may_edit, may_publish, may_reference, may_support
from apps.common.rules.publishing import breaches_against, breaches_of
from apps.common.rules.territory import Reader, territory_of
from apps.common.writing.acts import ACT
from apps.common.writing.refusals import breach_texts, explain, pointed_at_text
from apps.evidence.models import Attestation
from apps.history.readable import Row, is_same, record_model

ROW = "SELECT {content}::text FROM {table} AS r WHERE {pk} = %s FOR UPDATE"


@dataclass(frozen=True)
class Step:
    """One row changed by a request: its state before and after, with the first and the last entry of the log."""

    model: type[Model]
    pk: int
    first: int
    number: int
    key: str
    before: Row
    after: Row

    @property
    def label(self) -> str:
        """The row as a reader knows it."""
        own = self.model.resource if issubclass(self.model, Citable) else ""
        return f"{own}/{self.key}" if own else f"{self.model._meta.verbose_name} {self.pk}"


@dataclass
class RevertResult:
    """What was changed back, and what stands in the way: then nothing was."""

    steps: list[Step]
    obstacles: list[tuple[Step | None, str]] = field(default_factory=list)


def steps_of(request_id: str) -> list[Step]:
    """Return what a request changed on the whole, a step a row, in an order in which it can be taken back."""
    models = logged_models()
    first: dict[tuple[str, int], LoggedChange] = {}
    last: dict[tuple[str, int], LoggedChange] = {}
    for entry in LoggedChange.objects.filter(request_id=request_id).order_by("number"):
        row = (entry.table_name, entry.record_id)
        first.setdefault(row, entry)
        last[row] = entry
    found = [
        Step(models[row[0]], row[1], first[row].number, end.number, end.key, first[row].before, end.after)
        for row, end in last.items()
        if row[0] in models and first[row].before != end.after
    ]
    position = {model: number for number, model in enumerate(models.values())}

    def order(step: Step) -> tuple[int, int]:
        # Added rows go first, those that point at others before those; deleted rows come back the other way round.
        place = position[step.model]
        if step.before is None:
            return 0, -place
        return (1, place) if step.after is not None else (2, place)

    return sorted(found, key=order)


def revert(request_id: str, *, keep: bool, user: Reader) -> RevertResult:
    """Take a request back for a user. Without `keep`, all is tried and checked, and left as it was.

    Raises PermissionDenied unless the user may edit every record that the request changed, as it is and as it was.
    Call it within a `write_transaction`, which gives the change a reason.
    """
    steps = steps_of(request_id)
    # That a list of a record changed is told by the rows of the list.
    outcome = RevertResult([step for step in steps if not is_same(step.before, step.after)])
    with transaction.atomic():
        if not all(
            _may_undo(user, step.model, step.after, step.before) and _may_move_back(user, step)
            for step in outcome.steps
        ):
            raise PermissionDenied
        for step in outcome.steps:
            if message := _changed_since(step):
                outcome.obstacles.append((step, message))
        if not outcome.obstacles:
            outcome.obstacles += _apply(steps, user)
            if not outcome.obstacles and not all(
                _may_undo(user, step.model, step.before, step.after) and _may_stand(user, step)
                for step in outcome.steps
            ):
                raise PermissionDenied
        if outcome.obstacles or not keep:
            transaction.set_rollback(True)
    return outcome


def _may_undo(user: Reader, model: type[Model], row: Row, other: Row) -> bool:
    """Whether a user may edit a row that stands in the database, and point where it points and the other does not.

    A link or a text is its owner's.
    """
    if row is None or territory_of(user).everything:
        return True
    if not issubclass(model, Citable):
        owner = owner_field(model)
        return may_edit(user, _row_of(record_model(model), row[str(owner.column)]))
    record, former = _instance(model, row), None if other is None else _instance(model, other)
    names = {*guarded(model), *(answered(record) if former is not None else ())}
    return may_edit(user, record) and all(may_reference(user, former, record, name) for name in names)


def _may_stand(user: Reader, step: Step) -> bool:
    """Whether a user may leave a row as it is once it is changed back: published, or as evidence of what is published.

    What was published before comes back as it was: that takes the right to publish, and no second curator.
    """
    if territory_of(user).everything or not issubclass(step.model, Citable):
        return True
    if step.model.evidence_of:
        rows = [row for row in (step.before, step.after) if row is not None]
        return all(may_support(user, _instance(step.model, row)) or _is_own_act(user, step.model, row) for row in rows)
    states = [None if row is None else row.get("state") for row in (step.before, step.after)]
    if states[0] != Fact.State.PUBLISHED or states[1] == Fact.State.PUBLISHED:
        return True
    record = step.model.rows().filter(pk=step.pk).first()
    return record is None or may_publish(user, record)


def _is_own_act(user: Reader, model: type[Model], row: dict[str, object]) -> bool:
    """Whether a row of evidence is what a party said by using the service, for which the user speaks."""
    if model is not Attestation or row["kind"] != ACT:
        return False
    party = cast(Attestation, _instance(model, row)).party
    return party is not None and speaks_for(user, party)


def _may_move_back(user: Reader, step: Step) -> bool:
    """Whether a user may take back that a record moved by its workflow: if he could have moved it."""
    workflow = getattr(step.model, "workflow", None)
    if workflow is None or step.before is None or step.after is None:
        return True
    source, target = step.before.get(workflow.field), step.after.get(workflow.field)
    record = step.model._default_manager.filter(pk=step.pk).first()
    if source == target or record is None or "draft" in (step.before.get("state"), step.after.get("state")):
        return True
    ways = [way for way in workflow.transitions if source in way.sources and way.target == target]
    return any(speaking_party(user, record, way.who) is not None for way in ways)


def _row_of(model: type[Citable], pk: object) -> Citable:
    record = model()
    record.pk = pk
    return record


def _instance(model: type[Model], row: dict[str, object]) -> Model:
    """Return a record with the references that a row of the log has."""
    fields = model._meta.concrete_fields
    parts = {getattr(field, "fk_field", None) for field in model._meta.private_fields}
    return model(
        **{
            field.attname: row.get(str(field.column))
            for field in fields
            if field.primary_key or field.is_relation or field.name in parts
        }
    )


def _current(step: Step) -> Row:
    quote = connection.ops.quote_name
    meta = step.model._meta
    content = without_computed(step.model, "r")
    text = ROW.format(content=content, table=quote(meta.db_table), pk=quote(str(meta.pk.column)))
    with connection.cursor() as cursor:
        cursor.execute(text, [step.pk])
        found = cursor.fetchone()
    return None if found is None else dict(json.loads(found[0]))


def _changed_since(step: Step) -> str:
    """Return what keeps a row from being changed back, or nothing."""
    current = _current(step)
    if is_same(current, step.after):
        return ""
    if current is None:
        return gettext("It was deleted since.")
    if step.after is None:
        return gettext("There is another one in its place.")
    names = [name for name, value in current.items() if value != step.after.get(name) and name != "updated_at"]
    return gettext("It was changed since: %(fields)s.") % {"fields": ", ".join(sorted(names))}


def _apply(steps: list[Step], user: Reader) -> Iterator[tuple[Step | None, str]]:
    """Change the rows back; yield what the database holds against it, and stop there."""
    step: Step | None = None
    try:
        with transaction.atomic():
            dated = [step for step in steps if _is_dated(step)]
            for step in steps:
                _undo(step)
            for step in dated:
                _put_time_back(step)
            step = None
            if breaches := list(_breaches(steps, user)):
                yield from breaches
                return
            # References and evidence are otherwise checked when the transaction ends.
            connection.check_constraints()
    except (IntegrityError, OperationalError) as error:
        if (refusal := explain(error, step.model if step else LoggedChange)) is None:
            raise
        yield step, str(refusal.detail)


def _breaches(steps: list[Step], user: Reader) -> Iterator[tuple[Step, str]]:
    """Yield the steps after which a published record points at a draft, with the reason."""
    by_model: dict[type[Model], dict[int, Step]] = defaultdict(dict)
    for step in steps:
        if issubclass(step.model, Fact) and step.before is not None:
            by_model[step.model][step.pk] = step
    for model, own in by_model.items():
        wrong = breaches_of(model, own)
        yield from zip((own[breach.pk] for breach in wrong), breach_texts(wrong, user), strict=True)
        for pk, found in breaches_against(model, own).items():
            yield own[pk], pointed_at_text([f"{breach.resource}/{breach.key}" for breach in found])


def _undo(step: Step) -> None:
    quote = connection.ops.quote_name
    table, pk = quote(step.model._meta.db_table), quote(str(step.model._meta.pk.column))
    # Straight from the log, since numbers may lose digits on their way through Python.
    former = f"jsonb_populate_record(NULL::{table}, entry.before) AS former"
    row = f"(SELECT former.* FROM common_loggedchange AS entry, {former} WHERE entry.number = %s) AS former"  # noqa: S608
    with connection.cursor() as cursor:
        if step.before is None:
            cursor.execute(f"DELETE FROM {table} WHERE {pk} = %s", [step.pk])  # noqa: S608
        elif step.after is None:
            # The slug comes back with the very record that bore it.
            RetiredSlug.objects.filter(table=step.model._meta.db_table, slug=step.before.get("slug")).delete()
            columns = ", ".join(map(quote, stored_columns(step.model)))
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {row}", [step.first])  # noqa: S608
        else:
            changed = {name for name in stored_columns(step.model) if step.before.get(name) != step.after.get(name)}
            now = ""
            if step.model._meta.many_to_many:
                changed -= {"updated_at"}  # see `_is_dated`
                now = ", updated_at = clock_timestamp()"
            if changed:
                columns = ", ".join(map(quote, sorted(changed)))
                cursor.execute(
                    f"UPDATE {table} SET ({columns}) = (SELECT {columns} FROM {row}){now} WHERE {pk} = %s",  # noqa: S608
                    [step.first, step.pk],
                )


def _is_dated(step: Step) -> bool:
    """Whether a record gets back the time at which it was changed: neither its lists nor its place changed since."""
    if not is_put_back(step.model) or step.before is None:
        return False
    return step.after is None or (_current(step) or {}).get("updated_at") == step.after["updated_at"]


def _put_time_back(step: Step) -> None:
    """Give a record that is as it was, with its lists and its place, the time at which it was changed."""
    quote = connection.ops.quote_name
    table, pk = quote(step.model._meta.db_table), quote(str(step.model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, 'on', true)", [LINKING])
        cursor.execute(
            f"UPDATE {table} AS row SET updated_at = former.at"  # noqa: S608
            " FROM (SELECT (entry.before ->> 'updated_at')::timestamptz FROM common_loggedchange AS entry"
            " WHERE entry.number = %s) AS former (at)"
            f" WHERE row.{pk} = %s AND row.updated_at <> former.at",
            [step.first, step.pk],
        )
        cursor.execute("SELECT set_config(%s, '', true)", [LINKING])
