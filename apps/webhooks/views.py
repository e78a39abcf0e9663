"""Subscriptions over HTTP: each of a user's own, and nobody else's."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.authentication import user_of
from apps.common.http.parameters import refuse_all_but_format
from apps.common.http.problem_answers import CONTENT_TYPE, problem
from apps.common.http.problems import parameter_error
from apps.common.openapi.parameters import CURSOR, PAGE_SIZE, format_parameter
from apps.common.reading.cursor import following_page
from apps.common.reading.order import read_size
from apps.common.reading.record_version import Conditions
from apps.common.resources.views import Tag
from apps.common.writing.idempotency import RepeatablePosts, done_once
from apps.webhooks import actions
from apps.webhooks.models import Subscription
from apps.webhooks.permissions import MaySubscribe
from apps.webhooks.serializers import (
    MessagePageSerializer,
    MessageSerializer,
    NewSubscriptionSerializer,
    NothingSerializer,
    SubscriptionListSerializer,
    SubscriptionSerializer,
    SubscriptionWithSecretSerializer,
)

F = TypeVar("F", bound=Callable[..., Any])

TAG = Tag("webhooks", "Being told: subscriptions to changes, which are sent to an address.")
KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Identifier of the subscription.")
MESSAGE = OpenApiParameter("message", str, OpenApiParameter.PATH, description="Identifier of the message.")
PAGE = [
    PAGE_SIZE,
    CURSOR,
]


def describe(
    summary: str, name: str, answer: type[serializers.Serializer[Any]] | None, status: int = 200, **more: Any
) -> Callable[[F], F]:
    """Return a decorator that describes an operation in the OpenAPI document."""
    documented: Callable[[F], F] = extend_schema(
        operation_id=name,
        summary=summary,
        tags=[TAG.name],
        parameters=[*more.pop("parameters", []), format_parameter()],
        responses={status: answer, 403: None},
        **more,
    )
    return documented


class WebhookView(RepeatablePosts, APIView):
    """Base of all addresses of webhooks."""

    shows_secrets = True

    permission_classes = [MaySubscribe]
    read_parameters: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        refuse_all_but_format(request, self.read_parameters if request.method == "GET" else ())

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # A secret may be in it.
        answer["Cache-Control"] = "private, no-store"
        return answer

    def handle_exception(self, error: Exception) -> Response:
        if isinstance(error, ValidationError):
            body = problem(self.request._request, "conflict", " ".join(error.messages))
            return Response(body, status=409, content_type=CONTENT_TYPE)
        return super().handle_exception(error)

    def rows(self, request: Request) -> QuerySet[Subscription]:
        """Return the subscriptions that the user may see."""
        return Subscription.objects.filter(user=user_of(request)).order_by("-pk")

    def row(self, request: Request, key: str) -> Subscription:
        """Return one of them."""
        found = self.rows(request).filter(key=key).first()
        if found is None:
            raise Http404
        if request.method not in SAFE_METHODS:
            Conditions.of(request).check("")  # a subscription has no ETag
        return found

    def check_nothing(self, request: Request) -> None:
        """Raise ValidationError for a body that has members."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)


def with_secret(row: Subscription) -> dict[str, object]:
    """Return the JSON of a subscription with its secret."""
    return {**SubscriptionSerializer(row).data, "secret": actions.secret_of(row)}


class SubscriptionsView(WebhookView):
    """All subscriptions of a user."""

    @describe("List your subscriptions", "list_webhooks", SubscriptionListSerializer)
    def get(self, request: Request) -> Response:
        """List your subscriptions, the newest first."""
        return Response({"results": SubscriptionSerializer(self.rows(request), many=True).data})

    @describe(
        "Subscribe to changes",
        "create_webhook",
        SubscriptionWithSecretSerializer,
        201,
        request=NewSubscriptionSerializer,
    )
    @done_once
    def post(self, request: Request) -> Response:
        """Have the changes of a list told to an address, from now on.

        The list is that of the resource with the filters, as you see it. The answer holds the secret, this once.
        """
        given = NewSubscriptionSerializer(data=request.data, context={"user": request.user})
        given.is_valid(raise_exception=True)
        row = actions.subscribe(by=user_of(request), **given.validated_data)
        body = with_secret(row)
        return Response(body, status=201, headers={"Location": str(body["url"])})


class SubscriptionView(WebhookView):
    """One subscription."""

    @describe("Read a subscription", "get_webhook", SubscriptionSerializer, parameters=[KEY])
    def get(self, request: Request, key: str) -> Response:
        """Give one of your subscriptions, without its secret."""
        return Response(SubscriptionSerializer(self.row(request, key)).data)

    @describe("End a subscription", "delete_webhook", None, 204, parameters=[KEY])
    def delete(self, request: Request, key: str) -> Response:
        """End a subscription for good; its messages go with it."""
        self.row(request, key).delete()
        return Response(status=204)


class RotateView(WebhookView):
    """A new secret."""

    @describe(
        "Rotate the secret", "rotate_webhook_secret", SubscriptionWithSecretSerializer, parameters=[KEY], request=None
    )
    @done_once
    def post(self, request: Request, key: str) -> Response:
        """Make a new secret, shown this once. For a day, messages are signed with the former one, too."""
        self.check_nothing(request)
        return Response(with_secret(actions.rotate(subscription=self.row(request, key))))


class PauseView(WebhookView):
    """Silence for a while."""

    @describe("Pause a subscription", "pause_webhook", SubscriptionSerializer, parameters=[KEY], request=None)
    @done_once
    def post(self, request: Request, key: str) -> Response:
        """Stop sending for now. What happens meanwhile is told once it is resumed."""
        self.check_nothing(request)
        return Response(SubscriptionSerializer(actions.pause(subscription=self.row(request, key))).data)


class ResumeView(WebhookView):
    """Going on."""

    @describe("Resume a subscription", "resume_webhook", SubscriptionSerializer, parameters=[KEY], request=None)
    @done_once
    def post(self, request: Request, key: str) -> Response:
        """Go on where a subscription was paused or has failed: nothing is left out."""
        self.check_nothing(request)
        return Response(SubscriptionSerializer(actions.resume(subscription=self.row(request, key))).data)


class TestView(WebhookView):
    """A message that tells of nothing."""

    @describe("Send a test", "test_webhook", MessageSerializer, 202, parameters=[KEY], request=None)
    @done_once
    def post(self, request: Request, key: str) -> Response:
        """Have a message of the type `webhook.test` sent: once, at once, whatever waits."""
        self.check_nothing(request)
        return Response(MessageSerializer(actions.send_test(subscription=self.row(request, key))).data, status=202)


class MessagesView(WebhookView):
    """What a subscription was told."""

    read_parameters = frozenset({"page_size", "cursor"})

    @describe("List messages", "list_webhook_messages", MessagePageSerializer, parameters=[KEY, *PAGE])
    def get(self, request: Request, key: str) -> Response:
        """List the messages of a subscription with their attempts, the newest first. They are kept for 30 days."""
        rows = self.row(request, key).messages.prefetch_related("attempts").order_by("-pk")
        if cursor := request.query_params.get("cursor"):
            behind = rows.filter(key=cursor).first()
            if behind is None:
                raise parameter_error("cursor", gettext("The cursor is not one that this service gave."))
            rows = rows.filter(pk__lt=behind.pk)
        size = read_size(request)
        found = list(rows[: size + 1])
        following = following_page(request, found[size - 1].key if len(found) > size else None)
        return Response({"results": MessageSerializer(found[:size], many=True).data, **following})


class SendAgainView(WebhookView):
    """A message once more."""

    @describe(
        "Send a message again",
        "resend_webhook_message",
        MessageSerializer,
        202,
        parameters=[KEY, MESSAGE],
        request=None,
    )
    @done_once
    def post(self, request: Request, key: str, message: str) -> Response:
        """Have a message sent again at once, under the same id and with the same body."""
        self.check_nothing(request)
        row = self.row(request, key).messages.filter(key=message).first()
        if row is None:
            raise Http404
        return Response(MessageSerializer(actions.send_again(message=row)).data, status=202)
