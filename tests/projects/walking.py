"""A street, its units, and a model of a few lines of what may be done with the records that move, and by whom.

Each step is a request. The model knows who speaks for which party, which transitions the tables have, where each record
stands, and whose lease is over; after every step the answer is the one that it expects: 200 or 201, or a typed refusal.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.test import Client
from django.utils import timezone

from apps.common.models.logged_change import LoggedChange
from apps.common.rules.workflow import REASON_KEPT, Transition, Workflow
from apps.common.values.dates import is_over, today
from apps.projects.models.claims import COUNTED, HOLDING, LIVE
from apps.projects.models.matches import LIVE as LIVE_MATCHES
from apps.projects.models.matches import STILL_ASKED
from tests import factories
from tests.clock import Clock
from tests.parties import Party
from tests.saying import saying
from tests.seen import MODELS, Eyes, mark

UNITS, PLACES, QUOTA, LEASE = 3, 1, 2, 2
PEOPLE = (*(f"unit {number}" for number in range(UNITS)), "street", "district", "other street", "steward")
KEEPERS = {"street", "district"}
NOBODY = ""
STANDS = 20  # days for which a need stands
TEXTS = {
    "memberships": "as_written",
    "rounds": "name",
    "claims": "summary",
    "needs": "name",
    "resources": "name",
    "matches": "note",
    "events": "name",
    "participations": "contribution",
}


@dataclass
class Thing:
    """A record as the model has it, and who speaks for its parties, by the names of the transitions."""

    resource: str
    key: str
    status: str
    parties: dict[str, set[str]]
    unit: int = -1
    place: str = ""  # the project of a claim, the two sides of a match, the body or the event that a unit is asked to
    mark: str = ""
    until: str = ""  # last day of its lease, or until when it stands
    reported: bool = False
    reason: str = ""  # the last one
    reasons: list[str] = field(default_factory=list)

    @property
    def workflow(self) -> Workflow:
        """The table by which it moves."""
        found: Workflow = MODELS[self.resource].workflow
        return found

    @property
    def statuses(self) -> list[str]:
        """All in which one of its kind can stand."""
        return [value for value, _label in MODELS[self.resource].Status.choices]

    @property
    def editors(self) -> set[str]:
        """Who may edit it: its parties, and stewards."""
        return {"steward"}.union(*self.parties.values())

    @property
    def record(self) -> tuple[str, str]:
        """Resource and key."""
        return self.resource, self.key

    def way(self, name: str, target: str) -> str:
        """Return the transition to a status as it is counted."""
        return way(self.resource, self.status, name, target)

    def is_seen_by(self, who: str) -> bool:
        """Whether somebody sees it; nobody in particular is the empty name."""
        return self.reported or self.status in self.workflow.public or who in self.editors

    @property
    def is_lapsed(self) -> bool:
        """Whether it has lapsed, though nobody has written that yet."""
        lapses = self.workflow.lapses
        return lapses is not None and self.status == lapses.status and is_over(self.until, today())


def way(resource: str, source: str, name: str, target: str) -> str:
    """Return a transition from one of its statuses as it is counted."""
    return f"{resource}: {source} {name} {target}"


def ways() -> Iterator[tuple[str, str, Transition]]:
    """Yield the transitions of all tables with each status from which they lead: the resource, that one, and it."""
    for resource, model in MODELS.items():
        for transition in model.workflow.transitions:
            yield from ((resource, source, transition) for source in transition.sources)


def every_way() -> set[str]:
    """Return all of them as they are counted."""
    return {way(resource, source, each.name, each.target) for resource, source, each in ways()}


def codes(answer: Any) -> list[str]:
    """Return the codes of what was wrong."""
    return [error["code"] for error in answer.json().get("errors", [])] if answer.status_code >= 400 else []


class World:
    """A street that puts projects up, keeps a body and holds events; units that claim, ask, offer, join and come."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.since = timezone.now().isoformat()
        self.start: int = LoggedChange.objects.aggregate(last=Max("number"))["last"]
        self.beside: dict[str, Counter[str]] = defaultdict(Counter)  # by kind and status: what everybody sees anyway
        self.street = self.make(factories.StreetFactory)
        other = self.make(factories.StreetFactory, district=self.street.district)
        self.units = [self.make(factories.MemberUnitFactory, street=self.street) for _number in range(UNITS)]
        self.people = {
            **{f"unit {number}": Party(role="representative", unit=unit) for number, unit in enumerate(self.units)},
            "street": Party(role="curator", street=self.street),
            "district": Party(role="curator", district=self.street.district),
            "other street": Party(role="curator", street=other),
            "steward": Party(role="steward"),
        }
        self.rounds: dict[str, Any] = {}  # by mode
        self.puts: dict[str, Any] = {}  # the places at which rounds put projects up, by key
        for mode in ("first_come", "approval"):
            values = {"street": self.street, "status": "open", "most_claims": QUOTA, "lease_days": LEASE}
            self.rounds[mode] = self.make(factories.RoundFactory, mode=mode, **values)
            for _number in range(2):
                self.put_up(self.rounds[mode])
        self.body = self.make(factories.AllianceFactory, street=self.street)
        self.event = self.make(factories.EventFactory, street=self.street, status="planned")
        self.things: list[Thing] = []
        self.taken: Counter[str] = Counter()
        self.marks = self.nights = 0

    def make(self, factory: Any, **values: Any) -> Any:
        """Make a record and its citation in one transaction, without which it could not be published."""
        with transaction.atomic():
            record = factory(**values)
        if record.resource in MODELS:
            self.beside[record.resource][record.status] += 1
        return record

    def put_up(self, of: Any, places: int | None = PLACES) -> str:
        """Put a project up in a round; return the key of its place there."""
        project = self.make(factories.ProjectFactory, alliance=None, street=self.street)
        place = self.make(factories.RoundProjectFactory, round=of, project=project, places=places)
        self.puts[place.slug] = place
        return str(place.slug)

    def eyes(self, who: str) -> Eyes:
        """Return somebody as one who looks."""
        return Eyes(self.people[who].client, self.people[who].user) if who else Eyes(Client())

    def new_mark(self) -> str:
        """Return a text that stands nowhere else."""
        self.marks += 1
        return mark(self.marks)

    # Time

    def sleep(self, days: int) -> None:
        """Let days go by."""
        self.nights += days
        day = today() + timedelta(days=days)
        self.clock.set(datetime(day.year, day.month, day.day, 4, tzinfo=UTC))

    def lapse(self, *, over: list[Thing]) -> None:
        """Note that a rule has written what has lapsed."""
        for thing in over:
            self.move(thing, "lapse", "lapsed")

    # Entering: each by somebody who may, or in vain

    def claim(self, who: str, number: int, place: str) -> Thing | None:
        """Claim a project of a round for a unit."""
        put_up = self.puts[place]
        body = {"project": put_up.project.slug, "round_project": place, "unit": self.units[number].slug}
        text, answer = self._enter(who, "claims", body)
        claims = [each for each in self.things if each.resource == "claims"]
        mine = [each for each in claims if each.unit == number]
        in_round = [each for each in mine if self.puts[each.place].round == put_up.round and each.status in COUNTED]
        taken = self._holders(place)
        is_first_come = put_up.round.mode == "first_come"
        if who != f"unit {number}":
            assert answer.status_code in (400, 403, 409), (who, answer.content.decode())
        elif any(each.place == place and each.status in LIVE for each in mine):
            assert (answer.status_code, codes(answer)) == (409, ["unique"])
        elif put_up.round.most_claims and sum(not each.is_lapsed for each in in_round) >= QUOTA:
            assert (answer.status_code, codes(answer)) == (409, ["quota"])
        elif is_first_come and len(taken) >= PLACES:
            assert (answer.status_code, codes(answer)) == (409, ["no_place"])
        else:
            self.lapse(over=[each for each in claims if each.place == place and each.is_lapsed])
            parties = {**dict.fromkeys(("place", "round_project__round__street"), KEEPERS), "unit": {who}}
            return self._entered(
                answer, Thing("claims", "", "accepted" if is_first_come else "requested", parties, number, place, text)
            )
        return None

    def publish(self, who: str, resource: str, number: int) -> Thing | None:
        """Ask or offer in the name of a unit."""
        closes = {"closes_on": (today() + timedelta(days=STANDS)).isoformat()} if resource == "needs" else {}
        text, answer = self._enter(who, resource, {"unit": self.units[number].slug, **closes})
        if who != f"unit {number}":
            assert answer.status_code in (400, 403), (who, answer.content.decode())
            return None
        status = next(iter(MODELS[resource].workflow.entries))
        return self._entered(answer, Thing(resource, "", status, {"unit": {who}}, number, mark=text))

    def bring_together(self, who: str, need: Thing, offer: Thing, *, broker: bool = False) -> Thing | None:
        """Propose a match of a need and a resource, for one of the two or for the body that brokers it."""
        text, answer = self._enter(
            who, "matches", {"need": need.key, "offer": offer.key, **({"broker": self.body.slug} if broker else {})}
        )
        askers, givers, brokers = need.parties["unit"], offer.parties["unit"], KEEPERS if broker else set[str]()
        pair = f"{need.key} {offer.key}"
        is_live = any(each.place == pair and each.status in LIVE_MATCHES for each in self.things)
        if not (need.is_seen_by(who) and offer.is_seen_by(who)) or who not in askers | givers | brokers:
            refused = (400, 403, 409) if is_live else (400, 403)  # that there is one is told first
            assert answer.status_code in refused, (who, answer.content.decode())
        elif need.status not in STILL_ASKED or need.is_lapsed or offer.status != "offered":
            assert answer.status_code == 400
            assert {*codes(answer)} & {"need_closed", "resource_taken"}
        elif is_live:
            assert answer.status_code == 409, answer.content.decode()
        else:
            parties = {"need__unit": askers, "offer__unit": givers, "broker": brokers}
            thing = Thing("matches", "", "proposed", parties, place=pair, mark=text)
            if who in askers:
                self.move(thing, "asked", "accepted_by_asker")
            elif who in givers:
                self.move(thing, "offered", "accepted_by_giver")
            return self._entered(answer, thing)
        return None

    def call(self, who: str) -> Thing | None:
        """Make a round of the street."""
        text, answer = self._enter(who, "rounds", {"street": self.street.code, "mode": "approval"})
        if who not in KEEPERS:
            assert answer.status_code in (400, 403), (who, answer.content.decode())
            return None
        return self._entered(answer, Thing("rounds", "", "planned", {"street": KEEPERS}, mark=text))

    def join(self, who: str, number: int, status: str, body: Any = None) -> Thing | None:
        """Invite a unit into a body, or apply for one."""
        body = body or self.body
        if self._is_asked("memberships", number, body):
            return None
        values = {"alliance": body.slug, "unit": self.units[number].slug, "role": "member", "status": status}
        text, answer = self._enter(who, "memberships", values)
        unit = f"unit {number}"
        if who not in (KEEPERS if status == "invited" else {unit}):
            assert answer.status_code in (400, 403), (who, answer.content.decode())
            return None
        parties = {"alliance": KEEPERS, "unit": {unit}}
        return self._entered(answer, Thing("memberships", "", status, parties, number, body.slug, text))

    def announce(self, who: str) -> Thing | None:
        """Announce an event of the street."""
        text, answer = self._enter(who, "events", {"kind": "conference", "street": self.street.code})
        if who not in KEEPERS:
            assert answer.status_code in (400, 403), (who, answer.content.decode())
            return None
        return self._entered(answer, Thing("events", "", "planned", {"place": KEEPERS}, mark=text))

    def invite(self, who: str, number: int, event: Any = None) -> Thing | None:
        """Invite a unit to an event of the street."""
        event = event or self.event
        if self._is_asked("participations", number, event):
            return None
        values = {"event": event.slug, "unit": self.units[number].slug, "role": "attendee"}
        text, answer = self._enter(who, "participations", values)
        if who not in KEEPERS:
            assert answer.status_code in (400, 403), (who, answer.content.decode())
            return None
        parties = {"place": KEEPERS, "unit": {f"unit {number}"}}
        return self._entered(answer, Thing("participations", "", "invited", parties, number, event.slug, text))

    def _is_asked(self, resource: str, number: int, to: Any) -> bool:
        """Whether a unit is asked to a body or an event already, or has asked itself."""
        return any((each.resource, each.unit, each.place) == (resource, number, to.slug) for each in self.things)

    def _enter(self, who: str, resource: str, body: dict[str, Any]) -> tuple[str, Any]:
        """Send a record with a text of its own; return that and the answer."""
        text = self.new_mark()
        body = {"slug": f"walked-{self.street.code}-{self.marks}", TEXTS[resource]: f"走查{text}", **body}
        return text, self.people[who].post(resource, state="published", change_reason="测试", **body)

    def _entered(self, answer: Any, thing: Thing) -> Thing:
        assert answer.status_code == 201, answer.content.decode()
        self._check(answer, thing)
        thing.key = answer.json()["slug"]
        self.things.append(thing)
        return thing

    # Moving

    def move(self, thing: Thing, name: str, target: str) -> None:
        """Note that a record has moved."""
        self.taken[thing.way(name, target)] += 1
        thing.status, thing.reason = target, ""

    def take(self, thing: Thing, name: str, who: str) -> None:
        """Take an action on a record, be it open to somebody or not."""
        members = {each for found in thing.workflow.named(name) for each in found.asks}
        if all(REASON_KEPT in (*found.asks, *found.takes) for found in thing.workflow.named(name)):
            members.add(REASON_KEPT)
        text = self.new_mark()
        said = f"走查{thing.mark}办了。"  # seen by whom the record is
        given = {"left_on": "2099-01-01", "summary": said, "outcome": said}
        answer = self.people[who].post(
            f"{thing.resource}/{thing.key}/{name}", **{each: given.get(each, f"走查{text}") for each in members}
        )
        expected = self.expected(thing, name, who)
        status, code = (200, "") if isinstance(expected, str) else expected
        assert (answer.status_code, "".join(codes(answer)[:1])) == (status, code), (who, thing, name, answer.content)
        if isinstance(expected, str):
            self.move(thing, name, expected)
            if REASON_KEPT in members:
                thing.reason = text
                thing.reasons.append(text)
            self._check(answer, thing)
            if thing.resource == "matches" and expected == "accepted":
                need, offer = self._sides(thing)
                if need.status == "open":
                    self.move(need, "match", "matched")
                self.move(offer, "use", "in_use")

    def report(self, thing: Thing, status: str, who: str) -> None:
        """Give a record the status that an article tells: everybody sees it from now on."""
        with transaction.atomic():
            said = saying(MODELS[thing.resource], {"status": status}, ["status"])
        path = f"{thing.resource}/{thing.key}/report"
        answer = self.people[who].post(path, status=status, citations=[said], change_reason="据报道")
        if not thing.is_seen_by(who):
            assert answer.status_code == 404
        elif who not in thing.editors - {f"unit {number}" for number in range(UNITS)}:
            assert answer.status_code == 403, answer.content.decode()
        elif self._has_twin(thing, status):
            assert (answer.status_code, codes(answer)) == (409, ["unique"])
        else:
            assert answer.status_code == 200, answer.content.decode()
            thing.status, thing.reported = status, True
            self._check(answer, thing)

    def _check(self, answer: Any, thing: Thing) -> None:
        """Compare what is answered with the model, and take from it until when the record stands."""
        told = answer.json()
        assert told["status"] == thing.status
        if (lapses := thing.workflow.lapses) is not None:
            thing.until = told[lapses.until]
            assert told.get("lapsed", thing.is_lapsed) == thing.is_lapsed

    def _has_twin(self, thing: Thing, status: str) -> bool:
        """Whether another record stands in the way of one in a status: of the same two there is one that is live."""
        live = {"claims": LIVE, "matches": LIVE_MATCHES}.get(thing.resource, ())
        others = [each for each in self.things if each is not thing and each.resource == thing.resource]
        same = [each for each in others if (each.unit, each.place) == (thing.unit, thing.place)]
        return status in live and any(each.status in live for each in same)

    def expected(self, thing: Thing, name: str, who: str) -> str | tuple[int, str]:
        """Return the status that an action gives, or the answer that refuses it."""
        if not thing.is_seen_by(who):
            return 404, ""
        if who not in thing.editors:
            return 403, ""
        found = [each for each in thing.workflow.named(name) if thing.status in each.sources and each.who]
        if not found:
            return 409, "wrong_state"
        spoken = {party for party, people in thing.parties.items() if who in people}
        mine = [each for each in found if spoken & {*each.who}]
        if not mine:
            return 403, "not_competent"
        if spoken & {*mine[0].apart_from}:
            return 403, "same_side"
        return self._refusal(thing, name, mine[0].target) or mine[0].target

    def _refusal(self, thing: Thing, name: str, target: str) -> tuple[int, str] | None:
        """Return the answer to an action that is closed to everybody though the status is right."""
        if thing.resource == "claims" and thing.is_lapsed and name != "release":
            return 409, "lapsed"
        if thing.resource == "matches" and name == "accept":
            need, offer = self._sides(thing)
            if need.status not in STILL_ASKED or need.is_lapsed:
                return 409, "need_closed"
            if offer.status != "offered":
                return 409, "resource_taken"
        is_new = thing.resource == "claims" and target in HOLDING and thing.status not in HOLDING
        places = self.puts[thing.place].places if is_new and not thing.reported else None
        return (409, "no_place") if places is not None and len(self._holders(thing.place)) >= places else None

    def _holders(self, place: str) -> list[Thing]:
        """Return the claims that hold a place."""
        claims = [each for each in self.things if (each.resource, each.place) == ("claims", place)]
        return [each for each in claims if each.status in HOLDING and not each.is_lapsed]

    def _sides(self, match: Thing) -> tuple[Thing, Thing]:
        """Return the need and the resource of a match."""
        need, offer = match.place.split()
        by_record = {each.record: each for each in self.things}
        return by_record["needs", need], by_record["resources", offer]

    def open_actions(self) -> list[tuple[Thing, str, str]]:
        """Return the actions that are open, each with its record and who may take it."""
        return [
            (thing, name, who)
            for thing in self.things
            for name in thing.workflow.names
            for who in PEOPLE
            if isinstance(self.expected(thing, name, who), str)
        ]
