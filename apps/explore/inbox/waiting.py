"""What waits for a user, found by one statement: the work, what others submitted, changes, and what is his own.

The work is found by the workflows: a record waits for whom its table names in its status, and for all its parties where
the status lapses soon. What somebody may publish and what he may only draft are two parts of his territory, so that
each kind of record is looked through by its partial index of what is submitted, once for each part.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import DateField, Q

from apps.accounts.models import User
from apps.common.models.logged_change import TO_REVIEW
from apps.common.models.moved import Moved, moved_models
from apps.common.models.records import Fact, citable_models
from apps.common.resources.registry import viewsets
from apps.common.rules.competence import spoken_for
from apps.common.rules.permissions import curated_by
from apps.common.rules.territory import Viewer, condition, shared, territory_of, viewer_of
from apps.common.rules.workflow import CONFIRMATION, DECISION, NEXT_STEP, Workflow
from apps.common.sql.slots import Parameter, literal, text_of
from apps.common.sql.statement import Statement, kept
from apps.common.values.dates import today
from apps.common.values.working_days import DAY, after
from apps.common.writing.review import author_sql
from apps.evidence.models import Review

# Kinds of what waits, the most urgent first; those of the work are moved by actions of a workflow.
DUE, TO_PUBLISH, REVIEWED, DRAFT, SUBMITTED = "due", "to_publish", "to_review", "draft", "submitted"
KINDS = (DUE, DECISION, CONFIRMATION, TO_PUBLISH, REVIEWED, NEXT_STEP, DRAFT, SUBMITTED)
WORK = (DUE, DECISION, CONFIRMATION, NEXT_STEP)
SOON = 3  # working days before a status lapses, from which on it is due
NONE = "ARRAY[]::text[]"  # actions of a workflow
# The last change of each published record that somebody made, where nobody has looked at it.
CHANGED = f"""
    changed AS MATERIALIZED (
        SELECT last.*, kinds.kind FROM (
            SELECT DISTINCT ON (table_name, record_id) table_name, record_id, number, user_id
            FROM common_loggedchange WHERE {TO_REVIEW} ORDER BY table_name, record_id, number DESC
        ) AS last JOIN (VALUES {{kinds}}) AS kinds (name, kind) ON kinds.name = last.table_name
        WHERE last.user_id <> {{me}}::bigint AND NOT EXISTS (
            SELECT FROM {Review._meta.db_table} AS seen WHERE seen.content_type_id = kinds.kind
            AND seen.object_id = last.record_id AND seen.number >= last.number
        )
    ),
"""  # noqa: S608 - texts of ours
# Each record once, by what is most urgent about it; how much there is of each kind; and a page of it. Of a record that
# was submitted it is told when that was, of a draft when it was changed last.
INBOX = """
    SELECT * FROM (
        WITH {changed}
        found AS MATERIALIZED (
            SELECT {urgency_of} AS urgency, kind, id, source, number, updated_at, actions FROM (
                SELECT DISTINCT ON (kind, id) *
                FROM ({parts}) AS part (urgency, kind, id, source, number, updated_at, actions)
                ORDER BY kind, id, urgency
            ) AS once
        ),
        totals AS (
            SELECT coalesce(jsonb_object_agg(urgency, number), '{{}}') AS counts
            FROM (SELECT urgency, count(*) AS number FROM found GROUP BY urgency) AS counted
        ),
        page AS (
            SELECT * FROM (
                SELECT found.urgency, found.kind, found.id, entry.number, entry.user_id,
                       coalesce(entry.reason, '') AS reason, coalesce(entry.at, found.updated_at) AS since,
                       found.actions
                FROM found LEFT JOIN LATERAL (
                    SELECT number, user_id, reason, coalesce(commit.at, now()) AS at
                    FROM common_loggedchange AS log LEFT JOIN common_commit AS commit USING (xid)
                    WHERE log.table_name = found.source AND log.record_id = found.id
                    AND (found.number IS NULL OR log.number = found.number)
                    AND (found.urgency IN ({changes}) OR (log.after ->> 'state' = 'submitted'
                                                          AND log.before ->> 'state' IS DISTINCT FROM 'submitted'))
                    ORDER BY log.number DESC LIMIT 1
                ) AS entry ON true
            ) AS waiting
            WHERE (urgency, since, kind, id) > ({urgency}::int, {since}::timestamptz, {kind}::int, {id}::bigint)
            ORDER BY urgency, since, kind, id LIMIT {size}::int
        )
        SELECT totals.counts, page.* FROM totals LEFT JOIN page ON true
    ) AS answer ORDER BY urgency, since, kind, id
"""


class InboxPlace(NamedTuple):
    """Where a page begins: behind what waits at this place."""

    urgency: int = -1
    since: str = "-infinity"
    kind: int = 0
    pk: int = 0


FIRST = InboxPlace()


class Waiting(NamedTuple):
    """A record that waits: its kind of content, its key, and the change by which it came to wait."""

    waits: str
    content_type: int
    pk: int
    number: int | None
    user_id: int | None
    reason: str
    since: datetime
    actions: list[str]  # of its workflow, that are open to the user's side

    @property
    def place(self) -> InboxPlace:
        """Where the next page begins."""
        return InboxPlace(KINDS.index(self.waits), self.since.isoformat(), self.content_type, self.pk)


class Inbox(NamedTuple):
    """A page of what waits for somebody, and how much there is of each kind."""

    rows: list[Waiting]
    counts: dict[str, int]


def inbox(user: User, size: int, place: InboxPlace = FIRST) -> Inbox:
    """Return what waits for a user behind a place, the most urgent first, and of these what has waited longest."""
    curator, representative, values = _parts_of(user)
    counts = dict.fromkeys(KINDS, 0)
    if curator is None and representative is None:
        return Inbox([], counts)
    statement = _statement(curator, representative, settings.REVIEW_BY_TWO)
    behind = {"urgency": place.urgency, "since": place.since, "kind": place.kind, "id": place.pk, "size": size}
    behind |= {"me": user.pk, "behind_soon": after(today(), SOON).day + DAY}
    rows = statement.rows({**values, **behind})
    counts |= {KINDS[int(urgency)]: number for urgency, number in json.loads(rows[0][0]).items()}
    return Inbox([Waiting(KINDS[urgency], *row) for _counts, urgency, *row in rows if urgency is not None], counts)


def queued() -> list[type[Fact]]:
    """Return the kinds of record whose state is written: not those that other writes make."""
    models = [model for model in citable_models().values() if issubclass(model, Fact)]
    return [model for model in models if "patch" in viewsets()[model.resource].http_method_names]


# SQL ------------------------------------------------------------------------------------------------------------------


def _parts_of(user: User) -> tuple[Viewer | None, Viewer | None, dict[str, object]]:
    """Return as whom a user publishes, as whom he drafts, and the values of the parameters."""
    curator, values = viewer_of(curated_by(user))
    whole, others = viewer_of(territory_of(user))
    kinds = frozenset() if whole is None or whole.everything else whole.kinds
    drafted = kinds - (frozenset() if curator is None else curator.kinds)
    return curator, Viewer(False, drafted) if drafted else None, {**others, **values}


@kept(lambda *key: ("inbox", *key))
def _statement(curator: Viewer | None, representative: Viewer | None, by_two: bool) -> Statement:
    names = {name: Parameter(name) for name in ("urgency", "since", "kind", "id", "size")}
    looks = by_two and curator is not None
    kinds = ", ".join(f"({literal(model._meta.db_table)}, {_kind(model)})" for model in queued())
    parts = [text for model in queued() for text in _of_model(model, curator, representative, looks)]
    parts += [text for model in moved_models() for text in _of_workflow(model, _whole(curator, representative))]
    urgency_of = "urgency"
    if looks:  # what one entered or changed last waits for others
        # By their full names: the tables that are looked through have columns of these names.
        author = author_sql(kind="once.kind", table="once.source", pk="once.id")
        own = f"urgency = {KINDS.index(TO_PUBLISH)} AND {author} = {Parameter('me')}::bigint"
        urgency_of = f"CASE WHEN {own} THEN {KINDS.index(SUBMITTED)} ELSE urgency END"
    text = INBOX.format(
        changed=CHANGED.format(kinds=kinds, me=Parameter("me")) if looks else "",
        urgency_of=urgency_of,
        parts=" UNION ALL ".join(parts),
        changes=", ".join(str(KINDS.index(kind)) for kind in (*WORK, REVIEWED, DRAFT)),
        **names,
    )
    return Statement(shared(text, curator or representative))


def _of_model(model: type[Fact], curator: Viewer | None, representative: Viewer | None, looks: bool) -> Iterator[str]:
    table, head = connection.ops.quote_name(model._meta.db_table), f"{_kind(model)}, row.id"
    source = literal(model._meta.db_table)
    if (lying := _lying(model, curator)) is not None:
        yield (
            f"SELECT {KINDS.index(TO_PUBLISH)}, {head}, {source}, NULL::bigint, row.updated_at, {NONE}"  # noqa: S608
            f" FROM {table} AS row WHERE row.state = 'submitted' AND {lying}"
        )
        if looks:
            yield (
                f"SELECT {KINDS.index(REVIEWED)}, {head}, {source}, changed.number, row.updated_at, {NONE}"  # noqa: S608
                f" FROM changed JOIN {table} AS row ON row.id = changed.record_id"
                f" WHERE changed.table_name = {source} AND row.state = 'published' AND {lying}"
            )
    if (lying := _lying(model, representative)) is not None:
        urgency = f"CASE row.state WHEN 'draft' THEN {KINDS.index(DRAFT)} ELSE {KINDS.index(SUBMITTED)} END"
        yield (
            f"SELECT {urgency}, {head}, {source}, NULL::bigint, row.updated_at, {NONE} FROM {table} AS row"  # noqa: S608
            f" WHERE row.state <> 'published' AND {lying}"
        )


def _of_workflow(model: type[Moved], viewer: Viewer | None) -> Iterator[str]:
    """Yield the parts for the records of a workflow that wait for the parties for which somebody speaks."""
    if viewer is None:
        return
    workflow = cast(Workflow, model.workflow)
    for status, wait in workflow.waits.items():
        standing = Q(**{"state": Fact.State.PUBLISHED, workflow.field: status})
        actions = workflow.actions_for(wait.who, status)
        for party in wait.who:
            yield from _of_party(model, viewer, party, (wait.why, standing, actions))
    due = model.over(Parameter("behind_soon", DateField()))
    if workflow.lapses is not None and due is not None:
        for party in dict.fromkeys(each for way in workflow.open_in(workflow.lapses.status) for each in way.who):
            actions = workflow.actions_for([party], workflow.lapses.status)
            yield from _of_party(model, viewer, party, (DUE, due, actions))


def _of_party(model: type[Moved], viewer: Viewer, party: str, waiting: tuple[str, Q, Sequence[str]]) -> Iterator[str]:
    """Yield the parts for the records that wait for one of their parties: why, which, and for which actions."""
    why, standing, actions = waiting
    manager: Any = model._base_manager
    kind = _kind(cast("type[Fact]", model))
    names = ", ".join(map(literal, actions))
    for spoken in spoken_for(model, party, viewer):
        rows = text_of(manager.filter(standing, spoken).order_by().values("id", "updated_at"))
        yield (
            f"SELECT {KINDS.index(why)}, {kind}, row.id, {literal(model._meta.db_table)}, NULL::bigint,"  # noqa: S608
            f" row.updated_at, ARRAY[{names}]::text[] FROM ({rows}) AS row"
        )


def _whole(curator: Viewer | None, representative: Viewer | None) -> Viewer | None:
    """Return as whom a user speaks: for all to which he was appointed; a steward for nobody."""
    parts = [each for each in (curator, representative) if each is not None]
    if not parts or any(each.everything for each in parts):
        return None
    return Viewer(False, frozenset().union(*(each.kinds for each in parts)))


def _kind(model: type[Fact]) -> int:
    return int(ContentType.objects.get_for_model(model).pk)


def _lying(model: type[Fact], viewer: Viewer | None) -> str | None:
    """Return SQL for whether `row` lies in a territory; None: no row does."""
    if viewer is None:
        return None
    if viewer.everything:
        return "true"
    if (lying := condition(model, viewer)) is None:
        return None
    if lying == Q():
        return "true"
    return f"row.id IN ({text_of(model._base_manager.filter(lying).order_by().values('pk'))})"
