"""The pytest plugin that gives a test run its database server (`-p tests.plugin` in pyproject.toml).

A conftest.py would come too late: pytest-django reads the settings, and with them DATABASE_URL, before it.
"""

import gc
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from partybuild import database
from tests import databases

# What a test tells: lines that stand at the end of the run, whether it passes or fails.
Told: TypeAlias = Callable[..., None]
TOLD = "told"
# Who asks the service of `shared_service`: one worker runs them all, in this order, and starts one.
SHARING = (
    "tests/browser/",
    "tests/clients/",
    "tests/common/reading/test_answer_cache.py",
    "tests/faults/test_races.py",
    "tests/faults/test_claims.py",
    "tests/hostile/",
)
# What takes longest comes first, so that no worker is left with it at the end.
LONG = (
    *SHARING,
    "tests/test_access_matrix.py",
    "tests/test_conventions.py",
    "tests/common/admin/",
    "tests/faults/",
    "tests/history/test_replay.py",
    "tests/bench/",
    "tests/service/",
    "tests/common/",
)


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


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Take two workers (`-n auto`), and none for a single file, which one process would run alone anyway."""
    paths = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(paths) == 1 and Path(paths.pop()).suffix == ".py" else 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Give each file to one worker as a whole, and those that share a service to the same one."""
    config.option.loadscopereorder = False
    return FileScheduling(config, log)


class FileScheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "sharing" if path.startswith(SHARING) else path


# Half a million objects are there before the first test, and stay. The garbage collector would look through them again
# and again, which took a sixth of all computing: it begins behind them, passes over them, and looks less often.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the garbage collector pass over all that is there by now."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first."""

    def place(item: pytest.Item) -> int:
        return next((number for number, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))

    items.sort(key=place)


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Told:
    """Take lines that a reader of the run should see: figures, and what no assertion can refuse."""

    def tell(*lines: object) -> None:
        for line in lines:
            record_property(TOLD, str(line))

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests told."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            lines = [text for name, text in report.user_properties if name == TOLD]
            if lines and report.when == "call":
                terminalreporter.write_sep("-", report.nodeid)
                for line in lines:
                    terminalreporter.write_line(str(line))
