"""Many at once: nobody's change is lost, one of many wins, and what is sent again is done once."""

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import Model

from apps.common.rules.trees import tree_keys
from tests.faults.clients import Caller, Reply, at_once, kill, wait_until, workers
from tests.full import FULL
from tests.rows import make
from tests.running import Service, connected_to

# The mark for the database makes pytest-django set up the one that the service gets a copy of.
pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
WRITERS, INCREMENTS = 8, 50 if FULL else 8
ROUNDS, RIVALS = 50 if FULL else 8, 16
REPEATS = 20
CLIMBERS, CLIMBING, RUNGS = 16, 60 if FULL else 2, 6
UNIT = {"kind": "company", "state": "draft"}


@pytest.fixture(scope="module")
def service(shared_service: Service) -> Service:
    """A service without limits on how often it is asked."""
    return shared_service


@pytest.fixture(scope="module")
def token(steward_token: str) -> str:
    """The token of a steward."""
    return steward_token


@pytest.fixture
def caller(service: Service, token: str) -> Iterator[Caller]:
    """A steward."""
    caller = Caller(service, token)
    yield caller
    caller.close()


def rows(url: str, text: str, *params: Any) -> list[tuple[Any, ...]]:
    """Return what a query of the service's database finds."""
    with psycopg.connect(url) as connection:
        return connection.execute(text.encode(), params or None).fetchall()


def test_no_increment_is_lost(service: Service, token: str, caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    path = caller.make("member-units", name="计数单位", summary="0", **UNIT)["url"]
    start = threading.Barrier(WRITERS)

    def increment(_number: int) -> Counter[int]:
        statuses, pause = Counter[int](), 0.0
        with Caller(service, token) as own:
            start.wait()
            seen = own.send("GET", path)
            while statuses[200] < INCREMENTS:
                value = str(int(seen.content["summary"]) + 1)
                reply = own.send("PATCH", path, {"summary": value}, If_Match=seen.headers["etag"])
                statuses[reply.status] += 1
                if reply.status == 200:
                    seen, pause = reply, 0.0
                else:  # wait, the longer the more often, so that not all who lost collide again
                    pause = min(2 * pause + 0.1, 2.0)
                    time.sleep(random.uniform(0, pause))  # noqa: S311
                    seen = own.send("GET", path)
        return statuses

    statuses = sum(at_once(WRITERS, increment), Counter[int]())

    with capsys.disabled():
        print(f"\n{WRITERS} writers: {dict(statuses)}")  # noqa: T201
    with Caller(service, token) as later:  # granian closes a connection that was idle for 30 s
        assert later.send("GET", path).content["summary"] == str(WRITERS * INCREMENTS)
        assert set(statuses) == {200, 412}  # and there was something to lose
        assert later.send("PATCH", path, {"summary": "0"}).status == 428
        assert later.send("PUT", path, later.send("GET", path).content).status == 428
        assert later.send("DELETE", path, {}).status == 428


@pytest.mark.parametrize(("used", "status"), [("", 401), ("pb_nobody.nothing", 401)])
def test_an_answer_that_comes_before_the_body_reaches_its_client(service: Service, used: str, status: int) -> None:
    """granian closes the connection after an answer for which the body was not read: a broken pipe for its sender."""
    body = b'{"name": "\xe4\xbf\xa1"}'
    head = f"POST /api/v1/member-units HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/json\r\n" + (f"Authorization: Bearer {used}\r\n" if used else "") + "\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        for _twice in range(2):  # and the connection can be used again
            client.sendall(head.encode())
            time.sleep(0.3)
            client.sendall(body)
            response = http.client.HTTPResponse(client)
            response.begin()
            assert (response.status, json.loads(response.read())["status"]) == (status, status)
            response.close()


def test_of_many_who_take_a_slug_one_gets_it(service: Service, token: str) -> None:
    start = threading.Barrier(RIVALS)

    def take(_number: int) -> list[Reply]:
        own, replies = Caller(service, token), []
        own.send("GET", "districts/310110")  # so that nobody has to connect first
        for number in range(ROUNDS):
            start.wait()
            replies.append(own.send("POST", "member-units", {"slug": f"rivals-{number}", "name": "争抢", **UNIT}))
        own.close()
        return replies

    for replies in zip(*at_once(RIVALS, take), strict=True):
        assert Counter(reply.status for reply in replies) == {201: 1, 409: RIVALS - 1}
        lost = [reply.content for reply in replies if reply.status == 409]
        assert {error["pointer"] for problem in lost for error in problem["errors"]} == {"/slug"}


def test_a_request_that_is_sent_many_times_is_done_once(service: Service, token: str, caller: Caller) -> None:
    start, body = threading.Barrier(REPEATS), {"name": "只建一次", **UNIT}

    def send(_number: int) -> Reply:
        own = Caller(service, token)
        own.send("GET", "districts/310110")
        start.wait()
        reply = own.send("POST", "member-units", body, Idempotency_Key="once")
        own.close()
        return reply

    replies = at_once(REPEATS, send)

    assert {reply.status for reply in replies} <= {201, 409}
    assert all(reply.headers["retry-after"] for reply in replies if reply.status == 409)
    (answer,) = {reply.body for reply in replies if reply.status == 201}
    again = caller.send("POST", "member-units", body, Idempotency_Key="once")
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, answer, "true")
    assert again.headers["location"] == again.content["url"]
    assert rows(service.url, "SELECT count(*) FROM registry_memberunit WHERE name = '只建一次'") == [(1,)]
    other = caller.send("POST", "member-units", {**body, "name": "另一个"}, Idempotency_Key="once")
    assert (other.status, other.content["code"]) == (422, "key_reused")


def test_a_request_whose_worker_is_killed_is_done_once(service: Service, token: str, caller: Caller) -> None:
    body = {"name": "杀不死", **UNIT}
    lost = threading.Event()

    def send() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            Caller(service, token).send("POST", "member-units", body, Idempotency_Key="killed")
        lost.set()

    with psycopg.connect(service.url) as holder:
        # The request waits for this lock in the middle of its transaction, when its worker dies.
        holder.execute("LOCK TABLE registry_memberunit IN SHARE MODE")
        sender = threading.Thread(target=send)
        sender.start()
        wait_until(lambda: rows(service.url, WAITING) == [(1,)])
        before = workers(service)
        kill(before)
        assert lost.wait(30)
    sender.join()
    wait_until(lambda: rows(service.url, WAITING) == [(0,)])

    def again() -> Reply | None:
        try:
            reply = caller.send("POST", "member-units", body, Idempotency_Key="killed")
        except (OSError, http.client.HTTPException):
            return None
        return None if reply.status == 409 else reply

    reply = wait_until(again)

    assert reply.status == 201, reply
    assert not set(workers(service)) & set(before)
    assert rows(service.url, "SELECT count(*) FROM registry_memberunit WHERE name = '杀不死'") == [(1,)]
    assert caller.send("POST", "member-units", body, Idempotency_Key="killed").body == reply.body


WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%registry_memberunit%'
"""


def circles(url: str, model: type[Model], column: str) -> list[int]:
    """Return the rows of a service's database that stand below themselves."""
    above = dict(rows(url, f"SELECT id, {column} FROM {model._meta.db_table}"))  # noqa: S608
    found = []
    for start, end in above.items():
        seen = set[int]()
        while end is not None and end not in seen:
            seen.add(end)
            end = above[end]
        found += [start] if start in seen else []
    return found


def test_nobody_makes_a_circle_with_others(service: Service, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Random rows of all trees are put below random ones, by many at once (cases, row 11)."""
    with connected_to(service.url), transaction.atomic():
        trees = [
            (model, field, [make_node(model, field.name) for _number in range(RUNGS)])
            for model in apps.get_models()
            for field in tree_keys(model)
        ]
    deadline = time.monotonic() + CLIMBING

    def climb(number: int) -> Counter[int]:
        statuses, choose = Counter[int](), random.Random(number)  # noqa: S311
        with Caller(service, token) as own:
            while time.monotonic() < deadline:
                model, field, nodes = choose.choice(trees)
                below, above = choose.choice(nodes), choose.choice([*nodes, None])
                body = {field.name: above and above.key}
                statuses[own.send("PATCH", f"{model.resource}/{below.key}", body, If_Match="*").status] += 1
        return statuses

    statuses = sum(at_once(CLIMBERS, climb), Counter[int]())

    with capsys.disabled():
        print(f"\n{CLIMBERS} clients, {CLIMBING} s, {len(trees)} trees: {dict(statuses)}")  # noqa: T201
    assert set(statuses) <= {200, 400, 409}
    assert min(statuses[200], statuses[400]) > CLIMBING  # whatever else the machine does
    assert [circles(service.url, model, field.column) for model, field, _nodes in trees] == [[]] * len(trees)


def make_node(model: type[Model], name: str) -> Any:
    """Return a row of a tree, committed where the models lie now."""
    if name != "committee":
        return make(model)
    made = make(model, cited=False)
    return make(model, kind="estate", code=None, slug=f"estate-{made.code}")
