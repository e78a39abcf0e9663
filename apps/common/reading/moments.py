"""What had committed at an instant: the snapshot of it, and the tables that have changed since."""

from datetime import datetime
from threading import Lock
from time import monotonic, sleep
from typing import NamedTuple

from cachetools import LRUCache, cached
from django.utils.translation import gettext

from apps.common.http.problems import RETRY_AFTER, Refusal
from apps.common.reading.data_version import VERSION
from apps.common.reading.known_at import Changed
from apps.common.rules.change_log import logged_models
from apps.common.rules.transactions import COMMITTING, is_open_at
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement

# Whether transactions are at their end: stamped, it may be, and yet not to be read.
COMMITS = Statement(
    f"""
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE datname = current_database() AND locktype = 'advisory' AND granted
          AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = {COMMITTING}
    )
    """
)
# The last transaction before the instant saw all that had committed before it, but for those that it found open: of
# them it counts when they committed. What began behind it committed behind the instant.
MOMENT = Statement(
    f"""
    WITH last AS (
        SELECT snapshot FROM common_commit WHERE at <= {Parameter("instant")}::timestamptz
        ORDER BY at DESC, pg_snapshot_xmax(snapshot) DESC LIMIT 1
    ), known AS MATERIALIZED (
        SELECT coalesce((
            SELECT (pg_snapshot_xmin(snapshot)::text || ':' || pg_snapshot_xmax(snapshot)::text || ':' || coalesce((
                SELECT string_agg(open::text, ',' ORDER BY open) FROM pg_snapshot_xip(snapshot) AS open
                WHERE NOT EXISTS (
                    SELECT FROM common_commit WHERE xid = open AND at <= {Parameter("instant")}::timestamptz
                )
            ), ''))::pg_snapshot FROM last
        ), '1:1:') AS snapshot
    )
    SELECT snapshot::text, array_to_string(changed, ','), array_to_string(ARRAY(
        SELECT name FROM unnest(changed) AS name WHERE EXISTS (
            SELECT FROM common_loggedchange AS entry
            WHERE entry.table_name = name AND moves AND {is_open_at("snapshot", "entry")}
        )
    ), ','), ({VERSION}) FROM known, LATERAL (
        SELECT ARRAY(
            SELECT name FROM unnest({Parameter("tables")}::text[]) AS name WHERE (
                SELECT xid FROM common_loggedchange ORDER BY xid DESC LIMIT 1
            ) >= pg_snapshot_xmin(snapshot) AND EXISTS (
                SELECT FROM common_loggedchange AS entry
                WHERE entry.table_name = name AND {is_open_at("snapshot", "entry")}
            )
        ) AS changed OFFSET 0
    ) AS since
    """
)
PATIENCE = 2.0  # seconds for which transactions at their end are waited for


class Moment(NamedTuple):
    """An instant, its snapshot, the logged tables that have changed since, and the data version at which they were."""

    instant: datetime
    snapshot: str
    changed: Changed
    version: str
    is_kept: bool = True  # from an earlier request, it may be


MOMENTS: LRUCache[datetime, Moment] = LRUCache(1_000)
_lock = Lock()


@cached(MOMENTS, key=lambda instant: instant, lock=_lock)
def last_moment_at(instant: datetime) -> Moment:
    """Return what had committed at an instant, with the tables that had changed when it was last asked for.

    Whoever reads by it compares the data version, and asks `moment_at` where that is another by now.
    """
    return _look(instant)


def moment_at(instant: datetime) -> Moment:
    """Return what had committed at an instant, or, for an instant to come, what has committed by now.

    What is past stays the same for ever, since whatever is stamped by now can be read. Raises Refusal where a
    transaction takes long to commit.
    """
    found = _look(instant)
    with _lock:
        MOMENTS[instant] = found
    return found._replace(is_kept=False)


def _look(instant: datetime) -> Moment:
    end = monotonic() + PATIENCE
    while COMMITS.cells({}) == [[b"t"]]:
        if monotonic() > end:
            detail = gettext("A large change is being completed at this moment; ask again.")
            raise Refusal("unavailable", detail, headers={"Retry-After": RETRY_AFTER})
        sleep(0.005)
    (found,) = MOMENT.cells({"instant": instant, "tables": [*logged_models()]})
    snapshot, changed, moved, version = ((cell or b"").decode() for cell in found)
    return Moment(instant, snapshot, Changed(_set(changed), _set(moved)), version)


def _set(names: str) -> frozenset[str]:
    return frozenset(filter(None, names.split(",")))
