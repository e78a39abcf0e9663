"""Which web pages of other origins may read here, and which may write (docs/decisions/0031).

Anybody may read what anybody may read: every answer of the API says `*`, whether or not its request names an origin, so
that a cache needs no answer for each origin. Nothing is ever allowed with cookies. A browser asks before it sends a
token or writes, and is told that it may for pages of `CORS_ORIGINS` only.
"""

import re
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

READING = ("GET", "HEAD", "OPTIONS")
# Of the type of a body too, though a read has none: some generated clients always send it.
READING_HEADERS = ("Accept", "Accept-Language", "Content-Type", "If-None-Match", "X-Request-ID")
WRITING = (*READING, "POST", "PUT", "PATCH", "DELETE")
WRITING_HEADERS = (*READING_HEADERS, "Authorization", "If-Match", "Idempotency-Key")
# On every answer, whatever part of the service gives it.
OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ", ".join(settings.CORS_EXPOSE_HEADERS),
}


OPEN_PATHS = re.compile(settings.CORS_URLS_REGEX)


class CrossOriginMiddleware(CorsMiddleware):
    """Lets web pages of other origins in, and answers what browsers ask before."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.method == "OPTIONS":
            return super().__call__(request)
        answer: Any = self.get_response(request)
        return self.add_response_headers(request, answer)

    def is_enabled(self, request: HttpRequest) -> bool:
        """Tell whether an address is open to other origins."""
        return OPEN_PATHS.match(request.path_info) is not None

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Put the headers on an answer."""
        if self.is_enabled(request):
            for name, value in (OPEN if request.method != "OPTIONS" else OPEN | _permission(request)).items():
                response.headers[name] = value
        return response


def _permission(request: HttpRequest) -> dict[str, str]:
    """Return the headers that say which requests a page may send."""
    may_write = request.headers.get("Origin") in settings.CORS_ALLOWED_ORIGINS
    asks_by_post = request.path_info == "/reconcile"
    methods = WRITING if may_write else (*READING, "POST") if asks_by_post else READING
    found = {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": ", ".join(WRITING_HEADERS if may_write else READING_HEADERS),
        "Access-Control-Max-Age": str(settings.CORS_PREFLIGHT_MAX_AGE),
    }
    return found | ({"Vary": "Origin"} if settings.CORS_ALLOWED_ORIGINS else {})
