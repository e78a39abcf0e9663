"""How long suggestions take among 200,000 resources, and whether the right ones are still found.

`python -m tests.bench.matching_benchmark [--resources 200000]` builds a database on the benchmark's server, asks for
suggestions for each need of the labelled pairs, and prints the milliseconds of SQL and Python together, and how many
find a right resource among the first three. Two thirds of the other resources meet no need, and lie everywhere; the
rest would meet one, in districts far from it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

import django
import psycopg
from django.db import connection

from tests.bench import server
from tests.bench.copying import Loader, indexes_made_last, triggers_resting
from tests.bench.scale import ROOT

NAME = "bench_matching"
STREETS = 14  # of a district
UNITS = 20_000  # beside those of the pairs
FIRST, ROUNDS = 3, 3


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def divisions(named: set[str]) -> dict[str, list[str]]:
    """Return the streets of each district: those that the pairs name, and others."""
    found: dict[str, list[str]] = {}
    for place in sorted(named):
        found.setdefault(place.partition("/")[0], []).append(place)
    for district, streets in found.items():
        streets += [f"{district}/样例{number}街道" for number in range(len(streets), STREETS)]
    return found


def build(url: str, count: int) -> None:
    """Migrate an empty database and fill it."""
    environment = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    written = import_module("tests.projects.matching.pairs")  # which takes the project's modules
    others = import_module("tests.projects.matching.others")
    places = divisions({pair.place for pair in written.PAIRS} | {each.place for each in written.resources()})
    district_of = {name: number for number, name in enumerate(places, 1)}
    street_of = {place: number for number, place in enumerate((s for all_ in places.values() for s in all_), 1)}
    right = [each for pair in written.PAIRS for each in pair.right]
    far = [place for district in others.FAR for place in places[district.partition("/")[0]]]

    near_places, far_places = cycle(street_of), cycle(far)
    homes = [next(far_places if number % 3 == 0 else near_places) for number in range(UNITS)]

    def units() -> Iterator[tuple[str, str]]:
        yield from ((each.unit, each.place) for each in right)
        for number, place in enumerate(homes):
            unit = (others.ALIKE if number % 3 == 0 else others.NEAR)[number % 7][0]
            yield f"{place.partition('/')[2]}第{number}{unit}", place

    def offers() -> Iterator[tuple[str, str, int]]:
        yield from ((each.name, each.summary, number) for number, each in enumerate(right, 1))
        for number in range(count - len(right)):
            place = number % UNITS
            kinds = others.ALIKE if place % 3 == 0 else others.NEAR
            _unit, name, summary = kinds[number // 3 % len(kinds)]
            yield name, f"{summary}，编号{number % 5000}", len(right) + place + 1

    with psycopg.connect(url, autocommit=True) as connection:
        loader = Loader(connection, say)
        with indexes_made_last(connection, say), triggers_resting(connection):
            base = ("id", "code", "name", "kind", "editions")
            rows: Any = [(n, f"99{n:04}", name, "district", [2023]) for name, n in district_of.items()]
            loader.copy("registry.District", base, rows)
            streets = (
                (n, f"99{n:07}", place.partition("/")[2], "town", [2023], district_of[place.partition("/")[0]])
                for place, n in street_of.items()
            )
            loader.copy("registry.Street", (*base, "district_id"), streets)
            fact = ("id", "slug", "state", "name")
            rows = (
                (n, f"unit-{n}", "published", unit, "company", district_of[place.partition("/")[0]], street_of[place])
                for n, (unit, place) in enumerate(units(), 1)
            )
            loader.copy("registry.MemberUnit", (*fact, "kind", "district_id", "street_id"), rows)
            rows = (
                (n, f"offer-{n}", "published", name, summary, unit, "offered")
                for n, (name, summary, unit) in enumerate(offers(), 1)
            )
            loader.copy("projects.Resource", (*fact, "summary", "unit_id", "status"), rows)
            needs = (
                (n, f"need-{n}", "published", pair.name, pair.summary, street_of[pair.place], "open")
                for n, pair in enumerate(written.PAIRS, 1)
            )
            loader.copy("projects.Need", (*fact, "summary", "street_id", "status"), needs)
        connection.execute("VACUUM (ANALYZE)")


def spent(process: int) -> float:
    """Return the milliseconds of processor time that a process has taken: beside others the clock says little."""
    return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6


def measure() -> None:
    """Ask for suggestions for each need, and print what it took and what was found."""
    written = import_module("tests.projects.matching.pairs")
    models, suggesting = import_module("apps.projects.models"), import_module("apps.projects.suggesting")
    taken: list[float] = []
    processor: list[float] = []
    database: list[float] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    missed: list[str] = []
    first = 1
    rights: dict[int, set[str]] = {}
    for number, pair in enumerate(written.PAIRS, 1):
        rights[number] = {f"offer-{n}" for n in range(first, first + len(pair.right))}
        first += len(pair.right)
    for turn in range(ROUNDS + 1):  # the first one warms up
        for number, pair in enumerate(written.PAIRS, 1):
            need = models.Need.objects.get(slug=f"need-{number}")
            begun, cpu, there = time.perf_counter(), time.process_time(), spent(backend)
            found = suggesting.suggested(need)
            if turn:
                taken.append((time.perf_counter() - begun) * 1000)
                processor.append((time.process_time() - cpu) * 1000)
                database.append(spent(backend) - there)
            elif not rights[number] & {each.resource.key for each in found[:FIRST]}:
                missed.append(pair.name)
    cuts = statistics.quantiles(taken, n=100)
    say(f"{len(taken)} times: median {cuts[49]:.1f} ms, 95 % {cuts[94]:.1f} ms, longest {max(taken):.1f} ms")
    work = statistics.quantiles([one + other for one, other in zip(processor, database, strict=True)], n=100)
    say(f"of these processor time: median {work[49]:.1f} ms, 95 % {work[94]:.1f} ms; of the median values")
    say(f"{statistics.median(processor):.1f} ms in Python and {statistics.median(database):.1f} ms in PostgreSQL")
    say(f"{len(written.PAIRS) - len(missed)} of {len(written.PAIRS)} among the first {FIRST}; missed: {missed}")


def main() -> None:
    """Build the database unless it is there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=int, default=200_000)
    parser.add_argument("--kept", action="store_true", help="measure on the database that is there")
    options = parser.parse_args()
    base = server.start()
    url = server.database_url(base, NAME)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")
    os.environ.setdefault("SECRET_KEY_FILE", str(server.HOME / "secret_key"))
    os.environ["DATABASE_URL"] = url
    if not options.kept:
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {NAME}")
    django.setup()
    if not options.kept:
        build(url, options.resources)
    measure()


if __name__ == "__main__":
    main()
