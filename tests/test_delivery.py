"""What is shipped beside the code: dependencies and locks, make, container files, and refusals in one line."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from apps.service.management.commands.serve import check_port, read_port
from partybuild.database import SetupError

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)


def lock(name: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / name).read_text()))


def declared() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"runtime": project["dependencies"], **project["optional-dependencies"]}
    return {name: [re.split(r"[\[<>=]", line)[0] for line in lines] for name, lines in groups.items()}


def test_every_dependency_has_its_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    names = [name for group in declared().values() for name in group]

    without = [name for name in names if not any(re.match(rf'    "{name}[\[<>=].*",  # \w+', line) for line in lines)]

    assert without == []


def test_the_locks_hold_what_is_declared():
    assert set(declared()["runtime"]) <= set(lock("requirements.lock"))
    # What clients and the benchmark's peers need is no part of ours, and goes into environments of their own.
    ours = {name for group, names in declared().items() for name in names if group not in ("bench", "clients")}
    assert ours <= set(lock("requirements-dev.lock"))


def test_service_and_tests_run_on_the_same_versions():
    assert lock("requirements.lock").items() <= lock("requirements-dev.lock").items()
    assert "pytest" not in lock("requirements.lock")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_place_and_pins_by_hash(name: str):
    text = (ROOT / name).read_text()

    assert re.findall(r"https?:|file:|--index|--find-links|@ ", text) == []
    assert [entry for entry in re.split(r"\n(?=\S)", text.strip()) if "--hash=sha256:" not in entry] == []


def manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("SECRET_KEY", "short", "at least 32 random characters"),
        ("DEBUG", "perhaps", "neither true nor false"),
        ("ALLOWED_HOSTS", "*", "name the hosts"),
        ("STATEMENT_TIMEOUT", "long", "invalid literal"),
        ("DATABASE_URL", "mysql://localhost/x", "must begin with postgresql://"),
        ("SECRET_KEY_FILE", "/dev/null/key", "is not usable"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(variable: str, value: str, reason: str):
    environment = {"SECRET_KEY": ""} if variable == "SECRET_KEY_FILE" else {}

    result = manage("check", **environment, **{variable: value})

    assert result.returncode == 1
    assert re.fullmatch(rf"partybuild: {variable} .*{re.escape(reason)}.*\n", result.stderr)


def test_a_missing_key_is_asked_for():
    result = manage("check", SECRET_KEY="", SECRET_KEY_FILE="")

    assert (result.returncode, result.stderr) == (1, "partybuild: SECRET_KEY is not set (see docs/operations.md)\n")


def test_a_database_that_does_not_answer_stops_serve_with_one_line():
    result = manage("serve", "--port", "1", DATABASE_URL="postgresql://nobody@/nowhere?host=%2Fnonexistent")

    assert result.returncode == 1
    assert re.fullmatch(r"partybuild: .*\n", result.stderr)


@pytest.mark.parametrize("text", ["0", "65536", "80a", "", "-1"])
def test_what_is_no_port_is_refused(text: str):
    with pytest.raises(SetupError, match="is not a port"):
        read_port(text)


@pytest.mark.enable_socket
def test_a_taken_port_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(SetupError, match=r"^cannot listen on 127.0.0.1:\d+: .*Address already in use"):
            check_port("127.0.0.1", taken.getsockname()[1])


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("python", "reason"),
    [
        (sys.executable, "does a package index answer?"),
        ("/nonexistent/python3", "is not Python 3.11 or newer"),
    ],
)
def test_make_says_in_one_line_what_is_missing(python: str, reason: str, tmp_path: Path):
    for name in ("Makefile", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)

    result = subprocess.run(
        ["make", "--silent", "run", f"PYTHON={python}"],
        cwd=tmp_path,
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "MAKEFLAGS": "", "MAKELEVEL": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode != 0
    own = [line for line in result.stderr.splitlines() if not line.startswith("make")]
    assert len(own) == 1
    assert reason in own[0]


def test_ci_refuses_to_run_without_the_articles(tmp_path: Path):
    (tmp_path / "checkout" / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / "checkout" / ".ci")

    result = subprocess.run(
        ["bash", ".ci/run"], cwd=tmp_path / "checkout", capture_output=True, text=True, timeout=60, check=False
    )

    assert result.returncode == 1
    assert "../shared/articles is missing" in result.stderr


def test_the_image_serves_as_make_does_and_not_as_root():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]}

    assert {"manage.py", "partybuild", "apps", "fixtures", "requirements.lock"} <= copied
    assert "USER partybuild" in lines
    assert 'CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]' in lines


def test_only_the_buffering_proxy_is_reachable_from_outside():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    nginx = (ROOT / "docs" / "operations" / "nginx.conf").read_text()
    assert "proxy_request_buffering on;" in nginx
    assert "./docs/operations/nginx.conf:/etc/nginx/conf.d/default.conf:ro" in services["proxy"]["volumes"]
