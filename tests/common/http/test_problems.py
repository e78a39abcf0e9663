"""What goes wrong over HTTP: one shape for all of it, and no input of any kind that ends in a 5xx."""

from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.test import Client
from django.utils import translation
from rest_framework import exceptions

from apps.common.http import problems
from apps.common.reading import pages
from apps.docs.views import ErrorsView
from apps.registry.views import AllianceViewSet
from tests.conftest import Api, problem_of

ALLIANCE = "alliances/wujiaochang-zhen-lianxihui"

# Nothing there ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "alliances/nobody",
        "streets/999999999",
        "streets/wujiaochang-jiedao",
        "neighbourhoods/nowhere",
        "alliances/wujiaochang-zhen-lianxihui/members",
        "alliances.json",
        "Alliances",
        "aliances",
        "vocabularies/alliances.colour",
        "/api/v2/",
        "/api/v1/alliances/%ff",
        "/api/v1/alliances/%E5%8D%95%E4%BD%8D",
        "/api/v1/alliances/a%2Fb",
        "/api/v1/alliances/..%2F..%2Fetc%2Fpasswd",
        f"/api/v1/alliances/{'x' * 3000}",
        "/api/v1/alliances/'%20OR%201=1",
        "/nothing/here",
        "/%ff%fe",
    ],
)
def test_an_address_that_leads_nowhere_is_404(api: Api, path: str) -> None:
    body = api.problem(path, 404)
    assert (body["code"], body["title"]) == ("not_found", "There is nothing at this address.")
    assert body["detail"].startswith("There is no /")


def test_a_problem_says_what_was_asked_for(api: Api) -> None:
    body = api.problem("alliances/nobody?fields=name", 404)
    assert body == {
        "type": "/docs/errors#not_found",
        "title": "There is nothing at this address.",
        "status": 404,
        "detail": "There is no /api/v1/alliances/nobody.",
        "instance": "/api/v1/alliances/nobody?fields=name",
        "code": "not_found",
        "request_id": body["request_id"],
    }


@pytest.mark.parametrize("path", ["alliances/nobody", "alliances?kind=pear", "/nothing/here"])
@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("en", "en"),
        ("zh-Hans", "zh-hans"),
        ("zh-CN", "zh-hans"),
        ("de, en;q=0.5", "en"),
        ("de", "zh-hans"),
        ("", "zh-hans"),
    ],
)
def test_a_problem_is_told_in_the_readers_language(api: Api, path: str, asked: str, language: str) -> None:
    response = api.client.get(f"/api/v1/{path}".replace("/api/v1//", "/"), headers={"accept-language": asked})
    body = problem_of(response)
    with translation.override(language):
        assert body["title"] == str(problems.PROBLEMS[body["code"]][1])
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]


# Methods and formats ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
@pytest.mark.parametrize("path", ["", "alliances", ALLIANCE, "vocabularies", "vocabularies/alliances.kind"])
def test_a_method_that_is_not_allowed_is_405_with_those_that_are(api: Api, method: str, path: str) -> None:
    allowed = {"alliances": "GET, POST, HEAD, OPTIONS", ALLIANCE: "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"}
    allow = allowed.get(path, "GET, HEAD, OPTIONS")
    response = getattr(api.client, method)(f"/api/v1/{path}")
    if method.upper() in allow:
        assert response.status_code in (401, 403)
        return
    assert response.status_code == 405
    assert response.headers["Allow"] == allow
    body = problem_of(response)
    assert (body["code"], body["detail"]) == ("method_not_allowed", f'Method "{method.upper()}" not allowed.')


def test_a_method_that_nobody_knows_is_405(api: Api) -> None:
    response = api.client.generic("BREW", "/api/v1/alliances")
    assert response.status_code == 405
    assert problem_of(response)["code"] == "method_not_allowed"


@pytest.mark.django_db
def test_a_change_needs_no_csrf_token_to_be_refused_as_what_it_is() -> None:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", headers={"accept-language": "en"})
    response = client.post("/api/v1/vocabularies", data="{", content_type="text/csv")
    assert response.status_code == 405
    assert problem_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["", "alliances", ALLIANCE, "vocabularies"])
def test_head_is_get_without_its_body(api: Api, path: str) -> None:
    head, get = api.client.head(f"/api/v1/{path}"), api.client.get(f"/api/v1/{path}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("path", ["", "alliances", ALLIANCE])
@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "text/plain, application/xml;q=0.9", "image/*", "nonsense"]
)
def test_a_format_that_cannot_be_given_is_406(api: Api, path: str, accept: str) -> None:
    response = api.client.get(f"/api/v1/{path}", headers={"accept": accept})
    assert response.status_code == 406
    body = problem_of(response)
    assert body["code"] == "not_acceptable"
    assert body["detail"].startswith("Ask for application/json")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/*",
        "application/json",
        "text/html, */*;q=0.1",
        "application/json; q=0.5",
        ";;;, */*",
        "é, */*",
    ],
)
def test_a_format_that_can_be_given_is(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/alliances", headers={"accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


# Hostile addresses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/v1/alliances?q=%00", "The address holds a NUL character."),
        ("/api/v1/alliances?%00=1", "The address holds a NUL character."),
        ("/api/v1/alliances/%00", "The address holds a NUL character."),
        ("/%00", "The address holds a NUL character."),
        ("/api/v1/alliances?q=%ff", "The address is not valid UTF-8."),
        ("/api/v1/alliances?q=%ED%A0%80", "The address is not valid UTF-8."),
        ("/api/v1/alliances?q=%E4%BA", "The address is not valid UTF-8."),
        ("/api/v1/alliances?%C0%80=1", "The address is not valid UTF-8."),
        ("/api/v1/alliances?q=" + "x" * 5000, "The query is longer than 4096 bytes."),
        ("/docs/errors?q=" + "x" * 5000, "The query is longer than 4096 bytes."),
    ],
)
def test_an_address_that_nobody_can_use_is_400(api: Api, path: str, detail: str) -> None:
    body = api.problem(path)
    assert (body["code"], body["detail"]) == ("bad_request", detail)


@pytest.mark.parametrize(
    "value",
    [
        "9" * 400,
        "-1",
        "0",
        "1e999",
        "NaN",
        "١",
        "null",
        "[]",
        "{}",
        "true",
        "'; DROP TABLE registry_alliance; --",
        "%",
        "\\",
        "(((",
        "a" * 3900,
        "\u202e\u200b",
        "😀" * 100,
        "../../etc/passwd",
        ",",
        " ",
        "-",
        ".",
        "..",
        "x,y,z",
        "\n",
        "\t",
    ],
)
def test_no_value_of_any_parameter_ends_in_a_fault_of_the_server(api: Api, value: str) -> None:
    names = {"q", "sort", "cursor", "page_size", "count", "fields", "expand", "labels", "as_of", "format"}
    names |= set(AllianceViewSet.filterset_class.base_filters)
    answers = {name: api.client.get(f"/api/v1/alliances?{name}={quote(value)}").status_code for name in names}
    assert {name: status for name, status in answers.items() if status not in (200, 400)} == {}
    for name in ("fields", "expand", "labels", "as_of", "format", "q"):
        assert api.client.get(f"/api/v1/{ALLIANCE}?{name}={quote(value)}").status_code in (200, 400)
    assert api.client.get(f"/api/v1/alliances/{quote(value, safe='')}").status_code == 404


@pytest.mark.parametrize("query", ["&" * 2000, "a&" * 1500, "a=1;b=2", "=", "==", "&=&", "?", "%", "%zz", "+", "q"])
def test_no_query_ends_in_a_fault_of_the_server(api: Api, query: str) -> None:
    for path in ("", "alliances", ALLIANCE, "vocabularies"):
        response = api.client.get(f"/api/v1/{path}?{query}")
        assert response.status_code in (200, 400)
        if response.status_code == 400:
            problem_of(response)


def test_a_host_that_is_not_ours_is_400(api: Api) -> None:
    response = api.client.get("/docs/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert problem_of(response)["code"] == "bad_request"


# Faults -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def failing(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that asks for a list whose rows cannot be had, for a reason."""

    def ask(error: Exception) -> Any:
        def fail(_question: object) -> Any:
            raise error

        monkeypatch.setattr(pages, "page", fail)
        api.client.raise_request_exception = False
        return api.client.get("/api/v1/alliances")

    return ask


@pytest.mark.parametrize("error", [OperationalError("connection refused"), InterfaceError("connection already closed")])
def test_a_database_that_is_away_is_503_and_worth_another_try(
    failing: Any, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = failing(error)
    body = problem_of(response)
    assert (response.status_code, body["code"], response.headers["Retry-After"]) == (503, "unavailable", "3")
    assert body["detail"] == "The service is not available at the moment."
    check_outage_is_one_line(caplog, error, body["request_id"])


def check_outage_is_one_line(caplog: pytest.LogCaptureFixture, error: Exception, request_id: str) -> None:
    """Check that the log tells the cause of an answer, and no more."""
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"the database does not answer: {' '.join(str(error).split())} (request {request_id})"
    assert not record.exc_info


def test_a_database_that_is_away_is_503_outside_the_api_too(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    error = OperationalError("connection refused\n\tIs the server running?")

    def fail(*_arguments: object) -> Any:
        raise error

    monkeypatch.setattr(ErrorsView, "get", fail)
    api.client.raise_request_exception = False
    response = api.client.get("/docs/errors")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")
    assert problem_of(response)["code"] == "unavailable"
    check_outage_is_one_line(caplog, error, response.headers["X-Request-ID"])


def test_a_fault_is_500_and_tells_nothing_of_its_cause(failing: Any, caplog: pytest.LogCaptureFixture) -> None:
    response = failing(RuntimeError("the password is secret"))
    body = problem_of(response)
    assert (response.status_code, body["code"]) == (500, "internal_error")
    assert "secret" not in response.content.decode()
    assert "the password is secret" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DataError("out of range"), 400, "bad_request"),
        (SuspiciousOperation("TooManyFields"), 400, "bad_request"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), 400, "bad_request"),
        (OverflowError("too large"), 400, "bad_request"),
        (RequestDataTooBig("too big"), 413, "too_large"),
        (PermissionDenied("not you"), 403, "permission_denied"),
        (exceptions.PermissionDenied("not you"), 403, "permission_denied"),
        (exceptions.ParseError("not JSON"), 400, "bad_request"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported_media_type"),
        (exceptions.ValidationError({"name": ["too long"]}), 400, "bad_request"),
    ],
)
def test_errors_become_problems(failing: Any, error: Exception, status: int, code: str) -> None:
    response = failing(error)
    assert (response.status_code, problem_of(response)["code"]) == (status, code)


def test_a_reader_who_asks_too_often_is_told_how_long_to_wait(failing: Any) -> None:
    response = failing(exceptions.Throttled(wait=17))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "17")
    assert problem_of(response)["code"] == "too_many_requests"


def test_errors_of_a_body_point_at_their_places(failing: Any) -> None:
    response = failing(
        exceptions.ValidationError(
            {"name": ["too long"], "members": [{"unit": ["unknown"]}], "non_field_errors": ["no"]}
        )
    )
    assert problem_of(response)["errors"] == [
        {"pointer": "/name", "code": "invalid", "detail": "too long"},
        {"pointer": "/members/0/unit", "code": "invalid", "detail": "unknown"},
        {"pointer": "", "code": "invalid", "detail": "no"},
    ]


# Words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("nmae", ["name", "slug"], " Did you mean “name”?"),
        ("zzz", ["name", "slug"], " Known are: name, slug."),
        ("zzz", [f"name{number}" for number in range(31)], ""),
        ("zzz", [], ""),
        ("", ["name"], " Known are: name."),
    ],
)
def test_the_nearest_known_word_is_named(word: str, known: list[str], hint: str) -> None:
    assert problems.nearest(word, known) == hint
