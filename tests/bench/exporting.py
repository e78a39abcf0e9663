"""The export of all projects against COPY of the same JSON, and the memory that it takes."""

import http.client
import json
import threading
import time
from typing import Any

import psycopg

from tests.bench import measuring
from tests.bench.peers import statements
from tests.bench.services import HOST, Service, content_hash

PATH = "/api/v1/projects?format=ndjson"
CHUNK = 2**20
COMPARED = 200  # rows from the beginning


class Memory:
    """The largest resident set of a service's processes while a block runs, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.before = measuring.resident_mb(pid)
        self.most = self.before
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, measuring.resident_mb(self.pid))

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()


def by_http(service: Service) -> tuple[int, float, bytes]:
    """Read the whole export; return its rows, the seconds it took, and its beginning."""
    client = http.client.HTTPConnection(HOST, service.port, timeout=600)
    try:
        begin = time.monotonic()
        client.request("GET", PATH, headers={"Accept-Language": "zh-Hans"})
        response = client.getresponse()
        if response.status != 200:
            return 0, 0.0, response.read()
        rows, head = 0, b""
        while chunk := response.read(CHUNK):
            rows += chunk.count(b"\n")
            if len(head) < CHUNK:
                head += chunk
        return rows, time.monotonic() - begin, head
    finally:
        client.close()


def by_copy(database: str) -> tuple[int, float, bytes]:
    """COPY the same JSON out of the database; return rows, seconds and the beginning."""
    with psycopg.connect(database, options="-c enable_memoize=off") as connection:
        row = connection.execute("SELECT id FROM django_content_type WHERE model = 'project'").fetchone()
        statement = statements.project_page_json(kind=str(row[0] if row else 0), limit="")
        begin, rows, head = time.monotonic(), 0, b""
        with connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
            for chunk in copy:
                line = bytes(chunk)
                rows += line.count(b"\n")
                if len(head) < CHUNK:
                    head += line
        return rows, time.monotonic() - begin, head.replace(b"\\\\", b"\\")


def first_rows(head: bytes) -> list[Any]:
    """Return the first records of a file of one JSON object a line."""
    return [json.loads(line) for line in head.split(b"\n")[:-1][:COMPARED]]


def measure(service: Service, database: str, rounds: int) -> dict[str, Any]:
    """Return the rows a second of both ways, alternately, and the memory of the largest worker before and during."""
    status, _headers, body = service.get(f"{PATH}&q=zzzzzzzz")  # finds nothing: only whether it is answered is asked
    if status != 200:
        return {"missing": body[:300].decode("utf-8", "replace")}
    found: dict[str, Any] = {"http": [], "copy": []}
    for _round in range(rounds):
        with Memory(service.pid) as memory:
            rows, seconds, head = by_http(service)
        if not rows:
            return {"missing": head[:300].decode("utf-8", "replace")}
        found["http"].append(rows / seconds)
        found.setdefault("before_mb", memory.before)
        found["most_mb"] = max(found.get("most_mb", 0), memory.most)
        copied, seconds, wanted = by_copy(database)
        found["copy"].append(copied / seconds)
    found |= {"rows": rows, "copied": copied}
    found["same"] = rows == copied and content_hash(first_rows(head)) == content_hash(first_rows(wanted))
    return found
