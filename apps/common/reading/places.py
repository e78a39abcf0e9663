"""Places for costly reads: so many at a time in each worker process, so that a thread stays free for all else.

A read that finds no place is refused at once (503), and never waits: whoever waits holds a thread. A view says by its
attribute `costly` which reads need a place; an answer that is kept needs none. See docs/decisions/0029.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.common.http.formats import EXPORTS, by_accept
from apps.common.http.problem_answers import problem_response

RETRY_AFTER = "1"
LESS_TIME = """
    SELECT set_config('statement_timeout', %s, false), set_config('max_parallel_workers_per_gather', '0', false)
"""
# What makes a read costly: all of them (`True`), or a parameter that is given.
Costly = bool | frozenset[str]


class Places:
    """So many places, of which each read takes one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def are_full(self) -> bool:
        """Whether there is no place for one more."""
        return self._taken >= self.number

    def take(self) -> "Place | None":
        """Return a place; None where there is none."""
        with self._lock:
            if self.are_full:
                return None
            self._taken += 1
        return Place(self)

    def _free(self) -> None:
        with self._lock:
            self._taken -= 1


class Place:
    """A place that was taken, and that is free again once it is left or forgotten."""

    def __init__(self, owner: Places) -> None:
        self._owner: Places | None = owner

    def leave(self) -> None:
        """Free the place; a second time does nothing."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner._free()

    def __del__(self) -> None:
        self.leave()


PLACES = Places(settings.COSTLY_READS)


def is_costly(costly: Costly, query: str, accept: str) -> bool:
    """Tell whether a read is costly: by what its view says, its query and its `Accept` header."""
    if isinstance(costly, bool):
        return costly
    given = {name: value for name, value in parse_qsl(query) if value} if query else {}
    form = given.get("format") or (by_accept(accept) if accept else "")
    return form in EXPORTS or not costly.isdisjoint(given)


def in_a_place(request: HttpRequest, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Answer a costly read in a place, which it has until its answer was sent; without one, refuse it (503)."""
    if (place := PLACES.take()) is None:
        return problem_response(request, "busy", **{"Retry-After": RETRY_AFTER})
    response: HttpResponseBase | None = None
    try:
        with _less_time():
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
    with connection.cursor() as cursor:
        cursor.execute(LESS_TIME, [f"{settings.COSTLY_TIMEOUT}s"])
    try:
        yield
    finally:
        # A lost connection has lost its settings, too, and a transaction that is to be rolled back takes them back.
        if connection.connection is not None and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("RESET statement_timeout")
                cursor.execute("RESET max_parallel_workers_per_gather")
