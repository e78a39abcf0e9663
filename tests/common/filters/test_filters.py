"""Query parameters: what each kind of filter keeps, and what is refused, by name."""

# mypy: allow-untyped-calls

from typing import Any

import pytest

from apps.common.filters.sets import facetable
from apps.common.resources.registry import viewsets
from tests.conftest import Api
from tests.factories import (
    AllianceFactory,
    ArticleFactory,
    CitationFactory,
    EventFactory,
    FigureFactory,
    MembershipFactory,
    MemberUnitFactory,
    ProjectFactory,
    StreetFactory,
    UnitNameFactory,
    VenueFactory,
)
from tests.full import share

# Kinds of filter ----------------------------------------------------------------------------------------------------


@pytest.fixture
def units(db: None) -> list[Any]:
    """Return three units of one street: a university, a hospital, a company."""
    street = StreetFactory(code="990000777")
    return [MemberUnitFactory(slug=kind, kind=kind, street=street) for kind in ("university", "hospital", "company")]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("hospital", ["hospital"]),
        ("hospital,university", ["hospital", "university"]),
        (" hospital , university ", ["hospital", "university"]),
        ("hospital,hospital", ["hospital"]),
        ("garrison", []),
    ],
)
def test_a_comma_within_a_choice_means_or(api: Api, units: list[Any], kind: str, found: list[str]) -> None:
    assert api.keys("member-units", street="990000777", kind=kind, sort="slug") == found


def test_a_parameter_with_an_empty_value_counts_as_not_given(api: Api, units: list[Any]) -> None:
    """Case 28 of public-reports.md, in every answer that takes filters."""
    plain = api.get("member-units", street="990000777", sort="slug", page_size=2, count="true", facets="kind")
    given = "street=990000777&sort=slug&page_size=2&count=true&facets=kind"
    page = api.get(f"/api/v1/member-units?q=&street=&{given}&kind=&as_of=&format=&fields=&expand=&labels=")
    assert page["results"] == plain["results"]
    assert (page["count"], page["facets"]) == (plain["count"], plain["facets"])
    # A cursor serves whether the empty ones stand beside it or not.
    following = page["next"]
    assert "kind" not in following
    assert api.get(f"{following}&kind=")["results"] == api.get(following)["results"]
    found = api.keys("/api/v1/member-units?street=990000777&street=&kind=&sort=slug")
    assert found == sorted(unit.slug for unit in units)
    for path, empty in (
        ("statistics?labels=true", "by=&district=&year=&measure=&after="),
        ("network?depth=0", "district=&as_of=&kind="),
        ("search?q=a", "street=&resource=&labels="),
        ("changes?page_size=1", "resource=&since=&operation="),
        ("alliances/wujiaochang-zhen-lianxihui/history?page_size=1", "format="),
        ("alliances/wujiaochang-zhen-lianxihui?labels=true", "as_of=&known_at=&expand=&fields="),
        ("figures/summary?measure=units_claiming", "kind=&q="),
    ):
        assert api.get(f"/api/v1/{path}&{empty}") == api.get(f"/api/v1/{path}")
    csv = api.client.get("/api/v1/member-units?format=csv&street=990000777&kind=&page_size=")
    assert b"".join(csv.streaming_content).count(b"\r\n") == 4
    # What there is not is refused, with a value or without.
    assert api.problem("/api/v1/alliances?nonesuch=")["code"] == "unknown_parameter"
    assert api.problem("/api/v1/alliances?q=pair&q=pair")["code"] == "invalid_parameter"
    assert api.problem("/api/v1/search?q=")["errors"][0]["parameter"] == "q"
    assert api.problem("/api/v1/figures/summary?measure=")["errors"][0]["parameter"] == "measure"


@pytest.mark.parametrize("resource", share(1, sorted(viewsets()), 2))
def test_what_a_facet_gives_as_value_the_parameter_takes(api: Api, resource: str) -> None:
    """Case 29: an empty text is none, and a value with a comma is given as the parameter takes it."""
    for series in ("", "甲,乙\\丙"):
        EventFactory(series=series)
    ArticleFactory(publisher="")
    filters = viewsets()[resource].filterset_class.base_filters
    for name in facetable(filters):
        for found in api.get(resource, facets=name, page_size=1, labels="true")["facets"][name]:
            assert found["value"] != ""
            if found["value"] is not None:
                counted = api.get(resource, **{name: found["value"], "count": "true", "page_size": 1})
                assert counted["count"] == found["count"], (name, found)
    if resource == "events":
        values = [found["value"] for found in api.get("events", facets="series", page_size=1)["facets"]["series"]]
        assert (None in values, "甲\\,乙\\\\丙" in values) == (True, True)


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("hospitl", "“hospitl” is not one of the values. Did you mean “hospital”?"),
        ("hospital,Company", "“Company” is not one of the values. Did you mean “company”?"),
        ("hospital,", "An empty value stands between commas."),
        (",", "An empty value stands between commas."),
    ],
)
def test_a_choice_that_there_is_not_is_refused(api: Api, kind: str, detail: str) -> None:
    body = api.problem("member-units", kind=kind)
    assert body["code"] == "invalid_parameter"
    assert body["errors"] == [{"parameter": "kind", "code": "invalid_parameter", "detail": detail}]


def test_a_choice_that_resembles_none_is_answered_with_all(api: Api) -> None:
    body = api.problem("alliances", status="?")
    assert body["detail"] == "“?” is not one of the values. Known are: active, dissolved, proposed."


def test_records_are_found_by_the_keys_of_others(api: Api) -> None:
    first, second, third = (MembershipFactory() for _ in range(3))
    keys = f"{first.alliance.slug},{second.alliance.slug}"
    assert set(api.keys("memberships", alliance=keys)) == {first.slug, second.slug}
    assert api.keys("memberships", alliance=keys, unit=second.unit.slug) == [second.slug]
    assert api.keys("memberships", alliance=keys, unit=third.unit.slug) == []


def test_divisions_are_named_by_their_codes(api: Api, units: list[Any]) -> None:
    project = ProjectFactory(street=units[0].street)
    assert api.keys("projects", street="990000777") == [project.slug]
    assert "310110019007" in api.keys("neighbourhoods", street="310110019,310110021")
    assert len(api.keys("neighbourhoods", district="310110", page_size=200)) > 300


@pytest.mark.parametrize("key", ["nobody", "university,nobody", "University", "310110", "x" * 2000, "'", "%", "名"])
def test_a_key_that_no_record_has_is_refused(api: Api, units: list[Any], key: str) -> None:
    body = api.problem("memberships", unit=key)
    (error,) = body["errors"]
    assert error["parameter"] == "unit"
    assert error["detail"] == f"There is no member-units/{key.split(',')[-1][:100]}."


def test_a_row_is_listed_once_however_often_it_matches(api: Api) -> None:
    unit = MemberUnitFactory()
    alliances = [AllianceFactory() for _ in range(2)]
    for alliance in alliances:
        for role in ("member", "liaison"):
            MembershipFactory(unit=unit, alliance=alliance, role=role)
    assert api.keys("member-units", alliance=f"{alliances[0].slug},{alliances[1].slug}") == [unit.slug]
    assert api.keys("alliances", unit=unit.slug, sort="slug") == sorted(alliance.slug for alliance in alliances)


NOT_EDTF = "not an EDTF date, such as 2012-06, 2023~ or ../2013-06-27."
DATES = {"a": "2012", "b": "2012-06", "c": "2012-06-27", "d": "2013", "e": "../2012-06", "f": "2012-06/..", "g": ""}


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        # For certain: a date that only may lie behind the bound is not found.
        ({"founded_after": "2012"}, "abcdf"),
        ({"founded_after": "2012-06"}, "bcdf"),
        ({"founded_after": "2012-06-02"}, "cd"),
        ({"founded_after": "2013"}, "d"),
        ({"founded_before": "2012"}, "abce"),
        ({"founded_before": "2012-06"}, "bce"),
        ({"founded_before": "2012-06-27"}, "c"),
        ({"founded_before": "2011"}, ""),
        ({"founded_after": "2012", "founded_before": "2012"}, "abc"),
        ({"founded_after": "2012-05~/2012-06?"}, "bcdf"),
    ],
)
def test_partial_dates_are_compared_by_what_they_mean_for_certain(
    api: Api, parameters: dict[str, str], found: str
) -> None:
    street = StreetFactory()
    for slug, founded_on in DATES.items():
        AllianceFactory(slug=slug, founded_on=founded_on, street=street)
    assert "".join(api.keys("alliances", street=street.code, sort="slug", **parameters)) == found


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("founded_after", "2012-6", "“2012-6” is not valid: " + NOT_EDTF),
        ("founded_after", "12XX-X3-31", "“12XX-X3-31” is not valid: " + NOT_EDTF),
        ("founded_after", "../2013", "“../2013” is open on the side that is compared."),
        ("founded_before", "2013/..", "“2013/..” is open on the side that is compared."),
        ("founded_before", "9999", "“9999” is not valid: outside the years 1 to 9998."),
        ("founded_before", "2013-02-29", "“2013-02-29” is not valid: a day that does not exist."),
        ("founded_before", "9" * 70, f"“{'9' * 64}” is not valid: longer than 64 characters."),
    ],
)
def test_a_bound_that_is_no_date_is_refused(api: Api, name: str, value: str, detail: str) -> None:
    body = api.problem("alliances", **{name: value})
    assert body["errors"] == [{"parameter": name, "code": "invalid_parameter", "detail": detail}]


def test_evidence_is_found_by_the_record_that_it_is_about(api: Api) -> None:
    alliance, project, other = AllianceFactory(slug="an-alliance"), ProjectFactory(slug="a-project"), VenueFactory()
    citations = [record.citations.get() for record in (alliance, project, other)]
    figures = [FigureFactory(subject=subject) for subject in (alliance, project, other)]
    both = "alliances/an-alliance,projects/a-project"
    assert set(api.keys("citations", record=both)) == {citation.slug for citation in citations[:2]}
    assert set(api.keys("figures", subject=both)) == {figure.slug for figure in figures[:2]}
    assert api.keys("figures", subject="projects/a-project") == [figures[1].slug]


@pytest.mark.parametrize(
    ("target", "detail"),
    [
        ("alliances/nobody", "There is no alliances/nobody."),
        ("alliances", "There is no alliances/."),
        ("aliances/x", "There is no resource “aliances”. Did you mean “alliances”?"),
        ("/x", "There is no resource “”."),
        ("streets/999", "There is no streets/999."),
        ("alliances/a/b", "There is no alliances/a/b."),
    ],
)
def test_a_target_that_there_is_not_is_refused(api: Api, target: str, detail: str) -> None:
    body = api.problem("figures", subject=target)
    (error,) = body["errors"]
    assert error["parameter"] == "subject"
    assert error["detail"].startswith(detail)


def test_records_are_found_by_the_article_that_they_rest_on(api: Api) -> None:
    article = ArticleFactory(slug="an-article")
    first, second = AllianceFactory(), AllianceFactory()
    for start in (1, 2):
        CitationFactory(article=article, record=first, start=start)
    CitationFactory(record=second)
    assert api.keys("alliances", article="an-article") == [first.slug]
    assert api.keys("projects", article="an-article") == []
    body = api.problem("alliances", article="no-article")
    assert body["errors"][0]["detail"] == "There is no articles/no-article."


def test_neighbourhoods_are_found_by_the_names_that_articles_use(api: Api) -> None:
    assert api.keys("neighbourhoods", written_as="国定一居民区") == ["310110019007"]
    assert api.keys("neighbourhoods", written_as="火星居民区") == []
    assert api.keys("neighbourhoods", written_as="翔殷路491弄居民区", as_of="2017-10-31") == ["310110101008"]


def test_texts_are_compared_whole(api: Api) -> None:
    FigureFactory(slug="a-figure", measure="cups_of_tea")
    assert api.keys("figures", measure="cups_of_tea") == ["a-figure"]
    assert api.keys("figures", measure="cups_of_tea,cups") == ["a-figure"]
    assert api.keys("figures", measure="cups") == []


def test_former_holders_of_a_code_are_found_by_it(api: Api) -> None:
    assert api.keys("streets", official_code="310109018", as_of="2015-09-30") == ["310109018-2017"]


# Search -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["睦邻测试", "邻", "mulin 大厦", "MULIN", "mlcsds", "小睦", "xiao mu"])
def test_units_are_found_by_any_of_their_names(api: Api, text: str) -> None:
    unit = MemberUnitFactory(slug="a-unit", name="睦邻测试大厦", street=StreetFactory(code="990000777"))
    UnitNameFactory(unit=unit, name="小睦")
    assert api.keys("member-units", street="990000777", q=text) == ["a-unit"]


def test_blanks_alone_search_for_nothing(api: Api, units: list[Any]) -> None:
    assert len(api.keys("member-units", street="990000777", q="  ")) == 3


def test_a_search_text_has_a_longest_length(api: Api) -> None:
    api.get("member-units", q="一" * 200)
    body = api.problem("member-units", q="一" * 201)
    assert body["errors"] == [
        {
            "parameter": "q",
            "code": "invalid_parameter",
            "detail": "More than 200 characters.",
        }
    ]


# As of --------------------------------------------------------------------------------------------------------------


def test_divisions_are_those_of_a_day(api: Api) -> None:
    names = {day: set(names_of(api, as_of=day)) for day in ("2013-06-27", "2017-10-31", "2020-06-30", "2023-07-06")}
    assert [("五角场镇" in found, "长海路街道" in found) for found in names.values()] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]
    assert set(names_of(api)) == names["2023-07-06"]


def names_of(api: Api, **parameters: str) -> list[str]:
    return [street["name"] for street in api.results("streets", page_size=200, fields="name", **parameters)]


def test_estates_are_listed_where_they_are_asked_for(api: Api) -> None:
    street = "310110101"
    assert "lanhua-jiaoshi-gongyu" not in api.keys(
        "neighbourhoods", street="310110101", as_of="2013-06-27", page_size=200
    )
    for parameters in ({"kind": "estate"}, {"q": "兰花教师"}, {"written_as": "兰花教师公寓"}):
        assert api.keys("neighbourhoods", street=street, **parameters) == ["lanhua-jiaoshi-gongyu"]


def test_memberships_and_names_are_those_of_a_day(api: Api) -> None:
    alliance = AllianceFactory(slug="an-alliance", founded_on="2010")
    early = MembershipFactory(alliance=alliance, joined_on="2012", left_on="2014-06-30")
    late = MembershipFactory(alliance=alliance, joined_on="2014")
    undated = MembershipFactory(alliance=alliance)
    found = {
        day: set(api.keys("memberships", alliance="an-alliance", as_of=day))
        for day in ("2011-12-31", "2012-01-01", "2014-06-30", "2014-07-01")
    }
    assert found == {
        "2011-12-31": {undated.slug},
        "2012-01-01": {undated.slug, early.slug},
        "2014-06-30": {undated.slug, early.slug, late.slug},
        "2014-07-01": {undated.slug, late.slug},
    }
    former = UnitNameFactory(unit=late.unit, kind="former", valid_until="2013")
    assert api.keys("unit-names", unit=late.unit.slug, as_of="2013-12-31") == [former.slug]
    assert api.keys("unit-names", unit=late.unit.slug, as_of="2014-01-01") == []


def test_what_is_nested_in_a_record_is_that_of_the_day_too(api: Api) -> None:
    unit = MemberUnitFactory(slug="a-unit")
    alliance = AllianceFactory(slug="an-alliance", founded_on="2010")
    MembershipFactory(alliance=alliance, unit=unit, joined_on="2012", left_on="2014")
    AllianceFactory(slug="late-part", parent=alliance, founded_on="2015")
    UnitNameFactory(unit=unit, name="旧名", valid_until="2013")

    def nested(day: str) -> list[int]:
        body, whole = api.get("alliances/an-alliance", as_of=day), api.get("member-units/a-unit", as_of=day)
        return [len(body["members"]), len(body["parts"]), len(whole["alliances"]), len(whole["names"])]

    assert {day: nested(day) for day in ("2011-01-01", "2013-01-01", "2016-01-01")} == {
        "2011-01-01": [0, 0, 0, 1],
        "2013-01-01": [1, 0, 1, 1],
        "2016-01-01": [0, 1, 0, 0],
    }


def test_a_reference_is_given_whatever_the_day(api: Api) -> None:
    """What a record points at is part of it, also where it began later: expanding a reference never loses it."""
    alliance = AllianceFactory(slug="an-alliance", founded_on="2015")
    ProjectFactory(slug="a-project", alliance=alliance)
    brief = api.get("projects/a-project", as_of="2012-01-01")
    whole = api.get("projects/a-project", as_of="2012-01-01", expand="alliance")
    assert brief["alliance"]["key"] == "an-alliance"
    assert whole["alliance"]["slug"] == "an-alliance"


@pytest.mark.parametrize(
    "day",
    [
        "2013",
        "2013-06",
        "2013-6-27",
        "2013-13-01",
        "2013-02-29",
        "0000-01-01",
        "今天",
        "2013-06-27T00:00",
        "２０１３-06-27",
        "../2013-06-27",
        "-2013-06-27",
    ],
)
def test_a_day_that_is_none_is_refused(api: Api, day: str) -> None:
    for path in ("streets", "streets/310110019", "alliances"):
        body = api.problem(path, as_of=day)
        assert body["errors"] == [
            {"parameter": "as_of", "code": "invalid_parameter", "detail": "A day is expected, such as 2013-06-27."}
        ]


@pytest.mark.parametrize(
    "name", ["kind", "unit", "founded_after", "q", "as_of", "format", "fields", "expand", "labels", "sort", "count"]
)
def test_a_parameter_without_a_value_changes_nothing(api: Api, name: str) -> None:
    assert api.get("alliances", **{name: ""}) == api.get("alliances")


def test_a_cursor_without_a_value_is_refused(api: Api) -> None:
    """Who has lost it would begin anew without noticing."""
    for path in ("alliances", "changes", "search?q=a"):
        body = api.problem(f"/api/v1/{path}{'&' if '?' in path else '?'}cursor=")
        assert body["errors"] == [{"parameter": "cursor", "code": "invalid_parameter", "detail": body["detail"]}]


# Unknown and doubled ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "hint"),
    [
        ("alliances", "knid", " Did you mean “kind”?"),
        ("alliances", "Kind", " Did you mean “kind”?"),
        ("alliances", "kind[]", " Did you mean “kind”?"),
        ("alliances", "founded_afte", " Did you mean “founded_after”?"),
        ("alliances", "page", ""),
        ("alliances", "limit", ""),
        ("alliances", "名", ""),
        ("alliances/wujiaochang-zhen-lianxihui", "kind", ""),
        ("alliances/wujiaochang-zhen-lianxihui", "page_size", ""),
        ("alliances/wujiaochang-zhen-lianxihui", "expnd", " Did you mean “expand”?"),
        ("", "q", " Known are: format."),
        ("vocabularies", "lang", " Known are: format."),
        ("vocabularies/alliances.kind", "formt", " Did you mean “format”?"),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_by_name(api: Api, path: str, name: str, hint: str) -> None:
    body = api.problem(path, **{name: "x"})
    (error,) = body["errors"]
    assert (body["code"], error["code"], error["parameter"]) == ("unknown_parameter", "unknown_parameter", name)
    assert error["detail"].startswith(f"There is no parameter “{name}”.{hint}")


def test_all_unknown_parameters_are_named(api: Api) -> None:
    body = api.problem("alliances", knid="pair", statu="active", q="x")
    assert [error["parameter"] for error in body["errors"]] == ["knid", "statu"]


def test_all_wrong_values_are_named(api: Api) -> None:
    body = api.problem("alliances", kind="pear", founded_after="soon", street="nowhere")
    assert sorted(error["parameter"] for error in body["errors"]) == ["founded_after", "kind", "street"]
    body = api.problem("alliances", kind="pair", unit="nobody", street="nowhere")
    assert sorted(error["parameter"] for error in body["errors"]) == ["street", "unit"]


def test_the_name_of_an_unknown_parameter_is_cut(api: Api) -> None:
    body = api.problem("alliances", **{"n" * 3000: "x"})
    assert body["errors"][0]["parameter"] == "n" * 100


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("alliances", "q=a&q=a"),
        ("alliances", "page_size=5&page_size=5"),
        ("alliances/wujiaochang-zhen-lianxihui", "labels=true&labels=true"),
        ("", "format=json&format=json"),
    ],
)
def test_a_value_given_twice_is_refused(api: Api, path: str, query: str) -> None:
    body = api.problem(f"{path}?{query}")
    name = query.partition("=")[0]
    assert body["errors"] == [
        {
            "parameter": name,
            "code": "invalid_parameter",
            "detail": f"“{name}” takes one value, and is given more than once.",
        }
    ]


@pytest.mark.parametrize(
    "path", ["alliances", "alliances/wujiaochang-zhen-lianxihui", "", "vocabularies", "vocabularies/alliances.kind"]
)
@pytest.mark.parametrize("form", ["xml", "JSON", "json,xml"])
def test_a_format_that_there_is_not_is_refused(api: Api, path: str, form: str) -> None:
    (error,) = api.problem(path, format=form)["errors"]
    assert (error["parameter"], error["code"]) == ("format", "invalid_parameter")
    assert error["detail"].startswith(f"“{form}” is not a format. ")
    assert "json" in error["detail"].removeprefix(f"“{form}”")
    assert api.get(path, format="json")
