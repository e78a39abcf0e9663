"""Subscriptions and messages in JSON."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.http.problems import nearest
from apps.common.resources.registry import viewsets
from apps.common.serializers.strict import StrictSerializer
from apps.common.values.texts import validate_one_line
from apps.webhooks.matching import as_texts, check_filters, without_empty
from apps.webhooks.models import Attempt, Message, Subscription
from apps.webhooks.sending import LONGEST_URL, TargetError, check

ROOT = f"{settings.API_ROOT}/webhooks"


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
class FilterField(serializers.Field[Any, Any, Any, Any]):
    """The value of a filter: a text, or several in a list."""

    def to_internal_value(self, data: object) -> list[str]:
        values: list[Any] = data if isinstance(data, list) else [data]
        if not all(isinstance(value, str) for value in values):
            raise serializers.ValidationError(gettext("A text or a list of texts is expected."))
        return values or [""]


class NewSubscriptionSerializer(StrictSerializer):
    """What is asked for."""

    resource = serializers.CharField(max_length=40, help_text="Name of the resource, as in addresses.")
    filters = serializers.DictField(
        child=FilterField(),
        default=dict,
        help_text="Filters of the resource's list, by parameter; of its records only those that they leave.",
    )
    endpoint = serializers.CharField(
        max_length=LONGEST_URL, help_text="Address to which messages are sent, with https://, in the public network."
    )
    description = serializers.CharField(
        validators=[validate_one_line],
        max_length=200,
        default="",
        allow_blank=True,
        help_text="What the subscription is for.",
    )

    def validate_resource(self, value: str) -> str:
        if value not in viewsets():
            detail = gettext("There is no resource “%(name)s”.") % {"name": value}
            raise serializers.ValidationError(detail + nearest(value, viewsets()))
        return value

    def validate_endpoint(self, value: str) -> str:
        try:
            check(value)
        except TargetError as error:
            raise serializers.ValidationError(error.detail) from error
        return value

    def validate_filters(self, value: dict[str, list[str]]) -> dict[str, str]:
        resource = self.initial_data.get("resource")
        if not isinstance(resource, str) or resource not in viewsets():
            return {}  # it is refused for that
        filters, wrong = as_texts(resource, value)
        wrong = {**check_filters(resource, filters, self.context["user"]), **wrong}
        if wrong:
            raise serializers.ValidationError({name: [detail] for name, detail in wrong.items()})
        return without_empty(filters)


class NothingSerializer(StrictSerializer):
    """The body of a request that takes none."""


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    """A subscription, without its secret."""

    url = serializers.SerializerMethodField(help_text="Address of the subscription.")
    filters = serializers.DictField(child=serializers.CharField(), help_text="Filters, by parameter.")
    cause = serializers.CharField(
        read_only=True,
        help_text="Why nothing is sent: `undelivered`, `gone`, `rights` or `filters`; empty while all is well.",
    )
    waiting_count = serializers.SerializerMethodField(help_text="Messages that wait to be taken.")

    class Meta:
        model = Subscription
        fields = [
            "key",
            "url",
            "resource",
            "filters",
            "endpoint",
            "description",
            "state",
            "cause",
            "former_until",
            "waiting_count",
            "created_at",
        ]
        read_only_fields = fields

    def get_url(self, row: Subscription) -> str:
        return f"{ROOT}/{row.key}"

    def get_waiting_count(self, row: Subscription) -> int:
        return int(row.messages.filter(state__in=[Message.State.PENDING, Message.State.ONCE]).count())


class SubscriptionListSerializer(serializers.Serializer[object]):
    """All subscriptions of a user."""

    results = SubscriptionSerializer(many=True, help_text="The subscriptions, the newest first.")


class SubscriptionWithSecretSerializer(SubscriptionSerializer):
    """A subscription with its secret, as it is shown this once."""

    secret = serializers.CharField(help_text="What signatures are made with (`whsec_…`); it is shown this once.")

    class Meta(SubscriptionSerializer.Meta):
        fields = [*SubscriptionSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One sending."""

    class Meta:
        model = Attempt
        fields = ["at", "result", "status", "milliseconds"]
        read_only_fields = fields


class MessageSerializer(serializers.ModelSerializer[Message]):
    """A message with its attempts."""

    type = serializers.ChoiceField(source="kind", choices=Message.Kind.choices, help_text="What it tells of.")
    attempts = serializers.SerializerMethodField(help_text="The last ten attempts, the newest first.")

    class Meta:
        model = Message
        fields = [
            "key",
            "type",
            "state",
            "body",
            "attempt_count",
            "next_attempt_at",
            "delivered_at",
            "created_at",
            "attempts",
        ]
        read_only_fields = fields

    @extend_schema_field(AttemptSerializer(many=True))
    def get_attempts(self, row: Message) -> object:
        return AttemptSerializer(list(row.attempts.all())[:10], many=True).data


class MessagePageSerializer(serializers.Serializer[object]):
    """A page of messages."""

    results = MessageSerializer(many=True, help_text="The messages, the newest first.")
    next = serializers.CharField(allow_null=True, help_text="Address of the next page, or null on the last one.")
    next_cursor = serializers.CharField(
        allow_null=True, help_text="`cursor` of the next page, or null on the last one."
    )
