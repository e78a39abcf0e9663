"""Pages of a folder, attached by their digests; what is not the recorded page is named, with the place."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.common.models.logged_change import LoggedChange
from apps.evidence.models import Article, ArticleText, Citation, Paragraph, QuotedShare
from apps.evidence.texts.attaching import AttachingError, attach_folder
from tests.evidence.texts.conftest import BODY, PAGE, Cite

pytestmark = pytest.mark.django_db


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (folder / name).write_text(text, encoding=encoding, newline="")


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("test.txt", PAGE, "utf-8"),
        ("of another name.html", PAGE.replace("\n", "\r\n"), "utf-8-sig"),
        ("三.txt", PAGE, "gb18030"),
    ],
)
def test_a_page_is_found_by_its_digest(article: Article, tmp_path: Path, name: str, text: str, encoding: str) -> None:
    put(tmp_path, name, text, encoding)
    found = attach_folder(tmp_path)
    assert (found.attached, found.unknown) == (["test-article"], [])
    assert "test-article" not in found.without
    assert ArticleText.objects.get(article=article).captured == PAGE


def test_a_page_of_another_digest_is_named_and_left(article: Article, tmp_path: Path) -> None:
    put(tmp_path, "other.txt", PAGE + "!")
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\0\xff" * 9)
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "folder").mkdir()
    out = StringIO()
    call_command("attach_articles", str(tmp_path), stdout=out)
    assert f"{tmp_path}/other.txt: not the page of any article, and ignored" in out.getvalue()
    assert "picture.jpg" in out.getvalue()
    assert "hidden" not in out.getvalue()
    assert f"test-article: its page is not in {tmp_path}" in out.getvalue()
    assert not ArticleText.objects.filter(article=article).exists()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (PAGE + "!", "The body is the recorded one: they differ outside of it."),
        (PAGE.replace("十二", "十三"), "At 17–22 of its body stand other words than those cited."),
        (
            PAGE.replace("去年成立", "去年初成立"),
            "At 11–15 of its body stand other words than those cited. The cited words stand at 12–16.",
        ),
        (PAGE.replace("别的事情", "那件事情"), "They differ in the body, where nothing is cited."),
        ("", "At 11–15 of its body stand other words"),
    ],
)
def test_a_page_that_was_changed_stops_with_the_place(
    article: Article, cite: Cite, tmp_path: Path, text: str, place: str
) -> None:
    cite("测试联盟")
    cite("有十二家单")
    other = Article.objects.exclude(pk=article.pk).order_by("slug").first()
    assert other is not None
    put(tmp_path, "test.txt", text)
    with pytest.raises(CommandError) as error:
        call_command("attach_articles", str(tmp_path))
    [line] = str(error.value).splitlines()
    assert line.startswith(f"nothing was attached: {tmp_path}/test.txt (test-article): This is not the recorded page")
    assert article.captured_sha256 in line
    assert place in line
    assert not ArticleText.objects.exists()


def test_a_citation_that_does_not_agree_stops_with_its_place(article: Article, cite: Cite, tmp_path: Path) -> None:
    citation = cite("测试联盟")
    Citation.objects.filter(pk=citation.pk).update(start=citation.start + 1, end=citation.end + 1)
    put(tmp_path, "test.txt", PAGE)
    with pytest.raises(AttachingError, match=r"At 12–16 .*The cited words stand at 11–15"):
        attach_folder(tmp_path)
    assert not ArticleText.objects.filter(article=article).exists()


def test_a_second_start_writes_nothing(article: Article, cite: Cite, tmp_path: Path) -> None:
    cite("测试联盟")
    put(tmp_path, "test.txt", PAGE)
    call_command("attach_articles", str(tmp_path), stdout=StringIO())
    attached_at, number = ArticleText.objects.get().attached_at, LoggedChange.objects.count()
    shares = list(QuotedShare.objects.values())
    out = StringIO()
    call_command("attach_articles", str(tmp_path), stdout=out)
    assert "articles: nothing to attach\n" in out.getvalue()
    assert "chosen" not in out.getvalue()
    assert (ArticleText.objects.get().attached_at, LoggedChange.objects.count()) == (attached_at, number)
    assert list(QuotedShare.objects.values()) == shares


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere: no such folder"):
        call_command("attach_articles", str(tmp_path / "nowhere"))


def test_the_paragraphs_are_those_of_the_body(article: Article, tmp_path: Path) -> None:
    put(tmp_path, "test.txt", PAGE)
    attach_folder(tmp_path)
    rows = list(Paragraph.objects.filter(article=article).values_list("number", "start", "end", "text"))
    assert [row[:3] for row in rows] == [(1, 0, BODY.index("\n")), (2, BODY.index("\n") + 1, len(BODY))]
    assert [row[3] for row in rows] == BODY.split("\n")
    ArticleText.objects.filter(article=article).delete()
    assert not Paragraph.objects.filter(article=article).exists()
