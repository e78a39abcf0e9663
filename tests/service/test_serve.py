"""The service as `make run` starts it, on a database of its own, read over HTTP."""

import os
import re
import signal
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from partybuild.protocol import LATE
from tests.databases import ROOT, drop, make_copy, url_of
from tests.running import Service, free_port, running, start

READY = re.compile(
    r"partybuild is ready: API (http://\S+/api/v1/) · docs (http://\S+/docs/) · admin (http://\S+/admin/)"
)
# What a start says as soon as it has looked for what has lapsed, which may be behind the end of a test.
LAPSED = re.compile(r"^partybuild: 0 \w+ lapsed\n", re.MULTILINE)

ARTICLES = ROOT.parent / "shared" / "articles"

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """A fresh, empty database on the server of the test run."""
    name = f"{os.environ['TEST_DATABASE']}_service_{os.getpid()}"  # xdist may start the service in two workers
    make_copy("template0", name)
    yield url_of(name)
    drop(name)


@pytest.fixture(scope="module")
def service(database_url: str) -> Iterator[Service]:
    """A service that began with an empty database."""
    with running(database_url) as started:
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


def test_a_changed_page_stops_the_start_with_the_place(service: Service, database_url: str, tmp_path: Path):
    (tmp_path / "004_725b41050449d912.txt").write_text("x", encoding="utf-8")
    second = start(free_port(), database_url, ARTICLES=str(tmp_path))
    printed, _ = second.process.communicate(timeout=60)

    assert second.process.returncode == 1
    assert re.fullmatch(
        r"CommandError: nothing was attached: \S+ \(wujiaochang-zhen-2013\): This is not the recorded page: its"
        r" SHA-256 is [0-9a-f]{64}, and [0-9a-f]{64} is recorded\."
        r" At \d+–\d+ of its body stand other words than those cited\.",
        printed.splitlines()[-1],
    )
    assert service.read("/api/v1/articles/wujiaochang-zhen-2013")["text_attached"] is False


def test_with_the_articles_a_claim_shows_its_sentence(service: Service, database_url: str):
    claim = "/api/v1/claims/wujiaochang-zhen-jiankang-zhitongche-changhai-yiyuan?fields=citations"
    before = service.read(claim)["citations"][0]
    assert (before["verified"], before["quotation"]) == (False, None)
    if not ARTICLES.is_dir():
        pytest.skip("the article texts are not beside this checkout (../shared/articles)")
    with running(database_url, ARTICLES=str(ARTICLES)) as second:
        assert second.printed.count(": attached\n") == 5
        after = second.read(claim)["citations"][0]
    assert (after["verified"], after["unquoted_because"]) == (True, None)
    assert sha256(after["quotation"]["exact"].encode()).hexdigest() == after["sha256"]
    assert service.read(claim)["citations"][0] == after  # an answer that was kept is not given again


def test_a_second_start_keeps_the_data_and_ctrl_c_ends_it(service: Service, database_url: str):
    second = start(free_port(), database_url, COSTLY_READS="0")
    second.wait_until_ready()
    begin = time.monotonic()
    assert second.get("/api/v1/search?q=a")[0] == 503
    assert time.monotonic() - begin >= LATE.seconds  # a refusal is held back in the running server, too

    os.killpg(second.process.pid, signal.SIGINT)
    os.killpg(second.process.pid, signal.SIGINT)  # an impatient user
    rest, _ = second.process.communicate(timeout=30)

    assert "password" not in second.printed
    assert second.process.returncode == 0
    assert re.sub(LAPSED, "", rest) == ""
    with pytest.raises(ConnectionRefusedError):
        second.get("/api/v1/")
    assert service.get("/api/v1/")[0] == 200
