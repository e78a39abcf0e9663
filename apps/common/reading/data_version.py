"""The version of all that everybody may read, and of the code that answers from it."""

import hashlib
from functools import cache

from django.conf import settings

from apps.common.models.logged_change import SEEN_BY_ALL
from apps.common.rules.transactions import SHIFT
from apps.common.sql.days import LOCAL_DAY
from apps.common.sql.statement import Statement

# Of the changes that everybody may see: the last committed one, the transactions before it that are still open (their
# changes will come to light later, behind it), and the greatest number of the log. Beside them the server's start and
# database, since a restored copy goes on with the numbers, and the day in the city, with which leases lapse.
VERSION = f"""
    SELECT concat_ws(',', extract(epoch FROM pg_postmaster_start_time()),
                     (SELECT oid FROM pg_database WHERE datname = current_database()), {LOCAL_DAY}, last.xid,
                     (SELECT string_agg(open::text, ',') FROM pg_snapshot_xip(now.snapshot) AS open
                      WHERE open::text::bigint + now.shift < last.xid::text::bigint),
                     (SELECT max(number) FROM common_loggedchange WHERE {SEEN_BY_ALL}))
    FROM (SELECT pg_current_snapshot() AS snapshot, {SHIFT} AS shift) AS now
    LEFT JOIN LATERAL (
        SELECT xid FROM common_loggedchange WHERE {SEEN_BY_ALL} ORDER BY xid DESC LIMIT 1
    ) AS last ON true
"""
_VERSION = Statement(VERSION)


def data_version() -> str:
    """Return a text that is the same exactly as long as no change that everybody may see has come to light.

    So drafts, which no anonymous answer shows, do not move the tags of anonymous answers.
    """
    ((version,),) = _VERSION.cells({})
    return (version or b"").decode()


@cache
def build() -> str:
    """Return a digest of the code and its texts: another release gives other answers to the same request."""
    digest = hashlib.blake2b(digest_size=8)
    for pattern in ("apps/**/*.py", "apps/**/*.mo", "partybuild/*.py"):
        for path in sorted(settings.BASE_DIR.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()
