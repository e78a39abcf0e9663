"""`manage.py serve`, which `make run` and the image call: all between an empty database and a running service."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NoReturn

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command, get_commands
from django.db import connection, connections

from apps.common.openapi import kept
from apps.common.resources.registry import check_serializers
from apps.common.rules.database_layout import EARLIER_LAYOUT, is_of_earlier_layout
from apps.history.epochs import RESTORED, was_moved
from apps.service.day_watch import days_tick
from apps.service.import_watch import imports_run
from apps.service.processes import beside, die_with_parent
from partybuild import database
from partybuild.database import SetupError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
RESTART_PAUSE = 1.0
SETUP_LOCK = 7_067_617_274  # any number that no other program on this database takes


class Command(BaseCommand):
    """Migrate, load the fixtures, make the first account, serve; Ctrl-C or SIGTERM ends it."""

    help = "Migrate, load the fixtures, make the first account, and serve API, docs and admin until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", default="8000", help="port to listen on (default 8000)")
        parser.add_argument("--articles", default=settings.ARTICLES, help="folder with articles to attach (ARTICLES)")

    def handle(self, *args: object, host: str, port: str, articles: str, **options: object) -> None:
        for stop_signal in STOP_SIGNALS:
            signal.signal(stop_signal, _stop)
        number = read_port(port)
        check_port(host, number)
        database.check(os.environ["DATABASE_URL"])
        with ExitStack() as running:
            if not kept.is_kept():
                running.enter_context(beside("make_documents"))
            with one_at_a_time():
                self._set_up(articles)
            connections.close_all()
            with granian(host, number) as server:
                wait_until_ready(server, host, number)
                root = f"http://{f'[{host}]' if ':' in host else host}:{port}"
                self.stdout.write(f"partybuild is ready: API {root}/api/v1/ · docs {root}/docs/ · admin {root}/admin/")
                self.stdout.flush()
                running.enter_context(imports_run())
                running.enter_context(days_tick())
                code = server.wait()
            # granian gives up when a worker dies within seconds of its respawn, which no option changes; and it may be
            # killed itself. What has been ready once is set up well, so that it is worth starting however often it
            # ends.
            while True:
                self._say(f"the server ended by itself (exit code {code}): starting it anew")
                with granian(host, number) as server:
                    code = server.wait()
                time.sleep(RESTART_PAUSE)

    def _set_up(self, articles: str = "") -> None:
        if is_of_earlier_layout():
            raise SetupError(EARLIER_LAYOUT)
        self._say("migrating the database")
        call_command("migrate", interactive=False, verbosity=0)
        if was_moved():
            raise SetupError(RESTORED)
        if "load_fixtures" in get_commands():
            self._say("loading the fixtures")
            call_command("load_fixtures", stdout=self.stdout, stderr=self.stderr)
            call_command("attach_articles", *filter(None, [articles]), stdout=self.stdout, stderr=self.stderr)
        check_serializers()
        users = get_user_model().objects
        if not users.exists():
            password = secrets.token_urlsafe(12)
            users.create_superuser("curator", password=password)
            self._say(f"first account: user curator, password {password} (shown this once)")

    def _say(self, line: str) -> None:
        self.stdout.write(f"partybuild: {line}")
        self.stdout.flush()


def _stop(number: int, frame: object) -> NoReturn:
    # A second Ctrl-C, or make passing on what the terminal has sent already, must not cut the cleaning up short.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(0)


def read_port(text: str) -> int:
    """Return the port that `text` names; raise SetupError if it names none."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise SetupError(f"{text!r} is not a port: name a number from 1 to 65535")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Raise SetupError unless this process can listen on the address."""
    # granian shares a port with whoever listens on it already, and each would get some of the requests.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SetupError(f"cannot listen on {host}:{port}: {error} (choose another: make run PORT=8123)") from error


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep a second service that starts on the same database waiting until this one has set it up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [SETUP_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SETUP_LOCK])


@contextmanager
def granian(host: str, port: int) -> "Iterator[subprocess.Popen[bytes]]":
    """Run granian as long as the block runs."""
    environment = {
        # granian's own variables, so that the operator can set every one of them.
        "GRANIAN_WORKERS": "2",
        "GRANIAN_BLOCKING_THREADS": "2",
        "GRANIAN_BLOCKING_THREADS_IDLE_TIMEOUT": "600",  # each thread keeps its database connection
        "GRANIAN_LOG_LEVEL": "warning",
        # A worker that has grown, by an import above all, is replaced by a new one, which is ready before it goes.
        "GRANIAN_WORKERS_MAX_RSS": "768",
        "GRANIAN_RSS_SAMPLE_INTERVAL": "15",
        "STATEMENT_TIMEOUT": "10",
        **os.environ,
    }
    command = [sys.executable, "-m", "partybuild.server", "--interface", "wsgi", "--http", "1", "--no-ws"]
    command += ["--respawn-failed-workers", "--workers-kill-timeout", "10", "--host", host, "--port", str(port)]
    process = subprocess.Popen(
        [*command, "partybuild.wsgi:application"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches us alone, and we end it in our own order
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )
    try:
        yield process
    finally:
        deadline = time.monotonic() + STOP_TIMEOUT
        while process.poll() is None:
            # To all of them, and again: a worker that is still starting swallows the signal.
            os.killpg(process.pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        # Workers of a granian that was killed would go on holding the port. Where all are dead, macOS forbids it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_until_ready(server: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    """Return when the API's index answers 200; raise SetupError when the server ends or stays silent."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    names = settings.ALLOWED_HOSTS or ["localhost"]
    name = address if address in names else names[0].lstrip(".")
    answer = "no answer"
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SetupError(f"the server ended before it was ready (exit code {server.returncode})")
        client = http.client.HTTPConnection(address, port, timeout=10)
        try:
            client.request("GET", "/api/v1/", headers={"Host": name, "X-Forwarded-Proto": "https"})
            response = client.getresponse()
            if response.status == 200:
                return
            answer = f"{response.status} {response.reason}"
        except (OSError, http.client.HTTPException):
            pass
        finally:
            client.close()
        time.sleep(0.1)
    raise SetupError(f"the server is not ready after {READY_TIMEOUT:.0f} s: /api/v1/ gives {answer}")
