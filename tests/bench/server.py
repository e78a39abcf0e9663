"""The PostgreSQL of the benchmark: a server of its own in `.data/bench`, or the one of BENCH_DATABASE_URL."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from partybuild.database import DATA_DIR, EmbeddedServer

HOME = DATA_DIR / "bench"
MEGABYTE = 2**20


def settings() -> dict[str, str]:
    """Return what an operator would set on this machine before anything else, in PostgreSQL's units."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEGABYTE
    return {
        "shared_buffers": f"{max(128, min(memory // 8, 3072))}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "random_page_cost": "1.1",
        "jit": "off",  # compiling a statement takes longer than running any of these
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        "maintenance_work_mem": "256MB",
    }


def start() -> str:
    """Start or join the server, tuned as `settings` says; return the URL of a database on it."""
    if url := os.environ.get("BENCH_DATABASE_URL"):
        return url
    HOME.mkdir(parents=True, exist_ok=True)
    server = EmbeddedServer(HOME)
    url = server.join()
    if tune(url):
        server.leave()
        url = server.join()
    return url


def tune(url: str) -> bool:
    """Write the settings that differ; return whether the server has to be started anew for them."""
    changed = False
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings().items():
            row = connection.execute(
                "SELECT pg_size_bytes(%s) = pg_size_bytes(current_setting(%s))"
                if value.endswith("B")
                else "SELECT %s = current_setting(%s)",
                [value, name],
            ).fetchone()
            if row != (True,):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
                changed = True
    return changed


def database_url(server: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def postmaster(url: str) -> int | None:
    """Return the process id of the server, if it runs on this machine."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        status = Path(f"/proc/{row[0] if row else 0}/stat")
        if not status.exists() or "postgres" not in (text := status.read_text()):
            return None
        return int(text.rpartition(")")[2].split()[1])
