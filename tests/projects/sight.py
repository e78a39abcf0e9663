"""Who sees what, held against the model: what somebody may see is everywhere he looks, and nothing else of the rest."""

import json
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from apps.explore.search.sql import searched
from tests.full import share
from tests.projects.walking import NOBODY, PEOPLE, Thing, World
from tests.seen import (
    Asked,
    Eyes,
    counted_by_status,
    feed_of,
    found_by_search,
    keys_of,
    marks_in,
    messages_of,
    words_in,
)

EVERYBODY = (NOBODY, *PEOPLE)
PLACED = ("claims", "memberships", "participations")  # what statistics count in the street of a world


def asked_of(world: World, instants: Sequence[str], closely: Sequence[Thing]) -> Asked:
    """Return where to look for the records of a world, and for some of them closely."""
    beside = [
        *(f"member-units/{unit.slug}" for unit in world.units),
        *(f"rounds/{found.slug}/form{form}" for found in world.rounds.values() for form in ("", "?format=csv")),
        *(f"calendar.ics?unit={unit.slug}" for unit in world.units),
        f"rounds/{world.rounds['approval'].slug}/form?format=html",
        f"alliances/{world.body.slug}",
        f"alliances/{world.body.slug}/form",
        f"events/{world.event.slug}",
        f"streets/{world.street.code}",
    ]
    records = tuple(each.record for each in world.things)
    chosen = frozenset(each.record for each in closely)
    return Asked(records, tuple(beside), world.street.code, world.since, chosen, tuple(instants))


def check_statistics(world: World, eyes: Eyes) -> None:
    """Of what lies in the street, statistics count what is public, whoever asks."""
    public = [each for each in world.things if each.resource in PLACED and each.is_seen_by(NOBODY)]
    expected = Counter((each.resource, each.status) for each in public)
    page = eyes.json(f"statistics?street={world.street.code}&by=status&resource={','.join(PLACED)}")
    # Kinds of record may have a status of the same name, each in a group of its own.
    counted = [(kind, each["by"]["status"]["key"], n) for each in page["groups"] for kind, n in each["counts"].items()]
    assert sorted(counted) == sorted((*each, number) for each, number in expected.items())


class Sight:
    """What somebody may find out about the records of a world, and what he does.

    Of one in so many `parts` of the records he looks at all addresses, each at those of others; `instants` are those of
    which he asks what was known, of which `present` is the one at which all was as it is now.
    """

    def __init__(self, world: World, who: str, instants: Sequence[str] = (), *, present: str = "", parts: int) -> None:
        self.world, self.who, self.present, self.eyes = world, who, present, world.eyes(who)
        self.asked = asked_of(world, instants, share(EVERYBODY.index(who), world.things, parts))
        self.seen = [each for each in world.things if each.is_seen_by(who)]
        self.hidden = {each.record for each in world.things} - {each.record for each in self.seen}
        # The texts of what he sees, and the reasons of what is his: for whoever may edit it.
        own = [each for each in self.seen if who in each.editors]
        self.told = {each.mark for each in self.seen} | {reason for each in own for reason in each.reasons}

    def keys(self, resource: str) -> set[str]:
        """Return the keys of a kind that he sees."""
        return keys_of((each.record for each in self.seen), resource)

    def refuse_more(self, where: str, body: bytes) -> None:
        """Fail where an answer has a text that is not told to him, or the key of a record that he does not see."""
        assert marks_in(body) <= self.told, (self.who, where, marks_in(body) - self.told, body.decode())
        hidden = words_in(body) & {key for _resource, key in self.hidden}
        assert not hidden, (self.who, where, hidden, body.decode())

    def check(self) -> int:
        """Look everywhere; return how many addresses were asked."""
        self._lists()
        self._details()
        for path in self.asked.others():
            self._look(path)
        self._search()
        self._counts()
        check_statistics(self.world, self.eyes)
        self._feed()
        if self.who:
            self._inbox()
            self._messages()
        return self.eyes.asked

    def _look(self, path: str) -> bytes:
        status, body = self.eyes.ask(path)
        assert status == 200, (self.who, path, body.decode())
        self.refuse_more(path, body)
        return body

    def _lists(self) -> None:
        for resource, path in self.asked.lists():
            body = self._look(path)
            if "known_at" not in path or path.endswith(quote(self.present)):
                assert self.keys(resource) <= words_in(body), (self.who, path, self.keys(resource) - words_in(body))

    def _details(self) -> None:
        things = {each.record: each for each in self.world.things}
        for resource, key, path in self.asked.details():
            thing = things[resource, key]
            status, body = self.eyes.ask(path)
            is_past = "known_at" in path
            is_there = thing.is_seen_by(self.who)
            assert status == (200 if is_there else 404) or (is_past and is_there), (self.who, path, body.decode())
            self.refuse_more(path, body if is_there else body.replace(key.encode(), b""))
            if is_there and path == f"{resource}/{key}":
                own = {thing.reason} - {""} if self.who in thing.editors else set()
                assert {thing.mark, *own} <= marks_in(body), (self.who, path, body.decode())

    def _search(self) -> None:
        found, body = found_by_search(self.eyes)
        self.refuse_more("search", body)
        expected = {each.record for each in self.seen if each.resource in searched()}
        assert found == expected, (self.who, found ^ expected)

    def _counts(self) -> None:
        for resource, counts in counted_by_status(self.eyes, self.world.since).items():
            expected = Counter(each.status for each in self.seen if each.resource == resource)
            assert counts == expected + self.world.beside[resource], (self.who, resource, counts, expected)
        for place in self.world.puts.values():
            claims = [each for each in self.seen if (each.resource, each.place) == ("claims", place.slug)]
            project = json.loads(self._look(f"projects/{place.project.slug}"))
            assert (project["claim_count"], len(project["claims"])) == (len(claims), len(claims)), (self.who, place)

    def _feed(self) -> None:
        last, body = feed_of(self.eyes, self.world.since)
        self.refuse_more("changes", body)
        states = {each.record: last.get(each.record, {}).get("state") for each in self.seen}
        assert set(states.values()) <= {"updated"}, (self.who, states)

    def _inbox(self) -> None:
        body = self._look("inbox?page_size=200")
        waiting = {each.key for each in self.seen if self._waits(each)}
        assert waiting <= words_in(body), (self.who, waiting - words_in(body))

    def _waits(self, thing: Thing) -> bool:
        """Whether a record waits for him."""
        wait = thing.workflow.waits.get(thing.status)
        return wait is not None and any(self.who in thing.parties.get(party, ()) for party in wait.who)

    def _messages(self) -> None:
        told = messages_of(self.eyes, self.world.start)
        assert {told.get(record, "delete") for record in self.hidden} <= {"delete"}, (self.who, told)
        assert {each.record for each in self.seen} <= told.keys(), self.who
