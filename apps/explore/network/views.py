"""The network over HTTP: as JSON, GraphML and GEXF, and the page that draws it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.pages import TranslatedPage, frame
from apps.common.http.parameters import Query, read_day, read_words
from apps.common.http.problems import nearest, parameter_error
from apps.common.openapi.parameters import AS_OF, LANGUAGE, STRINGS, format_parameter
from apps.common.reading.answer_cache import CachedReads
from apps.common.rules.territory import Reader
from apps.events.models import Event
from apps.explore.keys import read_keys
from apps.explore.network.formats import GraphContent, gexf, graphml
from apps.explore.network.graph import build
from apps.explore.network.page import choices, places, texts
from apps.explore.network.rules import EdgeKind, kind_names
from apps.explore.network.serializers import NetworkSerializer
from apps.explore.network.walk import DEPTH, MAX_DEPTH, WalkRequest
from apps.registry.models import Alliance, District, MemberUnit, Street

LISTS = frozenset({"district", "street", "alliance", "unit", "kind", "edge"})
PARAMETERS = LISTS | {"include", "as_of", "depth", "format"}
NETWORK_PARAMETERS = [
    OpenApiParameter("district", STRINGS, description="Keys of `districts`: start from what is there."),
    OpenApiParameter("street", STRINGS, description="Keys of `streets`: start from what is there."),
    OpenApiParameter("alliance", STRINGS, description="Keys of `alliances`: start from these."),
    OpenApiParameter("unit", STRINGS, description="Keys of `member-units`: start from these."),
    OpenApiParameter(
        "kind",
        STRINGS,
        description="Kinds of node to keep: resources (`alliances`) or kinds within them"
        " (`university`). Others are neither given nor passed through.",
    ),
    OpenApiParameter(
        "edge",
        str,
        enum=EdgeKind.values,
        many=True,
        description="Kinds of edge to keep. Others are neither given nor followed,"
        " and nodes without an edge are left out.",
    ),
    OpenApiParameter("include", str, enum=[Event.resource], description="`events`: give events too."),
    AS_OF,
    OpenApiParameter(
        "depth",
        {"type": "integer", "minimum": 0, "maximum": MAX_DEPTH, "default": DEPTH},
        description="Steps from the records that the network starts from. Places are given without a step.",
    ),
    format_parameter("json", "graphml", "gexf"),
    LANGUAGE,
]


class GraphRenderer(BaseRenderer):
    """Renders a network; a problem stays JSON whatever the format."""

    charset = None
    write: ClassVar[Callable[[GraphContent], bytes]]

    def render(
        self,
        data: GraphContent,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body of an answer."""
        if renderer_context and renderer_context["response"].exception:
            return JSONRenderer().render(data, None, renderer_context)
        return type(self).write(data)


class GraphMLRenderer(GraphRenderer):
    media_type = "application/graphml+xml"
    format = "graphml"
    write = staticmethod(graphml)


class GEXFRenderer(GraphRenderer):
    media_type = "application/gexf+xml"
    format = "gexf"
    write = staticmethod(gexf)


RENDERERS: dict[str, type[BaseRenderer]] = {
    str(renderer.format): renderer for renderer in (JSONRenderer, GraphMLRenderer, GEXFRenderer)
}


class NetworkView(CachedReads, APIView):
    """The network of units, alliances, projects and divisions."""

    costly = True
    renderer_classes = list(RENDERERS.values())

    @extend_schema(
        operation_id="get_network",
        summary="Read the network",
        tags=["explore"],
        parameters=NETWORK_PARAMETERS,
        responses={
            (200, "application/json"): NetworkSerializer,
            (200, GraphMLRenderer.media_type): {"type": "string"},
            (200, GEXFRenderer.media_type): {"type": "string"},
        },
    )
    def get(self, request: Request) -> Response:
        """Give units, alliances, projects and divisions as nodes, and what ties them together as edges with evidence.

        The network starts from the alliances and units that are named, or from what lies in a district or street, or
        from everything, and takes in what can be reached from there in `depth` steps. It is bounded: where more is
        found, `truncated` is true and `narrow` says how to ask for less.

        Drafts are in it for those who may edit them, to whom `state` says what is one.
        """
        query = Query(request, PARAMETERS, LISTS)
        form = query.read(_choices, "format", RENDERERS)
        walk = read_walk_request(query, request.user)
        query.check()
        if form:
            request.accepted_renderer = RENDERERS[form[0]]()
            request.accepted_media_type = RENDERERS[form[0]].media_type
        response = Response(build(walk))
        extension = str(request.accepted_renderer.format)
        if extension != "json":
            response["Content-Disposition"] = f'attachment; filename="network.{extension}"'
        return response


def read_walk_request(query: Query, viewer: Reader) -> WalkRequest:
    """Return what a query asks for; what is wrong with it is told by the query."""
    named = {
        model.resource: keys
        for name, model in (("alliance", Alliance), ("unit", MemberUnit))
        if (keys := query.read(read_keys, name, model)) is not None
    }
    return WalkRequest(
        districts=query.read(read_keys, "district", District),
        streets=query.read(read_keys, "street", Street),
        named=named,
        kinds=frozenset(query.read(_choices, "kind", kind_names()) or ()),
        edges=frozenset(query.read(_choices, "edge", EdgeKind.values) or ()),
        events=bool(query.read(_choices, "include", [Event.resource])),
        as_of=query.read(read_day, "as_of"),
        depth=query.read(_depth),
        viewer=viewer,
    )


def _choices(request: Request, name: str, known: Iterable[str]) -> list[str]:
    """Return the words of a parameter, each of which has to be a known one."""
    words = read_words(request, name)
    known = list(known)
    for word in words:
        if word not in known:
            detail = gettext("“%(word)s” is not one of the values.") % {"word": word[:60]}
            raise parameter_error(name, detail + nearest(word[:60], known))
    if name in ("format", "include") and len(words) > 1:
        raise parameter_error(name, gettext("“%(name)s” takes one value.") % {"name": name})
    return words


def _depth(request: Request) -> int:
    text = request.query_params.get("depth", str(DEPTH))
    if text not in map(str, range(MAX_DEPTH + 1)):
        raise parameter_error("depth", gettext("depth is a whole number from 0 to %(max)s.") % {"max": MAX_DEPTH})
    return int(text)


class NetworkPage(TranslatedPage):
    """The page that draws the network. It reads the same address as every other client."""

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Show the page; what is chosen stands in its address, and its scripts read it from there."""
        context = {"texts": texts(), "places": places(), **choices(), **frame(request)}
        return render(request, "explore/network.html", context)
