"""A database that an earlier layout made is refused at start, and by nothing else taken for one."""

import pytest
from django.db import connection

from apps.common.rules.database_layout import is_of_earlier_layout, layout
from apps.service.management.commands.serve import Command
from partybuild.database import SetupError

pytestmark = pytest.mark.django_db


def run_sql(text: str) -> None:
    """Run a statement within the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(text)


def test_a_database_of_this_layout_says_so() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description('django_migrations'::regclass, 'pg_class')")
        assert cursor.fetchone() == (layout(),)
    assert not is_of_earlier_layout()


@pytest.mark.parametrize("mark", ["NULL", "'partybuild layout 0123456789ab'"])
def test_an_earlier_layout_is_refused_at_start_by_one_line(mark: str) -> None:
    run_sql(f"COMMENT ON TABLE django_migrations IS {mark}")
    with pytest.raises(SetupError, match=r"made with an earlier layout.*move \.data/postgres away.*run again") as error:
        Command()._set_up()
    assert "\n" not in str(error.value)


def test_an_empty_database_is_none_of_an_earlier_layout() -> None:
    run_sql("SET LOCAL search_path TO pg_catalog")
    assert not is_of_earlier_layout()
