"""`/api/v1/inbox`: what waits for who asks, and that a change was looked at."""

import hashlib

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.authentication import user_of
from apps.accounts.models import User
from apps.common.http.parameters import Query, read_format, refuse_all_but_format
from apps.common.http.problems import Refusal, parameter_error
from apps.common.models.unknown_keys import no_record
from apps.common.openapi.parameters import CURSOR, PAGE_SIZE, format_parameter
from apps.common.reading.cursor import following_page
from apps.common.reading.order import read_size
from apps.common.rules.permissions import is_answered
from apps.common.serializers.targets import target_of
from apps.common.writing.contract import error_at
from apps.common.writing.idempotency import RepeatablePosts, done_once
from apps.explore.inbox.items import items_of
from apps.explore.inbox.serializers import InboxSerializer, NewReviewSerializer, ReviewSerializer
from apps.explore.inbox.steps import ReviewError, confirm
from apps.explore.inbox.waiting import FIRST, KINDS, InboxPlace, inbox, queued

TAG = "explore"
SIGNER = signing.Signer(salt="apps.explore.inbox")


class HasInbox(BasePermission):
    """Everybody who has signed in has an inbox; a token has to have the scope."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not is_answered(request, view):
            return True
        scopes = getattr(request.auth, "scopes", None)
        needed = "read" if request.method in SAFE_METHODS else "write"
        return isinstance(request.user, User) and (scopes is None or needed in scopes)


class InboxView(APIView):
    """What waits for somebody."""

    permission_classes = [HasInbox]

    @extend_schema(
        operation_id="get_inbox",
        summary="Read what waits for you",
        tags=[TAG],
        parameters=[PAGE_SIZE, CURSOR, format_parameter()],
        responses={200: InboxSerializer, 403: None},
    )
    def get(self, request: Request) -> Response:
        """List what waits for you, each with the requests that move it on.

        The work: what lapses soon, requests to decide, what was reported as done, and next steps, for whoever speaks
        for the side whose turn it is. For who may publish: records that were submitted, and with `REVIEW=two` published
        records that others have changed. For who represents a unit: his drafts, and what he submitted and nobody has
        published yet.
        """
        query = Query(request, {"page_size", "cursor", "format"})
        query.read(read_format)
        size, user = query.read(read_size), user_of(request)
        place = query.read(lambda request: read_place(request.query_params.get("cursor"), user))
        query.check()
        rows, counts = inbox(user, size + 1, place)
        cursor = write_place(rows[size - 1].place, user) if len(rows) > size else None
        body = {"results": items_of(rows[:size], user), **following_page(request, cursor), "counts": counts}
        return Response(body, headers={"Cache-Control": "private, no-store"})


class ReviewsView(RepeatablePosts, APIView):
    """That changes were looked at."""

    permission_classes = [HasInbox]

    @extend_schema(
        operation_id="create_review",
        summary="Confirm a change",
        tags=[TAG],
        parameters=[format_parameter()],
        request=NewReviewSerializer,
        responses={201: ReviewSerializer, 403: None, 409: None},
    )
    @done_once
    def post(self, request: Request) -> Response:
        """Note that you have looked at what somebody else changed in a published record: it leaves the inbox.

        Nothing is changed by it. It is for curators of the place other than the one who made the last change.
        """
        refuse_all_but_format(request)
        given = NewReviewSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user, values = user_of(request), given.validated_data
        model = next((each for each in queued() if each.resource == values["resource"]), None)
        if model is None:
            detail = gettext("There is no record “%(path)s”.") % {"path": values["resource"][:100]}
            raise Refusal("bad_request", errors=[error_at("/resource", "unknown_key", detail)])
        record = model.rows().visible_to(user).filter(slug=values["key"]).first()
        if record is None or (target := target_of(record, user)) is None:
            detail = no_record(model, values["key"], user)
            raise Refusal("bad_request", errors=[error_at("/key", "unknown_key", detail)])
        try:
            review = confirm(record=record, number=values["change"], by=user)
        except ReviewError as error:
            code = "conflict" if error.code == "stale" else "permission_denied"
            raise Refusal(code, errors=[error_at("/change", error.code, error.detail)]) from error
        named = {**target._asdict(), "url": f"{settings.API_ROOT}/{record.resource}/{record.key}"}
        at = review.at.strftime(settings.REST_FRAMEWORK["DATETIME_FORMAT"])
        return Response({"record": named, "change": review.number, "at": at}, status=201)


# Pages ----------------------------------------------------------------------------------------------------------------


def _owner(user: User) -> str:
    return hashlib.sha256(f"inbox {user.pk}".encode()).hexdigest()[:12]


def write_place(place: InboxPlace, user: User) -> str:
    """Return the cursor of the page behind a place, which serves this user only."""
    return SIGNER.sign_object([_owner(user), *place])


def read_place(text: str | None, user: User) -> InboxPlace:
    """Return where the page of a cursor begins. Raises ParameterError."""
    if text is None:
        return FIRST
    try:
        owner, urgency, since, kind, pk = SIGNER.unsign_object(text)
    except (signing.BadSignature, ValueError) as error:
        raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
    if owner != _owner(user) or urgency not in range(len(KINDS)):
        raise parameter_error(
            "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
        )
    return InboxPlace(urgency, since, kind, pk)
