"""What sources report stands beside what is on record, and neither overwrites the other."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from tests import factories

pytestmark = pytest.mark.django_db

ALLIANCE = "/api/v1/alliances/wujiaochang-zhen-lianxihui"


def test_an_alliance_shows_both(client: Client):
    answer = client.get(ALLIANCE).json()

    reported = answer["reported_unit_count"]
    assert {name: reported[name] for name in ("value", "comparator", "unit", "as_written", "url")} == {
        "value": 48,
        "comparator": "=",
        "unit": "organisation",
        "as_written": "48家单位",
        "url": "/api/v1/figures/wujiaochang-zhen-lianxihui-units-claiming",
    }
    assert reported["citation"]["article"]["key"] == "wujiaochang-zhen-2013"
    assert reported["citation"]["start"] < reported["citation"]["end"]
    assert client.get(reported["citation"]["url"]).status_code == 200
    assert 0 < answer["recorded_unit_count"] < 48
    assert (answer["reported_project_count"]["value"], answer["reported_category_count"]["value"]) == (118, 4)
    assert answer["recorded_category_count"] == 4
    assert (answer["reported_sub_conference_count"]["value"], answer["recorded_sub_conference_count"]) == (5, 5)
    assert answer["reported_founding_member_count"] is None


@pytest.mark.parametrize(
    ("address", "name", "reported", "recorded"),
    [
        ("projects/zhangjiang-gongzhi-jihua", "brand_project", 8, 8),
        ("projects/zhangjiang-gongzhi-jihua", "category", 2, 2),
        ("projects/zhangjiang-wuda-ronghe", "part", 5, 5),
        ("frameworks/quyanglu-liu-weidu-ceping", "dimension", 6, 6),
        ("events/zhangjiang-zhen-2023-tuijin-dahui", "guest", 300, 2),
        ("streets/310110019", "estate", 149, 0),
    ],
)
def test_others_show_both(client: Client, address: str, name: str, reported: int, recorded: int):
    answer = client.get(f"/api/v1/{address}").json()

    assert answer[f"reported_{name}_count"]["value"] == reported
    assert answer[f"recorded_{name}_count"] == recorded


def test_committees_are_counted_in_the_newest_edition(client: Client):
    answer = client.get("/api/v1/streets/310110019").json()

    assert answer["reported_neighbourhood_count"]["value"] == 32
    assert 0 < answer["recorded_neighbourhood_count"] <= answer["neighbourhood_count"]


def test_a_unit_is_counted_once_and_only_while_its_claim_stands(client: Client):
    alliance = factories.AllianceFactory()
    one, other, draft = factories.ProjectFactory.create_batch(3, alliance=alliance)
    unit = factories.MemberUnitFactory()
    factories.ClaimFactory(project=one, unit=unit)
    factories.ClaimFactory(project=other, unit=unit)
    factories.ClaimFactory(project=other, status="withdrawn")
    factories.ClaimFactory(project=draft, state="draft", cited=False)

    answer = client.get(f"/api/v1/alliances/{alliance.slug}").json()

    assert (answer["recorded_unit_count"], answer["recorded_project_count"]) == (1, 2)


def reports(alliance: Any, issued_on: str, **options: Any) -> Any:
    figure = factories.FigureFactory(
        subject=alliance, measure="units_claiming", unit="organisation", cited=False, state="draft", **options
    )
    factories.CitationFactory(record=figure, article=factories.ArticleFactory(issued_on=issued_on))
    type(figure).objects.filter(pk=figure.pk).update(state=options.get("state", "published"))
    return figure


def test_the_source_issued_last_is_shown(client: Client):
    alliance = factories.AllianceFactory()
    reports(alliance, "2013", value=50)
    reports(alliance, "2015", value=40)
    reports(alliance, "", value=60)
    reports(alliance, "2016", value=70, kind="target")

    answer = client.get(f"/api/v1/alliances/{alliance.slug}").json()

    assert answer["reported_unit_count"]["value"] == 40
    assert len(answer["figures"]) == 4


def test_what_a_party_attests_stands_among_the_figures_and_overwrites_no_report(client: Client):
    street: Any = factories.StreetFactory()
    alliance = factories.AllianceFactory(street=street)
    reports(alliance, "2013", value=48)
    values = {"subject": alliance, "measure": "units_claiming", "unit": "organisation", "comparator": "=", "value": 51}
    own = factories.FigureFactory(**values, reporter_street=street, cited=False)
    factories.AttestationFactory(record=own, unit=None, party_street=street)

    answer = client.get(f"/api/v1/alliances/{alliance.slug}").json()

    assert (answer["reported_unit_count"]["value"], answer["recorded_unit_count"]) == (48, 0)
    by = {each["value"]: each["reported_by"] for each in answer["figures"]}
    assert (by[48], by[51]["key"]) == (None, street.code)


def test_a_field_asked_for_alone_is_the_same(client: Client):
    whole = client.get(ALLIANCE).json()

    alone = client.get(ALLIANCE, {"fields": "reported_unit_count,recorded_unit_count"}).json()

    assert alone == {name: whole[name] for name in ("reported_unit_count", "recorded_unit_count")}


def test_more_figures_cost_no_more_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries):
    alliance = factories.AllianceFactory()
    reports(alliance, "2013")
    with CaptureQueriesContext(
        connection,
    ) as before:
        client.get(f"/api/v1/alliances/{alliance.slug}")
    reports(alliance, "2014")
    factories.FigureFactory(subject=alliance, measure="projects_claimed")

    with django_assert_num_queries(len(before)):
        client.get(f"/api/v1/alliances/{alliance.slug}")
