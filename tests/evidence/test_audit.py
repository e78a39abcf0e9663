"""The command that the checks run: how much of the five articles is covered."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.evidence.models import Article, Citation, Mark
from tests.factories import rest


def audit(**options: Any) -> str:
    out = StringIO()
    call_command("audit_evidence", stdout=out, **options)
    return out.getvalue()


def test_the_five_articles_are_covered(article_texts: list[Article]) -> None:
    report = audit(numerals=100, dates=100, quoted=100, names=100, values=100)
    assert [line.split()[0] for line in report.splitlines()[1:7]] == [*(a.slug for a in article_texts), "total"]
    assert "without evidence" not in report


def test_below_the_threshold_the_audit_fails_and_says_where(article_texts: list[Article]) -> None:
    Mark.objects.filter(article__slug="zhangjiang-zhen-2023", start=992).delete()
    with pytest.raises(CommandError, match=r"^zhangjiang-zhen-2023: 85.7 % of dates are covered, not 100 %$"):
        audit(dates=100)
    report = audit(dates=80)
    assert report.splitlines()[-1].split() == ["zhangjiang-zhen-2023", "992-994", "date", "如今"]


def test_a_value_without_evidence_fails_the_audit(article_texts: list[Article]) -> None:
    article = article_texts[2]
    cited = list(article.citation_spans.filter(supports__contains=["founded_on"]))
    for citation in cited:
        Citation.objects.filter(pk=citation.pk).update(supports=[f for f in citation.supports if f != "founded_on"])
    with pytest.raises(CommandError, match=r"99\.. % of values are covered, not 100 %"):
        audit(values=100)
    assert "without evidence: alliances/beizhonghuan-yuanxiao" in audit()
    rest(*(citation.record for citation in cited))


@pytest.mark.django_db
def test_without_texts_the_audit_says_so_in_one_line() -> None:
    with pytest.raises(CommandError) as raised:
        audit()
    assert str(raised.value).startswith("no text is attached to guodingyi-xianchanghui, putuo")
    assert "\n" not in str(raised.value)


@pytest.mark.django_db
def test_the_audit_gives_no_sentences_away(article_texts: list[Article]) -> None:
    Mark.objects.all().delete()
    longest = max(len(line.split()[-1]) for line in audit().splitlines()[7:])
    assert longest < 40
