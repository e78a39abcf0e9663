"""Long files: imported behind the answer, once, with the rights of who sent them, and told as short ones are."""

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.authentication import user_again
from apps.accounts.models import Appointment, Token
from apps.common.http.problems import Refusal
from apps.common.models.import_jobs import ImportJob
from apps.common.models.logged_change import LoggedChange
from apps.common.models.tables import KeptFile
from apps.common.resources import import_runner
from apps.common.resources.import_runner import MOST_TRIES, run_waiting
from apps.evidence.redaction.places import blacken_the_rest
from apps.registry.models import MemberUnit
from tests.factories import AppointmentFactory, MemberUnitFactory, StreetFactory, UserFactory
from tests.writing import Keeper

PATH = "/api/v1/member-units/import?change_reason=test"
PAGE = "/admin/registry/memberunit/import/"
ROWS = "甲一,company\n甲二,company\n甲三,company\n甲四,company\n"


@pytest.fixture(autouse=True)
def _three_rows_at_once() -> Iterator[None]:
    with override_settings(IMPORT_ROWS_AT_ONCE=3):
        yield


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def send(keeper: Keeper, content: str, query: str = "", **headers: str) -> Any:
    """Return the answer to a file."""
    return keeper.client.post(PATH + query, data=content.encode(), content_type="text/csv", headers=headers)


def accepted(response: Any) -> str:
    """Return the address of the job of an answer."""
    assert response.status_code == 202, response.content.decode()
    body = response.json()
    assert (body["state"], body["rows"], body["result"], body["problem"]) == ("waiting", None, None, None)
    assert response.headers["Location"] == body["url"] == f"/api/v1/import-jobs/{body['id']}"
    assert response.headers["Retry-After"]
    return str(body["url"])


def seen(keeper: Keeper, address: str) -> Any:
    response = keeper.client.get(address)
    assert response.status_code == 200, response.content.decode()
    assert response.headers["Cache-Control"] == "private, no-store"
    return response.json()


def test_a_long_file_is_imported_behind_the_answer(keeper: Keeper) -> None:
    unit = MemberUnitFactory(summary="旧")
    new = "".join(f",{line},,\n" for line in ROWS.splitlines())
    content = f"slug,name,kind,summary,name_pinyin\n{unit.slug},{unit.name},company,新,\n{new}"
    response = send(keeper, content)
    address = accepted(response)
    assert not MemberUnit.objects.filter(name="甲一").exists()
    assert run_waiting(user_again) == 1
    body = seen(keeper, address)
    assert (body["state"], body["rows"], body["rows_done"], body["problem"]) == ("done", 5, 5, None)
    result = body["result"]
    assert (result["created"], result["changed"], result["unchanged"]) == (4, 1, 0)
    assert result["ignored"] == ["name_pinyin"]
    assert {change["operation"] for change in result["changes"]} == {"insert", "update"}
    unit.refresh_from_db()
    assert unit.summary == "新"
    assert MemberUnit.objects.filter(name__in=["甲一", "甲二", "甲三", "甲四"]).count() == 4
    job = ImportJob.objects.get()
    assert job.content is None
    logged = LoggedChange.objects.filter(table_name="registry_memberunit").latest("number")
    assert (logged.reason, logged.request_id) == ("test", response.headers["X-Request-ID"])
    assert run_waiting(user_again) == 0


def test_a_dry_run_changes_nothing(keeper: Keeper) -> None:
    address = accepted(send(keeper, f"name,kind\n{ROWS}", "&dry_run=true"))
    run_waiting(user_again)
    body = seen(keeper, address)
    assert (body["state"], body["dry_run"], body["result"]["created"]) == ("done", True, 4)
    assert not MemberUnit.objects.filter(name="甲一").exists()


def test_what_is_refused_is_told_as_for_a_short_file(keeper: Keeper) -> None:
    content = f"name,kind\n{ROWS}甲五,compny\n\n,company\n"
    address = accepted(send(keeper, content))
    run_waiting(user_again)
    body = seen(keeper, address)
    assert (body["state"], body["result"]) == ("refused", None)
    with override_settings(IMPORT_ROWS_AT_ONCE=100):
        at_once = send(keeper, content)
    assert at_once.status_code == 400
    same = {"type", "title", "status", "detail", "code", "errors"}
    assert {name: body["problem"][name] for name in same} == {name: at_once.json()[name] for name in same}
    assert body["problem"]["errors"][0]["pointer"] == "/rows/6/kind"
    assert not MemberUnit.objects.filter(name="甲一").exists()
    assert ImportJob.objects.get().content is None


def test_what_is_seen_in_the_first_rows_is_refused_at_once(keeper: Keeper) -> None:
    assert send(keeper, f"nam,kind\n{ROWS}").status_code == 400
    assert send(keeper, f"name,kind\n甲,company,x\n{ROWS}").status_code == 400
    assert keeper.client.post("/api/v1/member-units/import", f"name,kind\n{ROWS}", "text/csv").status_code == 400
    assert send(keeper, f"name,kind\n{ROWS}", "&dry_run=perhaps").status_code == 400
    assert not ImportJob.objects.exists()


def test_a_file_that_is_sent_again_under_its_key_is_imported_once(keeper: Keeper) -> None:
    first = send(keeper, f"name,kind\n{ROWS}", Idempotency_Key="k")
    again = send(keeper, f"name,kind\n{ROWS}", Idempotency_Key="k")
    assert accepted(first) == again.headers["Location"]
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert run_waiting(user_again) == 1
    assert MemberUnit.objects.filter(name="甲一").count() == 1
    dry = send(keeper, f"name,kind\n{ROWS}", "&dry_run=true", Idempotency_Key="d")
    assert (
        dry.headers["Location"]
        == send(keeper, f"name,kind\n{ROWS}", "&dry_run=true", Idempotency_Key="d").headers["Location"]
    )


def test_a_job_is_for_who_sent_the_file_and_for_stewards(keeper: Keeper) -> None:
    street = StreetFactory()
    curator, other = (Keeper(AppointmentFactory(role="curator", street=street).user) for _one in range(2))
    address = accepted(send(curator, f"name,kind\n{ROWS}"))
    assert seen(curator, address) == seen(keeper, address)
    assert other.client.get(address).status_code == 404
    assert Client(SERVER_NAME="localhost").get(address).status_code == 401
    assert keeper.client.get(f"/api/v1/import-jobs/{uuid.uuid4()}").status_code == 404
    assert keeper.client.get("/api/v1/import-jobs/x").status_code == 404
    assert keeper.client.get(f"{address}?x=1").status_code == 400


def test_rights_are_those_of_the_time_when_it_is_done(db: None) -> None:
    street = StreetFactory()
    appointment = AppointmentFactory(role="curator", street=street)
    curator = Keeper(appointment.user)
    content = f"name,kind,street\n{ROWS}".replace("company", f"company,{street.code}")
    address = accepted(send(curator, content))
    Appointment.objects.filter(pk=appointment.pk).delete()
    run_waiting(user_again)
    body = seen(curator, address)
    assert (body["state"], body["problem"]["code"]) == ("refused", "permission_denied")
    foreign = Keeper(AppointmentFactory(role="curator", street=StreetFactory()).user)
    address = accepted(send(foreign, content))
    run_waiting(user_again)
    assert {error["code"] for error in seen(foreign, address)["problem"]["errors"]} == {"foreign"}


def test_a_token_that_is_revoked_imports_nothing_more(db: None) -> None:
    user = UserFactory(is_superuser=True)
    token, text = actions.make_token(
        user=user,
        name="t",
        scopes=["write", "steward"],
        appointments=[],
        expires_at=timezone.now() + timedelta(days=1),
    )
    client = Client(SERVER_NAME="localhost", headers={"authorization": f"Bearer {text}", "accept-language": "en"})
    addresses = []
    for _one in range(2):
        response = client.post(PATH, data=f"name,kind\n{ROWS}".encode(), content_type="text/csv")
        addresses.append(accepted(response))
        if len(addresses) == 1:
            run_waiting(user_again)
    assert client.get(addresses[0]).json()["state"] == "done"
    Token.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    run_waiting(user_again)
    job = ImportJob.objects.latest("pk")
    assert job.state == "refused"
    assert job.problem is not None
    assert job.problem["code"] == "permission_denied"
    with pytest.raises(Refusal):
        user_again(user.pk, "nonsense")


def test_what_may_pass_is_tried_again_and_at_last_given_up(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    address = accepted(send(keeper, f"name,kind\n{ROWS}"))
    busy = Refusal("conflict", "busy", headers={"Retry-After": "3"})

    def fail(*_args: object) -> None:
        raise busy

    with monkeypatch.context() as patch:
        patch.setattr(import_runner, "_imported", fail)
        run_waiting(user_again)
    assert seen(keeper, address)["state"] in ("waiting", "running")
    ImportJob.objects.update(tries=MOST_TRIES)
    run_waiting(user_again)
    body = seen(keeper, address)
    assert (body["state"], body["problem"]["code"]) == ("failed", "unavailable")


def test_a_fault_of_our_own_ends_the_job(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    address = accepted(send(keeper, f"name,kind\n{ROWS}"))
    monkeypatch.setattr(import_runner, "_imported", lambda *_args: 1 // 0)
    run_waiting(user_again)
    body = seen(keeper, address)
    assert (body["state"], body["problem"]["code"]) == ("failed", "internal_error")
    assert run_waiting(user_again) == 0


def test_jobs_are_forgotten_some_days_after_they_ended(keeper: Keeper) -> None:
    address = accepted(send(keeper, f"name,kind\n{ROWS}"))
    run_waiting(user_again)
    ImportJob.objects.update(ended_at=timezone.now() - timedelta(days=8))
    run_waiting(user_again)
    assert keeper.client.get(address).status_code == 404


def test_where_a_name_is_redacted_the_files_that_wait_are_dropped(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = accepted(send(keeper, f"name,kind\n{ROWS}"))
    blacken_the_rest("甲一")
    assert keeper.client.get(address).status_code == 404
    accepted(send(keeper, f"name,kind\n{ROWS}"))
    imported = import_runner._imported

    def meanwhile(*args: Any) -> Any:
        ending = imported(*args)
        blacken_the_rest("甲一")
        return ending

    monkeypatch.setattr(import_runner, "_imported", meanwhile)
    assert run_waiting(user_again) == 1
    assert not MemberUnit.objects.filter(name="甲一").exists()


# In the admin ---------------------------------------------------------------------------------------------------------


def upload(client: Client, content: str) -> str:
    """Send a long file to the page; return where it leads."""
    response = client.post(PAGE, {"file": SimpleUploadedFile("单位.csv", content.encode())})
    assert response.status_code == 302, response.content.decode()
    return str(response.headers["Location"])


def test_the_admin_shows_how_far_a_long_file_is(keeper: Keeper) -> None:
    client = keeper.client
    content = f"name,kind\n{ROWS}"
    address = upload(client, content)
    page = client.get(address)
    assert b'http-equiv="refresh"' in page.content
    assert address.partition("?")[2].encode() in client.get(PAGE).content
    run_waiting(user_again)
    shown = client.get(address)
    outcome = shown.context["outcome"]
    assert (outcome.created, outcome.shown[0].record) == (4, "甲一")
    assert not MemberUnit.objects.filter(name="甲一").exists()
    kept = KeptFile.objects.get()
    assert kept.digest == outcome.digest

    answer = client.post(PAGE, {"digest": outcome.digest, "reason": "测试"})
    confirmed = answer.headers["Location"]
    assert b"<progress" in client.get(confirmed).content
    run_waiting(user_again)
    done = client.get(confirmed)
    assert done.headers["Location"] == "/admin/registry/memberunit/"
    assert MemberUnit.objects.filter(name="甲一").count() == 1
    assert not KeptFile.objects.exists()
    assert not ImportJob.objects.exclude(content=None).exists()


def test_the_admin_shows_what_is_wrong_with_a_long_file(keeper: Keeper) -> None:
    address = upload(keeper.client, f"name,kind\n{ROWS}\n甲五,compny\n")
    run_waiting(user_again)
    outcome = keeper.client.get(address).context["outcome"]
    assert [(each.row, each.record, each.column) for each in outcome.wrong] == [(7, "甲五", "kind")]
    assert not KeptFile.objects.exists()


def test_where_the_registry_has_changed_since_the_preview_a_long_file_is_shown_again(keeper: Keeper) -> None:
    units = [MemberUnitFactory(summary="旧") for _one in range(4)]
    address = upload(keeper.client, "slug,summary\n" + "".join(f"{unit.slug},新\n" for unit in units))
    run_waiting(user_again)
    outcome = keeper.client.get(address).context["outcome"]
    assert outcome.changed == 4
    confirmed = keeper.client.post(PAGE, {"digest": outcome.digest, "reason": "测试"}).headers["Location"]
    MemberUnit.objects.filter(pk=units[0].pk).update(summary="别人的")
    run_waiting(user_again)
    again = keeper.client.get(confirmed)
    assert "the registry has changed" in str(next(iter(again.context["messages"])))
    assert again.context["outcome"].shown[0].values[0].before == "别人的"
    units[1].refresh_from_db()
    assert units[1].summary == "旧"
    last = keeper.client.post(PAGE, {"digest": again.context["outcome"].digest, "reason": "测试"}).headers["Location"]
    run_waiting(user_again)
    assert keeper.client.get(last).status_code == 302
    units[0].refresh_from_db()
    assert units[0].summary == "新"


def test_the_imports_of_others_are_not_shown(keeper: Keeper) -> None:
    address = upload(keeper.client, f"name,kind\n{ROWS}")
    other = Keeper(UserFactory(is_staff=True, is_superuser=True))
    assert other.client.get(address).headers["Location"] == PAGE
    assert keeper.client.get(f"{PAGE}?job=x").headers["Location"] == PAGE


def test_a_job_that_somebody_works_on_is_left_to_them(keeper: Keeper) -> None:
    address = accepted(send(keeper, f"name,kind\n{ROWS}"))
    beside = connection.copy()
    try:
        with beside.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [import_runner.LOCK, ImportJob.objects.get().pk])
        assert run_waiting(user_again) == 0
    finally:
        beside.close()
    assert seen(keeper, address)["state"] == "waiting"
    assert json.dumps(seen(keeper, address))
