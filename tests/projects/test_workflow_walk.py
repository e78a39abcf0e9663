"""Random actions by random people on records of every kind that moves, against a model of a few lines (`walking.py`).

After every step the answer is the one that the model expects: 200, or a typed refusal. No place is taken twice, no
quota is broken, every published value rests on evidence, and everybody sees what he may see and nothing else. That
every way of every table is taken: `test_workflow_ways.py`.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
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

from apps.common.models.records import Fact
from apps.common.writing.evidence import unproven
from apps.history import feed
from tests.clock import Clock
from tests.commits import commit_now
from tests.full import FULL, share
from tests.parties import ROOT
from tests.plugin import Told
from tests.projects.sight import EVERYBODY, Sight, check_statistics
from tests.projects.test_tick import tick
from tests.projects.walking import NOBODY, PEOPLE, UNITS, World, codes, every_way
from tests.seen import MODELS

# An example may end early, by chance: in the usual run none does.
EXAMPLES, STEPS, LEAST = (40, 200, 5_000) if FULL else (2, 200, 400)
EVERY = 10 if FULL else 20  # steps, after each of which it is looked at what holds always
TAKEN: Counter[str] = Counter()
DONE: Counter[str] = Counter()
KINDS = ("claims", "needs", "resources", "rounds", "memberships", "events", "participations")


class Walk(RuleBasedStateMachine):
    """Steps of a walk through a world that is taken back at its end, behind a look at all of it by everybody."""

    def __init__(self) -> None:
        super().__init__()
        # Of its own: one that lasted as long as the test would hold back what others on the server may tell.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.patch = pytest.MonkeyPatch()
        self.world = World(Clock(self.patch))
        self.steps = 0

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.everybody_looks()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            self.patch.undo()
        TAKEN.update(self.world.taken)
        DONE.update(steps=self.steps, records=len(self.world.things), nights=self.world.nights)

    def everybody_looks(self) -> None:
        """Let people look around, behind each walk others, and each at other records closely: it is too dear else."""
        self.patch.setattr(feed, "horizon", lambda: (2**62, "1"))
        commit_now(datetime.now(UTC))
        DONE["examples"] += 1
        for who in share(DONE["examples"], EVERYBODY, EXAMPLES + 1):
            DONE["addresses"] += Sight(self.world, who, parts=9).check()

    # Entering: by somebody who may, or in vain

    @initialize(side=st.sampled_from(("unit 1", "unit 2")), place=st.integers(0, 3), invites=st.booleans())
    def begin(self, side: str, place: int, invites: bool) -> None:
        """Each party enters what is its own: otherwise most walks would find nothing to move."""
        self.world.claim("unit 0", 0, [*self.world.puts][place])
        need, offer = self.world.publish("unit 1", "needs", 1), self.world.publish("unit 2", "resources", 2)
        assert need is not None
        assert offer is not None
        self.world.bring_together(side, need, offer)
        self.world.call("street")
        self.world.join("street" if invites else "unit 0", 0, "invited" if invites else "applied")
        self.world.announce("district")
        self.world.invite("street", 1)

    @rule(
        who=st.none() | st.sampled_from(PEOPLE),
        kind=st.sampled_from(KINDS),
        number=st.integers(0, UNITS - 1),
        place=st.integers(0, 3),
        status=st.sampled_from(("invited", "applied")),
    )
    def enter(self, who: str | None, kind: str, number: int, place: int, status: str) -> None:
        """Somebody enters a record of some kind, for a unit or the street; where nobody is named, who may do so."""
        is_of_unit = kind in ("claims", "needs", "resources") or (kind, status) == ("memberships", "applied")
        who = who or (f"unit {number}" if is_of_unit else "street")
        match kind:
            case "claims":
                self.world.claim(who, number, [*self.world.puts][place])
            case "needs" | "resources":
                self.world.publish(who, kind, number)
            case "memberships":
                self.world.join(who, number, status)
            case "participations":
                self.world.invite(who, number)
            case _:
                {"rounds": self.world.call, "events": self.world.announce}[kind](who)

    @rule(data=st.data(), who=st.sampled_from(PEOPLE), broker=st.booleans())
    def bring_together(self, data: st.DataObject, who: str, broker: bool) -> None:
        """Somebody proposes a match of a need and a resource, for one of their units or for the body of the street."""
        need, offer = (
            data.draw(st.sampled_from([each for each in self.world.things if each.resource == kind]))
            for kind in ("needs", "resources")
        )
        self.world.bring_together(who, need, offer, broker=broker)

    # Moving

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def move(self, data: st.DataObject, who: str) -> None:
        """Somebody takes an action on a record, be it open to him or not."""
        thing = data.draw(st.sampled_from(self.world.things))
        self.world.take(thing, data.draw(st.sampled_from(thing.workflow.names)), who)

    @rule(data=st.data())
    def move_on(self, data: st.DataObject) -> None:
        """Somebody takes an action that is open to him, one of those that were taken least."""
        found = self.world.open_actions()
        times = [self.world.taken[each[0].way(each[1], str(self.world.expected(*each)))] for each in found]
        if found:
            least = [each for each, number in zip(found, times, strict=True) if number == min(times)]
            self.world.take(*data.draw(st.sampled_from(least)))

    go_on = rule(data=st.data())(lambda self, data: self.move_on(data))  # chance alone seldom finds what is open

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def report(self, data: st.DataObject, who: str) -> None:
        """Somebody tells of a record what an article says: a curator of the place, or in vain."""
        thing = data.draw(st.sampled_from(self.world.things))
        self.world.report(thing, data.draw(st.sampled_from(thing.statuses)), who)

    @rule(days=st.integers(1, 4), is_written=st.booleans())
    def night(self, days: int, is_written: bool) -> None:
        """Days go by, and what lapses with them is written, or is not written yet."""
        self.world.sleep(days)
        if is_written:
            over = [each for each in self.world.things if each.is_lapsed]
            tick()
            self.world.lapse(over=over)

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def write(self, data: st.DataObject, who: str) -> None:
        """Somebody tries to write a status; nobody can, and nothing moves."""
        thing = data.draw(st.sampled_from(self.world.things))
        status = data.draw(st.sampled_from([each for each in thing.statuses if each != thing.status]))
        path = f"{ROOT}/{thing.resource}/{thing.key}"
        own = self.world.people[who].client
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
            assert (answer.status_code, codes(answer)[:1]) == (400, ["by_action"])

    # What holds always

    @invariant()
    def a_step_was_taken(self) -> None:
        self.steps += 1

    @precondition(lambda self: self.steps % EVERY == 0)
    @invariant()
    def everybody_sees_what_is_public(self) -> None:
        nobody = Client()
        for resource in {each.resource for each in self.world.things}:
            mine = {each.key: each for each in self.world.things if each.resource == resource}
            shown = nobody.get(f"{ROOT}/{resource}?fields=slug,status&page_size=200&sort=-updated_at").json()["results"]
            seen = {each["slug"]: each["status"] for each in shown if each["slug"] in mine}
            assert seen == {key: each.status for key, each in mine.items() if each.is_seen_by(NOBODY)}
        check_statistics(self.world, self.world.eyes(NOBODY))

    @precondition(lambda self: self.steps % EVERY == 0)
    @invariant()
    def every_value_rests_on_evidence(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for resource, model in MODELS.items():
            keys = [each.key for each in self.world.things if each.resource == resource]
            rows: Any = model._default_manager.filter(slug__in=keys)
            assert issubclass(model, Fact)
            assert unproven(model, rows.values_list("pk", flat=True)) == {}


@pytest.mark.usefixtures("django_db_setup")
def test_nobody_moves_anything_but_by_the_tables(django_db_blocker: DjangoDbBlocker, told: Told) -> None:
    TAKEN.clear()
    DONE.clear()
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
    every = every_way()
    told(dict(DONE), f"{len(TAKEN)} of {len(every)} ways taken at random: {dict(TAKEN)}")
    told(f"not taken at random: {sorted(every - TAKEN.keys())}")
    assert DONE["steps"] >= LEAST
    assert TAKEN.keys() <= every
