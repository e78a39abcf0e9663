"""The change log read so that who follows it misses nothing and can replay it, whatever commits in whatever order.

A transaction may take a lower number than another and commit behind it. So changes are given in batches: a batch holds
the changes of all transactions between two horizons. All transactions before the oldest that is still open are settled,
and a horizon stands there, or before it. Within a batch, changes come by number. The changes of one row are then in
their true order: within a batch the later one has the greater number, and a horizon never stands between two of which
the later transaction wrote the row first. That happens where a third that began between them is still open; the horizon
is then put before both, and they are given together.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import connection
from django.utils.translation import gettext

from apps.common.http.problems import Refusal, parameter_error
from apps.common.models.logged_change import LoggedChange
from apps.common.rules.transactions import SHIFT

SIGNER = signing.Signer(salt="apps.history.feed")  # without the time: the same place has the same cursor
# The oldest transaction that is still open, and the name of the epoch: that of the cluster where none has begun.
HORIZON = f"""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + {SHIFT},
           coalesce((SELECT name::text FROM common_epoch), (SELECT system_identifier::text FROM pg_control_system()))
"""  # noqa: S608 - names of ours
# The first transaction before a horizon that wrote a row behind a transaction that is not before it.
INVERTED = """
    SELECT min(early.xid::text::bigint) FROM common_loggedchange AS late JOIN common_loggedchange AS early
    ON early.table_name = late.table_name AND early.record_id = late.record_id AND early.number > late.number
    WHERE late.xid >= %(horizon)s::text::xid8 AND early.xid < %(horizon)s::text::xid8
"""


@dataclass(frozen=True)
class FeedPosition:
    """Where a reader stands: behind a number in the batch between two horizons of an epoch."""

    epoch: str
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


def horizon() -> tuple[int, str]:
    """Return the transaction before which all are settled and have written what they wrote first, and the epoch."""
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        first, epoch = cursor.fetchone()
        while first is not None:
            settled = int(first)
            cursor.execute(INVERTED, {"horizon": str(settled)})
            (first,) = cursor.fetchone()
    return settled, str(epoch)


def read(place: FeedPosition | None, digest: str, tables: Iterable[str], since: datetime | None, size: int) -> Batch:
    """Return the next changes of the tables behind a place, at most `size`.

    Raises Refusal for a place in an earlier epoch: what was told in it may have been lost with it.
    """
    oldest, epoch = horizon()
    if place is None:
        place = FeedPosition(epoch, 0, oldest, 0, digest)
    if place.epoch != epoch:
        raise Refusal(
            "feed_reset",
            gettext(
                "The data were restored from a copy, and changes that this cursor has told of may be lost: read all"
                " records anew, and then follow the feed from its beginning (without a cursor)."
            ),
        )
    settled = LoggedChange.objects.filter(table_name__in=list(tables)).order_by("number")
    if since is not None:
        settled = settled.filter(commit__at__gte=since)
    found: list[LoggedChange] = []
    while True:
        wanted = size - len(found)
        rows = list(
            settled.filter(commit_id__gte=place.low, commit_id__lt=place.high, number__gt=place.number)[:wanted]
        )
        found += rows
        if len(rows) == wanted:
            return Batch(found, FeedPosition(epoch, place.low, place.high, rows[-1].number, digest), more=True)
        if place.high >= oldest:
            return Batch(found, FeedPosition(epoch, place.high, place.high, 0, digest), more=False)
        place = FeedPosition(epoch, place.high, oldest, 0, digest)


def write_place(place: FeedPosition) -> str:
    """Return the cursor of a place."""
    token: str = SIGNER.sign_object(list(asdict(place).values()), compress=True)
    return token


def read_place(text: str | None, digest: str) -> FeedPosition | None:
    """Return the place of a cursor; raise ParameterError for one that this service did not give for this feed."""
    if text is None:
        return None
    try:
        values: list[Any] = SIGNER.unsign_object(text)
        place = FeedPosition(*values)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
    if place.digest != digest:
        raise parameter_error(
            "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
        )
    return place
