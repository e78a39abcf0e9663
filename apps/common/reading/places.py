"""Places for costly reads: so many at a time in each worker process, so that a thread stays free for all else.

A read that finds no place is refused at once (503), and never waits: whoever waits holds a thread. A view says by its
attribute `costly` which reads need a place; an answer that is kept needs none. While reads are refused, a place rests
after each use twice as long as it was used, so that there is time for all else. The server sends a refusal a moment
later, by no thread that is needed, so that who asks again at once does so a few times a second. See
docs/decisions/0029.
"""

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from mmap import mmap
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.common.http.formats import EXPORTS, by_accept
from apps.common.http.problem_answers import problem_response
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement

RETRY_AFTER = "1"
# In the environment of a request, what has its answer sent later: from `partybuild.protocol`.
HOLD_BACK = "partybuild.hold_back"
CROWDED = 1.0  # seconds behind a refusal in which places rest
REST = 2  # times as long as a place was used
MOST_REST = 0.1  # seconds
# The settings as they are, and as they are to be; then as they were.
LESS_TIME = Statement(
    f"""
    SELECT current_setting('statement_timeout'), current_setting('max_parallel_workers_per_gather'),
           set_config('statement_timeout', {Parameter("time")}, false),
           set_config('max_parallel_workers_per_gather', '0', false)
    """
)
AS_BEFORE = Statement(
    f"""
    SELECT set_config('statement_timeout', {Parameter("time")}, false),
           set_config('max_parallel_workers_per_gather', {Parameter("workers")}, false)
    """
)
# What makes a read costly: all of them (`True`), or a parameter that is given.
Costly = bool | frozenset[str]


class Places:
    """So many places for all processes of a service, of which each process takes a few at most.

    A place is a byte of a file that all processes have open, as those have it which were forked behind this; whoever
    has the byte locked has the place. So the kernel frees the places of a process that dies, in whatever way.
    """

    def __init__(self, number: int, own: int) -> None:
        self.number, self.own = number, own
        self.file, path = tempfile.mkstemp()
        os.unlink(path)  # noqa: PTH108 - open as long as the process lives
        self._taken: set[int] = set()
        self._lock = threading.Lock()
        # Instants that all processes share: until when each place rests, and behind these that of the last refusal.
        self._instants = memoryview(mmap(-1, 8 * (number + 1))).cast("d")

    def crowd(self) -> None:
        """Take note that a read was refused."""
        self._instants[-1] = time.monotonic()

    @property
    def are_full(self) -> bool:
        """Whether there is no place for one more; a guess, for it may be taken or left a moment later."""
        with self._lock:
            if (byte := self._lock_one()) is not None:
                self._unlock(byte)
        return byte is None

    def take(self) -> "Place | None":
        """Return a place; None where there is none."""
        with self._lock:
            if (byte := self._lock_one()) is None:
                return None
            self._taken.add(byte)
        if (rest := self._instants[byte] - time.monotonic()) > 0:
            time.sleep(min(rest, MOST_REST))
        return Place(self, byte)

    def _lock_one(self) -> int | None:
        """Lock a byte that nobody has. The kernel shuts out other processes, `_taken` the threads of this one."""
        if len(self._taken) >= self.own:
            return None
        for byte in range(self.number):
            if byte not in self._taken:
                with suppress(BlockingIOError, PermissionError):
                    fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
                    return byte
        return None

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self.file, fcntl.LOCK_UN, 1, byte)

    def _free(self, byte: int, used: float) -> None:
        """Free a place that was used for some seconds."""
        now = time.monotonic()
        if now < self._instants[-1] + CROWDED:
            self._instants[byte] = now + REST * used
        with self._lock:
            self._unlock(byte)
            self._taken.discard(byte)


class Place:
    """A place that was taken, and that is free again once it is left or forgotten."""

    def __init__(self, owner: Places, byte: int) -> None:
        self._owner: Places | None = owner
        self._byte = byte
        self._begin = time.monotonic()

    def leave(self) -> None:
        """Free the place; a second time does nothing."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner._free(self._byte, time.monotonic() - self._begin)

    def __del__(self) -> None:
        self.leave()


PLACES = Places(settings.COSTLY_READS, max(settings.THREADS - 1, 1))


def note_refusal(environ: Mapping[str, Any]) -> None:
    """Take note that a read was refused, and have it told a moment later, where the server can."""
    PLACES.crowd()
    if hold_back := environ.get(HOLD_BACK):
        hold_back()


def is_costly(costly: Costly, query: str, accept: str) -> bool:
    """Tell whether a read is costly: by what its view says, its query and its `Accept` header."""
    if isinstance(costly, bool):
        return costly
    given = {name: value for name, value in parse_qsl(query) if value} if query else {}
    form = given.get("format") or (by_accept(accept) if accept else "")
    return form in EXPORTS or not costly.isdisjoint(given)


def in_a_place(
    request: HttpRequest, answer: Callable[[], HttpResponseBase], *, of_one: bool = False
) -> HttpResponseBase:
    """Answer a costly read in a place, which it has until its answer was sent; without one, refuse it (503).

    `of_one`: it is about one record, and so short that to set the limits of its statements would take a quarter of it.
    """
    if (place := PLACES.take()) is None:
        note_refusal(request.META)
        return problem_response(request, "busy", **{"Retry-After": RETRY_AFTER})
    response: HttpResponseBase | None = None
    try:
        with nullcontext() if of_one else _less_time():
            response = answer()
    finally:
        if response is None or not response.streaming:
            place.leave()
    if response.streaming:
        response._resource_closers.append(place.leave)  # type: ignore[attr-defined]
    return response


@contextmanager
def _less_time() -> Iterator[None]:
    """Give each statement of a block `COSTLY_TIMEOUT` seconds, and one core of the database."""
    [(limit, workers, *_set)] = LESS_TIME.cells({"time": f"{settings.COSTLY_TIMEOUT}s"})
    try:
        yield
    finally:
        # A lost connection has lost its settings, too, and a transaction that is to be rolled back takes them back.
        if connection.connection is not None and not connection.needs_rollback:
            AS_BEFORE.cells({"time": (limit or b"").decode(), "workers": (workers or b"").decode()})
