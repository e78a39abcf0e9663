"""`/api/v1/calendar.ics`: events and deadlines of places and parties, as calendars of other programs take them."""

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.http.parameters import Query
from apps.common.http.problems import parameter_error
from apps.common.models.records import Citable
from apps.common.openapi.parameters import LANGUAGE, STRINGS
from apps.common.reading.answer_cache import CachedReads
from apps.explore.calendar.entries import entries_of
from apps.explore.calendar.written import write_calendar
from apps.explore.keys import read_keys
from apps.registry.models import Alliance, District, MemberUnit, Neighbourhood, Street

SCOPES: dict[str, type[Citable]] = {
    "district": District,
    "street": Street,
    "neighbourhood": Neighbourhood,
    "alliance": Alliance,
    "unit": MemberUnit,
}
MEDIA_TYPE = "text/calendar"


class CalendarView(CachedReads, APIView):
    """Events and deadlines."""

    costly = True

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Give what there is, whatever is asked for: programs for calendars ask for anything."""
        return self.get_renderers()[0], "application/json"

    @extend_schema(
        operation_id="get_calendar",
        summary="Read a calendar of events and deadlines",
        tags=["explore"],
        parameters=[
            *(
                OpenApiParameter(name, STRINGS, description=f"Keys of `{model.resource}`: what lies or happens there.")
                for name, model in list(SCOPES.items())[:3]
            ),
            OpenApiParameter("alliance", STRINGS, description="Keys of `alliances`: what is theirs."),
            OpenApiParameter("unit", STRINGS, description="Keys of `member-units`: in which they take part."),
            LANGUAGE,
        ],
        responses={(200, MEDIA_TYPE): {"type": "string"}},
    )
    def get(self, request: Request) -> HttpResponse:
        """Give events, the last days of rounds, leases of claims and needs as a calendar (RFC 5545) to subscribe to.

        At least one of the parameters is given; of several, all hold. Whole days of the city. Only what is known to the
        day stands in it; a day that is uncertain, or may still be moved by holidays, is `TENTATIVE`. Without a token it
        has what everybody sees.
        """
        query = Query(request, SCOPES, SCOPES)
        scope = {name: found for name, model in SCOPES.items() if (found := query.read(read_keys, name, model))}
        query.check()
        if not scope:
            detail = gettext("Name one of these at least: %(names)s.") % {"names": ", ".join(SCOPES)}
            raise parameter_error("street", detail)
        named = ", ".join(request.GET[name] for name in scope)
        root = request.build_absolute_uri("/").rstrip("/")
        title = gettext("Events and deadlines: %(names)s") % {"names": named}
        content = write_calendar(title, entries_of(scope, request.user), root)
        return HttpResponse(content, content_type=f"{MEDIA_TYPE}; charset=utf-8")
