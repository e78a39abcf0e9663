"""Inputs that were made to break a service: each is a change to a request that would otherwise be in order.

The list grew from `../shared/research/ecosystem.md` (B2): what plain Django REST framework answers with 500.
"""

# ruff: noqa: E501 (inputs are easier to compare in one line each)

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Keys, as they stand in an address (percent-encoded where they have to be).
KEYS = [
    "%00", "a%00b", "%ff", "%ED%A0%80", "%C0%AF", "%F4%90%80%80", "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%2F",
    "a%2Fb", "-1", "0", "1.json", "99999999999999999999999999", "1e400", "%F0%9D%9F%99", "%EF%BC%91", "%20", "%0A",
    "a%0D%0AX-Evil:1", "%27", "%22", "';DROP+TABLE+x--", "%25", "%", "{key}", "null", "undefined", "NaN", "x" * 3000, "%E4%BA%94" * 300,
    "%E2%80%AE", "%EF%BB%BFa", "bulk", "import", "history", "merge", "*",
]  # fmt: skip

# Values of any parameter, percent-encoded.
VALUES = [
    "", "%00", "a%00", "%ff", "%ED%A0%80", "%F0%9F%92%A9", "%", "%25", "%zz", "1e400", "-1e400", "NaN", "Infinity", "-1", "0", "1.5",
    "99999999999999999999999999", "%F0%9D%9F%99", "%EF%BC%91", "true", "TRUE", "yes", "null", "[]", "{}", "a,b", ",", ",,,,", "a,,b",
    "*", "_", "%5C", "%27", "%27%27", "%27+OR+1%3D1--", "%22", "%3Cscript%3E", "$1", "$$", "{0}", "%25s", "%25(a)s", ":a", "\\x00",
    "2013-06-27", "2013-06", "2013", "0000-01-01", "9999-12-31", "10000-01-01", "2013-02-30", "2013-06-27T00:00:00+21:52",
    "2013-06-27T00:00:00%2B99:99", "2013-06-27T24:00:60Z", "-2013-01-01", "2013-06-27/2014", "1" * 400, "%E4%BA%94" * 200, "a," * 300,
    "(a%2B)%2B%24" + "a" * 40, "..", "%0A", "%09", "%20", "%EF%BB%BF", "%E2%80%AE", "districts/310110", "districts/", "/", "a/b/c", "-", "--", "-name,-name",
]  # fmt: skip

# Parameters that every read may be sent, whether it knows them or not.
PARAMETERS = [
    "q", "sort", "fields", "expand", "labels", "as_of", "known_at", "format", "page_size", "cursor", "count", "facets", "updated_after", "nonesuch", "__proto__",
    "id", "pk", "state", "slug__regex",
]  # fmt: skip

QUERIES = [
    "?", "&", "=", "?&&&==", "a=1&a=2", "page_size=1&page_size=2", "q", "q=1&q=2", "%00=1", "%ff=1", "a" * 3000 + "=1", "q=" + "x" * 4200,
    "q=" + "x" * 20_000, "&".join(f"a{n}=1" for n in range(500)), "page_size=100000000", "page_size=0", "sort=password", "sort=%00",
    "fields=" + ",".join(["name"] * 200), "cursor=" + "A" * 3000, "cursor=.eJw", "cursor=:::", "cursor=eyJhIjoxfQ:1:1", "format=xml", "format=../x",
    "q=" + "%25" * 500, "q=" + "%E4%BA%94%E8%A7%92%E5%9C%BA+" * 60, "[]=1", "a[]=1", "a[b]=1", "q%5B%5D=1", ";a=1", "q=a;b=c", "#",
]  # fmt: skip

HEADERS: list[dict[str, str]] = [
    {"Accept": value}
    for value in (
        "", "*", "/", "*/json", "text/html", "application/xml", "application/json;q=0", "application/json;q=abc", "a/b;" * 500, ",,,,", "application/json" + ",a/b" * 800,
        "text/csv", "application/ld+json;profile=\"x\"", "*/*;q=-1", "\xff\xfe", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;q=1;q=0",
    )
] + [
    {"Accept-Language": value}
    for value in ("", "*", "xx", "zh-Hans-" + "a" * 5000, "en;q=abc", "zh;q=1e400", ",,,", "\xff", "en-" * 900, "../../etc", "a" * 500)
] + [
    {"Authorization": value}
    for value in (
        "", "Bearer", "Bearer ", "Bearer x", "Bearer pb_1.x", "Bearer pb_.", "Bearer pb_99999999999999999999999.x", "Bearer pb_1.", "Bearer " + "a" * 6000,
        "Bearer pb_\xff.\xfe", "Basic YTpi", "Basic !!!", "Digest x", "Token abc", "bearer PB_1.X", "Bearer pb_1.x y", "Bearer pb_-1.x", "Bearer pb_1e9.x", "\xff",
    )
] + [
    {"If-None-Match": value} for value in ("", "*", "x", '"', '"x', 'W/"x"', '"' + "a" * 5000 + '"', '"a", "b",' * 300, "\xff", '"x.y"', '"."')
] + [
    {"If-Match": value} for value in ("", "*", "x", '"', 'W/"x"', '"x"', '"x.y"', '"' + "a" * 5000 + '"', "\xff", '"x.1e9"', '"x.-1"')
] + [
    {"Cookie": value} for value in ("", "sessionid=x", "sessionid=" + "a" * 3000, "sessionid=\xff", "csrftoken=x; sessionid=", "a" * 4000, ";;;===", "messages=x; sessionid=x", "django_language=../x")
] + [
    {"X-Request-ID": value} for value in ("", "a", "x" * 5000, "\xff\xff\xff\xff\xff\xff\xff\xff", "<script>1</script>", "12345678\t")
] + [
    {"Host": value} for value in ("", "evil.example", "127.0.0.1:99999", "[::1", "a b", "\xff", "localhost:8000:1", "x" * 300)
] + [
    {"X-Forwarded-For": "x" * 3000}, {"X-Forwarded-For": "1.2.3.4, \xff"}, {"X-Forwarded-Proto": "https"}, {"X-HTTP-Method-Override": "DELETE"},
    {"Range": "bytes=0-1"}, {"Expect": "100-continue"}, {"Content-Length": "0"}, {"Content-Type": "application/json"},
    {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 300}, {"Idempotency-Key": "\xff"}, {"Prefer": "return=minimal"}, {"Upgrade": "websocket"},
    {"If-Modified-Since": "x"}, {"If-Unmodified-Since": "9" * 100}, {"Origin": "null"}, {"Referer": "\xff"},
]  # fmt: skip

METHODS = ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO", "PROPFIND", "get", "G" * 60]

JSON = "application/json"


@dataclass(frozen=True)
class Body:
    """A body as it is sent."""

    content: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": JSON})


def deep(opening: str, closing: str, levels: int) -> bytes:
    """Return JSON that is nested so deep."""
    return (opening * levels + "1" + closing * levels).encode()


def odd_bodies() -> Iterator[Body]:
    """Yield bodies that are wrong as a whole."""
    good = b'{"change_reason": "x", "name": "x"}'
    yield from (Body(text) for text in (
        b"", b" ", b"{", b"}", b"[]", b"[1]", b"null", b"true", b"1", b'"x"', b"{}", b"{]", b"nul", b"{'a':1}", b'{"a":1,}', b'{"a" 1}', b'{"a":01}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}', b'{"a":' + b"9" * 5000 + b"}", b'{"a":"\\ud800"}', b'{"\\ud800":1}',
        b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":"\x00"}', b'{"a":"\xff"}', b"\xef\xbb\xbf" + good, good.decode().encode("utf-16"), good.decode().encode("utf-32"),
        b'{"a":1,"a":2}', b'{"name":"x","name":"y"}', b'{"a":{"b":1,"b":2}}', b'{"a":"\t"}', b"<a/>", b"a=1&b=2", b"\x00", b"\x1f\x8b\x08",
        deep("[", "]", 100_000), deep('{"a":', "}", 100_000), deep("[", "]", 33), deep('{"a":', "}", 900), b'{"a":"' + b"x" * 1_000_000 + b'"}', b'{"__proto__":{}}',
        b'{"id":1,"is_superuser":true}', b'{"url":"x"}', b'{"state":"x"}', b'{"change_reason":null}', b'{"change_reason":""}', b'{"change_reason":" "}',
        b'{"change_reason":' + json.dumps("x" * 2000).encode() + b"}", b'{"change_reason":{}}', b'{"items":[]}', b'{"items":null}', b'{"items":{}}', b'{"items":[1,null,[]]}',
        b'{"change_reason":"x","items":[{}]}', b'{"change_reason":"x","items":[{},{}]}', b'{"change_reason":"x","items":' + json.dumps([{}] * 501).encode() + b"}",
        b'{"citations":[]}', b'{"citations":null}', b'{"citations":[{}]}', b'{"citations":[{"article":"x","start":-1,"end":1e400}]}', b"[" + b"0," * 200_000 + b"0]",
        b'{"' + b"a" * 100_000 + b'":1}', json.dumps({f"a{n}": n for n in range(5000)}).encode(),
    ))  # fmt: skip
    yield Body(good, {"Content-Type": "text/plain"})
    yield Body(good, {"Content-Type": "application/xml"})
    yield Body(good, {"Content-Type": ""})
    yield Body(good, {"Content-Type": "\xff"})
    yield Body(good, {"Content-Type": "application/json; charset=utf-16"})
    yield Body(good, {"Content-Type": "application/json; charset=none"})
    yield Body(good, {"Content-Type": "application/json;" * 300})
    yield Body(b"name=x", {"Content-Type": "application/x-www-form-urlencoded"})
    yield Body(b"--b\r\n\r\nx\r\n--b--", {"Content-Type": "multipart/form-data; boundary=b"})
    yield Body(b"x", {"Content-Type": "multipart/form-data"})
    yield Body(gzip.compress(good), {"Content-Type": JSON, "Content-Encoding": "gzip"})
    yield Body(good, {"Content-Type": JSON, "Content-Encoding": "br"})
    yield Body(good, {"Content-Type": JSON, "Content-Encoding": "identity"})
    yield Body(b'{"a":"' + b"x" * 3_000_000 + b'"}')
    yield Body(b"name,kind\n", {"Content-Type": "text/csv"})
    yield Body(b"\xff\xfe\x00", {"Content-Type": "text/csv"})
    yield Body(b'"a\n', {"Content-Type": "text/csv"})
    yield Body(b"name\n=1+1\n", {"Content-Type": "text/csv"})
    yield Body(b"name,name\nx,y\n", {"Content-Type": "text/csv"})
    yield Body(b"a\x00b\n1\n", {"Content-Type": "text/csv"})
    yield Body(b"PK\x03\x04x", {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})


# What a member of a body may be set to.
MEMBERS: list[Any] = [
    None, True, False, 0, 1, -1, 1.5, 10**30, -(10**30), 2**31, 2**63, "", " ", "x", "\u0000", "a\u0000b", "\ud800", "\u202e", "x" * 100_000, "五" * 3000,
    "1e400", "NaN", "2013-02-30", "2013-06-27T00:00:00+21:52", "9999999-01-01", "../..", "<script>", "'; --", "{0}%s%(a)s", [], [None], [[]], [1] * 2000, {}, {"a": 1},
    {"key": None}, {"key": []}, {"key": "x", "name": 1}, ["x", "x"], "projects/", "projects/x", "nonesuch/x", [{"key": "x"}], "\U0010ffff", "\ufffe", "\t", "\n", "𝟙",
]  # fmt: skip
RAW_MEMBERS = ["1e400", "NaN", "9" * 5000, "-0", "1E5", '"\\ud800"', '"\\udc00\\ud800"', "0.1e-400"]


def odd_members(names: list[str], base: dict[str, Any]) -> Iterator[Body]:
    """Yield bodies in which one member after the other is set to something odd."""
    for number, name in enumerate(names):
        # Each member meets a share of the values in each run over the list, all of them with the next member's.
        for value in MEMBERS[number % 2 :: 2]:
            yield Body(json.dumps({**base, name: value}).encode())
        raw = RAW_MEMBERS[number % len(RAW_MEMBERS)]
        rest = json.dumps({key: value for key, value in base.items() if key != name})
        yield Body(f"{rest[:-1]}{', ' if len(rest) > 2 else ''}{json.dumps(name)}: {raw}}}".encode())
