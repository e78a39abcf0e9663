"""Queries in whatever form clients send them: lists, doubles, several mistakes, and words of other services."""

from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client, RequestFactory

from apps.common.filters.base import split
from apps.common.filters.sets import filters_of
from apps.common.http.parameters import Query, joined
from apps.common.http.problems import ParameterError
from apps.common.reading.answer_cache import ANSWERS
from apps.common.resources.registry import viewsets
from tests.conftest import Api, problem_of
from tests.factories import ArticleFactory, EventFactory, UserFactory
from tests.full import share
from tests.writing import Keeper

# Each list of each address, with two of its values.
LISTS = [
    ("alliances", "status", ("active", "proposed")),
    ("alliances", "kind", ("pair", "alliance")),
    ("projects", "street", ("310110101", "310110019")),
    ("projects", "within", ("streets/310110101", "districts/310110")),
    ("figures", "subject", ("streets/310110101", "alliances/wujiaochang-zhen-lianxihui")),
    ("claims", "fields", ("unit", "project")),
    ("claims", "expand", ("unit", "project")),
    ("claims", "sort", ("unit", "-project")),
    ("events", "facets", ("kind", "street")),
    ("alliances/wujiaochang-zhen-lianxihui", "fields", ("slug", "name")),
    ("alliances/wujiaochang-zhen-lianxihui", "expand", ("street", "district")),
    ("search?q=五角场", "resource", ("alliances", "projects")),
    ("search?q=五角场", "street", ("310110101", "310110019")),
    ("statistics", "by", ("street", "kind")),
    ("statistics", "resource", ("alliances", "projects")),
    ("statistics", "year", ("2012", "2013")),
    ("network", "street", ("310110101", "310110019")),
    ("network?street=310110101", "kind", ("alliances", "projects")),
    ("network?street=310110101", "edge", ("claim", "project_of")),
    ("changes", "resource", ("alliances", "projects")),
    ("changes", "operation", ("insert", "delete")),
    ("figures/summary?measure=units_claiming", "unit", ("organisation", "project")),
]


def with_query(path: str, query: str) -> str:
    return f"/api/v1/{path}{'&' if '?' in path else '?'}{query}"


@pytest.mark.parametrize(("path", "name", "values"), share(0, LISTS, 2))
def test_a_list_given_again_is_one_with_commas(api: Api, path: str, name: str, values: tuple[str, str]) -> None:
    first, second = map(quote, values)
    answer = api.ask(with_query(path, f"{name}={first},{second}"))
    # Where these values do not go together, that is told alike.
    assert answer.status_code in (200, 400)
    for query in (
        f"{name}={first}&{name}={second}",
        f"{name}={first}%2C{second}",
        f"{name}={first}&{name}=&{name}={second}",
    ):
        again = api.ask(with_query(path, query))
        told = (answer.json(), again.json())
        for body in told:
            # The feed goes on where the last transaction stood.
            for changing in ("request_id", "instance", *(("next", "next_cursor") if path == "changes" else ())):
                body.pop(changing, None)
        assert (again.status_code, told[1]) == (answer.status_code, told[0])


def test_every_parameter_that_is_an_array_in_the_document_may_be_repeated(api: Api) -> None:
    """Also those of filters that nobody has listed above: what a filter calls an array is read as one."""
    for resource, view in viewsets().items():
        for name, item in filters_of(view).items():
            errors = api.ask(f"/api/v1/{resource}?{name}=a&{name}=b").json().get("errors", ())
            is_refused = any("is given more than once" in error["detail"] for error in errors)
            assert is_refused is (item.describe().get("type") != "array"), (resource, name)


@pytest.mark.parametrize("values", [["a", "b"], ["a,b", "c"], ["a\\", "b"], ["a\\\\", "b"], ["a\\,b", "c"], ["a"]])
def test_a_comma_parts_what_was_given_apart(values: list[str]) -> None:
    """A backslash at the end of one value does not take the comma behind it for its own."""
    apart = [word for value in values for word in split(value)]
    assert split(joined(values)) == apart


def test_a_value_with_a_comma_is_one_value_however_it_is_given(api: Api) -> None:
    for slug, publisher in (("with-comma", "甲,乙"), ("other", "丙"), ("third", "甲")):
        ArticleFactory(slug=slug, publisher=publisher)
    for query in (r"publisher=甲\,乙,丙", r"publisher=甲\,乙&publisher=丙"):
        assert sorted(api.keys(f"/api/v1/articles?{query}")) == ["other", "with-comma"]


def test_a_cursor_of_one_spelling_serves_the_other(api: Api) -> None:
    for number in range(4):
        EventFactory(slug=f"held-{number}", kind="conference" if number % 2 else "donation", name=f"测试{number}")
    sorting = "sort=-slug&fields=slug&page_size=2"
    first = api.get(f"/api/v1/events?kind=conference&kind=donation&{sorting}")
    commas = api.get(f"/api/v1/events?kind=conference,donation&{sorting}&cursor={first['next_cursor']}")
    again = api.get(f"/api/v1/events?kind=conference&kind=donation&{sorting}&cursor={first['next_cursor']}")
    assert commas == again == api.get(first["next"])
    assert [value for name, value in parse_qsl(urlsplit(first["next"]).query) if name == "kind"] == [
        "conference,donation"
    ]
    assert api.get(f"/api/v1/events?kind=conference,donation&{sorting}&cursor={again['previous_cursor']}") == first


def test_a_kept_answer_is_that_of_its_own_order(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters of several names may stand in any order; those of one may not, however their name is written."""
    monkeypatch.setattr(ANSWERS, "limit", 10_000_000)
    queries = ("sort=slug&sort=-name", "sort=-name&sort=slug", "%73ort=-name&sort=slug", "sort=-name&s%6frt=slug")
    found = [api.get(f"/api/v1/alliances?{query}&fields=slug")["results"] for query in queries]
    assert found[1] == found[2] == found[3] != found[0]
    plain = [
        api.get(f"/api/v1/alliances?{query}&fields=slug")["results"] for query in ("sort=slug,-name", "sort=-name,slug")
    ]
    assert plain == [found[0], found[1]]


def test_a_file_takes_lists_too(api: Api) -> None:
    texts = {
        api.ask(f"/api/v1/alliances?{query}&format=csv").getvalue()
        for query in ("kind=pair,alliance&fields=slug,name", "kind=pair&kind=alliance&fields=slug&fields=name")
    }
    assert len(texts) == 1


def test_reconciliation_takes_several_types(api: Api) -> None:
    lists = "/reconcile/suggest/entity?prefix=五角场&type={}"
    apart = api.get(lists.format("streets&type=alliances"))
    assert apart == api.get(lists.format("streets,alliances"))
    assert apart["result"]


@pytest.mark.parametrize("known", ["known_at=2026-01-31T08:00:00Z", "q=a", "count=true", "page_size=3", "format=json"])
def test_a_value_that_is_no_list_is_refused_where_it_is_given_twice(api: Api, known: str) -> None:
    name = known.partition("=")[0]
    (error,) = api.problem(f"alliances?{known}&{known}")["errors"]
    assert (error["parameter"], error["code"]) == (name, "invalid_parameter")
    assert error["detail"] == f"“{name}” takes one value, and is given more than once."


def test_all_wrong_parameters_are_told_at_once(api: Api) -> None:
    query = (
        "knid=pair&kind=nothing&street=nowhere&street=310110101&page_size=0&sort=nothing&fields=nothing&expand=nothing"
        "&facets=nothing&count=maybe&as_of=soon&known_at=once&q=a&q=b&founded_after=x&updated_after=y&format=cvs"
        "&cursor=junk"
    )
    body = api.problem(f"alliances?{query}")
    assert body["code"] == "unknown_parameter"
    found = {error["parameter"]: error["code"] for error in body["errors"]}
    assert set(found) == {name for name, _value in parse_qsl(query)}
    assert {name for name, code in found.items() if code == "unknown_parameter"} == {"knid"}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("search?page_size=0&street=nowhere&resource=nothing&labels=x&nothing=1", ["q"]),
        ("statistics?by=nothing&street=nowhere&year=x&after=x&as_of=x&labels=x&measure=nothing&nothing=1", []),
        ("network?street=nowhere&unit=nobody&kind=nothing&edge=nothing&depth=9&as_of=x&format=x&nothing=1", []),
        ("changes?resource=nothing&operation=nothing&since=x&page_size=0&cursor=x&nothing=1", []),
        ("alliances/wujiaochang-zhen-lianxihui/history?page_size=0&cursor=x&format=x&nothing=1", []),
        ("alliances/wujiaochang-zhen-lianxihui?fields=x&expand=x&labels=x&as_of=x&format=x&nothing=1", []),
        ("figures/summary?measure=units_claiming&kind=nothing&unit=nothing&subject=streets/nowhere", []),
        ("vocabularies?format=x&nothing=1", []),
    ],
)
def test_all_wrong_parameters_are_told_at_every_address(api: Api, path: str, wrong: list[str]) -> None:
    given = {name for name, _value in parse_qsl(urlsplit(path).query)} - {"measure" if "summary" in path else ""}
    told = [error["parameter"] for error in api.problem(path)["errors"]]
    assert sorted(told) == sorted({*given, *wrong})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("limit", "page_size"),
        ("per_page", "page_size"),
        ("Page-Size", "page_size"),
        ("page[size]", "page_size"),
        ("search", "q"),
        ("query", "q"),
        ("ordering", "sort"),
        ("order_by", "sort"),
        ("orderBy", "sort"),
        ("include", "expand"),
        ("select", "fields"),
        ("offset", "cursor"),
        ("page", "cursor"),
        ("modified_since", "updated_after"),
        ("status[]", "status"),
    ],
)
def test_what_other_services_call_otherwise_is_named(api: Api, theirs: str, ours: str) -> None:
    (error,) = api.problem("alliances", **{theirs: "1"})["errors"]
    assert (error["parameter"], error["code"]) == (theirs, "unknown_parameter")
    assert f"“{ours}”" in error["detail"]
    assert ("next_cursor" in error["detail"]) is (ours == "cursor")


def test_no_hint_names_a_parameter_that_there_is_not(api: Api) -> None:
    (error,) = api.problem("alliances/wujiaochang-zhen-lianxihui", limit="1")["errors"]
    assert "page_size" not in error["detail"]


def test_a_hundred_values_are_read_and_one_more_is_refused(api: Api) -> None:
    """Of a list at most 100, and never a fault of ours."""
    given = [f"street={310110000 + number}" for number in range(101)]
    assert "There are more than 100 values." in api.problem(f"alliances?{'&'.join(given)}")["detail"]
    body = api.problem(f"alliances?{'&'.join(given[:100])}")
    assert [error["parameter"] for error in body["errors"]] == ["street"]
    assert len(body["detail"]) < 1000
    api.problem("alliances?" + "&".join(["q=a"] * 100))
    assert api.ask("alliances?" + "&".join(["status=active"] * 100)).status_code == 200


def test_a_query_is_read_once_and_all_behind_find_one_form() -> None:
    request = RequestFactory().get("/?b=1&a=x&a=&a=y&c=")
    Query(request, {"a", "b", "c"}, {"a"}).check()
    assert QueryDict("b=1&a=x,y") == request.GET
    with pytest.raises(ParameterError) as caught:
        Query(RequestFactory().get("/?b=1&b=2&d=3"), {"b"}).check()
    assert [error["parameter"] for error in caught.value.errors] == ["b", "d"]


def test_pages_name_their_neighbours_cursors(api: Api) -> None:
    page = api.get("streets", district="310110", page_size=5, fields="code")
    seen = [record["code"] for record in page["results"]]
    assert page["previous_cursor"] is None
    while cursor := page["next_cursor"]:
        assert page["next"].endswith(f"cursor={cursor}")
        page = api.get("streets", district="310110", page_size=5, fields="code", cursor=cursor)
        seen += [record["code"] for record in page["results"]]
        assert page["previous"].endswith(f"cursor={page['previous_cursor']}")
    assert page["next"] is None
    assert seen == api.keys("streets", district="310110")


@pytest.mark.parametrize("path", ["search?q=上海&page_size=1", "changes?page_size=1", "history"])
def test_other_pages_name_the_next_cursor(api: Api, path: str) -> None:
    if path == "history":
        page = api.get("alliances/wujiaochang-zhen-lianxihui/history")
        assert (page["next"], page["next_cursor"]) == (None, None)
        return
    page = api.get(f"/api/v1/{path}")
    assert dict(parse_qsl(urlsplit(page["next"]).query))["cursor"] == page["next_cursor"]
    by_cursor, by_next = api.get(f"/api/v1/{path}&cursor={quote(page['next_cursor'])}"), api.get(page["next"])
    for answer in (by_cursor, by_next):  # the signature of a cursor holds the second in which it was made
        assert answer.pop("next_cursor") in unquote(answer.pop("next"))
    assert by_cursor == by_next


# A slash at the end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/api/v1/alliances/?kind=pair&q=%E4%BA%94", "/api/v1/alliances?kind=pair&q=%E4%BA%94"),
        ("/api/v1/alliances/nobody/", "/api/v1/alliances/nobody"),
        ("/api/v1/alliances/%E4%BA%94/", "/api/v1/alliances/%E4%BA%94"),
        ("/api/v1/alliances/bulk/", "/api/v1/alliances/bulk"),
        ("/api/v1/search/?q=a", "/api/v1/search?q=a"),
        ("/api/v1/changes/", "/api/v1/changes"),
        ("/api/v1/openapi.json/", "/api/v1/openapi.json"),
        ("/reconcile/", "/reconcile"),
        ("/reconcile/suggest/entity/?prefix=a", "/reconcile/suggest/entity?prefix=a"),
    ],
)
@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete"])
def test_a_slash_too_many_leads_to_the_address_without(api: Api, method: str, path: str, to: str) -> None:
    response = getattr(api.client, method)(path)
    assert (response.status_code, response.headers["Location"]) == (308, to)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing/",
        "/api/v1/alliances//",
        "/api/v1/alliances/a%2F/",
        "/api/v1//evil.example/",
        "//evil.example/",
        "//evil.example/api/v1/alliances/",
        "/%2Fevil.example/",
        "/%5Cevil.example/",
        "/api/v1/alliances/a/b/c/",
        "/evil.example/",
    ],
)
def test_a_slash_leads_nowhere_else(client: Client, path: str) -> None:
    # As a server gives it: Django's client would take two slashes for a host.
    response = client.generic("GET", "/", PATH_INFO=unquote(path), SERVER_NAME="localhost")
    assert (response.status_code, response.headers.get("Location")) == (404, None)
    problem_of(response)


def test_what_has_a_slash_keeps_it(api: Api) -> None:
    assert api.ask("/api/v1/").status_code == 200
    assert api.ask("/docs/").status_code == 200


# Filters of webhooks --------------------------------------------------------------------------------------------------


def test_a_webhook_takes_lists(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(UserFactory(is_staff=True, is_superuser=True))
    monkeypatch.setattr("apps.webhooks.serializers.check", lambda _address: None)

    def subscribe(filters: dict[str, Any], status: int = 201) -> Any:
        body = {"resource": "alliances", "endpoint": "http://127.0.0.1:1/", "filters": filters}
        answer = keeper.send("POST", "webhooks", body)
        assert answer.status_code == status, answer.content.decode()
        return answer.json()

    assert subscribe({"kind": ["pair", "alliance"]})["filters"] == {"kind": "pair,alliance"}
    assert subscribe({"kind": "pair,alliance", "q": [""]})["filters"] == {"kind": "pair,alliance"}
    errors = subscribe({"q": ["a", "b"], "kind": [7], "nothing": "x"}, 400)["errors"]
    assert {error["pointer"] for error in errors} >= {"/filters/kind"}
    errors = subscribe({"q": ["a", "b"], "kind": ["nothing"], "nothing": "x"}, 400)["errors"]
    assert {error["pointer"] for error in errors} == {"/filters/q", "/filters/kind", "/filters/nothing"}
