"""The servers that are measured: each started as its operator would, on a port of its own, ended with the block."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench import server

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
WORKERS = "2"


@dataclass(frozen=True)
class Service:
    """A running server."""

    name: str
    port: int
    pid: int

    def client(self) -> http.client.HTTPConnection:
        """Return a connection, which is opened at its first request."""
        return http.client.HTTPConnection(HOST, self.port, timeout=60)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of a GET."""
        client = self.client()
        try:
            client.request("GET", path, headers={"Accept-Language": "zh-Hans", **headers})
            response = client.getresponse()
            return response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()
        finally:
            client.close()

    def read(self, path: str) -> Any:
        """Return the JSON of a GET that must answer 200."""
        status, _headers, body = self.get(path)
        if status != 200:
            sys.exit(f"bench: {self.name} answers {status} to {path}: {body[:300].decode('utf-8', 'replace')}")
        return json.loads(body)


def content_hash(body: Any) -> str:
    """Return the digest of what a body says: of a list only the records, instants in one spelling, keys in order."""
    records = body.get("results", body) if isinstance(body, dict) else body
    text = json.dumps(records, sort_keys=True, ensure_ascii=False)
    # An instant's zone, and a fraction of zero, are spelt in several ways.
    text = re.sub(r'(T\d\d:\d\d:\d\d)(?:\.0+)?(?:\+00:00|Z)"', r'\1Z"', text)
    return sha256(text.encode()).hexdigest()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def peer_python() -> str:
    """Return the Python that has the packages of the peers: `make bench` gives them an environment of their own."""
    own = server.HOME / "venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def has_fastapi() -> bool:
    """Return whether the packages of the FastAPI peer are there."""
    command = [peer_python(), "-c", "import asyncpg, fastapi, httptools, msgspec, uvicorn, uvloop"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def ours(name: str, url: str, **environment: str) -> Iterator[Service]:
    """Run the service on a database, as `manage.py serve` does when it has set everything up."""
    wanted = {"DATABASE_URL": url, "GRANIAN_WORKERS": WORKERS, **environment}
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    port = free_port()
    serve = import_module("apps.service.management.commands.serve")  # here, behind django.setup()
    try:
        with serve.granian(HOST, port) as process:
            _restore(before)
            service = Service(name, port, process.pid)
            _wait(service, process)
            yield service
    finally:
        _restore(before)


def _restore(before: dict[str, str | None]) -> None:
    for key, value in before.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value


@contextmanager
def naive(url: str) -> Iterator[Service]:
    """Run the plain Django REST framework peer under the same server."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--http", "1", "--no-ws"]
    command += ["--workers", WORKERS, "--blocking-threads", "1", "--host", HOST, "--port", str(port)]
    command += ["--log-level", "warning", "django.core.wsgi:get_wsgi_application"]
    with _running("naive DRF", port, command, url) as service:
        yield service


@contextmanager
def fastapi(url: str) -> Iterator[Service]:
    """Run the FastAPI peer under uvicorn."""
    port = free_port()
    command = [peer_python(), "-m", "uvicorn", "--workers", WORKERS, "--loop", "uvloop", "--http", "httptools"]
    command += ["--no-access-log", "--log-level", "warning", "--host", HOST, "--port", str(port)]
    # asyncpg takes a port without a host for a host without a name.
    url = url.replace("@:5432/", "@/")
    with _running("FastAPI", port, [*command, "tests.bench.peers.fastapi_app:app"], url) as service:
        yield service


@contextmanager
def _running(name: str, port: int, command: list[str], url: str) -> Iterator[Service]:
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.bench.peers.naive_settings"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        service = Service(name, port, process.pid)
        _wait(service, process)
        yield service
    finally:
        deadline = time.monotonic() + 15
        while process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue


def _wait(service: Service, process: "subprocess.Popen[Any]") -> None:
    """Return when the server answers, each of its workers in all likelihood."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"bench: {service.name} ended before it was ready (exit code {process.returncode})")
        try:
            if service.get("/api/v1/projects/no-such-project")[0] == 404:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
    sys.exit(f"bench: {service.name} is not ready after 60 s")
