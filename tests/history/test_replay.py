"""Random writes by every way, through the running service: its feed rebuilds what it dumps, and undoing gives it back.

`test_log` does the same inside one transaction and from the tables of the log; here everything is committed, by several
clients at once, and what is rebuilt is rebuilt from what a follower reads over HTTP.
"""

import hashlib
import http.cookiejar
import json
import os
import random
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psycopg
import pytest

from partybuild.api import viewsets
from tests.faults.clients import Caller, at_once, make_token
from tests.test_end_to_end import ROOT, Service, running

# The mark for the database makes pytest-django set up the one that the service gets a copy of.
pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
# REPLAY=all makes a few hundred writes; every run makes some of each kind.
WRITES = 300 if os.environ.get("REPLAY") == "all" else 60
CLIENTS = 4
Data = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def service(loaded_url: str) -> Iterator[Service]:
    """A service without limits on how often it is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATE_LIMIT_TOKEN", "1000000/60")
        with running(loaded_url, limit=1800) as started:
            yield started


@pytest.fixture(scope="module")
def keeper(service: Service, loaded_url: str) -> Iterator[Caller]:
    """A steward."""
    caller = Caller(service, make_token(loaded_url))
    yield caller
    caller.close()


# Following and dumping ------------------------------------------------------------------------------------------------


class Follower:
    """Rebuilds the records from the feed, and reads on where it stopped."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.next = "/api/v1/changes?page_size=200"
        self.records: Data = {}
        self.requests: dict[str, None] = {}

    def catch_up(self) -> None:
        """Read all that there is."""
        while True:
            page = self.caller.send("GET", self.next)
            assert page.status == 200, page
            for item in page.content["items"]:
                self.requests.setdefault(item["request_id"])
                key = (item["resource"], item["key"])
                if item["state"] == "deleted":
                    self.records.pop(key, None)
                elif item["data"] is not None:
                    self.records[key] = item["data"]
            self.next = page.content["next"]
            if not page.content["more"]:
                return


def listed(caller: Caller, known_at: str = "") -> dict[str, list[dict[str, Any]]]:
    """Return all records of all resources, as they are or were."""
    query = "format=ndjson" + (f"&known_at={known_at}" if known_at else "")
    found = {}
    for resource in sorted(viewsets()):
        reply = caller.send("GET", f"{resource}?{query}")
        assert reply.status == 200, reply
        found[resource] = [json.loads(line) for line in reply.body.splitlines()]
    return found


def dump(url: str, folder: Path) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """Return the digest of the dump of everything that everybody may read, and its records."""
    command = [sys.executable, "manage.py", "dump", str(folder)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, check=True, capture_output=True)
    digest = json.loads((folder / "manifest.json").read_text())["sha256"]
    files = {path.stem: path.read_text().splitlines() for path in folder.glob("*.ndjson")}
    return digest, {resource: [json.loads(line) for line in lines] for resource, lines in files.items()}


def plain(value: Any) -> Any:
    """Return a value of a record as the feed tells it: a reference is a key."""
    if isinstance(value, dict) and "key" in value:
        return f"{value['resource']}/{value['key']}" if "resource" in value else value["key"]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def comparable(records: Data, names: dict[str, set[str]]) -> list[str]:
    """Return records as lines that can be digested and compared, of each resource the fields that are named."""
    return sorted(
        json.dumps([resource, key, {name: plain(data[name]) for name in sorted(names[resource])}], ensure_ascii=False)
        for (resource, key), data in records.items()
    )


def check_same(follower: Follower, found: dict[str, list[dict[str, Any]]]) -> None:
    """Check that what a follower has is what was found, in every record and every field that both tell."""
    there: Data = {
        (resource, record["url"].rpartition("/")[2]): record
        for resource, records in found.items()
        for record in records
    }
    names: dict[str, set[str]] = {}
    for (resource, key), data in follower.records.items():
        names.setdefault(
            resource, {name for name in data.keys() & there.get((resource, key), data) if name[-3:] != "_at"}
        )
    assert all(len(each) >= 3 for each in names.values()), names
    mine, theirs = comparable(follower.records, names), comparable(there, names)
    assert [*(set(mine) ^ set(theirs))][:5] == []
    assert digest_of(mine) == digest_of(theirs)


def digest_of(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# Writing --------------------------------------------------------------------------------------------------------------


class Hand:
    """Writes at random, in one of the ways in which the registry is written."""

    def __init__(self, service: Service, keeper: Caller, url: str, seed: int) -> None:
        self.caller = Caller(service, keeper.headers["Authorization"].removeprefix("Bearer "))
        self.service, self.url = service, url
        self.chance = random.Random(seed)  # noqa: S311 - the same choices in every run
        self.own: list[str] = []
        self.stem = f"hand-{seed}"
        self.made = 0

    def name(self) -> str:
        self.made += 1
        return f"{self.stem}-{self.made}"

    def send(self, method: str, path: str, body: Any, *wanted: int, **headers: str) -> Any:
        """Send a write that has to succeed."""
        reply = self.caller.send(method, path, body, **headers)
        assert reply.status in (wanted or (200, 201, 204)), (method, path, body, reply)
        return reply

    def tag(self, path: str) -> str:
        return str(self.send("GET", path, None).headers["etag"])

    def create(self) -> None:
        slug = self.name()
        body = {"slug": slug, "name": f"新单位 {slug}", "kind": self.chance.choice(["company", "school"])}
        self.send("POST", "member-units", {**body, "state": "draft"})
        self.own.append(slug)

    def change(self) -> None:
        slug = self.pick()
        path, street = f"member-units/{slug}", self.chance.choice(["310110019", "310110101", None])
        body = {"summary": f"改 {self.chance.random()}", "street": street, "district": None}
        self.send("PATCH", path, body, If_Match=self.tag(path))

    def put(self) -> None:
        path = f"member-units/{self.pick()}"
        seen = self.send("GET", path, None)
        self.send("PUT", path, {**seen.content, "founded_on": "2012-06"}, If_Match=seen.headers["etag"])

    def delete(self) -> None:
        slug = self.pick()
        self.send("DELETE", f"member-units/{slug}", {}, If_Match=self.tag(f"member-units/{slug}"))
        self.own.remove(slug)

    def bulk(self) -> None:
        slugs = [self.name() for _number in range(3)]
        items = [{"slug": slug, "name": f"批量 {slug}", "kind": "company", "state": "draft"} for slug in slugs]
        self.send("POST", "member-units/bulk", {"items": items})
        self.own += slugs

    def publish_alias(self) -> None:
        """Change what everybody sees: a published record of the fixtures."""
        path = "alliances/wujiaochang-zhen-lianxihui"
        while True:  # others change it, too
            reply = self.caller.send("PATCH", path, {"slogan": f"口号 {self.chance.random()}"}, If_Match=self.tag(path))
            if reply.status != 412:
                assert reply.status == 200, reply
                return

    def by_sql(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT set_config('partybuild.request_id', %s, true)", [str(uuid.uuid4())])
            connection.execute(
                "UPDATE registry_memberunit SET summary = summary || %s WHERE slug = %s", ["※", self.pick()]
            )
            connection.execute("UPDATE registry_venue SET summary = %s WHERE id %% 3 = 0", [f"场地 {self.stem}"])

    def unnamed_sql(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("DELETE FROM registry_memberunit WHERE slug = %s", [self.own.pop()])

    def pick(self) -> str:
        if not self.own:
            self.create()
        return self.chance.choice(self.own)

    def write(self) -> None:
        """Write once, in a way that chance decides."""
        ways: list[Callable[[], None]] = [self.create, self.change, self.change, self.put, self.delete, self.bulk]
        ways += [self.publish_alias, self.by_sql]
        if len(self.own) > 3:
            ways.append(self.unnamed_sql)
        self.chance.choice(ways)()


UPDATE = """
import uuid
from apps.history.context import telling
from apps.registry.models import Alliance, MemberUnit
with telling(request_id=str(uuid.uuid4()), reason="QuerySet.update"):
    Alliance.objects.filter(kind="pair").update(summary="一起改")
    MemberUnit.objects.filter(slug__contains="hand-").update(summary="一起改")
with telling(request_id=str(uuid.uuid4()), reason="bulk_create"):
    MemberUnit.objects.bulk_create([MemberUnit(slug=f"orm-{n}", name="对象", kind="company") for n in range(5)])
"""


def update_by_orm(url: str) -> None:
    """Write as code in a shell does."""
    command = [sys.executable, "manage.py", "shell", "-c", UPDATE]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, check=True, capture_output=True)


class Curator:
    """Somebody at the forms of the admin, without a browser."""

    def __init__(self, service: Service) -> None:
        self.root = f"http://127.0.0.1:{service.port}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.cookies))
        account = re.search(r"user (\S+), password (\S{16})", service.printed)
        assert account is not None
        self.post("/admin/login/?next=/admin/", {"username": account[1], "password": account[2]})

    def post(self, path: str, fields: dict[str, Any]) -> str:
        """Send the form of a page; return the page to which it leads."""
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        data = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        with self.opener.open(f"{self.root}{path}", data, timeout=60) as answer:
            assert answer.url != f"{self.root}{path}", answer.read().decode()  # a good form leads elsewhere
            return str(answer.read().decode())

    def get(self, path: str) -> str:
        with self.opener.open(f"{self.root}{path}", timeout=60) as answer:
            return str(answer.read().decode())

    def rename(self, pk: int, name: str) -> None:
        """Give a district another name."""
        prefix = "evidence-citation-content_type-object_id"
        form: dict[str, Any] = {"name": name, "kind": "district"}
        form |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
        form |= dict.fromkeys(("editions", "established_on", "abolished_on", "successor"), "")
        form |= {f"{day}_on_{part}": "" for day in ("established", "abolished") for part in ("wording", "relative_to")}
        self.post(f"/admin/registry/district/{pk}/change/", form)


# The proof ------------------------------------------------------------------------------------------------------------


def now(url: str) -> str:
    """Return the database's time, which is behind all that was written."""
    with psycopg.connect(url) as connection:
        found: Any = connection.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'").fetchone()
    return f"{found[0].isoformat(timespec='microseconds')}Z"


def test_the_feed_rebuilds_the_registry_and_undoing_every_request_gives_the_first_one(
    service: Service, keeper: Caller, loaded_url: str, tmp_path: Path
) -> None:
    follower, everybody = Follower(keeper), Follower(Caller(service))
    hands = [Hand(service, keeper, loaded_url, seed) for seed in range(CLIENTS)]
    first, _records = dump(loaded_url, tmp_path / "first")
    follower.catch_up()
    loading = dict(follower.requests)
    then: dict[str, dict[str, list[dict[str, Any]]]] = {}
    stop = threading.Event()

    def follow_all_along() -> None:
        while not stop.wait(0.05):
            follower.catch_up()

    def write(number: int) -> None:
        for _step in range(WRITES // CLIENTS // 2):
            hands[number].write()

    curator = Curator(service)
    with psycopg.connect(loaded_url) as connection:
        ((district,),) = connection.execute("SELECT id FROM registry_district WHERE code = '310110'").fetchall()
    for phase in ("first", "second"):
        watching = threading.Thread(target=follow_all_along)
        watching.start()
        try:
            at_once(CLIENTS, write)
            curator.rename(district, f"杨浦区 {phase}")
            update_by_orm(loaded_url) if phase == "first" else None
        finally:
            stop.set()
            watching.join()
            stop.clear()
        follower.catch_up()
        then[now(loaded_url)] = found = listed(keeper)
        check_same(follower, found)

    # From zero, too: as somebody who begins now, and as everybody, who is to have what is dumped.
    late = Follower(keeper)
    late.catch_up()
    assert late.records == follower.records
    last, dumped = dump(loaded_url, tmp_path / "last")
    assert last != first
    everybody.catch_up()
    check_same(everybody, dumped)

    # Every request, the newest first.
    requests = [name for name in follower.requests if name not in loading]
    assert len(requests) > WRITES
    for name in reversed(requests):
        reply = keeper.send("POST", f"changes/{name}/revert", {})
        assert reply.status == 200, (name, reply)
    assert dump(loaded_url, tmp_path / "again")[0] == first
    follower.catch_up()
    check_same(follower, listed(keeper))
    for instant, found in then.items():
        assert listed(keeper, instant) == found
