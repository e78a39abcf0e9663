"""The service as `make run` starts it, on a database of its own, read over HTTP."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(
    r"partybuild is ready: API (http://\S+/api/v1/) · docs (http://\S+/docs/) · admin (http://\S+/admin/)"
)

pytestmark = pytest.mark.enable_socket


class Service:
    """A running `manage.py serve`, and what it printed up to the ready line."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """A fresh, empty database on the server of the test run."""
    url = os.environ["DATABASE_URL"]
    name = f"{os.environ['TEST_DATABASE']}_service_{os.getpid()}"  # xdist may start the service in two workers
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def start(port: int, url: str) -> Service:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    return Service(process, port)


@contextmanager
def running(url: str, limit: float = 180) -> Iterator[Service]:
    """Run a service on a database as long as the block runs, and no more than so many seconds."""
    service = start(free_port(), url)
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


@pytest.fixture(scope="module")
def service(database_url: str) -> Iterator[Service]:
    """A service that began with an empty database."""
    with running(database_url) as started:
        yield started


@pytest.fixture(scope="module")
def loaded_service(loaded_url: str) -> Iterator[Service]:
    """A service on a copy of the registry, for the modules that only want one to run."""
    with running(loaded_url) as started:
        yield started


def test_one_ready_line_names_three_addresses_that_answer(service: Service):
    assert len(READY.findall(service.printed)) == 1
    for address in READY.findall(service.printed)[0]:
        status, _, _ = service.get(urlsplit(address).path)
        assert status in {200, 302}, address


def test_the_first_password_is_shown_once(service: Service):
    assert len(re.findall(r"user curator, password \S{16} \(shown this once\)", service.printed)) == 1


def test_the_index_lists_the_resources(service: Service):
    assert service.read("/api/v1/")


def test_a_claim_form_is_read_over_http(service: Service):
    """Who claimed what in 五角场镇, and what the article reports as totals."""
    claims = service.read("/api/v1/claims?street=310110101&fields=unit,project")["results"]
    claimed: dict[str, set[str]] = {}
    for claim in claims:
        claimed.setdefault(claim["project"]["name"], set()).add(claim["unit"]["name"])
    figures = service.read("/api/v1/figures?subject=alliances/wujiaochang-zhen-lianxihui&fields=measure,value")[
        "results"
    ]
    totals = {figure["measure"]: figure["value"] for figure in figures}

    assert claimed == {
        "健康直通车": {"长海医院", "东方肝胆医院", "五角场镇社区卫生中心"},
        "消防安全宣传进社区": {"翔殷路消防中队"},
        "社区老干部、老党员、老先进、老劳模结对关爱": {"第二军医大学"},
        "青少年心理辅导": {"第二军医大学"},
        "党课宣讲": {"第二军医大学"},
        "智慧健身教育": {"上海体育学院"},
    }
    assert (totals["units_claiming"], totals["projects_claimed"], totals["project_categories"]) == (48, 118, 4)


def test_static_files_are_served(service: Service):
    status, headers, _ = service.get("/static/admin/css/base.css")

    assert (status, headers["content-type"]) == (200, 'text/css; charset="utf-8"')


def test_every_page_carries_the_policy(service: Service):
    _, headers, _ = service.get("/admin/login/")

    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_its_port_is_refused_to_a_second_service(service: Service, database_url: str):
    second = start(service.port, database_url)
    printed, _ = second.process.communicate(timeout=60)

    assert second.process.returncode == 1
    assert re.fullmatch(rf"partybuild: cannot listen on 127\.0\.0\.1:{service.port}: .*\n", printed)


def test_a_second_start_keeps_the_data_and_ctrl_c_ends_it(service: Service, database_url: str):
    second = start(free_port(), database_url)
    second.wait_until_ready()

    os.killpg(second.process.pid, signal.SIGINT)
    os.killpg(second.process.pid, signal.SIGINT)  # an impatient user
    rest, _ = second.process.communicate(timeout=30)

    assert "password" not in second.printed
    assert (second.process.returncode, rest) == (0, "")
    with pytest.raises(ConnectionRefusedError):
        second.get("/api/v1/")
    assert service.get("/api/v1/")[0] == 200
