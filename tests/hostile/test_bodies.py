"""Bodies that are refused before they are read: the answer reaches its client all the same, also behind nginx."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import urllib3

from tests.databases import ROOT
from tests.full import FULL
from tests.running import Service, free_port

# The mark for the database makes pytest-django set up the one that the service gets a copy of.
pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
TIMES = 100 if FULL else 5
LARGE = b'{"name": "' + b"x" * 10_000_000 + b'"}'
JSON = {"Content-Type": "application/json"}
PATH = "/api/v1/member-units"


class Answer(NamedTuple):
    """What a client was told."""

    status: int
    media_type: str
    code: str


def by_http_client(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        client.request("POST", PATH, body, {**JSON, **headers})
        response = client.getresponse()
        return Answer(response.status, response.headers["Content-Type"], json.loads(response.read())["code"])
    finally:
        client.close()


def by_urllib3(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Ask as `requests` does, which stands on it."""
    response = urllib3.request("POST", url + PATH, body=body, headers={**JSON, **headers}, timeout=30, retries=False)
    return Answer(response.status, response.headers["Content-Type"], response.json()["code"])


def by_curl(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    told = [part for name, value in {**JSON, **headers}.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "--max-time", "30", "--data-binary", "@-", *told]
    command += ["-w", "\n%{http_code} %{content_type}", url + PATH]
    done = subprocess.run(command, input=body, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    content, _line, last = done.stdout.decode().rpartition("\n")
    status, media_type = last.split(" ", 1)
    return Answer(int(status), media_type, json.loads(content)["code"])


CLIENTS = [
    by_http_client,
    by_urllib3,
    pytest.param(by_curl, marks=pytest.mark.skipif(not shutil.which("curl"), reason="no curl")),
]
# A body, headers, and what is answered whether it is read or not.
CASES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "too large": (LARGE, {}, 413, "too_large"),
    "too large, with a bad token": (LARGE, {"Authorization": "Bearer x"}, 413, "too_large"),
    "of nobody": (LARGE[:2_000_000], {}, 401, "not_authenticated"),
    "compressed": (LARGE[:2_000_000], {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
}


@pytest.fixture(scope="module")
def nginx(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an nginx with the documented configuration before the service."""
    if not (program := shutil.which("nginx")):
        pytest.skip("no nginx")
    port, folder = free_port(), tmp_path_factory.mktemp("nginx")
    documented = (ROOT / "docs/operations/nginx.conf").read_text()
    server = documented.replace("app:8000", f"127.0.0.1:{service.port}").replace("listen 80 ", f"listen {port} ")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""  # who alone can read the folder
    outer = f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
    (folder / "nginx.conf").write_text(f"{outer} http {{ access_log off; {paths} {server} }}")
    process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.PIPE)
    try:
        wait_until_open(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when somebody listens on a port."""
    for _again in range(200):
        assert process.poll() is None, process.communicate()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize("send", CLIENTS)
@pytest.mark.parametrize("case", CASES)
def test_a_refusal_reaches_its_client(service: Service, case: str, send: Any) -> None:
    body, headers, status, code = CASES[case]
    told = [send(f"http://127.0.0.1:{service.port}", body, headers) for _again in range(TIMES)]
    assert set(told) == {Answer(status, "application/problem+json", code)}


@pytest.mark.parametrize("send", CLIENTS)
@pytest.mark.parametrize("case", CASES)
def test_a_refusal_reaches_its_client_behind_nginx(nginx: str, case: str, send: Any) -> None:
    body, headers, status, code = CASES[case]
    told = [send(nginx, body, headers) for _again in range(TIMES)]
    assert set(told) == {Answer(status, "application/problem+json", code)}


def test_what_nginx_refuses_itself_is_a_problem_too(nginx: str) -> None:
    told = by_urllib3(nginx, b"x" * 22 * 1024 * 1024, {})
    assert told == Answer(413, "application/problem+json", "too_large")


def test_a_client_that_stalls_is_answered_within_bounds(service: Service) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        client.sendall(head.encode() + b"x" * 1000)
        begun = time.monotonic()
        assert client.recv(65_536).startswith(b"HTTP/1.1 413")
        assert time.monotonic() - begun < 30
    assert service.get("/api/v1/districts/310110")[0] == 200


def test_who_waits_for_leave_to_send_is_told_without_sending(service: Service) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += "Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=3) as client:
        client.sendall(head.encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 413")
