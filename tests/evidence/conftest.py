"""The texts of the five articles, which are no part of the repository."""

from pathlib import Path

import pytest

from apps.evidence.actions import attach_text
from apps.evidence.models import Article

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


@pytest.fixture
def article_texts(article_pages: dict[Article, str]) -> list[Article]:
    """The five articles, with their texts attached."""
    for article, page in article_pages.items():
        attach_text(article=article, captured=page)
    return list(article_pages)
