"""A long file is imported while others write, who do not wait for it, and is imported once, whatever dies meanwhile."""

import contextlib
import http.client
import json
import statistics
import threading
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.clients import Caller, Reply
from tests.full import FULL
from tests.running import Service, make_token, running

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

ROWS = 20_000 if FULL else 1_500
CLIENTS = 8 if FULL else 3
PATIENCE = 600.0 if FULL else 120.0
LIMITS = {"RATE_LIMIT_TOKEN": "1000000/60", "IMPORT_ROWS_AT_ONCE": "1000"}


@pytest.fixture(scope="module")
def token(loaded_url: str, django_db_blocker: DjangoDbBlocker) -> str:
    """The token of a steward."""
    with django_db_blocker.unblock():
        return make_token(loaded_url)


def send(service: Service, token: str, stem: str, rows: int) -> str:
    """Send a file of units; return the address of its job."""
    lines = "".join(f"{stem}{number},company,第{number}个单位的概况\n" for number in range(rows))
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    path = "/api/v1/member-units/import?change_reason=test"
    connection.request("POST", path, f"name,kind,summary\n{lines}".encode(), headers)
    with contextlib.closing(connection):
        response = connection.getresponse()
        content = response.read()
    assert response.status == 202, content
    return str(json.loads(content)["url"])


def follow(service: Service, token: str, address: str, until: int = 0) -> Any:
    """Return a job once it has ended, or has done so many rows, and how far it was seen to be before."""
    seen: list[int] = []
    deadline = time.monotonic() + PATIENCE
    with Caller(service, token) as caller:
        while time.monotonic() < deadline:
            job = caller.send("GET", address).content
            seen.append(job["rows_done"])
            if job["ended_at"] or (until and job["rows_done"] >= until):
                return {**job, "seen": seen}
            time.sleep(0.05)
    pytest.fail(f"the import came to no end: {job}")


def count(url: str, stem: str) -> int:
    """Return how many units have a name that begins so."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM registry_memberunit WHERE name LIKE %s", [f"{stem}%"]
        ).fetchone()
    assert found is not None
    return int(found[0])


def test_others_write_while_a_file_is_imported(loaded_url: str, token: str) -> None:
    over, took = threading.Event(), list[float]()
    made, refused = list[Reply](), list[Reply]()

    def write(service: Service, place: int) -> None:
        with Caller(service, token) as caller:
            number = place
            while not over.is_set():
                began = time.monotonic()
                # Names that the file has too: both want the same slugs.
                reply = caller.send("POST", "member-units", {"name": f"并发单位{number}", "kind": "company"})
                took.append(time.monotonic() - began)
                (made if reply.status == 201 else refused).append(reply)
                number += CLIENTS

    def read(service: Service) -> None:
        """Ask for what is known now, which waits for those who commit."""
        with Caller(service, token) as caller:
            while not over.wait(0.2):
                now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
                reply = caller.send("GET", f"member-units?page_size=1&known_at={now}")
                refused.extend([] if reply.status == 200 else [reply])

    with running(loaded_url, limit=1800, **LIMITS) as service:
        threads = [threading.Thread(target=write, args=[service, place]) for place in range(CLIENTS)]
        threads.append(threading.Thread(target=read, args=[service]))
        for thread in threads:
            thread.start()
        began = time.monotonic()
        job = follow(service, token, send(service, token, "并发单位", ROWS))
        lasted = time.monotonic() - began
        over.set()
        for thread in threads:
            thread.join()
    took.sort()
    print(  # noqa: T201 - the figures of a full run (-s)
        f"{ROWS} rows in {lasted:.1f} s; {len(took)} writes of {CLIENTS} clients meanwhile: median"
        f" {statistics.median(took):.3f} s, p95 {took[int(len(took) * 0.95)]:.3f} s, longest {took[-1]:.3f} s"
    )
    assert (job["state"], job["result"]["created"]) == ("done", ROWS), job["problem"]
    assert refused == []
    assert sorted(job["seen"]) == job["seen"]
    assert any(0 < done < ROWS for done in job["seen"])
    assert count(loaded_url, "并发单位") == ROWS + len(made)
    assert len({reply.content["url"] for reply in made}) == len(made)


def test_a_file_whose_import_was_broken_off_is_imported_once(loaded_url: str, token: str) -> None:
    with running(loaded_url, limit=1800, **LIMITS) as service:
        address = send(service, token, "断线单位", ROWS)
        job = follow(service, token, address, until=1)
        assert job["state"] == "running"
        service.process.kill()
        service.process.wait(30)
    assert count(loaded_url, "断线单位") == 0
    with running(loaded_url, limit=1800, **LIMITS) as service:
        job = follow(service, token, address)
        assert (job["state"], job["result"]["created"]) == ("done", ROWS), job["problem"]
        time.sleep(3)  # in which it would be taken up again
        assert count(loaded_url, "断线单位") == ROWS
        assert follow(service, token, address)["ended_at"] == job["ended_at"]
