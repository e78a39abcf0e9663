"""Which tests `make check` runs for a change."""

from pathlib import Path

import pytest

from tests.beside import beside


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("apps/common/reading/pages.py", "tests/common/reading/test_pages.py"),
        ("apps/evidence/models/spans.py", "tests/evidence/test_models.py"),
        ("apps/registry/migrations/0001_initial.py", "tests/registry/test_models.py"),
        ("partybuild/settings.py", "tests/partybuild/test_database.py"),
        ("tests/test_readme.py", "tests/test_readme.py"),
    ],
)
def test_the_tests_in_the_folder_of_the_same_name_are_run(changed: str, test: str):
    assert Path(test) in {*beside(Path(changed))}


@pytest.mark.parametrize("changed", ["README.md", "docs/index.md", "tests/factories.py", "apps/common/apps.py"])
def test_what_has_no_such_folder_has_none(changed: str):
    assert [*beside(Path(changed))] == []
