"""Guessing passwords and tokens: counted by account and by address, refused for a while, and told in the log."""

import logging
import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import RequestWindow, User
from tests.accounts.test_tokens import ask, made
from tests.conftest import problem_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "一个很长的口令-2026"
WRONG = "wrong-and-secret"
ELSEWHERE = {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture
def account() -> User:
    user: User = UserFactory(username="liu", is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(username: str, password: str = WRONG, **options: Any) -> Any:
    client = Client(headers={"accept-language": "en", "x-request-id": "request-of-test"}, **options)
    return client.post("/admin/login/", {"username": username, "password": password, "next": "/admin/"})


def test_one_password_for_many_accounts_is_stopped_by_address(account: User, settings: Any) -> None:
    statuses = [log_in(f"user{number}").status_code for number in range(settings.LOGIN_ADDRESS_LIMIT)]
    assert statuses == [200] * (settings.LOGIN_ADDRESS_LIMIT - 1) + [429]
    # Nor with another name, nor with the right password; only from elsewhere.
    for name, password in (("somebody", "x"), ("liu", PASSWORD)):
        answer = log_in(name, password)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= settings.AXES_COOLOFF_TIME.total_seconds()
        assert "minutes" in answer.content.decode()
    assert log_in("liu", PASSWORD, **ELSEWHERE).status_code == 302
    # The header says who one is only where a trusted proxy wrote it.
    assert log_in("liu", PASSWORD, HTTP_X_FORWARDED_FOR="198.51.100.7").status_code == 429


def test_whoever_gets_in_has_his_own_failures_forgotten_and_not_those_of_the_address(
    account: User, settings: Any
) -> None:
    for number in range(settings.LOGIN_ADDRESS_LIMIT - 2):
        log_in(f"user{number}")
    log_in("liu")
    assert log_in("liu", PASSWORD).status_code == 302
    assert log_in("a").status_code == 200
    assert log_in("b").status_code == 429


def test_a_lock_ends_although_it_is_tried(account: User, settings: Any) -> None:
    for _number in range(settings.AXES_FAILURE_LIMIT):
        answer = log_in("liu")
    first = int(answer.headers["Retry-After"])
    assert int(log_in("liu", PASSWORD).headers["Retry-After"]) <= first
    settings.AXES_COOLOFF_TIME /= 1_000_000
    assert log_in("liu", PASSWORD).status_code == 302


def test_the_log_says_who_failed_and_never_the_password(
    account: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _number in range(settings.AXES_FAILURE_LIMIT):
            log_in("liu")
        log_in("\n2026-01-01 CRITICAL all is well", **ELSEWHERE)
    lines = [record.getMessage() for record in caplog.records]
    assert "user 'liu' from 127.0.0.1 (request request-of-test)" in lines[0]
    assert any(line.startswith("AXES: Locking out user 'liu' from 127.0.0.1") for line in lines)
    assert "198.51.100.7" in lines[-1]
    assert all("secret" not in line and "\n" not in line for line in lines)


# Tokens ---------------------------------------------------------------------------------------------------------------


def test_bad_tokens_are_told_in_the_log_and_limited_by_address(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "bad-tokens": (3, 24 * 3600)}
    token, good = made(UserFactory())
    secret = good.partition(".")[2]
    bad = [f"pb_{token.key}.{'x' * 43}", f"{secret}", "pb_abcdefghijkl." + "x" * 43]
    with caplog.at_level(logging.WARNING):
        answers = [ask(f"Bearer {text}") for text in bad * 3]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 6
    assert problem_of(answers[-1])["code"] == "too_many_requests"
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert re.fullmatch(r'"bad-tokens";r=0;t=\d+', answers[-1].headers["RateLimit"])
    lines = [record.getMessage() for record in caplog.records]
    # Beyond the limit once, and not for each: nobody fills the log.
    assert len(lines) == 4
    assert f"a bad token pb_{token.key} from 127.0.0.1 (request {answers[0].headers['X-Request-ID']})" == lines[0]
    assert lines[1].startswith("a bad token without an identifier from 127.0.0.1")
    assert lines[3].startswith("too many bad tokens, the last pb_")
    assert all(secret not in line and "xxx" not in line for line in lines)
    # A good one is not held up, and another address has a quota of its own.
    assert ask(f"Bearer {good}").status_code == 200
    assert ask(f"Bearer {bad[0]}", **ELSEWHERE).status_code == 401


def test_without_a_limit_bad_tokens_are_not_counted(settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "bad-tokens": None}
    assert ask("Bearer x").status_code == 401
    assert not RequestWindow.objects.filter(key__startswith="bad-tokens").exists()
