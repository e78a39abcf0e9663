"""The texts of the five articles, which are no part of the repository."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from apps.evidence import actions
from apps.evidence.models import Article, Citation
from apps.evidence.support_levels import Support, levels_of

ARTICLES = Path(__file__).parents[3] / "shared" / "articles"
SLUGS = [
    "guodingyi-xianchanghui",
    "putuo-kaopu-fenghui",
    "quyanglu-2023",
    "wujiaochang-zhen-2013",
    "zhangjiang-zhen-2023",
]


@pytest.fixture
def article_pages(db: None) -> dict[Article, str]:
    """The five articles with their captured pages, which are not attached."""
    if not ARTICLES.is_dir():
        pytest.skip("the article texts are not beside this checkout (../shared/articles)")
    articles = Article.objects.filter(slug__in=SLUGS).order_by("slug")
    return {each: (ARTICLES / each.captured_file).read_text(encoding="utf-8") for each in articles}


LEVELS: dict[str, list[Support]] = {}  # of the citations of each article, as the first test of a worker finds them


def levels_once(citations: Sequence[Citation]) -> list[Support]:
    """Return what the citations of an article support, computed once: each test begins with the same registry."""
    slug = citations[0].article.slug
    if slug not in LEVELS:
        LEVELS[slug] = levels_of(citations)
    return LEVELS[slug]


@pytest.fixture
def article_texts(article_pages: dict[Article, str]) -> list[Article]:
    """The five articles, with their texts attached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actions, "levels_of", levels_once)
        for article, page in article_pages.items():
            actions.attach_text(article=article, captured=page)
    return list(article_pages)
