"""Costly reads have places: when these are taken, further ones are refused at once, and all else is answered."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.signals import request_finished
from django.db import OperationalError, close_old_connections, connection
from django.test import Client, RequestFactory
from psycopg.errors import QueryCanceled

from apps.common.openapi.schema import Generator
from apps.common.reading import pages
from apps.common.reading.answer_cache import ANSWERS
from apps.common.reading.places import MOST_REST, PLACES, Place, Places, is_costly
from apps.common.resources.gate import Gate, _costly
from apps.common.resources.registry import viewsets
from tests.conftest import Api, eventually, problem_of
from tests.databases import ROOT

pytestmark = pytest.mark.django_db
NOW = "2026-01-31T08:00:00Z"
QUERIES = quote(json.dumps({"q0": {"query": "上大"}}))
COSTLY = [
    f"/api/v1/alliances?known_at={NOW}&q=a",
    f"/api/v1/districts/310110?known_at={NOW}",
    "/api/v1/events?facets=kind",
    "/api/v1/alliances?format=csv",
    "/api/v1/alliances?f%6Frmat=ndjson",
    "/api/v1/search?q=a",
    "/api/v1/statistics",
    "/api/v1/network",
    "/api/v1/figures/summary?measure=a",
    "/api/v1/articles/wujiaochang-zhen-2013/coverage",
    "/api/v1/articles/wujiaochang-zhen-2013/facts",
    f"/reconcile?queries={QUERIES}",
    "/reconcile/suggest/entity?prefix=a",
]
CHEAP = [
    "/api/v1/",
    "/api/v1/districts/310110",
    "/api/v1/alliances",
    "/api/v1/alliances?q=&count=true&labels=true",
    "/api/v1/alliances?q=a",
    "/api/v1/vocabularies",
    "/reconcile",
    "/docs/errors",
    "/admin/login/",
]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch, room_for_all: None) -> None:
    """Let there be as many places as there are in a process by itself."""
    monkeypatch.setattr(PLACES, "number", 1)


@pytest.fixture
def full() -> Iterator[list[Place]]:
    """Take all places; what is cleared is free again."""
    taken: list[Place] = []
    while place := PLACES.take():
        taken.append(place)
    yield taken
    taken.clear()
    assert not PLACES.are_full


@pytest.mark.parametrize("address", COSTLY)
def test_a_costly_read_without_a_place_is_refused_and_answered_with_one(
    api: Api, full: list[Place], address: str
) -> None:
    refused = api.client.get(address)
    assert refused.status_code == 503
    assert problem_of(refused)["code"] == "busy"
    assert refused.headers["Retry-After"] == "1"
    full.clear()
    answer = api.client.get(address)
    assert answer.status_code in (200, 400, 404)  # nothing to add up, nothing known so early
    answer.close()
    assert not PLACES.are_full


@pytest.mark.parametrize("address", CHEAP)
def test_a_cheap_read_needs_none(api: Api, full: list[Place], address: str) -> None:
    assert api.client.get(address).status_code == 200


def test_batches_that_are_posted_need_a_place_and_any_page_may_know(client: Client, full: list[Place]) -> None:
    form = {"data": f"queries={QUERIES}", "content_type": "application/x-www-form-urlencoded"}
    answer = client.post("/reconcile", **form)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (503, "*")
    full.clear()
    assert client.post("/reconcile", **form).status_code == 200


def test_an_answer_that_is_kept_needs_none(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ANSWERS, "limit", 1_000_000)

    def check() -> None:
        first = api.ask("alliances", facets="kind")
        taken = [PLACES.take() for _number in range(PLACES.number)]
        assert PLACES.are_full
        assert api.ask("alliances", facets="kind").content == first.content
        again = {"if-none-match": first.headers["ETag"]}
        assert api.client.get("/api/v1/alliances?facets=kind", headers=again).status_code == 304
        assert api.ask("alliances", facets="street").status_code == 503
        taken.clear()

    eventually(check)


# Left again ----------------------------------------------------------------------------------------------------------


def test_a_place_is_left_behind_an_error_and_its_time_limit_with_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, full: list[Place]
) -> None:
    full.clear()
    api.client.raise_request_exception = False
    before = timeout()
    real = pages.page
    for error in (RuntimeError("a fault"), OperationalError("gone")):
        monkeypatch.setattr(pages, "page", failing(error))
        assert api.ask("alliances", facets="kind").status_code in (500, 503)
    monkeypatch.setattr(pages, "page", real)
    assert api.ask("alliances", facets="kind").status_code == 200
    assert api.ask("alliances", facets="kind", no_such="1").status_code == 400
    assert (PLACES.are_full, timeout()) == (False, before)


def failing(error: Exception) -> Any:
    def fail(_question: object) -> Any:
        raise error

    return fail


def timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (found,) = cursor.fetchone()
    return str(found)


def test_within_a_place_a_statement_has_less_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def noted(real: Any) -> Any:
        def read(question: Any) -> Any:
            seen.append(timeout())
            return real(question)

        return read

    monkeypatch.setattr(pages, "page", noted(pages.page))
    monkeypatch.setattr(pages, "detail", noted(pages.detail))
    api.get("alliances", facets="kind")
    api.get("alliances")
    api.get("alliances/wujiaochang-zhen-lianxihui", known_at="2999-01-01T00:00:00Z")
    assert seen == [f"{settings.COSTLY_TIMEOUT}s", timeout(), timeout()]


def test_what_takes_longer_than_it_may_is_told_so_and_is_no_outage(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    error = OperationalError("canceling statement due to statement timeout")
    error.__cause__ = QueryCanceled()
    monkeypatch.setattr(pages, "page", failing(error))
    answer = api.ask("alliances", facets="kind")
    assert (answer.status_code, answer.headers["Retry-After"], problem_of(answer)["code"]) == (503, "3", "busy")
    assert "longer" in answer.json()["detail"]
    assert caplog.records == []


@pytest.mark.parametrize("ends", [True, False])
def test_an_export_has_its_place_until_it_ends_or_its_reader_goes(ends: bool) -> None:
    view = viewsets()["neighbourhoods"].as_view({"get": "list"})  # without the client, which closes in its own way
    taken = [PLACES.take() for _number in range(PLACES.number - 1)]
    answer: Any = view(RequestFactory().get("/api/v1/neighbourhoods?format=ndjson"))
    stream = iter(answer.streaming_content)
    next(stream)
    assert PLACES.are_full
    if ends:
        assert list(stream)
        assert PLACES.are_full
    # At the end of a request Django closes a connection that is in a transaction, as that of a test is.
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)
    taken.clear()
    assert not PLACES.are_full


def test_a_place_that_is_forgotten_is_free_and_one_is_left_once() -> None:
    places = Places(1, 1)
    place = places.take()
    assert place
    assert places.take() is None
    place.leave()
    place.leave()
    del place
    kept = places.take()
    assert kept
    assert places.take() is None
    del kept
    assert places.take()


HOLDER = """
import fcntl, sys, time
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
print("taken", flush=True)
time.sleep(60)
"""


def test_processes_share_their_places_and_a_dead_one_has_none() -> None:
    places = Places(1, 2)
    command = [sys.executable, "-c", HOLDER, str(places.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[places.file]) as other:
        assert other.stdout
        assert other.stdout.readline() == b"taken\n"
        assert places.are_full
        assert places.take() is None
        other.kill()
        other.wait()
        assert not places.are_full
        assert places.take()


def test_no_process_takes_more_than_its_own() -> None:
    places = Places(3, 1)
    kept = places.take()
    assert kept
    assert places.are_full
    assert places.take() is None
    kept.leave()
    assert not places.are_full


# Before Django --------------------------------------------------------------------------------------------------------


class Served:
    """An application that answers whatever it is asked, and what was asked of it."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.asked += 1
        start_response("200 OK", [])
        return [b"served"]


def through_gate(address: str, **headers: str) -> tuple[str, dict[str, str], bytes, float]:
    """Return status, headers and body that the gate gives, and the seconds that it took."""
    method = headers.pop("method", "GET")
    path, _mark, query = address.partition("?")
    environ = RequestFactory(SERVER_NAME="localhost").generic(method, path, QUERY_STRING=query, **headers).environ
    environ["HTTP_HOST"] = "localhost"
    told: list[Any] = []
    begun = time.perf_counter()
    body = b"".join(Gate(Served())(environ, lambda status, given: told.extend([status, dict(given)])))
    return told[0], told[1], body, time.perf_counter() - begun


@pytest.mark.parametrize("address", COSTLY)
def test_the_gate_refuses_as_the_view_does(api: Api, full: list[Place], address: str) -> None:
    status, headers, body, _seconds = through_gate(address, HTTP_ACCEPT_LANGUAGE="en", HTTP_X_REQUEST_ID="request-1")
    assert status == "503 Service Unavailable"
    assert headers["Content-Length"] == str(len(body))
    view = api.client.get(address, headers={"x-request-id": "request-1"})
    assert json.loads(body) == view.json()
    for name in ("Content-Type", "Retry-After", "X-Request-ID", "X-Content-Type-Options"):
        assert headers[name] == view.headers[name]
    assert headers["Connection"] == "close"
    chinese = through_gate(address)[2]
    assert json.loads(chinese)["title"] != json.loads(body)["title"]
    assert through_gate(address, method="HEAD")[2] == b""


@pytest.mark.parametrize("address", [*CHEAP, "/nothing"])
def test_the_gate_lets_through_what_needs_no_place(full: list[Place], address: str) -> None:
    assert through_gate(address)[2] == b"served"


def test_the_gate_is_open_while_there_is_a_place_and_to_writes(full: list[Place]) -> None:
    for options in ({"method": "POST"}, {"method": "PATCH"}, {"HTTP_COOKIE": "a=b"}):
        assert through_gate("/api/v1/alliances?facets=kind", **options)[2] == b"served"
    assert through_gate("/reconcile", method="POST")[0].startswith("503")
    full.clear()
    assert through_gate("/api/v1/alliances?facets=kind")[2] == b"served"


def test_the_gate_lets_through_what_is_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ANSWERS, "limit", 1_000_000)
    api.ask("/api/v1/alliances?facets=kind&page_size=3")
    taken = [PLACES.take() for _number in range(PLACES.number)]
    assert through_gate("/api/v1/alliances?page_size=3&facets=kind", HTTP_ACCEPT_LANGUAGE="en")[2] == b"served"
    assert through_gate("/api/v1/alliances?page_size=3&facets=kind")[0].startswith("503")  # the Chinese one is not kept
    taken.clear()


AT_START = """
import django
django.setup()
from apps.common.reading.places import PLACES
print(PLACES.number, PLACES.own)
"""
SETTINGS = {"DJANGO_SETTINGS_MODULE": "partybuild.settings", "GRANIAN_BLOCKING_THREADS": "4"}
SETTINGS |= {"SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz"}


# Kept to --------------------------------------------------------------------------------------------------------------


def test_every_costly_operation_says_so_and_no_other() -> None:
    document = Generator().get_schema(public=True)
    said = {
        (method, address)
        for address, methods in document["paths"].items()
        for method, operation in methods.items()
        if "x-costly" in operation
    }
    costly = {
        ("get", address)
        for address, methods in document["paths"].items()
        if "get" in methods and _costly(filled(address))[0]
    }
    assert said == costly
    assert ("get", "/api/v1/alliances") in costly
    assert ("get", "/api/v1/webhooks") not in costly
    assert document["paths"]["/api/v1/alliances"]["get"]["x-costly"] == ["facets", "known_at"]
    assert document["paths"]["/api/v1/search"]["get"]["x-costly"] is True


def filled(address: str) -> str:
    return address.replace("{resource}", "alliances").replace("{", "").replace("}", "")


def test_places_leave_a_thread_of_each_process_and_exports_need_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_START],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | SETTINGS,
    )
    assert done.stdout.split() == [str(max((os.cpu_count() or 1) - 1, 1)), "3"]
    assert is_costly(frozenset({"q"}), "", "text/csv")
    assert not is_costly(frozenset({"q"}), "q=", "application/json")


def test_a_place_rests_twice_as_long_as_it_was_used_while_reads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [1000.0], list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", slept.append)

    def use(seconds: float) -> None:
        """Use a place for some seconds."""
        place = PLACES.take()
        assert place is not None
        now[0] += seconds
        place.leave()

    use(0.02)
    use(0.02)
    assert slept == []  # nobody was refused
    PLACES.crowd()
    use(0.02)
    now[0] += 0.005
    use(5.0)  # behind it the refusal is long ago
    assert slept == [pytest.approx(2 * 0.02 - 0.005)]
    use(0.02)
    assert len(slept) == 1
    PLACES.crowd()
    use(0.9)
    use(0.0)
    assert slept[1:] == [MOST_REST]
