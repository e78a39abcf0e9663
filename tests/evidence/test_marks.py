"""Marks in the fixtures: loaded, exported, refused."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from apps.evidence import spans
from apps.evidence.fixtures import exporting, files, loading
from apps.evidence.models import Article, Mark

FIXTURES = Path(settings.BASE_DIR) / "fixtures" / "articles"
MARK = {"at": ["3", "5"], "sha256": spans.digest("x"), "reason": "wording", "note": "比喻"}
ARTICLE = {
    "slug": "marks-test",
    "title": "测试稿件",
    "captured_file": "marks-test.txt",
    "captured_sha256": spans.digest("x"),
    "body_start": "0",
    "body_end": "10",
    "body_sha256": spans.digest("x"),
}

pytestmark = pytest.mark.django_db


def load(*marks: Any) -> dict[str, int]:
    return loading.load({"test.yaml": {"article": dict(ARTICLE), "marks": list(marks)}}, ["test.yaml"])


def test_what_was_loaded_is_exported_byte_by_byte(tmp_path: Path) -> None:
    call_command("export_fixtures", tmp_path, stdout=StringIO())
    for path in FIXTURES.glob("*.yaml"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        assert "\nmarks:\n" in path.read_text(encoding="utf-8")


def test_marks_are_made_once_and_changed_where_they_differ() -> None:
    assert load(MARK) == {"marks": 1}
    assert load(MARK) == {}
    assert load({**MARK, "reason": "slogan"}) == {"marks": 1}
    mark = Mark.objects.get(article__slug="marks-test")
    assert (mark.start, mark.end, mark.reason, mark.note) == (3, 5, "slogan", "比喻")
    assert exporting.export(Article.objects.get(slug="marks-test"))["marks"] == [
        {"at": [3, 5], "sha256": spans.digest("x"), "reason": "slogan", "note": "比喻"}
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"at": ["5", "11"]}, "outside the body|正文"),
        ({"at": ["5", "5"]}, "test.yaml: marks 5-5"),
        ({"at": ["5"]}, "is expected"),
        ({"at": "5"}, "is expected"),
        ({"reason": "because"}, "because"),
        ({"reason": ["slogan"]}, "is expected"),
        ({"sha256": "x"}, "sha256"),
        ({"fields": ["name"]}, "is expected"),
    ],
)
def test_a_mark_that_does_not_hold_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(files.FixtureError, match=problem):
        load({**MARK, **change})
    assert not Mark.objects.filter(article__slug="marks-test").exists()


def test_a_draft_may_quote_its_marks(tmp_path: Path) -> None:
    draft, text, out = tmp_path / "draft.yaml", tmp_path / "page.txt", tmp_path / "out.yaml"
    text.write_text("标题\n他画了一个圈,又画了一个圈。\n", encoding="utf-8")
    draft.write_text(
        "article: {slug: cite-test, title: 标题, body_first: 他, body_last: 圈。}\n"
        "marks:\n- {quote: 一个, after: 又, reason: wording}\n",
        encoding="utf-8",
    )
    call_command("cite", draft, text, out, stdout=StringIO())
    assert files.read_file(out)["marks"] == [{"at": ["10", "12"], "sha256": spans.digest("一个"), "reason": "wording"}]
