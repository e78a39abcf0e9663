"""A corrected date of issue moves every date that is counted from it, or nothing."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.events.models import Event
from apps.evidence.actions import correct_issue_date
from apps.evidence.models import Article, IssueDateCorrection
from tests import factories

pytestmark = pytest.mark.django_db


def correct(article: Article, issued_on: str, reason: str = "头版上印的是这一天") -> IssueDateCorrection:
    return correct_issue_date(article=article, issued_on=issued_on, by=factories.UserFactory(), reason=reason)


def event(article: Article, held_on: str, wording: str, relative_to: str, *, supports: Any = ("held_on",)) -> Event:
    made: Any = factories.EventFactory(
        held_on=held_on, held_on_wording=wording, held_on_relative_to=relative_to, cited=False, state="draft"
    )
    factories.CitationFactory(article=article, record=made, supports=list(supports))
    return made


def date_of(record: Any) -> tuple[str, str]:
    record.refresh_from_db()
    return record.held_on, record.held_on_relative_to


def test_dates_move_with_the_date_of_issue():
    article = factories.ArticleFactory(issued_on="2013-06-27")
    today = event(article, "2013-06-27", "今天", "2013-06-27")
    june = event(article, "2012-06", "去年6月", "2013-06-27")

    correction = correct(article, "2014-01-02")

    article.refresh_from_db()
    assert article.issued_on == "2014-01-02"
    assert (date_of(today), date_of(june)) == (("2014-01-02",) * 2, ("2013-06", "2014-01-02"))
    assert today.held_on_earliest.isoformat() == "2014-01-02"
    assert (correction.old, correction.new, correction.reason) == ("2013-06-27", "2014-01-02", "头版上印的是这一天")
    assert correction.moved == [
        {
            "record": f"events/{record.slug}",
            "field": "held_on",
            "wording": wording,
            "old": old,
            "new": new,
        }
        for record, wording, old, new in (
            (today, "今天", "2013-06-27", "2014-01-02"),
            (june, "去年6月", "2012-06", "2013-06"),
        )
    ]


def test_other_dates_stay():
    article = factories.ArticleFactory(issued_on="2013-06-27")
    others = [
        event(article, "2013-05-01", "", ""),
        event(article, "2013-05-01", "今天", "2013-05-01"),
        event(article, "2013-06-27", "今天", "2013-06-27", supports=["name"]),
        event(factories.ArticleFactory(), "2013-06-27", "今天", "2013-06-27"),
    ]
    before = [date_of(record) for record in others]

    assert correct(article, "2014-01-02").moved == []
    assert [date_of(record) for record in others] == before


def test_a_wording_that_is_not_known_stops_everything():
    article = factories.ArticleFactory(issued_on="2013-06-27")
    today = event(article, "2013-06-27", "今天", "2013-06-27")
    unknown = event(article, "2013-06-24/2013-06-30", "端午前后", "2013-06-27")

    with pytest.raises(ValidationError, match=f"端午前后.*events/{unknown.slug}"):
        correct(article, "2014-01-02")

    article.refresh_from_db()
    assert article.issued_on == "2013-06-27"
    assert date_of(today) == ("2013-06-27",) * 2
    assert not IssueDateCorrection.objects.filter(article__pk=article.pk).exists()


def test_an_undated_article_that_gets_a_date():
    article = Article.objects.get(slug="putuo-kaopu-fenghui")

    correction = correct(article, "2022-01-10")

    summit = Event.objects.get(slug="putuo-kaopu-niandu-fenghui")
    assert date_of(summit) == ("2022-01-10", "2022-01-10")
    assert {move["new"] for move in correction.moved} == {"2022-01-10", "2022-01-10/2022-12-31"}


@pytest.mark.parametrize(
    "slug", ["quyanglu-2023", "wujiaochang-zhen-2013", "zhangjiang-zhen-2023", "guodingyi-xianchanghui"]
)
def test_the_articles_of_the_fixtures_can_be_corrected_and_back(slug: str):
    article = Article.objects.get(slug=slug)
    old = article.issued_on

    there = correct(article, "2019-03-31")
    back = correct(article, old)

    assert there.moved
    assert [move["new"] for move in back.moved] == [move["old"] for move in there.moved]


@pytest.mark.parametrize(
    ("issued_on", "reason"), [("2014", " "), ("2013-06-27", "x"), ("soon", "x"), ("2014-02-30", "x")]
)
def test_a_correction_says_something_new_and_why(issued_on: str, reason: str):
    with pytest.raises(ValidationError):
        correct(factories.ArticleFactory(issued_on="2013-06-27"), issued_on, reason)
