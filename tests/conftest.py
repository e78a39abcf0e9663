"""What all tests share: a database that holds the registry as `make run` loads it, and one language."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from pytest_django import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from apps.common.reading.answer_cache import ANSWERS
from apps.common.reading.places import PLACES
from apps.docs import guide
from tests.databases import connect, drop, make_copy, prepare, url_of
from tests.running import Service, apart, make_token, running


@pytest.fixture(scope="session")
def prepared() -> Iterator[str]:
    """Return the name of a database that holds the registry as `make run` loads it, to be copied."""
    with connect() as server:
        yield prepare(server)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker, prepared: str
) -> Iterator[None]:
    """Give each worker a copy of the registry; what a test changes is rolled back behind it.

    So every test sees the whole registry. One that needs rows of its own makes them with the factories and asks for
    them by their keys; it never counts all rows.

    In the place of pytest-django's fixture of this name, which would migrate an empty database each time.
    """
    name = str(connection.settings_dict["TEST"]["NAME"])
    assert name.startswith(os.environ["TEST_DATABASE"])  # and is no database that anybody uses
    make_copy(prepared, name)
    connection.settings_dict["NAME"] = name
    yield
    with django_db_blocker.unblock():
        connection.close()
    drop(name)


@pytest.fixture(scope="module")
def loaded_url(prepared: str) -> Iterator[str]:
    """Return the URL of a database of the module's own that holds the registry, for a service that changes it."""
    name = f"{os.environ['TEST_DATABASE']}_copy_{os.getpid()}"
    make_copy(prepared, name)
    yield url_of(name)
    drop(name)


@pytest.fixture(scope="session")
def shared_service(prepared: str) -> Iterator[Service]:
    """A service without limits on how often it is asked, and a database of its own, to which all its tests write.

    `tests/plugin.py` says who they are, for it lets one worker run them, and one service do.
    """
    name = f"{os.environ['TEST_DATABASE']}_shared_{os.getpid()}"
    make_copy(prepared, name)
    limited = ("TOKEN", "USER", "ANONYMOUS_WRITES", "BAD_TOKENS")
    limits = dict.fromkeys((f"RATE_LIMIT_{name}" for name in limited), "1000000/60")
    with running(url_of(name), limit=3600, **limits) as started:
        yield started
    drop(name)


@pytest.fixture(scope="session")
def steward_token(shared_service: Service, django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> str:
    """A token for everything in the shared service."""
    with django_db_blocker.unblock():
        return apart(lambda: make_token(shared_service.url))


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Look for the static files once, as a process does, and not for each of a thousand clients."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, Any]()

    def add(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add)
        yield


@pytest.fixture(scope="session", autouse=True)
def document_made_once() -> Iterator[Callable[..., Any]]:
    """Make the OpenAPI document once, and not for each test that reads it; return what makes it anew."""
    make, made = SchemaGenerator.get_schema, dict[bool, Any]()

    def get_schema(generator: SchemaGenerator, request: Any = None, public: bool = False) -> Any:
        if public not in made:
            made[public] = make(generator, request, public)  # type: ignore[no-untyped-call]
        return made[public]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SchemaGenerator, "get_schema", get_schema)
        yield make


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Digest passwords in no time, where a deployment takes some tenths of a second, as it should."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Say messages in the language of the code; over HTTP, `Accept-Language` decides as it does for everybody."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def no_kept_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep no answers: a test's changes are never committed, so that they do not move the data version."""
    monkeypatch.setattr(ANSWERS, "limit", 0)
    ANSWERS.clear()


@pytest.fixture(autouse=True)
def room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test want for a place: an answer that one has not closed keeps its own until it is forgotten."""
    monkeypatch.setattr(PLACES, "own", 1000)
    monkeypatch.setattr(PLACES, "number", 1000)
    monkeypatch.setattr(PLACES, "_instants", memoryview(bytearray(8 * 1001)).cast("d"))


def eventually(check: Callable[[], None]) -> None:
    """Run a check, and again while it fails, for it compares data versions.

    Transactions that other tests had open on the same server when the last change was made move the version as they
    end (decision 0017). A service that is alone with its data has none.
    """
    for _again in range(20):
        try:
            return check()
        except AssertionError:
            time.sleep(0.1)
    return check()


class Api:
    """A client of the HTTP interface, which reads English and expects what it says it expects."""

    root = settings.API_ROOT

    def __init__(self) -> None:
        self.client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})

    def ask(self, path: str, **parameters: object) -> Any:
        """Return the answer to GET, whatever it is. A path without a leading slash is one under the API's root."""
        address = path if path.startswith("/") else f"{self.root}/{path}"
        return self.client.get(address, {name: str(value) for name, value in parameters.items()} or None)

    def get(self, path: str, **parameters: object) -> Any:
        """Return the content of a good answer."""
        response = self.ask(path, **parameters)
        assert response.status_code == 200, response.content.decode()
        assert response.headers["Content-Type"] == "application/json"
        return response.json()

    def results(self, path: str, **parameters: object) -> list[Any]:
        """Return all results of a list, read page by page."""
        page = self.get(path, **parameters)
        found: list[Any] = page["results"]
        while page["next"]:
            page = self.get(page["next"])
            found += page["results"]
        return found

    def keys(self, path: str, **parameters: object) -> list[str]:
        """Return the keys of all results of a list, in their order."""
        return [record["url"].rpartition("/")[2] for record in self.results(path, **parameters)]

    def problem(self, path: str, status: int = 400, /, **parameters: object) -> Any:
        """Return the content of an answer that says what was wrong, having checked its form (RFC 9457)."""
        response = self.ask(path, **parameters)
        assert response.status_code == status, response.content.decode()
        return problem_of(response)


def problem_of(response: Any) -> Any:
    """Return the content of an answer that is a problem, having checked its form."""
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert body["status"] == response.status_code
    assert body["type"] == f"/docs/errors#{body['code']}"
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["title"]
    assert body["detail"]
    codes = {body["code"], *(error["code"] for error in body.get("errors", []))}
    assert codes <= {heading.anchor for heading in guide.outline(guide.ERRORS, "en")}  # each is explained
    for error in body.get("errors", []):
        assert set(error) in ({"parameter", "code", "detail"}, {"pointer", "code", "detail"})
        assert error["detail"] in body["detail"]
    return body


@pytest.fixture
def api(db: None) -> Api:
    """Return a client of the HTTP interface."""
    return Api()
