"""The change log read so that who follows it misses nothing and can replay it, whatever commits in whatever order.

A transaction may take a lower number than another and commit behind it. So changes are given in batches: a batch holds
the changes of all transactions between two horizons. The horizon is the oldest transaction that is still open; all
before it are settled. Within a batch, changes come by number. The changes of one row are then in their true order: the
later of two transactions writes the row only when the earlier is over, so that no horizon stands between them the wrong
way round, and within a batch the later one has the greater number.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import connection
from django.utils.translation import gettext

from apps.common.http.problems import parameter_error
from apps.common.models.logged_change import LoggedChange

SALT = "apps.history.feed"
# The cluster is named too: in another one, transactions are counted anew.
HORIZON = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, system_identifier FROM pg_control_system()
"""
BATCH = """
    SELECT * FROM common_loggedchange
    WHERE xid >= %s::text::xid8 AND xid < %s::text::xid8 AND number > %s AND table_name = ANY(%s)
      AND (%s::timestamptz IS NULL OR at >= %s::timestamptz)
    ORDER BY number LIMIT %s
"""


@dataclass(frozen=True)
class FeedPosition:
    """Where a reader stands: behind a number in the batch between two horizons."""

    cluster: int
    low: int
    high: int
    number: int
    digest: str


@dataclass(frozen=True)
class Batch:
    """Changes, where the next ones begin, and whether there are more of them already."""

    changes: list[LoggedChange]
    place: FeedPosition
    more: bool


def horizon() -> tuple[int, int]:
    """Return the oldest transaction that is still open, and the cluster's identifier."""
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        oldest, cluster = cursor.fetchone()
    return int(oldest), int(cluster)


def read(place: FeedPosition | None, digest: str, tables: Iterable[str], since: datetime | None, size: int) -> Batch:
    """Return the next changes of the tables behind a place, at most `size`."""
    oldest, cluster = horizon()
    if place is None:
        place = FeedPosition(cluster, 0, oldest, 0, digest)
    if place.cluster != cluster:
        raise parameter_error(
            "cursor", gettext("The cursor was made before the data were moved to another server: start anew.")
        )
    names = list(tables)
    found: list[LoggedChange] = []
    while True:
        wanted = size - len(found)
        rows = list(
            LoggedChange.objects.raw(
                BATCH, [str(place.low), str(place.high), place.number, names, since, since, wanted]
            )
        )
        found += rows
        if len(rows) == wanted:
            return Batch(found, FeedPosition(cluster, place.low, place.high, rows[-1].number, digest), more=True)
        if place.high >= oldest:
            return Batch(found, FeedPosition(cluster, place.high, place.high, 0, digest), more=False)
        place = FeedPosition(cluster, place.high, oldest, 0, digest)


def write_place(place: FeedPosition) -> str:
    """Return the cursor of a place."""
    return signing.dumps(list(asdict(place).values()), salt=SALT, compress=True)


def read_place(text: str | None, digest: str) -> FeedPosition | None:
    """Return the place of a cursor; raise ParameterError for one that this service did not give for this feed."""
    if text is None:
        return None
    try:
        values: list[Any] = signing.loads(text, salt=SALT)
        place = FeedPosition(*values)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
    if place.digest != digest:
        raise parameter_error(
            "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
        )
    return place
