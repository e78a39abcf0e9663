"""What one reader of a record notices of many who ask what is costly.

`python -m tests.bench.costly_reads http://127.0.0.1:8000 [PATH]` asks a running service: first one client alone for a
record, then beside 64 others, each of which asks the costliest question over and over, another instant each time so
that no answer is kept; then the one client alone again, five seconds later. That twice: with others who wait as long as
a refusal tells them, and with others who do not.
"""

import asyncio
import http.client
import itertools
import multiprocessing
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

DETAIL = "/api/v1/alliances/wujiaochang-zhen-lianxihui"
# `{}` is the place of an instant that no other request has.
COSTLIEST = "/api/v1/neighbourhoods?known_at={}&q=%E4%BA%94&facets=street"
CLIENTS = 64
SECONDS = 15.0
READS = 400  # of the client that is alone
HEAD = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)", re.IGNORECASE | re.DOTALL)


class Attack(NamedTuple):
    """What the many were answered: how often with which status, and the seconds of those that were refused."""

    statuses: Counter[int]
    refusals: list[float]


async def _ask(host: str, port: int, paths: Iterator[str], attack: Attack, *, deadline: float, patient: bool) -> None:
    """Ask over one connection until the time is over; who is patient waits as long as a refusal says."""
    reader = writer = None
    while time.monotonic() < deadline:
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection(host, port)
            begun = time.monotonic()
            writer.write(f"GET {next(paths)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            found = HEAD.match(head)
            if found is None:
                raise OSError("no length")
            await reader.readexactly(int(found[2]))
            attack.statuses[int(found[1])] += 1
            if b"connection: close" in head.lower():
                writer.close()
                writer = None
            if found[1] == b"503":
                attack.refusals.append(time.monotonic() - begun)
                await asyncio.sleep(1.0 if patient else 0)
        except (OSError, asyncio.IncompleteReadError):
            attack.statuses[0] += 1
            writer = None


def _attack(host: str, port: int, path: str, patient: bool, answers: "multiprocessing.Queue[Attack]") -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    instants = (begun + timedelta(microseconds=number) for number in itertools.count(1))
    paths = (path.format(f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}") for instant in instants)
    attack, deadline = Attack(Counter(), []), time.monotonic() + SECONDS

    async def all_of_them() -> None:
        each = (_ask(host, port, paths, attack, deadline=deadline, patient=patient) for _client in range(CLIENTS))
        await asyncio.gather(*each)

    asyncio.run(all_of_them())
    answers.put(attack)


def read(host: str, port: int, seconds: float = 0.0) -> list[float]:
    """Return the milliseconds of reads of the record: `READS` of them, or as many as fit into some seconds."""
    client, found = http.client.HTTPConnection(host, port, timeout=120), list[float]()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline if seconds else len(found) < READS:
        begun = time.perf_counter()
        client.request("GET", DETAIL)
        response = client.getresponse()
        response.read()
        assert response.status == 200, response.status
        found.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.002)
    client.close()
    return found


def spread(milliseconds: list[float]) -> str:
    """Return median, 95th percentile and maximum as a text."""
    if len(milliseconds) < 2:
        return f"one read in {sum(milliseconds):.0f} ms"
    cuts = statistics.quantiles(milliseconds, n=20)
    return f"p50 {cuts[9]:.2f} ms, p95 {cuts[18]:.2f} ms, most {max(milliseconds):.2f} ms of {len(milliseconds)}"


def main() -> None:
    """Measure and print."""
    url, path = urlsplit(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else COSTLIEST
    host, port = str(url.hostname), url.port or 80
    read(host, port)
    say = sys.stdout.write
    say(f"alone:     {spread(read(host, port))}\n")
    for patient in (True, False):
        answers: multiprocessing.Queue[Attack] = multiprocessing.Queue()
        attacker = multiprocessing.Process(target=_attack, args=(host, port, path, patient, answers))
        attacker.start()
        time.sleep(0.5)
        found = read(host, port, SECONDS - 1)
        attack = answers.get()
        attacker.join()
        manner = "who wait as long as they are told" if patient else "who ask again at once"
        say(f"beside 64 {manner}: {spread(found)}\n")
        slowest = f"{max(attack.refusals) * 1000:.0f} ms" if attack.refusals else "none"
        say(f"  they got {dict(attack.statuses)}, the slowest refusal {slowest}\n")
        time.sleep(5)
        say(f"  5 s later: {spread(read(host, port))}\n")


if __name__ == "__main__":
    main()
