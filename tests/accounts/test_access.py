"""Who reads and writes what over HTTP: rights meet the compiled reads and the writes."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.common.models.records import citable_models
from apps.common.sql.statement import STATEMENTS
from apps.registry.models import Alliance
from tests import factories
from tests.commits import commit_now
from tests.conftest import problem_of
from tests.factories import (
    AllianceFactory,
    AppointmentFactory,
    MembershipFactory,
    MemberUnitFactory,
    StreetFactory,
    TokenFactory,
    UserFactory,
)
from tests.full import share

pytestmark = pytest.mark.django_db


class Sender:
    """Somebody with a token, or nobody."""

    def __init__(self, text: str = "") -> None:
        self.headers = {"accept-language": "en"} | ({"authorization": f"Bearer {text}"} if text else {})

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the answer, whatever it is."""
        content = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        client = Client(SERVER_NAME="localhost")
        return client.generic(method, f"/api/v1/{path}", headers={**self.headers, **headers}, **content)

    def get(self, path: str) -> Any:
        """Return the content of a good answer."""
        response = self.send("GET", path)
        assert response.status_code == 200, response.content.decode()
        return response.json()

    def keys(self, path: str) -> set[str]:
        """Return the slugs in a list."""
        return {each["slug"] for each in self.get(path)["results"]}

    def errors(self, method: str, path: str, body: Any, status: int, **headers: str) -> dict[str, str]:
        """Return the errors of a refusal by pointer."""
        response = self.send(method, path, {"change_reason": "test", **body}, **headers)
        assert response.status_code == status, response.content.decode()
        return {each["pointer"]: each["code"] for each in problem_of(response).get("errors", [])}


def sender(*scopes: str, user: User | None = None, role: str = "curator", **scope: Any) -> Sender:
    """Return somebody with one appointment and a token with the scopes."""
    appointment: Any = AppointmentFactory(role=role, user=user or UserFactory(), **scope)
    token = TokenFactory.build(user=appointment.user, scopes=list(scopes or ("read", "write")))
    text = token.set_secret()
    token.save()
    token.appointments.set([appointment])
    return Sender(text)


@pytest.fixture
def street() -> Any:
    return StreetFactory()


@pytest.fixture
def draft(street: Any) -> Any:
    return AllianceFactory(street=street, state="draft", cited=False, name="草稿联盟")


def test_those_who_may_edit_a_draft_find_it_by_every_way(street: Any, draft: Any):
    own, other, nobody = sender(street=street), sender(street=StreetFactory()), Sender()
    steward = sender("read", "steward", role="steward")
    ways = [
        f"alliances?street={street.code}",
        f"alliances?street={street.code}&count=true&facets=kind",
        f"alliances?street={street.code}&sort=-name&labels=true",
        "alliances?q=草稿联盟",
        f"alliances?under=streets/{street.code}",
    ]
    known = set(nobody.get("")) and [way for way in ways if nobody.send("GET", way).status_code == 200]
    assert len(known) >= 4
    for way in known:
        assert draft.slug in own.keys(way) & steward.keys(way)
        assert draft.slug not in other.keys(way) | nobody.keys(way)
    counted = f"alliances?street={street.code}&count=true&facets=kind"
    assert own.get(counted)["count"] == 1
    assert own.get(counted)["facets"]["kind"][0]["count"] == 1
    assert nobody.get(counted)["count"] == 0
    assert nobody.get(counted)["facets"]["kind"] == []
    for form in ("csv", "ndjson"):
        path = f"alliances?street={street.code}&format={form}"
        texts = [b"".join(each.send("GET", path).streaming_content).decode() for each in (own, other, nobody)]
        assert [draft.slug in text for text in texts] == [True, False, False]


def test_a_key_of_a_hidden_record_is_unknown_wherever_it_stands(street: Any, draft: Any):
    own, nobody = sender(street=street), Sender()
    hidden = problem_of(nobody.send("GET", f"memberships?alliance={draft.slug}"))["errors"]
    unknown = problem_of(nobody.send("GET", "memberships?alliance=there-is-no-such"))["errors"]
    assert hidden[0]["detail"].replace(draft.slug, "there-is-no-such") == unknown[0]["detail"]
    assert own.get(f"memberships?alliance={draft.slug}")["results"] == []


def test_users_with_territories_of_one_kind_share_a_statement_but_no_row():
    """The text of a statement hangs on the kinds of keys; whose they are is told to it anew each time."""
    streets = [StreetFactory(), StreetFactory()]
    drafts = [AllianceFactory(street=each, state="draft", cited=False) for each in streets]
    people = [sender(street=each) for each in streets]
    path = "alliances?sort=-updated_at&page_size=20"
    assert drafts[0].slug in people[0].keys(path)
    statements = len(STATEMENTS)
    found = people[1].keys(path)
    assert len(STATEMENTS) == statements
    assert drafts[1].slug in found
    assert drafts[0].slug not in found
    assert people[0].send("GET", f"alliances/{drafts[0].slug}").status_code == 200
    assert people[1].send("GET", f"alliances/{drafts[0].slug}").status_code == 404


@pytest.mark.parametrize("resource", share(0, sorted(citable_models()), 2))
def test_every_resource_is_read_by_every_role(resource: str, street: Any):
    unit = MemberUnitFactory(street=street)
    people = [
        sender(street=street),
        sender(district=street.district),
        sender(role="representative", unit=unit),
        sender("read", "steward", role="steward"),
    ]
    for each in people:
        assert each.get(f"{resource}?page_size=2&count=true")["results"] is not None


# Writing


@pytest.mark.parametrize(
    ("resource", "ask"),
    [
        ("citations", ""),
        ("citations", "&known_at=2100-01-01T00:00:00Z"),
        ("alliances", "&expand=parent"),
        ("alliances", "&facets=kind&count=true"),
    ],
)
def test_what_lies_in_a_territory_is_found_once_in_a_statement(street: Any, draft: Any, resource: str, ask: str):
    curator = sender(street=street)
    key = draft.slug if resource == "alliances" else factories.CitationFactory(record=draft).slug
    commit_now()

    with CaptureQueriesContext(connection) as queries:
        response = curator.send("GET", f"{resource}?sort=-updated_at{ask}")
        body = response.getvalue().decode()

    assert response.status_code == 200
    assert f'/{resource}/{key}"' in body
    read = max((query["sql"] for query in queries), key=len)
    # The part of the statement behind what is rebuilt of the past and what may be seen now.
    read = read.rpartition("SELECT * FROM (WITH")[2]
    names = re.findall(r"\b(lying_\w+)\(id\) AS", read)
    assert "lying_alliance_streets" in names
    assert len(names) == len(set(names))


def test_one_writes_what_lies_in_the_own_territory(street: Any):
    own = sender(street=street)
    body = {"change_reason": "test", "name": "新联盟", "kind": "alliance", "status": "active", "street": street.code}
    made = own.send("POST", "alliances", body)
    assert made.status_code == 201, made.content.decode()
    path = f"alliances/{made.json()['slug']}"
    tag = made.headers["ETag"]
    changed = own.send("PATCH", path, {"change_reason": "test", "name": "新的联盟"}, **{"If-Match": tag})
    assert changed.status_code == 200, changed.content.decode()
    gone = own.send("DELETE", path, {"change_reason": "test"}, **{"If-Match": changed.headers["ETag"]})
    assert gone.status_code == 204


def test_a_foreign_record_is_not_changed_by_any_way(street: Any):
    alliance = AllianceFactory(street=street)
    other = sender(street=StreetFactory())
    path = f"alliances/{alliance.slug}"
    tag = {"If-Match": other.send("GET", path).headers["ETag"]}
    record = other.get(path)
    seen = record["updated_at"]
    for method, where, body, headers in [
        ("PATCH", path, {"name": "别名"}, tag),
        ("PATCH", path, {"name": "别名"}, {"If-Match": "*"}),
        ("PATCH", path, {"name": "别名"}, {}),
        ("PATCH", f"{path}?dry_run=true", {"name": "别名"}, tag),
        ("PUT", path, {**record, "name": "别名"}, tag),
        ("DELETE", path, {}, tag),
        ("PATCH", "alliances/bulk", {"items": [{"slug": alliance.slug, "updated_at": seen, "name": "别名"}]}, {}),
        ("DELETE", "alliances/bulk", {"items": [{"slug": alliance.slug, "updated_at": seen}]}, {}),
    ]:
        other.errors(method, where, body, 403, **headers)
    answer = Client(SERVER_NAME="localhost").generic(
        "POST",
        "/api/v1/alliances/import?change_reason=test",
        f"slug,name\n{alliance.slug},别名\n",
        "text/csv",
        headers=other.headers,
    )
    assert answer.status_code in (400, 403), answer.content.decode()
    alliance.refresh_from_db()
    assert alliance.name == record["name"]


def test_nothing_is_moved_into_or_out_of_a_territory_and_nothing_foreign_is_pointed_at(street: Any):
    own, foreign = sender(street=street), StreetFactory()
    alliance, foreign_alliance = AllianceFactory(street=street), AllianceFactory(street=foreign)
    unit, foreign_unit = MemberUnitFactory(street=street), MemberUnitFactory(street=foreign)
    any_version = {"If-Match": "*"}
    assert own.errors("PATCH", f"alliances/{alliance.slug}", {"street": foreign.code}, 403, **any_version)
    found = own.errors(
        "POST", "memberships", {"alliance": foreign_alliance.slug, "unit": foreign_unit.slug, "role": "member"}, 403
    )
    assert set(found.values()) == {"foreign"}
    # Either side enters a membership, and the other one answers, or a source says that it did.
    joining = {"change_reason": "test", "alliance": foreign_alliance.slug, "unit": unit.slug, "role": "member"}
    assert own.send("POST", "memberships?dry_run=true", joining).status_code == 200
    forced = {**joining, "status": "member", "state": "published"}
    assert "no_evidence" in own.errors("POST", "memberships?dry_run=true", forced, 400).values()
    # A party is named freely: a foreign unit may join an alliance of the street.
    body = {"change_reason": "test", "alliance": alliance.slug, "unit": foreign_unit.slug, "role": "member"}
    assert own.send("POST", "memberships", body).status_code == 201
    membership = MembershipFactory(alliance=foreign_alliance, unit=unit)
    found = own.errors("PATCH", f"memberships/{membership.slug}", {"alliance": alliance.slug}, 403, **any_version)
    assert found == {"/alliance": "foreign"}


def test_a_bulk_with_one_foreign_record_changes_none(street: Any):
    own, foreign = sender(street=street), StreetFactory()
    rows = [AllianceFactory(street=street), AllianceFactory(street=foreign)]
    items = [
        {"slug": row.slug, "name": "改名", "updated_at": f"{row.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}"} for row in rows
    ]
    own.errors("PATCH", "alliances/bulk", {"items": items}, 403)
    assert not Alliance.objects.filter(name="改名").exists()


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("read", 403), ("appointed to nothing", 403), ("write", 201)]
)
def test_writing_needs_somebody_a_scope_and_an_appointment(who: str, status: int, street: Any):
    if who == "nobody":
        person = Sender()
    elif who == "appointed to nothing":
        token = TokenFactory.build(user=UserFactory(), scopes=["read", "write"])
        person = Sender(token.set_secret())
        token.save()
    else:
        person = sender("read", *({who} - {"read"}), street=street)
    body = {"change_reason": "test", "name": "新联盟", "kind": "alliance", "status": "active", "street": street.code}
    response = person.send("POST", "alliances", body)
    assert response.status_code == status, response.content.decode()
    assert Alliance.objects.filter(name="新联盟").exists() == (status == 201)


def test_an_answer_that_was_kept_is_not_given_to_another_token(street: Any):
    user = UserFactory()
    first, second = (sender(user=user, street=place) for place in (street, StreetFactory()))
    body = {"change_reason": "test", "name": "新联盟", "kind": "alliance", "status": "active", "street": street.code}
    key = {"Idempotency-Key": "same"}
    assert first.send("POST", "alliances", body, **key).status_code == 201
    assert first.send("POST", "alliances", body, **key).headers["Idempotent-Replayed"] == "true"
    assert second.send("POST", "alliances", body, **key).status_code == 422
