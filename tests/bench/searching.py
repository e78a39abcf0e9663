"""Searches in the names of all projects: what their SQL costs, and whether they find what a scan by LIKE finds.

The terms are pieces of the names, of their pinyin and of their initials, from one character up, drawn by chance with a
fixed seed, and some that are known to be common. Milliseconds are of the statement that the service runs for the first
50 of a list (`q`, their addresses alone), on one connection that has prepared it, as those of the service have.

DATABASE_URL=... python -m tests.bench.searching < addresses      (a JSON list; prints the milliseconds of each)
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import django
import psycopg
from django.db import connection
from django.test import Client

from apps.common.values.ngrams import WHOLE, pattern
from apps.common.values.pinyin import normalise_term
from tests.bench.scenarios import LIST
from tests.bench.services import ROOT, Service

COMMON = """
党 助 关爱 学习 党史学习 志愿行动 青少年心理 sh dj dsxx yinfaguanai zhiyuan dangshixuexi
""".split()  # noqa: SIM905 - read as a line
LENGTHS = (1, 2, 3, 4, 6, 10)
DRAWN = 200
# The database looks at the values of the first five before it keeps a plan.
FIRST = 6
RUNS = 5
ORDERS = {"name": "name_pinyin, slug", "slug": "slug"}


def draw(connection: psycopg.Connection[Any], number: int) -> list[str]:
    """Return terms of every length, drawn from the lines of searched texts."""
    sql = "SELECT search_text FROM projects_project WHERE state = 'published' ORDER BY hashint8(id) LIMIT %s"
    texts = [row[0] for row in connection.execute(sql, [number])]
    dice, found = random.Random(4), []
    for count in range(number):
        line = dice.choice([line for line in dice.choice(texts).split("\n") if line])
        start = dice.randrange(len(line))
        found.append(line[start : start + LENGTHS[count % len(LENGTHS)]])
    # What is searched is normalised, and a term of nothing but spaces is none.
    return [term for term in found if normalise_term(term) == term and not any(map(str.isspace, term))]


def milliseconds(paths: list[str]) -> list[float]:
    """Return for each address the median of the times that its statement takes."""
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "zh-Hans"})
    found = []
    for path in paths:
        statement: list[Any] = []

        def keep(execute: Any, sql: Any, params: Any, many: bool, context: Any, kept: list[Any] = statement) -> Any:
            kept[:] = [sql, params]
            return execute(sql, params, many, context)

        with connection.execute_wrapper(keep):
            response = client.get(path)
        if response.status_code != 200:
            sys.exit(f"bench: {path} answers {response.status_code}")
        costs = []
        for _run in range(FIRST + RUNS):
            begin = time.perf_counter()
            connection.connection.execute(*statement, prepare=True).fetchall()
            costs.append(1000 * (time.perf_counter() - begin))
        found.append(statistics.median(costs[FIRST:]))
    return found


def milliseconds_on(database: str, paths: list[str]) -> list[float]:
    """Return the same on a database of one's choice."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.searching"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database, "ANSWER_CACHE_MB": "0"},
        input=json.dumps(paths),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    costs: list[float] = json.loads(result.stdout)
    return costs


def address(term: str, sort: str) -> str:
    """Return the address of the first page of what a term finds."""
    return f"{LIST}?q={quote(term, safe='')}&sort={sort}&fields=url"


def scan(connection: psycopg.Connection[Any], term: str, sort: str) -> list[str]:
    """Return the slugs of the first page that a scan finds."""
    rows = connection.execute(
        "SELECT slug FROM projects_project WHERE state = 'published' AND search_text LIKE %s"
        f" ORDER BY {ORDERS[sort]} LIMIT 50",
        [pattern(term)],
    )
    return [row[0] for row in rows]


def measure(service: Service, database: str) -> dict[str, Any]:
    """Return the milliseconds of every term in every order, and the terms whose answer is not that of a scan."""
    with psycopg.connect(database, autocommit=True) as scanning:
        terms = list(dict.fromkeys([*COMMON, *draw(scanning, DRAWN)]))
        found: dict[str, Any] = {"terms": len(terms), "short": {}, "long": {}, "differ": []}
        for number, term in enumerate(terms):
            sort = [*ORDERS][number % len(ORDERS)]
            slugs = [row["url"].rpartition("/")[2] for row in service.read(address(term, sort))["results"]]
            if slugs != scan(scanning, term, sort):
                found["differ"].append(term)
    for sort in ORDERS:
        for term, cost in zip(terms, milliseconds_on(database, [address(term, sort) for term in terms]), strict=True):
            found["short" if len(term) <= WHOLE else "long"][f"{term} by {sort}"] = cost
    for kind in ("short", "long"):
        slowest = sorted(found[kind].items(), key=lambda item: -item[1])[:5]
        sys.stderr.write(f"search, {kind}: {'; '.join(f'{term} {cost:.1f} ms' for term, cost in slowest)}\n")
    return found


def share(costs: Sequence[float], part: float) -> float:
    """Return the milliseconds that a part of the searches stay below."""
    return sorted(costs)[min(len(costs) - 1, int(len(costs) * part))]


def main() -> None:
    """Read addresses, print milliseconds."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")
    django.setup()
    json.dump(milliseconds(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
