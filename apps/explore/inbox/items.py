"""What waits as the inbox tells it: the record, since when, by whom, and what may be done with it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import cast

from django.conf import settings

from apps.accounts.models import Appointment, User
from apps.common.models.moved import Moved
from apps.common.models.records import Fact
from apps.common.models.row_names import references_of
from apps.common.models.targets import Target, model_of
from apps.common.rules.workflow import Transition
from apps.common.serializers.targets import load_targets
from apps.common.values.dates import today
from apps.common.values.json import JsonObject
from apps.common.writing.statuses import workflow_of
from apps.explore.inbox.waiting import DRAFT, REVIEWED, SUBMITTED, TO_PUBLISH, WORK, Waiting

REVIEWS = f"{settings.API_ROOT}/inbox/reviews"
# What may be done with a record by its state: the name of the action, and the state that it gives.
STEPS = {
    TO_PUBLISH: (("publish", "published"), ("send_back", "draft")),
    DRAFT: (("submit", "submitted"),),
    SUBMITTED: (("take_back", "draft"),),
}


def items_of(rows: Sequence[Waiting], user: User) -> list[JsonObject]:
    """Return what waits as items; a record that was deleted meanwhile is left out."""
    targets = load_targets([(row.content_type, row.pk) for row in rows], user)
    names = speakers(row.user_id for row in rows)
    records = records_of(row for row in rows if row.waits in WORK)
    return [
        {
            "kind": row.waits,
            "record": _record(target),
            "since": row.since.strftime(settings.REST_FRAMEWORK["DATETIME_FORMAT"]),
            "by": names.get(row.user_id),
            "reason": row.reason,
            "actions": _actions(row, target, records.get((row.content_type, row.pk))),
        }
        for row in rows
        if (target := targets.get((row.content_type, row.pk))) is not None
    ]


def speakers(users: Iterable[int | None]) -> dict[int | None, str]:
    """Return for whom users speak or keep records, by their internal keys: no names of accounts."""
    wanted = {pk for pk in users if pk is not None}
    if not wanted:
        return {}
    rows = Appointment.objects.valid_on(today()).filter(user__in=wanted).order_by("pk")
    found: dict[int | None, list[str]] = defaultdict(list)
    for row in rows.select_related("district", "street", "neighbourhood", "unit"):
        scope = row.district or row.street or row.neighbourhood or row.unit
        found[row.user_id].append(str(scope or row.get_role_display()))
    return {pk: ", ".join(dict.fromkeys(names)) for pk, names in found.items()}


def records_of(rows: Iterable[Waiting]) -> dict[tuple[int, int], Fact]:
    """Return the records that wait, by the kind of their content and their key; one query for each kind."""
    keys: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        keys[row.content_type].append(row.pk)
    found: dict[tuple[int, int], Fact] = {}
    for kind, pks in keys.items():
        model = cast("type[Fact]", model_of(kind))
        named = model.rows().select_related(*references_of(model)).filter(pk__in=pks)
        found |= {(kind, record.pk): record for record in named}
    return found


def open_transitions(row: Waiting, record: Fact) -> list[Transition]:
    """Return the transitions by which what waits is moved on today, each by its name: not by what has lapsed."""
    workflow = workflow_of(type(record))
    found = [workflow.named(name)[0] for name in row.actions]
    return [each for each in found if cast(Moved, record).why_not(each, today()) is None]


def _of_workflow(transition: Transition, target: Target) -> JsonObject:
    url = f"{settings.API_ROOT}/{target.resource}/{target.key}/{transition.name}"
    body: JsonObject = dict.fromkeys(transition.asks, "")
    return {"name": transition.name, "method": "POST", "url": url, "body": body}


def _record(target: Target) -> JsonObject:
    return {
        "resource": target.resource,
        "key": target.key,
        "name": target.name,
        "url": f"{settings.API_ROOT}/{target.resource}/{target.key}",
    }


def _actions(row: Waiting, target: Target, record: Fact | None) -> list[JsonObject]:
    if row.waits in WORK:
        return [_of_workflow(each, target) for each in open_transitions(row, record)] if record is not None else []
    if row.waits == REVIEWED:
        body: JsonObject = {"resource": target.resource, "key": target.key, "change": row.number}
        return [{"name": "confirm", "method": "POST", "url": REVIEWS, "body": body}]
    url = f"{settings.API_ROOT}/{target.resource}/{target.key}"
    return [
        {"name": name, "method": "PATCH", "url": url, "body": {"state": state, "change_reason": ""}}
        for name, state in STEPS[row.waits]
    ]
