"""How granian is answered: in one piece, and at once, or a moment later, while no thread waits.

granian sends a list of pieces as one; what it iterates it hands on through a channel, head and body apart. It sends
what its protocol is told, whenever that is and by whichever thread, and waits for nothing else. So an answer can be
kept for a while, at the cost of one thread for all of them: nobody gains by asking again at once.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from queue import SimpleQueue
from typing import Any

from django.http import HttpResponse
from granian import wsgi

from apps.common.http.bodies import Application, Environ
from apps.common.reading.places import HOLD_BACK

Answer = Callable[[], None]


class LateAnswers:
    """Answers that wait to be sent, each so many seconds; so many at most."""

    def __init__(self, seconds: float, most: int) -> None:
        self.seconds, self.most = seconds, most
        self._waiting: SimpleQueue[tuple[float, Answer]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self, answer: Answer) -> None:
        """Call what sends an answer: later, or at once where too many wait."""
        if self._waiting.qsize() >= self.most:
            answer()
            return
        self._waiting.put((time.monotonic() + self.seconds, answer))
        with self._lock:
            if self._thread is None:  # not before there is an answer: a thread is not forked with its process
                self._thread = threading.Thread(target=self._send_each, name="late answers", daemon=True)
                self._thread.start()

    def _send_each(self) -> None:
        while True:
            due, answer = self._waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            answer()


LATE = LateAnswers(seconds=0.09, most=256)  # a worker of two has 512 connections at most


class Protocol:
    """What granian gives an application to answer by, with an answer that can be held back."""

    __slots__ = ("_granian", "_is_late", "response_iter")

    def __init__(self, granian: Any) -> None:
        self._granian = granian
        self._is_late = False
        self.response_iter = granian.response_iter

    def hold_back(self) -> None:
        """Have the answer sent later."""
        self._is_late = True

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer."""
        if self._is_late:
            LATE.send(partial(self._granian.response_bytes, status, headers, body))
        else:
            self._granian.response_bytes(status, headers, body)


def in_one_piece(application: Application) -> Application:
    """Return an application whose answers are lists, but for those that are streamed."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        given = application(environ, start_response)
        if not isinstance(given, HttpResponse):
            return given
        with closing(given):
            return [given.content]

    return answer


def answering(application: Application, *options: Any) -> Callable[[Any, Environ], int]:
    """Return what granian calls for each request, made of an application as granian makes it."""
    run = wsgi._callback_wrapper(in_one_piece(application), *options)

    def answer(granian: Any, environ: Environ) -> int:
        protocol = Protocol(granian)
        environ[HOLD_BACK] = protocol.hold_back
        status: int = run(protocol, environ)
        return status

    return answer
