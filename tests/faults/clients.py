"""Clients of a running service that go on whatever happens to it, and the means to make things happen."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.running import Service

T = TypeVar("T")
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id"}


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """What the JSON of the body says."""
        return json.loads(self.body)

    @property
    def is_unavailable(self) -> bool:
        """Whether the service says, as agreed, that it cannot answer now."""
        return self._is_503("unavailable")

    @property
    def is_busy(self) -> bool:
        """Whether the service says, as agreed, that it has no room for a costly read now."""
        return self._is_503("busy")

    def _is_503(self, code: str) -> bool:
        return (
            self.status == 503
            and self.headers.get("content-type") == "application/problem+json"
            and self.headers.get("retry-after", "").isdecimal()
            and set(self.content) == PROBLEM
            and self.content["code"] == code
        )


class Caller:
    """Sends requests over one connection, as one thread; a lost connection raises, and the next request has another."""

    def __init__(self, service: Service, token: str = "") -> None:
        self.port = service.port
        self.headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Return the answer, whatever it is. Raises OSError or HTTPException where there is none."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps({"change_reason": "test", **body})
        if data is not None:
            named["Content-Type"] = "application/json"
        address = path if path.startswith("/") else f"/api/v1/{path}"
        try:
            self.connection.request(method, address, data, {**self.headers, **named})
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return Reply(response.status, found, content)

    def make(self, resource: str, **body: Any) -> Any:
        """Make a record and return it."""
        reply = self.send("POST", resource, body)
        assert reply.status == 201, reply
        return reply.content

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self.connection:
            self.connection.close()
        self.connection = None


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Return what some work gives when so many threads do it together, each with its number."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def wait_until(find: Any, seconds: float = 30) -> Any:
    """Return what a function finds as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def workers(service: Service) -> list[int]:
    """Return the processes that answer the requests: the children of granian, which is the service's child."""
    return [pid for server in children(service.process.pid) for pid in children(server)]


def kill(pids: list[int]) -> None:
    """End processes without a chance to clean up."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, but for helpers."""
    try:
        tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return []
    return [int(child) for task in tasks for child in task.split() if not _is_helper(int(child))]


def _is_helper(pid: int) -> bool:
    """Tell whether a process only looks after what multiprocessing shares, or is dead already."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return not command or b"resource_tracker" in command
