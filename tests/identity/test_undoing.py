"""A merge is undone exactly by reverting its request: every table of records is as it was before."""

# mypy: allow-untyped-calls

import random
from typing import Any

import pytest
from django.db import connection

from apps.common.rules.change_log import logged_models
from apps.identity.merging import mergeable
from apps.registry.models import MemberUnit
from tests.conftest import Api
from tests.factories import (
    AllianceFactory,
    AppointmentFactory,
    ArticleFactory,
    CitationFactory,
    FigureFactory,
    IdentifierFactory,
    MembershipFactory,
    MemberUnitFactory,
    ProjectPartnerFactory,
    UnitNameFactory,
    UserFactory,
)
from tests.full import share
from tests.test_conventions import add_nested, full_row
from tests.writing import Keeper


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def state() -> dict[str, list[Any]]:
    """Return all rows of all logged tables, as text. (Slugs of rows that only the merge made stay retired.)"""
    tables = {}
    with connection.cursor() as cursor:
        for table in logged_models():
            cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} AS t ORDER BY 1")  # noqa: S608
            tables[table] = cursor.fetchall()
    return tables


def differing(before: dict[str, list[Any]]) -> list[str]:
    """Return the tables that differ from an earlier state."""
    now = state()
    return [table for table in before if now[table] != before[table]]


def unite(keeper: Keeper, loser: Any, winner: Any, **body: Any) -> str:
    """Merge two records over HTTP and return the id of the request."""
    path = f"{loser.resource}/{loser.slug}"
    given = {"into": winner.slug, "change_reason": "one", **body}
    answer = keeper.send("POST", f"{path}/merge", given, If_Match=keeper.tag(path))
    assert answer.status_code == 200, answer.content.decode()
    return str(answer["X-Request-ID"])


def undo(keeper: Keeper, request_id: str, status: int = 200) -> Any:
    """Revert a request."""
    answer = keeper.send("POST", f"changes/{request_id}/revert", {"change_reason": "two"})
    assert answer.status_code == status, answer.content.decode()
    return answer.json()


@pytest.mark.parametrize("seed", range(4))
def test_random_merges_of_units_are_undone_in_reverse_order(keeper: Keeper, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    articles = [ArticleFactory() for _number in range(2)]
    alliances = [AllianceFactory() for _number in range(3)]
    names, kinds = ["甲厂", "乙厂", "丙厂"], ["company", "office"]
    units = [MemberUnitFactory(name=chance.choice(names), kind=chance.choice(kinds)) for _number in range(5)]
    for _number in range(25):
        unit = chance.choice(units)
        match chance.randrange(7):
            case 0:
                name, kind = chance.choice(["甲", "乙厂"]), chance.choice(["short", "former"])
                row = (
                    unit
                    if unit.names.filter(name=name, kind=kind)
                    else UnitNameFactory(unit=unit, name=name, kind=kind)
                )
            case 1:
                alliance, role = chance.choice(alliances), chance.choice(["member", "convenor"])
                standing = unit.memberships.filter(alliance=alliance, role=role)
                state_ = chance.choice([{}, {"state": "draft", "cited": False}])
                row = standing.first() or MembershipFactory(unit=unit, alliance=alliance, role=role, **state_)
            case 2:
                row = IdentifierFactory(unit=unit)
            case 3:
                row = FigureFactory(subject=unit)
            case 4:
                row = ProjectPartnerFactory(unit=unit)
            case 5:
                row = MemberUnitFactory(parent=unit)
            case _:
                row = unit
        start = chance.randrange(8)
        article = chance.choice(articles)
        if not row.citations.filter(article=article, start=start, end=start + 1):
            supports = [name for name in ("name", "kind", "unit", "role") if hasattr(row, name)][: chance.randint(1, 3)]
            CitationFactory(record=row, article=article, start=start, end=start + 1, supports=supports or ["slug"])
    states, requests = [state()], []
    while len(units) > 2:
        loser, winner = chance.sample(units, 2)
        units.remove(loser)
        requests.append(unite(keeper, loser, winner))
        states.append(state())
    for before, request_id in zip(reversed(states[:-1]), reversed(requests), strict=True):
        undo(keeper, request_id)
        assert differing(before) == []


@pytest.mark.parametrize("resource", share(0, [*mergeable()], 2))
def test_a_merge_of_each_kind_is_undone(keeper: Keeper, api: Api, resource: str) -> None:
    loser, winner = full_row(mergeable()[resource]), full_row(mergeable()[resource])
    add_nested(loser)
    add_nested(winner)
    before = state()
    request_id = unite(keeper, loser, winner)
    assert differing(before)
    assert api.ask(f"{resource}/{loser.slug}").status_code == 301
    undo(keeper, request_id)
    assert differing(before) == []
    assert api.get(f"{resource}/{loser.slug}")["slug"] == loser.slug


def test_what_changed_since_stands_in_the_way_and_is_named(keeper: Keeper) -> None:
    loser, winner = MemberUnitFactory(), MemberUnitFactory()
    membership = MembershipFactory(unit=loser)
    request_id = unite(keeper, loser, winner)
    keeper.write("PATCH", f"memberships/{membership.slug}", {"role": "convenor"})
    before = state()
    assert membership.slug in str(undo(keeper, request_id, 409))
    assert differing(before) == []


def test_an_appointment_is_not_moved_along(keeper: Keeper) -> None:
    loser, winner = MemberUnitFactory(), MemberUnitFactory()
    AppointmentFactory(role="representative", unit=loser)
    path = f"member-units/{loser.slug}"
    keeper.refused("POST", f"{path}/merge", {"into": winner.slug}, 409, If_Match=keeper.tag(path))
    assert MemberUnit.objects.filter(pk=loser.pk).exists()
