"""What happens to every request before a view sees it: an id for tracing, and a guard against unusable addresses."""

import re
import uuid
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from apps.common.errors import problem_response

REQUEST_ID = re.compile(r"^[A-Za-z0-9-]{8,64}$")
QUERY_LIMIT = 4096

Handler = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Take the client's `X-Request-ID` or make one; it comes back in the answer and stands in errors and logs."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request.request_id = given if REQUEST_ID.match(given) else str(uuid.uuid4())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


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
