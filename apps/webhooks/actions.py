"""Actions on subscriptions and messages."""

import json
from dataclasses import astuple
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.models import User
from apps.common.values.json import JsonObject
from apps.history import feed
from apps.history.feed import FeedPosition
from apps.history.items import instant
from apps.webhooks.models import Message, Subscription, new_seed, pending
from apps.webhooks.signing import write_secret

MOST_SUBSCRIPTIONS = 20  # of one owner
OVERLAP = timedelta(days=1)  # for which a former secret is good
RESUMED = (Subscription.State.PAUSED, Subscription.State.FAILED)


def position_now() -> list[str | int]:
    """Return the position in the feed behind which everything committed from now on comes."""
    oldest, epoch = feed.horizon()
    return list(astuple(FeedPosition(epoch, oldest, oldest, 0, "")))


@transaction.atomic
def subscribe(
    *, by: User, resource: str, filters: dict[str, str], endpoint: str, description: str = ""
) -> Subscription:
    """Make a subscription for a user, from checked values; it gets the changes committed from now on."""
    # Of two requests at once the second waits, so that the limit holds.
    owner = User.objects.select_for_update().get(pk=by.pk)
    kept = Subscription.objects.filter(user=owner).exclude(state=Subscription.State.ENDED).count()
    if kept >= MOST_SUBSCRIPTIONS:
        raise ValidationError(gettext("One user has at most %(most)s subscriptions.") % {"most": MOST_SUBSCRIPTIONS})
    return Subscription.objects.create(
        user=owner,
        resource=resource,
        filters=filters,
        endpoint=endpoint,
        description=description,
        place=position_now(),
    )


def secret_of(subscription: Subscription) -> str:
    """Return the secret of a subscription; it is shown only when it is made and when it is rotated."""
    return write_secret(subscription.keys()[0])


@transaction.atomic
def rotate(*, subscription: Subscription) -> Subscription:
    """Give a subscription a new secret; for a day, messages are signed with both."""
    locked = _lock(subscription)
    locked.former_seed, locked.seed = locked.seed, new_seed()
    locked.former_until = timezone.now() + OVERLAP
    locked.save(update_fields=["seed", "former_seed", "former_until"])
    return locked


@transaction.atomic
def pause(*, subscription: Subscription) -> Subscription:
    """Stop sending; the position in the feed is kept."""
    locked = _lock(subscription)
    if locked.state != Subscription.State.ACTIVE:
        raise ValidationError(gettext("Only an active subscription can be paused."))
    locked.state = Subscription.State.PAUSED
    locked.save(update_fields=["state"])
    return locked


@transaction.atomic
def resume(*, subscription: Subscription) -> Subscription:
    """Go on where a subscription was paused or failed: nothing is left out, and the three days begin anew."""
    locked = _lock(subscription)
    if locked.state not in RESUMED:
        raise ValidationError(gettext("Only a subscription that was paused or has failed can be resumed."))
    locked.state, locked.cause = Subscription.State.ACTIVE, Subscription.Cause.NONE
    locked.save(update_fields=["state", "cause"])
    pending(locked).update(attempt_count=0, first_attempt_at=None, next_attempt_at=timezone.now())
    return locked


@transaction.atomic
def send_test(*, subscription: Subscription) -> Message:
    """Have a message without changes sent: once, at once, whatever waits."""
    locked = _lock(subscription)
    _refuse_ended(locked)
    return write_message(locked, Message.Kind.TEST, {}, state=Message.State.ONCE)


@transaction.atomic
def send_again(*, message: Message) -> Message:
    """Have a message sent again at once, under its id: one that waits in its turn, any other once."""
    _refuse_ended(_lock(message.subscription))
    locked = Message.objects.select_for_update().get(pk=message.pk)
    if locked.state != Message.State.PENDING:
        locked.state = Message.State.ONCE
    locked.next_attempt_at = timezone.now()
    locked.save(update_fields=["state", "next_attempt_at"])
    return locked


def write_message(
    subscription: Subscription, kind: Message.Kind, data: JsonObject, state: str = Message.State.PENDING
) -> Message:
    """Store a message for a subscription, with the bytes that are sent."""
    now = timezone.now()
    body = {"type": kind.value, "timestamp": instant(now), "data": {"subscription": subscription.key, **data}}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Message.objects.create(subscription=subscription, kind=kind, body=text, state=state, next_attempt_at=now)


def _refuse_ended(subscription: Subscription) -> None:
    if subscription.state == Subscription.State.ENDED:
        raise ValidationError(gettext("The subscription has ended: make a new one."))


def _lock(subscription: Subscription) -> Subscription:
    return Subscription.objects.select_for_update().get(pk=subscription.pk)
