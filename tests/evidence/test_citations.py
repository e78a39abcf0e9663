"""Nothing without a source: what the registry says of the five articles, held against their texts."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models

from apps.common.models.records import Record, citable_models
from apps.evidence import spans
from apps.evidence.fixtures import files
from apps.evidence.models import Article, Citation
from apps.registry.models import Neighbourhood

pytestmark = pytest.mark.django_db

TEXTS = settings.BASE_DIR.parent / "shared" / "articles"
FILES = sorted((settings.BASE_DIR / "fixtures" / "articles").glob("*.yaml"))
needs_texts = pytest.mark.skipif(not TEXTS.is_dir(), reason="the texts of the articles are not part of the project")

# What states nothing itself: the sources, their citations, and the divisions, which rest on the gazetteer.
SOURCES = ("articles", "citations", "marks", "districts", "streets", "neighbourhoods")
LONGEST_SHARED = 30


def from_articles() -> list[Any]:
    """Return every record that was made from an article."""
    models_ = [model for name, model in citable_models().items() if name not in SOURCES]
    estates = Neighbourhood.objects.filter(kind="estate")
    return [*estates, *(row for model in models_ for row in model.objects.all())]


def body_of(article: Article) -> str:
    captured = spans.normalise((TEXTS / article.captured_file).read_text(encoding="utf-8"))
    return captured[article.body_start : article.body_end]


def supported() -> dict[tuple[int, int], set[str]]:
    """Return what the citations of each record support."""
    fields: dict[tuple[int, int], set[str]] = defaultdict(set)
    for citation in Citation.objects.all():
        fields[citation.content_type_id, citation.object_id] |= set(citation.supports)
    return fields


def test_there_are_five_articles_and_several_hundred_records() -> None:
    assert Article.objects.count() == 5
    assert len(from_articles()) > 500


def test_every_record_made_from_an_article_has_a_citation() -> None:
    cited = supported()
    without = [
        f"{row.resource}/{row.key}"
        for row in from_articles()
        if (ContentType.objects.get_for_model(row).pk, row.pk) not in cited
    ]
    assert without == []


def test_every_value_of_a_record_made_from_an_article_is_supported() -> None:
    """Each column that a curator fills, and each list of references, where it says something."""
    cited = supported()
    without = [
        f"{row.resource}/{row.key}: {name}"
        for row in from_articles()
        for name in given(row)
        if name not in cited[ContentType.objects.get_for_model(row).pk, row.pk]
    ]
    assert without == []


def given(row: Any) -> list[str]:
    """Return the names of the fields in which a row says something."""
    names = []
    for name in files.given_names(type(row)):
        field = row._meta.get_field(name)
        value = list(getattr(row, name).all()) if isinstance(field, models.ManyToManyField) else getattr(row, name)
        if value not in (None, "", []) and value is not False:
            names.append(name)
    # What the registry itself named rests on no source.
    return [name for name in names if name not in ("name", "name_given") or "name_given" not in names]


def test_every_citation_supports_fields_that_say_something_or_names_a_division() -> None:
    empty = [
        str(citation)
        for citation in Citation.objects.select_related("article").prefetch_related("record")
        if isinstance(citation.record, Record) and not set(citation.supports) <= set(given(citation.record))
    ]
    assert empty == []


@needs_texts
def test_every_article_is_the_captured_page_and_its_body_lies_in_it() -> None:
    for article in Article.objects.all():
        captured = spans.normalise((TEXTS / article.captured_file).read_text(encoding="utf-8"))
        assert spans.digest(captured) == article.captured_sha256, article.slug
        assert article.body_end <= len(captured), article.slug
        assert spans.digest(body_of(article)) == article.body_sha256, article.slug


@needs_texts
def test_every_citation_lies_in_the_body_and_has_its_digest() -> None:
    bodies = {article.pk: body_of(article) for article in Article.objects.all()}
    wrong = [
        citation.slug
        for citation in Citation.objects.all()
        if citation.end > len(bodies[citation.article_id])
        or spans.digest(bodies[citation.article_id][citation.start : citation.end]) != citation.sha256
    ]
    assert wrong == []
    assert Citation.objects.count() > 1000


@needs_texts
def test_no_body_holds_what_stands_around_the_article() -> None:
    """Link lists, footers and other headlines are on the captured pages, and not in the bodies."""
    bodies = "\n".join(body_of(article) for article in Article.objects.all())
    assert [words for words in ("ICP备", "猜你喜欢", "热点文章推荐", "上一篇", "版权所有") if words in bodies] == []


@needs_texts
def test_names_as_written_stand_in_an_article_that_is_cited_for_them() -> None:
    """A name is kept as it is written; `as_written` of an unresolved party and of a figure is a quotation."""
    bodies = {article.pk: body_of(article) for article in Article.objects.all()}
    absent = []
    for row in from_articles():
        written = getattr(row, "as_written", "")
        if not written:
            continue
        cited_in = {citation.article_id for citation in row.citations.all() if "as_written" in citation.supports}
        if not any(written in bodies[pk] for pk in cited_in):
            absent.append(f"{row.resource}/{row.key}: {written}")
    assert absent == []


@needs_texts
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_summaries_are_in_the_registrys_own_words(path: Path) -> None:
    content = files.read_file(path)
    captured = spans.normalise((TEXTS / content["article"]["captured_file"]).read_text(encoding="utf-8"))
    copied = [
        f"{resource}/{row['slug']}: {row[name][start : start + LONGEST_SHARED + 1]}"
        for resource, rows in content.items()
        if resource != "article"
        for row in rows
        for name in ("summary", "contribution")
        for start in range(len(row.get(name, "")) - LONGEST_SHARED)
        if row[name][start : start + LONGEST_SHARED + 1] in captured
    ]
    assert copied == []
