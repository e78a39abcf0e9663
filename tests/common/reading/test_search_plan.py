"""Pages of what a search finds: the same rows in the same order, whichever way they are chosen."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db.models import F
from django.test import Client

from apps.common.reading import search_plan
from apps.common.reading.order import is_indexed
from apps.common.sql.statement import STATEMENTS
from apps.events.models import Event
from apps.projects.models import Project
from apps.registry.models import MemberUnit, Street

NEVER = 10**9  # no number of rows promises as much

# What is met at a glance; what promises to be met soon; few are found, and sorted; many, and the order is walked; many
# that are not met soon, and are sorted after all.
WAYS = {
    "glanced": (3_000, NEVER, 0, 1),
    "promising": (1, 0, 0, 20_000),
    "sorted": (1, NEVER, 2_000, 1),
    "walked": (1, NEVER, 0, 20_000),
    "given up": (1, 0, 0, 1),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One way to choose the rows of a page."""
    glanced, even, few, walked = WAYS[request.param]
    monkeypatch.setattr(search_plan, "PROBE_ROWS", glanced)
    monkeypatch.setattr(search_plan, "SCAN_COST_RATIO", even)
    monkeypatch.setattr(search_plan, "SORT_LIMIT", few)
    monkeypatch.setattr(search_plan, "SCAN_LIMIT", walked)
    STATEMENTS.clear()
    yield request.param
    STATEMENTS.clear()


def pages(client: Client, resource: str, **params: Any) -> list[str]:
    """Return the slugs on all pages of a list, after a check that the way back gives the same pages."""
    url = f"/api/v1/{resource}"
    there: list[Any] = []
    back: list[Any] = []
    page = client.get(url, {"page_size": 3, **params}).json()
    there.append(page["results"])
    while page["next"]:
        page = client.get(url, dict(parse_qsl(urlsplit(page["next"]).query))).json()
        there.append(page["results"])
    while page["previous"]:
        page = client.get(url, dict(parse_qsl(urlsplit(page["previous"]).query))).json()
        back.insert(0, page["results"])
    assert back == there[:-1]
    return [row["slug"] for rows in there for row in rows]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["name_pinyin", "slug"]),
        ("-name", ["-name_pinyin", "slug"]),
        ("-slug", ["-slug"]),
        ("-updated_at", ["-updated_at", "slug"]),
    ],
)
def test_every_way_gives_the_rows_of_a_scan_in_order(client: Client, way: str, sort: str, order: list[str]) -> None:
    for term in ("gong", "党建引领", "服务 dang"):
        rows = Project.objects.filter(state="published").order_by(*order)
        for word in term.split():
            rows = rows.filter(search_text__contains=word)
        expected = list(rows.values_list("slug", flat=True))
        assert expected
        assert pages(client, "projects", q=term, sort=sort) == expected


@pytest.mark.django_db
def test_every_way_minds_the_other_filters_and_the_nulls(client: Client, way: str) -> None:
    held = F("held_on_earliest").desc(nulls_last=True)
    rows = Event.objects.filter(state="published", search_text__contains="ang").order_by(held, "slug")
    assert {row.held_on_earliest is None for row in rows} == {True, False}
    assert pages(client, "events", q="ang") == [row.slug for row in rows]
    kinds = Project.objects.filter(state="published", search_text__contains="gong").order_by("name_pinyin", "slug")
    kind = kinds[0].kind
    expected = [row.slug for row in kinds if row.kind == kind]
    assert 0 < len(expected) < len(kinds)
    assert pages(client, "projects", q="gong", kind=kind) == expected
    # Units are found by their other names too.
    units = MemberUnit.objects.matching("军医大").filter(state="published").order_by("name_pinyin", "slug")
    assert pages(client, "member-units", q="军医大") == [unit.slug for unit in units]


def test_an_order_is_walked_where_an_index_gives_it() -> None:
    assert is_indexed(Project, (("name_pinyin", False), ("slug", False)))
    assert is_indexed(Project, (("slug", True),))
    assert is_indexed(Street, (("code", False),))
    assert is_indexed(Event, (("held_on_earliest", True), ("slug", False)))
    assert not is_indexed(Event, (("held_on_earliest", False), ("slug", False)))
    assert is_indexed(Project, (("name_pinyin", True), ("slug", False)))
    assert not is_indexed(Project, (("updated_at", False), ("slug", False)))  # many may have the same time
