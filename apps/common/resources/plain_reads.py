"""A way past most of the stack for the requests that there are most of: reads of records by nobody in particular.

Sessions, messages, CSRF, the security policy put together anew, some sixty addresses tried for the view: none of it
matters to such a read, and together it costs several times what the answer does. Whatever is out of the ordinary about
a request (a credential, another format, an odd address) sends it the whole way;
tests/common/resources/test_plain_reads.py compares both ways.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.module_loading import import_string

from apps.common.http.bodies import has_body
from apps.common.http.languages import language_of
from apps.common.http.middleware import Handler, is_odd, limit_headers
from apps.common.reading.answer_cache import is_anonymous, wants_json
from apps.common.resources.registry import viewsets
from apps.common.resources.views import RecordViewSet

# What does no more than put headers on an answer, the same on each.
DRESSING = (
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)


class Route:
    """The two addresses of a resource, as views."""

    def __init__(self, viewset: type[RecordViewSet]) -> None:
        self.list: Any = viewset.as_view({"get": "list"})
        self.detail: Any = viewset.as_view({"get": "retrieve"})
        # Names of list-level actions, which no record may have as its key.
        actions: list[Any] = viewset.get_extra_actions()
        self.taken = {action.url_path for action in actions if not action.detail}


@cache
def routes() -> dict[str, Route]:
    """Return the addresses of all resources, by their names."""
    return {resource: Route(viewset) for resource, viewset in viewsets().items()}


class ShortcutMiddleware:
    """Answer plain anonymous reads of records; leave all else to the rest of the stack."""

    _root = f"{settings.API_ROOT}/"

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._headers: dict[bool, dict[str, str]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = self._find(request)
        if view is None:
            return self.get_response(request)
        language = language_of(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response: HttpResponseBase = view(request)  # with a Vary that names the language among others
        response.headers["Content-Language"] = language
        for name, value in (self._dress(request) | limit_headers(request)).items():
            response.headers[name] = value
        if isinstance(response, HttpResponse) and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))
        return response

    def _find(self, request: HttpRequest) -> Callable[[HttpRequest], HttpResponseBase] | None:
        """Return what answers a request that is plain in every respect."""
        if request.method not in ("GET", "HEAD") or not request.path_info.startswith(self._root):
            return None
        name, slash, key = request.path_info[len(self._root) :].partition("/")
        route = routes().get(name)
        if route is None or (slash and not key) or "/" in key or key in route.taken:
            return None
        if not (is_anonymous(request) and wants_json(request.META.get("HTTP_ACCEPT", ""))) or is_odd(request):
            return None
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return None
        if has_body(request.META):
            return None
        return (lambda request: route.detail(request, key=key)) if key else route.list

    def _dress(self, request: HttpRequest) -> dict[str, str]:
        """Return the headers that the rest of the stack puts on every answer, as it put them on a blank one."""
        secure = request.is_secure()
        if secure not in self._headers:
            handler: Any = lambda _request: HttpResponse()  # noqa: E731
            for name in DRESSING:
                handler = import_string(name)(handler)
            headers = dict(handler(request).headers)
            del headers["Content-Type"]
            self._headers[secure] = headers
        return self._headers[secure]
