"""The size and the names of rooms: no module, function or package too large, no name twice, no type left open.

`apps/common` names no resource: what is known of one stands in its app.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from apps.common.resources.registry import viewsets

ROOT = Path(__file__).resolve().parent.parent
COMMON = ROOT / "apps" / "common"

MODULE_LINES = 400
FUNCTION_LINES = 40
MODULES_IN_A_PACKAGE = 16
PACKAGES_OF_COMMON = 15
SHARE_OF_COMMON = 0.15
ANY_IN_A_THOUSAND_LINES = 20
TYPE_IGNORES = 59
# Parameters that carry the things of the house; whoever reads a signature must see which.
TYPED = {"model", "user", "viewer", "view", "request", "record"}
# Names of resources that stand in `apps/common`, each with the reason.
ALLOWED = {
    "attestations": "relation through which every record has what parties say of it, beside its citations",
    "citations": "relation through which every record has its evidence, and the field of it in every answer",
    "figures": "relation through which every record has the numbers that are reported about it",
}


@cache
def sources() -> dict[Path, ast.Module]:
    """Return the modules of apps and partybuild, without migrations."""
    paths = [path for folder in ("apps", "partybuild") for path in (ROOT / folder).rglob("*.py")]
    return {
        path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(paths) if "migrations" not in path.parts
    }


def lines(path: Path) -> int:
    """Return how many lines a module has."""
    return path.read_text(encoding="utf-8").count("\n")


def name_of(path: Path) -> str:
    """Return how a failure names a module."""
    return str(path.relative_to(ROOT))


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield all functions with their module's name."""
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name_of(path), node


def test_no_module_is_too_long() -> None:
    assert [name_of(path) for path in sources() if lines(path) > MODULE_LINES] == []


def test_no_function_is_too_long() -> None:
    found = {f"{module}:{node.name}": (node.end_lineno or 0) - node.lineno + 1 for module, node in functions()}
    assert {name: length for name, length in found.items() if length > FUNCTION_LINES} == {}


def test_no_package_has_too_many_modules() -> None:
    packages = Counter(path.parent for path in sources() if path.name != "__init__.py")
    assert [name_of(folder) for folder, count in packages.items() if count > MODULES_IN_A_PACKAGE] == []


def test_common_has_few_rooms_of_a_like_size() -> None:
    sizes: Counter[str] = Counter()
    for path in sources():
        if COMMON in path.parents and path.parent != COMMON:
            sizes[path.relative_to(COMMON).parts[0]] += lines(path)
    assert len(sizes) <= PACKAGES_OF_COMMON
    whole = sum(sizes.values())
    assert [f"{name}: {size / whole:.0%}" for name, size in sizes.items() if size > SHARE_OF_COMMON * whole] == []


def test_no_public_class_name_stands_for_two_things() -> None:
    found = defaultdict(list)
    for path, tree in sources().items():
        for node in tree.body:
            # Django finds a management command by this name.
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Command":
                found[node.name].append(name_of(path))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_no_module_takes_a_private_name_from_another() -> None:
    found = [
        f"{name_of(path)}: {node.module}.{item.name}"
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("apps", "partybuild"))
        for item in node.names
        if item.name.startswith("_")
    ]
    assert found == []


def test_every_package_is_named_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {path.parent for path in sources()} - {ROOT / "apps"}
    packages = {name_of(folder) for folder in folders if not {"management", "commands"} & set(folder.parts)}
    assert sorted(name for name in packages if f"`{name}`" not in text) == []


def _is_any(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "Any"


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes of a module, those of annotations in quotes too."""
    for node in ast.walk(tree):
        yield node
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\bAny\b", node.value):
            try:
                quoted = ast.parse(node.value, mode="eval")
            except SyntaxError:  # a text in which the word stands
                continue
            if not isinstance(quoted.body, ast.Name):
                yield from ast.walk(quoted)


def _aliases() -> set[str]:
    """Return the names of aliases that hold an `Any`."""
    found = set()
    for tree in sources().values():
        for node in tree.body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.Subscript | ast.BinOp | ast.Name) and any(map(_is_any, ast.walk(value))):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_few_types_are_left_open() -> None:
    open_types = {"Any"} | _aliases()
    count = sum(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in open_types
        for tree in sources().values()
        for node in _annotations(tree)
    )
    whole = sum(map(lines, sources()))
    assert 1000 * count / whole <= ANY_IN_A_THOUSAND_LINES, f"{count} in {whole} lines"


def test_parameters_of_the_house_are_typed() -> None:
    given = [
        (f"{module}:{node.lineno} {node.name}", parameter)
        for module, node in functions()
        for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    ]
    found = [
        f"{place}({parameter.arg})"
        for place, parameter in given
        if parameter.arg in TYPED and parameter.annotation and any(map(_is_any, _annotations(parameter.annotation)))
    ]
    assert found == []


def test_no_more_errors_of_the_type_checker_are_silenced() -> None:
    count = sum(path.read_text(encoding="utf-8").count("type: ignore") for path in sources())
    assert count <= TYPE_IGNORES


def literals(path: Path) -> Iterator[str]:
    """Yield every string of a module that is written out, documentation included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_common_names_no_resource() -> None:
    names = {spelling for resource in viewsets() for spelling in (resource, resource.replace("-", "_"))}
    paths = [path for path in COMMON.rglob("*.py") if "migrations" not in path.parts]
    found = {(str(path.relative_to(COMMON)), text) for path in paths for text in literals(path) if text in names}
    assert {item for item in found if item[1] not in ALLOWED} == set()
    assert {text for _path, text in found} == set(ALLOWED), "take what no longer stands there out of ALLOWED"
