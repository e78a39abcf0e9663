"""At midnight of the city a lease is over, though nobody has written it: no tag and no kept answer lasts over it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.common.reading.answer_cache import ANSWERS
from apps.projects.models import Claim
from tests.clock import Clock
from tests.conftest import eventually
from tests.parties import ROOT
from tests.projects.walking import World
from tests.running import connected_to

# A minute before midnight, and midnight: 16 o'clock of UTC. On a Thursday two working days last until the Monday.
EVENING = datetime(2026, 6, 11, 15, 59, tzinfo=UTC)
LAST_EVENING, MIDNIGHT = EVENING + timedelta(days=4), EVENING + timedelta(days=4, minutes=1)


@pytest.fixture(params=["committed", "kept"])
def world(
    request: pytest.FixtureRequest, loaded_url: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A world in a database of its own on an evening, with a service that keeps no answers, or keeps them."""
    monkeypatch.setattr(ANSWERS, "limit", 10_000_000 if request.param == "kept" else 0)
    with django_db_blocker.unblock(), connected_to(loaded_url):
        clock = Clock(monkeypatch)
        clock.set(EVENING)
        yield World(clock)


def read(client: Client, path: str, etag: str = "") -> Any:
    """Read an address as somebody who has the answer of a tag."""
    return client.get(f"{ROOT}/{path}", headers={"if-none-match": etag} if etag else {})


def is_known(client: Client, path: str) -> None:
    """Whoever has an answer is not sent it again."""
    assert read(client, path, read(client, path).headers["ETag"]).status_code == 304


@pytest.mark.enable_socket
def test_a_lease_that_ends_at_midnight_changes_every_tag_and_nothing_stale_is_given(world: World) -> None:
    place = next(key for key, each in world.puts.items() if each.round.mode == "first_come")
    claim = world.claim("unit 0", 0, place)
    assert claim is not None
    assert claim.until == LAST_EVENING.date().isoformat()
    world.clock.set(LAST_EVENING)
    nobody, unit = Client(), world.people["unit 0"].client
    detail, lists = f"claims/{claim.key}", f"claims?project={world.puts[place].project.slug}"
    addresses = [(nobody, detail), (nobody, lists), (nobody, f"{detail}?format=jsonld"), (unit, detail)]
    first: list[Any] = []

    def check() -> None:
        first[:] = [read(*each) for each in addresses]
        for address, answer in zip(addresses, first, strict=True):
            tag, again = answer.headers["ETag"], read(*address)
            assert (again.status_code, again.content, again.headers["ETag"]) == (200, answer.content, tag)
            assert read(*address, tag).status_code == 304

    eventually(check)
    tags = [answer.headers["ETag"] for answer in first]
    assert bool(ANSWERS.used) is bool(ANSWERS.limit)
    assert [first[0].json()["lapsed"], first[1].json()["results"][0]["lapsed"]] == [False, False]
    assert read(unit, lists).json()["results"][0]["lapsed"] is False

    world.clock.set(MIDNIGHT)
    assert Claim.objects.get(slug=claim.key).status == "accepted"  # nobody has written it
    for address, answer, tag in zip(addresses, first, tags, strict=True):
        for known in (tag, ""):
            after = read(*address, known)
            assert after.status_code == 200
            assert after.headers["ETag"] != tag
            assert after.content != answer.content
        eventually(partial(is_known, *address))
    assert [read(nobody, detail).json()["lapsed"], read(unit, detail).json()["lapsed"]] == [True, True]
    assert [read(each, lists).json()["results"][0]["lapsed"] for each in (nobody, unit)] == [True, True]
    # And the place is free: who comes next gets it, and only then it is written.
    other = world.claim("unit 1", 1, place)
    assert other is not None
    assert read(nobody, detail, tags[0]).json()["status"] == "lapsed"
