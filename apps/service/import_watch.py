"""Long imports under `manage.py serve`: a file that waits is imported in a process of its own, which then ends."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from django.db import DatabaseError, InterfaceError, connection

from apps.common.resources.import_jobs import left_alone, prune
from apps.service.processes import STOP_TIMEOUT, run

logger = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two looks
HOUSEKEEPING = 3600.0
PAUSE = 10.0  # after a process that failed


@contextmanager
def imports_run() -> Iterator[None]:
    """Have the files imported that wait, as long as the block runs."""
    stopped = threading.Event()
    watch = threading.Thread(target=_watch, args=[stopped], name="imports", daemon=True)
    watch.start()
    try:
        yield
    finally:
        stopped.set()
        watch.join(2 * STOP_TIMEOUT)


def _watch(stopped: threading.Event) -> None:
    pruned = -HOUSEKEEPING
    while not stopped.wait(INTERVAL):
        try:
            waits = bool(left_alone())
            if monotonic() - pruned >= HOUSEKEEPING:
                prune()
                pruned = monotonic()
        except (DatabaseError, InterfaceError):  # whose absence is logged by those whom it keeps from answering
            connection.close()
            continue
        if waits and (code := run("run_imports", "--once", stopped=stopped)) and not stopped.is_set():
            logger.error("manage.py run_imports ended with %s", code)
            stopped.wait(PAUSE)
    connection.close()
