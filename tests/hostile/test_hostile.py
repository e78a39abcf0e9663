"""Whatever is sent to the real server, it answers with less than 500, and says in the agreed form what was wrong.

Every run sends to each operation a share of the inputs, another one to each, so that all kinds of operations together
meet all inputs. `FULL=1` sends at least 200 to every operation, which takes some 15 minutes.
"""

# ruff: noqa: E501 (inputs are easier to compare in one line each)

import http.client
import json
import socket
import sys
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest

from tests.document import flat, inlined
from tests.full import FULL, share
from tests.hostile import inputs
from tests.hostile.inputs import JSON
from tests.running import Service

# The mark for the database makes pytest-django set up the one that the service gets a copy of.
pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
CLIENT_TIMEOUT = 5  # seconds after which a request that nobody answers is a complaint
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id"}
# Keys that exist, for the first placeholder of an address.
KEYS = {"districts": "310110", "streets": "310110019", "vocabularies": "alliances.kind"}


class Client:
    """Sends requests as they are, over one connection that is opened anew where the server has closed it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.connection: http.client.HTTPConnection | None = None
        self.sent = 0
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    def send(self, method: str, address: str, headers: dict[str, str], body: bytes | None = None) -> None:
        """Send one request and note what is wrong with the answer."""
        for attempt in (1, 2):
            kept = self.connection is not None
            try:
                status, found, content = self._send(method, address, headers, body)
                break
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # A kept connection may have been closed by the answer before; a new one may not.
                if not kept or attempt == 2:
                    self.wrong.append(
                        f"{method} {address[:200]} {str(headers)[:200]} {(body or b'')[:80]!r}: {error!r}"
                    )
                    return
        self.sent += 1
        self.statuses[status] += 1
        if complaint := self.complain(method, status, found, content):
            self.wrong.append(
                f"{method} {address[:300]} {str(headers)[:300]} {(body or b'')[:120]!r} ({len(body or b'')}):"
                f" {status} {complaint} {content[:300]!r}"
            )

    def _send(
        self, method: str, address: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, dict[str, str], bytes]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=CLIENT_TIMEOUT)
        named = {name.lower() for name in headers}
        self.connection.putrequest(method, address, skip_host="host" in named, skip_accept_encoding=True)
        for name, value in headers.items():
            self.connection.putheader(name, value.encode("latin-1"))
        if body is not None and "content-length" not in named:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        content = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return response.status, found, content

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def complain(self, method: str, status: int, headers: dict[str, str], content: bytes) -> str:
        """Return what is wrong with an answer, or nothing."""
        if status >= 500:
            return "is a fault of the server"
        if status < 400 or method == "HEAD":
            return ""
        if not headers.get("content-type", "").startswith("application/problem+json"):
            return f"is {headers.get('content-type')}"
        body = json.loads(content)
        if set(body) - {"errors", "conflicts"} != PROBLEM or body["status"] != status or not body["detail"]:
            return "is no problem in the agreed form"
        return ""


@pytest.fixture(scope="module")
def operations(service: Service) -> list[tuple[str, str, Any]]:
    """Every operation of the OpenAPI document: method, template of the address, description."""
    document = inlined(service.read("/api/v1/openapi.json"))
    found = [
        (method.upper(), template, {**item, "document": document})
        for template, methods in document["paths"].items()
        for method, item in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    assert len(found) > 50
    return found


def key_of(service: Service, template: str) -> str:
    """Return a key that exists for the placeholder of an address."""
    resource = template.removeprefix("/api/v1/").partition("/")[0]
    if resource not in KEYS:
        status, _headers, body = service.get(f"/api/v1/{resource}?page_size=1&fields=url")
        rows = json.loads(body).get("results", []) if status == 200 else []
        KEYS[resource] = rows[0]["url"].rpartition("/")[2] if rows else "none"
    return KEYS[resource]


def filled(service: Service, template: str) -> str:
    """Return an address with a key in the place of each placeholder."""
    address = template
    while "{" in address:
        name = address.partition("{")[2].partition("}")[0]
        address = address.replace(f"{{{name}}}", quote(key_of(service, template)))
    return address


def spread(number: int, items: list[Any], most: int) -> list[Any]:
    """Return about so many items from all over a list, other ones for each number."""
    step = max(1, len(items) // most)
    return items[number % step :: step]


def report(client: Client) -> None:
    """Fail with what was wrong."""
    client.close()
    assert not client.wrong, f"{len(client.wrong)} of {client.sent}:\n" + "\n".join(client.wrong[:40])
    assert client.sent > 50
    sys.stdout.write(f"{client.sent} requests, {dict(sorted(client.statuses.items()))}\n")


def test_addresses(service: Service, operations: list[tuple[str, str, Any]]) -> None:
    client = Client(service)
    for number, (method, template, _item) in enumerate(operations):
        if method == "GET" and "{" in template:
            before, _, rest = template.partition("{")
            for key in share(number, inputs.KEYS, 12):
                client.send("GET", f"{before}{key}{rest.partition('}')[2]}", {})
    report(client)


def test_queries(service: Service, operations: list[tuple[str, str, Any]]) -> None:
    client = Client(service)
    for number, (method, template, item) in enumerate(operations):
        if method != "GET":
            continue
        address = filled(service, template)
        declared = [parameter["name"] for parameter in item.get("parameters", []) if parameter.get("in") == "query"]
        for query in share(number, inputs.QUERIES, 34):
            client.send("GET", f"{address}?{query}", {})
        names = sorted({*declared, *inputs.PARAMETERS})
        # With every value of every parameter an address would be asked some two thousand times.
        pairs = [(name, value) for name in names for value in inputs.VALUES]
        for name, value in spread(number, pairs, 160 if FULL else 4):
            client.send("GET", f"{address}?{quote(name)}={value}", {})
    report(client)


def test_headers(service: Service, operations: list[tuple[str, str, Any]]) -> None:
    client = Client(service)
    for number, (method, template, _item) in enumerate(operations):
        if method == "GET":
            address = filled(service, template)
            for headers in share(number, inputs.HEADERS, 48):
                client.send("GET", address, headers)
    report(client)


def test_methods(service: Service, operations: list[tuple[str, str, Any]], token: str) -> None:
    client = Client(service)
    known = {(method, template) for method, template, _item in operations}
    for number, template in enumerate(sorted({template for _method, template, _item in operations})):
        for method in share(number, inputs.METHODS, 4):
            if (method, template) not in known:
                for headers in ({}, {"Authorization": f"Bearer {token}"}) if FULL else ({},):
                    client.send(method, filled(service, template), headers, b"" if method == "POST" else None)
    report(client)


def test_bodies(service: Service, operations: list[tuple[str, str, Any]], token: str) -> None:
    client = Client(service)
    bodies = list(inputs.odd_bodies())
    for number, (method, template, item) in enumerate(operations):
        if method == "GET":
            continue
        address = filled(service, template)
        if method == "DELETE" and "{" in template:
            address = f"{template.partition('{')[0]}none"  # what the others write to stays
        authorized = {"Authorization": f"Bearer {token}"}
        for place, body in enumerate(share(number, bodies, 88)):
            version = {"If-Match": "*"} if (number + place) % 2 else {}
            client.send(method, address, {**authorized, **body.headers, **version}, body.content)
        client.send(method, address, {"Content-Type": JSON}, b"{}")
        changed = list(inputs.odd_members(members(item), {"change_reason": "x"}))
        for place, body in enumerate(spread(number, changed, 100 if FULL else 2)):
            dry = "?dry_run=true" if (number + place) % 2 else ""
            client.send(method, f"{address}{dry}", {**authorized, **body.headers, "If-Match": "*"}, body.content)
        for headers in share(number, inputs.HEADERS, 120):
            lowered = {name.lower() for name in headers}
            own = {} if "authorization" in lowered else authorized
            plain = {} if "content-type" in lowered else {"Content-Type": JSON}
            client.send(method, address, {**own, **plain, **headers}, None if "content-length" in lowered else b"{}")
    report(client)


def members(item: Any) -> list[str]:
    """Return the names of the members that the body of an operation may have."""
    contents = item.get("requestBody", {}).get("content", {})
    return sorted(flat(item["document"], contents.get(JSON, {}).get("schema", {}))["properties"])


# What the server in front of the application (hyper, in granian) refuses as broken HTTP, with an empty body: the
# application never sees it, so that no problem can be written.
RAW = [
    b"GET /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\n\r\n",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /api/v1/districts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /api/v1/districts HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/districts\r\n\r\n",
    b"GET  /api/v1/districts HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/districts\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/\xe4\xba\x94 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/districts?q=\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://evil.example/api/v1/districts HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET //evil.example HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e3\r\n\r\n",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"GET /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
    b"GET /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    b"GET /api/v1/districts HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    b"GET /api/v1/districts HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00" * 100,
]


@pytest.mark.parametrize("sent", RAW, ids=range(len(RAW)))
def test_what_is_hardly_http_gets_one_answer_or_none(service: Service, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=3) as connection:
        received = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                received += chunk
        except OSError:
            pass
    assert received.count(b"HTTP/1.") <= 1
    if received:
        assert int(received.split(b" ", 2)[1]) < 500


def test_it_still_answers_and_has_lost_nothing(service: Service) -> None:
    # Not the district of `KEYS`, which a full run gives other names.
    assert service.read("/api/v1/districts/310101")["name"] == "黄浦区"
    assert service.process.poll() is None
    assert "Traceback" not in "".join(service.said)
