"""What is measured: addresses, targets in alternation, and the checks that all of them say the same."""

import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg

from tests.bench import measuring
from tests.bench.measuring import Answer, Load
from tests.bench.services import Service, content_hash

LIST = "/api/v1/projects"
EVENTS = "/api/v1/events"
SATURATING = 4  # connections of pgbench; each plans its statement for itself, and the time for that counts
SAMPLE = 500  # different records or districts that are asked for


@dataclass(frozen=True)
class Target:
    """Something that answers, and how it is asked."""

    name: str
    run: Callable[[float], Load]


@dataclass
class Scenario:
    """One comparison: the runs of each target, round by round."""

    name: str
    runs: dict[str, list[Load]] = field(default_factory=dict)

    def median(self, target: str, what: str = "rps") -> float | None:
        """Return the median of what a target reached; None where it was not measured."""
        loads = self.runs.get(target)
        return median(getattr(load, what) for load in loads) if loads else None

    def ratio(self, target: str, other: str, what: str = "rps") -> float | None:
        """Return how often a target reaches what another one reaches: the median of what each round says."""
        rounds = zip(self.runs.get(target, ()), self.runs.get(other, ()), strict=False)
        found = [getattr(mine, what) / getattr(theirs, what) for mine, theirs in rounds if getattr(theirs, what)]
        return median(found) if found else None

    def raw(self) -> dict[str, Any]:
        """Return all runs as JSON."""
        return {name: [vars(load) for load in loads] for name, loads in self.runs.items()}


def alternate(name: str, targets: Sequence[Target], *, rounds: int, seconds: float, database: str) -> Scenario:
    """Run the targets one after the other, in every second round backwards, so that none always follows the same one.

    Each begins with a second that does not count, in which its statements are planned and its data come near.
    """
    scenario = Scenario(name)
    for turn in range(rounds):
        shift = turn // 2 % max(1, len(targets))
        for target in [*targets[shift:], *targets[:shift]][:: -1 if turn % 2 else 1]:
            target.run(1)
            quiet(database)
            load = target.run(seconds)
            scenario.runs.setdefault(target.name, []).append(load)
            wrong = f"; {load.refused} refused, {load.lost} lost" if load.refused or load.lost else ""
            sys.stderr.write(
                f"{name:<28}{target.name:<26}{load.rps:9.1f}/s  p50 {load.p50:8.2f}  p99 {load.p99:8.2f} ms"
                f"  CPU {load.app_ms:6.2f} + {load.pg_ms:6.2f} ms{wrong}\n"
            )
            quiet(database)
    return scenario


def in_turn(name: str, asked: Sequence[tuple[str, Service, Sequence[str]]], *, rounds: int, seconds: float) -> Scenario:
    """Ask targets for one answer each, over and over, by one connection to each service.

    For what differs by little: a machine that is slower for a second is so for all of them, and what is asked of one
    service is answered by one worker of it. `asked` holds the targets' names, the services, and the addresses that
    these are asked for in turn. The first second of a round does not count.
    """
    scenario = Scenario(name)
    for turn in range(rounds):
        with ExitStack() as stack:
            services = {service.port: service for _target, service, _lines in asked}
            open_to = {port: stack.enter_context(closing(each.client())) for port, each in services.items()}
            clients = [(target, open_to[service.port], lines) for target, service, lines in asked]
            answers: dict[str, list[Answer]] = {target: [] for target, _service, _lines in asked}
            begin, number = time.monotonic(), turn
            while (spent := time.monotonic() - begin) < seconds + 1:
                number += 1
                for target, client, lines in clients[:: -1 if number % 2 else 1]:
                    answer = measuring.ask(client, lines[number % len(lines)])
                    if spent >= 1:
                        answers[target].append(answer)
        for target, given in answers.items():
            load = measuring.of_answers(given)
            scenario.runs.setdefault(target, []).append(load)
            sys.stderr.write(f"{name:<28}{target:<26}{load.rps:9.1f}/s  p50 {load.p50:8.2f}  p99 {load.p99:8.2f} ms\n")
    return scenario


def heat(service: Service, paths: Sequence[str]) -> None:
    """Ask for every address once: what is measured is the work, not the disk from which its rows first come."""
    with ThreadPoolExecutor(8) as pool:
        for _answer in pool.map(service.get, paths):
            pass


def quiet(database: str) -> None:
    """Return when no statement runs any more: those of a slow target outlive the clients that asked for them."""
    with psycopg.connect(database, autocommit=True) as connection:
        for _attempt in range(100):
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type LIKE %s",
                ["client%"],
            ).fetchone()
            if row == (0,):
                return
            time.sleep(0.1)


class Asking:
    """How the targets on one database are asked."""

    def __init__(self, database: str, pg: int | None, connections: int) -> None:
        self.database = database
        self.pg = pg
        self.connections = connections

    def over_http(
        self, service: Service, lines: Sequence[str], name: str = "", *, connections: int | None = None
    ) -> Target:
        """Return a target that asks a service for addresses in turn."""

        def run(seconds: float) -> Load:
            return measuring.wrk(
                service.port,
                lines,
                seconds=seconds,
                connections=connections or self.connections,
                app=service.pid,
                pg=self.pg,
            )

        return Target(name or service.name, run)

    def in_sql(self, scripts: Sequence[tuple[str, int]], name: str = "pgbench") -> Target:
        """Return a target that runs prepared statements directly."""

        def run(seconds: float) -> Load:
            return measuring.pgbench(self.database, scripts, seconds=seconds, connections=SATURATING, pg=self.pg)

        return Target(name, run)


def sample_slugs(database: str, table: str) -> list[str]:
    """Return the slugs of published rows, the same in each run."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            f"SELECT slug FROM {table} WHERE state = 'published' ORDER BY hashint8(id) LIMIT %s",
            [SAMPLE],
        ).fetchall()
    return [row[0] for row in rows]


def sample_filters(database: str) -> list[str]:
    """Return the addresses of lists filtered by district and status."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT code FROM registry_district ORDER BY code").fetchall()
    codes = [row[0] for row in rows]
    chosen = random.Random(1).sample(codes, min(SAMPLE, len(codes)))
    return [f"{LIST}?district={code}&status=under_way" for code in chosen]


def check_equal(ours: Service, peers: Sequence[Service], paths: Sequence[str]) -> None:
    """End the run unless the peers give the same records as the service."""
    for path in paths:
        wanted = content_hash(ours.read(path))
        for peer in peers:
            if content_hash(peer.read(path)) != wanted:
                sys.exit(f"bench: {peer.name} and {ours.name} do not say the same at {path}")


def etags(service: Service, paths: Sequence[str]) -> list[str]:
    """Return the lines that ask for what one has already; empty where the service gives no ETag."""
    lines = []
    for path in paths:
        tag = service.get(path)[1].get("etag")
        if not tag or service.get(path, **{"If-None-Match": tag})[0] != 304:
            return []
        lines.append(f"{path}\t{tag}")
    return lines


def half_way(service: Service, rows: int) -> str:
    """Return the address of the page half way into the list of projects, found by following `next`."""
    path = f"{LIST}?page_size=200&fields=url"
    for _page in range(rows // 400):
        following = service.read(path)["next"]
        if following is None:
            break
        path = following
    cursor = path.partition("cursor=")[2].partition("&")[0]
    return f"{LIST}?cursor={cursor}" if cursor else LIST


def staleness(service: Service, database: str, rounds: int = 200) -> tuple[int, int]:
    """Change a project by SQL and read it and its list right after the commit; return all reads and the stale ones.

    The project is the first of the list, and is left as it was. Its summary is in the registry's own words, which keep
    their evidence when they change.
    """
    first = service.read(LIST)["results"][0]
    before, stale = first["summary"], 0
    with psycopg.connect(database, autocommit=True) as connection:
        statement = "UPDATE projects_project SET summary = %s WHERE slug = %s"
        try:
            for number in range(rounds):
                connection.execute(statement, [f"第{number}次", first["slug"]])
                listed = service.read(LIST)["results"][0]["summary"]
                alone = service.read(f"{LIST}/{first['slug']}")["summary"]
                stale += (listed != f"第{number}次") + (alone != f"第{number}次")
        finally:
            connection.execute(statement, [before, first["slug"]])
    return rounds * 2, stale
