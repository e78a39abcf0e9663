"""Parties that do their work over HTTP: who speaks for units and streets, each with a token, and a town of them."""

import json
from typing import Any

from django.test import Client

from tests import factories
from tests.conftest import problem_of

ROOT = "/api/v1"


class Party:
    """Somebody with one appointment, who asks with a token."""

    def __init__(self, **appointment: Any) -> None:
        appointed: Any = factories.AppointmentFactory(**appointment)
        token: Any = factories.TokenFactory.build(
            user=appointed.user, scopes=["read", "write", *(["steward"] if appointed.role == "steward" else [])]
        )
        secret = token.set_secret()
        token.save()
        token.appointments.set([appointed])
        self.user = appointed.user
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def appoint(self, **appointment: Any) -> None:
        """Appoint the same person once more."""
        appointed: Any = factories.AppointmentFactory(user=self.user, **appointment)
        self.user.tokens.get().appointments.add(appointed)

    def patch(self, path: str, **body: Any) -> Any:
        """Change a record; without a reason, "测试" is one."""
        body = {"change_reason": "测试", **body}
        headers = {"If-Match": "*"}
        return self.client.patch(f"{ROOT}/{path}", json.dumps(body), content_type="application/json", headers=headers)

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


def codes(answer: Any) -> list[str]:
    """Return the codes of a problem's errors."""
    return [error["code"] for error in problem_of(answer)["errors"]]
