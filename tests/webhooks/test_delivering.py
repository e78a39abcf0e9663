"""What receivers are told: of which changes, in which order, signed how, and how often."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from apps.common.models.logged_change import LoggedChange
from apps.history import feed
from apps.registry.models import Alliance, MemberUnit
from apps.webhooks import actions, delivering, matching
from apps.webhooks.models import Attempt, Message, Subscription
from tests import factories
from tests.history.conftest import unique
from tests.webhooks.conftest import HORIZON_AS_IT_IS, Receiver, deliver, make, remove, settled

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def subscribe(owner: Any, receiver: Receiver) -> Callable[..., Subscription]:
    """Return a function that subscribes the owner to a resource."""

    def make(resource: str = "alliances", /, by: Any = owner, **filters: str) -> Subscription:
        return actions.subscribe(by=by, resource=resource, filters=filters, endpoint=receiver.url)

    return make


def ids_of(resource: str) -> list[int]:
    """Return the internal keys of all records of a resource."""
    return list(matching.viewsets()[resource].queryset.model._base_manager.values_list("pk", flat=True))


def let_time_pass() -> None:
    """Make due what waits."""
    Message.objects.update(next_attempt_at=timezone.now())


# What is told ---------------------------------------------------------------------------------------------------------


def test_a_message_is_signed_and_says_no_more_than_which_record_changed(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    make(factories.AllianceFactory, slug=unique("before"))
    subscription = subscribe()
    alliance = make(factories.AllianceFactory, slug=unique("told"), summary="不外传")
    deliver()
    (message,) = receiver.received
    assert message.path == "/hook?from=registry"
    assert Webhook(actions.secret_of(subscription)).verify(message.body, message.headers) == message.content
    assert message.content["type"] == "records.changed"
    assert message.content["data"]["subscription"] == subscription.key
    (item,) = message.content["data"]["items"]
    entry = LoggedChange.objects.get(number=item.pop("number"))
    assert (entry.key, entry.operation) == (alliance.slug, "insert")
    assert item == {
        "at": item["at"],
        "request_id": entry.request_id,
        "client_request_id": "",
        "resource": "alliances",
        "key": alliance.slug,
        "url": f"/api/v1/alliances/{alliance.slug}",
        "operation": "insert",
    }
    assert deliver() == "partybuild: 0 sent\n"
    assert len(receiver.received) == 1


def test_a_forged_message_does_not_verify(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    subscription, other = subscribe(), subscribe("awards")
    make(factories.AllianceFactory, slug=unique("forged"))
    deliver()
    (message,) = receiver.received
    with pytest.raises(WebhookVerificationError):
        Webhook(actions.secret_of(subscription)).verify(message.body + b" ", message.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(actions.secret_of(other)).verify(message.body, message.headers)


def test_after_a_rotation_both_secrets_verify_for_a_day(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    subscription = subscribe()
    former = actions.secret_of(subscription)
    secret = actions.secret_of(actions.rotate(subscription=subscription))
    assert secret != former
    make(factories.AllianceFactory, slug=unique("both"))
    deliver()
    for key in (former, secret):
        Webhook(key).verify(receiver.received[0].body, receiver.received[0].headers)
    Subscription.objects.update(former_until=timezone.now())
    make(factories.AllianceFactory, slug=unique("new"))
    deliver()
    Webhook(secret).verify(receiver.received[1].body, receiver.received[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(former).verify(receiver.received[1].body, receiver.received[1].headers)


def test_while_the_service_changes_its_key_receivers_need_not_do_anything(
    subscribe: Callable[..., Subscription], receiver: Receiver, settings: Any
) -> None:
    secret = actions.secret_of(subscribe())
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-key-of-the-service-0123456789", [settings.SECRET_KEY]
    make(factories.AllianceFactory, slug=unique("key"))
    deliver()
    Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)


def test_who_reads_what_is_published_is_told_of_publishing_and_withdrawing_and_of_no_draft(
    subscribe: Callable[..., Subscription], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "may_subscribe", lambda user: True)
    subscribe(by=factories.UserFactory(username="hook-reader", is_staff=False))
    alliance = make(factories.AllianceFactory, slug=unique("draft"), state="draft")
    rows = Alliance.objects.filter(pk=alliance.pk)
    rows.update(summary="草稿")
    rows.update(state="submitted")
    deliver()
    assert receiver.received == []
    rows.update(state="published")
    deliver()
    rows.update(summary="公开")
    deliver()
    rows.update(state="submitted")
    deliver()
    rows.update(state="draft")
    rows.update(summary="又是草稿")
    deliver()
    assert receiver.told == [(alliance.slug, operation) for operation in ("insert", "update", "delete")]


def test_who_keeps_the_registry_is_told_of_drafts(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    subscribe()
    draft = make(factories.AllianceFactory, slug=unique("draft"), state="draft")
    deliver()
    assert receiver.told == [(draft.slug, "insert")]


def test_a_filter_tells_of_what_comes_into_the_list_stays_in_it_and_leaves_it(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    here, there = (make(factories.DistrictFactory, code=code) for code in ("990101", "990102"))
    subscribe(kind="alliance,committee", district=here.code)
    alliance = make(factories.AllianceFactory, slug=unique("moving"), kind="alliance", district=there, summary="先")
    other = make(factories.AllianceFactory, slug=unique("other"), kind="pair", district=here, summary="先")
    deliver()
    assert receiver.received == []
    for change in ({"district": here}, {"summary": "留"}, {"kind": "pair"}, {"summary": "外"}, {"kind": "committee"}):
        with transaction.atomic():
            Alliance.objects.filter(pk=alliance.pk).update(**change)
            alliance.refresh_from_db()
            factories.rest(alliance)
        deliver()
    Alliance.objects.filter(pk=other.pk).update(summary="外")
    remove(alliance, other)
    deliver()
    operations = ["insert", "update", "delete", "insert", "delete"]
    assert receiver.told == [(alliance.slug, operation) for operation in operations]


def test_of_a_deleted_record_is_told_though_what_the_filter_looks_at_is_gone_with_it(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    alliance = make(factories.AllianceFactory, slug=unique("whole"))
    subscribe("member-units", alliance=alliance.slug)
    subscribe("memberships", alliance=alliance.slug)
    membership = make(factories.MembershipFactory, alliance=alliance, slug=unique("part"), unit__summary="先")
    unit = membership.unit
    MemberUnit.objects.filter(pk=unit.pk).update(summary="成员")
    deliver()
    assert sorted(receiver.told) == sorted([(unit.slug, "insert"), (unit.slug, "update"), (membership.slug, "insert")])
    receiver.received.clear()
    remove(membership, alliance, unit)
    deliver()
    assert sorted(receiver.told) == sorted([(unit.slug, "delete"), (membership.slug, "delete")])


@pytest.mark.parametrize(
    ("resource", "filters"),
    [
        ("alliances", {}),
        ("alliances", {"within": "districts/310110"}),
        ("alliances", {"q": "联"}),
        ("member-units", {"q": "daxue"}),
        ("member-units", {"kind": "university,hospital"}),
        ("streets", {"district": "310110"}),
        ("citations", {"article": "quyanglu-2023"}),
    ],
)
def test_a_list_is_the_same_over_a_row_that_is_put_back(
    transactional_db: None, resource: str, filters: dict[str, str]
) -> None:
    shown = matching.shown_now(resource, filters, None, ids_of(resource))
    table = matching.viewsets()[resource].queryset.model._meta.db_table
    newest = LoggedChange.objects.filter(table_name=table).order_by("record_id", "-number").distinct("record_id")
    rows = [entry.after for entry in newest if entry.after is not None]
    assert shown
    assert matching.shown_before(resource, filters, None, rows) == shown


def test_a_change_of_a_link_is_one_of_its_record(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    event, project = (
        make(factories.EventFactory, slug=unique("event")),
        make(factories.ProjectFactory, slug=unique("project")),
    )
    subscribe("events")
    with transaction.atomic():
        event.projects.add(project)
        factories.rest(event)
    deliver()
    assert receiver.told == [(event.slug, "update")]


# In which order, and how often ----------------------------------------------------------------------------------------


def test_of_many_changes_all_are_told_once_in_their_order(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    subscribe("member-units")
    slugs = [unique("many") for _number in range(250)]
    MemberUnit.objects.bulk_create([MemberUnit(slug=slug, name="单位", kind="company") for slug in slugs])
    deliver()
    assert receiver.told == [(slug, "insert") for slug in slugs]
    numbers = [item["number"] for each in receiver.received for item in each.content["data"]["items"]]
    assert numbers == sorted(set(numbers))
    assert len(receiver.received) == 3


def test_writers_that_commit_out_of_order_are_both_told(
    subscribe: Callable[..., Subscription], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "horizon", HORIZON_AS_IT_IS)
    early, late = (make(factories.DistrictFactory, code=code) for code in ("990301", "990302"))
    (behind, _epoch), deadline = settled(), time.monotonic() + 30
    while feed.horizon()[0] < behind and time.monotonic() < deadline:  # others on the server may hold it back
        time.sleep(0.05)
    subscribe("districts")
    parameters = connection.get_connection_params() | {"cursor_factory": None}
    with psycopg.connect(**parameters) as first, psycopg.connect(**parameters) as second:
        first.execute("UPDATE registry_district SET name = '先' WHERE id = %s", [early.pk])
        second.execute("UPDATE registry_district SET name = '后' WHERE id = %s", [late.pk])
        second.commit()
        deliver()
        assert receiver.told == []  # the first is still open, and was begun before
        first.commit()
    deadline = time.monotonic() + 30
    while len(receiver.told) < 2 and time.monotonic() < deadline:  # others on the server may hold the horizon back
        deliver()
    assert sorted(receiver.told) == [(early.code, "update"), (late.code, "update")]


def test_a_message_that_is_not_taken_is_sent_again_before_those_behind_it(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    subscription = subscribe()
    receiver.answers = [(500, {}), (429, {"Retry-After": "3600"})]
    first = make(factories.AllianceFactory, slug=unique("first"))
    deliver()
    second = make(factories.AllianceFactory, slug=unique("second"))
    assert deliver() == "partybuild: 0 sent\n"
    let_time_pass()
    deliver()
    (message,) = subscription.messages.all()
    assert message.next_attempt_at > timezone.now() + timedelta(minutes=59)
    let_time_pass()
    deliver()
    assert receiver.told == [(first.slug, "insert")] * 3 + [(second.slug, "insert")]
    ids = [each.headers["webhook-id"] for each in receiver.received]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert receiver.received[0].body == receiver.received[2].body
    results = list(Attempt.objects.order_by("pk").values_list("result", "status"))
    assert results == [("refused", 500), ("refused", 429), ("delivered", 204), ("delivered", 204)]


def test_a_sender_that_dies_before_it_notes_the_answer_sends_the_same_again(
    subscribe: Callable[..., Subscription], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe()
    alliance = make(factories.AllianceFactory, slug=unique("twice"))
    with monkeypatch.context() as patched:
        patched.setattr(delivering, "_record", lambda *args: sys.exit("killed"))
        with pytest.raises(SystemExit):
            deliver()
    deliver()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.told == [(alliance.slug, "insert")]
    assert deliver() == "partybuild: 0 sent\n"


def test_after_three_days_a_subscription_has_failed_and_goes_on_where_it_stood(
    subscribe: Callable[..., Subscription], receiver: Receiver
) -> None:
    subscription = subscribe()
    first = make(factories.AllianceFactory, slug=unique("first"))
    receiver.answers = [(503, {}), (503, {})]
    deliver()
    Message.objects.update(first_attempt_at=timezone.now() - timedelta(days=3), next_attempt_at=timezone.now())
    deliver()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.cause) == ("failed", "undelivered")
    second = make(factories.AllianceFactory, slug=unique("second"))
    let_time_pass()
    assert deliver() == "partybuild: 0 sent\n"
    receiver.received.clear()
    actions.resume(subscription=subscription)
    deliver()
    assert receiver.told == [(first.slug, "insert"), (second.slug, "insert")]


def test_410_ends_a_subscription(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    subscription = subscribe()
    receiver.answers = [(410, {})]
    make(factories.AllianceFactory, slug=unique("gone"))
    deliver()
    make(factories.AllianceFactory, slug=unique("after"))
    let_time_pass()
    deliver()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.cause, len(receiver.received)) == ("ended", "gone", 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_a_failure_and_not_followed(
    subscribe: Callable[..., Subscription], receiver: Receiver, status: int
) -> None:
    subscription = subscribe()
    receiver.answers = [(status, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})]
    make(factories.AllianceFactory, slug=unique("redirected"))
    deliver()
    assert [each.path for each in receiver.received] == ["/hook?from=registry"]
    (message,) = subscription.messages.all()
    assert (message.state, message.attempts.get().result) == ("pending", "redirected")


def test_whoever_may_not_write_any_more_is_told_nothing(
    subscribe: Callable[..., Subscription], receiver: Receiver, owner: Any
) -> None:
    subscription = subscribe()
    make(factories.AllianceFactory, slug=unique("secret"))
    type(owner).objects.filter(pk=owner.pk).update(is_superuser=False)
    deliver()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.cause, receiver.received) == ("ended", "rights", [])


def test_of_two_senders_one_serves_a_subscription(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    subscription = subscribe()
    make(factories.AllianceFactory, slug=unique("shared"))
    parameters = connection.get_connection_params() | {"cursor_factory": None}
    with psycopg.connect(**parameters) as other:
        other.execute("SELECT pg_advisory_lock(%s::int, %s::int)", [delivering.LOCKS, subscription.pk])
        assert delivering.serve(subscription.pk) == 0
        other.execute("SELECT pg_advisory_unlock_all()")
    assert delivering.serve(subscription.pk) == 1
    assert len(receiver.received) == 1


def test_a_test_goes_out_at_once_and_once(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    subscription = subscribe()
    receiver.answers = [(500, {}), (500, {})]
    make(factories.AllianceFactory, slug=unique("waiting"))
    deliver()
    actions.send_test(subscription=subscription)
    deliver()
    let_time_pass()
    assert receiver.received[1].content["type"] == "webhook.test"
    deliver()
    assert [each.content["type"] for each in receiver.received[2:]] == ["records.changed"]
    test = subscription.messages.get(kind=Message.Kind.TEST)
    assert test.state == "failed"
    actions.send_again(message=test)
    deliver()
    test.refresh_from_db()
    assert test.state == "delivered"


def test_after_a_restore_a_receiver_is_told_to_start_anew(
    subscribe: Callable[..., Subscription], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe()
    make(factories.AllianceFactory, slug=unique("lost"))
    here = feed.horizon
    monkeypatch.setattr(feed, "horizon", lambda: (here()[0], "another"))
    deliver()
    alliance = make(factories.AllianceFactory, slug=unique("kept"))
    deliver()
    assert [each.content["type"] for each in receiver.received] == ["webhook.reset", "records.changed"]
    assert receiver.received[1].told == [(alliance.slug, "insert")]


def test_the_command_delivers_until_it_is_stopped(subscribe: Callable[..., Subscription], receiver: Receiver) -> None:
    name = connection.settings_dict["NAME"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "WEBHOOKS_TO_LOOPBACK": "true",
    }
    Subscription.objects.all().delete()
    with subprocess.Popen(
        [sys.executable, "manage.py", "deliver", "--interval", "0.1"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "partybuild: delivering\n"
            # A test, since changes of others on the server may hold the feed back.
            actions.send_test(subscription=subscribe())
            deadline = time.monotonic() + 60
            while not receiver.received and time.monotonic() < deadline:
                time.sleep(0.05)
            assert receiver.received[0].content["type"] == "webhook.test"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
