"""Single query parameters, read and checked: flags, days, instants, lists of words."""

import re
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import ParameterError, did_you_mean, nearest, parameter_error

DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
INSTANT = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
# Without them a request would mean something else: the first page again, a write that is kept.
NEVER_EMPTY = frozenset({"cursor", "dry_run"})
# What other services call ours.
ELSEWHERE = {
    theirs: ours
    for ours, names in {
        "page_size": "limit per_page perpage pagesize size max_results page[size] page[limit]",
        "cursor": "offset page skip start after before page_number page_token starting_after page[number] page[offset]",
        "q": "search query keyword keywords term text name",
        "sort": "ordering order_by orderby order sort_by sortby",
        "fields": "select only columns properties",
        "expand": "include embed with populate",
        "labels": "label display",
        "count": "total with_count include_total",
        "facets": "facet group_by groupby aggregations",
        "updated_after": "since modified_since updated_since changed_since",
    }.items()
    for theirs in names.split()
}

P = ParamSpec("P")
T = TypeVar("T")


class FilterError(ValueError):
    """A value that a filter does not take; says why, in the reader's language."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Query:
    """The parameters of a request. What is wrong with any of them is kept, and raised at once by `check`.

    `known` are the names that there are, `lists` those whose values form a list: given more than once they are one with
    commas. What has no value counts as not given. In this form the parameters stand in the request from now on, so
    that nobody behind this finds another one.
    """

    def __init__(self, request: HttpRequest | Request, known: Collection[str], lists: Container[str] = ()) -> None:
        self.request = request
        self.errors: list[dict[str, str]] = []
        given = QueryDict(mutable=True)
        for name, values in request.GET.lists():
            filled = [value for value in values if value]
            if name not in known:
                self._refuse(name[:100], _unknown(name[:100], known), "unknown_parameter")
            elif len(filled) > 1 and name not in lists:
                self._refuse(name, given_twice(name))
            elif filled:
                given[name] = joined(filled)
            elif name in NEVER_EMPTY:
                self._refuse(name, gettext("“%(name)s” has no value.") % {"name": name})
        own: HttpRequest = getattr(request, "_request", request)
        own.GET = given  # type: ignore[assignment]

    def _refuse(self, name: str, detail: str, code: str = "invalid_parameter") -> None:
        self.errors.append({"parameter": name, "code": code, "detail": detail})

    def read(self, reader: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a reader makes of the request; where it raises ParameterError, nothing that may be used."""
        try:
            return reader(self.request, *args, **kwargs)
        except ParameterError as error:
            told = {each["parameter"] for each in self.errors}
            self.errors += [each for each in error.errors if each.get("parameter") not in told]
            return cast("T", None)

    def check(self) -> None:
        """Raise ParameterError where anything was wrong."""
        if self.errors:
            raise ParameterError(self.errors)


def given_twice(name: str) -> str:
    """Return why a parameter is refused that is no list."""
    return gettext("“%(name)s” takes one value, and is given more than once.") % {"name": name}


def joined(values: Sequence[str]) -> str:
    """Return the values of a list that is given as several parameters as the value of one, with commas."""
    return ",".join(map(_ended, values)) if len(values) > 1 else values[0]


def _ended(value: str) -> str:
    """Return a value as it stands before a comma: a backslash at its end is not to be that of the comma."""
    backslashes = len(value) - len(value.rstrip("\\"))
    return value + "\\" if backslashes % 2 else value


def _unknown(name: str, known: Collection[str]) -> str:
    """Return why there is no parameter of a name, and which one may be meant."""
    if name == "known_at":
        return gettext("Only lists and records are given as they were known at an instant.")
    detail = gettext("There is no parameter “%(name)s”.") % {"name": name}
    plain = name.lower().replace("-", "_")
    usual = ELSEWHERE.get(plain, plain)
    if usual not in known:
        return detail + nearest(name, known)
    if usual == "cursor":
        return detail + " " + gettext("Pages are reached by “cursor”, whose value stands in “next_cursor”.")
    return detail + did_you_mean(usual)


def refuse_unknown(request: HttpRequest | Request, known: Collection[str], lists: Container[str] = ()) -> None:
    """Raise ParameterError for parameters that are not known, and for those given twice that are no `lists`."""
    Query(request, known, lists).check()


def refuse_all_but_format(request: HttpRequest | Request, known: Collection[str] = ()) -> None:
    """Raise ParameterError for parameters other than these and `format`, which is JSON."""
    query = Query(request, {"format", *known})
    query.read(read_format)
    query.check()


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
