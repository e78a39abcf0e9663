"""The status of a record that moves by a workflow: in which it is entered, and what moves it by rule."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.db.models import Model
from django.utils.translation import gettext

from apps.common.models.moved import Moved
from apps.common.models.records import Citable, Fact
from apps.common.models.reserved_slugs import lock_slugs
from apps.common.rules.competence import speaking_party
from apps.common.rules.evidence import is_empty, stored_fields
from apps.common.rules.permissions import foreign_fields, may_publish
from apps.common.rules.territory import Reader
from apps.common.rules.workflow import Transition, Workflow
from apps.common.values.dates import today
from apps.common.writing.acts import act
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import error_at, escape

REPORT = "report"


def workflow_of(record: Fact | type[Fact]) -> Workflow:
    """Return the workflow of a record that has one."""
    return cast(Workflow, record.workflow)


def status_of(record: Fact) -> str:
    """Return the status of a record that has a workflow."""
    return str(getattr(record, workflow_of(record).field))


def status_label(record: Fact) -> str:
    """Return what the status of a record that has a workflow is called, in the reader's language."""
    field: Any = record._meta.get_field(workflow_of(record).field)
    return str(dict(field.flatchoices)[status_of(record)])


def status_field(model: type[Model]) -> str:
    """Return the field by which the records of a model move; nothing where they do not."""
    workflow = model.workflow if issubclass(model, Fact) else None
    return workflow.field if workflow else ""


def status_error(record: Citable, before: Mapping[str, object] | None, user: Reader) -> list[dict[str, str]]:
    """Return why the status of a record cannot be written as it is now; its place is that of the member alone.

    `before` has the former values of what is written; None: the record is new. Nothing stands in the way where the
    status stays, where a new record or a draft gets the first status, or where a curator gives another one to it: a
    source reports it then, and whoever publishes it needs that source.
    """
    if not isinstance(record, Fact) or record.workflow is None:
        return []
    name = record.workflow.field
    place = f"/{escape(name)}"
    if before is not None:
        if before.get(name, status_of(record)) == status_of(record):
            return []
        if before.get("state", record.state) == Fact.State.PUBLISHED:
            return [error_at(place, "by_action", by_action(record, str(before[name])))]
    entered_by = record.workflow.entries.get(status_of(record), ())
    if speaking_party(user, record, entered_by) is None and not may_publish(user, record):
        if foreign_fields(user, record):
            return []  # which is what he is told: it is not for him in any status
        return [error_at(place, "first_status", first_status_alone(type(record)))]
    cast(Any, record).reported = not entered_by
    return []


def by_action(record: Fact, status: str) -> str:
    """Return the sentence that a status is not written but moved, with the actions that are open in it."""
    names = ", ".join(dict.fromkeys([*(each.name for each in workflow_of(record).open_in(status)), REPORT]))
    return gettext("The status is moved by actions alone; open are: %(names)s.") % {"names": names}


def first_status_alone(model: type[Fact]) -> str:
    """Return the sentence that a record is entered in its first status, but by a curator who has it from a source."""
    detail = gettext(
        "A record is entered as “%(status)s”; another status is reported by a curator of the place, with a citation."
    )
    return detail % {"status": "”, “".join(workflow_of(model).entries)}


def given_names(record: Citable) -> list[str]:
    """Return the fields in which a record has a value that somebody gave it."""
    return [each.name for each in stored_fields(type(record)) if not is_empty(record, each)]


# Moving ---------------------------------------------------------------------------------------------------------------


def enter_by_rule(record: Fact) -> list[RecordChange]:
    """Move what a rule moves because a record was entered; return what changed."""
    if record.workflow is None or record.state != Fact.State.PUBLISHED:
        return []
    moved = list(cast(Moved, record).by_rule(today()))
    return [change for each, name, party in moved for change in move_by_rule(cast(Fact, each), name, party)]


def move_by_rule(record: Fact, name: str, party: Model) -> list[RecordChange]:
    """Move a locked record by a rule of the registry, in the name of the party whose rule it is; return what changed.

    Nothing moves where the status does not allow it.
    """
    found = [each for each in workflow_of(record).named(name) if status_of(record) in each.sources]
    return list(moved(record, found[0], party)) if found else []


def entered(record: Fact, party: Model) -> RecordChange:
    """Store a new record that a party enters by what it says elsewhere, as an act of it; return what changed."""
    lock_slugs(record._meta.db_table)
    record.save(force_insert=True)
    given = given_names(record)
    act(record, party, given)
    return RecordChange("insert", record, given)


def moved(record: Fact, transition: Transition, party: Model, reason: str = "") -> Iterator[RecordChange]:
    """Save a transition of a locked record, as an act of a party, with what it brings and what follows; yield what
    changed.

    What the action was given is set on the record already.
    """
    stored = type(record)._base_manager.get(pk=record.pk)
    setattr(record, workflow_of(record).field, transition.target)
    cast(Any, record).reason = reason
    cast(Moved, record).on_move(transition, today())
    brought = [entered(cast(Fact, new), by) for new, by in cast(Moved, record).brings(transition, today())]
    fields = [
        each
        for each in record._meta.concrete_fields
        if each.editable and getattr(record, each.attname) != getattr(stored, each.attname)
    ]
    record.save_changes()
    given = given_names(record)
    act(record, party, [each.name for each in fields if each.name in given])
    before = {each.name: getattr(stored, each.attname) for each in fields}
    yield RecordChange("update", record, sorted(before), before)
    yield from brought
    for other, name in cast(Moved, record).follows(transition):
        yield from move_by_rule(cast(Fact, other), name, party)
