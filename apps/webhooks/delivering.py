"""From the change log to the receivers.

The log is the outbox: its entries are written by the transactions whose changes they are. Each subscription has a
position in the feed, which moves in the same transaction that stores the message made of the changes before it. So no
change is left out, whatever commits in whatever order, and none comes twice but by sending the same message again.

Messages of one subscription go one after the other, in the order of the feed: one that is not taken holds up those
behind it. While one sends for a subscription it holds an advisory lock of its session, so that several processes share
the work; no transaction is open meanwhile, which would hold back the feed of everybody.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, time

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.common.http.parameters import FilterError
from apps.common.http.problems import Refusal
from apps.history import feed
from apps.webhooks import matching, schedule
from apps.webhooks.actions import position_now, write_message
from apps.webhooks.models import Attempt, Message, Subscription, pending
from apps.webhooks.permissions import may_subscribe
from apps.webhooks.sending import Delivery, Result, post
from apps.webhooks.signing import sign

LOCKS = 706_761_728  # the first of two numbers of our locks, which no other program on this database takes
MOST_CHANGES = 100  # in one message
MOST_AT_ONCE = 50  # messages of one subscription before the others have their turn
KEPT = timedelta(days=30)  # for which messages that are done with are kept
NEWEST = "SELECT xid::text::bigint FROM common_loggedchange ORDER BY xid DESC LIMIT 1"


def due() -> list[int]:
    """Return the subscriptions that may have a message to send now."""
    now = timezone.now()
    waiting = Message.objects.filter(subscription=OuterRef("pk"))
    once = waiting.filter(state=Message.State.ONCE)
    held = waiting.filter(state=Message.State.PENDING)
    active = Q(state=Subscription.State.ACTIVE)
    rows = (
        Subscription.objects.exclude(state=Subscription.State.ENDED)
        .annotate(once=Exists(once), held=Exists(held), ready=Exists(held.filter(next_attempt_at__lte=now)))
        .filter(active | Q(once=True))
        .order_by("pk")
    )
    newest = _newest()
    return [
        row.pk
        for row in rows
        if row.once or row.ready or (not row.held and (newest is None or newest >= row.position.low))
    ]


def _newest() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        found = cursor.fetchone()
    return int(found[0]) if found else None


@contextmanager
def sending_lock(subscription_id: int) -> Iterator[bool]:
    """Take the right to send for a subscription for as long as the block runs; False: another process has it."""
    pair = [LOCKS, subscription_id % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", pair)
        (got,) = cursor.fetchone()
    try:
        yield got
    finally:
        # A connection that was lost has taken its lock with it.
        if got and connection.connection is not None and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", pair)


def serve(subscription_id: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Send the messages of a subscription that are due, unless `stopped`; return how many were sent."""
    with sending_lock(subscription_id) as got:
        sent = 0
        while got and sent < MOST_AT_ONCE and not stopped():
            message = _next(subscription_id)
            if message is None:
                break
            attempt(message)
            sent += 1
        return sent


def _next(subscription_id: int) -> Message | None:
    """Return the message that is due, made from the change log if none waits."""
    subscription = Subscription.objects.select_related("user").filter(pk=subscription_id).first()
    if subscription is None or subscription.state == Subscription.State.ENDED:
        return None
    if not may_subscribe(subscription.user):
        _stop(subscription, Subscription.State.ENDED, Subscription.Cause.RIGHTS)
        return None
    if found := subscription.messages.filter(state=Message.State.ONCE).order_by("pk").first():
        return found
    if subscription.state != Subscription.State.ACTIVE:
        return None
    more = True
    while (head := pending(subscription).first()) is None and more:
        more = fill(subscription)
    return head if head and head.next_attempt_at <= timezone.now() else None


def fill(subscription: Subscription) -> bool:
    """Make a message of the next changes that the subscription gets, if any; return whether there may be more."""
    position = subscription.position
    with transaction.atomic():
        try:
            batch = feed.read(position, position.digest, matching.tables(subscription.resource), None, MOST_CHANGES)
        except Refusal:
            # The data were restored from a copy: changes that were told of may be lost.
            write_message(subscription, Message.Kind.RESET, {})
            _move(subscription, position_now())
            return False
        if batch.changes:
            try:
                items = matching.items_of(subscription.resource, subscription.filters, subscription.user, batch.changes)
            except (FilterError, KeyError):
                _stop(subscription, Subscription.State.FAILED, Subscription.Cause.FILTERS)
                return False
            if items:
                write_message(subscription, Message.Kind.CHANGES, {"items": items})
        after = batch.place
        _move(subscription, [after.epoch, after.low, after.high, after.number, after.digest])
    return batch.more


def _move(subscription: Subscription, place: list[str | int]) -> None:
    if place != subscription.place:
        subscription.place = place
        Subscription.objects.filter(pk=subscription.pk).update(place=place)


def _stop(subscription: Subscription, state: Subscription.State, cause: Subscription.Cause) -> None:
    Subscription.objects.filter(pk=subscription.pk).update(state=state, cause=cause)


def attempt(message: Message) -> None:
    """Send a message and record the delivery. If the process ends in between, it is sent again under the same id."""
    begun, clock = timezone.now(), monotonic()
    delivery = send(message)
    took = int((monotonic() - clock) * 1000)
    with transaction.atomic():
        # By a filter: somebody may have deleted or resumed meanwhile.
        held = Message.objects.select_for_update().filter(pk=message.pk).first()
        if held is None:
            return
        Attempt.objects.create(
            message=held, at=begun, result=delivery.result.value, status=delivery.status, milliseconds=took
        )
        _record(held, delivery)


def send(message: Message) -> Delivery:
    """Send a message, signed for this moment."""
    body, now = message.body.encode(), int(time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(message.subscription.keys(), message.key, now, body),
    }
    return post(message.subscription.endpoint, body, headers)


def _record(message: Message, delivery: Delivery) -> None:
    """Store the state of a message after an attempt, and the time of the next one."""
    now = timezone.now()
    message.attempt_count += 1
    message.first_attempt_at = message.first_attempt_at or now
    in_turn = message.state == Message.State.PENDING
    if delivery.result is Result.DELIVERED:
        message.state, message.delivered_at = Message.State.DELIVERED, now
    elif delivery.result is Result.GONE:
        _stop(message.subscription, Subscription.State.ENDED, Subscription.Cause.GONE)
    elif in_turn and now - message.first_attempt_at >= schedule.PERIOD:
        active = Subscription.objects.filter(pk=message.subscription_id, state=Subscription.State.ACTIVE)
        active.update(state=Subscription.State.FAILED, cause=Subscription.Cause.TIRED)
    if delivery.result is not Result.DELIVERED:
        message.state = message.state if in_turn else Message.State.FAILED
        chance = random.random()  # noqa: S311 - spreads the load, and guards nothing
        message.next_attempt_at = now + schedule.delay(message.attempt_count, chance, delivery.retry_after)
    message.save()


def forget_old() -> None:
    """Delete messages that were delivered or given up long ago."""
    done = [Message.State.DELIVERED, Message.State.FAILED]
    Message.objects.filter(state__in=done, created_at__lt=timezone.now() - KEPT).delete()
