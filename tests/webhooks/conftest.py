"""What tests of webhooks share: a database in which things are committed, and a receiver."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Max
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange
from apps.common.models.slugs import RetiredSlug
from apps.evidence.models import Article
from apps.history import feed
from apps.history.reverting import revert
from apps.webhooks.models import Subscription
from tests import factories

STEWARD = User(is_superuser=True)
HORIZON_AS_IT_IS = feed.horizon
HORIZON = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, 'here'"


def settled() -> tuple[int, str]:
    """Return the horizon of this database alone: tests of other databases on the server do not hold it back."""
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        (oldest, epoch) = cursor.fetchone()
    return int(oldest), str(epoch)


@pytest.fixture
def transactional_db(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[None]:
    """Commit what is written, and take it back behind the test.

    In the place of pytest-django's fixture of this name, by which it knows that a test needs the database, and which
    would empty all tables.
    """
    settings.WEBHOOKS_TO_LOOPBACK = True
    with django_db_blocker.unblock():
        start = LoggedChange.objects.aggregate(last=Max("number"))["last"]
        retired = RetiredSlug.objects.aggregate(last=Max("pk"))["last"] or 0
        # With the test's own patches undone one after the other; a context of its own would leave one behind.
        monkeypatch.setattr(feed, "horizon", settled)
        # Behind all articles of tests: it would be taken back with whatever first needed it.
        if not Article.objects.filter(slug="evidence-of-tests").exists():
            make(factories.ArticleFactory, slug="evidence-of-tests")
        yield
        Subscription.objects.all().delete()
        User.objects.filter(username__startswith="hook-").delete()
        made = LoggedChange.objects.filter(number__gt=start).values_list("request_id")
        for request_id, _last in sorted(made.annotate(last=Max("number")), key=lambda pair: -pair[1]):
            assert not revert(request_id, keep=True, user=STEWARD).obstacles
        # What was taken back was not there, and may be made again by another test.
        RetiredSlug.objects.filter(pk__gt=retired).delete()
        connection.close()


@pytest.fixture
def owner(transactional_db: None) -> Any:
    """Return a user who may write."""
    return factories.UserFactory(username="hook-owner", is_staff=True, is_superuser=True)


@pytest.fixture
def client_of(transactional_db: None) -> Callable[[Any], Client]:
    """Return a function that gives a client of a user."""

    def make(user: Any) -> Client:
        client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
        client.force_login(user)
        return client

    return make


@dataclass
class Received:
    """A request as a receiver got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """What the message says."""
        return json.loads(self.body)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What became of which record."""
        return [(item["key"], item["operation"]) for item in self.content["data"]["items"]]


@dataclass
class Receiver:
    """A machine that is sent messages; `answers` are given one after the other, and then 204 for ever."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    raw: bytes | None = None  # is written instead of an answer, and the connection left open

    @property
    def url(self) -> str:
        """Where messages are sent."""
        return f"http://127.0.0.1:{self.port}/hook?from=registry"

    @property
    def told(self) -> list[tuple[str, str]]:
        """What became of which record, over all messages."""
        return [pair for each in self.received for pair in each.told]

    def handler(self, closing: threading.Event) -> type[BaseHTTPRequestHandler]:
        """Return what answers the requests."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(self.path, dict(self.headers.items()), body))
                if receiver.raw is not None:
                    self.wfile.write(receiver.raw)
                    closing.wait(30)
                    return
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                receiver.received.append(Received(self.path, dict(self.headers.items()), b""))
                self.send_error(405)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    found, closing = Receiver(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), found.handler(closing))
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


def make(factory: Any, **values: Any) -> Any:
    """Make a record and its citation in one transaction, without which it could not be published."""
    with transaction.atomic():
        return factory(**values)


def remove(*records: Any) -> None:
    """Delete records with their citations in one transaction."""
    with transaction.atomic():
        for record in records:
            record.citations.all().delete()
            record.delete()


def deliver() -> str:
    """Send what is due, as cron would."""
    said = StringIO()
    call_command("deliver", once=True, stdout=said)
    return said.getvalue()
