"""Tokens: made, used, narrowed to scopes and appointments, expired and revoked."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.actions import make_token, revoke_tokens
from apps.accounts.models import Token, User
from tests.conftest import problem_of
from tests.factories import AllianceFactory, AppointmentFactory, StreetFactory, TokenFactory, UserFactory

pytestmark = pytest.mark.django_db


def made(user: User, *scopes: str, appointments: Any = (), **values: Any) -> tuple[Token, str]:
    """Make a token for a user."""
    options = {"name": "程序", "expires_at": timezone.now() + timedelta(days=1), **values}
    return make_token(user=user, scopes=list(scopes or ("read",)), appointments=appointments, **options)


def ask(text: str, path: str = "/api/v1/alliances?page_size=1", **options: Any) -> Any:
    return Client(headers={"accept-language": "en"}).get(path, headers={"authorization": text}, **options)


def status(text: str, path: str) -> int:
    return int(ask(f"Bearer {text}", path).status_code)


def test_the_database_holds_a_keyed_digest_and_not_the_secret(settings: Any):
    token, text = made(UserFactory())

    assert re.fullmatch(r"pb_[a-z0-9]{12}\.[A-Za-z0-9_-]{43}", text)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(accounts_token)::text FROM accounts_token WHERE id = %s", [token.pk])
        (row,) = cursor.fetchone()
    secret = text.partition(".")[2]
    assert token.key in row
    assert secret not in row
    assert token.digest in row
    # Nothing in the database is enough to compute it.
    assert Token.objects.get(pk=token.pk).is_secret(secret)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-pepper-" * 3
    assert not Token.objects.get(pk=token.pk).is_secret(secret)
    settings.SECRET_KEY_FALLBACKS = [former]
    assert ask(f"Bearer {text}").status_code == 200
    # Its use has moved it to the new pepper.
    settings.SECRET_KEY_FALLBACKS = []
    assert ask(f"Bearer {text}").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer pb_abcdefghijkl",
        "Bearer pb_abcdefghijkl." + "x" * 42,
        "Bearer pb_abcdefghijkl." + "x" * 43,
        "Bearer pb_ABCDEFGHIJKL." + "x" * 43,
        "Bearer " + "x" * 6000,
        "Bearer pb_\xe9bcdefghijkl." + "x" * 43,
        "bearer pb_abcdefghijkl.\0" + "x" * 42,
    ],
)
def test_a_broken_token_is_no_anonymous_request(header: str):
    answer = ask(header)

    assert (answer.status_code, problem_of(answer)["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="partybuild", error="invalid_token"'


def test_a_token_is_good_until_it_expires_is_revoked_or_its_user_leaves():
    token, text = made(UserFactory())
    assert ask(f"bearer  {text} ").status_code == 200
    for wrong in (text[:-1] + ("a" if text[-1] != "a" else "b"), text.replace(token.key, token.key[::-1])):
        assert ask(f"Bearer {wrong}").status_code == 401
    for values in ({"expires_at": timezone.now()}, {"revoked_at": timezone.now()}):
        before = {name: getattr(token, name) for name in values}
        Token.objects.filter(pk=token.pk).update(created_at=timezone.now() - timedelta(days=9), **values)
        assert ask(f"Bearer {text}").status_code == 401
        Token.objects.filter(pk=token.pk).update(**before)
    User.objects.filter(pk=token.user_id).update(is_active=False)
    assert ask(f"Bearer {text}").status_code == 401


def test_revoking_ends_a_token_for_good():
    token, text = made(UserFactory())

    assert revoke_tokens(tokens=[token]) == 1
    first = Token.objects.get(pk=token.pk).revoked_at
    assert revoke_tokens(tokens=[token]) == 0
    assert Token.objects.get(pk=token.pk).revoked_at == first
    assert ask(f"Bearer {text}").status_code == 401


def test_a_token_sees_the_drafts_of_its_own_appointments_only():
    user = UserFactory()
    streets = StreetFactory(), StreetFactory()
    appointments = [AppointmentFactory(user=user, role="curator", street=street) for street in streets]
    drafts = [AllianceFactory(street=street, state="draft", cited=False) for street in streets]
    paths = [f"/api/v1/alliances/{draft.slug}" for draft in drafts]

    seen = {
        "one": [status(made(user, appointments=appointments[:1])[1], path) for path in paths],
        "both": [status(made(user, appointments=appointments)[1], path) for path in paths],
        "none": [status(made(user)[1], path) for path in paths],
    }
    assert seen == {"one": [200, 404], "both": [200, 200], "none": [404, 404]}
    assert Client().get(paths[0]).status_code == 404


def test_an_appointment_that_passed_to_another_user_is_of_no_use():
    appointment = AppointmentFactory()
    token, _text = made(UserFactory())
    token.appointments.add(appointment)  # as no form would

    token.user.narrow(steward=True, token=token.pk)
    assert not token.user.territory
    with pytest.raises(ValidationError):
        made(UserFactory(), appointments=[appointment])


@pytest.mark.parametrize(
    ("scopes", "expected"), [(("read",), 404), (("read", "write"), 404), (("read", "steward"), 200)]
)
def test_the_rights_of_a_steward_need_a_scope_of_their_own(scopes: tuple[str, ...], expected: int):
    draft = AllianceFactory(state="draft", cited=False)
    appointment = AppointmentFactory()

    assert (
        status(made(appointment.user, *scopes, appointments=[appointment])[1], f"/api/v1/alliances/{draft.slug}")
        == expected
    )
    superuser = UserFactory(is_superuser=True)
    assert status(made(superuser, *scopes)[1], f"/api/v1/alliances/{draft.slug}") == expected


def test_a_token_without_the_scope_to_read_reads_nothing():
    answer = ask(f"Bearer {made(UserFactory(), 'write')[1]}")

    assert (answer.status_code, problem_of(answer)["code"]) == (403, "permission_denied")


def test_the_last_use_is_noted_once_a_minute():
    token, text = made(UserFactory())
    ask(f"Bearer {text}")
    first = Token.objects.get(pk=token.pk).last_used_at
    assert first is not None
    ask(f"Bearer {text}")
    assert Token.objects.get(pk=token.pk).last_used_at == first
    Token.objects.filter(pk=token.pk).update(last_used_at=timezone.now() - timedelta(seconds=61))
    ask(f"Bearer {text}")
    assert Token.objects.filter(pk=token.pk, last_used_at__gt=first).exists()


def test_a_token_costs_the_same_queries_however_much_it_is_bound_to():
    user = UserFactory()
    streets = [StreetFactory() for _number in range(6)]
    rows = [AppointmentFactory(user=user, role="curator", street=street) for street in streets]
    costs = set()
    for bound in (rows[:1], rows):
        text = made(user, appointments=bound)[1]
        ask(f"Bearer {text}")
        with CaptureQueriesContext(connection) as queries:
            ask(f"Bearer {text}")
        costs.add(len(queries))
    with CaptureQueriesContext(connection) as anonymous:
        Client().get("/api/v1/alliances?page_size=1")
    # The token with its user, the appointments, and the count of requests.
    assert costs == {len(anonymous) + 3}


@pytest.mark.parametrize(
    "values",
    [
        {"scopes": []},
        {"scopes": ["admin"]},
        {"digest": "secret"},
        {"key": "SHORT"},
        {"expires_at": "2020-01-01T00:00Z"},
    ],
)
def test_the_database_refuses_a_token_that_makes_no_sense(values: dict[str, Any]):
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenFactory(**values)


# manage.py token ------------------------------------------------------------------------------------------------------


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("token", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_command_makes_lists_and_revokes():
    appointment = AppointmentFactory(role="curator", street=StreetFactory())
    draft = AllianceFactory(street=appointment.street, state="draft", cited=False)
    name = appointment.user.username
    text = run("create", name, "--name", "取数", "--scope", "read", "--appointment", appointment.pk).strip()

    assert status(text, f"/api/v1/alliances/{draft.slug}") == 200
    key = text.partition(".")[0]
    listed = run("list", name)
    assert key in listed
    assert f"appointment {appointment.pk}" in listed
    assert text.partition(".")[2] not in listed
    assert "revoked" in run("revoke", key)
    assert status(text, "/api/v1/alliances") == 401
    for arguments in (
        ("revoke", key),
        ("create", "nobody-at-all", "--name", "x"),
        ("create", name, "--name", "x", "--appointment", AppointmentFactory().pk),
        ("create", name, "--name", "x", "--days", 0),
        ("create", name, "--name", ""),
    ):
        with pytest.raises(CommandError):
            run(*arguments)
