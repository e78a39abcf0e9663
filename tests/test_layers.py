"""Where code goes and what may import what: what import-linter's contracts (pyproject.toml) cannot say."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {"utils", "helpers", "services", "selectors", "managers", "mixins", "core"}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def modules() -> list[Path]:
    """Return the modules of the apps, without migrations."""
    return sorted(path for path in (ROOT / "apps").rglob("*.py") if "migrations" not in path.parts)


def label(path: Path) -> str:
    """Return how a test calls a module."""
    return str(path.relative_to(ROOT / "apps"))


def test_every_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_every_app_has_its_level() -> None:
    levels = {name for level in CONTRACTS[0]["layers"] for name in level.split(" | ")}
    apps = {f"apps.{path.parent.name}" for path in ROOT.glob("apps/*/__init__.py")}
    assert levels == apps | {"partybuild"}
    inner = {name for contract in CONTRACTS for name in contract.get("containers", ())}
    assert inner == apps - {"apps.service"}


@pytest.mark.parametrize("path", modules(), ids=label)
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
            assert inner == [], f"{path.name}: {node.name}"


def test_pure_modules_take_nothing_from_django_but_translated_texts() -> None:
    (pure,) = (contract["source_modules"] for contract in CONTRACTS if contract["type"] == "forbidden")
    for name in pure:
        path = ROOT / f"{name.replace('.', '/')}.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django"):
                assert node.module == "django.utils.translation", name
            elif isinstance(node, ast.Import):
                assert not any(item.name.startswith("django") for item in node.names), name


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in modules() if path.stem in FORBIDDEN] == []


def test_no_signals_carry_our_own_logic() -> None:
    assert [path for path in modules() if re.search(r"@receiver|\.connect\(", path.read_text(encoding="utf-8"))] == []


def test_no_tracked_file_names_this_machine_or_a_package_index() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    if not any(listed):
        pytest.skip("not a git checkout")
    machine = re.compile(r"(^|[^\w.])/(work|farm)/[\w.]|file:///opt|pypi\.org|pythonhosted|registry\.npmjs")
    guilty = []
    for name in filter(None, listed):
        path = ROOT / name
        ours = path.is_file() and name != "tests/test_layers.py"
        if ours and machine.search(path.read_bytes().decode("utf-8", "replace")):
            guilty.append(name)
    assert guilty == []
