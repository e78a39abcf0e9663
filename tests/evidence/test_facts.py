"""An article as facts, in reading order."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.evidence import facts
from apps.evidence.models import Article, Citation
from tests.factories import AllianceFactory, ArticleFactory, CitationFactory, FigureFactory, rest

pytestmark = pytest.mark.django_db

URL = "/api/v1/articles/wujiaochang-zhen-2013/facts"


def get(client: Client, url: str = URL) -> list[dict[str, Any]]:
    response = client.get(url)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["facts"]
    return found


def test_wujiaochang_town_is_told_in_figures(client: Client) -> None:
    told = [
        (fact["start"], fact["end"], fact["values"]["comparator"], fact["values"]["value"], fact["values"]["unit"])
        for fact in get(client)
        if fact["record"]["resource"] == "figures" and "value" in fact["values"]
    ]
    assert told == [
        (487, 493, "=", 5, "item"),  # sub-conferences
        (623, 630, "=", 10, "session"),  # events
        (631, 642, ">=", 720, "time"),  # services
        (643, 655, ">=", 31700, "person_time"),
        (664, 673, "=", 48, "organisation"),
        (1011, 1015, "=", 3, "project"),  # claimed by one unit
        (1074, 1080, "=", 5, "item"),
        (1082, 1090, "=", 48, "organisation"),
        (1112, 1115, "=", 4, "category"),
        (1115, 1121, "=", 118, "project"),
        (1223, 1244, "~", 6500, "person"),
    ]


def test_facts_stand_in_reading_order_with_their_spans_and_digests(client: Client) -> None:
    found = get(client)
    assert len(found) == Citation.objects.filter(article__slug="wujiaochang-zhen-2013").count()
    assert found == sorted(found, key=lambda fact: (fact["start"], fact["end"]))
    citation = Citation.objects.get(slug=found[0]["url"].rpartition("/")[2])
    assert (found[0]["start"], found[0]["end"], found[0]["sha256"]) == (citation.start, citation.end, citation.sha256)


def test_a_fact_shows_what_the_record_itself_shows(client: Client) -> None:
    record = client.get("/api/v1/alliances/wujiaochang-zhen-lianxihui").json()
    fact = next(
        fact for fact in get(client) if fact["record"]["url"] == record["url"] and "founded_on" in fact["values"]
    )
    assert fact["record"] == {
        "resource": "alliances",
        "key": record["slug"],
        "name": record["name"],
        "url": record["url"],
    }
    assert fact["values"].keys() == {
        "name",
        "kind",
        "status",
        "street",
        "founded_on",
        "founded_on_earliest",
        "founded_on_latest",
        "founded_on_wording",
        "founded_on_relative_to",
        "summary",
    }
    assert fact["values"] == {name: record[name] for name in fact["values"]}


def test_every_field_that_a_citation_supports_is_shown() -> None:
    missing = {
        (row.record.resource, name)
        for article in Article.objects.all()
        for row in facts.statements(article)
        for name in set(row.citation.supports) - row.values.keys()
    }
    assert missing == set()


def test_drafts_are_not_told(client: Client) -> None:
    article = ArticleFactory()
    CitationFactory(article=article, record=AllianceFactory(state="draft", cited=False))
    assert get(client, f"/api/v1/articles/{article.slug}/facts") == []


def test_the_number_of_queries_does_not_grow() -> None:
    article = ArticleFactory()
    counts, records = [], []
    for _number in range(2):
        for _row in range(3):
            alliance = AllianceFactory(cited=False)
            figure = FigureFactory(cited=False, subject=alliance)
            CitationFactory(article=article, record=alliance, supports=["name", "street", "founded_on"])
            CitationFactory(article=article, record=figure, supports=["value", "subject"])
            records += [alliance, figure]
        with CaptureQueriesContext(connection) as queries:
            assert facts.statements(article)
        counts.append(len(queries))
    assert counts == [4, 4]
    rest(*records)
