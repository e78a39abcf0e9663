"""The benchmark: `make bench`, or `make bench ARGS="--quick"`.

Builds the databases, runs the service beside its peers in alternation, and writes docs/performance.md with the figures
of this machine; all runs are kept in `.data/bench/results.json`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.bench import exporting, measuring, report, scale, scenarios, searching, server, services
from tests.bench.scenarios import EVENTS, LIST, Asking, Scenario, alternate, in_turn
from tests.bench.services import ROOT, Service

UNCACHED = "partybuild"
CACHED = "partybuild, cache on"
TAIL = 64  # connections


@dataclass
class Plan:
    """How long and how large."""

    scale: float
    small: float
    large: float
    rounds: int
    seconds: float
    connections: int


@dataclass
class Bench:
    """One benchmark: its plan, the servers that run, and what was found."""

    plan: Plan
    base: str
    database: str
    pg: int | None
    ours: Service
    cached: Service
    naive: Service
    fastapi: Service | None
    found: dict[str, Scenario] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def asking(self) -> Asking:
        """How targets on the main database are asked."""
        return Asking(self.database, self.pg, self.plan.connections)

    @property
    def peers(self) -> list[Service]:
        """The peers that are there."""
        return [self.naive, *([self.fastapi] if self.fastapi else [])]

    def keep(self, key: str, targets: list[scenarios.Target]) -> None:
        """Run a scenario and keep what was found."""
        plan = self.plan
        self.found[key] = alternate(key, targets, rounds=plan.rounds, seconds=plan.seconds, database=self.database)

    def compare(self, key: str, *asked: tuple[str, Service, list[str]]) -> None:
        """Compare latencies, answer by answer, and keep what was found."""
        self.found[key] = in_turn(key, asked, rounds=self.plan.rounds, seconds=self.plan.seconds)


def captured(database: str, paths: list[str]) -> list[tuple[str, int]]:
    """Return the service's own SQL for addresses, as scripts of pgbench with their weights."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.capture"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database, "ANSWER_CACHE_MB": "0"},
        input=json.dumps(paths),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [(script, weight) for script, weight in json.loads(result.stdout)]


def reading(bench: Bench) -> None:
    """Measure lists and details, uncached, beside all peers."""
    details = [f"{LIST}/{slug}" for slug in scenarios.sample_slugs(bench.database, "projects_project")]
    filtered = scenarios.sample_filters(bench.database)
    questions = {"list": [LIST], "detail": details, "filtered": filtered, "events": [EVENTS]}
    for key, paths in questions.items():
        scenarios.check_equal(bench.ours, [bench.cached, *bench.peers], paths[:5])
        scenarios.heat(bench.ours, paths)
        targets = [bench.asking.over_http(bench.ours, paths, UNCACHED)]
        targets += [bench.asking.over_http(peer, paths) for peer in reversed(bench.peers)]
        if bench.fastapi and key in ("list", "filtered"):
            by_postgresql = [path.replace("/api/v1/", "/pg/") for path in paths]
            targets.append(bench.asking.over_http(bench.fastapi, by_postgresql, "FastAPI, JSON from SQL"))
        targets.append(bench.asking.in_sql(captured(bench.database, paths)))
        bench.keep(key, targets)
    bench.notes["paths"] = {key: paths[0] for key, paths in questions.items()}


def caching(bench: Bench) -> None:
    """Measure the cached list, answers 304, and whether anything stale is ever served."""
    targets = [bench.asking.over_http(bench.cached, [LIST], CACHED)]
    targets += [bench.asking.over_http(bench.fastapi, [LIST])] if bench.fastapi else []
    bench.keep("cached list", targets)
    bench.notes["stale"] = scenarios.staleness(bench.cached, bench.database)
    slug = scenarios.sample_slugs(bench.database, "projects_project")[0]
    for key, service in (("304", bench.ours), ("304 cached", bench.cached)):
        path = f"{LIST}/{slug}"
        if lines := scenarios.etags(service, [path]):
            asked = [
                bench.asking.over_http(service, lines, "304"),
                bench.asking.over_http(service, [path], "200"),
            ]
            bench.keep(key, asked)


def depth(bench: Bench) -> None:
    """Measure a page half way, and the slowest answers under many connections."""
    deep = scenarios.half_way(bench.ours, round(500_000 * bench.plan.scale))
    bench.compare("deep page", ("page 1", bench.ours, [LIST]), ("page half way", bench.ours, [deep]))
    asking = bench.asking
    details = [f"{LIST}/{slug}" for slug in scenarios.sample_slugs(bench.database, "projects_project")]
    scenarios.heat(bench.ours, details)
    tails = [
        asking.over_http(bench.ours, [LIST], "list", connections=TAIL),
        asking.over_http(bench.ours, details, "detail", connections=TAIL),
        asking.over_http(bench.cached, [LIST], "cached list", connections=TAIL),
    ]
    tails += [asking.over_http(bench.fastapi, [LIST], "FastAPI list", connections=TAIL)] if bench.fastapi else []
    bench.keep("tail", tails)


def growth(bench: Bench, small: str, large: str) -> None:
    """Measure the same questions on a small and on a large registry."""
    with ExitStack() as stack:
        running = []
        for label, url in (("small", small), ("large", large)):
            service = stack.enter_context(services.ours(label, url, ANSWER_CACHE_MB="0"))
            running.append((label, url, service))
        for key in ("detail", "page 1", "filtered page"):
            asked = []
            for label, url, service in running:
                lines = {
                    "detail": lambda url=url: [f"{LIST}/{s}" for s in scenarios.sample_slugs(url, "projects_project")],
                    "page 1": lambda: [LIST],
                    "filtered page": lambda url=url: scenarios.sample_filters(url),
                }[key]()
                scenarios.heat(service, lines)
                asked.append((label, service, lines))
            bench.compare(f"growth, {key}", *asked)


@contextmanager
def running(plan: Plan, base: str, database: str) -> Iterator[Bench]:
    """Run the service, with its answer cache and without, and the peers."""
    with ExitStack() as stack:
        ours = stack.enter_context(services.ours(UNCACHED, database, ANSWER_CACHE_MB="0"))
        cached = stack.enter_context(services.ours(CACHED, database))
        naive = stack.enter_context(services.naive(database))
        fastapi = stack.enter_context(services.fastapi(database)) if services.has_fastapi() else None
        yield Bench(plan, base, database, server.postmaster(database), ours, cached, naive, fastapi)


def read_plan() -> tuple[Plan, argparse.Namespace]:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small registry and short runs: two or three minutes")
    parser.add_argument("--rebuild", action="store_true", help="make the databases anew")
    parser.add_argument("--scale", type=float, help="size of the registry; 1 has 500,000 projects")
    parser.add_argument("--small", type=float, help="size of the small registry for the comparison of sizes (0.02)")
    parser.add_argument("--large", type=float, help="size of the large one (2)")
    parser.add_argument("--rounds", type=int, help="rounds of each comparison (3)")
    parser.add_argument("--seconds", type=float, help="seconds of each run (4)")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--output", default=str(ROOT / "docs" / "performance.md"), help="where the report goes")
    options = parser.parse_args()
    quick = options.quick
    plan = Plan(
        scale=options.scale or (0.02 if quick else 1.0),
        small=options.small or (0.002 if quick else 0.02),
        large=options.large or (0.02 if quick else 2.0),
        rounds=options.rounds or 3,
        seconds=options.seconds or (1 if quick else 4),
        connections=options.connections,
    )
    return plan, options


def main() -> None:
    """Measure everything and write the report."""
    plan, options = read_plan()
    measuring.find_wrk()
    # As an exception, so that whatever was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    base = scale.prepare()
    begin = time.monotonic()
    sizes = sorted({plan.small, plan.scale, plan.large})
    urls = {size: scale.ensure(base, size, rebuild=options.rebuild, say=_say) for size in sizes}
    with running(plan, base, urls[plan.scale]) as bench:
        reading(bench)
        caching(bench)
        depth(bench)
        bench.notes["search"] = searching.measure(bench.ours, bench.database)
        bench.notes["export"] = exporting.measure(bench.ours, bench.database, plan.rounds)
    growth(bench, urls[plan.small], urls[plan.large])
    bench.notes["minutes"] = (time.monotonic() - begin) / 60
    path = server.HOME / "results.json"
    server.HOME.mkdir(parents=True, exist_ok=True)
    raw = {key: scenario.raw() for key, scenario in bench.found.items()}
    path.write_text(json.dumps({"runs": raw, "notes": bench.notes}, indent=1, ensure_ascii=False), encoding="utf-8")
    report.write(options.output, plan, bench.found, bench.notes, urls[plan.scale])
    _say(f"written: {options.output} and {path}")


def _say(line: str) -> None:
    sys.stderr.write(f"bench: {line}\n")


if __name__ == "__main__":
    main()
