"""The pages for readers of the API: Redoc, Swagger UI, and what the codes of errors mean.

Both viewers come from the sidecar package, are served by the project itself and ask no other host for anything.
Their style sheets are made at run time, which is the one thing that their Content-Security-Policy allows beyond 'self'.
"""

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.generic import View
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from apps.common.errors import PROBLEMS

viewer_policy = method_decorator(
    csp_update({"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"], "worker-src": [SELF, "blob:"]}),
    name="dispatch",
)


@viewer_policy
class RedocView(SpectacularRedocView):
    """The API for reading, in Redoc."""

    url_name = "openapi-json"
    template_name = "docs/redoc.html"


@viewer_policy
class SwaggerView(SpectacularSwaggerSplitView):
    """The API for trying out, in Swagger UI."""

    url_name = "openapi-json"
    template_name = "docs/swagger.html"


class ErrorsView(View):
    """What the codes of problem answers mean."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the list of codes."""
        problems = [{"code": code, "status": status, "title": title} for code, (status, title) in PROBLEMS.items()]
        return render(request, "docs/errors.html", {"problems": problems})
