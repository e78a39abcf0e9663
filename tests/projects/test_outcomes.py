"""A figure with a confirmation: a record of its own, reported by who confirms, in the same change."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.evidence.models import Figure
from apps.projects.models import Claim
from tests import factories
from tests.conftest import problem_of
from tests.parties import ROOT, Party, Town, codes

pytestmark = pytest.mark.django_db
FIGURE = {"value": 24, "unit": "session"}


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def path(town: Town) -> str:
    """The path of a claim that its unit has reported as done."""
    _round, place = town.open_round()
    path = f"claims/{town.claim(0, place).json()['slug']}"
    town.curator.act(f"{path}/accept")
    town.speakers[0].act(f"{path}/finish", figure={"value": 30, "unit": "session", "comparator": "~"})
    return path


def told(path: str) -> list[Any]:
    """Return the figures that everybody is told of a record."""
    found: list[Any] = Client().get(f"{ROOT}/figures?subject={path}&sort=updated_at").json()["results"]
    return found


def test_a_figure_comes_with_the_report_of_the_unit_and_with_the_confirmation_of_the_keeper(
    town: Town, path: str
) -> None:
    answer = town.curator.post(f"{path}/confirm", outcome="居民满意。", figure=FIGURE)
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    by_unit, by_keeper = told(path)
    assert [by_unit[name] for name in ("measure", "comparator", "value", "unit", "as_written")] == [
        "outcome_completed",
        "~",
        30,
        "session",
        "≈ 30 场",
    ]
    assert [by_keeper[name] for name in ("measure", "comparator", "value", "unit", "kind")] == [
        "outcome_confirmed",
        "=",
        24,
        "session",
        "actual",
    ]
    assert [each["reported_by"]["name"] for each in (by_unit, by_keeper)] == [str(town.units[0]), str(town.street)]
    statements = Client().get(f"{ROOT}/figures/{by_keeper['slug']}/statements").json()["statements"]
    assert {each["by"]["name"] for each in statements} == {str(town.street)}
    assert {"value", "unit", "measure"} <= {each["field"] for each in statements}
    # One change of the log holds both.
    history = Client().get(f"{ROOT}/figures/{by_keeper['slug']}/history").json()["results"]
    assert [each["request_id"] for each in history] == [answer["X-Change-ID"]]


@pytest.mark.parametrize(
    ("figure", "place", "code"),
    [
        ({"value": -1, "unit": "session"}, "/figure/value", "invalid"),
        ({"value": 24}, "/figure/unit", "required"),
        ({"unit": "session"}, "/figure/value", "required"),
        ({"value": "24", "unit": "session"}, "/figure/value", "not_a_number"),
        ({"value": 1.234, "unit": "session"}, "/figure/value", "max_decimal_places"),
        ({"value": 10**14, "unit": "session"}, "/figure/value", "out_of_range"),
        ({"value": 24, "unit": "league"}, "/figure/unit", "invalid_choice"),
        ({"value": None, "unit": "session"}, "/figure/value", "null"),
        ({**FIGURE, "comparator": ""}, "/figure/comparator", "invalid_choice"),
        ({**FIGURE, "measure": "x"}, "/figure/measure", "unknown_field"),
        ([24], "/figure", "not_an_object"),
        ("24", "/figure", "not_an_object"),
        (None, "/figure", "not_an_object"),
    ],
)
def test_a_bad_figure_is_told_at_its_member_and_nothing_is_half_done(
    town: Town, path: str, figure: Any, place: str, code: str
) -> None:
    answer = town.curator.post(f"{path}/confirm", outcome="居民满意。", figure=figure)
    assert answer.status_code == 400, answer.content.decode()
    assert [(each["pointer"], each["code"]) for each in problem_of(answer)["errors"]] == [(place, code)]
    assert Claim.objects.get(slug=path[7:]).status == "completed"
    assert Figure.objects.filter(measure="outcome_confirmed").count() == 0


def test_an_outcome_is_asked_for_and_a_figure_where_the_action_takes_one(town: Town, path: str) -> None:
    assert codes(town.curator.post(f"{path}/confirm", figure=FIGURE)) == ["required"]
    assert codes(town.curator.post(f"{path}/send_back", reason="再看", figure=FIGURE)) == ["unknown_field"]
    assert town.curator.act(f"{path}/confirm", outcome="好。")["status"] == "confirmed"
    assert len(told(path)) == 1


def test_the_same_key_has_the_same_answer_and_a_dry_run_leaves_nothing(town: Town, path: str) -> None:
    body = json.dumps({"outcome": "居民满意。", "figure": FIGURE})

    def confirm(query: str = "", **headers: str) -> Any:
        where = f"{ROOT}/{path}/confirm{query}"
        return town.curator.client.post(where, body, content_type="application/json", headers=headers)

    tried = confirm("?dry_run=true").json()
    assert [(each["resource"], each["operation"]) for each in tried["changes"]] == [
        ("claims", "update"),
        ("figures", "insert"),
    ]
    assert {each["field"]: each["after"] for each in tried["changes"][1]["fields"]}["value"] == 24
    assert len(told(path)) == 1
    first, again = (confirm(**{"Idempotency-Key": "einmal"}) for _time in range(2))
    assert (first.status_code, first.content) == (200, again.content)
    assert len(told(path)) == 2


def test_a_confirmation_that_is_taken_back_takes_its_figure_with_it(town: Town, path: str) -> None:
    answer = town.curator.post(f"{path}/confirm", outcome="居民满意。", figure=FIGURE)
    revert = f"changes/{answer['X-Change-ID']}/revert"
    assert town.speakers[0].post(revert, change_reason="测试").status_code == 403
    assert town.curator.post(revert, change_reason="测试").status_code == 200
    assert [each["measure"] for each in told(path)] == ["outcome_completed"]
    assert town.curator.get(path).json()["status"] == "completed"


def test_who_asked_confirms_with_a_figure_that_a_need_is_met() -> None:
    unit: Any = factories.MemberUnitFactory()
    asker = Party(role="representative", unit=unit)
    need: Any = factories.NeedFactory(alliance=None, unit=unit)
    met = asker.act(f"needs/{need.slug}/meet", outcome="办了六次。", figure={"value": 6, "unit": "time"})
    assert (met["status"], met["outcome"]) == ("met", "办了六次。")
    (figure,) = told(f"needs/{need.slug}")
    assert (figure["measure"], figure["value"], figure["reported_by"]["name"]) == ("outcome_met", 6, str(unit))
