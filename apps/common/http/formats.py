"""The formats in which lists and records are given, and which of them a request asks for."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from apps.common.http.parameters import read_format
from apps.common.http.problems import parameter_error


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
    )
}
LIST_FORMATS = tuple(FORMATS)
RECORD_FORMATS = ("json", "jsonld")
# These give a whole list, and no page of one.
EXPORTS = frozenset({"csv", "xlsx", "ndjson"})
PAGING = ("cursor", "page_size", "count", "facets")


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
        name = read_format(request, FORMATS)
        if name not in offered:
            raise FormatError(offered)
    else:
        accepted = by_accept(request.META.get("HTTP_ACCEPT", ""), tuple(offered))
        if accepted is None:
            raise FormatError(offered)
        name = accepted
    return name


@lru_cache(maxsize=256)
def by_accept(accept: str, offered: tuple[str, ...] = LIST_FORMATS) -> str | None:
    """Return the format that an `Accept` header prefers, or None where it takes none of them (RFC 9110, 12.5.1).

    Of what it likes equally, a format that it names goes before one that it takes among others.
    """
    ranges = list(_ranges(accept)) or [("*/*", 1.0)]
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


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        pattern, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    quality = 1.0
        if pattern:
            yield pattern, quality


def refuse_paging(request: HttpRequest | Request, name: str) -> None:
    """Raise ParameterError for parameters that have no meaning in a format."""
    if name in EXPORTS:
        for parameter in PAGING:
            if request.GET.get(parameter):
                raise parameter_error(
                    parameter,
                    gettext("%(form)s gives the whole list at once: leave out “%(name)s”, or take format=json.")
                    % {"form": name, "name": parameter},
                )
    unfit = {"csv": "expand", "xlsx": "expand", "jsonld": "facets"}.get(name)
    if unfit and request.GET.get(unfit):
        raise parameter_error(
            unfit,
            gettext("%(form)s has no place for what “%(name)s” gives: leave it out, or take format=json.")
            % {"form": name, "name": unfit},
        )
