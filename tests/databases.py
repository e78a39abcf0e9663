"""The databases of a test run: one that is prepared once for each state of the code, and copies of it to work on.

The prepared one stays on the server from run to run. Its comment tells of what it was made of (`Origin`), and the next
run makes another where that has changed. Whoever uses a database by its name holds an advisory lock of that name, which
the server drops when its process ends in whatever way: what nobody holds is left over from a run that was killed.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
Server = psycopg.Connection[Any]


def connect() -> Server:
    """Return a connection to the server of the test run."""
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


def url_of(name: str) -> str:
    """Return the URL of another database on the server of the test run."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def prefix() -> str:
    """Return how the names of this checkout's databases begin, which may share a server with those of others."""
    place = f"{ROOT} {os.environ['DATABASE_URL']}"
    return f"test_partybuild_{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def make_copy(source: str, name: str) -> None:
    """Make a database that is a copy of another one, in the place of what may be left of an earlier run."""
    with connect() as server:
        _drop(server, name)
        _execute(server, "CREATE DATABASE {} TEMPLATE {}", name, source)


def drop(name: str) -> None:
    """Drop a database, whoever uses it."""
    with connect() as server:
        _drop(server, name)


def begin_run(server: Server) -> str:
    """Return a name with which all databases of this run begin, and drop those of runs that were killed.

    The name is good as long as the connection is open.
    """
    name = f"{prefix()}_{os.getpid()}"
    with _alone(server):
        for found in _names(server):
            run = re.match(rf"{prefix()}_\d+", found)
            if run and not _is_held(server, run[0]):
                _drop(server, found)
        _hold(server, name)
    return name


def prepare(server: Server) -> str:
    """Return the name of a database that holds the registry as `make run` loads it, made from the present code.

    It stays as it is as long as the connection is open. Nobody may connect to it, for then it could not be copied.
    """
    stem = f"{prefix()}_prepared"
    with _alone(server):
        prepared = [name for name in _names(server) if name.startswith(stem)]
        files = digests()
        name = next((name for name in prepared if _is_of(server, name, files)), "") or _make(server, stem, files)
        _hold(server, name)
        for other in {*prepared} - {name}:
            if not _is_held(server, other):
                _drop(server, other)
    return name


# What a prepared database is made of


class Origin(NamedTuple):
    """What decides the content of a prepared database: the modules that made it, and the digest of all that it took."""

    modules: list[str]
    digest: str


def digests() -> dict[str, str]:
    """Return the digest of each file of the project that may decide the content of a database."""
    paths = [path for folder in ("apps", "partybuild") for path in (ROOT / folder).rglob("*.py")]
    paths += [path for path in (ROOT / "fixtures").rglob("*") if path.is_file()]
    paths += [ROOT / "requirements-dev.lock", ROOT / "tests" / "fill_database.py"]
    return {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def origin(files: dict[str, str], modules: list[str]) -> Origin:
    """Return what a database is made of; of other modules only the names count, since new ones are found by looking."""
    told = [(name, digest if name in modules or not name.endswith(".py") else "") for name, digest in files.items()]
    content = json.dumps([told, sys.version])
    return Origin(modules, hashlib.sha256(content.encode()).hexdigest())


def _is_of(server: Server, name: str, files: dict[str, str]) -> bool:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    found: Any = server.execute(query, [name]).fetchone()
    if not found or not found[0]:  # it was not finished
        return False
    known = Origin(*json.loads(found[0]))
    return known == origin(files, known.modules)


def _make(server: Server, stem: str, files: dict[str, str]) -> str:
    # A name of its own: what a killed run began may still be at work, and is dropped with what is left over.
    draft = f"{stem}_draft_{os.getpid()}"
    _drop(server, draft)
    _execute(server, "CREATE DATABASE {}", draft)
    made = subprocess.run(
        [sys.executable, "-m", "tests.fill_database"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url_of(draft)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = origin(files, json.loads(made.stdout))
    name = f"{stem}_{found.digest[:12]}"
    _drop(server, name)
    server.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(draft), sql.Literal(json.dumps(found)))
    )
    _execute(server, "ALTER DATABASE {} ALLOW_CONNECTIONS false", draft)
    _execute(server, "ALTER DATABASE {} RENAME TO {}", draft, name)
    return name


# The server


def _names(server: Server) -> list[str]:
    found = server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix()])
    return [name for (name,) in found.fetchall()]


def _execute(server: Server, command: str, *names: str) -> None:
    server.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


def _drop(server: Server, name: str) -> None:
    _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _lock(server: Server, function: str, name: str) -> bool:
    found: Any = server.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name]).fetchone()
    return bool(found[0])


def _hold(server: Server, name: str) -> None:
    _lock(server, "pg_advisory_lock_shared", name)


def _is_held(server: Server, name: str) -> bool:
    """Return whether any process holds a database; nobody begins to meanwhile, where this is asked alone."""
    free = _lock(server, "pg_try_advisory_lock", name)
    if free:
        _lock(server, "pg_advisory_unlock", name)
    return not free


@contextmanager
def _alone(server: Server) -> Iterator[None]:
    """Let one process at a time prepare, and drop what is left over."""
    _lock(server, "pg_advisory_lock", prefix())
    try:
        yield
    finally:
        _lock(server, "pg_advisory_unlock", prefix())
