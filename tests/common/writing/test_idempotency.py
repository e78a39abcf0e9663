"""A POST that is sent again under its key is done once, whichever it is; what its answer shows once is kept sealed."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange
from apps.common.models.tables import KeptAnswer
from apps.common.resources.write_views import Writes
from apps.common.writing.idempotency import RepeatablePosts
from apps.common.writing.sealed import PREFIX, seal, unseal
from apps.registry.models import MemberUnit
from apps.webhooks.models import Message, Subscription
from tests.conftest import problem_of
from tests.factories import AllianceFactory, MemberUnitFactory, UserFactory
from tests.writing import Keeper

# Addresses alone are resolved here, for which nobody is asked.
pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]
UNIT = {"name": "只建一次", "kind": "company", "state": "draft"}
WEBHOOK = {"resource": "alliances", "filters": {}, "endpoint": "https://93.184.215.14/hook"}


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(UserFactory(username="keeper", is_staff=True, is_superuser=True))


# Every one of them ----------------------------------------------------------------------------------------------------


def views(patterns: Any) -> Iterator[Any]:
    """Yield the views of Django REST framework at all addresses."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "cls"):
            yield pattern.callback


def test_every_post_that_writes_can_be_sent_again() -> None:
    seen = 0
    for view in views(get_resolver().url_patterns):
        owner, actions = view.cls, getattr(view, "actions", None)
        takes_posts = "post" in (actions or {}) if actions is not None else hasattr(owner, "post")
        if not takes_posts or "post" not in owner.http_method_names or getattr(owner, "only_reads", False):
            continue
        seen += 1
        assert issubclass(owner, RepeatablePosts), owner
        assert issubclass(owner, Writes) or hasattr(owner.post, "__wrapped__"), owner
    assert seen > 90


# What is written, and how one tells how often ------------------------------------------------------------------------


def subscription(keeper: Keeper) -> Subscription:
    keeper.send("POST", "webhooks", WEBHOOK)
    return Subscription.objects.get()


def creating(keeper: Keeper) -> Any:
    return "member-units", {**UNIT, "change_reason": "test"}, MemberUnit.objects.filter(name=UNIT["name"]).count


def making_many(keeper: Keeper) -> Any:
    body = {"change_reason": "test", "items": [UNIT]}
    return "member-units/bulk", body, MemberUnit.objects.filter(name=UNIT["name"]).count


def merging(keeper: Keeper) -> Any:
    loser, winner = MemberUnitFactory(), MemberUnitFactory()
    body = {"into": winner.slug, "change_reason": "test"}
    return f"member-units/{loser.slug}/merge", body, lambda: 1 - MemberUnit.objects.filter(pk=loser.pk).count()


def reverting(keeper: Keeper) -> Any:
    path = f"alliances/{AllianceFactory(slogan='旧', state='draft').slug}"
    changed = keeper.send("PATCH", path, {"slogan": "新", "change_reason": "t"}, If_Match=keeper.tag(path))
    number = changed.headers["X-Change-ID"]
    before = LoggedChange.objects.count()
    return f"changes/{number}/revert", {"change_reason": "test"}, lambda: LoggedChange.objects.count() - before


def subscribing(keeper: Keeper) -> Any:
    return "webhooks", WEBHOOK, Subscription.objects.count


def rotating(keeper: Keeper) -> Any:
    row = subscription(keeper)
    return f"webhooks/{row.key}/rotate", {}, lambda: Subscription.objects.filter(former_seed=row.seed).count()


def pausing(keeper: Keeper) -> Any:
    return f"webhooks/{subscription(keeper).key}/pause", {}, Subscription.objects.filter(state="paused").count


def resuming(keeper: Keeper) -> Any:
    row = subscription(keeper)
    Subscription.objects.update(state="paused")
    return f"webhooks/{row.key}/resume", {}, Subscription.objects.filter(state="active").count


def trying(keeper: Keeper) -> Any:
    return f"webhooks/{subscription(keeper).key}/test", {}, Message.objects.count


def sending_again(keeper: Keeper) -> Any:
    key = subscription(keeper).key
    message = keeper.send("POST", f"webhooks/{key}/test", {}).json()["key"]
    Message.objects.update(state="delivered")
    return f"webhooks/{key}/messages/{message}/send", {}, Message.objects.filter(state="once").count


POSTS = [creating, making_many, merging, reverting, subscribing, rotating, pausing, resuming, trying, sending_again]


@pytest.mark.parametrize("prepare", POSTS)
def test_it_is_done_once_and_answered_the_same(keeper: Keeper, prepare: Callable[[Keeper], Any]) -> None:
    path, body, count = prepare(keeper)
    tag = {"If-Match": keeper.tag(path.removesuffix("/merge"))} if path.endswith("/merge") else {}

    def send(body: Any, key: str = "once") -> Any:
        return keeper.send("POST", path, body, **{"Idempotency-Key": key, **tag})

    first = send(body)
    assert first.status_code in (200, 201, 202), first.content.decode()
    assert "Idempotent-Replayed" not in first.headers
    again = send(body)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    # The id is that of the request which made the change, by which it can be taken back.
    assert [again.headers.get(name) for name in ("Location", "Content-Type", "X-Change-ID")] == [
        first.headers.get(name) for name in ("Location", "Content-Type", "X-Change-ID")
    ]
    assert count() == 1
    other = send({**body, "change_reason": "another"})
    assert (other.status_code, problem_of(other)["code"]) == (422, "key_reused")
    too_long = send(body, "x" * 201)
    assert (too_long.status_code, problem_of(too_long)["code"]) == (400, "bad_request")
    assert count() == 1


def test_the_twin_of_one_that_is_at_work_is_sent_away(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if another connection held the lock.
    monkeypatch.setattr("apps.common.writing.idempotency.LOCK", "SELECT false WHERE %s IS NOT NULL")
    answer = keeper.send("POST", "webhooks", WEBHOOK, Idempotency_Key="twin")
    assert (answer.status_code, problem_of(answer)["code"], answer.headers["Retry-After"]) == (409, "conflict", "3")
    assert not Subscription.objects.exists()


def test_an_error_is_not_kept_and_a_trial_takes_no_key(keeper: Keeper) -> None:
    path, body, _count = reverting(keeper)
    for _twice in range(2):
        answer = keeper.send("POST", f"{path}?dry_run=true", body, Idempotency_Key="a")
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)
    assert keeper.send("POST", path, {}, Idempotency_Key="a").status_code == 400
    assert keeper.send("POST", path, body, Idempotency_Key="a").status_code == 200
    # What stands in the way now may be gone later.
    path, body, _count = reverting(keeper)
    alliance = LoggedChange.objects.latest("number").key
    record = f"alliances/{alliance}"
    keeper.send("PATCH", record, {"slogan": "又", "change_reason": "t"}, If_Match=keeper.tag(record))
    assert keeper.send("POST", path, body, Idempotency_Key="b").status_code == 409
    assert not KeptAnswer.objects.filter(key="b").exists()


# Secrets --------------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_shown_once_is_kept_sealed(keeper: Keeper, settings: Any) -> None:
    first = keeper.send("POST", "webhooks", WEBHOOK, Idempotency_Key="secret")
    secret = first.json()["secret"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(common_keptanswer)::text FROM common_keptanswer WHERE key = 'secret'")
        ((row,),) = cursor.fetchall()
    assert secret.removeprefix("whsec_") not in row
    assert json.loads(row)["body"].startswith(PREFIX)
    # A new secret key does no harm while the former one is told.
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-key-of-the-tests-0123456789"
    settings.SECRET_KEY_FALLBACKS = [former]
    keeper.client.force_login(User.objects.get(username="keeper"))  # sessions end with the key
    assert keeper.send("POST", "webhooks", WEBHOOK, Idempotency_Key="secret").json()["secret"] == secret
    settings.SECRET_KEY_FALLBACKS = []
    keeper.client.force_login(User.objects.get(username="keeper"))
    answer = keeper.send("POST", "webhooks", WEBHOOK, Idempotency_Key="secret")
    assert (answer.status_code, problem_of(answer)["code"]) == (409, "conflict")
    assert Subscription.objects.count() == 1


def test_what_is_sealed_opens_with_its_own_context_alone() -> None:
    text = "秘密" * 1000
    sealed = seal(text, "a")
    assert sealed != seal(text, "a")
    assert "秘密" not in sealed
    assert (unseal(sealed, "a"), unseal(text, "a"), unseal(seal("", "a"), "a")) == (text, text, "")
    for wrong, context in ((sealed, "b"), (sealed[:-8] + "AAAAAAA=", "a")):
        with pytest.raises(ValueError, match="another key"):
            unseal(wrong, context)
