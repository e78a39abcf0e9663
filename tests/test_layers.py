"""The house rules of architecture.md on where code goes and what may import what."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each app with those that it may import.
BELOW: dict[str, set[str]] = {
    "common": set(),
    "accounts": {"common", "registry"},
    "registry": {"common"},
    "projects": {"common", "registry"},
    "events": {"common", "registry", "projects"},
    "assessments": {"common", "registry"},
    # Which records are one. It reaches what points at them through the models, and imports none of it.
    "identity": {"common", "registry"},
    "evidence": {"common", "registry", "identity", "projects", "events", "assessments", "accounts"},
    # Questions across all resources; nothing but the project itself imports it.
    "explore": {"common", "registry", "identity", "projects", "events", "assessments", "evidence"},
    # What happened to all of them.
    "history": {"common", "accounts", "registry", "identity", "projects", "events", "assessments", "evidence"},
}
# Within an app: each kind of module with those of its own app that it must not import.
ABOVE = {
    "models": ("actions", "serializers", "filters", "views", "admin"),
    "actions": ("serializers", "filters", "views", "admin"),
    "serializers": ("views", "admin"),
    "filters": ("views", "admin"),
    "views": ("admin",),
}
FORBIDDEN = {"utils", "helpers", "services", "selectors", "managers", "mixins", "core"}


def modules() -> list[Path]:
    """Return the modules of the apps, without migrations."""
    return sorted(path for path in (ROOT / "apps").rglob("*.py") if "migrations" not in path.parts)


def imports(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield what a module imports from our own apps, as the parts of dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found = [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            found = [name.name for name in node.names]
        else:
            continue
        yield from (tuple(name.split(".")) for name in found if name.startswith("apps."))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT / "apps")))
def test_imports_run_downward(path: Path) -> None:
    parts = path.relative_to(ROOT / "apps").with_suffix("").parts
    if len(parts) < 2:
        return
    app, kind = parts[0], parts[1]
    for imported in imports(path):
        assert imported[1] == app or imported[1] in BELOW[app], f"{path.name} imports {'.'.join(imported)}"
        if imported[1] == app and len(imported) > 2:
            assert not imported[2].startswith(ABOVE.get(kind, ())), f"{path.name} imports {'.'.join(imported)}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT / "apps")))
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
            assert inner == [], f"{path.name}: {node.name}"


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
