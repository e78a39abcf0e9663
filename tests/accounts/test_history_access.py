"""Rights and the change log: who wrote is told, and the history shows nobody more than the registry does."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from apps.common.models.logged_change import LoggedChange
from apps.common.writing.transaction import write_transaction
from apps.history import feed
from tests.accounts.test_access import Sender, sender
from tests.commits import commit_now
from tests.factories import AllianceFactory, AppointmentFactory, StreetFactory, TokenFactory, UserFactory, rest

pytestmark = pytest.mark.django_db
FAR = 2**62


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own transaction count as over."""
    monkeypatch.setattr(feed, "horizon", lambda: (FAR, "1"))


@pytest.fixture
def street() -> Any:
    return StreetFactory()


@pytest.mark.parametrize("how", ["POST", "PATCH", "PUT", "DELETE", "bulk", "import"])
def test_a_write_is_logged_with_its_user_token_request_and_reason(how: str, street: Any):
    appointment: Any = AppointmentFactory(role="curator", street=street, user=UserFactory())
    token: Any = TokenFactory.build(user=appointment.user, scopes=["read", "write"])
    person = Sender(token.set_secret())
    token.save()
    token.appointments.set([appointment])
    alliance = AllianceFactory(street=street, cited=False, state="draft")
    path, tag = f"alliances/{alliance.slug}", {"If-Match": "*"}
    new = {"name": "新联盟", "kind": "alliance", "status": "active", "street": street.code}
    reason = {"change_reason": f"因为{how}"}
    last = LoggedChange.objects.latest("number").number
    if how == "import":
        response = Client(SERVER_NAME="localhost").generic(
            "POST",
            f"/api/v1/alliances/import?change_reason={quote(reason['change_reason'])}",
            f"name,kind,status,street\n新联盟,alliance,active,{street.code}\n",
            "text/csv",
            headers=person.headers,
        )
    elif how == "bulk":
        response = person.send("POST", "alliances/bulk", {"items": [new], **reason})
    elif how == "POST":
        response = person.send("POST", "alliances", {**new, **reason})
    elif how == "PUT":
        response = person.send("PUT", path, {**new, **reason}, **tag)
    elif how == "PATCH":
        response = person.send("PATCH", path, {"name": "改名", **reason}, **tag)
    else:
        response = person.send("DELETE", path, reason, **tag)
    assert response.status_code < 300, response.content.decode()
    entries = LoggedChange.objects.filter(number__gt=last)
    assert {(entry.table_name, entry.user_id, entry.token, entry.request_id, entry.reason) for entry in entries} == {
        (
            "registry_alliance",
            appointment.user.pk,
            token.key,
            response.headers["X-Request-ID"],
            reason["change_reason"],
        )
    }


def test_a_draft_has_a_history_for_those_who_may_edit_it(street: Any):
    own, other, nobody = sender(street=street), sender(street=StreetFactory()), Sender()
    draft = AllianceFactory(street=street, cited=False, state="draft", name="第一名")
    draft.name = "第二名"
    draft.save()
    path = f"alliances/{draft.slug}/history"
    assert [item["operation"] for item in own.get(path)["results"]] == ["update", "insert"]
    assert other.send("GET", path).status_code == nobody.send("GET", path).status_code == 404
    number = LoggedChange.objects.filter(record_id=draft.pk, table_name="registry_alliance").first().number

    def told(person: Sender) -> list[Any]:
        since = quote(f"{commit_now() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
        address, found = f"changes?resource=alliances&since={since}&page_size=200", []
        while True:
            page = person.get(address)
            found += [item for item in page["items"] if item["key"] == draft.slug and item["number"] >= number]
            if not page["more"]:
                return found
            address = page["next"].removeprefix("/api/v1/")

    assert [(item["state"], item["data"]["name"]) for item in told(own)] == [
        ("updated", "第一名"),
        ("updated", "第二名"),
    ]
    assert told(other) == told(nobody) == []


def test_the_past_shows_a_draft_to_those_who_may_edit_it(street: Any):
    own, other, nobody = sender(street=street), sender(street=StreetFactory()), Sender()
    draft = AllianceFactory(street=street, cited=False, state="draft")
    instant = quote(f"{commit_now():%Y-%m-%dT%H:%M:%S.%fZ}")
    path = f"alliances/{draft.slug}?known_at={instant}"
    assert [each.send("GET", path).status_code for each in (own, other, nobody)] == [200, 404, 404]
    path = f"alliances?street={street.code}&known_at={instant}"
    assert [each.keys(path) for each in (own, other, nobody)] == [{draft.slug}, set(), set()]


def test_only_who_may_edit_all_that_a_request_changed_takes_it_back(street: Any):
    own, other = sender(street=street), sender(street=StreetFactory())
    reader = sender("read", street=street)
    steward = sender("read", "write", "steward", role="steward")
    alliance: Any = AllianceFactory(street=street, name="甲")
    foreign: Any = AllianceFactory(street=StreetFactory(), name="乙")
    for request_id, records in [("one", [alliance]), ("both", [alliance, foreign])]:
        with write_transaction(request_id=request_id):
            for record in records:
                record.name += request_id
                record.save()
            rest(*records)
    reason = {"change_reason": "误改"}
    for person, request_id in [(other, "both"), (own, "both"), (reader, "both"), (other, "one")]:
        for query in ("", "?dry_run=true"):
            assert person.send("POST", f"changes/{request_id}/revert{query}", reason).status_code == 403
    assert Sender().send("POST", "changes/both/revert", reason).status_code == 401
    alliance.refresh_from_db()
    assert alliance.name == "甲oneboth"
    assert steward.send("POST", "changes/both/revert", reason).status_code == 200
    done = own.send("POST", "changes/one/revert", reason)
    assert done.status_code == 200, done.content.decode()
    alliance.refresh_from_db()
    foreign.refresh_from_db()
    assert (alliance.name, foreign.name) == ("甲", "乙")


def test_taking_back_moves_nothing_into_or_out_of_a_territory(street: Any):
    """What moved a record between two streets is taken back only by who may edit both."""
    next_street = StreetFactory(district=street.district)
    one, two, whole = sender(street=street), sender(street=next_street), sender(district=street.district)
    alliance = AllianceFactory(street=street)
    with write_transaction(request_id="moved"):
        alliance.street = next_street
        alliance.save()
    reason = {"change_reason": "误改"}
    assert [each.send("POST", "changes/moved/revert", reason).status_code for each in (one, two)] == [403, 403]
    assert whole.send("POST", "changes/moved/revert", reason).status_code == 200
    alliance.refresh_from_db()
    assert alliance.street == street
