"""The pytest plugin that gives a test run its database (`-p tests.plugin` in pyproject.toml).

A conftest.py would come too late: pytest-django reads the settings, and with them DATABASE_URL, before it.
"""

import os
import re
from collections.abc import Generator

import psycopg
import pytest
from psycopg import sql

from partybuild import database


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Start or join the embedded PostgreSQL, or check the server of DATABASE_URL; xdist's workers inherit the URL."""
    try:
        embedded = not os.environ.get("DATABASE_URL")
        database.prepare()
        database.check(os.environ["DATABASE_URL"])
    except database.SetupError as error:
        raise pytest.UsageError(f"partybuild: {error}") from None
    # A name of its own, so that two runs in one checkout do not take each other's tables away.
    os.environ.setdefault("TEST_DATABASE", f"test_partybuild_{os.getpid()}")
    if embedded:
        drop_left_over(os.environ["DATABASE_URL"])
    return (yield)


def drop_left_over(url: str) -> None:
    """Drop the test databases of runs that were killed."""
    with psycopg.connect(url, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall():
            match = re.fullmatch(r"test_partybuild_(\d+)(_\w+)?", name)
            if match and not _is_running(int(match[1])):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
