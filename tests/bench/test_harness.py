"""The benchmark's machinery, on a few hundred rows: it builds, the peers agree, a load is measured."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql

from tests.bench import measuring, scale, scenarios, services
from tests.bench.copying import text_of
from tests.bench.records import SUPPORTS
from tests.bench.scenarios import EVENTS, LIST
from tests.bench.services import Service, content_hash
from tests.databases import drop, make_copy, url_of

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk, which makes the load, is not installed"),
]
SCALE = 0.0005
# What migrating leaves empty.
FILLED = """
    SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
"""


@pytest.fixture(scope="module")
def database(prepared: str) -> Iterator[str]:
    """A small generated registry in a database of its own."""
    name = f"{os.environ['TEST_DATABASE']}_bench_{os.getpid()}"
    make_copy(prepared, name)  # which is emptied in no time, and an empty one migrated in ten seconds
    with psycopg.connect(url_of(name), autocommit=True) as connection:
        tables = [sql.Identifier(table) for (table,) in connection.execute(FILLED).fetchall()]
        connection.execute("SET session_replication_role = replica")
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(tables)))
    scale.build(url_of(name), scale.invented_divisions(), SCALE, lambda _line: None)
    yield url_of(name)
    drop(name)


@pytest.fixture(scope="module")
def running(database: str) -> Iterator[tuple[Service, list[Service]]]:
    """The service and those of its peers whose packages are there."""
    with ExitStack() as stack:
        ours = stack.enter_context(services.ours("partybuild", database, ANSWER_CACHE_MB="0"))
        peers = [stack.enter_context(services.naive(database))]
        if services.has_fastapi():
            peers.append(stack.enter_context(services.fastapi(database)))
        yield ours, peers


def test_the_generated_registry_keeps_the_rules(database: str):
    """What the resting triggers and keys would have refused is not there."""
    with psycopg.connect(database) as connection:
        unproven = {
            label: connection.execute(
                sql.SQL("SELECT count(*) FROM {} WHERE {}(id) <> ARRAY[]::text[]").format(
                    sql.Identifier(label.lower().replace(".", "_")),
                    sql.Identifier(f"unproven_in_{label.lower().replace('.', '_')}"),
                )
            ).fetchone()
            for label in SUPPORTS
        }
        keys = connection.execute(
            "SELECT format('%I.%I', conrelid::regclass, conname) FROM pg_constraint WHERE NOT convalidated"
        ).fetchall()
        outside = connection.execute(
            "SELECT count(*) FROM events_participation LEFT JOIN registry_memberunit AS unit ON unit.id = unit_id"
            " WHERE unit.id IS NULL"
        ).fetchone()
        derived = connection.execute(
            "SELECT count(*) FROM projects_project WHERE name_pinyin = '' OR search_text NOT LIKE '%' || name || '%'"
        ).fetchone()

    assert unproven == dict.fromkeys(SUPPORTS, (0,))
    assert (keys, outside, derived) == ([], (0,), (0,))


def test_all_peers_give_what_the_service_gives(database: str, running: tuple[Service, list[Service]]):
    ours, peers = running
    slugs = scenarios.sample_slugs(database, "projects_project")[:20]
    filtered = scenarios.sample_filters(database)[:3]

    for path in [LIST, EVENTS, *filtered, *(f"{LIST}/{slug}" for slug in slugs)]:
        wanted = content_hash(ours.read(path))
        assert {peer.name: content_hash(peer.read(path)) for peer in peers} == dict.fromkeys(
            (peer.name for peer in peers), wanted
        ), path


def test_a_load_is_measured(running: tuple[Service, list[Service]]):
    ours, _peers = running

    load = measuring.wrk(ours.port, [LIST, "/api/v1/none"], seconds=1, connections=2, app=ours.pid, pg=None)

    assert load.rps > 0
    assert load.refused > 0
    assert load.lost == 0
    assert load.app_ms > 0
    assert load.p99 >= load.p50 > 0


def test_targets_are_asked_in_turn(running: tuple[Service, list[Service]]):
    ours, _peers = running

    found = scenarios.in_turn(
        "small", [("list", ours, [LIST]), ("wrong", ours, ["/api/v1/none", LIST])], rounds=2, seconds=0.5
    )

    assert [load.refused for load in found.runs["list"]] == [0, 0]
    assert all(load.refused > 0 for load in found.runs["wrong"])
    assert all(load.rps > 0 and load.p99 >= load.p50 > 0 for loads in found.runs.values() for load in loads)
    assert found.ratio("list", "list", "p50") == 1


def test_nothing_stale_is_served(database: str, running: tuple[Service, list[Service]]):
    assert scenarios.staleness(running[0], database, rounds=3) == (6, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, r"\N"), (True, "t"), (["a", "b"], "{a,b}"), ("a\tb\\c\nd", r"a\tb\\c\nd"), (7, "7")],
)
def test_values_are_written_as_copy_reads_them(value: object, text: str):
    assert text_of(value) == text


def test_a_difference_is_seen_and_a_spelling_is_not():
    one = {"results": [{"at": "2026-01-01T00:00:00Z", "name": "a"}], "next": "x"}

    assert content_hash(one) == content_hash({"results": [{"name": "a", "at": "2026-01-01T00:00:00.000000+00:00"}]})
    assert content_hash(one) != content_hash({"results": [{"name": "b", "at": "2026-01-01T00:00:00Z"}]})
