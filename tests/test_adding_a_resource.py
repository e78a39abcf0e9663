"""docs/adding-a-resource.md, followed step by step in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adding-a-resource.md"
BLOCK = re.compile(r"^```python\n# (?P<path>\S+)\n(?P<code>.+?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("apps", "partybuild", "manage.py", "pyproject.toml")
MOST_LINES = 100
CHECKS = "from tests import scratch_resource; scratch_resource.main()"


def blocks() -> list[tuple[str, str]]:
    """Return the blocks of the page: the path of a file, and what is added to it."""
    return [(match["path"], match["code"]) for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def with_block(text: str, code: str) -> str:
    """Return the text of a file with a block: imports to the imports, a route behind its like, all else at the end."""
    lines = text.splitlines()
    if code.startswith("router."):
        last = max(number for number, line in enumerate(lines) if line.startswith("router.register("))
        return "\n".join([*lines[: last + 1], code.rstrip(), *lines[last + 1 :]]) + "\n"
    imports = [line for line in code.splitlines() if line.startswith("from ")]
    first = next(number for number, line in enumerate(lines) if line.startswith("from apps."))
    added = "\n".join(line for line in code.splitlines() if line not in imports).strip()
    return "\n".join([*lines[:first], *imports, *lines[first:], "", "", added]) + "\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project that has the resource of the page."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    (folder / "tests").mkdir()
    for name in ("__init__.py", "factories.py", "scratch_resource.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    for path, code in blocks():
        file = folder / path
        file.write_text(with_block(file.read_text(encoding="utf-8"), code), encoding="utf-8")
    return folder


def test_the_steps_are_few_and_in_the_house_style(project: Path) -> None:
    assert len(re.findall(r"^## \d\. ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == 6
    ruff, paths = Path(sys.executable).with_name("ruff"), sorted({path for path, _code in blocks()})
    subprocess.run([ruff, "check", "-q", "--fix", "--select", "I", *paths], cwd=project, check=True)
    for command in (["check", "-q"], ["format", "--check", "-q"]):
        subprocess.run([ruff, *command, *paths], cwd=project, check=True)
    assert sum(len(code.splitlines()) for _path, code in blocks()) <= MOST_LINES


def test_the_resource_has_what_the_page_promises(project: Path, loaded_url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": loaded_url}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-v0", "-c", CHECKS]
    run = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
