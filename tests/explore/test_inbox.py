"""What waits for whom: the inbox over HTTP, and the queue on the curators' pages."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange
from apps.common.writing.transaction import write_transaction
from apps.evidence.models import Review
from apps.explore.inbox.waiting import inbox
from tests import factories
from tests.accounts.test_access import Sender, sender
from tests.evidence.test_review import House, change, state_of
from tests.factories import AllianceFactory, AppointmentFactory, StreetFactory, UnitNameFactory
from tests.saying import say, saying

pytestmark = pytest.mark.django_db
DRAFT: dict[str, Any] = {"state": "draft", "cited": False}


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def by_two(settings: Any) -> None:
    settings.REVIEW_BY_TWO = True


def counts(person: Sender) -> dict[str, int]:
    """Return how much waits for somebody of each kind of which there is some."""
    return {kind: number for kind, number in person.get("inbox")["counts"].items() if number}


def waits(person: Sender) -> list[tuple[str, str]]:
    """Return what waits for somebody, in its order: kind and slug."""
    return [(item["kind"], item["record"]["key"]) for item in person.get("inbox")["results"]]


def submitted_by(user: User, **values: Any) -> Any:
    """Return another name of a unit that a user has submitted."""
    row: Any = UnitNameFactory(state="draft", **values)
    with write_transaction(user=user, reason="请审核"):
        row.state = "submitted"
        row.save()
    return row


def test_nobody_in_particular_has_no_inbox() -> None:
    assert Sender().send("GET", "inbox").status_code == 401
    assert Sender().send("POST", "inbox/reviews", {}).status_code == 401


def test_what_is_submitted_waits_for_who_may_publish_it_and_for_who_submitted_it(house: House) -> None:
    first = submitted_by(house.users[0], unit=house.unit)
    second = submitted_by(house.users[0], unit=house.unit)
    draft: Any = UnitNameFactory(unit=house.unit, **DRAFT)
    steward = sender("read", "steward", role="steward")
    other, stranger = sender(street=StreetFactory()), sender(role="representative", unit=factories.MemberUnitFactory())
    queue = [("to_publish", first.slug), ("to_publish", second.slug)]
    assert waits(house.curator) == waits(house.second) == waits(steward) == queue
    own = [("draft", draft.slug), ("submitted", first.slug), ("submitted", second.slug)]
    assert waits(house.representative) == own
    assert waits(other) == waits(stranger) == []
    assert counts(house.representative) == {"draft": 1, "submitted": 2}


def test_an_item_says_who_and_why_and_names_no_account(house: House) -> None:
    row = submitted_by(house.users[0], unit=house.unit)
    answer = house.curator.send("GET", "inbox")
    (item,) = answer.json()["results"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert house.users[0].username not in answer.content.decode()
    assert (item["by"], item["reason"]) == (house.unit.name, "请审核")
    url = f"/api/v1/unit-names/{row.slug}"
    assert item["record"] == {"resource": "unit-names", "key": row.slug, "name": row.name, "url": url}
    assert item["since"].endswith("Z")
    assert [(each["name"], each["method"], each["url"]) for each in item["actions"]] == [
        ("publish", "PATCH", url),
        ("send_back", "PATCH", url),
    ]


def test_the_actions_of_an_item_do_what_they_say(house: House) -> None:
    row: Any = UnitNameFactory(unit=house.unit, **DRAFT)
    say(row)

    def act(person: Sender, name: str) -> None:
        (item,) = [each for each in person.get("inbox")["results"] if each["record"]["key"] == row.slug]
        (action,) = [each for each in item["actions"] if each["name"] == name]
        path = action["url"].removeprefix("/api/v1/")
        tag = person.send("GET", path).headers["ETag"]
        body = {**action["body"], "change_reason": f"因为{name}"}
        answer = person.send(action["method"], path, body, **{"if-match": tag})
        assert answer.status_code == 200, answer.content.decode()

    states = []
    for person, name in (
        (house.representative, "submit"),
        (house.representative, "take_back"),
        (house.representative, "submit"),
        (house.curator, "send_back"),
        (house.representative, "submit"),
        (house.curator, "publish"),
    ):
        act(person, name)
        states.append(state_of(row))
        if name == "send_back":  # why it came back
            assert house.representative.get("inbox")["results"][0]["reason"] == "因为send_back"
    assert states == ["submitted", "draft", "submitted", "draft", "submitted", "published"]
    assert waits(house.representative) == waits(house.curator) == []


def test_a_page_leads_to_the_next_and_to_nobody_elses(house: House) -> None:
    rows = [submitted_by(house.users[0], unit=house.unit) for _number in range(5)]
    found, address = [], "inbox?page_size=2"
    while address:
        page = house.curator.get(address)
        found += [item["record"]["key"] for item in page["results"]]
        assert page["counts"]["to_publish"] == 5
        address = (page["next"] or "").removeprefix("/api/v1/")
    assert found == [row.slug for row in rows]
    cursor = house.curator.get("inbox?page_size=2")["next_cursor"]
    assert house.second.send("GET", f"inbox?cursor={cursor}").status_code == 400
    for wrong in ("x", "%00", cursor[:-1]):
        assert house.curator.send("GET", f"inbox?cursor={wrong}").status_code == 400
    assert house.curator.send("GET", "inbox?sort=since").status_code == 400


def test_one_who_both_keeps_and_represents_has_both(house: House) -> None:
    street: Any = StreetFactory()
    AppointmentFactory(user=house.users[0], role="curator", street=street)
    name = submitted_by(house.users[0], unit=house.unit)
    there: Any = AllianceFactory(street=street, state="submitted")
    AllianceFactory(street=street, **DRAFT)  # a curator's drafts are no errand
    found = [(each.waits, each.pk) for each in inbox(User.objects.get(pk=house.users[0].pk), 10).rows]
    assert found == [("to_publish", there.pk), ("submitted", name.pk)]


def test_no_kind_of_record_costs_a_query_of_its_own(house: House) -> None:
    submitted_by(house.users[0], unit=house.unit)
    house.curator.get("inbox")
    with CaptureQueriesContext(
        connection,
    ) as few:
        house.curator.get("inbox")
    for factory in (factories.EventFactory, factories.ProjectFactory, factories.AllianceFactory):
        factory(street=house.street, state="submitted")
    with CaptureQueriesContext(connection) as more:
        assert len(house.curator.get("inbox")["results"]) == 4
    assert len(more) == len(few)


# With a second curator -----------------------------------------------------------------------------------------------


def test_what_one_entered_waits_for_others(by_two: None, house: House) -> None:
    made = house.curator.send("POST", "unit-names", house.name(state="submitted"))
    slug = made.json()["slug"]
    assert waits(house.second) == [("to_publish", slug)]
    assert waits(house.curator) == [("submitted", slug)]
    found = inbox(User.objects.get(pk=house.users[1].pk), 1).counts
    assert {kind: number for kind, number in found.items() if number} == {"submitted": 1}


def test_a_change_is_listed_until_another_has_looked_at_it(by_two: None, house: House) -> None:
    row: Any = UnitNameFactory(unit=house.unit)
    change(house.curator, row, name="后改的名", citations=[house.citation()])
    assert (waits(house.second), waits(house.curator), waits(house.representative)) == (
        [("to_review", row.slug)],
        [],
        [],
    )
    (action,) = house.second.get("inbox")["results"][0]["actions"]
    path = action["url"].removeprefix("/api/v1/")
    body = action["body"]
    assert (action["method"], path) == ("POST", "inbox/reviews")

    def refused(person: Sender, status: int, **more: Any) -> dict[str, str]:
        answer = person.send("POST", path, {**body, **more})
        assert answer.status_code == status, answer.content.decode()
        return {each["pointer"]: each["code"] for each in answer.json()["errors"]}

    assert refused(house.curator, 403) == {"/change": "second_curator"}
    assert refused(house.representative, 403) == {"/change": "may_not_publish"}
    assert refused(house.second, 409, change=body["change"] + 1) == {"/change": "stale"}
    assert refused(house.second, 400, key="nonesuch") == {"/key": "unknown_key"}
    assert refused(house.second, 400, key="a\0b") == {"/key": "invalid_text"}
    assert refused(house.second, 400, resource="marks") == {"/resource": "unknown_key"}
    assert Review.objects.count() == 0
    answer = house.second.send("POST", path, body, **{"idempotency-key": "once"})
    assert (answer.status_code, answer.json()["change"]) == (201, body["change"])
    assert house.second.send("POST", path, body, **{"idempotency-key": "once"}).content == answer.content
    assert refused(house.second, 409) == {"/change": "stale"}
    assert waits(house.second) == []
    change(house.second, row, name="改过的名", citations=[house.citation(1)])
    assert (waits(house.second), waits(house.curator)) == ([], [("to_review", row.slug)])


def test_without_a_second_curator_changes_are_not_listed(house: House) -> None:
    change(house.curator, UnitNameFactory(unit=house.unit), name="后改的名", citations=[house.citation()])
    assert waits(house.second) == []


def test_the_publication_is_no_change_to_be_looked_at(by_two: None, house: House) -> None:
    row = submitted_by(house.users[0], unit=house.unit, cited=False)
    say(row)
    change(house.curator, row, state="published")
    assert waits(house.second) == []


# The curators' pages -------------------------------------------------------------------------------------------------

QUEUE = "/admin/queue/"


def of(user: User) -> Client:
    """Return a client in which a user is logged in to the admin."""
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
    client.force_login(User.objects.get(pk=user.pk))
    return client


def form_of(page: str, row: Any) -> dict[str, str]:
    """Return what the form of a record sends without a button."""
    (form,) = re.findall(rf'<form[^>]* id="{row.resource}{row.slug}".*?</form>', page, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="(record|version|number)" value="([^"]*)"', form))


def press(client: Client, row: Any, do: str, **more: str) -> str:
    """Press a button of the queue; return what it says then."""
    given = form_of(client.get(QUEUE).content.decode(), row)
    return client.post(QUEUE, {**given, "do": do, **more}, follow=True).content.decode()


def test_a_curator_publishes_from_the_queue_in_two_clicks(house: House) -> None:
    row = submitted_by(house.users[0], unit=house.unit)
    client = of(house.users[1])
    first = client.get(reverse("admin:index")).content.decode()
    assert f'href="{QUEUE}"' in first
    assert row.name in first
    page = client.get(QUEUE).content.decode()
    for told in (row.name, house.unit.name, house.users[0].username, "请审核"):
        assert told in page
    assert "text not attached" in page  # the place of the sentence, where its words are not at hand
    row.citations.all().delete()
    say(row)
    assert "text not attached" not in client.get(QUEUE).content.decode()
    assert "Published" in press(client, row, "publish")
    assert state_of(row) == "published"
    entry = LoggedChange.objects.filter(table_name="registry_unitname", record_id=row.pk).latest("number")
    assert entry.user_id == house.users[1].pk
    assert row.name not in client.get(reverse("admin:index")).content.decode().partition("content-related")[0]


def test_what_is_returned_says_why(house: House) -> None:
    row = submitted_by(house.users[0], unit=house.unit)
    client = of(house.users[1])
    assert "why it is sent back" in press(client, row, "send_back", reason=" ")
    assert state_of(row) == "submitted"
    press(client, row, "send_back", reason="名称不全")
    assert state_of(row) == "draft"
    assert house.representative.get("inbox")["results"][0]["reason"] == "名称不全"
    client = of(house.users[0])
    assert "名称不全" in client.get(QUEUE).content.decode()
    press(client, row, "submit")
    assert state_of(row) == "submitted"
    press(client, row, "take_back")
    assert state_of(row) == "draft"


def test_nothing_is_published_that_changed_since_it_was_shown(house: House) -> None:
    row = submitted_by(house.users[0], unit=house.unit, cited=False)
    client = of(house.users[1])
    for changed in ({"name": "后改的名"}, {"citations": [house.citation(8)]}):
        shown = form_of(client.get(QUEUE).content.decode(), row)
        change(house.representative, row, **changed)
        page = client.post(QUEUE, {**shown, "do": "publish"}, follow=True).content.decode()
        assert "has changed since you saw it" in page
        assert state_of(row) == "submitted"
    press(client, row, "publish")
    assert state_of(row) == "published"


def test_the_pages_let_nobody_publish_who_may_not(house: House) -> None:
    row = submitted_by(house.users[0], unit=house.unit)
    own = of(house.users[0])
    assert "curator of the place" in press(own, row, "publish")
    stranger: Any = AppointmentFactory(role="curator", street=StreetFactory(), user=factories.UserFactory())
    shown = form_of(of(house.users[1]).get(QUEUE).content.decode(), row)
    for do in ("publish", "send_back", "take_back", "submit", "confirm", "", "x"):
        page = of(stranger.user).post(QUEUE, {**shown, "do": do, "reason": "r"}, follow=True).content.decode()
        assert "There is no such record any more." in page
    for wrong in ({}, {"record": "x"}, {"record": "marks/x"}, {"record": "unit-names/\0"}, {"version": "\0"}):
        answer = own.post(QUEUE, {**shown, "do": "publish", **wrong} if wrong else {}, follow=True)
        assert answer.status_code == 200
    assert own.get(f"{QUEUE}?cursor=x").status_code == 200
    assert state_of(row) == "submitted"


def test_a_second_curator_looks_at_changes_on_the_page(by_two: None, house: House) -> None:
    row: Any = UnitNameFactory(unit=house.unit, name="先前的名")
    given = {"name": "后改的名", "kind": "official"}
    change(house.curator, row, **given, citations=[saying(type(row), given, ["kind", "name"])])
    client = of(house.users[2])
    page = client.get(QUEUE).content.decode()
    assert "<td>先前的名</td><td>后改的名</td>" in page
    press(client, row, "confirm")
    assert Review.objects.get().by_id == house.users[2].pk
    assert "Nothing waits for you." in client.get(QUEUE).content.decode()


def test_who_was_appointed_to_nothing_sees_an_empty_queue() -> None:
    client = of(factories.UserFactory())
    assert "queue-box" not in client.get(reverse("admin:index")).content.decode()
    assert "Nothing waits for you." in client.get(QUEUE).content.decode()


def test_the_list_action_and_the_forms_of_a_representative_publish_nothing(house: House) -> None:
    row: Any = UnitNameFactory(unit=house.unit, state="draft")
    client = of(house.users[0])
    where = reverse("admin:registry_unitname_changelist")
    seen = client.get(where).context["seen_version"]
    given = {"action": "publish_selected", "_selected_action": [row.pk], "seen_version": seen}
    assert "curator of the place" in client.post(where, given, follow=True).content.decode()
    assert state_of(row) == "draft"
    shown: Any = UnitNameFactory(unit=house.unit, name="别名甲")
    citation = shown.citations.get()
    page = client.get(reverse("admin:registry_unitname_change", args=[shown.pk])).content.decode()
    assert "evidence-citation-content_type-object_id-TOTAL_FORMS" in page
    assert "evidence-citation-content_type-object_id-0-start" not in page  # to be read, not to be changed
    address = reverse("admin:evidence_citation_change", args=[citation.pk])
    assert "_save" not in client.get(address).content.decode()
    assert client.post(address, {"start": "1"}).status_code == 403
    assert (
        client.post(reverse("admin:evidence_citation_delete", args=[citation.pk]), {"post": "yes"}).status_code == 403
    )
    added = {
        "target": f"unit-names/{shown.slug}",
        "supports": "name",
        "article": house.article.pk,
        **{name: house.citation(1)[name] for name in ("start", "end", "sha256")},
    }
    answer = client.post(reverse("admin:evidence_citation_add"), added)
    assert "What a published record rests on" in answer.content.decode()
    assert shown.citations.count() == 1
