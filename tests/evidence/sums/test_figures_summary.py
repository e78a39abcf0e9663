"""`/figures/summary`: the sum of what may be added, or why not."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.evidence.models import Figure
from tests import factories

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/figures/summary"


def refused(client: Client, **parameters: str) -> str:
    answer = client.get(ADDRESS, parameters)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return str(answer.json()["detail"])


def figure(**options: Any) -> Any:
    return factories.FigureFactory(**{"measure": "test_measure", "value": 10, "comparator": "=", **options})


def test_figures_about_different_records_are_added(client: Client):
    one, other = figure(comparator=">="), figure(value=5, period="2013")

    answer = client.get(ADDRESS, {"measure": "test_measure"})

    assert answer.status_code == 200, answer.content
    body = answer.json()
    figures = body.pop("figures")
    assert body == {
        "measure": "test_measure",
        "unit": "person_time",
        "kind": "actual",
        "comparator": ">=",
        "value": 15,
        "reading": "≥ 15 人次",
        "targets": [],
    }
    assert [item["key"] for item in figures] == sorted([one.slug, other.slug])
    assert {item["url"] for item in figures} == {f"/api/v1/figures/{item.slug}" for item in (one, other)}
    assert {item["subject"]["key"] for item in figures} == {one.subject.slug, other.subject.slug}


def test_a_target_stands_apart(client: Client):
    figure()
    plan = figure(kind="target", value=1000)

    body = client.get(ADDRESS, {"measure": "test_measure"}).json()

    assert body["value"] == 10
    assert [item["key"] for item in body["targets"]] == [plan.slug]


def test_the_charging_points_are_in_no_sum(client: Client):
    assert "charging-points" in refused(client, measure="charging_points")
    refused(client, measure="charging_points", kind="target")
    refused(client, measure="test_measure", kind="actual,target")


def test_persons_are_not_added_to_person_times(client: Client):
    one, other = figure(unit="person"), figure(unit="person_time")

    detail = refused(client, measure="test_measure")

    assert one.slug in detail
    assert other.slug in detail
    assert client.get(ADDRESS, {"measure": "test_measure", "unit": "person"}).json()["value"] == 10


def test_the_same_is_not_counted_twice(client: Client):
    alliance = factories.AllianceFactory()
    one, other = figure(subject=alliance, period="2013"), figure(subject=alliance, period="2013-06")

    detail = refused(client, measure="test_measure")

    assert one.slug in detail
    assert other.slug in detail
    assert client.get(ADDRESS, {"measure": "test_measure", "period_after": "2013-06"}).json()["value"] == 10


def test_years_are_added(client: Client):
    alliance = factories.AllianceFactory()
    figure(subject=alliance, period="2013")
    figure(subject=alliance, period="2014")

    parameters = {"measure": "test_measure", "subject": f"alliances/{alliance.slug}"}

    assert client.get(ADDRESS, parameters).json()["value"] == 20


def test_a_part_of_a_part_is_not_added_to_the_whole(client: Client):
    street = factories.StreetFactory()
    whole = factories.AllianceFactory(street=street)
    part = factories.AllianceFactory(parent=factories.AllianceFactory(parent=whole))
    figure(subject=part)
    figure(subject=street)

    refused(client, measure="test_measure")


def test_only_figures_of_one_article(client: Client):
    alliance = factories.AllianceFactory()
    one, _other = figure(subject=alliance), figure(subject=alliance)
    article = factories.CitationFactory(record=one).article

    answer = client.get(ADDRESS, {"measure": "test_measure", "article": article.slug})

    assert answer.status_code == 200, answer.content.decode()
    assert answer.json()["value"] == 10


def test_drafts_are_in_no_sum(client: Client):
    figure()
    figure(state="draft", cited=False, value=99)

    assert client.get(ADDRESS, {"measure": "test_measure"}).json()["value"] == 10


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"measure": ""},
        {"measure": "services_provided,guests"},
        {"measure": "nothing"},
        {"measure": "guests", "x": "1"},
    ],
)
def test_one_known_measure_is_asked_for(client: Client, parameters: dict[str, str]):
    refused(client, **parameters)


def test_the_nearest_measure_is_named(client: Client):
    assert "services_provided" in refused(client, measure="service_provided")


def test_every_measure_of_the_fixtures_is_added_or_refused(client: Client):
    for measure in Figure.objects.values_list("measure", flat=True).distinct():
        assert client.get(ADDRESS, {"measure": measure}).status_code in {200, 400}


def test_more_figures_cost_no_more_queries(client: Client):
    figure(subject=factories.AllianceFactory())
    figure(subject=factories.AllianceFactory())
    client.get(ADDRESS, {"measure": "test_measure"})
    with CaptureQueriesContext(connection) as before:
        client.get(ADDRESS, {"measure": "test_measure"})
    figure(subject=factories.AllianceFactory())

    with CaptureQueriesContext(connection) as after:
        assert client.get(ADDRESS, {"measure": "test_measure"}).json()["value"] == 30

    assert len(after) == len(before)
