"""The service as `make run` starts it, in a process of its own, for tests that ask it over HTTP."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import environ
import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import Appointment, User
from tests.databases import ROOT

Made = TypeVar("Made")


class Service:
    """A running `manage.py serve`, and what it printed up to the ready line."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, url: str) -> None:
        self.process = process
        self.url = url  # of its database
        self.port = port
        self.printed = ""
        self.said: list[str] = []  # behind the ready line

    def wait_until_ready(self) -> None:
        """Read what it prints up to the ready line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line
            if "is ready" in line:
                return
        pytest.fail(f"the service ended before it was ready: {self.printed}")

    def read_on(self) -> None:
        """Read what it prints later: a service whose output nobody reads stands still when the pipe is full."""
        with suppress(ValueError, OSError):  # closed at the end
            for line in self.process.stdout or ():
                self.said.append(line)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of a GET."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request("GET", path, headers=headers)
            response = client.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            client.close()

    def read(self, path: str) -> Any:
        """Return the JSON of a GET that must answer 200."""
        status, _, body = self.get(path)
        assert status == 200, (path, status, body[:500])
        return json.loads(body)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(port: int, url: str, **environment: str) -> Service:
    """Start a service on a database, with further settings; what it prints is still to be read."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    return Service(process, port, url)


@contextmanager
def running(url: str, limit: float = 180, **environment: str) -> Iterator[Service]:
    """Run a service on a database as long as the block runs, and no more than so many seconds."""
    service = start(free_port(), url, **environment)
    watchdog = threading.Timer(limit, service.process.kill)
    watchdog.start()
    try:
        service.wait_until_ready()
        threading.Thread(target=service.read_on, daemon=True).start()
        yield service
    finally:
        watchdog.cancel()
        service.process.terminate()
        service.process.wait(30)
        assert service.process.stdout is not None
        service.process.stdout.close()


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Let the models of this thread lie in another database, such as that of a service, and commit there."""
    own = connections[DEFAULT_DB_ALIAS]
    other = own.copy()
    settings = environ.Env.db_url_config(url)
    other.settings_dict |= {**settings, "OPTIONS": {**own.settings_dict["OPTIONS"], **settings.get("OPTIONS", {})}}
    connections[DEFAULT_DB_ALIAS] = other
    try:
        yield
    finally:
        other.close()
        connections[DEFAULT_DB_ALIAS] = own


def apart(make: Callable[[], Made]) -> Made:
    """Return what a function makes in a thread of its own.

    A browser leaves an event loop running in the thread of its tests, and there Django asks no database.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(make).result()


def make_token(url: str) -> str:
    """Return the token of a steward, who may write everything in a database."""
    with connected_to(url):
        user = User.objects.create_user("steward-of-tests", password=None, is_staff=True)
        Appointment.objects.create(user=user, role="steward")
        _token, text = actions.make_token(
            user=user,
            name="tests",
            scopes=["read", "write", "steward"],
            appointments=list(user.appointments.all()),
            expires_at=timezone.now() + timedelta(days=1),
        )
    return text
