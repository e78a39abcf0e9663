"""The admin: what curators see and edit there, the pages of appointments and tokens, and how one gets in."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts.models import Appointment, Token, User
from apps.common.conflicts.seen import SEEN
from apps.evidence.actions import attach_text
from apps.evidence.models import Article, Citation, Mark
from apps.registry.models import Alliance, District, Membership, MemberUnit
from tests import factories
from tests.common.admin.test_records import address, change_address, errors, filled_in
from tests.factories import (
    DIGEST_OF_X,
    AllianceFactory,
    AppointmentFactory,
    MembershipFactory,
    MemberUnitFactory,
    StreetFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


PASSWORD = "一个很长的口令-2026"


def of(user: User, language: str = "en") -> Any:
    """Return a client in which a user is logged in."""
    client = Client(raise_request_exception=False, headers={"accept-language": language})
    client.force_login(user)
    return client


def act(client: Any, model: Any, action: str, *rows: Any) -> None:
    """Choose rows of a list, and do something with them."""
    where = address(model, "changelist")
    given = {"action": action, "_selected_action": [row.pk for row in rows]}
    client.post(where, {**given, SEEN: client.get(where).context[SEEN]})


@pytest.fixture
def street() -> Any:
    return StreetFactory()


@pytest.fixture
def user(street: Any) -> User:
    """A curator of a street, who may enter the admin and has no right of Django's."""
    user: User = UserFactory(is_staff=True)
    AppointmentFactory(user=user, role="curator", street=street)
    return user


@pytest.fixture
def curator(user: User) -> Any:
    return of(user)


# Records --------------------------------------------------------------------------------------------------------------


def test_a_curator_lists_and_opens_the_own_records_only(curator: Any, street: Any):
    own, foreign = AllianceFactory(street=street, state="draft"), AllianceFactory()

    page = curator.get(address(Alliance, "changelist")).content.decode()
    assert own.name in page
    assert foreign.name not in page
    assert curator.get(change_address(own)).status_code == 200
    assert curator.get(change_address(foreign)).status_code == 302
    assert curator.get(address(Alliance, "delete", foreign.pk)).status_code == 302
    assert curator.get("/admin/").status_code == 200


def test_who_was_not_appointed_has_no_pages():
    client = of(UserFactory(is_staff=True))

    assert client.get(address(Alliance, "changelist")).status_code == 403
    assert client.get(address(Alliance, "add")).status_code == 403
    assert client.get(change_address(AllianceFactory())).status_code == 403


def test_a_form_moves_no_record_out_of_the_territory(curator: Any, street: Any):
    own = AllianceFactory(street=street)
    form = filled_in(curator.get(change_address(own)))

    answer = curator.post(change_address(own), {**form, "street": StreetFactory().pk})
    assert "would not lie" in str(errors(answer))
    answer = curator.post(change_address(own), {**form, "parent": AllianceFactory().pk})
    assert list(errors(answer)) == ["parent"]
    answer = curator.post(change_address(own), {**form, "name": "新的名字"})
    assert answer.status_code == 302, errors(answer)
    own.refresh_from_db()
    assert (own.name, own.street, own.parent) == ("新的名字", street, None)


def test_search_fields_offer_what_may_be_pointed_at(curator: Any):
    foreign, draft = MemberUnitFactory(name="远处单位甲"), MemberUnitFactory(name="远处单位乙", state="draft")
    found = curator.get(
        "/admin/autocomplete/?term=远处单位&app_label=registry&model_name=membership&field_name=unit"
    ).json()

    assert [row["text"] for row in found["results"]] == [foreign.name]
    membership = MembershipFactory(alliance__street=curator_street(curator))
    form = filled_in(curator.get(change_address(membership)))
    assert list(errors(curator.post(change_address(membership), {**form, "unit": draft.pk}))) == ["unit"]


def curator_street(client: Any) -> Any:
    appointment = Appointment.objects.get(user=client.session["_auth_user_id"])
    return appointment.street


def test_rows_of_a_record_are_checked_like_records(curator: Any, street: Any):
    own = AllianceFactory(street=street)
    part = AllianceFactory(parent=own, street=StreetFactory())
    form = filled_in(curator.get(change_address(own)))

    # A part that lies in another street is not even shown.
    assert str(part) not in str(form)
    given = {"unit": MemberUnitFactory().pk, "role": "member", "status": "invited"}
    row = {"memberships-TOTAL_FORMS": 1, **{f"memberships-0-{name}": value for name, value in given.items()}}
    answer = curator.post(change_address(own), {**form, **row})
    assert answer.status_code == 302, errors(answer)
    assert Membership.objects.filter(alliance=own).count() == 1


# Appointments and tokens ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("model", [Appointment, Token, User])
def test_a_steward_has_the_pages_of_rights(model: Any, language: str):
    steward = AppointmentFactory(user__is_staff=True).user
    client = of(steward, language)

    for page in ("changelist", "add"):
        assert client.get(address(model, page)).status_code == 200
    row = {Appointment: steward.appointments.get(), User: steward}.get(model) or made_token(client, steward)[0]
    assert client.get(change_address(row)).status_code == 200


@pytest.mark.parametrize("name", ["user", "name", "scopes", "appointments", "expires_at"])
def test_nothing_in_an_address_breaks_the_page_of_a_new_token(curator: Any, name: str):
    steward = of(AppointmentFactory(user__is_staff=True).user)

    for client in (curator, steward):
        for value in ("abc", "1,2", "2026-13-45T99:99"):
            assert client.get(f"{address(Token, 'add')}?{name}={value}").status_code == 200, value


def test_nobody_appoints_but_a_steward(curator: Any, user: User):
    for model in (Appointment, User):
        assert curator.get(address(model, "changelist")).status_code == 403
        assert curator.get(address(model, "add")).status_code == 403
    assert curator.post(address(Appointment, "add"), {"user": user.pk, "role": "steward"}).status_code == 403
    assert curator.get(change_address(user)).status_code == 403


def test_a_steward_appoints_and_it_is_said_who_did(street: Any):
    steward = AppointmentFactory(user__is_staff=True).user
    client, somebody = of(steward), UserFactory()
    data = {"user": somebody.pk, "role": "curator", "street": street.pk, "from_day": "2026-01-01", "note": "任命书"}

    answer = client.post(address(Appointment, "add"), {**data, "role": "steward"})
    assert answer.status_code == 200
    assert client.post(address(Appointment, "add"), data).status_code == 302
    made = Appointment.objects.get(user=somebody)
    assert (made.street, made.appointed_by, made.note) == (street, steward, "任命书")


def test_a_steward_makes_no_superuser_and_changes_none():
    steward = AppointmentFactory(user__is_staff=True).user
    client, superuser = of(steward), UserFactory(is_superuser=True, is_staff=True)

    client.post(change_address(steward), {**filled_in(client.get(change_address(steward))), "is_superuser": "on"})
    assert not User.objects.get(pk=steward.pk).is_superuser
    assert client.post(change_address(superuser), {"username": "taken"}).status_code == 403
    assert client.get(f"/admin/accounts/user/{superuser.pk}/password/").status_code == 403


def made_token(client: Any, user: User, **values: Any) -> tuple[Token, str]:
    """Make a token in the admin, and return it with what the page shows."""
    expires = timezone.now() + timedelta(days=30)
    data = {
        "user": user.pk,
        "name": "年报程序",
        "scopes": ["read"],
        "appointments": [row.pk for row in user.appointments.all()],
        "expires_at_0": expires.strftime("%Y-%m-%d"),
        "expires_at_1": "12:00:00",
        **values,
    }
    answer = client.post(address(Token, "add"), data)
    assert answer.status_code == 200, errors(answer)
    match = re.search(r'<code id="token">(.*?)</code>', answer.content.decode())
    assert match, errors(answer)
    assert "no-store" in answer.headers["Cache-Control"].split(", ")
    return Token.objects.get(user=user, name="年报程序"), match[1]


def test_a_curator_makes_a_token_that_is_shown_once(curator: Any, user: User, street: Any):
    draft = AllianceFactory(street=street, state="draft")
    token, text = made_token(curator, user)

    bearer = {"authorization": f"Bearer {text}"}
    assert Client().get(f"/api/v1/alliances/{draft.slug}", headers=bearer).status_code == 200
    page = curator.get(change_address(token)).content.decode()
    assert token.key in page
    assert text.partition(".")[2] not in page + curator.get(address(Token, "changelist")).content.decode()
    assert curator.get("/admin/").cookies.get("messages") is None
    act(curator, Token, "revoke", token)
    assert Client().get(f"/api/v1/alliances/{draft.slug}", headers=bearer).status_code == 401


def test_a_curator_makes_no_token_for_another_and_sees_none(curator: Any, user: User):
    steward = AppointmentFactory(user__is_staff=True).user
    token = made_token(of(steward), steward)[0]

    assert curator.get(change_address(token)).status_code == 302
    assert token.name not in curator.get(address(Token, "changelist")).content.decode()
    act(curator, Token, "revoke", token)
    assert Token.objects.get(pk=token.pk).revoked_at is None
    foreign = [row.pk for row in steward.appointments.all()]
    answer = curator.post(
        address(Token, "add"),
        {
            "name": "x",
            "scopes": ["read"],
            "appointments": foreign,
            "expires_at_0": "2030-01-01",
            "expires_at_1": "0:00",
        },
    )
    assert list(errors(answer)) == ["appointments"]
    assert not Token.objects.filter(user=user).exists()


# Getting in -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def account() -> User:
    user: User = UserFactory(is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(user: User, password: str = PASSWORD, **data: Any) -> tuple[Any, Any]:
    client = Client(headers={"accept-language": "en"})
    answer = client.post("/admin/login/", {"username": user.username, "password": password, "next": "/admin/", **data})
    return client, answer


def test_guessing_is_stopped_for_one_account_from_one_address(account: User, settings: Any):
    statuses = [log_in(account, "wrong")[1].status_code for _number in range(settings.AXES_FAILURE_LIMIT)]
    assert statuses == [200] * (settings.AXES_FAILURE_LIMIT - 1) + [429]
    # Now not even with the right password.
    answer = log_in(account)[1]
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    assert log_in(account, REMOTE_ADDR="198.51.100.7")[1].status_code == 429  # what a form says is no address
    other = Client(REMOTE_ADDR="198.51.100.7")
    good = {"username": account.username, "password": PASSWORD, "next": "/admin/"}
    assert other.post("/admin/login/", good).status_code == 302


def code_of(device: TOTPDevice, step: int = 0) -> str:
    totp = TOTP(device.bin_key)
    totp.time = time.time() + step * 30
    return f"{totp.token():06}"


def test_a_second_factor_is_set_up_asked_for_and_removed(account: User):
    client = log_in(account)[0]
    page = client.get(reverse("second-factor"))
    device = TOTPDevice.objects.get(user=account)
    assert "<svg" in page.content.decode()
    assert "style=" not in re.sub(r"<head>.*</head>", "", page.content.decode(), flags=re.DOTALL)
    assert page.headers["Cache-Control"].startswith("max-age=0")
    # Not in force before it was shown to work.
    assert log_in(account)[1].status_code == 302
    assert client.post(reverse("second-factor"), {"code": code_of(device, -1)}).status_code == 302

    assert "second factor" in log_in(account)[1].content.decode()
    assert log_in(account, code="12345x")[1].status_code == 200
    assert log_in(account, code=code_of(device))[1].status_code == 302
    # A code is good once.
    assert log_in(account, code=code_of(device))[1].status_code == 200
    TOTPDevice.objects.update(throttling_failure_count=0, last_t=-1)
    assert "<svg id" not in client.get(reverse("second-factor")).content.decode()
    assert client.post(reverse("second-factor"), {"code": code_of(device)}).status_code == 302
    assert log_in(account)[1].status_code == 302


def test_a_wrong_code_holds_up_the_next(account: User):
    device = TOTPDevice.objects.create(user=account, name="admin", confirmed=True)
    wrong = "000000" if code_of(device) != "000000" else "000001"

    assert log_in(account, code=wrong)[1].status_code == 200
    assert TOTPDevice.objects.get(pk=device.pk).throttling_failure_count == 1
    # The time doubles with each; ten of them hold up for longer than this test may take.
    TOTPDevice.objects.filter(pk=device.pk).update(throttling_failure_count=10)
    assert log_in(account, code=code_of(device))[1].status_code == 200


def test_a_steward_lets_in_who_lost_the_telephone(account: User):
    lost = UserFactory(is_staff=True)
    for user in (lost, account):
        TOTPDevice.objects.create(user=user, name="admin", confirmed=True)
    steward = of(AppointmentFactory(user__is_staff=True).user)

    act(steward, User, "remove_second_factor", lost, account)
    assert list(TOTPDevice.objects.values_list("user", flat=True)) == [account.pk]


@pytest.mark.parametrize(("began", "seen", "lasts"), [(0, 0, True), (0, 3601, False), (12 * 3600 + 1, 0, False)])
def test_a_session_ends_when_it_is_idle_and_in_any_case_some_day(account: User, began: int, seen: int, lasts: bool):
    client = log_in(account)[0]
    assert client.get("/admin/").status_code == 200
    session = client.session
    session["began_at"], session["seen_at"] = int(time.time()) - max(began, seen), int(time.time()) - seen
    session.save()

    assert (client.get("/admin/").status_code == 200) == lasts
    assert Session.objects.filter(session_key=session.session_key).exists() == lasts


def test_logging_in_gives_a_new_session_and_a_cookie_for_this_browser_only(account: User):
    client = Client()
    client.get("/admin/login/")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = session.session_key
    answer = client.post("/admin/login/", {"username": account.username, "password": PASSWORD, "next": "/"})

    cookie = answer.cookies["sessionid"]
    assert cookie.value != session.session_key
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")


def test_a_representative_sees_what_he_may_do(user: User):
    """Neither articles nor marks are his to write; articles are shown, for he cites them."""
    unit = factories.MemberUnitFactory()
    client = of(AppointmentFactory(role="representative", unit=unit, user__is_staff=True).user)
    article, mark = factories.ArticleFactory(), factories.MarkFactory()
    index = client.get("/admin/")
    shown = {model["model"]: model["perms"] for app in index.context["app_list"] for model in app["models"]}
    assert {MemberUnit, Membership, Citation, Article} <= shown.keys()
    assert not {Mark, District, User, Appointment} & shown.keys()
    assert shown[Article] == {"add": False, "change": False, "delete": False, "view": True}
    page = client.get(change_address(article)).content.decode()
    assert 'name="_save"' not in page
    assert client.post(change_address(article), {"title": "x"}).status_code == 403
    for where in (address(Article, "add"), reverse("admin:evidence_article_intake")):
        assert [client.get(where).status_code, client.post(where, {}).status_code] == [403, 403]
    assert client.get(change_address(mark)).status_code in (302, 403)
    gone = address(Mark, "delete", mark.pk)
    assert client.post(gone, {"post": "yes"}).status_code in (302, 403)
    assert Mark.objects.filter(pk=mark.pk).exists()
    attach_text(article=factories.ArticleFactory(captured_sha256=DIGEST_OF_X, body_start=0, body_end=1), captured="x")
    bench = reverse("admin:evidence_article_workbench", args=[Article.objects.latest("pk").pk]) + "?start=0&end=1"
    found = client.get(bench)
    assert (found.context["can_cite"], found.context["can_mark"]) == (True, False)
    assert client.post(bench, {"do": "mark", "start": 0, "end": 1, "reason": "slogan"}).status_code == 403
