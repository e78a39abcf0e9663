"""The pytest plugin that gives a test run its database server (`-p tests.plugin` in pyproject.toml).

A conftest.py would come too late: pytest-django reads the settings, and with them DATABASE_URL, before it.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from partybuild import database
from tests import databases


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Start or join the embedded PostgreSQL, or check the server of DATABASE_URL; workers inherit the result."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        try:
            database.prepare()
            database.check(os.environ["DATABASE_URL"])
        except database.SetupError as error:
            raise pytest.UsageError(f"partybuild: {error}") from None
        server = databases.connect()
        early_config.add_cleanup(server.close)
        # A name of its own, so that two runs in one checkout do not take each other's tables away.
        os.environ.setdefault("TEST_DATABASE", databases.begin_run(server))
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Take two workers (`-n auto`), and none for a single file, which one process would run alone anyway."""
    paths = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(paths) == 1 and Path(paths.pop()).suffix == ".py" else 2
