"""What readers of the API are given: the OpenAPI document, Redoc, Swagger UI, and what the codes of errors mean.

All of it follows `Accept-Language`, and `?lang=` where an address names a language.

Both viewers come from the sidecar package, are served by the project itself and ask no other host for anything.
Their style sheets are made at run time, which is the one thing that their Content-Security-Policy allows beyond 'self'.
"""

from functools import cache
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import activate, get_language, gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.generic import View
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.parameters import refuse_unknown
from apps.common.http.problems import PROBLEMS, nearest, parameter_error
from apps.common.openapi.schema import document

viewer_policy = method_decorator(
    csp_update({"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"], "worker-src": [SELF, "blob:"]}),
    name="dispatch",
)


# Words of Redoc's own that it lets us choose; it has more, which stay in English.
LABELS = {
    "enum": _("Enum"),
    "enumSingleValue": _("Value"),
    "enumArray": _("Items"),
    "default": _("Default"),
    "example": _("Example"),
    "recursive": _("Recursive"),
    "arrayOf": _("Array of "),
    "const": _("Value"),
    "noResultsFound": _("No results found"),
    "download": _("Download"),
    "downloadSpecification": _("Download OpenAPI specification"),
    "responses": _("Responses"),
    "requestSamples": _("Request samples"),
    "responseSamples": _("Response samples"),
}


@cache
def rendered(language: str, form: str) -> str | bytes:
    """Return the OpenAPI document as it is sent. Made once a process: it depends on the code and on nothing else."""
    renderer = OpenApiJsonRenderer() if form == "json" else OpenApiYamlRenderer()
    with override(language):
        return renderer.render(document(), renderer_context={})


class DocumentView(APIView):
    """The OpenAPI document."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Give the document in the language of `?lang=`, or else in the one that the reader asks for."""
        refuse_unknown(request, {"lang"})
        languages = [code for code, _name in settings.LANGUAGES]
        language = request.query_params.get("lang", get_language() or settings.LANGUAGE_CODE).lower()
        if language not in languages:
            detail = gettext("“%(word)s” is not one of the values.") % {"word": language[:40]}
            raise parameter_error("lang", detail + nearest(language[:40], languages))
        renderer: BaseRenderer = request.accepted_renderer
        # Said here, since LanguageMiddleware knows of Accept-Language only.
        headers = {"Content-Language": language}
        return HttpResponse(rendered(language, str(renderer.format)), content_type=renderer.media_type, headers=headers)


class JSONDocumentView(DocumentView):
    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2]


class YAMLDocumentView(DocumentView):
    renderer_classes = [OpenApiYamlRenderer, OpenApiYamlRenderer2]


class DocumentPage(View):
    """A page in the language that its address names, or else in the one that the reader asks for."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Until the answer is sent, since some pages are rendered behind the view; each request begins anew.
        if (language := request.GET.get("lang", "").lower()) in dict(settings.LANGUAGES):
            activate(language)
        return super().dispatch(request, *args, **kwargs)


@viewer_policy
class RedocView(DocumentPage, SpectacularRedocView):
    """The API for reading, in Redoc."""

    url_name = "openapi-json"
    template_name = "docs/redoc.html"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show the page."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.data["labels"] = {name: str(label) for name, label in LABELS.items()}
        return response


@viewer_policy
class SwaggerView(DocumentPage, SpectacularSwaggerSplitView):
    """The API for trying out, in Swagger UI."""

    url_name = "openapi-json"
    template_name = "docs/swagger.html"


class ErrorsView(DocumentPage):
    """What the codes of problem answers mean."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the list of codes."""
        problems = [{"code": code, "status": status, "title": title} for code, (status, title) in PROBLEMS.items()]
        return render(request, "docs/errors.html", {"problems": problems})
