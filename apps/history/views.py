"""The history over HTTP: of one record, of all records as a feed, and taking a request back."""

import hashlib
from typing import TypedDict

from django.core import signing
from django.http import Http404
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.middleware import change_ids
from apps.common.http.parameters import Query, read_flag, read_format, read_moment, read_words
from apps.common.http.problem_answers import CONTENT_TYPE, problem
from apps.common.http.problems import NoRecordError, nearest, parameter_error
from apps.common.models.logged_change import LoggedChange, Operation
from apps.common.models.records import Citable, citable_models
from apps.common.models.unknown_keys import meant
from apps.common.reading.answer_cache import CachedReads
from apps.common.reading.cursor import following_page
from apps.common.reading.order import read_size
from apps.common.resources.views import Tag
from apps.common.rules.territory import Reader
from apps.common.serializers.strict import StrictSerializer
from apps.common.writing.idempotency import RepeatablePosts, done_once
from apps.common.writing.transaction import write_transaction
from apps.history import feed
from apps.history.items import describe, entries_of, feed_items, told_tables
from apps.history.readable import FieldChange, Keys, Seen, difference
from apps.history.reverting import RevertResult, revert
from apps.history.schema import (
    FEED,
    FEED_PARAMETERS,
    HISTORY,
    HISTORY_PARAMETERS,
    REVERSION,
    REVERT_PARAMETERS,
)

TAG = Tag("history", "Every change: of one record, of all, and taken back.")
SIGNER = signing.Signer(salt="apps.history.views")
LISTS = frozenset({"resource", "operation"})
PARAMETERS = LISTS | {"since", "page_size", "cursor", "format"}


class HistoryView(CachedReads, APIView):
    """The changes of one record."""

    @extend_schema(
        operation_id="get_history",
        summary="Read the history of a record",
        tags=[TAG.name],
        parameters=HISTORY_PARAMETERS,
        responses={200: HISTORY},
    )
    def get(self, request: Request, resource: str, key: str) -> Response:
        """List the changes of a record, the newest first; also those of one that was deleted.

        What was changed while a record was a draft is told only to those who keep the registry, and so is the whole
        history of one that is a draft now.
        """
        model = citable_models().get(resource)
        if model is None:
            raise Http404
        query = Query(request, {"page_size", "cursor", "format"})
        query.read(read_format)
        size, before = query.read(read_size), query.read(self._read_cursor)
        query.check()
        entries = entries_of(model, key, before, size + 1, request.user)
        results = describe(entries[:size], request.user)
        if before is None and not results and len(entries) <= size:
            raise NoRecordError(meant(model, key, request.user))
        cursor = None
        if len(entries) > size:
            cursor = SIGNER.sign_object([request.path, entries[size - 1].number])
        return Response({"results": results, **following_page(request, cursor)})

    @staticmethod
    def _read_cursor(request: Request) -> int | None:
        text = request.query_params.get("cursor")
        if text is None:
            return None
        try:
            path, number = SIGNER.unsign_object(text)
        except (signing.BadSignature, ValueError, TypeError) as error:
            raise parameter_error("cursor", gettext("The cursor is not one that this service gave.")) from error
        if path != request.path:
            raise parameter_error(
                "cursor", gettext("The cursor was made for another list: other filters, sort order or address.")
            )
        return int(number)


class ChangesView(CachedReads, APIView):
    """The changes of all records."""

    @extend_schema(
        operation_id="list_changes",
        summary="Follow all changes",
        tags=[TAG.name],
        parameters=FEED_PARAMETERS,
        responses={200: FEED, 410: None},
    )
    def get(self, request: Request) -> Response:
        """List the changes of all records in an order in which they can be replayed.

        Who follows `next`, at once while there is `more` and otherwise from time to time, misses no change, in
        whatever order transactions commit. A change is given once those begun before it are over.
        """
        query = Query(request, PARAMETERS, LISTS)
        query.read(read_format)
        known = list(citable_models())
        resources = query.read(self._read_known, "resource", known) or known
        operations = query.read(self._read_known, "operation", list(Operation.values)) or []
        since, size = query.read(read_moment, "since"), query.read(read_size)
        filters = (sorted(resources), sorted(operations), str(since))
        digest = hashlib.sha256(repr(filters).encode()).hexdigest()[:12]
        place = query.read(lambda request: feed.read_place(request.query_params.get("cursor"), digest))
        query.check()
        batch = feed.read(place, digest, told_tables(resources), since, size)
        items = [
            item
            for item in feed_items(batch.changes, request.user)
            if item["resource"] in resources and (not operations or item["operation"] in operations)
        ]
        following = following_page(request, feed.write_place(batch.place))
        return Response({"items": items, **following, "more": batch.more})

    @staticmethod
    def _read_known(request: Request, name: str, known: list[str]) -> list[str]:
        words = read_words(request, name)
        for word in words:
            if word not in known:
                detail = gettext("“%(word)s” is not one of the values.") % {"word": word[:100]}
                raise parameter_error(name, detail + nearest(word[:100], known))
        return words


class NewReversionSerializer(StrictSerializer):
    """Why a request is taken back."""

    change_reason = serializers.CharField(max_length=1000, help_text="Why the request is taken back.")


class RevertView(RepeatablePosts, APIView):
    """Taking a request back."""

    @extend_schema(
        operation_id="revert_changes",
        summary="Take a request back",
        tags=[TAG.name],
        parameters=REVERT_PARAMETERS,
        request=NewReversionSerializer,
        responses={
            200: REVERSION,
        },
    )
    @done_once
    def post(self, request: Request, request_id: str) -> Response:
        """Change back everything that a request changed, or nothing.

        With `dry_run` all is tried, and what would be changed back and what stands in the way is told. A row that was
        changed since stands in the way, and so does every rule of the registry. Taking back is logged, and can itself
        be taken back. It is for those who may edit all records concerned, as they are and as they were.
        """
        query = Query(request, {"dry_run", "format"})
        query.read(read_format)
        dry_run = query.read(read_flag, "dry_run")
        query.check()
        if not LoggedChange.objects.filter(request_id=request_id).exists():
            raise Http404
        given = NewReversionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        ids = change_ids(request._request)
        token, reason = getattr(request.auth, "key", ""), given.validated_data["change_reason"]
        with write_transaction(user=request.user, token=token, reason=reason, **ids._asdict()):
            outcome = revert(request_id, keep=not dry_run, user=request.user)
        conflicts = conflicts_of(outcome)
        if conflicts and not dry_run:
            detail = " ".join(dict.fromkeys(conflict["detail"] for conflict in conflicts))
            refusal = problem(request._request, "conflict", detail, conflicts)
            return Response(refusal, status=409, content_type=CONTENT_TYPE)
        body = {
            "request_id": request_id,
            "reverted_by": None if dry_run else ids.request_id,
            "changes": changes_of(outcome, request.user),
            "conflicts": conflicts,
        }
        return Response(body)


class RevertedRow(TypedDict):
    """A row that is changed back, as it is answered."""

    resource: str
    key: str
    operation: str
    changes: list[FieldChange]


def conflicts_of(outcome: RevertResult) -> list[dict[str, str]]:
    """Return what stands in the way of taking a request back."""
    found = []
    for step, message in outcome.obstacles:
        pointer = "" if step is None else f"/changes/{outcome.steps.index(step)}"
        detail = message if step is None else f"{step.label}: {message}"
        found.append({"pointer": pointer, "code": "conflict", "detail": detail})
    return found


def changes_of(outcome: RevertResult, user: Reader) -> list[RevertedRow]:
    """Return what is changed back; the rows are those of who may edit them, what they name may be hidden."""
    entries = LoggedChange.objects.in_bulk([step.number for step in outcome.steps])
    # Turned round: what the request left is what the reversion finds.
    seen = [Seen(entries[step.number], step.model, step.after, step.before) for step in outcome.steps]
    keys = Keys(seen, user)
    return [
        {
            "resource": each.resource,
            "key": keys.key(*each.record) if not issubclass(each.model, Citable) else each.entry.key,
            "operation": each.operation,
            "changes": difference(keys.row(each.model, each.before), keys.row(each.model, each.after)),
        }
        for each in seen
    ]
