"""An article with a page of two paragraphs, and what cites it."""

from collections.abc import Callable

import pytest

from apps.common.models.records import Citable
from apps.evidence import spans
from apps.evidence.models import Article, Citation
from tests.factories import AllianceFactory, CitationFactory

FIRST = "  测试街道去年成立了测试联盟,共有十二家单位。"
SECOND = "第二段说的是别的事情,很长。"
PAGE = f"栏目:要闻\n\n{FIRST}\n{SECOND}\n\n猜你喜欢:别的标题\n"
BODY_START = PAGE.index("  测试街道")
BODY_END = PAGE.index("\n\n猜你")
BODY = PAGE[BODY_START:BODY_END]

Cite = Callable[..., Citation]


@pytest.fixture
def article(db: None) -> Article:
    """An article whose text is not attached."""
    made: Article = Article.objects.create(
        slug="test-article",
        title="测试稿件",
        captured_file="test.txt",
        captured_sha256=spans.digest(PAGE),
        body_start=BODY_START,
        body_end=BODY_END,
        body_sha256=spans.digest(BODY),
    )
    return made


@pytest.fixture
def cite(article: Article) -> Cite:
    """Cites words of the article, for a text in the registry's own words, of a record of their own or one given."""

    def make(words: str, record: Citable | None = None) -> Citation:
        start, end = spans.find(BODY, words)
        found: Citation = CitationFactory(
            article=article,
            record=record or AllianceFactory(name="别的名称", summary="别的摘要"),
            start=start,
            end=end,
            sha256=spans.digest(words),
            supports=["summary"],
        )
        return found

    return make
