"""Subscriptions over HTTP and in the admin."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.webhooks import actions, sending
from apps.webhooks.models import Message, Subscription
from tests import factories
from tests.pages import carried

# Addresses alone are resolved here, for which nobody is asked.
pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]
ROOT = "/api/v1/webhooks"
ENDPOINT = "https://93.184.215.14/hook"
ASKED: dict[str, Any] = {"resource": "alliances", "filters": {"kind": "alliance"}, "endpoint": ENDPOINT}


def client_of(user: Any) -> Client:
    """Return a client of a user."""
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
    client.force_login(user)
    return client


def curator(username: str) -> Any:
    """Return a user who may write somewhere."""
    user: Any = factories.UserFactory(username=username, is_staff=True)
    factories.AppointmentFactory(user=user, role="curator", street=factories.StreetFactory())
    return user


@pytest.fixture
def owner() -> Any:
    """Return a user who may write."""
    return factories.UserFactory(username="owner", is_staff=True, is_superuser=True)


@pytest.fixture
def ask(owner: Any) -> Callable[..., Any]:
    """Return a function that asks as the owner."""
    client = client_of(owner)

    def send(method: str, path: str = "", body: Any = None, **parameters: str) -> Any:
        if method == "get":
            return client.get(f"{ROOT}{path}", parameters)
        return getattr(client, method)(f"{ROOT}{path}", json.dumps(body or {}), "application/json")

    return send


def test_a_secret_is_shown_when_it_is_made_and_never_again(ask: Callable[..., Any]) -> None:
    made = ask("post", body=ASKED)
    assert made.status_code == 201, made.content.decode()
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    assert made["Location"] == made.json()["url"]
    assert made["Cache-Control"] == "private, no-store"
    key = made.json()["key"]
    rotated = ask("post", f"/{key}/rotate").json()
    assert rotated["secret"] not in ("", secret)
    assert rotated["former_until"] is not None
    for path in ("", f"/{key}", f"/{key}/messages"):
        answer = ask("get", path)
        assert answer.status_code == 200
        assert "whsec_" not in answer.content.decode()
    row = Subscription.objects.get()
    stored = json.dumps([str(value) for value in vars(row).values()])
    assert secret.removeprefix("whsec_") not in stored


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        ({"resource": "alliance"}, "/resource", "alliances"),
        ({"filters": {"kinds": "alliance"}}, "/filters/kinds", "kind"),
        ({"filters": {"kind": "allianse"}}, "/filters/kind", "alliance"),
        ({"filters": {"district": "999999"}}, "/filters/district", "districts/999999"),
        ({"filters": {"kinds": ""}}, "/filters/kinds", "kind"),
        ({"filters": {"kind": ["a"]}}, "/filters/kind", ""),
        ({"filters": {"sort": "name"}}, "/filters/sort", ""),
        ({"filters": "kind"}, "/filters", ""),
        ({"endpoint": "https://127.0.0.1/"}, "/endpoint", "127.0.0.1"),
        ({"endpoint": "https://[::ffff:10.0.0.1]/"}, "/endpoint", ""),
        ({"endpoint": "http://93.184.215.14/"}, "/endpoint", "https"),
        ({"endpoint": "no address"}, "/endpoint", ""),
        ({"endpoint": None}, "/endpoint", ""),
        ({"endpoints": ENDPOINT}, "/endpoints", "endpoint"),
        ({"description": "two\nlines"}, "/description", "One line"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_place(
    ask: Callable[..., Any], change: dict[str, Any], pointer: str, said: str
) -> None:
    answer = ask("post", body={**ASKED, **change})
    assert answer.status_code == 400, answer.content.decode()
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert said in error["detail"]
    assert not Subscription.objects.exists()


def test_a_filter_with_an_empty_value_counts_as_not_given(ask: Callable[..., Any]) -> None:
    answer = ask("post", body={**ASKED, "filters": {"kind": "alliance", "district": ""}})
    assert (answer.status_code, answer.json()["filters"]) == (201, {"kind": "alliance"})
    assert Subscription.objects.get().filters == {"kind": "alliance"}


def test_whoever_may_not_write_may_not_subscribe_and_nobody_sees_anothers(ask: Callable[..., Any]) -> None:
    key = ask("post", body=ASKED).json()["key"]
    reader = client_of(factories.UserFactory(username="reader", is_staff=False))
    stranger = Client(SERVER_NAME="localhost")
    other = client_of(curator("other"))
    for path, methods in {
        "": ("get", "post"),
        f"/{key}": ("get", "delete"),
        f"/{key}/rotate": ("post",),
        f"/{key}/pause": ("post",),
        f"/{key}/resume": ("post",),
        f"/{key}/test": ("post",),
        f"/{key}/messages": ("get",),
        f"/{key}/messages/msg_1/send": ("post",),
    }.items():
        for method in methods:
            kwargs = {} if method == "get" else {"data": "{}", "content_type": "application/json"}
            for client in (reader, stranger):
                assert getattr(client, method)(f"{ROOT}{path}", **kwargs).status_code in (401, 403)
            if path:
                assert getattr(other, method)(f"{ROOT}{path}", **kwargs).status_code == 404
    assert other.get(ROOT).json() == {"results": []}
    assert Subscription.objects.get().key == key


def test_a_subscription_is_paused_resumed_and_ended(ask: Callable[..., Any]) -> None:
    key = ask("post", body=ASKED).json()["key"]
    assert ask("post", f"/{key}/resume").status_code == 409
    assert ask("post", f"/{key}/pause").json()["state"] == "paused"
    assert ask("post", f"/{key}/pause").status_code == 409
    assert ask("post", f"/{key}/resume").json()["state"] == "active"
    Subscription.objects.update(state="ended")
    for verb in ("test", "resume", "pause"):
        assert ask("post", f"/{key}/{verb}").json()["code"] == "conflict"
    assert ask("delete", f"/{key}").status_code == 204
    assert ask("get", f"/{key}").status_code == 404


def test_messages_are_listed_by_pages_and_sent_again(ask: Callable[..., Any]) -> None:
    key = ask("post", body=ASKED).json()["key"]
    made = [ask("post", f"/{key}/test") for _number in range(3)]
    assert {answer.status_code for answer in made} == {202}
    keys = [answer.json()["key"] for answer in reversed(made)]
    page = ask("get", f"/{key}/messages", page_size="2").json()
    assert [row["key"] for row in page["results"]] == keys[:2]
    rest = ask("get", f"/{key}/messages", page_size="2", cursor=page["next_cursor"]).json()
    assert page["next"] == f"{ROOT}/{key}/messages?page_size=2&cursor={page['next_cursor']}"
    assert ([row["key"] for row in rest["results"]], rest["next"], rest["next_cursor"]) == (keys[2:], None, None)
    Message.objects.update(state="delivered")
    again = ask("post", f"/{key}/messages/{keys[0]}/send")
    assert (again.status_code, again.json()["state"], again.json()["key"]) == (202, "once", keys[0])
    assert ask("post", f"/{key}/messages/msg_none/send").status_code == 404
    assert ask("get", f"/{key}/messages", cursor="msg_none").json()["errors"][0]["parameter"] == "cursor"
    assert ask("get", f"/{key}/messages", curso="x").status_code == 400


def test_one_user_has_a_bounded_number_of_subscriptions(ask: Callable[..., Any]) -> None:
    for _number in range(actions.MOST_SUBSCRIPTIONS):
        assert ask("post", body=ASKED).status_code == 201
    assert ask("post", body=ASKED).status_code == 409


def test_subscribing_in_the_admin_shows_the_secret_once(owner: Any) -> None:
    client = client_of(owner)
    form = {"resource": "alliances", "query": "kind=alliance&kinds=x", "endpoint": "https://10.0.0.1/"}
    refused = client.post("/admin/webhooks/subscription/add/", form).content.decode()
    assert "kinds" in refused
    assert "10.0.0.1" in refused
    answer = client.post(
        "/admin/webhooks/subscription/add/", {**form, "query": "kind=alliance,pair", "endpoint": ENDPOINT}
    )
    row = Subscription.objects.get()
    assert row.filters == {"kind": "alliance,pair"}
    assert actions.secret_of(row) in answer.content.decode()
    for path in ("/admin/webhooks/subscription/", f"/admin/webhooks/subscription/{row.pk}/change/"):
        page = client.get(path)
        assert page.status_code == 200
        assert "whsec_" not in page.content.decode()


def test_the_admin_sends_tests_and_messages_again_and_shows_each_his_own(owner: Any) -> None:
    row = actions.subscribe(by=owner, resource="alliances", filters={}, endpoint=ENDPOINT)
    client = client_of(owner)
    pages = "/admin/webhooks/subscription/"

    def act(address: str, action: str, chosen: Any) -> Any:
        given = {"action": action, "_selected_action": chosen.pk}
        return client.post(address, carried(client.get(address).content) | given)

    act(pages, "send_test", row)
    message = row.messages.get()
    Message.objects.update(state="delivered")
    act("/admin/webhooks/message/", "send_again", message)
    message.refresh_from_db()
    assert message.state == "once"
    assert "whsec_" in act(pages, "rotate", row).content.decode()
    assert client.get(f"/admin/webhooks/message/{message.pk}/change/").status_code == 200
    assert client.get(f"/admin/webhooks/message/?subscription__id__exact={row.pk}").status_code == 200
    other = client_of(curator("other"))
    assert other.get(f"{pages}{row.pk}/change/").status_code in (302, 403)
    other.post(pages, {"action": "send_test", "_selected_action": row.pk})
    assert row.messages.count() == 1
    gone = f"{pages}{row.pk}/delete/"
    assert client.post(gone, carried(client.get(gone).content) | {"post": "yes"}).status_code == 302
    assert not Subscription.objects.exists()


def test_every_result_of_sending_has_a_label() -> None:
    labels = dict(Message.attempts.rel.related_model.Result.choices)
    assert set(labels) == {result.value for result in sending.Result}
