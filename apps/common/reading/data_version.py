"""The version of all data, and of the code that answers from them."""

import hashlib
from functools import cache

from django.conf import settings

from apps.common.rules.transactions import SHIFT
from apps.common.sql.statement import Statement

# The last committed change, the transactions before it that are still open (their changes will come to light later,
# behind it), and the server's start and database: a restored copy goes on with the numbers of the log, of which the
# greatest stands here too.
VERSION = f"""
    SELECT concat_ws(',', extract(epoch FROM pg_postmaster_start_time()),
                     (SELECT oid FROM pg_database WHERE datname = current_database()), last.xid,
                     (SELECT string_agg(open::text, ',') FROM pg_snapshot_xip(now.snapshot) AS open
                      WHERE open::text::bigint + now.shift < last.xid::text::bigint),
                     (SELECT max(number) FROM common_loggedchange))
    FROM (SELECT pg_current_snapshot() AS snapshot, {SHIFT} AS shift) AS now
    LEFT JOIN LATERAL (SELECT xid FROM common_loggedchange ORDER BY xid DESC LIMIT 1) AS last ON true
"""
_VERSION = Statement(VERSION)


def data_version() -> str:
    """Return a text that is the same exactly as long as no change of a record has come to light."""
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
