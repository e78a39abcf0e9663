"""What a body may be: a table of JSON that other readers would take, each by itself or each in its own way."""

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.test import Client
from rest_framework.exceptions import UnsupportedMediaType

from apps.common.http.json_body import MAX_DEPTH, MAX_ERRORS, StrictJSONParser, parse_json
from apps.common.http.problems import BodyError
from tests.conftest import problem_of
from tests.factories import UserFactory


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + b"1" * (opening != b"[") + closing * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"name": "\xe4\xba\x94\xe8\xa7\x92\xe5\x9c\xba"}', {"name": "五角场"}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1.5", 1.5),
        (b"1e308", 1e308),
        (b' \n{"a":[{"a":null},{"a":true}]}\t', {"a": [{"a": None}, {"a": True}]}),
        (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
        (b'{"":""}', {"": ""}),
    ],
)
def test_json_is_read(body: bytes, value: Any):
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b"", [("", "not_json")]),
        (b"{", [("", "not_json")]),
        (b"{'a': 1}", [("", "not_json")]),
        (b'{"a": 1,}', [("", "not_json")]),
        (b'{"a": 1} {}', [("", "not_json")]),
        (b'{"a": NaN, "b": [-Infinity]}', [("/a", "not_json"), ("/b/0", "not_json")]),
        (b'\xef\xbb\xbf{"a": 1}', [("", "not_json")]),
        ('{"a": 1}'.encode("utf-16"), [("", "not_utf8")]),
        ('{"a": "五"}'.encode("gb18030"), [("", "not_utf8")]),
        (b'"\xed\xa0\x80"', [("", "not_utf8")]),
        (b'"\x01"', [("", "not_json")]),
        (b'{"a": 1, "a": 2}', [("/a", "doubled")]),
        (b'{"items": [{}, {"k/~": 1, "k/~": 1}]}', [("/items/1/k~1~0", "doubled")]),
        (b'{"a": "x\\u0000y"}', [("/a", "invalid_text")]),
        (b'{"a": ["\\ud800"]}', [("/a/0", "invalid_text")]),
        (b'{"x\\u0000": 1}', [("/x�", "invalid_text")]),
        (b'{"\\udfff": 1, "\\udfff": 1}', [("/?", "doubled"), ("/?", "invalid_text")]),
        (b'{"a": 9223372036854775808}', [("/a", "out_of_range")]),
        (b'{"a": ' + b"9" * 5000 + b"}", [("/a", "out_of_range")]),
        (b'{"a": 1e400, "b": -1e400}', [("/a", "out_of_range"), ("/b", "out_of_range")]),
        (b'{"a": 0.' + b"3" * 100_000 + b"}", [("/a", "out_of_range")]),
        (nested(MAX_DEPTH + 1), [("/0" * MAX_DEPTH, "too_deep")]),
        (nested(100_000), [("", "too_deep")]),
        (nested(100_000, b'{"a":', b"}"), [("", "too_deep")]),
        (nested(900, b'{"a":', b"}"), [("/a" * MAX_DEPTH, "too_deep")]),
    ],
)
def test_what_readers_would_take_differently_is_refused_with_its_place(body: bytes, errors: list[tuple[str, str]]):
    with pytest.raises(BodyError) as refused:
        parse_json(body)

    assert [(error["pointer"], error["code"]) for error in refused.value.errors] == errors
    assert refused.value.status_code == 400
    json.dumps(refused.value.errors, ensure_ascii=False).encode()  # the answer can be written


def test_errors_are_told_in_reading_order_and_not_without_end():
    with pytest.raises(BodyError) as refused:
        parse_json(json.dumps({"items": [{"a": "\0"}] * 100}).encode())

    assert [error["pointer"] for error in refused.value.errors] == [f"/items/{n}/a" for n in range(MAX_ERRORS)]


@pytest.mark.parametrize(
    ("media_type", "is_read"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('application/json; charset="UTF8"', True),
        ("application/json; charset=gbk", False),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=\0", False),
        ("application/json; charset=nonsense", False),
    ],
)
def test_json_is_utf8_and_nothing_else(media_type: str, is_read: bool):
    if is_read:
        assert StrictJSONParser().parse(BytesIO(b"{}"), media_type) == {}
    else:
        with pytest.raises(UnsupportedMediaType):
            StrictJSONParser().parse(BytesIO(b"{}"), media_type)


def test_a_body_is_read_no_further_than_its_limit(settings: Any):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert StrictJSONParser().parse(BytesIO(b'"12345678"')) == "12345678"
    stream = BytesIO(b'"' + b"1" * 1000)
    with pytest.raises(RequestDataTooBig):
        StrictJSONParser().parse(stream)
    assert stream.tell() == 11


# Over HTTP ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def curator(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"start": 1, "start": 2}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"a": "\\ud800"}', {}, 400),
        (b"\x1f\x8b", {"content_encoding": "gzip"}, 415),
        (b"<a/>", {"content_type": "application/xml"}, 415),
        (b"start=1", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"content_type": "application/json; charset=utf-16"}, 415),
        (b"{}", {"content_type": ""}, 415),
        (b'"' + b"x" * 3_000_000 + b'"', {}, 413),
        (b"", {"content_length": "", "transfer_encoding": "chunked"}, 411),
        (b"{}", {"content_length": "two"}, 400),
        (b"{}", {"content_length": "-1"}, 400),
        (b"{}", {"content_length": "²"}, 400),
        (b"{}", {"content_length": "9" * 30}, 413),
    ],
)
def test_a_bad_body_is_a_problem(curator: Client, body: bytes, headers: dict[str, str], status: int):
    # As the WSGI server gives them: all but two as HTTP_….
    given = {f"HTTP_{name.upper()}" if "transfer" in name or "encoding" in name else name.upper(): value
             for name, value in headers.items() if name != "content_type"}  # fmt: skip
    content_type = headers.get("content_type", "application/json")
    answer = curator.generic("POST", "/api/v1/citations", body, content_type=content_type, **given)

    assert answer.status_code == status, answer.content
    assert problem_of(answer)["errors" if status == 400 and "content_length" not in headers else "detail"]


@pytest.mark.django_db
def test_a_body_that_goes_nowhere_is_left_alone(client: Client):
    assert client.generic("GET", "/api/v1/", b"", HTTP_CONTENT_ENCODING="gzip").status_code == 200
