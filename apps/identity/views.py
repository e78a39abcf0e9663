"""Merges over HTTP: the record of each, and the verb that makes one."""

import json
from typing import cast

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.http.middleware import change_ids
from apps.common.http.problems import Refusal, nearest
from apps.common.models.records import Citable, Fact, NamedRecord
from apps.common.models.slugs import RetiredSlug
from apps.common.models.unknown_keys import no_record
from apps.common.openapi.parameters import DRY_RUN, LANGUAGE
from apps.common.openapi.write_schema import IF_MATCH
from apps.common.resources.views import RecordViewSet, Tag
from apps.common.resources.write_views import Writes
from apps.common.rules.permissions import may_edit
from apps.common.writing.contract import REASON, Finder, error_at, escape
from apps.common.writing.evidence_bodies import add_evidence
from apps.common.writing.refusals import besides, raise_all
from apps.identity import filters, linked_terms, serializers
from apps.identity.merge_result import MergeError, MergeResult
from apps.identity.merging import merge, mergeable
from apps.identity.models import Merge
from apps.identity.schema import GIVEN, MERGED

INTO, FILL = "into", "fill"
CITATIONS = "citations"
MEMBERS = (INTO, FILL, REASON, CITATIONS)
MOST_LISTED = 500  # rows of an answer

TAG = Tag("identity", "Which records are one: what was merged into what, and why.")


class MergeViewSet(RecordViewSet):
    """Records that were found to be others: which became part of which, when, why, and what moved."""

    http_method_names = ["get", "head", "options"]
    queryset = Merge.objects.all()
    serializer_class = serializers.MergeSerializer
    detail_serializer_class = serializers.MergeSerializer
    filterset_class = filters.MergeFilterSet
    sortable = {"slug": "slug", "created_at": "created_at", "updated_at": "updated_at"}
    default_sort = "-created_at"
    tag = TAG
    linked = linked_terms.MERGE


class MergeView(Writes, APIView):
    """Merges one record into another of its kind."""

    http_method_names = ["post", "options"]

    @property
    def queryset(self) -> QuerySet:
        """The records of the resource in the address. Raises Http404."""
        if getattr(self, "swagger_fake_view", False):  # the document is written without an address
            return Merge.objects.all()
        if (model := mergeable().get(self.kwargs.get("resource", ""))) is None:
            raise Http404
        return model._default_manager.all()

    @extend_schema(
        operation_id="merge_record",
        summary="Merge a record into another one",
        tags=[TAG.name],
        parameters=[
            OpenApiParameter("resource", str, OpenApiParameter.PATH, description="Resource of both records."),
            OpenApiParameter("key", str, OpenApiParameter.PATH, description="Slug of the record that goes."),
            DRY_RUN,
            IF_MATCH,
            LANGUAGE,
        ],
        request={"application/json": GIVEN},
        responses={200: MERGED},
    )
    def post(self, request: Request, resource: str, key: str) -> HttpResponse:
        """Merge a record into another one of its kind: all that points at it points at that one from then on.

        Rows that would stand twice become one, names and citations are kept, and the slug answers 301 with the address
        of the record that stayed. Only the empty fields that `fill` names take a value. Reverting the request undoes
        all of it.
        """
        body = self._body()
        reason = self._reason(body)

        def work() -> HttpResponse:
            self._refuse_merged(key)
            loser = self._locked(key, deleting=True)
            self.conditions.check_read(loser)
            winner = self._winner(body)
            if not (may_edit(request.user, loser) and may_edit(request.user, winner)):
                raise Refusal("permission_denied")
            return self._merge(cast("NamedRecord", loser), cast("NamedRecord", winner), reason, body)

        return self._write(reason, work)

    def _merge(self, loser: NamedRecord, winner: NamedRecord, reason: str, body: dict[str, object]) -> HttpResponse:
        try:
            outcome = merge(
                loser=loser,
                winner=winner,
                reason=reason,
                request_id=change_ids(self.request._request).request_id,
                by=self.request.user,
                fill=cast("list[str]", body.get(FILL, [])),
            )
        except MergeError as error:
            kind = "may_not_publish" if error.is_forbidden else "not_mergeable"
            places = [error_at(f"/{error.member}" if error.member else "", kind, error.detail)]
            raise Refusal(error.code, errors=places) from error
        made = outcome.merge
        given = {CITATIONS: body.get(CITATIONS)}
        cited = add_evidence(made, given, Finder(self.request.user), "")
        if cited and outcome.winner.state == Fact.State.PUBLISHED:
            made.state = Fact.State.PUBLISHED
            made.save()
        return HttpResponse(json.dumps(described(outcome), ensure_ascii=False), content_type="application/json")

    def _refuse_merged(self, key: str) -> None:
        model = self.queryset.model
        if "\0" not in key and (successor := RetiredSlug.successor_of(model, key, self.request.user)):
            detail = gettext("It was merged into %(resource)s/%(key)s.")
            raise Refusal("conflict", detail % {"resource": model.resource, "key": successor})

    def _winner(self, body: dict[str, object]) -> Citable:
        """Return the record into which another is merged. Raises Refusal with all that is wrong with the body.

        Of a record merged before, it names the next.
        """
        winner, errors = self._find_winner(body.get(INTO))
        errors += [
            error_at(
                f"/{escape(name)}",
                "unknown_field",
                gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], MEMBERS),
            )
            for name in body
            if name not in MEMBERS
        ]
        given = body.get(FILL, [])
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            errors.append(error_at(f"/{FILL}", "not_a_list", gettext("A list of names of fields is expected.")))
        raise_all([*self.flaws, *besides(self.flaws, errors)])
        return cast("Citable", winner)

    def _find_winner(self, key: object) -> tuple[Citable | None, list[dict[str, str]]]:
        """Return the record that a body names, or why there is none."""
        model = self.queryset.model
        if not isinstance(key, str) or not key:
            detail = gettext("“%(name)s” is required.") % {"name": INTO}
            return None, [error_at(f"/{INTO}", "required", detail)]
        resource, slash, slug = key.rpartition("/")
        if slash and resource != model.resource:
            detail = gettext("Only two records of one kind can be one.")
            return None, [error_at(f"/{INTO}", "not_mergeable", detail)]
        found = None if "\0" in slug else self._rows(slug).first()
        if found is None:
            return None, [error_at(f"/{INTO}", "unknown_key", no_record(model, slug, self.request.user))]
        return found, []


def described(outcome: MergeResult) -> dict[str, object]:
    """Return what a merge did, for who made it."""
    winner, made = outcome.winner, outcome.merge
    return {
        "record": _target(winner),
        "merge": f"{settings.API_ROOT}/{made.resource}/{made.key}",
        "moved": [{**_named(row), "field": name} for row, name in outcome.moved[:MOST_LISTED]],
        "moved_count": len(outcome.moved),
        "folded": [{**_named(row), "into": _named(twin)["key"]} for row, twin in outcome.folded[:MOST_LISTED]],
        "folded_count": len(outcome.folded),
        "filled": made.filled,
    }


def _target(record: Citable) -> dict[str, str]:
    address = f"{settings.API_ROOT}/{record.resource}/{record.key}"
    return {"resource": record.resource, "key": record.key, "name": str(record), "url": address}


def _named(row: Model) -> dict[str, str]:
    if isinstance(row, Citable):
        return {"resource": row.resource, "key": row.key}
    return {"resource": str(row._meta.model_name), "key": str(row.pk)}
