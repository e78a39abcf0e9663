"""Generated clients and readers of tables take the service as it is; linters have nothing to say of its document.

Only with `FULL=1`: they come from npm and a package index, into `.data/clients`, and take minutes.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.full import FULL
from tests.running import Service

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(not FULL, reason="only with FULL=1: it installs packages and takes minutes"),
    pytest.mark.skipif(not shutil.which("npm"), reason="needs npm"),
]
HERE = Path(__file__).resolve().parent
FOLDER = settings.BASE_DIR / ".data" / "clients"
NODE, PYTHON = FOLDER / "node", FOLDER / "venv"
# What every client has to have found and done; see the programs beside this one.
DONE = {
    "kinds": ["joint_conference", "network"],
    "created": [201, "生成的客户端"],
    "conflict": [409, "conflict"],
    "stale": [412, "precondition_failed"],
    "imported": [0, 1, 0],
}


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Return what a command prints, its answer last; it has to end well."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PATH": f"{PYTHON / 'bin'}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, (done.stderr + done.stdout)[-6000:]
    return done.stderr + done.stdout


def is_new(stamp: Path, content: str) -> bool:
    """Tell whether something is installed for other requirements than these, or not at all."""
    return not stamp.exists() or stamp.read_text(encoding="utf-8") != content


@pytest.fixture(scope="module")
def node() -> Path:
    """The folder of the npm packages, with the programs."""
    NODE.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    for name in ("package.json", "tsconfig.json", "orval.config.cjs", *(path.name for path in HERE.glob("*.ts"))):
        shutil.copy(HERE / name, NODE)
    if is_new(NODE / "installed", wanted):
        run("npm", "install", "--no-audit", "--no-fund", folder=NODE)
        (NODE / "installed").write_text(wanted, encoding="utf-8")
    shutil.rmtree(NODE / "generated", ignore_errors=True)
    return NODE


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with the packages of the extra `clients`."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = "\n".join(project["optional-dependencies"]["clients"])
    if is_new(PYTHON / "installed", wanted):
        run(sys.executable, "-m", "venv", "--clear", PYTHON, folder=settings.BASE_DIR)
        (PYTHON / "requirements.txt").write_text(wanted, encoding="utf-8")
        pip = PYTHON / "bin" / "pip"
        run(pip, "install", "-q", "--disable-pip-version-check", "-r", PYTHON / "requirements.txt", folder=PYTHON)
        (PYTHON / "installed").write_text(wanted, encoding="utf-8")
    return PYTHON / "bin" / "python"


def address_of(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


def check(told: str, service: Service) -> None:
    """Hold what a client has done against what it had to do."""
    done: dict[str, Any] = json.loads(told.strip().splitlines()[-1])
    assert {name: done[name] for name in DONE} == DONE
    listed = [row["name"] for row in service.read("/api/v1/alliances?page_size=3")["results"]]
    assert len(done["listed"]) == len(listed) == 3
    unit = next(row for row in service.read("/api/v1/claims?page_size=5")["results"] if row["unit"])["unit"]
    assert done["expanded"] == [unit["key"], service.read(unit["url"])["kind"]]
    # To the end, which is on the third page of seven; drafts of the clients before may stand there as well.
    assert done["paged"] >= service.read("/api/v1/alliances?count=true&page_size=1")["count"] > 14


def test_openapi_python_client(shared_service: Service, steward_token: str, python: Path, tmp_path: Path) -> None:
    address = address_of(shared_service)
    command = [python.with_name("openapi-python-client"), "generate", "--url", f"{address}/api/v1/openapi.json"]
    said = run(*command, "--output-path", tmp_path / "generated", "--meta", "none", folder=tmp_path)
    assert "warning" not in said.lower(), said
    program = HERE / "with_openapi_python_client.py"
    check(run(python, program, address, steward_token, folder=tmp_path, PYTHONPATH=str(tmp_path)), shared_service)


def test_clients_in_typescript(shared_service: Service, steward_token: str, node: Path) -> None:
    """One for all: the compiler reads all programs, and all generated types, at once."""
    address = address_of(shared_service)
    document = f"{address}/api/v1/openapi.json"
    tools = node / "node_modules" / ".bin"
    run(tools / "openapi-typescript", document, "-o", "generated/openapi-typescript.ts", folder=node)
    run(tools / "openapi-ts", "-i", document, "-o", "generated/hey-api", "-c", "@hey-api/client-fetch", folder=node)
    run(tools / "orval", "--config", "orval.config.cjs", folder=node, ADDRESS=address)
    run(tools / "tsc", "-p", "tsconfig.json", folder=node)
    for program in sorted(HERE.glob("*.ts")):
        made = node / f"{program.stem}.mjs"
        run(
            *(tools / "esbuild", program.name, "--bundle", "--platform=node", "--format=esm", "--log-level=error"),
            f"--outfile={made}",
            folder=node,
        )
        check(run("node", made, address, steward_token, folder=node), shared_service)


def test_readers_of_tables(shared_service: Service, steward_token: str, python: Path, tmp_path: Path) -> None:
    program = HERE / "with_readers.py"
    told = json.loads(run(python, program, address_of(shared_service), steward_token, folder=tmp_path).splitlines()[-1])
    units = shared_service.read("/api/v1/member-units?count=true&page_size=1")["count"]
    assert told["polars"] == [units] * 3
    assert told["pandas"] == [units, units, units, 50]
    assert told["duckdb"] == [units, units, 50]
    assert told["frictionless"] == [True, units]
    # All, then nothing, then the one that was changed; and it stands there once.
    assert told["dlt"] == [units, 0, 1, units]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_linters_have_nothing_to_say(shared_service: Service, node: Path, language: str) -> None:
    """Their recommended rules, all of them."""
    path = node / f"openapi-{language}.json"
    path.write_bytes(shared_service.get(f"/api/v1/openapi.json?lang={language}")[2])
    tools = node / "node_modules" / ".bin"
    found = run(tools / "redocly", "lint", "--extends", "recommended", "--format", "json", path, folder=node)
    totals = json.loads(found[found.index("{") : found.rindex("}") + 1])["totals"]
    assert (totals["errors"], totals["warnings"]) == (0, 0), found[:3000]
    rules = node / "spectral.json"
    rules.write_text('{"extends": ["spectral:oas"]}', encoding="utf-8")
    assert "No results with a severity" in run(tools / "spectral", "lint", "-F", "hint", "-r", rules, path, folder=node)
