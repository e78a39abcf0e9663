"""Whole lists and linked data are compressed for who takes them so, and for nobody with a session."""

import gzip
import tracemalloc
import zlib
from typing import Any

import brotli
import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import Client

from apps.common.files import exports
from apps.common.http.codings import IDENTITY, by_accept_encoding, compressed, encoded
from apps.common.reading.answer_cache import ANSWERS
from tests.conftest import Api, eventually
from tests.factories import UserFactory

DECODE = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}
FORMS = ["csv", "ndjson", "jsonld"]


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "br"),
        ("GZIP, BR", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("gzip; q=0, br; q=0", ""),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("*;q=0.3, br;q=0", "gzip"),
        ("*;q=0, gzip;q=0.1", "gzip"),
        ("identity", ""),
        ("identity;q=0.5, gzip;q=1", "gzip"),
        ("identity;q=1, gzip;q=0.5", ""),
        ("identity, gzip", "gzip"),
        ("deflate, zstd", ""),
        ("identity;q=0", ""),
        ("gzip;q=x, br;q=0.9, ;;, =", "gzip"),
        ("gzip;q=9", "gzip"),  # a weight that cannot be read says nothing, as in `Accept`
        ("gzip ; q = 0.5 , br; q=0.4", "gzip"),
        ("," * 2000, ""),
    ],
)
def test_the_coding_is_the_one_that_is_liked_best(header: str, coding: str) -> None:
    assert by_accept_encoding(header) == (coding or IDENTITY)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_the_same_in_every_coding(api: Api, form: str) -> None:
    address = f"/api/v1/alliances?format={form}"
    plain = body_of(api.client.get(address))
    for accepted, coding in (("gzip", "gzip"), ("br", "br"), ("", ""), ("identity", "")):
        for method in (api.client.get, api.client.head):
            answer = method(address, headers={"accept-encoding": accepted})
            assert answer.headers.get("Content-Encoding", "") == coding
            assert "Accept-Encoding" in answer.headers["Vary"]
            if method == api.client.get:
                body = body_of(answer)
                assert DECODE[coding](body) == plain
                assert not coding or len(body) < len(plain) / 2


def body_of(answer: Any) -> bytes:
    return bytes(answer.getvalue() if answer.streaming else answer.content)


@pytest.mark.parametrize("path", ["alliances", "alliances?format=xlsx", "alliances/wujiaochang-zhen-lianxihui"])
def test_what_is_small_or_zipped_is_sent_as_it_is(api: Api, path: str) -> None:
    answer = api.client.get(f"/api/v1/{path}", headers={"accept-encoding": "gzip, br"})
    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" not in answer.headers["Vary"]
    assert body_of(answer)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_has_a_tag_of_its_own_and_head_has_it_too(
    api: Api, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ANSWERS, "limit", 10_000_000)
    address = f"/api/v1/needs?format={form}"

    def check() -> None:
        tags = {}
        for accepted in ("gzip", "br", ""):
            headers = {"accept-encoding": accepted}
            got, told = api.client.get(address, headers=headers), api.client.head(address, headers=headers)
            assert body_of(got)
            assert body_of(told) == b""
            lost = {"Content-Length", "X-Request-ID"}
            assert {k: v for k, v in got.items() if k not in lost} == {k: v for k, v in told.items() if k not in lost}
            tags[accepted] = got.headers["ETag"]
        assert len(set(tags.values())) == 3
        for accepted, tag in tags.items():
            for given, status in ((tag, 304), (f"W/{tag}", 304), ("*", 304), (f'"x", {tag}', 304), ('"x"', 200)):
                for method in (api.client.get, api.client.head):
                    known = method(address, headers={"accept-encoding": accepted, "if-none-match": given})
                    assert known.status_code == status
                    assert known.headers["ETag"] == tag
                    assert "Accept-Encoding" in known.headers["Vary"]
            others = [tag for name, tag in tags.items() if name != accepted]
            again = api.client.get(address, headers={"accept-encoding": accepted, "if-none-match": ", ".join(others)})
            assert again.status_code == 200
            body_of(again)

    eventually(check)


def test_nothing_with_a_session_is_compressed(db: None) -> None:
    client = Client(SERVER_NAME="localhost")
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    for form in FORMS:
        answer = client.get(f"/api/v1/needs?format={form}", headers={"accept-encoding": "gzip, br"})
        assert "Content-Encoding" not in answer.headers
    forged = Client(SERVER_NAME="localhost", headers={"cookie": f"{settings.SESSION_COOKIE_NAME}=x"})
    answer = forged.get("/api/v1/needs?format=csv", headers={"accept-encoding": "gzip, br"})
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_file_that_breaks_off_says_so_in_every_coding(
    db: None, client: Client, coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        yield b"a line\n"
        raise DatabaseError

    monkeypatch.setattr(exports, "chunks", broken)
    answer = client.get("/api/v1/needs?format=ndjson", headers={"accept-encoding": coding})
    pieces: list[bytes] = []
    with pytest.raises(DatabaseError):
        pieces.extend(answer.streaming_content)
    assert DECODE[coding](b"".join(pieces)) == b"a line\n" + exports.BROKEN_OFF + b"\n"


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_memory_stays_flat_and_a_reader_may_go_away(coding: str) -> None:
    closed = []

    def lines() -> Any:
        try:
            for number in range(20_000):
                yield f"{number},名称{number % 977},{zlib.crc32(str(number).encode())}\n".encode() * 20
        finally:
            closed.append(True)

    tracemalloc.start()
    size = sum(map(len, compressed(lines(), coding)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 50_000
    assert peak < 2_000_000
    begun = compressed(lines(), coding)
    next(begun)
    begun.close()
    assert closed == [True, True]


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_body_is_encoded_as_a_whole(coding: str) -> None:
    for body in (b"", b"x", "五角场".encode() * 1000):
        assert DECODE[coding](encoded(body, coding)) == body
