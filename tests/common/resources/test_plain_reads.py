"""The way past most of the stack answers as the whole of it does."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings

from apps.accounts.models import RequestWindow
from apps.common.http.middleware import Handler
from apps.common.reading.record_version import KNOWN
from apps.common.resources import plain_reads
from apps.common.resources.registry import viewsets
from tests.conftest import eventually

SHORTCUT = "apps.common.resources.plain_reads.ShortcutMiddleware"
WHOLE = tuple(name for name in settings.MIDDLEWARE if name != SHORTCUT)
ONLY = (*settings.MIDDLEWARE[: settings.MIDDLEWARE.index(SHORTCUT) + 1], f"{__name__}.Closed")
CLOSED = 418
ZH, EN = {"accept-language": "zh-Hans"}, {"accept-language": "en-GB,en;q=0.9"}


class Closed:
    """Stands where the rest of the stack would be, so that no answer can come from there."""

    def __init__(self, get_response: Handler) -> None:
        pass

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=CLOSED)


@cache
def client_of(stack: tuple[str, ...], https: bool) -> Client:
    """Return a client of a stack, which it puts together at its first request."""
    return Client(SERVER_NAME="localhost")


def answer(stack: tuple[str, ...], address: str, *, https: bool = False, **options: Any) -> tuple[Any, ...]:
    """Return all of an answer but the id that it is traced by."""
    method = options.pop("method", "get")
    names = {"MIDDLEWARE": stack, "ALLOWED_HOSTS": ["localhost"], "SECURE_SSL_REDIRECT": https}
    with override_settings(**names, SECURE_HSTS_SECONDS=60 * https):
        client = client_of(stack, https)
        client.cookies.clear()
        response = getattr(client, method)(f"/api/v1/{address}", **options)
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    headers["Vary"] = ", ".join(sorted(headers.get("Vary", "").split(", ")))
    body = response.content.replace(response.headers["X-Request-ID"].encode(), b"")
    return response.status_code, headers, body


def addresses() -> Iterator[tuple[str, Any]]:
    """Yield the list of each resource, and what is asked of one of them in every way."""
    yield from ((name, name) for name in viewsets())
    for address in (
        "alliances?page_size=1",
        "alliances?page_size=1&count=true&facets=kind&labels=true",
        "alliances?q=%E4%BA%94%E8%A7%92%E5%9C%BA",
        "alliances?no_such=1",
        "alliances?cursor=x",
        "alliances?kind=",
        "alliances?format=json",
        "alliances/no-such-alliance",
        "alliances/%E4%BA%94?no_such=1",
        "districts/310110",
        "districts/310110?expand=part_of&as_of=2013-06-27",
    ):
        yield address, address


@pytest.mark.parametrize("headers", [ZH, EN], ids=["zh", "en"])
@pytest.mark.parametrize("address", [pytest.param(value, id=name) for name, value in addresses()])
def test_both_ways_give_the_same(db: None, address: str, headers: dict[str, str]) -> None:
    def check() -> None:
        short = answer(ONLY, address, headers=headers)
        assert short == answer(WHOLE, address, headers=headers)
        assert short[0] != CLOSED
        assert "Content-Security-Policy" in short[1]

    eventually(check)


def test_what_is_known_already_is_not_sent_again_either_way(db: None) -> None:
    def check() -> None:
        _status, headers, _body = answer(WHOLE, "districts/310110", headers=EN)
        again = {**EN, "if-none-match": headers["ETag"]}
        short = answer(ONLY, "districts/310110", headers=again)
        assert short[0] == 304
        assert short == answer(WHOLE, "districts/310110", headers=again)

    eventually(check)


def test_head_is_answered_alike(db: None) -> None:
    assert answer(ONLY, "districts", method="head", headers=ZH) == answer(WHOLE, "districts", method="head", headers=ZH)


def test_over_https_too(db: None) -> None:
    short = answer(ONLY, "districts", https=True, secure=True, headers=ZH)
    assert "Strict-Transport-Security" in short[1]
    assert short == answer(WHOLE, "districts", https=True, secure=True, headers=ZH)
    assert answer(ONLY, "districts", https=True, headers=ZH)[0] == CLOSED


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("", {}),
        ("search?q=a", {}),
        ("no-such-resource", {}),
        ("districts/", {}),
        ("districts/310110/", {}),
        ("articles/x/coverage", {}),
        ("figures/summary", {}),
        ("districts", {"method": "post"}),
        ("districts", {"method": "options"}),
        ("districts", {"headers": {"authorization": "Bearer x"}}),
        ("districts", {"headers": {"cookie": f"{settings.SESSION_COOKIE_NAME}=x"}}),
        ("districts", {"headers": {"accept": "text/csv"}}),
        ("districts", {"headers": {"accept": "application/ld+json"}}),
        ("districts?q=%00", {}),
        ("districts?q=%ff", {}),
        (f"districts?q={'x' * 5000}", {}),
        ("districts", {"headers": {"content-length": "2"}}),
        ("districts", {"headers": {"transfer-encoding": "chunked"}}),
    ],
)
def test_whatever_is_out_of_the_ordinary_goes_the_whole_way(db: None, address: str, options: dict[str, Any]) -> None:
    assert answer(ONLY, address, **options)[0] == CLOSED


@pytest.mark.parametrize("address", ["districts", "districts/310110", "districts?no_such=1"])
@pytest.mark.parametrize("limit", [1, 100])
def test_where_reads_are_counted_both_ways_give_the_same(db: None, address: str, limit: int) -> None:
    def counted(stack: tuple[str, ...]) -> tuple[Any, ...]:
        RequestWindow.objects.all().delete()
        for _request in range(2):
            found = answer(stack, address, headers=EN)
        for name in ("RateLimit", "Retry-After"):  # which tell the seconds
            found[1][name] = found[1].get(name, "").partition(";t=")[0] and "told"
        return found

    def check() -> None:
        with override_settings(RATE_LIMITS={**settings.RATE_LIMITS, "anonymous-reads": (limit, 86_400)}):
            short = counted(ONLY)
            assert short == counted(WHOLE)
            assert (short[0] == 429, short[1]["RateLimit"]) == (limit == 1, "told")

    eventually(check)


def test_the_tag_of_a_record_names_its_own_version_either_way(db: None) -> None:
    for stack in (ONLY, WHOLE):
        known = KNOWN.fullmatch(answer(stack, "districts/310110", headers=EN)[1]["ETag"])
        assert known
        assert known[2]


def test_a_foreign_host_is_refused_alike(db: None) -> None:
    foreign = {**ZH, "host": "elsewhere.example"}
    short = answer(ONLY, "districts", headers=foreign)
    assert short[0] == 400
    assert short[2] == answer(WHOLE, "districts", headers=foreign)[2]


def test_every_resource_has_its_route() -> None:
    assert set(plain_reads.routes()) == set(viewsets())
