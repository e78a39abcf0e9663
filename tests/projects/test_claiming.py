"""A round over HTTP: a street puts projects up, units claim them, and both keep to the workflow."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.common.values.dates import today
from apps.projects.models import Claim
from tests import factories
from tests.conftest import problem_of

pytestmark = pytest.mark.django_db
ROOT = "/api/v1"


class Party:
    """Somebody with one appointment, who asks with a token."""

    def __init__(self, **appointment: Any) -> None:
        appointed: Any = factories.AppointmentFactory(**appointment)
        token: Any = factories.TokenFactory.build(user=appointed.user, scopes=["read", "write"])
        secret = token.set_secret()
        token.save()
        token.appointments.set([appointed])
        self.user = appointed.user
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def post(self, path: str, **body: Any) -> Any:
        """Send a body; without a reason, "测试" is one."""
        return self.client.post(f"{ROOT}/{path}", json.dumps(body), content_type="application/json")

    def make(self, path: str, **body: Any) -> Any:
        """Make a published record; return it as it is answered."""
        answer = self.post(path, state="published", change_reason="测试", **body)
        assert answer.status_code == 201, answer.content.decode()
        return answer.json()

    def get(self, path: str) -> Any:
        """Return the answer of an address."""
        return self.client.get(f"{ROOT}/{path}")

    def act(self, path: str, **body: Any) -> Any:
        """Take an action; return the record as it is answered."""
        answer = self.post(path, **body)
        assert answer.status_code == 200, answer.content.decode()
        return answer.json()


class Town:
    """A street with a project, its curator, and units with their representatives."""

    def __init__(self, *, units: int = 2) -> None:
        self.street: Any = factories.StreetFactory()
        self.project: Any = factories.ProjectFactory(alliance=None, street=self.street)
        self.curator = Party(role="curator", street=self.street)
        self.units = [factories.MemberUnitFactory(street=self.street) for _number in range(units)]
        self.speakers = [Party(role="representative", unit=unit) for unit in self.units]

    def open_round(self, *, places: int | None = None, **values: Any) -> tuple[Any, Any]:
        """Open a round with the project; return both as they are answered."""
        found = self.curator.make("rounds", name="第一批", street=self.street.code, **{"mode": "approval", **values})
        put_up = {"round": found["slug"], "project": self.project.slug, "places": places}
        place = self.curator.make("round-projects", **put_up)
        return self.curator.act(f"rounds/{found['slug']}/open"), place

    def claim(self, number: int, place: Any) -> Any:
        """Claim the project of the round for a unit."""
        body = {"project": self.project.slug, "round_project": place["slug"], "unit": self.units[number].slug}
        return self.speakers[number].post("claims", state="published", change_reason="认领", **body)


@pytest.fixture
def town() -> Town:
    return Town()


def codes(answer: Any) -> list[str]:
    """Return the codes of a problem's errors."""
    return [error["code"] for error in problem_of(answer)["errors"]]


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
    assert claim["lapses_on"] == (today() + timedelta(days=3)).isoformat()
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
    assert codes(answer) == ["no_evidence"]  # the keeper's own word is an action


def test_a_deadline_in_the_past_is_refused(town: Town) -> None:
    past = date(2020, 1, 1).isoformat()
    body = {"name": "旧批次", "street": town.street.code, "mode": "approval", "closes_on": past}
    answer = town.curator.post("rounds", state="published", change_reason="测试", **body)
    assert codes(answer) == ["deadline_past"]
