"""Pages for readers of the API: Redoc, Swagger UI, and what the codes of errors mean.

Both viewers come from the sidecar package, are served by the project itself and ask no other host for anything.
Their style sheets are made at run time, which is the one thing that their Content-Security-Policy allows beyond 'self'.
"""

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.http.pages import TranslatedPage
from apps.common.http.problems import PROBLEMS

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


@viewer_policy
class RedocView(TranslatedPage, SpectacularRedocView):
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
class SwaggerView(TranslatedPage, SpectacularSwaggerSplitView):
    """The API for trying out, in Swagger UI."""

    url_name = "openapi-json"
    template_name = "docs/swagger.html"


class ErrorsView(TranslatedPage):
    """What the codes of problem answers mean."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the list of codes."""
        problems = [{"code": code, "status": status, "title": title} for code, (status, title) in PROBLEMS.items()]
        return render(request, "docs/errors.html", {"problems": problems})
