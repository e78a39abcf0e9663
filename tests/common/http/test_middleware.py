"""What every answer carries, whoever gives it."""

import re
import uuid

import pytest

from tests.conftest import Api

EVERYWHERE = [
    "/api/v1/",
    "/api/v1/alliances",
    "/api/v1/alliances/nobody",
    "/nothing",
    "/docs/",
    "/docs/reference/claims",
    "/docs/guide/querying",
    "/docs/errors",
    "/admin/login/",
]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_an_id_is_made_for_a_request_without_one(api: Api, path: str) -> None:
    first, second = (api.ask(path).headers["X-Request-ID"] for _ in range(2))
    assert uuid.UUID(first) != uuid.UUID(second)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_the_id_of_a_request_is_taken(api: Api, path: str) -> None:
    response = api.client.get(path, headers={"x-request-id": "client-id-0001"})
    assert response.headers["X-Request-ID"] == "client-id-0001"


@pytest.mark.parametrize(
    "given", ["", "short", "with space", "a" * 65, "semi;colon", "under_score", "中文中文中文中文", "<script>xx"]
)
def test_an_id_that_could_do_harm_is_replaced(api: Api, given: str) -> None:
    response = api.client.get("/api/v1/", headers={"x-request-id": given})
    assert response.headers["X-Request-ID"] != given
    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["X-Request-ID"])


def test_a_refused_address_has_an_id_too(api: Api) -> None:
    response = api.client.get("/api/v1/alliances?q=%00", headers={"x-request-id": "client-id-0001"})
    assert (response.status_code, response.json()["request_id"]) == (400, "client-id-0001")


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_is_guarded(api: Api, path: str) -> None:
    headers = api.ask(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe-eval" not in headers["Content-Security-Policy"]


def test_no_page_may_make_its_own_styles_or_scripts(api: Api) -> None:
    for path in EVERYWHERE:
        assert "unsafe-inline" not in api.ask(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("zh-Hans", "zh-hans"),
        ("zh-CN", "zh-hans"),
        ("fr", "zh-hans"),
        ("*, en;q=0.5", "zh-hans"),
        # A quality of 0 refuses (case 33 of public-reports.md).
        ("en;q=0", "zh-hans"),
        ("en;q=0.000, fr", "zh-hans"),
        ("zh;q=0", "en"),
        ("zh-CN;q=0, *", "en"),
        ("*;q=0", "zh-hans"),
        ("en;q=0, zh;q=0", "zh-hans"),
        ("en-GB;q=0, en;q=0.1", "en"),
        ("en;q=0.5, *;q=0", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_else_chinese(api: Api, asked: str, given: str) -> None:
    response = api.client.get("/api/v1/alliances", headers={"accept-language": asked})
    assert response.headers["Content-Language"] == given
    assert "Accept-Language" in response.headers["Vary"]


def test_a_query_may_be_long_but_not_endless(api: Api) -> None:
    assert api.client.get("/docs/errors?q=" + "x" * 4094).status_code == 200
    assert api.client.get("/docs/errors?q=" + "x" * 4095).status_code == 400
