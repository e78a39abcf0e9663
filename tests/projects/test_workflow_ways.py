"""Every transition of every table is taken, every other one refused, and then everybody looks everywhere.

Here each step is a transaction of its own that commits, as with a service, so that the feed, webhooks and what was
known at an instant are those of committed data. What random people do beside it: `test_workflow_walk.py`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from pytest_django import DjangoDbBlocker

from apps.common.models.logged_change import LoggedChange
from apps.common.rules.workflow import Transition
from apps.history import feed
from tests import factories
from tests.clock import Clock
from tests.full import share
from tests.plugin import Told
from tests.projects.sight import EVERYBODY, Sight
from tests.projects.test_tick import tick
from tests.projects.walking import PEOPLE, STANDS, Thing, World, codes, every_way, way, ways
from tests.running import connected_to
from tests.seen import MODELS, words_in


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


# Every way ------------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """A step of a plan: from a status to another one, and how it is taken; what an article tells is one as well."""

    source: str
    target: str
    take: Callable[["Plan", Thing], None]


class Plan:
    """Takes all ways, each on a record that stands where it begins, or is brought there by the fewest steps."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.free = world.make(factories.RoundFactory, street=world.street, lease_days=2)
        self.seen_at: list[str] = []

    def take_all(self) -> None:
        """Take each way of each table that was not taken yet."""
        for resource, source, transition in ways():
            if way(resource, source, transition.name, transition.target) in self.world.taken:
                continue
            if transition.name in PROPOSING:
                self.propose(PROPOSING[transition.name])
                continue
            thing = self._standing(resource, source, transition) or self._brought(resource, source)
            step_of(transition)(self, thing)
            assert thing.status == transition.target, (thing, transition)
            self.seen_at.append(datetime.now(UTC).isoformat())

    def propose(self, who: str) -> Thing:
        """Propose a match of a new need and a new resource."""
        need, offer = self.enter("needs", "open"), self.enter("resources", "offered")
        thing = self.world.bring_together(who, need, offer, broker=who == "street")
        assert thing is not None
        return thing

    def _standing(self, resource: str, source: str, transition: Transition) -> Thing | None:
        """Return a record that stands in a status, with which somebody may go on."""
        found = [each for each in self.world.things if (each.resource, each.status) == (resource, source)]
        return next((each for each in found if not transition.who or self.speaker(each, transition)), None)

    def speaker(self, thing: Thing, transition: Transition) -> str:
        """Return somebody who may take a way now; nothing where nobody may."""
        expected = ((who, self.world.expected(thing, transition.name, who)) for who in PEOPLE)
        return next((who for who, target in expected if target == transition.target), "")

    def _brought(self, resource: str, status: str) -> Thing:
        """Return a new record, brought to a status by the fewest steps."""
        waiting = deque((each, tuple[Step, ...]()) for each in MODELS[resource].workflow.entries)
        while waiting:
            reached, steps = waiting.popleft()
            if reached == status:
                thing = self.enter(resource, steps[0].source if steps else status)
                for step in steps:
                    step.take(self, thing)
                return thing
            visited = {reached, *(each.source for each in steps)}
            waiting += [
                (each.target, (*steps, each))
                for each in steps_of(resource)
                if each.source == reached and each.target not in visited
            ]
        raise AssertionError(f"{resource}: nothing leads to {status}")

    def enter(self, resource: str, status: str) -> Thing:
        """Enter a record in one of the statuses in which its kind is entered, beside which no other one stands."""
        world, street = self.world, self.world.street
        match resource:
            case "claims":
                thing = world.claim("unit 0", 0, world.put_up(self.free, places=None))
            case "needs":
                thing = world.publish("unit 1", resource, 1)
            case "resources":
                thing = world.publish("unit 2", resource, 2)
            case "matches":
                thing = self.propose("street")
            case "memberships":
                body = world.make(factories.AllianceFactory, street=street)
                thing = world.join("street" if status == "invited" else "unit 0", 0, status, body)
            case "participations":
                event = world.make(factories.EventFactory, street=street, status="planned")
                thing = world.invite("street", 1, event)
            case _:
                thing = {"rounds": world.call, "events": world.announce}[resource]("street")
        assert thing is not None
        return thing


def step_of(transition: Transition) -> Callable[[Plan, Thing], None]:
    """Return how a way is taken: by somebody who may, or by what makes a rule take it."""
    if transition.who:
        return lambda plan, thing: plan.world.take(thing, transition.name, plan.speaker(thing, transition))
    return RULES[transition.name]


def lapse(plan: Plan, thing: Thing) -> None:
    """Let so many days go by that it lapses, and have that written."""
    plan.world.sleep(STANDS + 1)
    over = [each for each in plan.world.things if each.is_lapsed]
    assert thing in over
    tick()
    plan.world.lapse(over=over)


def match(plan: Plan, thing: Thing) -> None:
    """Bring a need together with a resource, for both sides."""
    offer = plan.enter("resources", "offered")
    pair = plan.world.bring_together("unit 1", thing, offer)
    assert pair is not None
    plan.world.take(pair, "accept", "unit 2")


def reported(plan: Plan, thing: Thing) -> None:
    """Tell of a claim what an article says: it is claimed, and nobody has accepted it."""
    plan.world.report(thing, "claimed", "district")


RULES = {"lapse": lapse, "match": match}
PROPOSING = {"asked": "unit 1", "offered": "unit 2"}  # rules that count a side when it proposes a match itself


def steps_of(resource: str) -> Iterator[Step]:
    """Yield the steps of a table; those of a rule that only a new record takes are none."""
    for transition in MODELS[resource].workflow.transitions:
        if transition.name not in PROPOSING:
            yield from (Step(source, transition.target, step_of(transition)) for source in transition.sources)
    if resource == "claims":
        yield Step("requested", "claimed", reported)


@pytest.mark.enable_socket
def test_every_way_of_every_table_is_taken_and_everybody_sees_his_own(
    loaded_url: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    monkeypatch.setattr(feed, "horizon", lambda: (2**62, "1"))  # others on the server may hold it back
    with django_db_blocker.unblock(), connected_to(loaded_url):
        world = World(Clock(monkeypatch))
        plan = Plan(world)
        plan.take_all()
        assert every_way() - world.taken.keys() == set()
        told(f"{len(every_way())} ways of {len(MODELS)} tables, all taken, on {len(world.things)} records:")
        told(dict(world.taken))
        middle, end = plan.seen_at[len(plan.seen_at) // 2], datetime.now(UTC).isoformat()
        # The usual run lets every third one look; the others do behind the walks (`test_workflow_walk.py`).
        for number, who in enumerate(share(0, EVERYBODY, 3)):
            known = share(number, (middle, end), 2)
            sight = Sight(world, who, known, present=end, parts=len(EVERYBODY))
            assert bool(sight.hidden) is (who != "steward")
            asked = sight.check()
            told(f"{who or 'nobody'}: sees {len(sight.seen)} of {len(world.things)}, {asked} addresses looked at")


# Every other one ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("resource", MODELS)
def test_each_action_is_refused_in_each_status_from_which_it_does_not_lead(
    resource: str, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    """To whoever may edit the record, a party or not, and he is told what is open; nothing moves."""
    plan = Plan(World(Clock(monkeypatch)))
    thing = plan.enter(resource, next(iter(MODELS[resource].workflow.entries)))
    rows = MODELS[resource]._base_manager.filter(slug=thing.key)
    entry, refused = thing.status, 0
    for status in thing.statuses:
        rows.update(status=status)
        entries = LoggedChange.objects.count()
        for name in thing.workflow.names:
            is_legal = any(status in each.sources and each.who for each in thing.workflow.named(name))
            for who in ["steward"] if is_legal else share(refused, sorted(thing.editors), 2):
                answer = plan.world.people[who].post(f"{resource}/{thing.key}/{name}")
                found = (answer.status_code, codes(answer))
                assert found == ((403, ["not_competent"]) if is_legal else (409, ["wrong_state"])), (who, status, name)
                if not is_legal:
                    refused += 1
                    is_open = {each.name for each in thing.workflow.open_in(status)}
                    assert is_open <= words_in(answer.content), (status, name)
        assert rows.get().status == status
        assert LoggedChange.objects.count() == entries
    for name in {each.name for each in thing.workflow.transitions} - {*thing.workflow.names}:
        assert plan.world.people["street"].post(f"{resource}/{thing.key}/{name}").status_code == 404  # for rules alone
    rows.update(status=entry)  # for which there is evidence
    told(f"{len(thing.statuses)} statuses, {len(thing.workflow.names)} actions: {refused} refusals")
