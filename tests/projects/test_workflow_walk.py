"""Random actions by random people on records of every kind that moves, against a model of a few lines.

The model knows who speaks for which party, which transitions the tables have, and where each record stands. After every
step the answer is the one that it expects: 200, or a typed refusal. No place is taken twice, no quota is broken, every
published value rests on evidence, and everybody sees what he may see and nothing else.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import DjangoDbBlocker

from apps.common.models.moved import moved_models
from apps.common.models.records import Fact
from apps.common.rules.workflow import Workflow
from apps.common.writing.evidence import unproven
from apps.projects.models.claims import COUNTED, HOLDING, LIVE
from apps.projects.models.matches import LIVE as LIVE_MATCHES
from tests import factories
from tests.full import FULL
from tests.parties import ROOT, Party

EXAMPLES, STEPS = (100, 50) if FULL else (16, 50)
UNITS, PLACES, QUOTA = 3, 1, 2
MODELS: dict[str, Any] = {model.resource: model for model in moved_models()}
ASKED = {"left_on": "2099-01-01"}
TAKEN: Counter[str] = Counter()
PEOPLE = (*(f"unit {number}" for number in range(UNITS)), "street", "district", "other street", "steward")


@dataclass
class Thing:
    """A record, its status as the model has it, and who speaks for its parties, by the names of the transitions."""

    resource: str
    key: str
    status: str
    parties: dict[str, set[str]]
    editors: set[str]
    unit: int = -1
    place: str = ""
    history: list[str] = field(default_factory=list)

    @property
    def workflow(self) -> Workflow:
        """The table by which it moves."""
        found: Workflow = MODELS[self.resource].workflow
        return found

    def is_seen_by(self, who: str) -> bool:
        """Whether somebody sees it; nobody in particular is the empty name."""
        return self.status in self.workflow.public or who in self.editors


class Walk(RuleBasedStateMachine):
    """A street that puts projects up, keeps a body and holds events; units that claim, ask, offer, join and come."""

    def __init__(self) -> None:
        super().__init__()
        # Of its own: one that lasted as long as the test would hold back what others on the server may tell.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.street: Any = factories.StreetFactory()
        self.units: list[Any] = [factories.MemberUnitFactory(street=self.street) for _number in range(UNITS)]
        self.people = {
            **{f"unit {number}": Party(role="representative", unit=unit) for number, unit in enumerate(self.units)},
            "street": Party(role="curator", street=self.street),
            "district": Party(role="curator", district=self.street.district),
            "other street": Party(role="curator", street=factories.StreetFactory(district=self.street.district)),
            "steward": Party(role="steward"),
        }
        self.places: dict[str, str] = {}  # of projects, by the places at which rounds put them up
        self.modes: dict[str, str] = {}
        for mode in ("first_come", "approval"):
            made: Any = factories.RoundFactory(street=self.street, mode=mode, status="open", most_claims=QUOTA)
            for _number in range(2):
                project: Any = factories.ProjectFactory(alliance=None, street=self.street)
                put_up: Any = factories.RoundProjectFactory(round=made, project=project, places=PLACES)
                self.places[put_up.slug], self.modes[put_up.slug] = project.slug, made.slug
                self.modes[made.slug] = mode
        self.body: Any = factories.AllianceFactory(street=self.street)
        self.event: Any = factories.EventFactory(street=self.street, status="planned")
        self.things: list[Thing] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # Entering

    @initialize(data=st.data(), place=st.integers(0, 3), status=st.sampled_from(("invited", "applied")))
    def begin(self, data: st.DataObject, place: int, status: str) -> None:
        """Each party enters what is its own: otherwise most walks would find nothing to move."""
        self.claim("unit 0", 0, place)
        self.publish("unit 1", "needs", 1)
        self.publish("unit 2", "resources", 2)
        self.bring_together(data.draw(st.sampled_from(("unit 1", "unit 2"))), data)
        self.call("street")
        self.join("street" if status == "invited" else "unit 0", 0, status)
        self.announce("district")
        self.invite("street", 1)

    @rule(who=st.sampled_from(PEOPLE), number=st.integers(0, UNITS - 1), place=st.integers(0, 3))
    def claim(self, who: str, number: int, place: int) -> None:
        """Somebody claims a project of a round for a unit: the unit itself, or in vain."""
        key = [*self.places][place]
        body = {"project": self.places[key], "round_project": key, "unit": self.units[number].slug}
        answer = self._enter(who, "claims", body)
        mine = [each for each in self.things if each.resource == "claims" and each.unit == number]
        in_round = [each for each in mine if self.modes[each.place] == self.modes[key] and each.status in COUNTED]
        taken = [each for each in self.things if each.place == key and each.status in HOLDING]
        is_first_come = self.modes[self.modes[key]] == "first_come"
        if who != f"unit {number}":
            assert answer.status_code in (400, 403, 409), (who, answer.content.decode())
        elif any(each.place == key and each.status in LIVE for each in mine):
            assert (answer.status_code, _codes(answer)) == (409, ["unique"])
        elif len(in_round) >= QUOTA:
            assert (answer.status_code, _codes(answer)) == (409, ["quota"])
        elif is_first_come and len(taken) >= PLACES:
            assert (answer.status_code, _codes(answer)) == (409, ["no_place"])
        else:
            keepers = {"street", "district"}
            parties = dict.fromkeys(("place", "round_project__round__street"), keepers)
            status = "accepted" if is_first_come else "requested"
            thing = Thing("claims", "", status, {**parties, "unit": {who}}, {who, *keepers, "steward"}, number, key)
            self._entered(answer, thing)

    @rule(who=st.sampled_from(PEOPLE), kind=st.sampled_from(("needs", "resources")), number=st.integers(0, UNITS - 1))
    def publish(self, who: str, kind: str, number: int) -> None:
        """Somebody asks or offers in the name of a unit: the unit itself, or in vain."""
        answer = self._enter(who, kind, {"name": "国画", "unit": self.units[number].slug})
        if who != f"unit {number}":
            assert answer.status_code in (400, 403), (who, answer.content.decode())
        else:
            status = next(iter(MODELS[kind].workflow.entries))
            self._entered(answer, Thing(kind, "", status, {"unit": {who}}, {who, "steward"}, number))

    @precondition(lambda self: {"needs", "resources"} <= {each.resource for each in self.things})
    @rule(who=st.sampled_from(PEOPLE), data=st.data())
    def bring_together(self, who: str, data: st.DataObject) -> None:
        """Somebody proposes a match of a need and a resource: one of their units, or in vain."""
        need, offer = (
            data.draw(st.sampled_from([each for each in self.things if each.resource == kind]))
            for kind in ("needs", "resources")
        )
        answer = self._enter(who, "matches", {"need": need.key, "offer": offer.key})
        askers, givers = need.parties["unit"], offer.parties["unit"]
        pair = f"{need.key} {offer.key}"
        is_live = any(each.place == pair and each.status in LIVE_MATCHES for each in self.things)
        if not (need.is_seen_by(who) and offer.is_seen_by(who)) or who not in askers | givers:
            refused = (400, 403, 409) if is_live else (400, 403)  # that there is one is told first
            assert answer.status_code in refused, (who, answer.content.decode())
        elif need.status not in ("open", "matched") or offer.status != "offered":
            assert answer.status_code == 400
            assert {*_codes(answer)} & {"need_closed", "resource_taken"}
        elif is_live:
            assert answer.status_code == 409, answer.content.decode()
        else:
            status = "accepted_by_asker" if who in askers else "accepted_by_giver"
            parties = {"need__unit": askers, "offer__unit": givers}
            thing = Thing("matches", "", status, parties, {*askers, *givers, "steward"}, place=pair)
            self._entered(answer, thing)

    @rule(who=st.sampled_from(PEOPLE))
    def call(self, who: str) -> None:
        """Somebody makes a round of the street: who keeps it, or in vain."""
        answer = self._enter(who, "rounds", {"name": "批次", "street": self.street.code, "mode": "approval"})
        keepers = {"street", "district"}
        if who not in keepers:
            assert answer.status_code in (400, 403), (who, answer.content.decode())
        else:
            self._entered(answer, Thing("rounds", "", "planned", {"street": keepers}, {*keepers, "steward"}))

    @rule(who=st.sampled_from(PEOPLE), number=st.integers(0, UNITS - 1), status=st.sampled_from(("invited", "applied")))
    def join(self, who: str, number: int, status: str) -> None:
        """Somebody invites a unit into a body, or applies for one: who keeps the body, the unit itself, or in vain."""
        if any(each.resource == "memberships" and each.unit == number for each in self.things):
            return
        body = {"alliance": self.body.slug, "unit": self.units[number].slug, "role": "member", "status": status}
        answer = self._enter(who, "memberships", body)
        keepers, unit = {"street", "district"}, f"unit {number}"
        if who not in (keepers if status == "invited" else {unit}):
            assert answer.status_code in (400, 403), (who, answer.content.decode())
        else:
            parties = {"alliance": keepers, "unit": {unit}}
            self._entered(answer, Thing("memberships", "", status, parties, {unit, *keepers, "steward"}, number))

    @rule(who=st.sampled_from(PEOPLE))
    def announce(self, who: str) -> None:
        """Somebody announces an event of the street: who keeps the street, or in vain."""
        answer = self._enter(who, "events", {"name": "会议", "kind": "conference", "street": self.street.code})
        keepers = {"street", "district"}
        if who not in keepers:
            assert answer.status_code in (400, 403), (who, answer.content.decode())
        else:
            self._entered(answer, Thing("events", "", "planned", {"place": keepers}, {*keepers, "steward"}))

    @rule(who=st.sampled_from(PEOPLE), number=st.integers(0, UNITS - 1))
    def invite(self, who: str, number: int) -> None:
        """Somebody invites a unit to an event of the street: who keeps the street, or in vain."""
        if any(each.resource == "participations" and each.unit == number for each in self.things):
            return
        body = {"event": self.event.slug, "unit": self.units[number].slug, "role": "attendee"}
        answer = self._enter(who, "participations", body)
        keepers, unit = {"street", "district"}, f"unit {number}"
        if who not in keepers:
            assert answer.status_code in (400, 403), (who, answer.content.decode())
        else:
            parties = {"place": keepers, "unit": {unit}}
            self._entered(answer, Thing("participations", "", "invited", parties, {unit, *keepers, "steward"}, number))

    def _enter(self, who: str, resource: str, body: dict[str, Any]) -> Any:
        return self.people[who].post(resource, state="published", change_reason="测试", **body)

    def _entered(self, answer: Any, thing: Thing) -> None:
        assert answer.status_code == 201, answer.content.decode()
        assert answer.json()["status"] == thing.status
        thing.key = answer.json()["slug"]
        self.things.append(thing)

    # Moving

    @precondition(lambda self: self.things)
    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def move(self, data: st.DataObject, who: str) -> None:
        """Somebody takes an action on a record, be it open to him or not."""
        thing = data.draw(st.sampled_from(self.things))
        self._take(thing, data.draw(st.sampled_from(thing.workflow.names)), who)

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def move_on(self, data: st.DataObject) -> None:
        """Somebody takes an action that is open to him: chance alone seldom finds one."""
        self._take(*data.draw(st.sampled_from(self._open())))

    def _open(self) -> list[tuple[Thing, str, str]]:
        """Return the actions that are open, each with its record and who may take it."""
        return [
            (thing, name, who)
            for thing in self.things
            for name in thing.workflow.names
            for who in PEOPLE
            if isinstance(self._expected(thing, name, who), str)
        ]

    def _take(self, thing: Thing, name: str, who: str) -> None:
        asked = {each for way in thing.workflow.named(name) for each in way.asks}
        answer = self.people[who].post(
            f"{thing.resource}/{thing.key}/{name}", **{each: ASKED.get(each, "测试") for each in asked}
        )
        expected = self._expected(thing, name, who)
        status, code = (200, "") if isinstance(expected, str) else expected
        assert (answer.status_code, "".join(_codes(answer)[:1])) == (status, code), (who, thing, name, answer.content)
        if isinstance(expected, str):
            TAKEN[f"{thing.resource}: {thing.status} {name} {expected}"] += 1
            thing.history.append(name)
            thing.status = expected
            assert answer.json()["status"] == expected
            if thing.resource == "matches" and expected == "accepted":
                need, offer = self._sides(thing)
                need.status, offer.status = "matched", "in_use"

    def _expected(self, thing: Thing, name: str, who: str) -> str | tuple[int, str]:
        """Return the status that an action gives, or the answer that refuses it."""
        if not thing.is_seen_by(who):
            return 404, ""
        if who not in thing.editors:
            return 403, ""
        ways = [way for way in thing.workflow.named(name) if thing.status in way.sources]
        if not ways:
            return 409, "wrong_state"
        spoken = {party for party, people in thing.parties.items() if who in people}
        mine = [way for way in ways if spoken & {*way.who}]
        if not mine:
            return 403, "not_competent"
        if spoken & {*mine[0].apart_from}:
            return 403, "same_side"
        target = mine[0].target
        if name == "accept" and thing.resource == "matches":
            need, offer = self._sides(thing)
            if need.status not in ("open", "matched"):
                return 409, "need_closed"
            if offer.status != "offered":
                return 409, "resource_taken"
        if thing.resource == "claims" and target in HOLDING and thing.status not in HOLDING:
            taken = [each for each in self.things if each.place == thing.place and each.status in HOLDING]
            if len(taken) >= PLACES:
                return 409, "no_place"
        return target

    def _sides(self, match: Thing) -> tuple[Thing, Thing]:
        """Return the need and the resource of a match."""
        need, offer = match.place.split()
        by_key = {(each.resource, each.key): each for each in self.things}
        return by_key["needs", need], by_key["resources", offer]

    @precondition(lambda self: self.things)
    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def write(self, data: st.DataObject, who: str) -> None:
        """Somebody tries to write a status; nobody can, and nothing moves."""
        thing = data.draw(st.sampled_from(self.things))
        statuses = [value for value, _label in MODELS[thing.resource].Status.choices]
        status = data.draw(st.sampled_from([each for each in statuses if each != thing.status]))
        path = f"{ROOT}/{thing.resource}/{thing.key}"
        own = self.people[who].client
        read = own.get(path)
        assert read.status_code == (200 if thing.is_seen_by(who) else 404)
        headers = {"If-Match": read.headers.get("ETag", '"0"')}
        body = json.dumps({"status": status, "change_reason": "测试"})
        answer = own.patch(path, body, content_type="application/json", headers=headers)
        if not thing.is_seen_by(who):
            assert answer.status_code == 404
        elif who not in thing.editors:
            assert answer.status_code == 403
        else:
            assert (answer.status_code, _codes(answer)[:1]) == (400, ["by_action"])

    # What holds always

    @invariant()
    def everybody_sees_what_is_public(self) -> None:
        nobody = Client()
        for resource in MODELS:
            mine = [each for each in self.things if each.resource == resource]
            if not mine:
                continue
            shown = nobody.get(f"{ROOT}/{resource}?fields=slug,status&page_size=200&sort=-updated_at").json()["results"]
            seen = {each["slug"]: each["status"] for each in shown}
            public = {each.key: each.status for each in mine if each.is_seen_by("")}
            assert {key: status for key, status in seen.items() if key in {each.key for each in mine}} == public

    @invariant()
    def every_value_rests_on_evidence(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for resource, model in MODELS.items():
            keys = [each.key for each in self.things if each.resource == resource]
            rows: Any = model._default_manager.filter(slug__in=keys)
            assert issubclass(model, Fact)
            assert unproven(model, rows.values_list("pk", flat=True)) == {}


def _codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json().get("errors", [])] if answer.status_code >= 400 else []


@pytest.mark.usefixtures("django_db_setup")
def test_nobody_moves_anything_but_by_the_tables(
    django_db_blocker: DjangoDbBlocker, capsys: pytest.CaptureFixture[str]
) -> None:
    TAKEN.clear()
    how: Callable[..., Any] = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=not FULL,
        phases=(Phase.generate,),  # a step asks the service: to shorten what failed takes longer than to read it
        suppress_health_check=list(HealthCheck),
    )
    with django_db_blocker.unblock():
        run_state_machine_as_test(Walk, settings=how)
        connection.close()
    ways = {
        f"{resource}: {source} {way.name} {way.target}"
        for resource, model in MODELS.items()
        for way in model.workflow.transitions
        for source in way.sources
        if way.who
    }
    with capsys.disabled():
        print(f"\n{EXAMPLES * STEPS} steps at most; taken {len(TAKEN)} of {len(ways)} ways: {dict(TAKEN)}")  # noqa: T201
        print(f"not taken: {sorted(ways - TAKEN.keys())}")  # noqa: T201
