"""The day of the city in SQL, and that what is answered changes with it."""

import pytest
from django.db import connection

from apps.common.reading.data_version import data_version
from apps.common.sql.days import LOCAL_DAY
from apps.common.values.dates import today

pytestmark = pytest.mark.django_db


def test_python_and_the_database_have_the_same_day() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LOCAL_DAY}")
        assert cursor.fetchone() == (today(),)


@pytest.mark.parametrize(
    ("instant", "day"), [("2026-11-30 15:59:59Z", "2026-11-30"), ("2026-11-30 16:00Z", "2026-12-01")]
)
def test_the_day_begins_at_midnight_of_the_city(instant: str, day: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LOCAL_DAY.replace('now()', '%s::timestamptz')}::text", [instant])
        assert cursor.fetchone() == (day,)


def test_the_day_is_a_part_of_the_data_version() -> None:
    """So kept answers and their tags are not those of the day before, when a lease was not over yet."""
    assert today().isoformat() in data_version().split(",")
