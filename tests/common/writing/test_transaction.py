"""One way to begin a write: each carries who and why into the log, waits for no lock for long, and leaves nothing.

Rows of the fixtures are committed, so that another connection can lock them.
"""

# mypy: allow-untyped-calls

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models.deletion import Collector, ProtectedError, RestrictedError
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import DjangoDbBlocker

from apps.accounts.actions import make_token
from apps.accounts.models import RequestWindow, User
from apps.common.http.problems import Refusal
from apps.common.models.logged_change import LoggedChange
from apps.common.rules.change_log import SETTINGS
from apps.common.writing.transaction import write_transaction
from apps.evidence.actions import attach_text
from apps.registry.models import District, MemberUnit
from tests import factories
from tests.conftest import problem_of
from tests.pages import carried

ROOT = Path(__file__).parents[3]
LOCAL = (*SETTINGS.values(), "lock_timeout", "statement_timeout")
BUSY = "Others are changing the same records; try again."
CITATIONS = "evidence-citation-content_type-object_id"


def settings_now() -> dict[str, str]:
    """Return what the connection says of a write."""
    columns = ", ".join("coalesce(current_setting(%s, true), '')" for _name in LOCAL)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}", LOCAL)
        return dict(zip(LOCAL, cursor.fetchone(), strict=True))


# The context manager --------------------------------------------------------------------------------------------------


def test_nothing_is_left_on_the_connection(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, settings: Any
) -> None:
    settings.LOCK_TIMEOUT, settings.STATEMENT_TIMEOUT = 7, 8
    with django_db_blocker.unblock():
        connection.ensure_connection()
        kept = connection.connection
        ids = {"request_id": "request-1", "client_request_id": "client-1"}
        with write_transaction(user=User(pk=5), token="pb_1", reason="因为", **ids):
            within = settings_now()
        after = settings_now()
        assert kept is connection.connection
        connection.close()
    assert list(within.values()) == ["5", "pb_1", "request-1", "client-1", "因为", "7s", "8s"]
    assert list(after.values()) == ["", "", "", "", "", "0", "0"]


def test_a_write_within_another_is_a_part_of_it(db: None) -> None:
    before = settings_now()
    with write_transaction(user=User(pk=5), reason="one"):
        outer = settings_now()
        with write_transaction(reason="two", request_id="request-2"):
            assert settings_now() == {**outer, SETTINGS["reason"]: "two", SETTINGS["request_id"]: "request-2"}
        assert settings_now() == {**outer, SETTINGS["request_id"]: ""}
        with write_transaction(reason="three"):
            transaction.set_rollback(True)
        assert settings_now()[SETTINGS["reason"]] == "one"
        with pytest.raises(Refusal), write_transaction(reason="four"):
            District.objects.create(code="no digits", name="x", kind="county")
        assert settings_now()[SETTINGS["reason"]] == "one"
    assert settings_now() == before


def test_a_statement_that_takes_too_long_is_refused(db: None, settings: Any) -> None:
    settings.STATEMENT_TIMEOUT = 0.05
    with pytest.raises(Refusal) as refused, write_transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    assert (refused.value.code, refused.value.headers) == ("unavailable", {"Retry-After": "3"})


# Who and why ----------------------------------------------------------------------------------------------------------


class Sender:
    """A steward, over HTTP with a token and in the admin with a session; every request has an id of its own."""

    def __init__(self) -> None:
        self.user: User = factories.UserFactory(is_staff=True, is_superuser=True)
        self.token, self.text = make_token(
            user=self.user,
            name="t",
            scopes=["read", "write", "steward"],
            appointments=[],
            expires_at=timezone.now() + timedelta(1),
        )
        self.client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
        self.client.force_login(self.user)
        self.request_id = ""

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        """Return the answer of the API."""
        self.request_id = str(uuid4())
        client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
        headers |= {"Authorization": f"Bearer {self.text}", "X-Request-ID": self.request_id}
        kind = "text/csv" if isinstance(body, str) else "application/json"
        data = body if isinstance(body, str) else json.dumps({"change_reason": "因为", **body})
        return client.generic(method, f"/api/v1/{path}", data, content_type=kind, headers=headers)

    def post(self, path: str, form: Any) -> Any:
        """Return the answer of a page of the admin to a form that carries what it showed."""
        self.request_id = str(uuid4())
        form = carried(self.client.get(f"/admin/{path}").content) | form
        return self.client.post(f"/admin/{path}", form, headers={"X-Request-ID": self.request_id})

    def tag(self, path: str) -> str:
        """Return the version of a record."""
        return str(self.client.get(f"/api/v1/{path}").headers["ETag"])


@pytest.fixture
def sender(db: None) -> Sender:
    return Sender()


def api_change(sender: Sender, unit: MemberUnit) -> Any:
    path = f"member-units/{unit.slug}"
    return sender.send("PATCH", path, {"summary": "新"}, If_Match=sender.tag(path))


def api_delete(sender: Sender, unit: MemberUnit) -> Any:
    path = f"member-units/{unit.slug}"
    return sender.send("DELETE", path, {}, If_Match=sender.tag(path))


def api_bulk(sender: Sender, unit: MemberUnit) -> Any:
    item = {"slug": unit.slug, "updated_at": f"{unit.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}", "summary": "新"}
    return sender.send("PATCH", "member-units/bulk", {"items": [item]})


def api_import(sender: Sender, unit: MemberUnit) -> Any:
    return sender.send(
        "POST", "member-units/import?change_reason=%E5%9B%A0%E4%B8%BA", f"slug,summary\n{unit.slug},新\n"
    )


def api_merge(sender: Sender, unit: MemberUnit) -> Any:
    winner = factories.MemberUnitFactory(name="另一家")
    path = f"member-units/{unit.slug}"
    return sender.send("POST", f"{path}/merge", {"into": winner.slug}, If_Match=sender.tag(path))


def api_revert(sender: Sender, unit: MemberUnit) -> Any:
    return sender.send("POST", f"changes/{log_a_change(unit)}/revert", {})


def log_a_change(unit: MemberUnit) -> str:
    """Write into the log that a request gave the unit its summary, without touching its row; return the request."""
    request_id = str(uuid4())
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO common_loggedchange
               (xid, token, request_id, client_request_id, reason, table_name, record_id, key, operation, before, after)
               SELECT xid, token, %s, '', reason, table_name, record_id, key, 'update',
                      after || '{"summary": "更旧"}', after
               FROM common_loggedchange WHERE table_name = 'registry_memberunit' AND record_id = %s
               ORDER BY number DESC LIMIT 1""",
            [request_id, unit.pk],
        )
    return request_id


API: list[Callable[[Sender, MemberUnit], Any]] = [api_change, api_delete, api_bulk, api_import, api_merge, api_revert]


@pytest.mark.parametrize("way", API, ids=lambda way: way.__name__)
def test_the_log_has_user_token_request_and_reason(sender: Sender, way: Callable[[Sender, MemberUnit], Any]) -> None:
    unit, start = factories.MemberUnitFactory(), LoggedChange.objects.latest("number").number
    assert way(sender, unit).status_code in (200, 204)
    found = LoggedChange.objects.filter(client_request_id=sender.request_id, number__gt=start)
    assert {(entry.user_id, entry.token, entry.reason) for entry in found} == {
        (sender.user.pk, sender.token.key, "因为")
    }


def admin_add(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    form: dict[str, Any] = {f"{CITATIONS}-TOTAL_FORMS": 0, f"{CITATIONS}-INITIAL_FORMS": 0}
    form |= {"code": "980001", "name": "新区", "kind": "county"}
    return sender.post("registry/district/add/", {**dates_of_division(), **form}), ""


def admin_change(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    district = factories.DistrictFactory(code="980002")
    return sender.post(f"registry/district/{district.pk}/change/", form_of(district)), ""


def admin_cite_inline(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    district, article = factories.DistrictFactory(code="980003"), factories.ArticleFactory()
    cited = {"article": article.pk, "start": 0, "end": 1, "sha256": factories.DIGEST_OF_X, "supports": "name"}
    form = {**form_of(district), f"{CITATIONS}-TOTAL_FORMS": 1}
    form |= {f"{CITATIONS}-0-{name}": value for name, value in cited.items()}
    return sender.post(f"registry/district/{district.pk}/change/", form), ""


def admin_delete(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    return sender.post(f"registry/memberunit/{unit.pk}/delete/", {"post": "yes"}), ""


def admin_action(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    form = {"action": "delete_selected", "_selected_action": unit.pk, "post": "yes"}
    return sender.post("registry/memberunit/", form), ""


def admin_import(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    file = SimpleUploadedFile("units.csv", f"slug,summary\n{unit.slug},新\n".encode())
    shown = sender.post("registry/memberunit/import/", {"file": file})
    form = {"digest": shown.context["outcome"].digest, "reason": "因为"}
    return sender.post("registry/memberunit/import/", form), "因为"


def admin_merge(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    winner = factories.MemberUnitFactory(name="另一家")
    query = f"resource=member-units&loser={unit.slug}&winner={winner.slug}"
    return sender.post(f"identity/merge/two/?{query}", {"reason": "因为"}), "因为"


def admin_revert(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    return sender.post(f"revert/{log_a_change(unit)}/", {"reason": "因为"}), "因为"


def admin_workbench(sender: Sender, unit: MemberUnit) -> tuple[Any, str]:
    article = factories.ArticleFactory(captured_sha256=factories.DIGEST_OF_X, body_start=0, body_end=1)
    attach_text(article=article, captured="x")
    cited = {"start": 0, "end": 1, "sha256": factories.DIGEST_OF_X, "supports": ["summary"]}
    form = {"do": "cite", "record": f"member-units/{unit.slug}", **cited}
    return sender.post(f"evidence/article/{article.pk}/workbench/", form), ""


def dates_of_division() -> dict[str, Any]:
    form: dict[str, Any] = dict.fromkeys(("editions", "established_on", "abolished_on", "successor"), "")
    return form | {
        f"{date}_on_{part}": "" for date in ("established", "abolished") for part in ("wording", "relative_to")
    }


def form_of(_district: District) -> dict[str, Any]:
    """Return a district's form with another day."""
    management = {f"{CITATIONS}-TOTAL_FORMS": 0, f"{CITATIONS}-INITIAL_FORMS": 0}
    return {**dates_of_division(), **management, "established_on": "2001-02-03"}


ADMIN: list[Callable[[Sender, MemberUnit], tuple[Any, str]]] = [
    admin_add,
    admin_change,
    admin_cite_inline,
    admin_delete,
    admin_action,
    admin_import,
    admin_merge,
    admin_revert,
    admin_workbench,
]


@pytest.mark.parametrize("way", ADMIN, ids=lambda way: way.__name__)
def test_the_log_has_user_and_request_of_the_admin(
    sender: Sender, way: Callable[[Sender, MemberUnit], tuple[Any, str]]
) -> None:
    unit, start = factories.MemberUnitFactory(summary="旧"), LoggedChange.objects.latest("number").number
    answer, reason = way(sender, unit)
    assert answer.status_code == 302, answer.content.decode()
    assert not [text for text in said(sender.client.get("/admin/")) if text.startswith("Not saved")]
    found = LoggedChange.objects.filter(client_request_id=sender.request_id, number__gt=start)
    assert {(entry.user_id, entry.token, entry.reason) for entry in found} == {(sender.user.pk, "", reason)}


def test_sql_from_outside_is_logged_without_a_name(db: None) -> None:
    unit = MemberUnit.objects.order_by("pk").first()
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("UPDATE registry_memberunit SET summary = '外' WHERE id = %s", [unit.pk])
        found = other.execute(
            "SELECT user_id, token, reason, request_id FROM common_loggedchange ORDER BY number DESC LIMIT 1"
        ).fetchone()
        other.rollback()
    assert found is not None
    assert found[:3] == (None, "", "")
    assert found[3].startswith("tx-")


# Rows that another connection has locked ------------------------------------------------------------------------------


@cache
def alone() -> int:
    """Return the primary key of a unit of the fixtures that nothing keeps from being deleted; the search is long."""
    for unit in MemberUnit.objects.order_by("pk"):
        with suppress(ProtectedError, RestrictedError):
            Collector(using="default").collect([unit])
            return unit.pk
    pytest.fail("there is none")


@pytest.fixture
def locked(db: None, settings: Any) -> Iterator[tuple[MemberUnit, District]]:
    """A unit and a district that somebody else is changing, and little patience."""
    unit, district = MemberUnit.objects.get(pk=alone()), District.objects.order_by("pk").first()
    settings.LOCK_TIMEOUT = 0.2
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM registry_memberunit WHERE id = %s FOR UPDATE", [unit.pk])
        other.execute("SELECT 1 FROM registry_district WHERE id = %s FOR UPDATE", [district.pk])
        start = monotonic()
        yield unit, district
        assert monotonic() - start < 4
        other.rollback()


@pytest.mark.parametrize("way", API, ids=lambda way: way.__name__)
def test_a_locked_row_is_a_conflict(
    sender: Sender, locked: tuple[MemberUnit, District], way: Callable[[Sender, MemberUnit], Any]
) -> None:
    answer = way(sender, locked[0])
    assert answer.status_code == 409, answer.content.decode()
    problem = problem_of(answer)
    assert (problem["code"], problem["detail"]) == ("conflict", BUSY)
    assert answer.headers["Retry-After"] == "3"
    # The request was counted all the same.
    assert RequestWindow.objects.get(key=f"token:{sender.token.key}").used == 1


def said(answer: Any) -> list[str]:
    """Return the messages of the page to which an answer leads."""
    return [str(message) for message in answer.context["messages"]]


@pytest.mark.parametrize("way", [admin_delete, admin_action, admin_merge, admin_revert], ids=lambda way: way.__name__)
def test_a_locked_row_is_said_on_a_page_of_the_admin(
    sender: Sender, locked: tuple[MemberUnit, District], way: Callable[[Sender, MemberUnit], tuple[Any, str]]
) -> None:
    sender.client.get("/admin/")
    answer, _reason = way(sender, locked[0])
    assert answer.status_code == 302
    # Pages that try what they show lead on to the first one.
    assert f"Not saved: {BUSY}" in said(sender.client.get(answer.url, follow=True))


def test_a_locked_row_is_said_where_a_form_is_saved(sender: Sender, locked: tuple[MemberUnit, District]) -> None:
    page = f"registry/district/{locked[1].pk}/change/"
    answer = sender.post(page, form_of(locked[1]))
    assert (answer.status_code, answer.url) == (302, f"/admin/{page}")
    assert said(sender.client.get(answer.url)) == [f"Not saved: {BUSY}"]
    assert sender.client.get("/admin/").status_code == 200  # still logged in


def test_a_locked_row_is_said_on_the_page_of_an_import(sender: Sender, locked: tuple[MemberUnit, District]) -> None:
    file = SimpleUploadedFile("units.csv", f"slug,summary\n{locked[0].slug},新\n".encode())
    shown = sender.post("registry/memberunit/import/", {"file": file})
    assert (shown.status_code, [cell.detail for cell in shown.context["outcome"].wrong]) == (200, [BUSY])


# What outlives a refusal ----------------------------------------------------------------------------------------------


def test_a_wrong_code_is_counted_although_its_page_is_an_error(sender: Sender) -> None:
    device = TOTPDevice.objects.create(user=sender.user, name="admin", confirmed=True)
    assert sender.post("second-factor/", {"code": "000000"}).status_code == 200
    device.refresh_from_db()
    assert device.throttling_failure_count == 1


def test_an_error_page_takes_back_what_was_written_and_keeps_the_session(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = factories.MemberUnitFactory()

    def fail(*args: Any) -> None:
        raise RuntimeError("after the row is gone")

    monkeypatch.setattr("django.contrib.admin.ModelAdmin.response_delete", fail)
    sender.client.raise_request_exception = False
    assert sender.post(f"registry/memberunit/{unit.pk}/delete/", {"post": "yes"}).status_code == 500
    assert MemberUnit.objects.filter(pk=unit.pk).exists()
    assert sender.client.get("/admin/").status_code == 200


def test_no_other_module_sets_what_the_log_reads() -> None:
    setting = re.compile(r"change_log import .*SETTINGS|partybuild\.(user|token|request_id|reason)")
    sources = [path for path in (ROOT / "apps").rglob("*.py") if "migrations" not in path.parts]
    named = {str(path.relative_to(ROOT)) for path in sources if setting.search(path.read_text())}
    assert named == {"apps/common/rules/change_log.py", "apps/common/writing/transaction.py"}
