"""Suggestions over HTTP: found by the database, scored, told with their parts and reasons."""

from itertools import islice
from typing import Any

import pytest
from django.test import Client

from apps.projects.matching.scoring import PARTS
from apps.projects.models import Resource
from tests import factories
from tests.conftest import problem_of
from tests.parties import ROOT, Party
from tests.projects.matching.pairs import ARTICLES, FURTHER, Offered, Pair, resources

pytestmark = pytest.mark.django_db
PAIRS = (*ARTICLES, *FURTHER[:10])


class Shanghai:
    """The needs and resources of pairs, and others, at their places."""

    def __init__(self) -> None:
        self.streets: dict[str, Any] = {}
        self.districts: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        right = [each for pair in PAIRS for each in pair.right]
        others = (each for each in resources() if each not in right)
        for each in (*right, *islice(others, 0, 400, 7)):
            self.keys[self.offer(each).slug] = each.key

    def street(self, place: str) -> Any:
        """Return the street of a place, made once."""
        district = place.partition("/")[0]
        if district not in self.districts:
            self.districts[district] = factories.DistrictFactory(name=district)
        if place not in self.streets:
            self.streets[place] = factories.StreetFactory(name=place, district=self.districts[district])
        return self.streets[place]

    def offer(self, each: Offered) -> Any:
        """Make a resource and its unit."""
        unit: Any = factories.MemberUnitFactory(name=each.unit, street=self.street(each.place))
        return factories.ResourceFactory(name=each.name, summary=each.summary, unit=unit)

    def need(self, pair: Pair) -> Any:
        """Make a need."""
        street = self.street(pair.place)
        return factories.NeedFactory(name=pair.name, summary=pair.summary, alliance=None, street=street)


def suggestions(path: str, language: str = "en") -> list[dict[str, Any]]:
    """Return what is suggested, as everybody reads it."""
    answer = Client(headers={"Accept-Language": language}).get(f"{ROOT}/{path}/matches")
    assert answer.status_code == 200, answer.content.decode()
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_the_database_finds_who_can_meet_each_need() -> None:
    town = Shanghai()
    missed = []
    for pair in PAIRS:
        need = town.need(pair)
        found = [each["record"]["key"] for each in suggestions(f"needs/{need.slug}")]
        first = [town.keys.get(key, key) for key in found[:3]]
        if not {each.key for each in pair.right} & {*first}:
            missed.append((pair.name, first))
    assert missed == []


@pytest.fixture
def street() -> Any:
    return factories.StreetFactory()


def make(street: Any, **values: Any) -> tuple[Any, Any]:
    """Make a need of a street and a resource of a unit in it."""
    unit: Any = factories.MemberUnitFactory(name="某区医院", kind="hospital", street=street)
    need = factories.NeedFactory(name="老年人义诊", summary="希望医生量血压", alliance=None, street=street)
    return need, factories.ResourceFactory(**{"name": "专家义诊", "summary": "为老人量血压", "unit": unit, **values})


def test_a_suggestion_is_told_with_its_parts_in_both_languages(street: Any) -> None:
    need, offer = make(street)
    (told,) = suggestions(f"needs/{need.slug}")
    assert told["record"]["key"] == offer.slug
    assert told["record"]["unit"] == "某区医院"
    assert {*told["parts"]} == {*PARTS}
    assert sum(told["parts"].values()) == told["score"]
    assert told["reasons"][0] == "Both are about: health."
    assert "Both lie in the same street or town." in told["reasons"]
    assert {each["part"] for each in told["gains"]} >= {"capacity", "calendar"}
    chinese = suggestions(f"needs/{need.slug}", "zh-Hans")[0]
    assert "医疗健康" in chinese["reasons"][0]
    assert chinese["parts"] == told["parts"]
    (back,) = suggestions(f"resources/{offer.slug}")
    assert (back["record"]["resource"], back["record"]["key"]) == ("needs", need.slug)
    assert back["parts"] == told["parts"]


def test_category_and_capacity_count_where_both_give_them(street: Any) -> None:
    need, offer = make(street)
    before = suggestions(f"needs/{need.slug}")[0]
    body: Any = factories.AllianceFactory(street=street)
    need.capacity, offer.capacity = 40, 30
    for record in (need, offer):
        record.category = factories.CategoryFactory(name="健康医疗", alliance=body)
        record.save()
        factories.rest(record)
    after = suggestions(f"needs/{need.slug}")[0]
    assert after["parts"]["subject"] > before["parts"]["subject"]
    assert after["parts"]["capacity"] == 30  # three quarters of 40 points
    assert "There is room for 30, and 40 are asked for." in after["reasons"]
    told = Client().get(f"{ROOT}/resources/{offer.slug}?expand=category").json()
    assert (told["capacity"], told["category"]["name"]) == (30, "健康医疗")


def test_what_the_unit_did_in_the_street_counts(street: Any) -> None:
    need, offer = make(street)
    before = suggestions(f"needs/{need.slug}")[0]
    project: Any = factories.ProjectFactory(alliance=None, street=street)
    factories.ClaimFactory(project=project, unit=offer.unit)
    factories.ProjectPartnerFactory(project=project, unit=offer.unit)  # the same project, once
    after = suggestions(f"needs/{need.slug}")[0]
    assert after["score"] > before["score"] == after["score"] - after["parts"]["together"]
    assert any("1" in reason for reason in after["reasons"][-1:])


def test_only_what_everybody_sees_and_what_is_free_is_suggested(street: Any) -> None:
    need, offer = make(street)
    _need, _draft = make(street, state="draft", cited=False)
    make(street, status="in_use")
    make(street, closes_on="2020-01-01")
    assert [each["record"]["key"] for each in suggestions(f"needs/{need.slug}")] == [offer.slug]
    need.status = "met"
    need.save()
    factories.rest(need)
    assert need.slug not in [each["record"]["key"] for each in suggestions(f"resources/{offer.slug}")]


def test_a_hidden_record_has_no_suggestions_but_for_its_parties(street: Any) -> None:
    hidden: Any = factories.NeedFactory(name="义诊", alliance=None, street=street, state="draft", cited=False)
    address = f"{ROOT}/needs/{hidden.slug}/matches"
    assert problem_of(Client().get(address))["code"] == "not_found"
    assert Party(role="curator", street=street).get(f"needs/{hidden.slug}/matches").status_code == 200


@pytest.mark.parametrize("path", ["needs/nonesuch", "resources/nonesuch", "needs/a'b|&!"])
def test_no_address_breaks_it(path: str) -> None:
    assert Client().get(f"{ROOT}/{path}/matches").status_code == 404


@pytest.mark.parametrize("name", ["'\\|&!():*", "ABC", "的", "医" * 200, "义诊'义诊\\诊"])
def test_no_name_breaks_it(street: Any, name: str) -> None:
    need: Any = factories.NeedFactory(name=name, slug="odd-need", alliance=None, street=street)
    assert Client().get(f"{ROOT}/needs/{need.slug}/matches").status_code == 200
    answer = Client().get(f"{ROOT}/needs/{need.slug}/matches?q=1")
    assert problem_of(answer)["errors"][0]["code"] == "unknown_parameter"


def test_equal_suggestions_stand_in_the_order_of_their_keys(street: Any) -> None:
    need, _offer = make(street)
    unit = Resource.objects.get(slug=_offer.slug).unit
    for number in range(5):
        factories.ResourceFactory(name="专家义诊", summary="为老人量血压", unit=unit, slug=f"equal-{9 - number}")
    found = [each["record"]["key"] for each in suggestions(f"needs/{need.slug}")]
    assert found == sorted(found)
    assert len(found) == 6
