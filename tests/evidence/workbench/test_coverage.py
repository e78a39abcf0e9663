"""What counts as covered, and how much an article's coverage tells."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.common.models.targets import Target
from apps.evidence import spans
from apps.evidence.actions import attach_text
from apps.evidence.models import Article, Citation
from apps.evidence.texts.quoting import settle
from apps.evidence.workbench import coverage
from apps.evidence.workbench.coverage import CoveringSpan, Tally, cover, is_covered
from apps.evidence.workbench.scanner import Finding
from apps.registry.models import Street
from tests.factories import (
    AllianceFactory,
    CitationFactory,
    FigureFactory,
    MarkFactory,
    MemberUnitFactory,
    UnitNameFactory,
    UserFactory,
    rest,
)

BODY = "今年3月,测试街道成立“测试联盟”,共有十二家单位,测试大学在内,画了一个圈。"
FINDING = Finding("numeral", 10, 14, "十二家单")


def cite(start: int, end: int, key: str = "a") -> CoveringSpan:
    return CoveringSpan(start, end, "citations", key, record=Target("alliances", key, key))


# Over values


@pytest.mark.parametrize(
    ("stretches", "covered"),
    [
        ([(10, 14)], True),
        ([(0, 50)], True),
        ([(11, 14)], False),
        ([(10, 13)], False),
        ([(0, 12), (12, 20)], True),
        ([(13, 20), (0, 13)], True),
        ([(0, 12), (13, 20)], False),
        ([(0, 3), (20, 30)], False),
        ([], False),
    ],
)
def test_a_finding_is_covered_when_each_of_its_characters_is(stretches: list[tuple[int, int]], covered: bool) -> None:
    assert is_covered(FINDING, stretches) is covered
    assert bool(cover([FINDING], [cite(*stretch) for stretch in stretches], [])[0]) is covered


def test_what_holds_the_whole_finding_is_named_and_not_what_holds_a_part() -> None:
    (item,) = cover([FINDING], [cite(10, 14, "whole"), cite(12, 20, "part")], [])
    assert [place.key for place in item.citations] == ["whole"]


def test_parts_that_cover_a_finding_together_are_all_named() -> None:
    mark = CoveringSpan(12, 20, "marks", "m", reason="slogan")
    (item,) = cover([FINDING], [cite(0, 12)], [mark])
    assert (item.citations, item.marks) == ((cite(0, 12),), (mark,))


def test_a_share_is_rounded_down_so_that_all_means_all() -> None:
    assert Tally(10_000, 9_999).percent == 99.9
    assert Tally(3, 3).percent == 100.0
    assert Tally().percent == 100.0
    assert Tally(2, 1) + Tally(3, 3) == Tally(5, 4)


# Over the registry


@pytest.fixture
def article(db: None) -> Article:
    """An article of one sentence, with its text attached."""
    article = Article.objects.create(
        title="测试稿件",
        slug="coverage-test",
        captured_file="coverage-test.txt",
        captured_sha256=spans.digest(BODY),
        body_end=len(BODY),
        body_start=0,
        body_sha256=spans.digest(BODY),
    )
    attach_text(article=article, captured=BODY)
    return article


def place(quotation: str) -> dict[str, Any]:
    start, end = spans.find(BODY, quotation)
    return {"start": start, "end": end, "sha256": spans.digest(quotation)}


def states(found: coverage.Coverage) -> dict[tuple[str, str], bool]:
    return {(item.finding.kind, item.finding.text): bool(item) for item in found.findings}


def test_findings_are_covered_by_citations_of_any_record_and_by_marks(article: Article) -> None:
    unit = MemberUnitFactory(name="测试大学")
    alliance = AllianceFactory(name="测试联盟", cited=False)
    CitationFactory(article=article, record=alliance, supports=["name"], **place("成立“测试联盟”,共有十二家单位"))
    MarkFactory(article=article, reason="wording", **place("一个圈"))
    found = coverage.examine(article)
    assert states(found) == {
        ("date", "今年3月"): False,
        ("quoted", "测试联盟"): True,
        ("name", "测试联盟"): True,
        ("numeral", "十二家"): True,
        ("name", "测试大学"): False,
        ("numeral", "一个"): True,
    }
    assert found.tallies["numeral"] == Tally(2, 2)
    CitationFactory(article=article, record=unit, **place("测试大学在内"))
    assert states(coverage.examine(article))["name", "测试大学"]
    rest(alliance)


def test_other_names_of_a_unit_are_known_names(article: Article) -> None:
    UnitNameFactory(name="测试街道", slug="coverage-test-name")
    finding = next(item.finding for item in coverage.examine(article).findings if item.finding.kind == "name")
    assert (finding.text, finding.records) == ("测试街道", ("unit-names/coverage-test-name",))


def test_values_that_no_citation_supports_are_told(article: Article) -> None:
    alliance = AllianceFactory(slug="coverage-alliance", name="测试联盟", summary="摘要", cited=False)
    citation = CitationFactory(article=article, record=alliance, supports=["name"], **place("测试联盟"))
    found = coverage.examine(article)
    assert [value.field for value in found.values_without_evidence] == ["kind", "status", "summary"]
    assert found.tallies["value"] == Tally(4, 1)
    CitationFactory(record=alliance, supports=["kind", "status"])  # by another article
    Citation.objects.filter(pk=citation.pk).update(supports=["name", "summary"])
    assert coverage.examine(article).values_without_evidence == []


def test_drafts_count_for_curators_only(article: Article) -> None:
    draft = AllianceFactory(name="测试联盟", state="draft", cited=False)
    CitationFactory(article=article, record=draft, **place("测试联盟"))
    assert states(coverage.examine(article))["name", "测试联盟"]
    public = coverage.examine(article, published_only=True)
    assert ("name", "测试联盟") not in states(public)
    assert not states(public)["quoted", "测试联盟"]
    assert public.values == []


def test_divisions_are_known_names_and_their_values_need_no_evidence(article: Article) -> None:
    street = Street.objects.get(code="310110101")
    assert "streets/310110101" in coverage.known_names()[street.name]
    CitationFactory(article=article, record=street, supports=["name"], **place("测试街道"))
    assert coverage.examine(article).values == []


def test_everything_the_fixtures_say_has_evidence(db: None) -> None:
    reports = [coverage.examine(article) for article in Article.objects.all()]
    assert [value for report in reports for value in report.values_without_evidence] == []
    assert sum(report.tallies["value"].total for report in reports) > 2500


def test_the_number_of_queries_does_not_grow(
    article: Article, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    coverage.known_names()
    for _number in range(2):
        for _row in range(3):
            alliance = AllianceFactory(cited=False)
            CitationFactory(article=article, record=alliance, **place("测试联盟"))
            figure = FigureFactory(subject=alliance, cited=False)
            CitationFactory(article=article, record=figure, **place("十二家"))
        coverage.known_names()
        # Citations and their records, what supports those, one and their many for each kind, text, marks, names.
        with django_assert_num_queries(8):
            coverage.examine(article)


# Over HTTP


def get(client: Client, path: str) -> Any:
    response = client.get(f"/api/v1/articles/{path}")
    assert response.status_code == 200, response.content
    return response.json()


def test_the_interface_tells_what_covers_each_finding(client: Client, article: Article) -> None:
    alliance = AllianceFactory(slug="coverage-alliance", name="测试联盟", cited=False)
    citation = CitationFactory(article=article, record=alliance, supports=["name"], **place("测试联盟"))
    mark = MarkFactory(article=article, reason="wording", **place("一个圈"))
    answer = get(client, "coverage-test/coverage")
    assert answer["article"]["key"] == "coverage-test"
    assert answer["text_attached"] is True
    assert answer["totals"]["numeral"] == {"total": 2, "covered": 1, "percent": 50.0}
    by_place = {(finding["kind"], finding["start"]): finding for finding in answer["findings"]}
    start = BODY.index("测试联盟")
    reference = {
        "resource": "alliances",
        "key": "coverage-alliance",
        "name": "测试联盟",
        "url": "/api/v1/alliances/coverage-alliance",
    }
    assert by_place["name", start] == {
        "kind": "name",
        "start": start,
        "end": start + 4,
        "text": "测试联盟",
        "covered_by": {
            "citations": [{"record": reference, "url": f"/api/v1/citations/{citation.slug}"}],
            "marks": [],
        },
    }
    assert by_place["numeral", BODY.index("一个")]["covered_by"] == {
        "citations": [],
        "marks": [{"reason": "wording", "url": f"/api/v1/marks/{mark.slug}"}],
    }
    assert by_place["date", 0]["covered_by"] is None
    assert answer["values_without_evidence"] == [
        {"record": reference, "field": "kind"},
        {"record": reference, "field": "status"},
    ]
    rest(alliance)


def test_words_of_the_text_are_told_within_the_share_and_to_the_signed_in(
    client: Client, article: Article, settings: LazySettings
) -> None:
    settings.QUOTED_SHARE = 0.0
    settle(article)
    assert "今年3月" not in json.dumps(get(client, "coverage-test/coverage"), ensure_ascii=False)
    settings.QUOTED_SHARE = 1.0
    settle(article)
    assert get(client, "coverage-test/coverage")["findings"][0]["text"] == "今年3月"
    settings.QUOTED_SHARE = 0.0
    client.force_login(UserFactory())
    assert get(client, "coverage-test/coverage")["findings"][0]["text"] == "今年3月"


@pytest.mark.django_db
def test_without_a_text_only_values_are_told(client: Client) -> None:
    answer = get(client, "quyanglu-2023/coverage")
    assert (answer["text_attached"], answer["findings"]) == (False, [])
    assert answer["totals"].keys() == {"value"}
    assert answer["values_without_evidence"] == []


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["coverage", "facts"])
def test_unknown_parameters_and_articles_are_refused(client: Client, what: str) -> None:
    assert client.get(f"/api/v1/articles/quyanglu-2023/{what}?labels=true").status_code == 400
    assert client.get(f"/api/v1/articles/no-such-article/{what}").status_code == 404
    assert client.post(f"/api/v1/articles/quyanglu-2023/{what}").status_code == 405
