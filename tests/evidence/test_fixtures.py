"""Fixtures of articles: loaded once, loaded again, exported, and refused whole with file, record and field."""

# mypy: allow-untyped-calls

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Max

from apps.common.models import LoadedFile, citable_models
from apps.events.models import Event
from apps.evidence import fixtures
from apps.evidence.models import Article, Citation
from apps.registry.models import Alliance, MemberUnit, Neighbourhood
from tests.factories import AllianceFactory, MemberUnitFactory

pytestmark = pytest.mark.django_db

FIXTURES = settings.BASE_DIR / "fixtures"
DIGEST = "0" * 64

DRAFT = f"""
article:
  slug: test-article
  title: 测试稿件
  captured_file: test-article.txt
  captured_sha256: {DIGEST}
  body_start: 10
  body_end: 110
  body_sha256: {DIGEST}
member-units:
- slug: test-unit
  name: 测试单位
  kind: company
  cite:
  - {{at: [0, 4], sha256: {DIGEST}, fields: [name, kind]}}
alliances:
- slug: test-alliance
  name: 测试联盟
  kind: alliance
  status: active
  founded_on: {{edtf: 2012-06, wording: 去年6月, relative_to: '2013-06-27'}}
  cite:
  - {{at: [5, 9], sha256: {DIGEST}, fields: [name, kind]}}
  - {{at: [10, 20], sha256: {DIGEST}, fields: [status, founded_on]}}
memberships:
- slug: test-membership
  alliance: test-alliance
  unit: test-unit
  role: member
  cite:
  - {{at: [5, 9], sha256: {DIGEST}, fields: [alliance, unit, role]}}
events:
- slug: test-event
  name: 测试会议
  kind: conference
  status: held
  street: '310110019'
  projects:
  - test-project
  cite:
  - {{at: [30, 40], sha256: {DIGEST}, fields: [name, kind, status, street, projects]}}
projects:
- slug: test-project
  name: 测试项目
  kind: service
  status: under_way
  cite:
  - {{at: [40, 50], sha256: {DIGEST}, fields: [name, kind, status]}}
figures:
- slug: test-figure
  name: 测试数据
  measure: tests
  comparator: '>='
  value: '720'
  unit: time
  kind: actual
  as_written: 720余次
  subject: alliances/test-alliance
  cite:
  - {{at: [50, 60], sha256: {DIGEST}, fields: [name, measure, comparator, value, unit, kind, as_written, subject]}}
"""


def load(folder: Path, **options: Any) -> str:
    out = StringIO()
    call_command("load_fixtures", folder, stdout=out, **options)
    return out.getvalue()


def state() -> dict[str, Any]:
    """Return how many rows there are of each kind and when the last of them changed, and the files that were loaded."""
    rows: dict[str, Any] = {
        name: (model.objects.count(), model.objects.aggregate(last=Max("updated_at"))["last"])
        for name, model in citable_models().items()
    }
    return {**rows, "files": list(LoadedFile.objects.values_list("path", "sha256"))}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes articles into a folder of fixtures."""

    def write(**files: str) -> Path:
        (tmp_path / "articles").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "articles" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


Write = Callable[..., Path]


# Loading ------------------------------------------------------------


def test_the_registry_is_what_is_in_the_fixtures() -> None:
    assert [path for path, _digest in LoadedFile.objects.values_list("path", "sha256")] == sorted(
        str(path.relative_to(FIXTURES)) for path in FIXTURES.glob("*/*")
    )
    assert set(Article.objects.values_list("slug", flat=True)) == {path.stem for path in FIXTURES.glob("articles/*")}


def test_loading_again_does_nothing() -> None:
    before = state()
    assert load(FIXTURES) == "fixtures: nothing changed\n"
    assert state() == before


def test_loading_everything_again_by_force_changes_no_row() -> None:
    before = state()
    assert load(FIXTURES, force=True) == ""
    assert state() == before


def test_a_draft_is_loaded_whole(write: Write) -> None:
    out = load(write(draft=DRAFT))

    assert sorted(out.splitlines()) == [
        "alliances: 1 written",
        "citations: 7 written",
        "events: 1 written",
        "figures: 1 written",
        "member-units: 1 written",
        "memberships: 1 written",
        "projects: 1 written",
    ]
    alliance = Alliance.objects.get(slug="test-alliance")
    assert (alliance.founded_on, alliance.founded_on_wording, alliance.founded_on_relative_to) == (
        "2012-06",
        "去年6月",
        "2013-06-27",
    )
    assert [(c.start, c.end, c.supports) for c in alliance.citations.all()] == [
        (5, 9, ["name", "kind"]),
        (10, 20, ["status", "founded_on"]),
    ]
    assert [(tie.unit.slug, tie.role) for tie in alliance.memberships.all()] == [("test-unit", "member")]
    event = Event.objects.get(slug="test-event")
    assert (event.street.code, [project.slug for project in event.projects.all()]) == ("310110019", ["test-project"])
    assert [(figure.slug, str(figure.value)) for figure in alliance.figures.all()] == [("test-figure", "720.00")]


def test_only_what_changed_in_a_file_is_written(write: Write) -> None:
    folder = write(draft=DRAFT)
    load(folder)
    assert load(folder) == "fixtures: nothing changed\n"

    write(draft=DRAFT.replace("name: 测试联盟", "name: 测试大联盟"))

    assert load(folder) == "alliances: 1 written\n"
    assert Alliance.objects.get(slug="test-alliance").name == "测试大联盟"


def test_a_curators_edit_survives_a_start_and_yields_to_force(write: Write) -> None:
    folder = write(draft=DRAFT)
    load(folder)
    Alliance.objects.filter(slug="test-alliance").update(name="馆员改的名字")

    load(folder)
    assert Alliance.objects.get(slug="test-alliance").name == "馆员改的名字"

    assert load(folder, force=True) == "alliances: 1 written\n"
    assert Alliance.objects.get(slug="test-alliance").name == "测试联盟"


def test_a_curators_edit_of_a_real_record_survives_a_start() -> None:
    Alliance.objects.filter(slug="wujiaochang-zhen-lianxihui").update(summary="馆员改的简介")
    load(FIXTURES)
    assert Alliance.objects.get(slug="wujiaochang-zhen-lianxihui").summary == "馆员改的简介"


def test_a_record_that_two_files_speak_of_has_the_values_and_citations_of_both(write: Write) -> None:
    other = f"""
article: {{slug: other-article, title: 又一篇, captured_file: other.txt, captured_sha256: {DIGEST}, body_start: 0,
  body_end: 50, body_sha256: {DIGEST}}}
alliances:
- slug: test-alliance
  name: 测试联盟
  slogan: 共建共享
  cite:
  - {{at: [0, 50], sha256: {DIGEST}, fields: [name, slogan]}}
"""
    load(write(draft=DRAFT, other=other))
    alliance = Alliance.objects.get(slug="test-alliance")
    assert (alliance.kind, alliance.slogan) == ("alliance", "共建共享")
    assert sorted({citation.article.slug for citation in alliance.citations.all()}) == ["other-article", "test-article"]


def test_an_estate_is_made_and_a_committee_only_cited(write: Write) -> None:
    text = (
        DRAFT
        + f"""neighbourhoods:
- slug: test-estate
  name: 测试公寓
  kind: estate
  street: '310110019'
  cite:
  - {{at: [0, 4], sha256: {DIGEST}, fields: [name, kind, street]}}
- code: '310110019007'
  cite:
  - {{at: [0, 4], sha256: {DIGEST}, fields: [name]}}
"""
    )
    load(write(draft=text))
    assert Neighbourhood.objects.get(slug="test-estate").street.name == "五角场街道"
    assert Citation.objects.filter(article__slug="test-article", start=0).count() == 3


# Refusing ------------------------------------------------------------

CITED_NAME = f"cite:\n  - {{at: [0, 1], sha256: {DIGEST}, fields: [name]}}\n"
CITATIONS = "a list of {at: [start, end], sha256: ..., fields: [...]} is expected"
ALLIANCE = "broken.yaml: alliances/test-alliance: "
BROKEN: dict[str, tuple[str, str, str]] = {
    # name of the case: what is replaced, by what, and how it is refused
    "unknown resource": ("alliances:", "aliances:", "broken.yaml: aliances: no such resource"),
    "an article among the records": ("alliances:", "articles:", "broken.yaml: articles: no such resource"),
    "unknown field": ("  status: active", "  colour: red", ALLIANCE + "colour: no such field"),
    "derived field": ("  status: active", "  name_pinyin: X", ALLIANCE + "name_pinyin: no such field"),
    "internal field": ("  status: active", "  id: '1'", ALLIANCE + "id: no such field"),
    "companion of a date": (
        "  status: active",
        "  founded_on_wording: X",
        ALLIANCE + "founded_on_wording: no such field",
    ),
    "no slug": ("- slug: test-alliance\n  name", "- name", "broken.yaml: alliances: a record without slug: 测试联盟"),
    "no citation": (
        "  cite:\n  - {at: [5, 9], sha256: " + DIGEST + ", fields: [alliance, unit, role]}\n",
        "",
        "broken.yaml: memberships/test-membership: has no citation",
    ),
    "value that nothing supports": (
        "[status, founded_on]",
        "[status]",
        ALLIANCE + "founded_on: no citation of this file supports the value",
    ),
    "support of a field that is not there": (
        "[status, founded_on]",
        "[status, founded_on, colour]",
        ALLIANCE + "colour: a citation supports a field that does not exist",
    ),
    "record twice in a file": (
        "memberships:",
        f"- slug: test-alliance\n  name: 测试联盟\n  {CITED_NAME}memberships:",
        "broken.yaml: alliances/test-alliance: stands twice in the file",
    ),
    "unknown reference": (
        "unit: test-unit",
        "unit: nobody",
        "broken.yaml: memberships/test-membership: unit: there is no member-units/nobody",
    ),
    "unknown reference in a list": (
        "  - test-project\n",
        "  - nothing\n",
        "broken.yaml: events/test-event: projects: there is no projects/nothing",
    ),
    "unknown division": (
        "'310110019'",
        "'319999999'",
        "broken.yaml: events/test-event: street: there is no streets/319999999",
    ),
    "unknown subject": (
        "alliances/test-alliance\n",
        "alliances/nobody\n",
        "broken.yaml: figures/test-figure: subject: there is no alliances/nobody",
    ),
    "subject of no resource": (
        "alliances/test-alliance\n",
        "test-alliance\n",
        "broken.yaml: figures/test-figure: subject: no resource is called test-alliance",
    ),
    "bad date": (
        "edtf: 2012-06,",
        "edtf: 去年6月,",
        ALLIANCE + "founded_on: “去年6月” is not a date in EDTF: not an EDTF date, such as 2012-06, 2023~ or"
        " ../2013-06-27. Write 2013-06-27, 2012-06, 2023~ or ../2013-06-27.",
    ),
    "bad part of a date": ("wording: 去年6月", "word: 去年6月", ALLIANCE + "founded_on: a date has no word"),
    "bad choice": ("kind: alliance\n", "kind: union\n", ALLIANCE + "kind: Value 'union' is not a valid choice."),
    "bad number": (
        "value: '720'",
        "value: 720余",
        "broken.yaml: figures/test-figure: value: “720余” value must be a decimal number.",
    ),
    "broken constraint": (
        "  founded_on: {edtf: 2012-06, wording: 去年6月, relative_to: '2013-06-27'}\n",
        "  founded_on: ''\n  dissolved_on: '2015'\n",
        ALLIANCE + "dissolved_on: no citation of this file supports the value",
    ),
    "constraint of the database": (
        "status: active",
        "status: proposed",
        ALLIANCE + "A proposed body has no founding date yet.",
    ),
    "slug that is not plain": (
        "- slug: test-event",
        "- slug: Test_Event",
        "broken.yaml: events/Test_Event: slug: Lower-case ASCII letters, digits and single hyphens only.",
    ),
    "committee that is not in the gazetteer": (
        "memberships:",
        f"neighbourhoods:\n- code: '319999999999'\n  {CITED_NAME}memberships:",
        "broken.yaml: neighbourhoods/319999999999: no such division",
    ),
    "citation outside the body": (
        "at: [30, 40]",
        "at: [90, 101]",
        "broken.yaml: events/test-event cite 90-101: end: The span ends at 101, outside the body, which has 100"
        " characters.",
    ),
    "empty citation": (
        "at: [30, 40]",
        "at: [40, 40]",
        "broken.yaml: events/test-event cite 40-40: The span is empty.",
    ),
    "citation before the body": (
        "at: [30, 40]",
        "at: [-1, 40]",
        "broken.yaml: events/test-event: cite: " + CITATIONS,
    ),
    "citation without a place": (
        "at: [30, 40], ",
        "",
        "broken.yaml: events/test-event: cite: " + CITATIONS,
    ),
    "citation without a digest": (
        f"at: [30, 40], sha256: {DIGEST}, ",
        "at: [30, 40], ",
        "broken.yaml: events/test-event: cite: " + CITATIONS,
    ),
    "citation with half a digest": (
        f"at: [30, 40], sha256: {DIGEST}",
        "at: [30, 40], sha256: abc",
        "broken.yaml: events/test-event cite 30-40: sha256: 64 hexadecimal digits in lower case are expected.",
    ),
    "place that is no pair": (
        "at: [30, 40]",
        "at: [30]",
        "broken.yaml: events/test-event: cite: " + CITATIONS,
    ),
    "key that stands twice": (
        "  kind: alliance\n",
        "  kind: alliance\n  kind: pair\n",
        'broken.yaml: the key kind stands twice in "<unicode string>", line 20, column 3',
    ),
    "malformed YAML": ("alliances:", "alliances: [", "broken.yaml: while parsing a flow "),
    "no article": ("article:", "piece:", "broken.yaml: a mapping with the key article is expected"),
    "article with an unknown field": ("  title:", "  headline:", "broken.yaml: article: headline: no such field"),
    "article without a title": (
        "  title: 测试稿件\n",
        "",
        "broken.yaml: article: title: This field cannot be blank.",
    ),
    "article without a slug": ("  slug: test-article\n", "", "broken.yaml: article: slug: is missing"),
    "article of another file": (
        "slug: test-article",
        "slug: good-article",
        "good.yaml: article: slug: another file has the same",
    ),
    "value of a division": (
        "memberships:",
        f"streets:\n- code: '310110019'\n  name: 别名\n  {CITED_NAME}memberships:",
        "broken.yaml: streets/310110019: name: the values of a division come from the gazetteer",
    ),
    "citation with an unknown key": (
        "fields: [status, founded_on]",
        "field: [status, founded_on]",
        ALLIANCE + "cite: " + CITATIONS,
    ),
    "citation given twice": (
        "  - {at: [10, 20]",
        f"  - {{at: [5, 9], sha256: {DIGEST}, fields: [name]}}\n  - {{at: [10, 20]",
        "broken.yaml: alliances/test-alliance cite 5-9: stands twice",
    ),
    "NUL": ("name: 测试联盟", 'name: "a\\0b"', ALLIANCE + "PostgreSQL text fields cannot contain NUL (0x00) bytes"),
    "text that is too long": (
        "wording: 去年6月",
        "wording: " + "去" * 41,
        ALLIANCE + "founded_on_wording: Ensure this value has at most 40 characters (it has 41).",
    ),
    "article whose body ends before it begins": (
        "body_start: 10",
        "body_start: 110",
        "broken.yaml: article: The body ends before it begins.",
    ),
    "resource that is no list": (
        "projects:\n- slug: test-project",
        "projects:\n  slug: test-project",
        "broken.yaml: projects: a list of records is expected",
    ),
    # Values of another shape than the column's
    "mapping for a text": ("name: 测试联盟", "name: {a: b}", ALLIANCE + "name: a text is expected"),
    "list for a text": ("name: 测试联盟", "name: [a, b]", ALLIANCE + "name: a text is expected"),
    "list for a reference": (
        "unit: test-unit",
        "unit: [test-unit]",
        "broken.yaml: memberships/test-membership: unit: a text is expected",
    ),
    "text for a list": (
        "  projects:\n  - test-project\n",
        "  projects: test-project\n",
        "broken.yaml: events/test-event: projects: a list of texts is expected",
    ),
    "list for a date": (
        "{edtf: 2012-06, wording: 去年6月, relative_to: '2013-06-27'}",
        "[2012-06]",
        ALLIANCE + "founded_on: a text is expected",
    ),
    "list for part of a date": ("edtf: 2012-06", "edtf: [2012-06]", ALLIANCE + "founded_on: a text is expected"),
    "list for a slug": (
        "- slug: test-event",
        "- slug: [test-event]",
        "broken.yaml: events: a record without slug: 测试会议",
    ),
    "mapping for a key": (
        "  kind: alliance\n",
        "  ? {a: b}\n  : c\n",
        'broken.yaml: a key is a text in "<unicode string>", line 19, column 5',
    ),
    "text for the citations": (
        "  cite:\n  - {at: [30, 40]",
        "  cite: abc\n  other:\n  - {at: [30, 40]",
        "broken.yaml: events/test-event: cite: " + CITATIONS,
    ),
    "text for the supported fields": (
        "[status, founded_on]",
        "status",
        ALLIANCE + "cite: " + CITATIONS,
    ),
    "mapping for the article's title": (
        "title: 测试稿件",
        "title: {a: b}",
        "broken.yaml: article: title: a text is expected",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_whole_with_file_record_and_field(case: str, write: Write) -> None:
    old, new, message = BROKEN[case]
    assert DRAFT.count(old) == 1, old
    folder = write(broken=DRAFT.replace(old, new), good=DRAFT.replace("test-", "good-"))
    before = state()

    with pytest.raises(CommandError) as error:
        load(folder)

    assert str(error.value).startswith(f"nothing was loaded: {message}")
    if not message.endswith(" "):
        assert str(error.value) == f"nothing was loaded: {message}"
    assert state() == before


def test_files_that_disagree_are_refused(write: Write) -> None:
    other = DRAFT.replace("test-article", "other-article").replace("name: 测试联盟", "name: 别的联盟")
    with pytest.raises(CommandError) as error:
        load(write(draft=DRAFT, other=other))
    assert str(error.value) == (
        "nothing was loaded: other.yaml: alliances/test-alliance: name: another file gives '测试联盟', not '别的联盟'"
    )


def test_a_bad_value_is_laid_at_the_file_that_gives_it(write: Write) -> None:
    other = DRAFT.replace("test-article", "other-article").replace(
        "  status: active\n", "  status: active\n  parent: nobody\n"
    )
    other = other.replace("[status, founded_on]", "[status, founded_on, parent]")
    with pytest.raises(CommandError) as error:
        load(write(draft=DRAFT, other=other))
    assert str(error.value) == (
        "nothing was loaded: other.yaml: alliances/test-alliance: parent: there is no alliances/nobody"
    )


def test_records_that_are_each_others_parent_are_refused(write: Write) -> None:
    second = f"""- slug: second-alliance
  name: 第二联盟
  kind: alliance
  status: active
  parent: test-alliance
  cite:
  - {{at: [0, 4], sha256: {DIGEST}, fields: [name, kind, status, parent]}}
memberships:"""
    text = DRAFT.replace("memberships:", second)
    text = text.replace("  founded_on:", "  parent: second-alliance\n  founded_on:").replace(
        "[status, founded_on]", "[status, founded_on, parent]"
    )
    with pytest.raises(CommandError, match="records that point at each other in a circle: ") as error:
        load(write(circle=text))
    assert "alliances/second-alliance" in str(error.value)


def test_a_record_that_is_its_own_parent_is_refused(write: Write) -> None:
    text = DRAFT.replace("  founded_on:", "  parent: test-alliance\n  founded_on:").replace(
        "[status, founded_on]", "[status, founded_on, parent]"
    )
    with pytest.raises(CommandError, match="in a circle: alliances/test-alliance -> alliances/test-alliance"):
        load(write(circle=text))


def test_a_record_that_was_deleted_is_not_brought_back(write: Write) -> None:
    AllianceFactory(slug="test-alliance").delete()
    load(write(broken=DRAFT))
    assert MemberUnit.objects.filter(slug="test-unit").exists()
    assert not Alliance.objects.filter(slug="test-alliance").exists()


def test_bytes_that_are_no_utf8_are_refused(write: Write, tmp_path: Path) -> None:
    folder = write()
    (folder / "articles" / "broken.yaml").write_bytes(b"article: \xff")
    with pytest.raises(CommandError, match=r"^nothing was loaded: broken\.yaml: 'utf-8' codec can't decode byte 0xff"):
        load(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere: no such folder"):
        load(tmp_path / "nowhere")


def test_a_broken_gazetteer_stops_the_articles_too(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES, tmp_path, dirs_exist_ok=True)
    streets = tmp_path / "gazetteer" / "streets.csv"
    streets.write_text(streets.read_text(encoding="utf-8") + "too,few\n", encoding="utf-8")
    article = tmp_path / "articles" / "quyanglu-2023.yaml"
    article.write_text(
        article.read_text(encoding="utf-8").replace("publisher: 文汇", "publisher: 文汇报"), encoding="utf-8"
    )
    before = state()
    with pytest.raises(CommandError, match=r"^nothing was loaded: streets\.csv:\d+: 2 cells instead of 6$"):
        load(tmp_path)
    assert state() == before


# Exporting ------------------------------------------------------------


def test_an_export_is_exactly_the_committed_files(tmp_path: Path) -> None:
    call_command("export_fixtures", tmp_path, stdout=StringIO())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in FIXTURES.glob("articles/*.yaml")
    }


def test_an_export_loads_into_the_same_rows(tmp_path: Path) -> None:
    before = state()
    call_command("export_fixtures", tmp_path / "articles", stdout=StringIO())
    assert load(tmp_path, force=True) == ""
    assert state() == before


def test_an_export_says_what_the_draft_says(write: Write, tmp_path: Path) -> None:
    load(write(draft=DRAFT))
    copy = tmp_path / "copy.yaml"
    copy.write_text(fixtures.dump(fixtures.export(Article.objects.get(slug="test-article"))), encoding="utf-8")
    assert fixtures.read_file(copy) == fixtures.read_file(tmp_path / "articles" / "draft.yaml")


def test_what_a_curator_adds_without_a_citation_is_not_exported(write: Write) -> None:
    load(write(draft=DRAFT))
    Alliance.objects.filter(slug="test-alliance").update(parent=AllianceFactory(), summary="馆员的话")
    MemberUnitFactory()
    exported = fixtures.export(Article.objects.get(slug="test-article"))
    (row,) = exported["alliances"]
    assert sorted(row) == ["cite", "founded_on", "kind", "name", "slug", "status"]
