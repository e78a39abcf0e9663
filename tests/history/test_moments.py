"""What was known at an instant is what had committed by then, whatever overlaps; held against what the writers saw."""

import random
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple

import psycopg
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from apps.common.models.commits import Commit
from apps.common.models.logged_change import LoggedChange
from apps.common.reading.known_at import everything, known_at
from apps.common.reading.moments import moment_at
from apps.common.rules.transactions import COMMITTING
from apps.history import feed, replay
from apps.history.epochs import begin_epoch, was_moved
from tests import factories
from tests.full import FULL
from tests.running import connected_to

WRITERS = 8
SECONDS = 60 if FULL else 2
ASKED_AGAIN = 300  # instants, at most, of which it is asked once more what was known
ROWS = 6  # that all of them write, so that they wait for each other
STATE = "SELECT code, name FROM registry_district WHERE code LIKE '99%'"


@pytest.fixture(scope="module")
def registry(loaded_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return the URL of a registry of one's own, to which Django is connected."""
    with django_db_blocker.unblock(), connected_to(loaded_url):
        yield loaded_url


class Written(NamedTuple):
    """A transaction: when its commit was asked for and when it was confirmed, and the rows that it wrote."""

    name: str
    asked: datetime
    confirmed: datetime
    rows: frozenset[str]


def now() -> datetime:
    return datetime.now(UTC)


def write(url: str, number: int, stop: threading.Event, done: list[Written]) -> None:
    """Write transactions that last for some time, of which every fifth is given up."""
    chance = random.Random(number)  # noqa: S311
    with psycopg.connect(url) as database:
        while not stop.is_set():
            name = f"{number}-{len(done)}-{chance.random()}"
            rows = sorted(chance.sample(range(ROWS), chance.randint(1, 3)))  # in order, so that nobody waits in a ring
            time.sleep(chance.random() / 50)
            database.execute("SELECT pg_current_xact_id()")  # has its number long before it commits
            for row in rows:
                time.sleep(chance.random() / 100)
                database.execute("UPDATE registry_district SET name = %s WHERE code = %s", [name, f"99{row:04}"])
            if chance.random() < 0.2:
                database.rollback()
                continue
            asked = now()
            database.commit()
            done.append(Written(name, asked, now(), frozenset(f"99{row:04}" for row in rows)))


def state_at(instant: datetime) -> dict[str, str]:
    """Return the rows as they were known at an instant, by either form in which it is looked up."""
    moment, found = moment_at(instant), []
    for of_one in (False, True):
        with connection.cursor() as cursor:
            # All tables, since more of them may change between the two statements.
            text = known_at(STATE, moment.snapshot, everything(), of_one=of_one)
            cursor.execute(text.replace("%", "%%"), [])
            found.append(dict(cursor.fetchall()))
    assert found[0] == found[1]
    return found[0]


def check(instant: datetime, state: dict[str, str], written: list[Written]) -> None:
    """Fail unless a state holds what was confirmed by an instant, nothing that was not asked for, and whole writes."""
    places = {each.name: place for place, each in enumerate(written)}
    seen = {row: places.get(name, -1) for row, name in state.items()}
    for place, each in enumerate(written):
        held = {seen[row] >= place for row in each.rows}
        assert len(held) == 1, f"half of {each} at {instant}: {state}"
        if each.confirmed <= instant:
            assert held == {True}, f"{each} is missing at {instant}: {state}"
        if each.asked > instant:
            assert held == {False}, f"{each} is known too early at {instant}: {state}"


def test_what_was_known_is_what_had_committed_under_overlapping_writers(registry: str) -> None:
    for row in range(ROWS):
        factories.DistrictFactory(code=f"99{row:04}", name="first")
    stop, done = threading.Event(), [list[Written]() for _writer in range(WRITERS)]
    threads = [threading.Thread(target=write, args=(registry, n, stop, done[n])) for n in range(WRITERS)]
    begin, chance = now(), random.Random(1)  # noqa: S311
    told: dict[datetime, dict[str, str]] = {}
    for thread in threads:
        thread.start()
    try:
        while now() < begin + timedelta(seconds=SECONDS):
            instant = now()
            told[instant] = state_at(instant)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    end = now()
    written = sorted(chain.from_iterable(done), key=lambda each: each.asked)
    assert len(written) > 20 * SECONDS
    # Whoever writes a row waits for the one before him, so that for each row this is the order of the commits.
    for instant in chance.sample(sorted(told), min(len(told), ASKED_AGAIN)):
        state = told[instant]
        check(instant, state, written)
        assert state_at(instant) == state, "what was told at once is told later"
    for _instant in range(100):
        instant = begin + (end - begin) * chance.random()
        check(instant, state_at(instant), written)
    replayed = 0
    for instant in [begin, *chance.sample(sorted(told), 2), end]:
        replay.replay(f"replayed_{replayed}", until=instant)
        with connection.cursor() as cursor:
            cursor.execute(STATE.replace("registry_district", f"replayed_{replayed}.registry_district"))
            assert dict(cursor.fetchall()) == state_at(instant)
        replayed += 1
    assert replayed == 4
    sys.stdout.write(f"{len(written)} writes of {WRITERS}, {len(told)} questions beside them\n")


def test_a_transaction_at_its_end_is_waited_for(registry: str) -> None:
    with psycopg.connect(registry) as database:
        database.execute("SELECT pg_current_xact_id(), pg_advisory_xact_lock_shared(%s)", [COMMITTING])
        begin = time.monotonic()
        timer = threading.Timer(0.3, database.commit)
        timer.start()
        moment_at(now())
        assert time.monotonic() - begin >= 0.3
        timer.join()


def test_the_registry_is_not_written_under_another_isolation(registry: str) -> None:
    with psycopg.connect(registry) as database:
        database.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        database.execute("UPDATE registry_district SET name = name || 'x'")
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="READ COMMITTED"):
            database.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_new_epoch_goes_on_behind_the_numbers_of_the_log(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a restore into a cluster that counts its transactions from the beginning."""
    before, (_oldest, epoch) = now(), feed.horizon()
    place = feed.read(None, "", ["registry_district"], None, 1).place
    district = factories.DistrictFactory(code="980002", name="早")
    with connection.cursor() as cursor:
        # All that is there comes from a cluster that had counted a million further.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE common_loggedchange SET xid = (xid::text::bigint + 1000000)::text::xid8")
        cursor.execute(
            "UPDATE common_commit SET xid = (xid::text::bigint + 1000000)::text::xid8,"
            " snapshot = ((pg_snapshot_xmin(snapshot)::text::bigint + 1000000) || ':'"
            " || (pg_snapshot_xmax(snapshot)::text::bigint + 1000000) || ':')::pg_snapshot"
        )
        cursor.execute("RESET session_replication_role")
        cursor.execute("UPDATE common_epoch SET cluster = 1")
    last_before = int(LoggedChange.objects.latest("number").commit_id)
    assert was_moved()
    assert begin_epoch() != epoch
    assert not was_moved()
    with pytest.raises(Exception, match="restored from a copy") as refused:
        feed.read(place, "", ["registry_district"], None, 1)
    assert refused.value.code == "feed_reset"
    between = now()
    district.name = "晚"
    district.save()
    (_oldest, epoch) = feed.horizon()
    monkeypatch.setattr(feed, "horizon", lambda: (2**62, epoch))  # others on the server may hold it back
    newest = LoggedChange.objects.latest("number")
    assert int(newest.commit_id) > last_before
    batch, changes = feed.read(None, "", ["registry_district"], None, 200), []
    while True:
        changes += batch.changes
        if not batch.more:
            break
        batch = feed.read(batch.place, "", ["registry_district"], None, 200)
    assert [each.number for each in changes] == sorted({each.number for each in changes})
    assert changes[-1] == newest
    assert "980002" not in state_of_98(before)
    assert state_of_98(between)["980002"] == "早"
    assert state_of_98(now())["980002"] == "晚"


def state_of_98(instant: datetime) -> dict[str, str]:
    moment = moment_at(instant)
    text = known_at(STATE.replace("99%", "98%"), moment.snapshot, moment.changed)
    with connection.cursor() as cursor:
        cursor.execute(text.replace("%", "%%"), [])
        return dict(cursor.fetchall())


def test_commits_are_stamped_in_order_though_the_clock_be_set_back(registry: str) -> None:
    ahead = now() + timedelta(hours=1)
    with psycopg.connect(registry) as database:
        database.execute("UPDATE common_commit SET at = %s WHERE at = (SELECT max(at) FROM common_commit)", [ahead])
    factories.DistrictFactory(code="980001")
    newest = Commit.objects.order_by("-at").exclude(at=None)[0]
    assert newest.at is not None
    assert newest.at > ahead
    assert LoggedChange.objects.latest("number").at == newest.at
