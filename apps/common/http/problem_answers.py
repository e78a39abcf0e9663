"""Errors as RFC 9457 problem details: one shape for everything that goes wrong over HTTP.

`detail` says in the reader's language what was wrong; `code` says it to programs and names the entry in /docs/errors;
`errors` points at each offending parameter (`parameter`) or place in the body (`pointer`, a JSON Pointer).
"""

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NotRequired, TypedDict

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import is_valid_path
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.translation import gettext
from psycopg.errors import QueryCanceled
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common.http.problems import PROBLEMS, RETRY_AFTER, BodyError, ParameterError, Refusal

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


class ProblemBody(TypedDict):
    """The body of a problem answer."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: NotRequired[list[dict[str, str]]]


def problem(
    request: HttpRequest,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
) -> ProblemBody:
    """Return the body of a problem answer."""
    body = problem_at(request.get_full_path(), getattr(request, "request_id", ""), code, detail)
    if errors:
        body["errors"] = errors
    return body


def problem_at(address: str, request_id: str, code: str, detail: str = "") -> ProblemBody:
    """Return the body of a problem answer to a request for an address."""
    http_status, title = PROBLEMS[code]
    return {
        "type": f"/docs/errors#{code}",
        "title": str(title),
        "status": http_status,
        "detail": detail or str(title),
        "instance": address,
        "code": code,
        "request_id": request_id,
    }


def problem_response(request: HttpRequest, code: str, detail: str = "", **headers: str) -> JsonResponse:
    """Return a whole problem answer, for what goes wrong outside a view."""
    return _json(problem(request, code, detail or str(PROBLEMS[code][1])), headers)


def _json(body: ProblemBody, headers: dict[str, str]) -> JsonResponse:
    return JsonResponse(
        body,
        status=body["status"],
        content_type=CONTENT_TYPE,
        headers=headers,
        json_dumps_params={"ensure_ascii": False},
    )


def exception_handler(error: Exception, context: Mapping[str, Request]) -> Response | None:
    """Answer every exception of a view as a problem; what is nobody's fault but ours stays an exception (500)."""
    if (found := _explain(error, context["request"]._request)) is None:
        return None
    set_rollback()
    body, headers = found
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def answer_problem(error: Exception, request: HttpRequest) -> JsonResponse | None:
    """Answer an exception outside Django REST framework in the same way."""
    if (found := _explain(error, request)) is None:
        return None
    body, headers = found
    return _json(body, headers)


class Explanation(NamedTuple):
    """Why a request was not answered: a code of `PROBLEMS`, and what the answer says beside it."""

    code: str
    detail: str
    errors: list[dict[str, str]] | None = None
    headers: Mapping[str, str] = {}


def _explain(error: Exception, request: HttpRequest) -> tuple[ProblemBody, dict[str, str]] | None:
    """Return the body and the headers of the answer to an exception; None for a fault of our own."""
    found = _explain_refusal(error) or _explain_http(error, request) or _explain_database(error, request)
    if found is None:
        return None
    headers = dict(found.headers)
    if isinstance(error, exceptions.APIException) and (challenge := getattr(error, "auth_header", None)):
        headers["WWW-Authenticate"] = challenge
    return problem(request, found.code, found.detail, found.errors), headers


def _explain_refusal(error: Exception) -> Explanation | None:
    """Explain what this service refuses by itself, or what a serializer refuses for it."""
    match error:
        case ParameterError() | BodyError():
            return Explanation(error.code, str(error.detail), error.errors)
        case Refusal():
            return Explanation(error.code, str(error.detail), error.errors, error.headers)
        case exceptions.ValidationError():
            errors = list(_flatten(error.get_full_details(), ""))
            return Explanation("bad_request", " ".join(item["detail"] for item in errors), errors)
    return None


def _explain_http(error: Exception, request: HttpRequest) -> Explanation | None:
    """Explain what Django and Django REST framework refuse."""
    match error:
        case Http404() | exceptions.NotFound():
            hint = getattr(error, "hint", "")
            return Explanation("not_found", gettext("There is no %(path)s.") % {"path": request.path} + hint)
        case exceptions.MethodNotAllowed():
            return Explanation("method_not_allowed", str(error.detail))
        case exceptions.NotAcceptable():
            offered = getattr(error, "offered", ["application/json"])
            return Explanation("not_acceptable", gettext("Ask for %(types)s.") % {"types": ", ".join(offered)})
        case exceptions.UnsupportedMediaType():
            return Explanation("unsupported_media_type", str(error.detail))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            # 401 has to name a way to authenticate; an admin session has none to name, so that DRF makes it 403.
            is_challenge = error.status_code == status.HTTP_401_UNAUTHORIZED
            return Explanation("not_authenticated" if is_challenge else "permission_denied", str(error.detail))
        case PermissionDenied() | exceptions.PermissionDenied():
            return Explanation("permission_denied", str(PROBLEMS["permission_denied"][1]))
        case exceptions.Throttled():
            wait = str(int(getattr(error, "wait", None) or 1))
            return Explanation("too_many_requests", str(error.detail), headers={"Retry-After": wait})
        case RequestDataTooBig():
            return Explanation("too_large", str(PROBLEMS["too_large"][1]))
        case exceptions.APIException() if error.status_code < status.HTTP_500_INTERNAL_SERVER_ERROR:
            return Explanation("bad_request", str(error.detail))
        case SuspiciousOperation() | UnicodeError() | OverflowError():
            return Explanation("bad_request", str(PROBLEMS["bad_request"][1]))
    return None


def _explain_database(error: Exception, request: HttpRequest) -> Explanation | None:
    """Explain what the database refuses, and its absence, which is logged."""
    match error:
        case IntegrityError():
            return Explanation("conflict", str(PROBLEMS["conflict"][1]))
        case DataError():
            return Explanation("bad_request", str(PROBLEMS["bad_request"][1]))
        case OperationalError() if isinstance(error.__cause__, QueryCanceled):
            detail = gettext("The answer takes longer than it may: ask for less.")
            return Explanation("busy", detail, headers={"Retry-After": RETRY_AFTER})
        case OperationalError() | InterfaceError():
            _log_outage(error, request)
            return Explanation("unavailable", str(PROBLEMS["unavailable"][1]), headers={"Retry-After": RETRY_AFTER})
    return None


def _log_outage(error: Exception, request: HttpRequest) -> None:
    """Log why an answer is 503, in the one line that there is of it (settings.LOGGING)."""
    reason = " ".join(str(error).split())
    logger.warning("the database does not answer: %s (request %s)", reason, getattr(request, "request_id", ""))


def _flatten(details: object, pointer: str) -> Iterable[dict[str, str]]:
    """Yield the leaves of DRF's nested error details, each with its JSON Pointer."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        # Most come translated; “No data provided” does not (translations.FRAMEWORK_TEXTS).
        yield {"pointer": pointer, "code": details["code"], "detail": gettext(str(details["message"]))}
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _flatten(inner, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    elif isinstance(details, list):
        for number, inner in enumerate(details):
            is_message = isinstance(inner, dict) and set(inner) == {"message", "code"}
            yield from _flatten(inner, pointer if is_message else f"{pointer}/{number}")


# What Django answers when no view did (urls.py) -----------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer 400; RequestDataTooBig is 413."""
    return problem_response(request, "too_large" if isinstance(exception, RequestDataTooBig) else "bad_request")


def permission_denied(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer 403."""
    return problem_response(request, "permission_denied")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, or 308 with the address without the slash at the end, where there is that one alone."""
    path = request.path.removesuffix("/")
    if path != request.path and not (request.resolver_match or path.startswith("//")) and is_valid_path(path):
        query = request.META.get("QUERY_STRING", "")
        address = escape_uri_path(path) + (f"?{query}" if query else "")
        return HttpResponse(status=308, headers={"Location": iri_to_uri(address)})
    return problem_response(request, "not_found", gettext("There is no %(path)s.") % {"path": request.path})


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer 500, or 503 where the database is away."""
    if isinstance(error := sys.exc_info()[1], OperationalError | InterfaceError):
        _log_outage(error, request)
        return problem_response(request, "unavailable", **{"Retry-After": RETRY_AFTER})
    return problem_response(request, "internal_error")
