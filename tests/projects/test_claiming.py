"""A round over HTTP: a street puts projects up, units claim them, and both keep to the workflow."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.common.values.dates import today
from apps.common.values.working_days import after
from apps.projects.models import Claim
from tests import factories
from tests.parties import ROOT, Party, Town, codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_claim_goes_from_request_to_confirmation_and_every_step_is_an_act(town: Town) -> None:
    _round, place = town.open_round()
    claim = town.claim(0, place).json()
    assert claim["status"] == "requested"
    path = f"claims/{claim['slug']}"
    assert town.curator.act(f"{path}/accept")["accepted_on"] == today().isoformat()
    assert town.speakers[0].act(f"{path}/start")["status"] == "under_way"
    assert town.speakers[0].act(f"{path}/finish", summary="上了十次课。")["status"] == "completed"
    done = town.curator.act(f"{path}/confirm", outcome="居民满意。")
    assert (done["status"], done["outcome"]) == ("confirmed", "居民满意。")
    told = Client().get(f"{ROOT}/{path}/statements").json()["statements"]
    said = {(each["value"], each["by"]["name"], each["stands"]) for each in told if each["field"] == "status"}
    unit, street = str(town.units[0]), str(town.street)
    assert said == {
        ("requested", unit, False),
        ("accepted", street, False),
        ("under_way", unit, False),
        ("completed", unit, False),
        ("confirmed", street, True),
    }


def test_a_request_is_seen_by_the_two_sides_alone_until_it_is_accepted(town: Town) -> None:
    _round, place = town.open_round()
    claim = town.claim(0, place).json()
    path = f"claims/{claim['slug']}"
    nobody = Client()

    def seen(reader: Any) -> int:
        return int(reader.get(f"{ROOT}/{path}").status_code)

    assert [seen(each) for each in (nobody, town.speakers[1].client, town.speakers[0].client, town.curator.client)] == [
        404,
        404,
        200,
        200,
    ]
    rejected = town.curator.act(f"{path}/reject", reason="名额有限")
    assert rejected["reason"] == "名额有限"
    assert seen(nobody) == 404
    other = town.claim(1, place).json()
    town.curator.act(f"claims/{other['slug']}/accept")
    released = town.curator.act(f"claims/{other['slug']}/release", reason="人手不够")
    assert released["status"] == "released"
    public = nobody.get(f"{ROOT}/claims/{other['slug']}").json()
    assert (public["status"], public["reason"]) == ("released", "")
    for address in (f"claims/{other['slug']}/history", "changes?resource=claims", "claims?format=csv"):
        answer: Any = nobody.get(f"{ROOT}/{address}")
        assert "人手不够" not in b"".join(answer).decode()


def test_wrong_state_competence_and_members_are_told(town: Town) -> None:
    _round, place = town.open_round()
    claim = town.claim(0, place).json()
    path = f"claims/{claim['slug']}"
    assert codes(town.speakers[0].post(f"{path}/accept")) == ["not_competent"]
    assert codes(town.speakers[0].post(f"{path}/start")) == ["wrong_state"]
    assert codes(town.curator.post(f"{path}/reject")) == ["required"]
    assert codes(town.curator.post(f"{path}/accept", colour="red")) == ["unknown_field"]
    assert town.curator.post(f"{path}/vanish").status_code == 404
    tag = town.curator.get(path)["ETag"]
    patched = town.curator.client.patch(
        f"{ROOT}/{path}",
        json.dumps({"status": "completed", "change_reason": "测试"}),
        content_type="application/json",
        headers={"If-Match": tag},
    )
    assert codes(patched) == ["by_action"]
    offered = {each["name"]: each["is_open"] for each in town.curator.get(f"{path}/actions").json()["actions"]}
    assert offered == {
        "accept": True,
        "reject": True,
        "withdraw": False,
        "start": False,
        "finish": False,
        "confirm": False,
        "send_back": False,
        "release": False,
    }


def test_places_quotas_and_closed_rounds_refuse(town: Town) -> None:
    found, place = town.open_round(places=1, mode="first_come", most_claims=1)
    assert town.claim(0, place).json()["status"] == "accepted"
    answer = town.claim(1, place)
    assert (answer.status_code, codes(answer)) == (409, ["no_place"])
    other: Any = factories.ProjectFactory(alliance=None, street=town.street)
    second = town.curator.make("round-projects", round=found["slug"], project=other.slug)
    body = {"project": other.slug, "round_project": second["slug"], "unit": town.units[0].slug}
    answer = town.speakers[0].post("claims", state="published", change_reason="认领", **body)
    assert (answer.status_code, codes(answer)) == (409, ["quota"])
    town.curator.act(f"rounds/{found['slug']}/close")
    answer = town.claim(1, place)
    assert (answer.status_code, codes(answer)) == (409, ["round_closed"])


def test_a_lease_that_is_over_frees_the_place(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    _round, place = town.open_round(places=1, mode="first_come", lease_days=3)
    claim = town.claim(0, place).json()
    assert claim["lapses_on"] == after(today(), 3).edtf
    over = (today() - timedelta(days=1)).isoformat()
    row = Claim.objects.get(slug=claim["slug"])
    row.lapses_on = over
    row.save()
    factories.rest(row)
    assert Client().get(f"{ROOT}/claims/{claim['slug']}").json()["lapsed"] is True
    assert codes(town.speakers[0].post(f"claims/{claim['slug']}/start")) == ["lapsed"]
    assert town.claim(1, place).json()["status"] == "accepted"
    assert Client().get(f"{ROOT}/claims/{claim['slug']}").json()["status"] == "lapsed"


def test_nobody_enters_another_status_but_a_curator_with_a_source(town: Town) -> None:
    body = {"project": town.project.slug, "unit": town.units[0].slug, "status": "accepted"}
    answer = town.speakers[0].post("claims", state="published", change_reason="测试", **body)
    assert codes(answer) == ["first_status"]
    answer = town.curator.post("claims", state="published", change_reason="测试", **body)
    assert codes(answer) == ["no_evidence"] * 2  # the keeper's own word is an action, and the unit has not spoken


def test_an_action_is_taken_back_by_who_could_have_taken_it(town: Town) -> None:
    _round, place = town.open_round()
    path = f"claims/{town.claim(0, place).json()['slug']}"
    accepted = town.curator.post(f"{path}/accept")
    revert = f"changes/{accepted['X-Change-ID']}/revert"
    steward = Party(role="steward")
    assert town.speakers[0].post(revert, change_reason="测试").status_code == 403
    assert steward.post(revert, change_reason="测试").status_code == 403
    assert town.curator.post(revert, change_reason="测试").status_code == 200
    assert town.curator.get(path).json()["status"] == "requested"
    accepted = town.curator.post(f"{path}/accept")
    started = town.speakers[0].post(f"{path}/start")
    revert = f"changes/{accepted['X-Change-ID']}/revert"
    assert town.curator.post(revert, change_reason="测试").status_code == 409  # work has begun on it
    revert = f"changes/{started['X-Change-ID']}/revert"
    assert town.speakers[0].post(revert, change_reason="测试").status_code == 200
    assert town.curator.get(path).json()["status"] == "accepted"


def test_a_deadline_in_the_past_is_refused(town: Town) -> None:
    past = date(2020, 1, 1).isoformat()
    body = {"name": "旧批次", "street": town.street.code, "mode": "approval", "closes_on": past}
    answer = town.curator.post("rounds", state="published", change_reason="测试", **body)
    assert codes(answer) == ["deadline_past"]
