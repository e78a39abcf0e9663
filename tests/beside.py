"""Prints the tests beside what changed since a commit (`make check`): those in the folder that mirrors a module's own.

python -m tests.beside [commit]     HEAD where none is named: what is not committed
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALWAYS = [Path("tests/test_layers.py"), Path("tests/test_rooms.py")]


def changed(commit: str) -> list[Path]:
    """Return the files that differ from where the present branch left a commit's, and those that are new."""

    def git(*arguments: str) -> list[str]:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()

    [base] = git("merge-base", commit, "HEAD")
    return [Path(name) for name in git("diff", "--name-only", base) + git("ls-files", "--others", "--exclude-standard")]


def beside(path: Path) -> Iterator[Path]:
    """Yield the test files that stand beside a file of the project, by paths below its root."""
    top, *folders = path.parent.parts or ("",)
    if top == "tests" and path.name.startswith("test_"):
        yield path
    if top == "partybuild":
        folders = [top, *folders]
    elif top != "apps":
        return
    # A folder such as `models` has its tests in that of the app.
    while folders and not (found := sorted((ROOT / "tests").joinpath(*folders).glob("test_*.py"))):
        folders.pop()
    if folders:
        yield from (each.relative_to(ROOT) for each in found)


def main() -> None:
    """Print the paths for pytest."""
    found = {*ALWAYS, *(each for path in changed(*sys.argv[1:] or ["HEAD"]) for each in beside(path))}
    sys.stdout.write(" ".join(sorted(str(path) for path in found if (ROOT / path).exists())) + "\n")


if __name__ == "__main__":
    main()
