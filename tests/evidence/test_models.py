"""Articles, citations and figures: their constraints, and how a figure reads."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from apps.evidence.models import Figure
from tests.factories import (
    DIGEST_OF_X,
    AllianceFactory,
    ArticleFactory,
    AttestationFactory,
    CitationFactory,
    EventFactory,
    FigureFactory,
    MarkFactory,
    MemberUnitFactory,
    ProjectFactory,
)
from tests.violations import refuse

pytestmark = pytest.mark.django_db


def article(**values: Any) -> Any:
    return ArticleFactory.build(slug="of-the-test", **values)


def citation(**values: Any) -> Any:
    row = CitationFactory(record=AllianceFactory(state="draft"))
    for name, value in values.items():
        setattr(row, name, value)
    return row


def attestation(**values: Any) -> Any:
    unit = MemberUnitFactory()
    row = AttestationFactory(record=unit, unit=unit)
    for name, value in values.items():
        setattr(row, name, value)
    return row


def same_citation() -> Any:
    first = CitationFactory()
    again = type(first)(slug="of-the-test", supports=["kind"], sha256=first.sha256)
    for name in ("article", "start", "end", "content_type", "object_id"):
        setattr(again, name, getattr(first, name))
    return again


def same_mark() -> Any:
    first = MarkFactory()
    return MarkFactory.build(slug="of-the-test", article=first.article, start=first.start, end=first.end)


VIOLATIONS: dict[str, Callable[[], Any]] = {
    "evidence_article_body_not_empty": lambda: article(body_start=10, body_end=10),
    "evidence_article_address_of_the_web": lambda: article(canonical_url="ftp://example.cn/a"),
    "evidence_article_digests": lambda: article(body_sha256=DIGEST_OF_X.upper()),
    "evidence_citation_not_empty": lambda: citation(start=5, end=5),
    "evidence_citation_digest_is_sha256": lambda: citation(sha256="0" * 63),
    "evidence_citation_supports_something": lambda: citation(supports=[]),
    "evidence_citation_once": same_citation,
    "evidence_attestation_supports_something": lambda: attestation(supports=[]),
    "evidence_attestation_one_party": lambda: attestation(alliance=AllianceFactory()),
    "evidence_attestation_names_its_paper": lambda: attestation(title=""),
    "evidence_attestation_confirmed_or_disputed": lambda: attestation(
        confirmed_at=timezone.now(), disputed_at=timezone.now()
    ),
    "evidence_mark_not_empty": lambda: MarkFactory.build(slug="of-the-test", article=ArticleFactory(), start=5, end=5),
    "evidence_mark_digest_is_sha256": lambda: MarkFactory.build(
        slug="of-the-test", article=ArticleFactory(), sha256="0" * 63
    ),
    "evidence_mark_once": same_mark,
    "evidence_figure_one_reporter": lambda: FigureFactory.build(
        slug="two-reporters",
        state="draft",
        subject=AllianceFactory(),
        reporter=MemberUnitFactory(),
        reporter_alliance=AllianceFactory(),
    ),
    "evidence_figure_not_negative": lambda: FigureFactory.build(
        slug="of-the-test", value=Decimal("-0.01"), subject=AllianceFactory()
    ),
}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_clean_and_the_database_keep_every_constraint(constraint: str) -> None:
    refuse(constraint, VIOLATIONS[constraint]())


def test_a_captured_page_belongs_to_one_article() -> None:
    row = article(captured_file=ArticleFactory().captured_file)
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert list(error.value.message_dict) == ["captured_file"]
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_a_citation_lies_within_the_body() -> None:
    row = citation(start=999, end=1001)
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert error.value.message_dict == {"end": ["The span ends at 1001, outside the body, which has 1000 characters."]}
    citation(start=999, end=1000).full_clean()


def test_a_citation_supports_fields_that_there_are() -> None:
    row = citation(supports=["name", "colour", "weight"])
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert error.value.message_dict == {"supports": ["Not a field of the record: colour, weight."]}


def test_the_slug_of_a_citation_names_its_place() -> None:
    row = CitationFactory(article=ArticleFactory(slug="an-article"), start=17)
    assert row.slug.startswith("an-article-17-")
    other = CitationFactory(article=row.article, start=17)
    assert other.slug != row.slug


def test_an_article_that_is_cited_is_not_deleted() -> None:
    with pytest.raises(IntegrityError, match="protected foreign keys"):
        CitationFactory().article.delete()


@pytest.mark.parametrize(
    ("comparator", "value", "unit", "reading"),
    [
        ("=", "118", "project", "118 projects"),
        (">=", "31700", "person_time", "≥ 31700 person-times"),
        (">", "300", "person", "> 300 persons"),
        ("~", "6500", "person", "≈ 6500 persons"),
        ("<=", "4.50", "hour", "≤ 4.5 hours"),
        ("<", "1000000000000000", "item", "< 1000000000000000 items"),
    ],
)
def test_a_figure_reads_as_a_person_says_it(comparator: str, value: str, unit: str, reading: str) -> None:
    figure = Figure(comparator=comparator, value=Decimal(value), unit=unit)
    with translation.override("en"):
        assert figure.reading == reading


@pytest.mark.parametrize("measure", ["Upper", "1st", "with space", "服务"])
def test_a_measure_is_a_plain_key(measure: str) -> None:
    with pytest.raises(ValidationError) as error:
        FigureFactory.build(slug="of-the-test", measure=measure, subject=AllianceFactory()).full_clean()
    assert list(error.value.message_dict) == ["measure"]


def test_what_was_empty_when_it_was_cited_is_not_filled_when_the_row_comes_back() -> None:
    alliance = AllianceFactory(summary="", state="draft", cited=False)
    row = CitationFactory(record=alliance, supports=["name", "summary"])
    row.refresh_from_db()
    assert row.says == {"name": alliance.name, "summary": None}
    alliance.summary = "后来写的"
    alliance.save()
    row.delete()
    row.slug = "back-again"
    row.save(force_insert=True)  # as a revert does, with what it said
    row.refresh_from_db()
    assert row.says == {"name": alliance.name, "summary": None}


def test_a_list_without_evidence_is_told_by_the_kind_of_its_record() -> None:
    event, project = EventFactory(), ProjectFactory()

    def add_unsaid() -> None:
        event.projects.add(project)
        connection.check_constraints()

    with pytest.raises(IntegrityError, match="the published event "), transaction.atomic():
        add_unsaid()
