"""Counting requests: exact with many writers at once, told in headers, and only where it is asked for."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import RequestWindow
from apps.accounts.throttling import Policy, count
from apps.common.reading.answer_cache import ANSWERS
from tests.accounts.test_tokens import ask, made
from tests.conftest import eventually, problem_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
DAY = 24 * 3600


def in_a_thread(work: Any) -> Any:
    """Do something on a connection of its own, which commits."""

    def close_behind() -> Any:
        try:
            return work()
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(close_behind).result()


@pytest.fixture
def swept() -> Iterator[None]:
    """Take away what threads have committed."""
    yield
    in_a_thread(lambda: RequestWindow.objects.filter(key__startswith="exact:").delete())


def test_many_at_once_are_counted_exactly(swept: None):
    policy = Policy("exact", 100, DAY)

    def work() -> list[int]:
        try:
            return [usage.used for _number in range(50) if not (usage := count(policy, "client")).is_over]
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(8) as pool:
        allowed = [used for future in [pool.submit(work) for _worker in range(8)] for used in future.result()]

    assert sorted(allowed) == list(range(1, 101))
    assert in_a_thread(lambda: RequestWindow.objects.get(key="exact:client").used) == 400


def test_a_new_window_begins_at_nought_and_old_ones_are_swept(monkeypatch: pytest.MonkeyPatch):
    policy = Policy("test", 2, 60)
    assert [count(policy, "a").is_over for _number in range(3)] == [False, False, True]
    assert not count(policy, "b").is_over
    RequestWindow.objects.filter(key="test:a").update(began_at="2020-01-01T00:00Z")
    again = count(policy, "a")
    assert (again.used, again.headers()["RateLimit-Policy"]) == (1, '"test";q=2;w=60')
    assert 1 <= again.reset <= 60
    RequestWindow.objects.filter(key="test:b").update(began_at="2020-01-01T00:00Z")
    monkeypatch.setattr("apps.accounts.throttling.PRUNE_ONCE_IN", 1)
    count(policy, "a")
    assert not RequestWindow.objects.filter(key="test:b").exists()


def test_the_table_is_not_logged():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'accounts_requestwindow'")
        assert cursor.fetchone() == ("u",)


def test_a_client_is_told_what_is_left_and_when_to_come_back(settings: Any):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "token": (2, DAY)}
    text = made(UserFactory())[1]
    answers = [ask(f"Bearer {text}") for _number in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == [f'"token";q=2;w={DAY}'] * 3
    told = [re.findall(r'^"token";r=(\d+);t=(\d+)$', answer.headers["RateLimit"]) for answer in answers]
    assert [int(left) for found in told for left, _seconds in found] == [1, 0, 0]
    assert problem_of(answers[2])["code"] == "too_many_requests"
    assert answers[2].headers["Retry-After"] == told[2][0][1]
    # Another token of the same user has a quota of its own.
    assert ask(f"Bearer {made(UserFactory())[1]}").status_code == 200


def test_reads_of_nobody_are_counted_only_if_there_is_a_limit(settings: Any, client: Client):
    client.get("/api/v1/alliances?page_size=1")
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/api/v1/alliances?page_size=1")
    assert "RateLimit" not in answer.headers
    assert not [query for query in queries if "INSERT" in query["sql"]]

    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": (1, DAY)}
    assert [client.get("/api/v1/alliances?page_size=1").status_code for _number in range(2)] == [200, 429]
    # By address, whatever else the client says of itself.
    assert client.get("/api/v1/alliances?page_size=1", headers={"x-forwarded-for": "198.51.100.7"}).status_code == 429
    assert client.get("/api/v1/alliances?page_size=1", REMOTE_ADDR="198.51.100.7").status_code == 200


@pytest.mark.parametrize("path", ["alliances?page_size=1", "districts/310110", "vocabularies", "search?q=a"])
def test_where_reads_of_nobody_are_counted_answers_are_kept_and_have_the_same_tags(
    settings: Any, client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(ANSWERS, "limit", 1_000_000)
    address = f"/api/v1/{path}"

    def check() -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": None}
        plain = client.get(address)
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": (1000, DAY)}
        with CaptureQueriesContext(connection) as queries:
            counted = client.get(address)
        assert [query["sql"].split()[0] for query in queries] == ["INSERT", "SELECT"]  # counted, and the data version
        assert (counted.content, counted.headers["ETag"]) == (plain.content, plain.headers["ETag"])
        assert counted.headers["ETag"].startswith('"')
        assert counted.headers["Cache-Control"] == "public, no-cache"
        again = client.get(address, headers={"if-none-match": plain.headers["ETag"]})
        assert again.status_code == 304
        left = [int(re.findall(r";r=(\d+);", answer.headers["RateLimit"])[0]) for answer in (counted, again)]
        assert left[0] - left[1] == 1
        assert counted.headers["RateLimit-Policy"] == f'"anonymous-reads";q=1000;w={DAY}'

    eventually(check)


@pytest.mark.parametrize("path", ["alliances?page_size=1", "vocabularies"])
def test_one_read_too_many_is_refused_although_its_answer_is_kept(settings: Any, client: Client, path: str) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": (2, DAY)}
    answers = [client.get(f"/api/v1/{path}") for _number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem_of(answers[2])["code"] == "too_many_requests"
    assert int(answers[2].headers["Retry-After"]) > 0
    assert ";r=0;" in answers[2].headers["RateLimit"]
