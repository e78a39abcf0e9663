"""The formats in which lists and records are given, and which of them a request asks for."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from apps.common.http.parameters import read_format
from apps.common.http.problems import ParameterError
from apps.common.http.weights import weighted


class Format(NamedTuple):
    """A format: its name in `?format=`, its media type, and what the header says of it beyond that."""

    name: str
    media_type: str
    parameters: str = ""

    @property
    def content_type(self) -> str:
        """The header `Content-Type`."""
        return self.media_type + self.parameters


FORMATS = {
    made.name: made
    for made in (
        Format("json", "application/json"),
        Format("jsonld", "application/ld+json"),
        Format("csv", "text/csv", "; charset=utf-8; header=present"),
        Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        Format("ndjson", "application/x-ndjson", "; charset=utf-8"),
        Format("html", "text/html", "; charset=utf-8"),
    )
}
LIST_FORMATS = ("json", "jsonld", "csv", "xlsx", "ndjson")
RECORD_FORMATS = ("json", "jsonld")
# These give a whole list, and no page of one.
EXPORTS = frozenset({"csv", "xlsx", "ndjson"})
# These are sent compressed to who takes them so; a spreadsheet is zipped already.
CODED = frozenset({"csv", "ndjson", "jsonld"})
PAGING = ("cursor", "page_size", "count", "facets")
# Parameters that have no meaning in a format.
UNFIT = {
    "csv": (*PAGING, "expand"),
    "xlsx": (*PAGING, "expand"),
    "ndjson": PAGING,
    "jsonld": ("facets",),
}


class FormatError(NotAcceptable):
    """A request that takes none of the formats offered."""

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__()
        self.offered = [FORMATS[name].media_type for name in offered]


def choose(request: HttpRequest | Request, offered: Sequence[str]) -> str:
    """Return the format in which a request is answered: that of `?format=`, or else the best one of `Accept`.

    Raises ParameterError for a format that there is not, FormatError for one that is not given at this address.
    """
    if request.GET.get("format"):
        name = read_format(request, dict.fromkeys((*LIST_FORMATS, *offered)))
        if name not in offered:
            raise FormatError(offered)
    else:
        accepted = by_accept(request.META.get("HTTP_ACCEPT", ""), tuple(offered))
        if accepted is None:
            raise FormatError(offered)
        name = accepted
    return name


@lru_cache(maxsize=256)
def is_coded(query: str, accept: str) -> bool:
    """Tell whether the answer to a request may be compressed, by its query and its `Accept` header."""
    may_name = "format" in query or "%" in query
    named = [value for name, value in parse_qsl(query) if name == "format" and value] if may_name else []
    return (named[0] if named else by_accept(accept)) in CODED


@lru_cache(maxsize=256)
def by_accept(accept: str, offered: tuple[str, ...] = LIST_FORMATS) -> str | None:
    """Return the format that an `Accept` header prefers, or None where it takes none of them (RFC 9110, 12.5.1).

    Of what it likes equally, a format that it names goes before one that it takes among others.
    """
    ranges = list(weighted(accept)) or [("*/*", 1.0)]
    best: tuple[tuple[float, int], str | None] = ((0.0, 0), None)
    for name in offered:
        media_type = FORMATS[name].media_type
        kind = media_type.partition("/")[0]
        # The most specific range decides, whatever stands in the others.
        for precision, pattern in ((3, media_type), (2, f"{kind}/*"), (1, "*/*")):
            if qualities := [quality for given, quality in ranges if given == pattern]:
                best = max(best, ((max(qualities), precision), name), key=lambda found: found[0])
                break
    return best[1] if best[0][0] > 0 else None


def refuse_unfit(request: HttpRequest | Request, offered: Sequence[str]) -> None:
    """Raise ParameterError for parameters that have no meaning in the format asked for, and for a wrong format."""
    name = choose(request, offered)
    given = [parameter for parameter in UNFIT.get(name, ()) if parameter in request.GET]
    if not given:
        return
    whole = gettext("%(form)s gives the whole list at once: leave out “%(name)s”, or take format=json.")
    unsaid = gettext("%(form)s has no place for what “%(name)s” gives: leave it out, or take format=json.")
    details = [(each, whole if name in EXPORTS and each in PAGING else unsaid) for each in given]
    raise ParameterError(
        [
            {"parameter": each, "code": "invalid_parameter", "detail": detail % {"form": name, "name": each}}
            for each, detail in details
        ]
    )
