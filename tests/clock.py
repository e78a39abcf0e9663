"""The clock of the city, which a test sets: for Python, and for all that is asked on Django's connection."""

from datetime import datetime

import pytest
from django.db import connection

from apps.common.values import dates

# Found before PostgreSQL's own function of that name, which is what no clock was set for.
CLOCK = """
    CREATE SCHEMA IF NOT EXISTS clock_of_tests;
    CREATE OR REPLACE FUNCTION clock_of_tests.now() RETURNS timestamptz LANGUAGE sql STABLE RETURN
        coalesce(nullif(current_setting('clock_of_tests.instant', true), '')::timestamptz, pg_catalog.now());
    SET search_path = clock_of_tests, public, pg_catalog
"""


class Clock:
    """A clock that stands where it was set, as far as the day of the city hangs on it; until then it goes on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        with connection.cursor() as cursor:
            cursor.execute(CLOCK)

    def set(self, instant: datetime) -> None:
        """Set the clock to an instant with its offset from UTC."""

        class Stopped(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return instant.astimezone(dates.LOCAL_TIME)

        self._patch.setattr(dates, "datetime", Stopped)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('clock_of_tests.instant', %s, false)", [instant.isoformat()])
