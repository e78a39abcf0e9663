"""Commits in tests, most of which are one transaction that does not end."""

from datetime import datetime
from typing import cast

from django.db import connection


def commit_now() -> datetime:
    """Stamp the transaction of a test as if it had committed; return when."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE common_commit SET at = clock_timestamp(),"
            " snapshot = (xid::text || ':' || (xid::text::bigint + 1) || ':' || xid::text)::pg_snapshot"
            " WHERE xid = pg_current_xact_id() RETURNING at"
        )
        (at,) = cursor.fetchone()
    return cast("datetime", at)
