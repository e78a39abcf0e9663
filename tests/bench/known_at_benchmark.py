"""What it costs to ask for what was known: a detail and a list, now and as known before 1,000 rows changed.

    python -m tests.bench.known_at_benchmark [ENTRIES]...

At 10,000, 100,000 and 1,000,000 entries of the change log, or as many as are given, on copies of the small registry of
`make bench`. Milliseconds of one client within the process, medians of alternating rounds; nothing is asserted.
"""

# ruff: noqa: T201 - it prints its figures, and the names are our own

import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import psycopg

from tests.bench import scale, server

ENTRIES = tuple(map(int, sys.argv[1:])) or (10_000, 100_000, 1_000_000)
CHANGED = 1_000
ROUNDS = 7
TIMES = 40
A_TRANSACTION = 100  # entries
# Entries of earlier transactions: each project as it is, again and again.
OLD_COMMITS = """
    INSERT INTO common_commit (xid, at, snapshot)
    SELECT n::text::xid8, now() - interval '1 day' + n * interval '1 ms', (n || ':' || n + 1 || ':' || n)::pg_snapshot
    FROM generate_series(10, 9 + %(entries)s / %(each)s) AS n ON CONFLICT DO NOTHING
"""
OLD_ENTRIES = """
    INSERT INTO common_loggedchange (xid, token, request_id, client_request_id, reason, table_name, record_id, key,
                                     operation, before, after)
    SELECT (10 + n / %(each)s)::text::xid8, '', 'old', '', '', 'projects_project', p.id, p.slug, 'update', p.row, p.row
    FROM generate_series(0, %(entries)s - 1) AS n
    JOIN (SELECT id, slug, to_jsonb(q) - 'ngrams' - 'prose_ngrams' AS row, row_number() OVER () - 1 AS place
          FROM projects_project AS q LIMIT 5000) AS p ON p.place = n %% 5000
"""
# What is done with 1,000 rows of a table, fifty at a time and in turn.
STEPS = (
    (
        "registry_membership",
        (
            "DELETE FROM registry_membership WHERE id = ANY(%s)",
            "UPDATE registry_membership SET state = 'draft', joined_on = (1000 + id)::text,"
            " alliance_id = (SELECT max(id) FROM registry_alliance) WHERE id = ANY(%s)",
        ),
    ),
    ("registry_membership", ("UPDATE registry_membership SET created_at = now() WHERE id = ANY(%s)",)),
    ("projects_project", ("UPDATE projects_project SET summary = summary || '改' WHERE id = ANY(%s)",)),
)


def prepare(base: str, small: str, entries: int) -> str:
    """Return the URL of a copy of the small registry whose log has so many entries more."""
    name = f"known_at_{entries}"
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {small.rpartition('/')[2].partition('?')[0]}")
    url = server.database_url(base, name)
    from apps.common.rules.transactions import BEGIN_EPOCH  # behind django.setup()

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        values = {"entries": entries, "each": A_TRANSACTION}
        connection.execute(OLD_COMMITS, values)
        connection.execute(OLD_ENTRIES, values)
        connection.execute(BEGIN_EPOCH)
        connection.execute("RESET session_replication_role")
        connection.execute("VACUUM ANALYZE")
    return url


def change(url: str) -> list[str]:
    """Move, delete and change 1,000 memberships, then change 1,000 projects; return the instants around each step."""
    instants = []
    with psycopg.connect(url, autocommit=True) as connection:
        for table, steps in STEPS:
            instants.append(datetime.now(UTC))
            ids = [pk for (pk,) in connection.execute(f"SELECT id FROM {table} ORDER BY id LIMIT %s", [CHANGED])]
            for place, begin in enumerate(range(0, CHANGED, 50)):
                connection.execute(steps[place % len(steps)], [ids[begin : begin + 50]])
        connection.execute("ANALYZE common_loggedchange, common_commit")
        instants.append(datetime.now(UTC))
    return [quote(f"{at:%Y-%m-%dT%H:%M:%S.%fZ}") for at in instants]


def asker() -> Callable[[str], float]:
    """Return a function that asks for an address and returns the milliseconds."""
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()

    def ask(address: str) -> float:
        path, _mark, query = address.partition("?")
        statuses: list[Any] = []
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        begin = time.perf_counter()
        answer = application(environment, lambda status, _headers: statuses.append(status))
        body = b"".join(answer)
        taken = 1000 * (time.perf_counter() - begin)
        answer.close()
        assert statuses == ["200 OK"], (address, statuses, body[:500])
        return taken

    return ask


def main() -> None:
    """Measure in alternation and print medians and ratios."""
    os.environ["ANSWER_CACHE_MB"] = "0"
    base = scale.prepare()
    small = scale.ensure(base, 0.02)
    from django.db import connection

    ask = asker()
    for entries in ENTRIES:
        url = prepare(base, small, entries)
        connection.close()
        connection.settings_dict["NAME"] = f"known_at_{entries}"
        unmoved, unchanged, before, behind = change(url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT slug FROM projects_project WHERE state = 'published' ORDER BY id OFFSET 10 LIMIT 1")
            (changed,) = cursor.fetchone()
            cursor.execute("SELECT slug FROM projects_project WHERE state = 'published' ORDER BY id DESC LIMIT 1")
            (same,) = cursor.fetchone()
            cursor.execute(
                "SELECT a.slug FROM registry_alliance AS a JOIN registry_membership AS m ON m.alliance_id = a.id"
                " WHERE a.state = 'published' AND a.id < (SELECT max(id) FROM registry_alliance)"
                " GROUP BY a.slug ORDER BY count(*) DESC LIMIT 1"
            )
            (alliance,) = cursor.fetchone()
        for label, path, past in (
            ("detail, changed since", f"/api/v1/projects/{changed}", before),
            ("detail, not changed", f"/api/v1/projects/{same}", before),
            ("alliance, parts changed", f"/api/v1/alliances/{alliance}", unchanged),
            ("alliance, parts moved", f"/api/v1/alliances/{alliance}", unmoved),
            ("list of 50", "/api/v1/projects?page_size=50", before),
            ("list of 50, counted", "/api/v1/projects?page_size=50&count=true", before),
        ):
            sign = "&" if "?" in path else "?"
            asked = [path, f"{path}{sign}known_at={behind}", f"{path}{sign}known_at={past}"]
            found: dict[str, list[float]] = {address: [] for address in asked}
            for address in asked:
                for _time in range(8):
                    ask(address)
            for _round in range(ROUNDS):
                for address in asked:
                    found[address].append(statistics.median(ask(address) for _time in range(TIMES)))
            now, after, then = (statistics.median(found[address]) for address in asked)
            print(
                f"{entries:>9,} entries  {label:<24} now {now:6.2f} ms, known behind the changes {after:6.2f}"
                f" ({after / now:.2f} x), before them {then:6.2f} ({then / now:.2f} x, {then - now:+.2f} ms)"
            )


if __name__ == "__main__":
    main()
