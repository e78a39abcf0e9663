"""What lapses under `manage.py serve`: at its start and after each midnight of the city it is written."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import DatabaseError, InterfaceError, connection

from apps.common.models.moved import lapsed
from apps.common.values.dates import today
from apps.service.processes import STOP_TIMEOUT, run

logger = logging.getLogger(__name__)

INTERVAL = 30.0  # seconds between two looks at the day
PAUSE = 60.0  # after a process that failed


@contextmanager
def days_tick() -> Iterator[None]:
    """Have what has lapsed written on each day, as long as the block runs."""
    stopped = threading.Event()
    watch = threading.Thread(target=_watch, args=[stopped], name="days", daemon=True)
    watch.start()
    try:
        yield
    finally:
        stopped.set()
        watch.join(2 * STOP_TIMEOUT)


def _watch(stopped: threading.Event) -> None:
    written: date | None = None
    while not stopped.is_set():
        day, pause = today(), INTERVAL
        if day != written:
            try:
                waits = has_lapsed(day)  # a question costs less than a process
            except (DatabaseError, InterfaceError):  # whose absence is logged by those whom it keeps from answering
                waits, pause = None, PAUSE
            if waits and (code := run("tick", stopped=stopped)) and not stopped.is_set():
                logger.error("manage.py tick ended with %s", code)
                pause = PAUSE
            elif waits is not None:
                written = day
        stopped.wait(pause)


def has_lapsed(day: date) -> bool:
    """Whether anything has lapsed by a day that is not written yet."""
    try:
        return any(rows.exists() for rows in lapsed(day))
    finally:
        connection.close()  # the next look is tomorrow
