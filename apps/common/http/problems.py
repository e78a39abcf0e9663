"""Kinds of problem (RFC 9457), and the exceptions that become one."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.http import Http404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

RETRY_AFTER = "3"  # seconds after which a database that was away is worth another try

# Codes, each with its HTTP status and title: the page /docs/errors and the OpenAPI document are made from this list.
PROBLEMS: dict[str, tuple[int, "StrOrPromise"]] = {
    "bad_request": (400, _("The request is not valid.")),
    "unknown_parameter": (400, _("The address has a parameter that does not exist.")),
    "invalid_parameter": (400, _("A parameter has a value that is not valid.")),
    "not_authenticated": (401, _("Authentication is needed.")),
    "permission_denied": (403, _("This is not permitted.")),
    "not_found": (404, _("There is nothing at this address.")),
    "method_not_allowed": (405, _("The method is not allowed here.")),
    "conflict": (409, _("The change does not agree with what is on record.")),
    "not_acceptable": (406, _("The answer cannot be given in the format asked for.")),
    "feed_reset": (410, _("The feed has begun anew.")),
    "length_required": (411, _("The request does not say how long its body is.")),
    "precondition_failed": (412, _("The record is no longer as it was read.")),
    "too_large": (413, _("The request is too large.")),
    "unsupported_media_type": (415, _("The body is in a format that is not understood.")),
    "key_reused": (422, _("The idempotency key was used for another request.")),
    "precondition_required": (428, _("The request has to say which version of the record it changes.")),
    "too_many_requests": (429, _("Too many requests.")),
    "internal_error": (500, _("Something went wrong on the server.")),
    "busy": (503, _("There is no room for a read as costly as this one at the moment.")),
    "unavailable": (503, _("The service is not available at the moment.")),
}


class ParameterError(exceptions.APIException):
    """One or more query parameters are unknown or have a value that is not valid."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, errors: list[dict[str, str]]) -> None:
        # Of several kinds that one which says most about the client.
        codes = {error["code"] for error in errors}
        self.code = "unknown_parameter" if "unknown_parameter" in codes else errors[0]["code"]
        super().__init__(" ".join(error["detail"] for error in errors), self.code)
        self.errors = errors


class NoRecordError(Http404):
    """There is no record at an address; `hint` is a sentence about which one may be meant."""

    def __init__(self, hint: str = "") -> None:
        super().__init__()
        self.hint = hint


class Refusal(exceptions.APIException):
    """A write that is refused: a code of `PROBLEMS`, and each place in the body that was wrong."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status_code, title = PROBLEMS[code]
        super().__init__(detail or " ".join(error["detail"] for error in errors or []) or str(title), code)
        self.code = code
        self.errors = errors
        self.headers = headers or {}


def parameter_error(parameter: str, detail: str, code: str = "invalid_parameter") -> ParameterError:
    """Return the error for one parameter."""
    return ParameterError([{"parameter": parameter, "code": code, "detail": detail}])


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a sentence that names the known word most like the given one, or all of them where they are few."""
    names = sorted(known)
    if found := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return did_you_mean(found[0])
    if 0 < len(names) <= 30:
        return " " + gettext("Known are: %(names)s.") % {"names": ", ".join(names)}
    return ""


def did_you_mean(name: str) -> str:
    """Return a sentence that names what may be meant."""
    return " " + gettext("Did you mean “%(name)s”?") % {"name": name}


class BodyError(exceptions.APIException):
    """One or more places of the body are not what every reader of JSON would take for the same.

    `value` is the body, if it can be read but for these places.
    """

    status_code = status.HTTP_400_BAD_REQUEST
    code = "bad_request"

    def __init__(self, errors: list[dict[str, str]], value: object = None) -> None:
        super().__init__(" ".join(error["detail"] for error in errors), self.code)
        self.errors = errors
        self.value = value
