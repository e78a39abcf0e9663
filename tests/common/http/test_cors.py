"""What web pages of other origins may ask, and what they are told."""

import io
import json
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from apps.common.http.cors import OPEN, READING_HEADERS, WRITING_HEADERS
from apps.common.reading.answer_cache import ANSWERS
from apps.common.reading.places import PLACES
from apps.common.resources.gate import Gate
from partybuild.environment import read_origins
from tests.conftest import Api, eventually

ELSEWHERE = "http://127.0.0.1:3333"
ODD = ["null", "", "http://[", "*", "a b", "\u00e9", "http://" + "x" * 4000, "javascript:alert(1)", ELSEWHERE + "/"]


def is_open(response: Any) -> bool:
    return all(response.headers.get(name) == value for name, value in OPEN.items())


@pytest.fixture
def page(db: None) -> Client:
    """A page of another origin."""
    return Client(SERVER_NAME="localhost", headers={"origin": ELSEWHERE})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1", 200),
        ("/api/v1/", 200),
        ("/api/v1/alliances", 200),
        ("/api/v1/alliances?format=csv", 200),
        ("/api/v1/alliances?format=jsonld", 200),
        ("/api/v1/alliances/wujiaochang-zhen-lianxihui", 200),
        ("/api/v1/alliances/wujiaochang-zhen-lianxihui/history", 200),
        ("/api/v1/search?q=a", 200),
        ("/api/v1/openapi.json", 200),
        ("/reconcile", 200),
        ("/reconcile/preview?id=streets/310110101", 200),
        ("/static/partybuild/context-v1.jsonld", 200),
        ("/api/v1/alliances/", 308),
        ("/api/v1/alliances?nothing=1", 400),
        ("/api/v1/alliances?q=%00", 400),
        ("/api/v1/webhooks", 401),
        ("/api/v1/alliances/nobody", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/alliances/nobody?format=csv", 406),
    ],
)
def test_every_answer_is_open_to_every_page(page: Client, path: str, status: int) -> None:
    for method in (page.get, page.head):
        response = method(path)
        assert (response.status_code, is_open(response)) == (status, True)
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert "origin" not in response.headers.get("Vary", "").lower()
        assert response.getvalue() or method == page.head or status == 308
    # Without an origin the answer is the same, so that a cache may give it to everybody.
    plain = Client(SERVER_NAME="localhost").get(path)
    assert is_open(plain)
    plain.getvalue()


@pytest.mark.parametrize("path", ["/docs/", "/docs/errors", "/network", "/admin/login/", "/", "/nothing"])
def test_pages_for_people_are_not_read_by_others(page: Client, path: str) -> None:
    assert "Access-Control-Allow-Origin" not in page.get(path).headers


def test_what_is_known_or_kept_is_open(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ANSWERS, "limit", 10_000_000)

    def check() -> None:
        first = page.get("/api/v1/alliances")
        kept = page.get("/api/v1/alliances")
        known = page.get("/api/v1/alliances", headers={"if-none-match": first.headers["ETag"]})
        assert [each.status_code for each in (first, kept, known)] == [200, 200, 304]
        assert is_open(first)
        assert is_open(kept)
        assert is_open(known)

    eventually(check)


def test_refusals_of_any_part_are_open(page: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": (1, 60)}
    answers = [page.get("/api/v1/alliances") for _again in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert all(map(is_open, answers))
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": None}
    monkeypatch.setattr(PLACES, "own", 0)
    refused = page.get("/api/v1/search?q=a")
    assert (refused.status_code, is_open(refused)) == (503, True)
    assert is_open(page.get("/reconcile/suggest/entity?prefix=a"))
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/v1/search",
        "QUERY_STRING": "q=a",
        "wsgi.input": io.BytesIO(),
    }
    told: list[Any] = []
    Gate(lambda _environ, _start: [])(environ, lambda status, headers: told.append((status, dict(headers))))
    ((status, headers),) = told
    assert status.startswith("503")
    assert OPEN.items() <= headers.items()


def test_a_large_body_and_a_fault_of_ours_are_open(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    large = page.post("/api/v1/alliances", b"x" * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), "application/json")
    assert (large.status_code, is_open(large)) == (413, True)
    page.raise_request_exception = False
    monkeypatch.setattr("apps.explore.search.views.run", None)
    fault = page.get("/api/v1/search?q=a")
    assert (fault.status_code, is_open(fault)) == (500, True)


# What browsers ask before ---------------------------------------------------------------------------------------------


def preflight(path: str, method: str, headers: str = "", origin: str = ELSEWHERE) -> Any:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
    return Client(SERVER_NAME="localhost").options(path, headers=asked)


def names(response: Any, header: str) -> set[str]:
    return set(response.headers[f"Access-Control-Allow-{header}"].split(", "))


@pytest.mark.parametrize("path", ["/api/v1/alliances", "/api/v1/nothing", "/api/v1/alliances/", "/api/v1/x?q=%00"])
def test_a_browser_is_told_that_it_may_read(path: str) -> None:
    """Without a look at the database, which this test may not use."""
    response = preflight(path, "GET", "if-none-match")
    assert (response.status_code, response.content, is_open(response)) == (200, b"", True)
    assert names(response, "Methods") == {"GET", "HEAD", "OPTIONS"}
    assert names(response, "Headers") == set(READING_HEADERS)
    assert "Authorization" not in names(response, "Headers")
    assert response.headers["Access-Control-Max-Age"] == "86400"
    assert "Vary" not in response.headers


def test_reconciliation_may_be_asked_by_post() -> None:
    assert "POST" in names(preflight("/reconcile", "POST"), "Methods")
    assert "POST" not in names(preflight("/reconcile/suggest/entity", "POST"), "Methods")


def test_only_pages_of_named_origins_may_write(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://map.example.cn"]
    trusted = preflight("/api/v1/alliances", "PATCH", "authorization", "https://map.example.cn")
    assert {"PATCH", "PUT", "DELETE", "POST"} <= names(trusted, "Methods")
    assert names(trusted, "Headers") == set(WRITING_HEADERS)
    for origin in (*ODD, "https://map.example.cn.evil.example", "http://map.example.cn", "https://MAP.example.cn:443"):
        other = preflight("/api/v1/alliances", "PATCH", "authorization", origin)
        assert names(other, "Methods") == {"GET", "HEAD", "OPTIONS"}
        assert "Authorization" not in names(other, "Headers")
        # A browser keeps what it is told for each origin; so does whoever stands between.
        assert (other.headers["Vary"], trusted.headers["Vary"]) == ("Origin", "Origin")


@pytest.mark.parametrize("origin", ODD)
def test_no_origin_ends_in_a_fault(api: Api, origin: str) -> None:
    for method in ("get", "head", "options"):
        for asked in ({}, {"access-control-request-method": "GET"}, {"access-control-request-method": "\x00é,"}):
            response = getattr(api.client, method)("/api/v1/alliances", headers={"origin": origin, **asked})
            assert (response.status_code, is_open(response)) == (200, True)
            assert origin not in response.headers.get("Access-Control-Allow-Origin", "") or origin in ("", "*")


@pytest.mark.parametrize(
    "given", ["*", "null", "map.example.cn", "https://map.example.cn/", "https://a.b/c", "http://[", "https://A.b"]
)
def test_an_origin_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f"https://good.example:8443, {given}")
    with pytest.raises(ImproperlyConfigured, match="CORS_ORIGINS is not valid"):
        read_origins("CORS_ORIGINS")
    monkeypatch.setenv("CORS_ORIGINS", "https://good.example:8443, http://localhost:3000")
    assert read_origins("CORS_ORIGINS") == ["https://good.example:8443", "http://localhost:3000"]


def test_what_is_exposed_is_what_answers_have(api: Api) -> None:
    """Of the headers that clients are told to read, none is hidden from scripts."""
    exposed = set(OPEN["Access-Control-Expose-Headers"].split(", "))
    page = api.ask("alliances?page_size=1")
    told = {"ETag", "Link", "Content-Language", "X-Request-ID"}
    assert told <= set(page.headers) & exposed
    assert {"Retry-After", "RateLimit", "RateLimit-Policy", "Location", "X-Change-ID", "Content-Disposition"} <= exposed
    assert json.loads(page.content)["results"]
