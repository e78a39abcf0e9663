"""Random writes by every way, through the running service: its feed rebuilds what it dumps, and undoing gives it back.

`test_log` plays the tables of the log inside one transaction. Here everything is committed, by several clients at once,
and what is rebuilt is rebuilt from what followers read over HTTP. They write it into an empty registry, whose dump has
to be the very bytes of the service's own, so that nothing is left out of the comparison.
"""

import http.cookiejar
import json
import os
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psycopg
import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.postgres.fields import ArrayField
from django.core.management import call_command
from django.db import connection
from django.db.models import BooleanField
from psycopg import sql
from pytest_django import DjangoDbBlocker

from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Citable
from apps.common.resources.registry import viewsets
from apps.common.rules.change_log import logged_models, stored_columns
from apps.common.writing.transaction import write_transaction
from apps.events.models import Event
from apps.evidence.models import Citation
from apps.evidence.models.evidence import Evidence
from apps.history.readable import shown_fields
from apps.registry.models import Alliance, MemberUnit, Neighbourhood, Street
from apps.service.management.commands import dump as dumping
from tests.databases import drop, make_copy, url_of
from tests.faults.clients import Caller, at_once
from tests.full import FULL
from tests.pages import carried
from tests.running import Service, connected_to, make_token, running

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
# FULL=1 makes a few hundred writes; every run makes some of each kind.
WRITES = 300 if FULL else 32
CLIENTS = 4
EVENT = "events"
Record = tuple[str, str]
DIVISIONS = ("districts", "streets", "neighbourhoods")
DISTRICTS = ("310101", "310104", "310110")


@pytest.fixture(scope="module")
def service(loaded_url: str) -> Iterator[Service]:
    """A service without limits on how often it is asked."""
    if not FULL:
        thin_out(loaded_url)
    limits = dict.fromkeys(("RATE_LIMIT_TOKEN", "RATE_LIMIT_ANONYMOUS_READS"), "1000000/60")
    with running(loaded_url, limit=1800, **limits) as started:
        yield started


@pytest.fixture(scope="module")
def token(service: Service, django_db_blocker: DjangoDbBlocker) -> str:
    """The token of a steward."""
    with django_db_blocker.unblock():
        return make_token(service.url)


@pytest.fixture
def callers(service: Service) -> Iterator[Callable[[str], Caller]]:
    """Return a function that gives a client with a token, or with none."""
    with ExitStack() as stack:

        def make(token: str) -> Caller:
            caller = Caller(service, token)
            stack.callback(caller.close)
            return caller

        yield make


@pytest.fixture(scope="module")
def empty_url(prepared: str) -> Iterator[str]:
    """A database for what is rebuilt."""
    name = f"{os.environ['TEST_DATABASE']}_rebuilt_{os.getpid()}"
    make_copy(prepared, name)
    yield url_of(name)
    drop(name)


def thin_out(url: str) -> None:
    """Leave out most neighbourhoods, of which there are ten times as many as of all else, as if they never had been.

    Those of one district stay, those at which something points, and those that they have become part of.
    """
    name = Neighbourhood._meta.db_table
    links = [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Neighbourhood
    ]
    own = [column for table, column in links if table == name]
    pointing = " UNION ".join(f"SELECT {column} FROM {table}" for table, column in links if table != name)  # noqa: S608
    with psycopg.connect(url) as database:
        database.execute("SET LOCAL session_replication_role = replica")
        database.execute(
            f"""
            WITH RECURSIVE kept (id) AS (
                SELECT id FROM {name} WHERE code LIKE '310110%%'
                UNION SELECT c.object_id FROM {Citation._meta.db_table} AS c
                    JOIN django_content_type AS t ON t.id = c.content_type_id WHERE t.model = %s
                UNION ({pointing})
                UNION SELECT unnest(ARRAY[{", ".join(own)}]) FROM {name} JOIN kept USING (id)
            ), gone AS (
                DELETE FROM {name} AS one WHERE NOT EXISTS (SELECT FROM kept WHERE kept.id = one.id) RETURNING id
            )
            DELETE FROM {LoggedChange._meta.db_table} WHERE table_name = %s AND record_id IN (SELECT id FROM gone)
            """,  # noqa: S608 - names of tables and columns
            [Neighbourhood._meta.model_name, name],
        )


# Following ------------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Return a value of a record as the feed tells it: a reference is a key."""
    if isinstance(value, dict) and "key" in value:
        return f"{value['resource']}/{value['key']}" if "resource" in value else value["key"]
    return [plain(each) for each in value] if isinstance(value, list) else value


class Follower:
    """Keeps the records that the feed tells of, and reads on where it stopped."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.next = "/api/v1/changes?page_size=200"
        self.records: dict[Record, dict[str, Any]] = {}
        # The greatest number of each request: whoever wrote a row after another has a greater one.
        self.requests: dict[str, int] = {}

    def catch_up(self) -> None:
        """Read all that there is."""
        self.caller.close()  # the service closes connections that were idle for long
        anew: set[Record] = set()
        while True:
            page = self._read(self.next)
            for item in page["items"]:
                self.requests[item["request_id"]] = max(self.requests.get(item["request_id"], 0), item["number"])
                record = (item["resource"], item["key"])
                if item["state"] == "deleted":
                    self._drop(record)
                    anew.discard(record)
                elif item["data"] is None:
                    anew.add(record)
                else:
                    self.records[record] = item["data"]
            self.next = page["next"]
            if not page["more"]:
                break
        for record in anew:
            self._read_anew(record)

    def _read(self, path: str) -> Any:
        reply = self.caller.send("GET", path)
        assert reply.status == 200, (path, reply)
        # Not through floating point, which loses digits.
        return json.loads(reply.body, parse_float=str)

    def _read_anew(self, record: Record) -> None:
        """Read a record of which the feed says only that it is there."""
        resource, key = record
        reply = self.caller.send("GET", f"{resource}/{key}")
        if reply.status == 404:  # deleted since; the feed is going to say so
            self._drop(record)
            return
        assert reply.status == 200, reply
        found = json.loads(reply.body, parse_float=str)
        names = [name for _column, name, _target in shown_fields(viewsets()[resource].queryset.model)]
        known = self.records.get(record, {})
        self.records[record] = {**known, **{name: plain(found[name]) for name in names if name in found}}
        if resource == EVENT:
            self.records[record]["projects"] = plain(found["projects"])

    def _drop(self, record: Record) -> None:
        self.records.pop(record, None)


# Rebuilding and dumping -----------------------------------------------------------------------------------------------

TELLING = {"created_at": "2000-01-01T00:00:00Z", "updated_at": "2000-01-01T00:00:00Z"}


def rebuild(url: str, follower: Follower) -> None:
    """Leave in a registry nothing but what a follower has, as the feed told it."""
    records = sorted(follower.records)
    ids = {record: number for number, record in enumerate(records, 1)}
    with psycopg.connect(url) as database:
        # The log of the emptying is of no interest; what is written from here on passes all triggers and constraints.
        database.execute("SET LOCAL session_replication_role = replica")
        database.execute(
            sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, logged_models())))
        )
        database.execute("SET LOCAL session_replication_role = origin")
        kinds = {
            (app, model): pk
            for pk, app, model in database.execute("SELECT id, app_label, model FROM django_content_type").fetchall()
        }
        models = [model for model in logged_models().values() if issubclass(model, Citable)]

        def fill(wanted: list[Any]) -> None:
            for model in wanted:
                told = [(record, follower.records[record]) for record in records if record[0] == model.resource]
                insert(database, model, [row_of(model, ids, kinds, record, data) for record, data in told])

        fill([model for model in models if not issubclass(model, Evidence)])
        events = [(record, data) for record, data in follower.records.items() if record[0] == EVENT]
        pairs = [(ids[record], ids["projects", end]) for record, data in events for end in data["projects"]]
        rows = [
            {"id": number, "event_id": event, "project_id": project} for number, (event, project) in enumerate(pairs, 1)
        ]
        insert(database, Event.projects.through, rows)
        fill([model for model in models if issubclass(model, Evidence)])  # last: what it says is read off the records
        database.execute("ANALYZE")  # a dump planned for empty tables takes minutes


def empty_of(model: Any, column: str) -> Any:
    """Return what a column holds that says nothing; what a trigger fills is never left so."""
    found = next(field for field in model._meta.concrete_fields if field.column == column)
    kinds: dict[type[Any], Any] = {ArrayField: [], BooleanField: False}
    return next((empty for kind, empty in kinds.items() if isinstance(found, kind)), "")


def row_of(
    model: Any, ids: dict[Record, int], kinds: dict[tuple[str, str], int], record: Record, data: dict[str, Any]
) -> dict[str, Any]:
    """Return the stored columns of a record; those of which the feed does not tell serve searching alone."""
    row: dict[str, Any] = {name: empty_of(model, name) for name in stored_columns(model)}
    row |= {**TELLING, "id": ids[record]}
    if issubclass(model, Evidence):
        row |= {"says": {}, "confirmed_by_id": None}
    generic = {
        each.ct_field: each.fk_field for each in model._meta.private_fields if isinstance(each, GenericForeignKey)
    }
    for column, name, target in shown_fields(model):
        value = data[name]
        if target is GenericForeignKey:
            resource, _slash, key = value.partition("/")
            pointed: Any = viewsets()[resource].queryset.model
            row[column] = kinds[pointed._meta.app_label, pointed._meta.model_name]
            row[generic[column.removesuffix("_id")]] = ids[resource, key]
        elif target is not None and value is not None:
            row[column] = ids[target.resource, value]
        else:
            row[column] = value
    return row


def insert(database: "psycopg.Connection[Any]", model: Any, rows: list[dict[str, Any]]) -> None:
    """Write rows into a table."""
    table = sql.Identifier(model._meta.db_table)
    columns = sql.SQL(", ").join(map(sql.Identifier, stored_columns(model)))
    text = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_recordset(NULL::{0}, %s::jsonb)")
    database.execute(text.format(table, columns), [json.dumps(rows)])


def dump(url: str, folder: Path) -> str:
    """Write the dump of a database; return its digest."""
    other = connection.copy()
    other.settings_dict["NAME"] = urlsplit(url).path[1:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dumping, "connection", other)
        try:
            call_command("dump", folder, verbosity=0, stdout=StringIO())
        finally:
            other.close()
    return str(json.loads((folder / dumping.MANIFEST).read_text())["sha256"])


def differences(one: Path, other: Path) -> list[str]:
    """Return lines that stand in one dump only, a few of each resource."""
    found = []
    for path in sorted(one.glob("*.ndjson")):
        mine, theirs = path.read_text().splitlines(), (other / path.name).read_text().splitlines()
        found += [f"{path.name}: {line}" for line in sorted({*mine} ^ {*theirs})[:4]]
    return found


def check_rebuilt(url: str, follower: Follower, folder: Path) -> None:
    """Check that what a follower has makes the very dump that lies in a folder."""
    rebuild(url, follower)
    rebuilt = folder.with_name(f"{folder.name}-rebuilt")
    digest = dump(url, rebuilt)
    assert differences(folder, rebuilt) == []
    assert digest == json.loads((folder / dumping.MANIFEST).read_text())["sha256"]


def listed(caller: Caller, known_at: str = "") -> dict[str, list[str]]:
    """Return all records of all resources, as they are or were."""
    query = "format=ndjson" + (f"&known_at={known_at}" if known_at else "")
    caller.close()  # the service closes connections that were idle for long
    found = {}
    for resource in sorted(viewsets()):
        reply = caller.send("GET", f"{resource}?{query}")
        assert reply.status == 200, reply
        found[resource] = reply.body.decode().splitlines()
    return found


def dumped(folder: Path) -> dict[str, list[Any]]:
    """Return the records of a dump, by resource."""
    return {path.stem: [*map(json.loads, path.read_text().splitlines())] for path in folder.glob("*.ndjson")}


def as_dumped(lists: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Return listed records as a dump has them: by key, and not when they were written."""
    found = {name: [json.loads(line) for line in lines] for name, lines in lists.items()}
    return {
        name: sorted(
            ({field: value for field, value in record.items() if field != "updated_at"} for record in records),
            key=lambda record: str(record["url"]).encode(),
        )
        for name, records in found.items()
    }


# Writing --------------------------------------------------------------------------------------------------------------


class Curator:
    """Somebody at the forms of the admin, without a browser."""

    def __init__(self, service: Service) -> None:
        self.root = f"http://127.0.0.1:{service.port}"
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(http.cookiejar.CookieJar()))
        account = re.search(r"user (\S+), password (\S{16})", service.printed)
        assert account is not None
        self.post("/admin/login/?next=/admin/", {"username": account[1], "password": account[2]})

    def post(self, path: str, fields: dict[str, Any]) -> None:
        """Send the form of a page."""
        page = self._get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        data = urlencode({"csrfmiddlewaretoken": token[1], **carried(page), **fields}).encode()
        with self.opener.open(f"{self.root}{path}", data, timeout=60) as answer:
            assert answer.url != f"{self.root}{path}", answer.read().decode()  # a good form leads elsewhere

    def _get(self, path: str) -> str:
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


class Found(NamedTuple):
    """What of the fixtures is written to."""

    districts: list[int]


def letter(party: str, *names: str) -> dict[str, Any]:
    """Return the evidence that a party gives for fields of a record: the service under test has no articles' texts."""
    return {"kind": "letter", "party": party, "title": "函", "supports": [*names]}


class Hand:
    """Writes at random, in one of the ways in which the registry is written."""

    def __init__(self, caller: Caller, curator: Curator, url: str, found: Found, seed: int) -> None:
        self.caller, self.curator = caller, curator
        self.url, self.found = url, found
        self.chance = random.Random(seed)  # noqa: S311 - the same choices in every run
        self.own: list[str] = []
        self.stem = f"hand-{seed}"
        self.made = 0
        self.ways: list[Callable[[], None]] = [
            self.create, self.publish, self.change, self.replace, self.delete, self.bulk, self.upsert, self.slogan,
            self.measure, self.by_admin, self.by_sql, self.withdraw, self.by_unnamed_sql,
        ]  # fmt: skip

    def write(self, step: int) -> None:
        """Write once: in each of the ways in turn at first, and then as chance has it."""
        way = self.ways[step] if step < len(self.ways) else self.chance.choice(self.ways)
        way()

    def name(self) -> str:
        self.made += 1
        return f"{self.stem}-{self.made}"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send what has to succeed."""
        reply = self.caller.send(method, path, body, **headers)
        assert reply.status in (200, 201, 204), (method, path, body, reply)
        return reply

    def tag(self, path: str) -> str:
        return str(self.send("GET", path).headers["etag"])

    def unit(self) -> str:
        """Return a unit of its own, which nobody else writes."""
        if not self.own:
            self.create()
        return self.chance.choice(self.own)

    def draft(self) -> dict[str, Any]:
        slug = self.name()
        self.own.append(slug)
        state = self.chance.choice(["draft", "submitted"])
        return {"slug": slug, "name": f"新单位 {slug}", "kind": "company", "state": state}

    def create(self) -> None:
        self.send("POST", "member-units", self.draft())

    def publish(self) -> None:
        street = "310110019"
        body = {**self.draft(), "state": "published", "street": street}
        body["attestations"] = [letter(f"streets/{street}", "name", "kind", "street")]
        self.own.remove(body["slug"])
        self.send("POST", "member-units", body)

    def change(self) -> None:
        path = f"member-units/{self.unit()}"
        street = self.chance.choice(["310110019", "310110101", None])
        body = {"summary": f"改 {self.chance.random()}", "street": street}
        self.send("PATCH", path, body, If_Match=self.tag(path))

    def replace(self) -> None:
        path = f"member-units/{self.unit()}"
        seen = self.send("GET", path)
        body = {**seen.content, "kind": self.chance.choice(["school", "hospital"])}
        self.send("PUT", path, body, If_Match=seen.headers["etag"])

    def delete(self) -> None:
        slug = self.unit()
        path = f"member-units/{slug}"
        self.send("DELETE", path, {}, If_Match=self.tag(path))
        self.own.remove(slug)

    def bulk(self) -> None:
        self.send("POST", "member-units/bulk", {"items": [self.draft() for _number in range(3)]})

    def upsert(self) -> None:
        body = self.draft()
        self.send("PUT", f"member-units/{body['slug']}", body)

    def slogan(self) -> None:
        """Change what the others change, too, and try again when they were faster."""
        path = "alliances/wujiaochang-zhen-lianxihui"
        while True:
            body = {"slogan": f"口号 {self.chance.random()}", "attestations": [letter("streets/310110101", "slogan")]}
            reply = self.caller.send("PATCH", path, body, If_Match=self.tag(path))
            if reply.status != 412:
                assert reply.status == 200, reply
                return

    def measure(self) -> None:
        """Report a number."""
        figure: dict[str, Any] = {
            "name": "数",
            "measure": "people",
            "unit": "person",
            "kind": "actual",
            "comparator": "=",
            "as_written": "人数",
            "period": "2013",
        }
        record = "alliances/wujiaochang-zhen-lianxihui"
        # As many digits as a figure may have.
        figure |= {"slug": f"{self.name()}-figure", "value": self.chance.randrange(10**14, 10**15) / 100}
        figure |= {"subject": record, "reported_by": record, "state": "published"}
        names = [name for name in figure if name not in ("slug", "state", "reported_by")]
        self.send("POST", "figures", {**figure, "attestations": [letter(record, *names, "reporter_alliance")]})

    def by_admin(self) -> None:
        self.curator.rename(self.chance.choice(self.found.districts), f"改名{self.chance.randrange(1000)}区")

    def by_sql(self) -> None:
        with psycopg.connect(self.url) as database:
            database.execute("SELECT set_config('partybuild.request_id', %s, true)", [str(uuid.uuid4())])
            database.execute("UPDATE registry_memberunit SET summary = summary || '※' WHERE slug = %s", [self.unit()])
            venues = "UPDATE registry_venue SET summary = %s WHERE id %% 3 = 0 AND summary <> ''"
            database.execute(venues, [f"场地 {self.made}"])

    def withdraw(self) -> None:
        """Show what is hidden, and hide what is shown, of events with their projects and of projects with events.

        One at which something published points has to stay.
        """
        for table in self.chance.sample(["events_event", "projects_project"], 2):
            with suppress(psycopg.errors.CheckViolation), psycopg.connect(self.url) as database:
                database.execute(
                    f"UPDATE {table} SET state = CASE state WHEN 'published' THEN %s ELSE 'published' END"  # noqa: S608
                    f" WHERE id = (SELECT {table.partition('_')[2]}_id FROM events_event_projects"
                    " ORDER BY id OFFSET %s LIMIT 1)",
                    [self.chance.choice(["draft", "submitted"]), self.chance.randrange(4)],
                )
                # Here and not by the commit, after whose failure psycopg leaves the connection open.
                database.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def by_unnamed_sql(self) -> None:
        with psycopg.connect(self.url) as database:
            slug = self.unit()
            self.own.remove(slug)
            database.execute("DELETE FROM registry_memberunit WHERE slug = %s", [slug])
            database.execute(
                "INSERT INTO events_event_projects (event_id, project_id) SELECT e.id, p.id"
                " FROM events_event AS e, projects_project AS p WHERE e.id % 5 = 0 ORDER BY random() LIMIT 2"
                " ON CONFLICT DO NOTHING"
            )
            database.execute(
                "UPDATE evidence_citation SET says = says - 'projects',"
                " supports = array_append(array_remove(supports, 'projects'), 'projects') WHERE id IN ("
                "SELECT DISTINCT ON (object_id) c.id FROM evidence_citation AS c"
                " JOIN django_content_type AS kind ON kind.id = content_type_id AND kind.model = 'event'"
                " WHERE object_id % 5 = 0 ORDER BY object_id, c.id)"
            )


def by_orm(url: str, seed: int, steps: int) -> None:
    """Write as code in a shell does, with QuerySets and instances."""
    chance = random.Random(seed)  # noqa: S311

    def update() -> None:
        streets = [*Street.objects.values_list("pk", flat=True)]
        Street.objects.filter(pk__in=chance.sample(streets, 5)).update(name=f"一起改{chance.random()}")

    def add() -> None:
        stem = f"orm-{seed}-{uuid.uuid4().hex[:8]}"
        MemberUnit.objects.bulk_create(
            [MemberUnit(slug=f"{stem}-{n}", name="对象", kind="company", state="draft") for n in range(5)]
        )

    def change() -> None:
        units = list(MemberUnit.objects.filter(slug__startswith=f"orm-{seed}-").order_by("pk"))
        for unit in units:
            unit.name += "改"
        MemberUnit.objects.bulk_update(units, ["name"])

    def save() -> None:
        alliance = Alliance.objects.create(slug=f"orm-{uuid.uuid4().hex[:8]}", name="盟", kind="pair", state="draft")
        alliance.founded_on = "2013-06"
        alliance.save()
        if chance.random() < 0.5:
            alliance.delete()

    ways = [update, add, change, save]
    with connected_to(url):
        for step in range(steps):
            way = ways[step] if step < len(ways) else chance.choice(ways)
            with write_transaction(request_id=str(uuid.uuid4()), reason="shell"):
                way()


REPUBLISH = "; ".join(
    f"UPDATE {table} SET state = 'published' WHERE state <> 'published'"  # noqa: S608
    " AND slug NOT LIKE 'hand-%' AND slug NOT LIKE 'orm-%'"
    for table in ("events_event", "projects_project")
)


# The proof ------------------------------------------------------------------------------------------------------------


def fixtures_in(url: str) -> Found:
    with psycopg.connect(url) as database:
        rows: Any = database.execute("SELECT id FROM registry_district WHERE code = ANY(%s)", [[*DISTRICTS]]).fetchall()
    return Found([pk for (pk,) in rows])


def now(url: str) -> str:
    """Return the database's time, which is behind all that was written."""
    with psycopg.connect(url) as database:
        found: Any = database.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'").fetchone()
    return f"{found[0].isoformat(timespec='microseconds')}Z"


def write_and_follow(hands: list[Hand], url: str, phase: int, followers: list[Follower]) -> None:
    """Let everybody write at once, while followers read along, and let these catch up."""
    stop = threading.Event()
    steps = WRITES // 2 // CLIENTS

    def work(number: int) -> None:
        if number == CLIENTS:
            by_orm(url, phase, steps)
        else:
            hands[number].caller.close()
            for step in range(phase * steps, (phase + 1) * steps):
                hands[number].write(step)

    def follow() -> None:
        while not stop.wait(0.2):
            for follower in followers:
                follower.catch_up()

    watching = threading.Thread(target=follow)
    watching.start()
    try:
        at_once(CLIENTS + 1, work)
    finally:
        stop.set()
        watching.join()
    catch_up(url, followers)


def catch_up(url: str, followers: list[Follower]) -> None:
    """Let followers read all that is written by now, which the feed gives when whatever began before is over.

    Other tests may have transactions open on the same server.
    """
    text = "SELECT pg_snapshot_{}(pg_current_snapshot())::text::bigint"
    with psycopg.connect(url, autocommit=True) as database:

        def ask(end: str) -> int:
            found: Any = database.execute(text.format(end)).fetchone()
            return int(found[0])

        upcoming = ask("xmax")
        while ask("xmin") < upcoming:
            time.sleep(0.1)
    for follower in followers:
        follower.catch_up()


def test_the_feed_rebuilds_the_registry_and_undoing_every_request_gives_the_first_one(
    service: Service, token: str, callers: Callable[[str], Caller], loaded_url: str, empty_url: str, tmp_path: Path
) -> None:
    keeper, stranger = callers(token), callers("")
    stranger.headers["Accept-Language"] = "zh-Hans"  # that of the dump: some fields are texts
    steward, anybody = Follower(keeper), Follower(stranger)
    found = fixtures_in(loaded_url)
    hands = [Hand(callers(token), Curator(service), loaded_url, found, seed) for seed in range(CLIENTS)]
    first = dump(loaded_url, tmp_path / "first")
    followers = [steward, anybody]
    catch_up(loaded_url, followers)
    loading = set(steward.requests)
    rebuilding = followers if FULL else [anybody]  # a rebuild takes longer than all writes

    # Twice: what each follower has makes the dump, and what is listed at this time is kept to be asked for again.
    then: dict[str, dict[str, list[str]]] = {}
    for phase in range(2):
        write_and_follow(hands, loaded_url, phase, followers)
        if phase == 1:  # what is hidden now would be hidden at all times
            with psycopg.connect(loaded_url) as database:
                database.execute(REPUBLISH)
            catch_up(loaded_url, followers)
        folder = tmp_path / f"phase-{phase}"
        assert dump(loaded_url, folder) != first
        for follower in rebuilding if FULL or phase == 1 else ():
            check_rebuilt(empty_url, follower, folder)
        then[now(loaded_url)] = listed(keeper)

    # Who begins only now has the same.
    for follower, caller in ((steward, keeper), (anybody, stranger)):
        late = Follower(caller)
        late.catch_up()
        assert late.records == follower.records

    # Every request, the last writer first.
    requests = sorted(set(steward.requests) - loading, key=steward.requests.__getitem__, reverse=True)
    assert len(requests) > WRITES
    for name in requests:
        reply = keeper.send("POST", f"changes/{name}/revert", {})
        assert reply.status == 200, (name, reply)
    last = dump(loaded_url, tmp_path / "last")
    assert differences(tmp_path / "first", tmp_path / "last") == []
    assert last == first
    catch_up(loaded_url, followers)
    for follower in rebuilding:
        check_rebuilt(empty_url, follower, tmp_path / "first")

    # What was known then is what the feed had told by then, to the byte, and whatever happened since.
    for number, (instant, lists) in enumerate(then.items() if FULL else [*then.items()][:1]):
        assert listed(keeper, instant) == lists
        public, told = as_dumped(listed(stranger, instant)), dumped(tmp_path / f"phase-{number}")
        for name in DIVISIONS:  # a list holds the newest edition, a dump all of them
            shown = {record["url"] for record in public[name]}
            assert shown
            told[name] = [record for record in told[name] if record["url"] in shown]
        for name, records in told.items():
            more = [record for record in public[name] if record not in records]
            less = [record for record in records if record not in public[name]]
            assert (name, more[:2], less[:2]) == (name, [], [])
        assert public == told
