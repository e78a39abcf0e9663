"""Pages of a list: each row once, in order, in both directions, with ties and with rows that have no value."""

# mypy: allow-untyped-calls

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from pytest_django import DjangoAssertNumQueries

from apps.common.reading import read_request
from apps.common.reading.cursor import SIGNER
from apps.common.sql.statement import STATEMENTS
from apps.projects.models import Resource
from tests.conftest import Api
from tests.factories import AllianceFactory, ArticleFactory, CitationFactory, MemberUnitFactory, ResourceFactory

DATES = ["2012", "", "2013-06-27", "2012", "", "2012-06", "../2011", "2014", "2012", "2012-01-01"]


@pytest.fixture
def unit(db: None) -> Any:
    """Return a unit with ten resources: some of one date, some of none, in no order."""
    unit = MemberUnitFactory(slug="a-unit")
    for number, published_on in enumerate(DATES):
        ResourceFactory(unit=unit, slug=f"resource-{number}", name=f"资源{number % 3}", published_on=published_on)
    return unit


def walk(api: Api, direction: str, address: str) -> list[list[str]]:
    """Return the keys on each page from an address on."""
    pages = []
    while address:
        page = api.get(address)
        pages.append([record["slug"] for record in page["results"]])
        address = page[direction]
    return pages


def joined(pages: list[list[str]]) -> list[str]:
    return [slug for page in pages for slug in page]


SORTS = {
    # NULL comes last in both directions, and rows of the same value come in the order of their slugs.
    "published_on": [0, 3, 8, 9, 5, 2, 7, 1, 4, 6],
    "-published_on": [7, 2, 5, 0, 3, 8, 9, 1, 4, 6],
    "published_on,-slug": [9, 8, 3, 0, 5, 2, 7, 6, 4, 1],
    "-published_on,-slug": [7, 2, 5, 9, 8, 3, 0, 6, 4, 1],
    "name": [0, 3, 6, 9, 1, 4, 7, 2, 5, 8],
    "-name": [2, 5, 8, 1, 4, 7, 0, 3, 6, 9],
    "name,-published_on": [0, 3, 9, 6, 7, 1, 4, 2, 5, 8],
    "-slug": [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
}


@pytest.mark.parametrize("sort", SORTS)
def test_a_list_is_sorted(api: Api, unit: Any, sort: str) -> None:
    assert api.keys("resources", unit="a-unit", sort=sort) == [f"resource-{number}" for number in SORTS[sort]]


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_forwards_and_backwards_are_the_list(api: Api, unit: Any, sort: str, size: int) -> None:
    whole = [f"resource-{number}" for number in SORTS[sort]]
    start = f"/api/v1/resources?unit=a-unit&sort={sort}&page_size={size}"

    forwards = walk(api, "next", start)
    assert joined(forwards) == whole
    assert [len(page) for page in forwards[:-1]] == [size] * (len(forwards) - 1)

    # From the last page back: the addresses of `previous`, starting where `next` ended.
    last = start
    while address := api.get(last)["next"]:
        last = address
    backwards = walk(api, "previous", last)
    assert joined(backwards[::-1]) == whole


def test_the_first_page_has_no_previous_and_the_last_no_next(api: Api, unit: Any) -> None:
    first = api.get("resources", unit="a-unit", page_size=4)
    second = api.get(first["next"])
    third = api.get(second["next"])
    assert [bool(page["previous"]) for page in (first, second, third)] == [False, True, True]
    assert [bool(page["next"]) for page in (first, second, third)] == [True, True, False]
    assert api.get(third["previous"])["results"] == second["results"]
    again = api.get(second["previous"])
    assert again["results"] == first["results"]
    assert again["previous"] is None
    assert api.get(again["next"])["results"] == second["results"]


def test_a_page_that_is_just_full_is_the_last(api: Api, unit: Any) -> None:
    page = api.get("resources", unit="a-unit", page_size=10)
    assert (len(page["results"]), page["next"], page["previous"]) == (10, None, None)


def test_a_list_without_rows_is_one_empty_page(api: Api) -> None:
    MemberUnitFactory(slug="idle-unit")
    ends = dict.fromkeys(("next", "previous", "next_cursor", "previous_cursor"))
    assert api.get("resources", unit="idle-unit") == {"results": [], **ends}


def test_a_row_that_is_added_moves_no_other_row_to_another_page(api: Api, unit: Any) -> None:
    first = api.get("resources", unit="a-unit", sort="slug", page_size=4)
    ResourceFactory(unit=unit, slug="resource-00")
    second = api.get(first["next"])
    assert [record["slug"] for record in second["results"]] == [f"resource-{number}" for number in (4, 5, 6, 7)]


def test_a_row_that_is_gone_is_still_a_place_to_go_on_from(api: Api, unit: Any) -> None:
    first = api.get("resources", unit="a-unit", sort="slug", page_size=4)
    Resource.objects.get(slug="resource-3").delete()
    second = api.get(first["next"])
    assert [record["slug"] for record in second["results"]] == [f"resource-{number}" for number in (4, 5, 6, 7)]


def test_numbers_and_instants_are_places_too(api: Api) -> None:
    article = ArticleFactory(slug="an-article")
    alliance = AllianceFactory()
    for end, start in enumerate((5, 1, 3, 1, 2), 1):
        CitationFactory(article=article, record=alliance, start=start, end=start + end)
    for sort, starts in (("start", [1, 1, 2, 3, 5]), ("-start", [5, 3, 2, 1, 1]), ("updated_at", [5, 1, 3, 1, 2])):
        records = api.results("citations", article="an-article", sort=sort, page_size=1)
        assert [record["start"] for record in records] == starts
    values = [record["value"] for record in api.results("figures", sort="-value", page_size=5)]
    assert values == sorted(values, reverse=True)


def test_names_are_sorted_by_pinyin(api: Api) -> None:
    names = [record["name_pinyin"] for record in api.results("districts", sort="name")]
    assert names == sorted(names)
    assert names[:3] == ["Baoshan Qu", "Changning Qu", "Chongming Qu"]


# Cursors ------------------------------------------------------------------------------------------------------------


def next_of(api: Api, **parameters: object) -> str:
    """Return the cursor of the second page of the unit's resources."""
    address = api.get("resources", unit="a-unit", page_size=3, **parameters)["next"]
    return parse_qs(urlsplit(address).query)["cursor"][0]


def test_a_cursor_serves_any_size_of_page_and_any_shape_of_record(api: Api, unit: Any) -> None:
    cursor = next_of(api)
    page = api.get("resources", unit="a-unit", cursor=cursor, page_size=5, fields="slug", labels="true", count="true")
    assert [len(page["results"]), page["count"]] == [5, 10]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("resources", {}),
        ("resources", {"unit": "a-unit", "sort": "-name"}),
        ("resources", {"unit": "a-unit", "sort": "name"}),
        ("resources", {"unit": "a-unit", "status": "offered"}),
        ("resources", {"unit": "a-unit", "as_of": "2013-06-27"}),
        ("needs", {"unit": "a-unit"}),
    ],
)
def test_a_cursor_of_another_list_is_refused(api: Api, unit: Any, path: str, parameters: dict[str, str]) -> None:
    body = api.problem(path, cursor=next_of(api), **parameters)
    assert body["code"] == "invalid_parameter"
    assert body["errors"] == [
        {
            "parameter": "cursor",
            "code": "invalid_parameter",
            "detail": "The cursor was made for another list: other filters, sort order or address.",
        }
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda cursor: "x",
        lambda cursor: cursor[:-1],
        lambda cursor: cursor + "A",
        lambda cursor: cursor.swapcase(),
        lambda cursor: ("B" if cursor[0] != "B" else "C") + cursor[1:],
        lambda cursor: cursor.replace("~", ""),
        lambda cursor: "党建:" + cursor,
        lambda cursor: signing.dumps(["n", "digest", 1], salt="another"),
        lambda cursor: signing.Signer(salt=SIGNER.salt, key="k" * 50).sign_object(["n", "digest", 1]),
        lambda cursor: "n" + signing.Signer(salt=SIGNER.salt, key="k" * 50, sep="~").sign_object(["digest", 1]),
        lambda cursor: "x" + cursor[1:],
        lambda cursor: cursor[1:],
        lambda cursor: "n",
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(api: Api, unit: Any, change: Any) -> None:
    body = api.problem("resources", unit="a-unit", cursor=change(next_of(api)))
    assert body["errors"][0]["parameter"] == "cursor"
    assert body["detail"] == "The cursor is not one that this service gave."


def test_parameters_that_were_read_before_are_read_as_strictly(api: Api, unit: Any) -> None:
    cursor = next_of(api)
    for _again in range(2):
        assert api.ask(f"resources?unit=a-unit&cursor={cursor}").status_code == 200
        assert api.ask("resources?unit=a-unit").status_code == 200
        assert api.ask("resources/nonesuch").status_code == 404
    for wrong in ("cursor=", f"cursor={cursor}&cursor={cursor}", f"cursor={cursor}&%63ursor={cursor}", "cursor"):
        assert api.problem(f"resources?unit=a-unit&{wrong}")["errors"][0]["parameter"] == "cursor"
    assert api.ask(f"resources?unit=a-unit&%63ursor={cursor}").json() == api.get(
        "resources", unit="a-unit", cursor=cursor
    )
    assert api.problem(f"resources/nonesuch?cursor={cursor}")["code"] == "unknown_parameter"
    assert api.problem("resources?unit=a-unit&q=a&q=a")["errors"][0]["parameter"] == "q"


@pytest.mark.parametrize("content", [[], ["n"], ["x", "y", "z"]])
def test_what_is_signed_but_no_cursor_is_refused(api: Api, unit: Any, content: Any) -> None:
    api.problem("resources", unit="a-unit", cursor="n" + SIGNER.sign_object(content))


def test_the_pages_on_both_sides_of_a_boundary_are_reached_by_the_same_token(api: Api, unit: Any) -> None:
    for sort in ("name", "-name", "updated_at", "-updated_at,name"):
        first = api.get("resources", unit="a-unit", page_size=3, sort=sort)
        second = api.get(first["next"])
        assert second["previous"].replace("cursor=p", "cursor=n") == first["next"]
        assert api.get(second["previous"])["results"] == first["results"]
        assert api.get(api.get(second["previous"])["next"]) == second
        third = api.get(second["next"])
        assert api.get(third["previous"]) == {**second, "next": second["next"]}


def test_a_page_read_backwards_goes_on_where_rows_have_come_and_gone(api: Api, unit: Any) -> None:
    first = api.get("resources", unit="a-unit", page_size=3)
    second = api.get(first["next"])
    keys = [row["slug"] for row in first["results"]]
    Resource.objects.filter(slug=keys[-1]).update(state="draft")
    assert [row["slug"] for row in api.get(second["previous"])["results"]] == keys[:-1]
    assert api.get(first["next"])["results"] == second["results"]


# Size and count -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["0", "-1", "201", "1.5", "1e2", "x", "１", "١", "99999", "9" * 400, "+5", " 5", "5 "])
def test_a_page_size_that_is_none_is_refused(api: Api, size: str) -> None:
    body = api.problem("alliances", page_size=size)
    assert body["errors"] == [
        {
            "parameter": "page_size",
            "code": "invalid_parameter",
            "detail": "page_size is a whole number from 1 to 200.",
        }
    ]


def test_a_page_holds_fifty_records_unless_asked_otherwise(api: Api) -> None:
    assert len(api.get("streets")["results"]) == 50
    assert len(api.get("streets", page_size=200)["results"]) == 200


def test_a_count_is_given_where_it_is_asked_for(api: Api, unit: Any) -> None:
    assert "count" not in api.get("resources", unit="a-unit")
    assert "count" not in api.get("resources", unit="a-unit", count="false")
    page = api.get("resources", unit="a-unit", count="true", page_size=3)
    assert (page["count"], page["count_is_exact"], len(page["results"])) == (10, True, 3)
    assert "count" not in page["next"]


@pytest.mark.parametrize("value", ["1", "yes", "True"])
def test_a_flag_is_true_or_false(api: Api, value: str) -> None:
    body = api.problem("alliances", count=value)
    assert body["errors"] == [
        {"parameter": "count", "code": "invalid_parameter", "detail": "true or false is expected."}
    ]


def test_a_count_stops_at_its_cap(
    api: Api, unit: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for cap, expected in ((9, (9, False)), (10, (10, True)), (11, (10, True))):
        monkeypatch.setattr(read_request, "COUNT_CAP", cap)
        STATEMENTS.clear()
        page = api.get("resources", unit="a-unit", count="true")
        assert (page["count"], page["count_is_exact"]) == expected


def test_all_neighbourhoods_are_counted(api: Api) -> None:
    page = api.get("neighbourhoods", count="true", page_size=1)
    assert (page["count"], page["count_is_exact"]) == (6509, True)


# Links --------------------------------------------------------------------------------------------------------------


def test_links_stand_in_the_header_too(api: Api, unit: Any) -> None:
    first = api.ask("resources", unit="a-unit", page_size=4)
    second = api.ask(first.json()["next"])
    assert first.headers["Link"] == f'<{first.json()["next"]}>; rel="next"'
    assert second.headers["Link"] == (
        f'<{second.json()["next"]}>; rel="next", <{second.json()["previous"]}>; rel="prev"'
    )
    assert "Link" not in api.ask("resources", unit="a-unit").headers


def test_links_keep_the_parameters(api: Api, unit: Any) -> None:
    page = api.get("resources", unit="a-unit", page_size=4, q="资源", fields="slug,name", labels="true", count="true")
    address = page["next"]
    assert address.startswith(
        "/api/v1/resources?unit=a-unit&page_size=4&q=%E8%B5%84%E6%BA%90&fields=slug%2Cname&labels=true&"
    )
    assert set(api.get(address)["results"][0]) == {"slug", "name"}


# Sorting ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sort", "detail"),
    [
        ("nme", "One cannot sort by “nme”. Did you mean “name”?"),
        ("published_on_earliest", "One cannot sort by “published_on_earliest”. Did you mean “published_on”?"),
        ("name,", "One cannot sort by “”. Known are: name, published_on, slug, updated_at."),
        ("--name", "One cannot sort by “-name”. Did you mean “name”?"),
        ("-", "One cannot sort by “”. Known are: name, published_on, slug, updated_at."),
        ("name, slug", "One cannot sort by “ slug”. Did you mean “slug”?"),
        ("id", "One cannot sort by “id”. Known are: name, published_on, slug, updated_at."),
        ("?", "One cannot sort by “?”. Known are: name, published_on, slug, updated_at."),
        ("name,-name", "“name” is given more than once."),
        ("slug,slug", "“slug” is given more than once."),
    ],
)
def test_a_sort_key_that_there_is_not_is_refused_by_name(api: Api, sort: str, detail: str) -> None:
    body = api.problem("resources", sort=sort)
    assert body["errors"] == [{"parameter": "sort", "code": "invalid_parameter", "detail": detail}]
