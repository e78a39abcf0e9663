"""Single query parameters, read and checked: flags, days, instants, lists of words."""

import re
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import ParameterError, nearest, parameter_error

DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
INSTANT = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
# Without them a request would mean something else: the first page again, a write that is kept.
NEVER_EMPTY = frozenset({"cursor", "dry_run"})


class FilterError(ValueError):
    """A value that a filter does not take; says why, in the reader's language."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def refuse_unknown(request: HttpRequest | Request, known: Collection[str]) -> None:
    """Raise ParameterError for parameters that are not known, and for those given more than once.

    What has no value counts as not given: it is taken out of the request, so that nobody behind this finds it. But one
    of `NEVER_EMPTY` is refused.
    """
    errors = []
    for name in request.GET:
        if name not in known:
            if name == "known_at":
                detail = gettext("Only lists and records are given as they were known at an instant.")
            else:
                detail = gettext("There is no parameter “%(name)s”.") % {"name": name[:100]}
                detail += nearest(name[:100], known)
            errors.append({"parameter": name[:100], "code": "unknown_parameter", "detail": detail})
    if errors:
        raise ParameterError(errors, "unknown_parameter")
    given = QueryDict(mutable=True)
    for name, values in request.GET.lists():
        filled = [value for value in values if value]
        if len(filled) > 1:
            raise parameter_error(name, gettext("“%(name)s” is given more than once; use commas.") % {"name": name})
        if name in NEVER_EMPTY and not filled:
            raise parameter_error(name, gettext("“%(name)s” has no value.") % {"name": name})
        if filled:
            given.setlist(name, filled)
    own: HttpRequest = getattr(request, "_request", request)
    own.GET = given  # type: ignore[assignment]


def read_format(request: HttpRequest | Request, known: Iterable[str] = ("json",)) -> str:
    """Return the format of the answer that `?format=` names."""
    value = request.GET.get("format") or "json"
    if value not in known:
        raise parameter_error(
            "format", gettext("“%(form)s” is not a format.") % {"form": value[:40]} + nearest(value[:40], known)
        )
    return value


def read_flag(request: HttpRequest | Request, name: str) -> bool:
    """Return a parameter that is true or false; absent is false."""
    value = request.GET.get(name, "false")
    if value not in ("true", "false"):
        raise parameter_error(name, gettext("true or false is expected."))
    return value == "true"


def read_day(request: HttpRequest | Request, name: str) -> date | None:
    """Return a parameter that is a whole day, YYYY-MM-DD."""
    value = request.GET.get(name)
    if value is None:
        return None
    try:
        if not DAY.match(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise parameter_error(name, gettext("A day is expected, such as 2013-06-27.")) from None


def read_moment(request: HttpRequest | Request, name: str) -> datetime | None:
    """Return a parameter that is an instant with its offset from UTC."""
    value = request.GET.get(name)
    if value is None:
        return None
    try:
        return read_instant(value)
    except FilterError as error:
        raise parameter_error(name, error.detail) from error


def read_words(request: HttpRequest | Request, name: str) -> list[str]:
    """Return the comma-separated words of a parameter."""
    value = request.GET.get(name)
    return [] if value is None else [word.strip() for word in value.split(",")]


def read_whole(text: str) -> int:
    """Return a whole number."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise FilterError(gettext("A whole number is expected."))
    return int(text)


def read_number(text: str) -> Decimal:
    """Return a number with at most 15 digits before its point."""
    try:
        number = Decimal(text) if len(text) <= 32 and text.isascii() else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise FilterError(gettext("A number is expected."))
    return number


def read_instant(text: str) -> datetime:
    """Return an instant with its offset from UTC."""
    try:
        if not INSTANT.match(text):
            raise ValueError
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(gettext("An instant is expected, such as 2026-01-31T08:00:00Z.")) from None
