"""Searches in the names of all projects: what their SQL costs, and whether they find what a scan by LIKE finds.

The terms are pieces of the names, of their pinyin and of their initials, from one character up, drawn by chance with a
fixed seed, and some that are known to be common. Milliseconds are of the statement that the service runs for the first
50 of a list (`q`, their addresses alone), values written out, planned anew each time, on one connection.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import psycopg

from apps.common.pinyin import normalise_term
from apps.common.searching import WHOLE, pattern
from tests.bench.scenarios import LIST
from tests.bench.services import Service

COMMON = """
党 助 关爱 学习 党史学习 志愿行动 青少年心理 sh dj dsxx yinfaguanai zhiyuan dangshixuexi
""".split()  # noqa: SIM905 - read as a line
LENGTHS = (1, 2, 3, 4, 6, 10)
DRAWN = 200
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


def milliseconds(connection: psycopg.Connection[Any], sql: str) -> float:
    """Return the median of the times that a statement takes."""
    costs = []
    for _run in range(RUNS):
        begin = time.perf_counter()
        connection.execute(sql, prepare=False).fetchall()  # type: ignore[call-overload]
        costs.append(1000 * (time.perf_counter() - begin))
    return statistics.median(costs)


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


def measure(service: Service, database: str, captured: Callable[[str, list[str]], list[str]]) -> dict[str, Any]:
    """Return the milliseconds of every term in every order, and the terms whose answer is not that of a scan."""
    with psycopg.connect(database, autocommit=True, options="-c enable_memoize=off") as connection:
        terms = list(dict.fromkeys([*COMMON, *draw(connection, DRAWN)]))
        found: dict[str, Any] = {"terms": len(terms), "short": {}, "long": {}, "differ": []}
        for number, term in enumerate(terms):
            sort = [*ORDERS][number % len(ORDERS)]
            slugs = [row["url"].rpartition("/")[2] for row in service.read(address(term, sort))["results"]]
            if slugs != scan(connection, term, sort):
                found["differ"].append(term)
        for sort in ORDERS:
            for term, sql in zip(terms, captured(database, [address(term, sort) for term in terms]), strict=True):
                kind = "short" if len(term) <= WHOLE else "long"
                found[kind][f"{term} by {sort}"] = milliseconds(connection, sql)
    for kind in ("short", "long"):
        slowest = sorted(found[kind].items(), key=lambda item: -item[1])[:5]
        sys.stderr.write(f"search, {kind}: {'; '.join(f'{term} {cost:.1f} ms' for term, cost in slowest)}\n")
    return found


def share(costs: Sequence[float], part: float) -> float:
    """Return the milliseconds that a part of the searches stay below."""
    return sorted(costs)[min(len(costs) - 1, int(len(costs) * part))]
