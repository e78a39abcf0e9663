"""Claim forms over HTTP: as JSON, as a page to print, and as the files in which claims are exported."""

from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.files import exports
from apps.common.http.formats import EXPORTS, FORMATS, choose
from apps.common.http.parameters import Query
from apps.common.http.problems import NoRecordError, parameter_error
from apps.common.models.unknown_keys import meant
from apps.common.openapi.parameters import KEY, LANGUAGE, format_parameter
from apps.common.reading import read_request
from apps.common.reading.answer_cache import CachedReads
from apps.common.reading.readable_view import ReadableView
from apps.explore.form.page import sections
from apps.explore.form.serializers import ClaimFormSerializer
from apps.explore.form.table import PUBLISHED, claims_of, form_of
from apps.projects.models import Round
from apps.projects.views import ClaimViewSet
from apps.registry.models import Alliance

OFFERED = ("json", "csv", "xlsx", "html")
MOST_CLAIMS = 5000  # on a page; a file has any number
ANSWERS = {
    (200, "application/json"): ClaimFormSerializer,
    **{(200, FORMATS[name].media_type): {"type": "string"} for name in OFFERED[1:]},
    404: None,
}


class FormClaims(ClaimViewSet):
    """The list of claims without drafts, from which a form's files are made."""

    @classmethod
    def at_time(cls, rows: Any, as_of: Any, asked: frozenset[str]) -> Any:
        """Leave drafts out."""
        return super().at_time(rows, as_of, asked).filter(state=PUBLISHED)


class FormView(CachedReads, APIView):
    """The claim form of one record."""

    costly = True
    model: ClassVar[type[Round | Alliance]]
    filter: ClassVar[str]  # of the list of claims, by which a file has those of the form

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Leave the format to `formats.choose`."""
        return self.get_renderers()[0], "application/json"

    def show(self, request: Request, key: str) -> HttpResponseBase:
        """Give the form in the format that is asked for. Raises ParameterError, NoRecordError."""
        query = Query(request, {"format"})
        form = query.read(choose, OFFERED)
        query.check()
        owner = self.model.rows().visible_to(request.user).filter(**{self.model.key_field: key}).first()
        if owner is None:
            raise NoRecordError(meant(self.model, key, request.user))
        if form in EXPORTS:
            return self._file(request, key, form)
        if claims_of(owner, request.user)[MOST_CLAIMS:].exists():
            detail = gettext("The form has more than %(most)s claims: take format=csv.")
            raise parameter_error("format", detail % {"most": f"{MOST_CLAIMS:,}"})
        found = form_of(owner, request.user)
        if form == "html":
            page = render(request._request, "explore/form.html", {"form": found, "sections": sections(found)})
            return HttpResponse(page.content, content_type=FORMATS["html"].content_type)
        return Response(ClaimFormSerializer(found).data)

    def _file(self, request: Request, key: str, form: str) -> HttpResponseBase:
        """Return the claims of the form as the list of claims exports them, so that the file can be read in again."""
        asked = HttpRequest()
        asked.path = request.path
        asked.GET = QueryDict(mutable=True)
        asked.GET.update({self.filter: key, "labels": "true", "format": form})
        return exports.answer(
            request, read_request.ask(asked, cast("type[ReadableView]", FormClaims), request.user), form
        )


class RoundFormView(FormView):
    """The claim form of a round."""

    model, filter = Round, "round"

    @extend_schema(
        operation_id="get_round_form",
        summary="Read the claim form of a round",
        tags=["projects"],
        parameters=[KEY, format_parameter(*OFFERED), LANGUAGE],
        responses=ANSWERS,
    )
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Give which unit claims which project of the round, by category and body, and the totals beside it.

        `csv` and `xlsx` have the columns of an export of claims, and go back through `POST /claims/import`; `html` is a
        page to print (A4, landscape). Claims that only their parties see are in it for these alone.
        """
        return self.show(request, key)


class AllianceFormView(FormView):
    """The claim form of a body."""

    model, filter = Alliance, "alliance"

    @extend_schema(
        operation_id="get_alliance_form",
        summary="Read the claim form of a body",
        tags=["alliances"],
        parameters=[KEY, format_parameter(*OFFERED), LANGUAGE],
        responses=ANSWERS,
    )
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Give which unit claims which project in the framework of a body, in any round or none, and the totals.

        What articles report (48 units claim 118 projects), what parties attest and what is on record stand side by
        side. Formats are those of the form of a round.
        """
        return self.show(request, key)
