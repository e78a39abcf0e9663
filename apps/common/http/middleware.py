"""What happens to every request before a view sees it: an id for tracing, and guards against what no view can use."""

import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from apps.common.http.problem_answers import problem_response

REQUEST_ID = re.compile(r"^[A-Za-z0-9-]{8,64}$")
QUERY_LIMIT = 4096
DRAINED_AT_ONCE = 65_536

Handler = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Take the client's `X-Request-ID` or make one; it comes back in the answer and stands in errors and logs.

    A change is known by an id of the service's own beside it, since a client may give the same one twice, or that of
    somebody else. An answer to a request that may write gives it as `X-Change-ID`.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        own, given = str(uuid.uuid4()), request.META.get("HTTP_X_REQUEST_ID", "")
        told = given if REQUEST_ID.match(given) else ""
        request.request_id = told or own  # type: ignore[attr-defined]
        request.change = ChangeIds(own, told)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            response["X-Change-ID"] = own
        return response


class ChangeIds(NamedTuple):
    """The ids by which the change log knows a request: the service's own, and that of the client, if it gave one."""

    request_id: str
    client_request_id: str


def change_ids(request: HttpRequest) -> ChangeIds:
    """Return the ids that `RequestIdMiddleware` gave a request."""
    found: ChangeIds = getattr(request, "change", ChangeIds("", ""))
    return found


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


def has_body(request: HttpRequest) -> bool:
    """Tell whether a request brings a body, or says that it does, so that `BodyGuardMiddleware` has to look at it."""
    return bool((request.META.get("CONTENT_LENGTH") or "").strip("0") or request.META.get("HTTP_TRANSFER_ENCODING"))


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

    What a view has left unread of any other body is read behind it: granian closes a connection whose body was not
    read, so that a client that is still sending would find a broken pipe in the place of its 401 or 503.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if refusal := self._refuse(request):
            return refusal
        response = self.get_response(request)
        # Who waits for `100 Continue` has sent nothing yet.
        if has_body(request) and "Expect" not in request.headers:
            with suppress(UnreadablePostError):
                for _piece in range(settings.MAX_FILE_BYTES // DRAINED_AT_ONCE):
                    if not request.read(DRAINED_AT_ONCE):
                        break
        return response

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
        for name, value in getattr(request, "rate_limit_headers", {}).items():
            response[name] = value
        return response
