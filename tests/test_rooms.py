"""Each app keeps what is known of its resources; `apps/common` names none of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

from apps.common.resources.registry import viewsets

COMMON = Path(__file__).resolve().parent.parent / "apps" / "common"
# Names of resources that stand in `apps/common`, each with the reason.
ALLOWED = {
    "citations": "relation through which every record has its evidence, and the field of it in every answer",
    "figures": "relation through which every record has the numbers that are reported about it",
}


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
