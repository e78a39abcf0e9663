"""`/api/v1/search`: what is found, in which order, where it stands, and what is refused."""

import random
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from apps.common.models.records import Fact
from apps.common.values.pinyin import normalise_term
from apps.explore.search import sql
from apps.explore.search import views as search
from apps.explore.search.sql import searched
from apps.registry.models import MemberUnit
from tests.conftest import Api
from tests.factories import MemberUnitFactory, ProjectFactory, StreetFactory, UnitNameFactory


def found(api: Api, q: str, **parameters: object) -> list[str]:
    """Return the records of the first page as resource/key."""
    return [f"{hit['resource']}/{hit['key']}" for hit in api.get("search", q=q, **parameters)["results"]]


def test_hits_are_those_of_a_scan(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[tuple[str, str]] = []
    for resource, model in searched().items():
        own = sql.column_names(model)
        columns = [name for name in ("search_text", "alias_text", "prose") if name in own]
        published = "WHERE state = 'published'" if issubclass(model, Fact) else ""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT concat({', '.join(columns)}) FROM {model._meta.db_table} {published}")  # noqa: S608
            rows += [(resource, text) for (text,) in cursor.fetchall()]
    lines = [line for resource, text in rows if resource != "neighbourhoods" for line in text.split("\n") if line]
    dice = random.Random(5)  # noqa: S311 - the same terms in every run
    for _round in range(80):
        line = dice.choice(lines)
        start = dice.randrange(len(line))
        term = line[start : start + dice.choice([1, 2, 3, 5, 8])]
        expected: dict[str, int] = {}
        for resource, text in rows:
            if term in text and resource != "unit-names":
                expected[resource] = expected.get(resource, 0) + 1
        answer = api.get("search", q=term, page_size=1)
        assert answer["resources"] == {name: min(count, sql.CAP) for name, count in expected.items()}, term
        assert set(answer["capped"]) == {name for name, count in expected.items() if count > sql.CAP}


@pytest.fixture
def ladder(db: None) -> list[str]:
    """Make a record for each rank of the word 试梯, the lowest first."""
    text = ProjectFactory(name="甲项目", summary="说到试梯的一句")
    part = ProjectFactory(name="关于试梯")
    alias = MemberUnitFactory(name="乙单位")
    UnitNameFactory(unit=alias, name="老试梯")
    longer, prefix = ProjectFactory(name="试梯第十二"), ProjectFactory(name="试梯乙")
    exact = ProjectFactory(name="“试·梯”")
    return [f"{row.resource}/{row.key}" for row in (exact, prefix, longer, alias, part, text)]


@pytest.mark.parametrize("q", ["试梯", "試梯", "试·梯", "试 梯"])
def test_the_nearest_names_come_first(api: Api, ladder: list[str], q: str) -> None:
    assert found(api, q) == ladder


def test_ranks_and_scores_go_together(api: Api, ladder: list[str]) -> None:
    results = api.get("search", q="试梯")["results"]
    assert [hit["rank"] for hit in results] == ["exact", "prefix", "prefix", "alias", "name", "text"]
    assert [hit["score"] for hit in results] == [5, 4, 4, 3, 2, 1]


def test_pages_meet(api: Api, ladder: list[str]) -> None:
    page = api.get("search", q="试梯", page_size=2)
    seen = page["results"]
    while page["next"]:
        page = api.get(page["next"])
        assert page["resources"] == {"member-units": 1, "projects": 5}
        seen += page["results"]
    assert [f"{hit['resource']}/{hit['key']}" for hit in seen] == ladder


def test_the_best_are_found_among_more_than_are_looked_at(api: Api, ladder: list[str], monkeypatch: Any) -> None:
    for module in (search, sql):
        monkeypatch.setattr(module, "CAP", 1)
    sql.statement.cache_clear()
    answer = api.get("search", q="试梯", resource="projects")
    sql.statement.cache_clear()
    assert (answer["results"][0]["rank"], answer["capped"]) == ("exact", ["projects"])


@pytest.mark.parametrize(
    ("q", "field", "text", "words", "of"),
    [
        ("社區先鋒", "name", "寻·社区“先锋”测", "社区“先锋", None),
        ("xunshequ", "pinyin", "xunshequxianfengce", "xunshequ", "寻·社区“先锋”测"),
        ("xsqxfc", "initials", "xsqxfc", "xsqxfc", "寻·社区“先锋”测"),
        ("丙午", "slogan", "丙午口号", "丙午", None),
        ("丁未", "summary", None, "丁未", None),
    ],
)
def test_a_hit_says_where_it_matched(api: Api, q: str, field: str, text: str, words: str, of: str) -> None:
    project = ProjectFactory(name="寻·社区“先锋”测", slogan="丙午口号", summary="一" * 100 + "丁未" + "二" * 100)
    hit = next(hit for hit in api.get("search", q=q)["results"] if hit["key"] == project.slug)
    (match,) = hit["matches"]
    assert (match["field"], match["of"]) == (field, of)
    assert match["text"][match["start"] : match["end"]] == words
    assert match["text"] == text or (text is None and len(match["text"]) == 122)


def test_a_unit_is_found_by_its_alias_and_names_only_where_asked(api: Api) -> None:
    hit = api.get("search", q="上大", resource="member-units")["results"][0]
    assert (hit["key"], hit["rank"], hit["matches"][0]["field"]) == ("shanghai-daxue", "alias", "alias")
    assert normalise_term(hit["matches"][0]["text"]) == "上大"
    assert "unit-names" not in api.get("search", q="上大")["resources"]
    assert list(api.get("search", q="上大", resource="unit-names")["resources"]) == ["unit-names"]


def test_drafts_never_show(api: Api) -> None:
    ProjectFactory(name="密试隐", state="draft")
    UnitNameFactory(unit=MemberUnitFactory(name="丙单位"), name="密试隐", state="draft")
    answer = api.get("search", q="密试隐")
    assert (answer["results"], answer["resources"]) == ([], {})
    assert "密试隐" not in str(api.get("search", q="密试银")["suggestions"])


def test_places_narrow_to_records_that_lie_there(api: Api) -> None:
    street = StreetFactory()
    inside, outside = MemberUnitFactory(name="辛试单位", street=street), MemberUnitFactory(name="辛试外单位")
    assert set(found(api, "辛试")) == {f"member-units/{unit.slug}" for unit in (inside, outside)}
    assert found(api, "辛试", street=street.code) == [f"member-units/{inside.slug}"]
    assert found(api, "辛试", district=street.district.code) == [f"member-units/{inside.slug}"]
    assert found(api, street.name, street=street.code, resource="streets") == [f"streets/{street.code}"]


@pytest.mark.parametrize("q", ["五角厂", "五脚场", "wujiaocang", "wujaochang"])
def test_a_misspelt_name_is_put_right(api: Api, q: str) -> None:
    answer = api.get("search", q=q)
    assert answer["results"] == []
    assert {"五角场镇", "五角场街道"} <= {near["name"] for near in answer["suggestions"]}
    assert "Did you mean “五角场镇”" in answer["message"]


def test_what_comes_near_nothing_says_so(api: Api) -> None:
    answer = api.get("search", q="鑫淼焱垚")
    assert (answer["suggestions"], answer["message"]) == ([], "Nothing is found, and no name comes near.")


def test_labels_are_given_where_asked_for(api: Api) -> None:
    unit = MemberUnitFactory(name="壬试大学", kind=MemberUnit.Kind.UNIVERSITY)
    (hit,) = api.get("search", q=unit.name, labels="true")["results"]
    assert (hit["kind"], hit["kind_label"]) == ("university", "University")
    assert "kind_label" not in api.get("search", q=unit.name)["results"][0]


@pytest.mark.parametrize("q", ["党", "wjc", "健康 直通车", "五角场"])
def test_a_search_is_one_statement(api: Api, django_assert_num_queries: DjangoAssertNumQueries, q: str) -> None:
    api.get("search", q=q)
    with django_assert_num_queries(4):  # the others are the data version, and the time limit of a place set and reset
        api.get("search", q=q)
    with django_assert_num_queries(4):
        api.get("search", q=q, page_size=200, resource="projects,events")


@pytest.mark.parametrize(
    "q", ["%", "_", "\\", "' & !", "a' | 'b", "<->", ":*", "'", "\\'", "%s", "{}", "🀄", "\u0301", "a\n\tb"]
)
def test_any_text_is_answered(api: Api, q: str) -> None:
    assert api.ask("search", q=q).status_code in (200, 400)
    assert api.ask("search", q=f"{q}五角场{q}").status_code == 200


@pytest.mark.parametrize(
    ("parameters", "parameter", "says"),
    [
        ({}, "q", "q is needed"),
        ({"q": "a" * 1000}, "q", "at most 200"),
        ({"q": "甲 乙 丙 丁 戊 己 庚 辛 壬"}, "q", "at most 8"),
        ({"q": "“ ·"}, "q", "nothing in"),
        ({"q": "a", "resource": "projcts"}, "resource", "“projects”"),
        ({"q": "a", "street": "999"}, "street", "no streets/999"),
        ({"q": "a", "page_size": "201"}, "page_size", "200"),
        ({"q": "a", "page_size": "٣"}, "page_size", "200"),
        ({"q": "a", "cursor": "x"}, "cursor", "not one"),
        ({"q": "a", "labels": "yes"}, "labels", "true or false"),
        ({"q": "a", "resorce": "projects"}, "resorce", "“resource”"),
        ({"q": "a", "format": "xml"}, "format", "json"),
    ],
)
def test_what_is_wrong_is_refused_by_name(api: Api, parameters: dict[str, str], parameter: str, says: str) -> None:
    (error,) = api.problem("search", **parameters)["errors"]
    assert error["parameter"] == parameter
    assert says in error["detail"]


def test_a_cursor_belongs_to_its_search(api: Api) -> None:
    page = api.get("search", q="党", page_size=1)
    cursor = unquote(page["next"].partition("cursor=")[2])
    assert "another list" in api.problem("search", q="五", cursor=cursor)["detail"]
