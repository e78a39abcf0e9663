"""Subscriptions to changes, the messages sent to them, and the attempts to send."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.common.values.texts import OneLineField
from apps.history.feed import FeedPosition
from apps.webhooks.sending import LONGEST_URL
from apps.webhooks.sending import Result as SendingResult


def new_key(prefix: str) -> str:
    """Return an identifier that nobody guesses."""
    return f"{prefix}_{secrets.token_hex(12)}"


def new_subscription_key() -> str:
    """Return an identifier for a subscription."""
    return new_key("wh")


def new_message_key() -> str:
    """Return an identifier for a message."""
    return new_key("msg")


def new_seed() -> str:
    """Return the random part from which a secret is derived."""
    return secrets.token_hex(32)


class Subscription(models.Model):
    """A request of one user to get the changes of the records that a list shows him."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        FAILED = "failed", _("Failed")
        ENDED = "ended", _("Ended")

    class Cause(models.TextChoices):
        NONE = "", _("None")
        TIRED = "undelivered", _("No message was taken for three days")
        GONE = "gone", _("The receiver said that it is gone")
        RIGHTS = "rights", _("Its owner may not write any more")
        FILTERS = "filters", _("Its filters are not understood any more")

    key = models.CharField(
        _("identifier"),
        max_length=30,
        unique=True,
        editable=False,
        default=new_subscription_key,
        help_text=_("Identifier in addresses."),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="subscriptions",
        verbose_name=_("owner"),
        help_text=_("Who is told; he is told of what he may see."),
    )
    resource = models.CharField(_("resource"), max_length=40, help_text=_("Name of the resource, as in addresses."))
    filters = models.JSONField(
        _("filters"), default=dict, blank=True, help_text=_("Filters of the resource's list, by parameter.")
    )
    endpoint = models.CharField(
        _("endpoint"), max_length=LONGEST_URL, help_text=_("Address to which messages are sent, with https://.")
    )
    description = OneLineField(
        _("description"), max_length=200, blank=True, help_text=_("What the subscription is for.")
    )
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.ACTIVE, help_text=_("Whether messages are sent.")
    )
    cause = models.CharField(
        _("cause"), max_length=20, choices=Cause, default=Cause.NONE, blank=True, help_text=_("Why nothing is sent.")
    )
    # The secret is made of these and of the secret key of the service, so that the database alone gives none away.
    seed = models.CharField(_("seed"), max_length=64, editable=False, default=new_seed, help_text=_("Of the secret."))
    former_seed = models.CharField(
        _("former seed"), max_length=64, blank=True, editable=False, help_text=_("Of the secret before the last one.")
    )
    former_until = models.DateTimeField(
        _("former secret until"),
        null=True,
        editable=False,
        help_text=_("Until when messages are signed with the former secret, too."),
    )
    place = models.JSONField(_("place"), editable=False, help_text=_("How far the change log has been read."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text=_("When the row was made."))

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["active", "paused", "failed", "ended"]),
                name="webhooks_subscription_state_known",
                violation_error_message=_("A subscription is active, paused, failed or ended."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} → {self.endpoint}"

    @property
    def position(self) -> FeedPosition:
        """The position in the feed at which the next message begins."""
        return FeedPosition(*self.place)

    def keys(self, now: datetime | None = None) -> list[bytes]:
        """Return the keys with which a message is signed: that of the secret, and of a former one for a while.

        While the service has a new secret key, those under the old one are among them.
        """
        seeds = [self.seed]
        if self.former_seed and self.former_until and self.former_until > (now or timezone.now()):
            seeds.append(self.former_seed)
        return [_derive(self.key, seed, pepper) for pepper in _peppers() for seed in seeds]


def _peppers() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _derive(key: str, seed: str, pepper: str) -> bytes:
    digest: bytes = salted_hmac("webhooks.Subscription", f"{key}.{seed}", secret=pepper, algorithm="sha256").digest()
    return digest


class Message(models.Model):
    """Changes sent to a subscription at once. Its body and id are the same however often it is sent."""

    class Kind(models.TextChoices):
        CHANGES = "records.changed", _("Changes")
        RESET = "webhook.reset", _("Start anew")
        TEST = "webhook.test", _("Test")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        ONCE = "once", _("To be sent once")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Not delivered")

    key = models.CharField(
        _("identifier"),
        max_length=30,
        unique=True,
        editable=False,
        default=new_message_key,
        help_text=_("The same at each attempt, so that a receiver knows a message again (`webhook-id`)."),
    )
    subscription = models.ForeignKey(
        Subscription,
        models.CASCADE,
        related_name="messages",
        verbose_name=_("subscription"),
        help_text=_("Who is told."),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, help_text=_("What it tells of."))
    body = models.TextField(_("body"), help_text=_("What is sent, byte by byte."))
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.PENDING, help_text=_("Whether it was taken.")
    )
    attempt_count = models.PositiveIntegerField(_("attempts"), default=0, help_text=_("How often it was sent."))
    first_attempt_at = models.DateTimeField(
        _("first attempt at"), null=True, help_text=_("When it was first sent, or first sent since it was resumed.")
    )
    next_attempt_at = models.DateTimeField(
        _("next attempt at"), default=timezone.now, help_text=_("When it is sent next, if it waits.")
    )
    delivered_at = models.DateTimeField(_("delivered at"), null=True, help_text=_("When it was taken."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text=_("When the row was made."))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["subscription", "id"], condition=Q(state__in=["pending", "once"]), name="webhooks_message_waits"
            ),
            models.Index(fields=["subscription", "-id"], name="webhooks_message_newest"),
        ]

    def __str__(self) -> str:
        return self.key


class Attempt(models.Model):
    """One sending of a message."""

    class Result(models.TextChoices):
        DELIVERED = SendingResult.DELIVERED.value, _("Delivered")
        REFUSED = SendingResult.REFUSED.value, _("Refused by the receiver")
        REDIRECTED = SendingResult.REDIRECTED.value, _("Redirected, which is not followed")
        GONE = SendingResult.GONE.value, _("The receiver said that it is gone")
        TIMEOUT = SendingResult.TIMEOUT.value, _("No answer in time")
        UNREACHABLE = SendingResult.UNREACHABLE.value, _("Not reached")
        INSECURE = SendingResult.INSECURE.value, _("The certificate is not good")
        UNRESOLVED = SendingResult.UNRESOLVED.value, _("The name is not known")
        FORBIDDEN = SendingResult.FORBIDDEN.value, _("Not an address in the public network")

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="attempts", verbose_name=_("message"), help_text=_("What was sent.")
    )
    at = models.DateTimeField(_("at"), help_text=_("When it was sent."))
    result = models.CharField(_("result"), max_length=20, choices=Result, help_text=_("What came of it."))
    status = models.PositiveSmallIntegerField(_("status"), null=True, help_text=_("HTTP status, if there was one."))
    milliseconds = models.PositiveIntegerField(_("milliseconds"), help_text=_("How long it took."))

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.message} {self.get_result_display()}"


def pending(subscription: Subscription) -> "models.QuerySet[Message]":
    """Return the messages that wait for their turn, the oldest first."""
    return subscription.messages.filter(state=Message.State.PENDING).order_by("pk")
