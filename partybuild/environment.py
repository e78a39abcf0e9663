"""Readers of the environment: a missing or invalid variable becomes one line that names it.

django-environ raises a different error for each kind of mistake, and takes any unknown word for False.
"""

import os
import re
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

T = TypeVar("T")


def read(reader: Callable[..., T], name: str, **options: object) -> T:
    """Return the variable `name` as the reader's type; raise ImproperlyConfigured with one line that names it."""
    if "default" not in options and not os.environ.get(name):
        raise ImproperlyConfigured(f"{name} is not set (see docs/operations.md)")
    try:
        return reader(name, **options)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} is not valid: {error}") from error


def read_bool(name: str, *, default: bool) -> bool:
    """Return true/false/1/0/yes/no/on/off as a bool, whatever its case."""
    value = str(env.str(name, default=str(default))).strip().lower()
    if value not in {"true", "1", "yes", "on", "false", "0", "no", "off"}:
        raise ImproperlyConfigured(f"{name} is not valid: {value!r} is neither true nor false")
    return value in {"true", "1", "yes", "on"}


def read_choice(name: str, choices: Collection[str], *, default: str) -> str:
    """Return one of some words, whatever its case."""
    value = str(env.str(name, default=default)).strip().lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is not valid: {value!r} is none of {', '.join(choices)}")
    return value


def read_share(name: str, *, default: float) -> float:
    """Return a number from 0 to 1."""
    found: float = read(env.float, name, default=default)
    if not 0 <= found <= 1:
        raise ImproperlyConfigured(
            f"{name} is not valid: {found:g} is no share: write a number from 0 to 1, such as 0.3"
        )
    return found


def read_database(statement_timeout: int) -> dict[str, Any]:
    """Return Django's settings of the one database, which must be a PostgreSQL."""
    if urlsplit(os.environ.get("DATABASE_URL", "postgresql:")).scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL is not valid: it must begin with postgresql://")
    config: dict[str, Any] = dict(read(env.db, "DATABASE_URL"))
    # A thread keeps its connection; a dead one is noticed before a request uses it.
    config |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    # Statements are prepared on the server from their third use on, and Memoize, which on each execution sets up a
    # table for all the rows it guesses, is off: measured as the fastest way to run the few statements of this service.
    options = f"-c enable_memoize=off -c statement_timeout={statement_timeout}s"
    # A database whose machine is gone does not answer at all: without these, threads would wait minutes for their 503.
    gone = {"connect_timeout": 3, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5}
    defaults = {"server_side_binding": True, "prepare_threshold": 2, "options": options, **gone}
    config["OPTIONS"] = {**defaults, **config.get("OPTIONS", {})}
    config["TEST"] = {"NAME": env.str("TEST_DATABASE", default=None)}
    return config


def read_secret_key() -> str:
    """Return SECRET_KEY, or the content of SECRET_KEY_FILE, which is made with a random key if it is not there."""
    if not os.environ.get("SECRET_KEY") and os.environ.get("SECRET_KEY_FILE"):
        return _secret_key_of(Path(os.environ["SECRET_KEY_FILE"]))
    key: str = read(env.str, "SECRET_KEY")
    if len(key) < 32 or len(set(key)) < 8 or key.startswith("django-insecure"):
        raise ImproperlyConfigured("SECRET_KEY is not valid: take at least 32 random characters")
    return key


def read_limit(name: str, *, default: str) -> tuple[int, int] | None:
    """Return `requests/seconds` as two numbers; the empty text is no limit."""
    value = env.str(name, default=default).strip()
    if not value:
        return None
    requests, _slash, seconds = value.partition("/")
    if not (requests.isdigit() and seconds.isdigit() and int(requests) and 0 < int(seconds) <= 24 * 3600):
        raise ImproperlyConfigured(f"{name} is not valid: write requests/seconds, such as 600/60, or leave it empty")
    return int(requests), int(seconds)


def read_networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return addresses and networks, parted by commas."""
    found = []
    for text in filter(None, map(str.strip, env.str(name, default="").split(","))):
        try:
            found.append(ip_network(text))
        except ValueError as error:
            detail = f"{text!r} is no network: write addresses and networks, such as 127.0.0.1,10.0.0.0/8"
            raise ImproperlyConfigured(f"{name} is not valid: {detail}") from error
    return tuple(found)


def read_contacts(name: str) -> list[str]:
    """Return addresses at which somebody is reached, parted by commas."""
    found: list[str] = read(env.list, name, default=[])
    if wrong := [text for text in found if not text.startswith(("mailto:", "https://", "tel:"))]:
        raise ImproperlyConfigured(f"{name} is not valid: {wrong[0]!r} begins with neither mailto:, https:// nor tel:")
    return found


def read_instant(name: str) -> datetime:
    """Return an instant, such as 2027-01-31T00:00:00Z."""
    found = read(lambda name: datetime.fromisoformat(env.str(name)), name)
    if found.tzinfo is None:
        raise ImproperlyConfigured(f"{name} is not valid: it names no time zone; write such as 2027-01-31T00:00:00Z")
    return found


def read_origins(name: str) -> list[str]:
    """Return origins of web pages, `https://host` or with a port."""
    found = []
    for text in filter(None, map(str.strip, env.str(name, default="").split(","))):
        try:
            parts = urlsplit(text)
            is_origin = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_origin = False
        if not is_origin or text != f"{parts.scheme}://{parts.netloc}" or "@" in text or text != text.lower():
            detail = f"{text!r} is no origin: write such as https://example.org or http://localhost:3000"
            raise ImproperlyConfigured(f"{name} is not valid: {detail}")
        found.append(text)
    return found


def read_address(name: str) -> str:
    """Return an absolute address of the web; empty where there is none."""
    text = env.str(name, default="").strip()
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if text and not (is_address and text.isascii() and text.isprintable() and not set(text) & set(' <>"')):
        raise ImproperlyConfigured(f"{name} is not valid: {text!r} is no address such as https://example.org/terms")
    return text


def read_contact(name: str) -> dict[str, str]:
    """Return whom to ask, as an address of mail or of the web, in the form of the OpenAPI document."""
    text = env.str(name, default="").strip()
    if "@" in text and "/" not in text:
        if not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+", text):
            raise ImproperlyConfigured(f"{name} is not valid: {text!r} is no address of mail")
        return {"email": text}
    return {"url": address} if (address := read_address(name)) else {}


def _secret_key_of(path: Path) -> str:
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Written aside and linked, so that two processes starting together end up with the same key.
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
            try:
                with suppress(FileExistsError):
                    os.link(draft, path)
            finally:
                draft.unlink()
        key = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"SECRET_KEY_FILE is not usable: {error}") from error
    if len(key) < 32:
        raise ImproperlyConfigured(f"SECRET_KEY_FILE is not valid: {path} holds fewer than 32 characters")
    return key
