"""What waits for a user, found by one statement: what others submitted, changes to look at, and what is his own.

What somebody may publish and what he may only draft are two parts of his territory, so that each kind of record is
looked through by its partial index of what is submitted, once for each part.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Q

from apps.accounts.models import User
from apps.common.models.logged_change import TO_REVIEW
from apps.common.models.records import Fact, citable_models
from apps.common.resources.registry import viewsets
from apps.common.rules.permissions import curated_by
from apps.common.rules.territory import Viewer, condition, shared, territory_of, viewer_of
from apps.common.sql.slots import Parameter, literal, text_of
from apps.common.sql.statement import Statement, kept
from apps.common.writing.review import author_sql
from apps.evidence.models import Review

# Kinds of what waits, the most urgent first.
TO_PUBLISH, REVIEWED, DRAFT, SUBMITTED = "to_publish", "to_review", "draft", "submitted"
KINDS = (TO_PUBLISH, REVIEWED, DRAFT, SUBMITTED)
# The last change of each published record that somebody made.
CHANGED = f"""
    (SELECT DISTINCT ON (record_id) record_id, number, user_id FROM common_loggedchange
     WHERE {TO_REVIEW} AND table_name = {{table}} ORDER BY record_id, number DESC) AS changed
"""  # noqa: S608 - texts of ours
# Each record once, by what is most urgent about it.
FOUND = """
    SELECT DISTINCT ON (kind, id) * FROM ({parts}) AS part (urgency, kind, id, source, number, updated_at)
    ORDER BY kind, id, urgency
"""
# When a record was submitted; of a draft, when it was changed last.
PAGE = """
    SELECT * FROM (
        SELECT found.urgency, found.kind, found.id, entry.number, entry.user_id, coalesce(entry.reason, ''),
               coalesce(entry.at, found.updated_at) AS since
        FROM ({found}) AS found LEFT JOIN LATERAL (
            SELECT number, user_id, reason, coalesce(commit.at, now()) AS at
            FROM common_loggedchange AS log LEFT JOIN common_commit AS commit USING (xid)
            WHERE log.table_name = found.source AND log.record_id = found.id
            AND (found.number IS NULL OR log.number = found.number)
            AND (found.urgency IN ({changes})
                 OR (log.after ->> 'state' = 'submitted' AND log.before ->> 'state' IS DISTINCT FROM 'submitted'))
            ORDER BY log.number DESC LIMIT 1
        ) AS entry ON true
    ) AS waiting
    WHERE (urgency, since, kind, id) > ({urgency}::int, {since}::timestamptz, {kind}::int, {id}::bigint)
    ORDER BY urgency, since, kind, id LIMIT {size}::int
"""


class Place(NamedTuple):
    """Where a page begins: behind what waits at this place."""

    urgency: int = -1
    since: str = "-infinity"
    kind: int = 0
    pk: int = 0


FIRST = Place()


class Waiting(NamedTuple):
    """A record that waits: its kind of content, its key, and the change by which it came to wait."""

    waits: str
    content_type: int
    pk: int
    number: int | None
    user_id: int | None
    reason: str
    since: datetime

    @property
    def place(self) -> Place:
        """Where the next page begins."""
        return Place(KINDS.index(self.waits), self.since.isoformat(), self.content_type, self.pk)


def waiting(user: User, size: int, place: Place = FIRST) -> list[Waiting]:
    """Return what waits for a user behind a place, the most urgent first, and of these what has waited longest."""
    curator, representative, values = _parts_of(user)
    if curator is None and representative is None:
        return []
    statement = _page(curator, representative, settings.REVIEW_BY_TWO)
    behind = {"urgency": place.urgency, "since": place.since, "kind": place.kind, "id": place.pk, "size": size}
    rows = statement.rows({**values, **behind, "me": user.pk})
    return [Waiting(KINDS[urgency], *row) for urgency, *row in rows]


def counts(user: User) -> dict[str, int]:
    """Return how much waits for a user, by kind."""
    curator, representative, values = _parts_of(user)
    found = dict.fromkeys(KINDS, 0)
    if curator is not None or representative is not None:
        rows = _counts(curator, representative, settings.REVIEW_BY_TWO).rows({**values, "me": user.pk})
        found |= {KINDS[urgency]: number for urgency, number in rows}
    return found


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
def _page(curator: Viewer | None, representative: Viewer | None, by_two: bool) -> Statement:
    names = {name: Parameter(name) for name in ("urgency", "since", "kind", "id", "size")}
    changes = ", ".join(str(KINDS.index(kind)) for kind in (REVIEWED, DRAFT))
    text = PAGE.format(found=_found(curator, representative, by_two), changes=changes, **names)
    return Statement(shared(text, curator or representative))


@kept(lambda *key: ("inbox counts", *key))
def _counts(curator: Viewer | None, representative: Viewer | None, by_two: bool) -> Statement:
    text = f"SELECT urgency, count(*) FROM ({_found(curator, representative, by_two)}) AS found GROUP BY urgency"  # noqa: S608
    return Statement(shared(text, curator or representative))


def _found(curator: Viewer | None, representative: Viewer | None, by_two: bool) -> str:
    parts = [text for model in queued() for text in _of_model(model, curator, representative, by_two)]
    return FOUND.format(parts=" UNION ALL ".join(parts))


def _of_model(model: type[Fact], curator: Viewer | None, representative: Viewer | None, by_two: bool) -> Iterator[str]:
    kind = ContentType.objects.get_for_model(model).pk
    source = literal(model._meta.db_table)
    table, me = connection.ops.quote_name(model._meta.db_table), Parameter("me")
    if (lying := _lying(model, curator)) is not None:
        urgency = str(KINDS.index(TO_PUBLISH))
        if by_two:  # what one entered or changed last waits for others
            urgency = f"CASE WHEN {author_sql(model, 'row.id')} = {me}::bigint THEN {KINDS.index(SUBMITTED)}"
            urgency += f" ELSE {KINDS.index(TO_PUBLISH)} END"
        yield (
            f"SELECT {urgency}, {kind}, row.id, {source}, NULL::bigint, row.updated_at FROM {table} AS row"  # noqa: S608
            f" WHERE row.state = 'submitted' AND {lying}"
        )
        if by_two:
            reviews = Review._meta.db_table
            yield (
                f"SELECT {KINDS.index(REVIEWED)}, {kind}, row.id, {source}, changed.number, row.updated_at"  # noqa: S608
                f" FROM {CHANGED.format(table=source)} JOIN {table} AS row ON row.id = changed.record_id"
                f" WHERE row.state = 'published' AND changed.user_id <> {me}::bigint AND {lying} AND NOT EXISTS ("
                f"SELECT FROM {reviews} AS seen WHERE seen.content_type_id = {kind} AND seen.object_id = row.id"
                " AND seen.number >= changed.number)"
            )
    if (lying := _lying(model, representative)) is not None:
        urgency = f"CASE row.state WHEN 'draft' THEN {KINDS.index(DRAFT)} ELSE {KINDS.index(SUBMITTED)} END"
        yield (
            f"SELECT {urgency}, {kind}, row.id, {source}, NULL::bigint, row.updated_at FROM {table} AS row"  # noqa: S608
            f" WHERE row.state <> 'published' AND {lying}"
        )


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
