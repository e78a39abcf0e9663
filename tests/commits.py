"""Commits in tests, most of which are one transaction that does not end."""

from datetime import datetime
from typing import cast

from django.db import connection


def commit_now(at: datetime | None = None) -> datetime:
    """Stamp the transaction of a test as if it had committed, now or at another time; return when."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE common_commit SET at = coalesce(%s, clock_timestamp()),"
            " snapshot = (xid::text || ':' || (xid::text::bigint + 1) || ':' || xid::text)::pg_snapshot"
            " WHERE xid = pg_current_xact_id() RETURNING at",
            [at],
        )
        (at,) = cursor.fetchone()
    return cast("datetime", at)
