"""Schemathesis reads the OpenAPI document and tries whether the real server keeps what it says.

Every run tries a few requests of some operations. `FULL=1` sends fifty to every operation and then follows the links
between operations, which takes hours on a small machine.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.document import inlined
from tests.full import FULL
from tests.running import Service

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
HERE = Path(__file__).resolve().parent
# One resource with all that can be done to one, and what is no resource.
PATHS = "/(alliances|search|network|statistics|vocabularies)"
KEYS = {"districts": "310110", "streets": "310110019", "vocabularies": "alliances.kind"}


@pytest.fixture(scope="module")
def document(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document of the service, with keys that exist in the place of "any text": nobody guesses one."""
    document = inlined(service.read("/api/v1/openapi.json"))
    for address, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    resource = address.removeprefix("/api/v1/").partition("/")[0]
                    # Addresses of every resource are asked of one; those of requests and subscriptions, of none.
                    resource = "districts" if resource == "{resource}" else resource
                    keys = ["districts"] if parameter["name"] == "resource" else [key_of(service, resource), "none"]
                    parameter["schema"] = {"type": "string", "enum": keys}
                    if parameter["name"] == "key":  # a run makes records, so that any slug may be the key of one
                        slug = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 100}
                        parameter["schema"] = {"anyOf": [parameter["schema"], slug]}
    path = tmp_path_factory.mktemp("schemathesis") / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def key_of(service: Service, resource: str) -> str:
    """Return a key that exists, if there is any."""
    if resource in ("changes", "webhooks", "import-jobs"):
        return "none"
    if resource not in KEYS:
        rows: list[Any] = service.read(f"/api/v1/{resource}?page_size=1&fields=url")["results"]
        KEYS[resource] = rows[0]["url"].rpartition("/")[2] if rows else "none"
    return KEYS[resource]


@pytest.mark.parametrize("who", ["anonymous", "steward"])
def test_answers_are_as_the_document_says(service: Service, document: Path, who: str, request: Any):
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", str(document), "--url", f"http://127.0.0.1:{service.port}", "--checks", "all", "--no-color"]
    command += ["--generation-deterministic", "--continue-on-failure"]
    if FULL:
        command += ["--phases", "examples,fuzzing,stateful", "--max-examples", "50"]
    else:
        command += ["--phases", "examples,fuzzing", "--max-examples", "1", "--no-shrink"]
        command += ["--include-path-regex", PATHS]
    if who == "steward":
        command += ["--header", f"Authorization: Bearer {request.getfixturevalue('token')}"]
    hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command,
        cwd=document.parent,
        env=os.environ | hooks,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    # What failed stands before long lists of operations.
    failures = done.stdout.partition("= FAILURES =")[2] or done.stdout
    assert done.returncode == 0, failures[:20_000] + done.stderr[-2000:]
    counted = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", done.stdout)
    assert counted, done.stdout[-2000:]
    selected, known, tested = map(int, counted.groups())
    assert selected == tested >= 13
    assert not FULL or tested == known
    sys.stdout.write(done.stdout[-600:])
