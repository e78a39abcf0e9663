"""From a draft with quotations to a fixture with positions and digests."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.evidence import spans
from apps.evidence.fixtures import files

PAGE = "首页 > 新闻\r\n正文开始。测试联盟于去年6月成立。联盟有甲、乙两家单位。正文结束。\r\n猜你喜欢:测试联盟"
BODY = "正文开始。测试联盟于去年6月成立。联盟有甲、乙两家单位。正文结束。"

DRAFT = """
article:
  slug: test-article
  title: 测试稿件
  body_first: 正文开始。
  body_last: 正文结束。
alliances:
- slug: test-alliance
  name: 测试联盟
  kind: alliance
  founded_on: {edtf: 2012-06, wording: 去年6月, relative_to: '2013-06-27'}
  cite:
  - {quote: 联盟, after: 成立。, fields: [kind]}
  - {quote: 测试联盟, fields: [name, kind]}
  - {quote: 去年6月, fields: [founded_on]}
  - {quote: 测试联盟, fields: [kind]}
streets:
- code: '310110019'
  cite:
  - 甲、乙两家单位
"""


def cite(tmp_path: Path, draft: str = DRAFT, page: str = PAGE) -> Path:
    """Run the command and return the file that it wrote."""
    (tmp_path / "draft.yaml").write_text(draft, encoding="utf-8")
    (tmp_path / "page.txt").write_bytes(page.encode())
    out = tmp_path / "out.yaml"
    call_command("cite", tmp_path / "draft.yaml", tmp_path / "page.txt", out, stdout=StringIO())
    return out


def test_quotations_become_places_in_the_body(tmp_path: Path) -> None:
    content = files.read_file(cite(tmp_path))

    captured = spans.normalise(PAGE)
    assert content["article"] == {
        "slug": "test-article",
        "title": "测试稿件",
        "captured_file": "page.txt",
        "captured_sha256": spans.digest(captured),
        "body_start": str(captured.index(BODY)),
        "body_end": str(captured.index(BODY) + len(BODY)),
        "body_sha256": spans.digest(BODY),
    }
    (alliance,) = content["alliances"]
    assert [(cite["at"], cite["fields"]) for cite in alliance["cite"]] == [
        (["5", "9"], ["name", "kind"]),
        (["10", "14"], ["founded_on"]),
        (["17", "19"], ["kind"]),
    ]
    assert [cite["sha256"] for cite in alliance["cite"]] == [spans.digest(q) for q in ("测试联盟", "去年6月", "联盟")]
    assert [(row["code"], row["cite"][0]["fields"]) for row in content["streets"]] == [("310110019", ["name"])]


def test_no_quotation_gets_into_the_fixture(tmp_path: Path) -> None:
    text = cite(tmp_path).read_text(encoding="utf-8")
    assert "quote" not in text
    assert "甲、乙" not in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("quote: 去年6月", "quote: 去年七月", "alliances/test-alliance: “去年七月” does not occur"),
        ("  - 甲、乙两家单位", "  - 正文", "streets/310110019: “正文” occurs more than once; say what it stands after"),
        ("after: 成立。", "after: 猜你喜欢", "alliances/test-alliance: “猜你喜欢” does not occur"),
        ("  cite:\n  - 甲、乙两家单位\n", "", "streets/310110019: has no citation"),
        ("fields: [founded_on]", "field: [founded_on]", "alliances/test-alliance: a citation has no field"),
        ("{quote: 去年6月, fields", "{fields", "alliances/test-alliance: a citation is a quotation, or a"),
        ("  - 甲、乙两家单位", "  - [甲]", "streets/310110019: a citation is a quotation, or a mapping with quote"),
        ("  cite:\n  - 甲、乙两家单位", "  cite: 甲、乙", "streets/310110019: cite is a list"),
        ("body_first: 正文开始。", "body_first: 从前", "“从前” does not occur"),
        ("  body_last: 正文结束。\n", "", "article: body_first and body_last are needed"),
        ("article:", "piece:", "a mapping with the key article is expected"),
        ("alliances:", "aliances:", "aliances: no such resource"),
        ("name: 测试联盟\n", "colour: 红\n", "alliances/test-alliance: colour: no such field"),
        ("fields: [founded_on]", "fields: [name]", "alliances/test-alliance: founded_on: no citation of this file"),
        ("fields: [founded_on]", "fields: [founded_on, colour]", "alliances/test-alliance: colour: a citation"),
        ("- slug: test-alliance\n  name", "- name", "alliances: a record without slug: 测试联盟"),
    ],
)
def test_a_draft_that_cannot_be_cited_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert DRAFT.count(old) == 1
    with pytest.raises(CommandError) as error:
        cite(tmp_path, DRAFT.replace(old, new))
    assert message in str(error.value)
    assert not (tmp_path / "out.yaml").exists()


def test_all_quotations_that_are_not_found_are_listed(tmp_path: Path) -> None:
    draft = DRAFT.replace("quote: 去年6月", "quote: 从来没有").replace("- 甲、乙两家单位", "- 从来没有")
    with pytest.raises(CommandError) as error:
        cite(tmp_path, draft)
    assert str(error.value).splitlines() == [
        "alliances/test-alliance: “从来没有” does not occur",
        "streets/310110019: “从来没有” does not occur",
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.yaml: .*No such file"):
        call_command("cite", tmp_path / "nowhere.yaml", tmp_path / "page.txt", tmp_path / "out.yaml")


@pytest.mark.django_db
def test_an_export_goes_into_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    out = StringIO()
    call_command("export_fixtures", tmp_path / "new" / "folder", stdout=out)
    written = [Path(line).name for line in out.getvalue().splitlines()]
    assert written == sorted(path.name for path in (settings.BASE_DIR / "fixtures" / "articles").iterdir())
