"""What happens to every request before a view sees it: an id for tracing, and guards against what no view can use."""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from apps.common.http.problem_answers import problem_response

REQUEST_ID = re.compile(r"^[A-Za-z0-9-]{8,64}$")
QUERY_LIMIT = 4096

Handler = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Take the client's `X-Request-ID` or make one; it comes back in the answer and stands in errors and logs.

    A change is known by an id of the service's own beside it, since a client may give the same one twice, or that of
    somebody else. An answer to a request that may write gives it as `X-Change-ID`.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        own, told = str(uuid.uuid4()), given_id(request.META)
        request.request_id = told or own  # type: ignore[attr-defined]
        request.change = ChangeIds(own, told)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            # An answer that is given again has that of the request which made the change.
            response.setdefault("X-Change-ID", own)
        return response


class ChangeIds(NamedTuple):
    """The ids by which the change log knows a request: the service's own, and that of the client, if it gave one."""

    request_id: str
    client_request_id: str


def change_ids(request: HttpRequest) -> ChangeIds:
    """Return the ids that `RequestIdMiddleware` gave a request."""
    found: ChangeIds = getattr(request, "change", ChangeIds("", ""))
    return found


def given_id(environ: Mapping[str, Any]) -> str:
    """Return the id that a request brings; empty where it brings none that can be taken."""
    given = str(environ.get("HTTP_X_REQUEST_ID", ""))
    return given if REQUEST_ID.match(given) else ""


def made_id(environ: Mapping[str, Any]) -> str:
    """Return the id that a request brings, or a new one."""
    return given_id(environ) or str(uuid.uuid4())


def id_of(request: HttpRequest) -> str:
    """Return the id that `RequestIdMiddleware` gave a request."""
    return str(getattr(request, "request_id", ""))


class AddressGuardMiddleware:
    """Refuse addresses that the database would choke on: NUL, broken UTF-8, endless queries."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        wrong = _what_is_odd(request)
        return problem_response(request, "bad_request", wrong) if wrong else self.get_response(request)


def is_odd(request: HttpRequest) -> bool:
    """Tell whether a request has an address that `AddressGuardMiddleware` refuses."""
    return bool(_what_is_odd(request))


def _what_is_odd(request: HttpRequest) -> str:
    query = request.META.get("QUERY_STRING", "")
    if len(query) > QUERY_LIMIT:
        return gettext("The query is longer than %(limit)s bytes.") % {"limit": QUERY_LIMIT}
    decoded = unquote_to_bytes(query.replace("+", " "))
    if b"\0" in decoded or "\0" in request.path:
        return gettext("The address holds a NUL character.")
    try:
        decoded.decode()
        request.path.encode()
    except UnicodeError:
        return gettext("The address is not valid UTF-8.")
    return ""


class BodyGuardMiddleware:
    """Refuse bodies that Django would misread or read in vain: of unknown length, compressed, or too large.

    Django takes a chunked body without a length for an empty one, and reads a form that is too large before it says so.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._refuse(request) or self.get_response(request)

    def _refuse(self, request: HttpRequest) -> HttpResponse | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        if request.headers.get("Transfer-Encoding") and not length:
            return problem_response(request, "length_required", gettext("Send the body with a Content-Length."))
        if length and not (length.isascii() and length.isdigit()):
            return problem_response(request, "bad_request", gettext("The Content-Length is not a number."))
        is_file = request.path.endswith("/import")
        limit = settings.MAX_FILE_BYTES if is_file else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        # Only the API: the admin takes files, which are counted apart.
        to_api = request.path.startswith(f"{settings.API_ROOT}/")
        if to_api and (len(length) > 18 or int(length or 0) > limit):
            detail = gettext("The body is larger than %(limit)s bytes.") % {"limit": limit}
            return problem_response(request, "too_large", detail)
        if length.strip("0") and request.headers.get("Content-Encoding", "identity") != "identity":
            return problem_response(request, "unsupported_media_type", gettext("Send the body without compression."))
        return None


class RateLimitMiddleware:
    """Tell the client in `RateLimit` and `RateLimit-Policy` how much it may still ask, where a view counted."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in limit_headers(request).items():
            response.headers[name] = value
        return response


def limit_headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers of a limit by which a request was counted; none where it was not."""
    found: dict[str, str] = getattr(request, "rate_limit_headers", {})
    return found
