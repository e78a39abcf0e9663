"""Answers to granian: in one piece, and those that are held back sent by no thread that requests need."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from apps.common.reading.places import PLACES, in_a_place
from apps.common.resources.gate import Gate
from partybuild import protocol
from partybuild.protocol import LateAnswers, answering, in_one_piece

SECONDS = 0.05


class Granian:
    """What granian is told, and by which thread."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.thread: threading.Thread | None = None
        self.is_told = threading.Event()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.told.append((status, dict(headers).get("Retry-After"), bool(body)))
        self.thread = threading.current_thread()
        self.is_told.set()

    def response_iter(self, status: int, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        raise AssertionError("an answer that is not streamed is one piece")


@pytest.fixture(autouse=True)
def no_database() -> Iterator[None]:
    """Look after no connections where an answer is closed."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture
def no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PLACES, "number", 0)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> LateAnswers:
    found = LateAnswers(SECONDS, most=2)
    monkeypatch.setattr(protocol, "LATE", found)
    return found


def ask(application: Any, address: str = "/api/v1/statistics") -> Granian:
    """Have an application answer as granian has it; return what granian was told by then, and later."""
    granian = Granian()
    environ = RequestFactory(SERVER_NAME="localhost").get(address).environ
    status = answering(application, {}, None)(granian, {**environ, "HTTP_HOST": "localhost"})
    assert isinstance(status, int)
    return granian


def view(environ: dict[str, Any], start_response: Any) -> HttpResponse:
    """Refuse as a view does that the gate let through."""
    request = RequestFactory().get("/")
    request.META = environ
    answer = in_a_place(request, HttpResponse)
    start_response(f"{answer.status_code} {answer.reason_phrase}", [*answer.items()])
    assert isinstance(answer, HttpResponse)
    return answer


def served(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"served"]


@pytest.mark.usefixtures("no_place")
@pytest.mark.parametrize("application", [Gate(served), view], ids=["gate", "view"])
def test_a_refusal_is_sent_later_and_its_thread_is_free(late: LateAnswers, application: Any) -> None:
    first, second = ask(application), ask(application)
    assert (first.told, second.told) == ([], [])  # and yet the calls came back
    for granian in (first, second):
        assert granian.is_told.wait(10)
        assert granian.told == [(503, "1", True)]
    assert first.thread is second.thread is late._thread


def test_all_else_is_sent_at_once(late: LateAnswers) -> None:
    granian = ask(Gate(served), "/api/v1/alliances")
    assert granian.told == [(200, None, True)]
    assert granian.thread is threading.current_thread()
    assert late._thread is None


@pytest.mark.usefixtures("no_place")
def test_no_more_than_so_many_wait(late: LateAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LateAnswers, "_send_each", lambda _late: None)  # none is sent
    assert [len(ask(Gate(served)).told) for _number in range(4)] == [0, 0, 1, 1]


def test_what_is_streamed_stays_so_and_all_else_is_closed() -> None:
    closed: list[bool] = []
    streamed = StreamingHttpResponse([b"a", b"b"])
    assert in_one_piece(lambda _environ, _start: streamed)({}, None) is streamed
    whole = HttpResponse(b"ab")
    whole._resource_closers.append(lambda: closed.append(True))  # type: ignore[attr-defined]
    assert in_one_piece(lambda _environ, _start: whole)({}, None) == [b"ab"]
    assert closed == [True]
