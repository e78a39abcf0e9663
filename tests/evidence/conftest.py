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
def article_texts(db: None) -> list[Article]:
    """The five articles, with their texts attached."""
    if not ARTICLES.is_dir():
        pytest.skip("the article texts are not beside this checkout (../shared/articles)")
    articles = list(Article.objects.filter(slug__in=SLUGS).order_by("slug"))
    for article in articles:
        attach_text(article=article, captured=(ARTICLES / article.captured_file).read_text(encoding="utf-8"))
    return articles
