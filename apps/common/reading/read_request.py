"""A GET of records, read into its shape and its values."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, cast

from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.filters import sets
from apps.common.http import formats, parameters
from apps.common.http.problems import nearest, parameter_error
from apps.common.reading.cursor import digest, opened, read_place
from apps.common.reading.known_at import Changed, everything
from apps.common.reading.moments import Moment, last_moment_at, moment_at
from apps.common.reading.order import COUNT_CAP, DEFAULT_SIZE, Order, read_order, read_size
from apps.common.reading.readable_view import ReadableView
from apps.common.rules.territory import Reader, Viewer, viewer_of
from apps.common.serializers.quoting import IN_FILES, Quoting, quoting_for
from apps.common.serializers.records import RecordSerializer, check_expansions

MOST_FACETS = 8
SEARCH = "q"  # the filter that searches


@dataclass(frozen=True)
class RequestShape:
    """All of a request that decides what its statement says; what differs otherwise is a parameter."""

    view: type[ReadableView]
    serializer: type[RecordSerializer]
    viewer: Viewer | None = None  # who reads, as far as it matters: None is everybody
    language: str = ""
    labels: bool = False
    as_of: bool = False
    known_at: bool = False
    expand: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    filters: tuple[tuple[str, Hashable], ...] = ()
    order: Order = ()
    place: tuple[bool, tuple[bool, ...]] | None = None
    size: int = 0
    count: int = 0
    facets: tuple[str, ...] = ()
    quoting: Quoting = IN_FILES

    @property
    def is_of_one(self) -> bool:
        """Whether it is one record that is asked for, and no list."""
        return not self.size


@dataclass(frozen=True)
class ReadRequest:
    """A shape with the values of one request, and what its answer is put together from."""

    shape: RequestShape
    values: dict[str, object]
    params: Mapping[str, str]
    path: str
    moment: Moment | None = None  # the instant whose knowledge is asked for
    digest: str = ""  # of what ties a cursor to a list
    token: str = ""  # of the boundary at which the page begins

    @property
    def changed(self) -> Changed | None:
        """The logged tables that have changed since the instant that is asked for; None for the present."""
        return self.moment and self.moment.changed

    def at_present(self) -> "ReadRequest":
        """Return the same request with what has changed by now since the instant that is asked for."""
        if self.moment is None:
            return self
        moment = moment_at(self.moment.instant)
        return replace(self, moment=moment, values={**self.values, "known_at": moment.snapshot})

    def with_all_changed(self) -> "ReadRequest":
        """Return the same request for a statement that may run later: tables that change until then count, too."""
        found = self.at_present()
        if found.moment is None:
            return self
        return replace(found, moment=found.moment._replace(changed=everything()))


def ask(request: HttpRequest | Request, view: type[ReadableView], user: Reader, key: str | None = None) -> ReadRequest:
    """Return what a GET asks for: the record with a key, or a list. Raises ParameterError."""
    viewer, territory = viewer_of(user)
    shape = _bare(view, key is None, viewer, translation.get_language() or "", quoting_for(user))
    values: dict[str, object] = {**territory}
    if request.GET:
        shape = _with_parameters(shape, request, values, user, is_list=key is None)
    params: dict[str, str] = {name: request.GET[name] for name in request.GET}
    moment = None
    if shape.known_at:
        moment = _moment(cast("datetime", values["known_at"]), viewer)
        values["known_at"] = moment.snapshot
    if key is not None:
        values["key"] = key
        return ReadRequest(shape, values, params, request.path, moment)
    cursor = params.pop("cursor", None)
    tie = digest(params, request.path)
    if cursor is None:
        return ReadRequest(shape, values, params, request.path, moment, tie)
    place = read_place(cursor, tie, shape.order)
    values |= {f"place_{number}": value for number, value in enumerate(place.values)}
    shape = replace(shape, place=(place.backwards, tuple(value is None for value in place.values)))
    return ReadRequest(shape, values, params, request.path, moment, tie, place.token)


def _moment(instant: datetime, viewer: Viewer | None) -> Moment:
    """Return what had committed at an instant.

    The data version, by which a look at what changed since is known to be out of date, does not move with drafts. Who
    may see drafts has all tables count as changed.
    """
    if viewer is None:
        return last_moment_at(instant)
    return moment_at(instant)._replace(changed=everything())


@cache
def _bare(
    view: type[ReadableView], is_list: bool, viewer: Viewer | None, language: str, quoting: Quoting
) -> RequestShape:
    """Return the shape of a request without parameters; most requests have none."""
    serializer = view.serializer_class if is_list else view.detail_serializer_class
    shape = RequestShape(view, serializer, viewer, language, quoting=quoting)
    return replace(shape, order=read_order({}, view), size=DEFAULT_SIZE) if is_list else shape


def _with_parameters(
    bare: RequestShape, request: HttpRequest | Request, values: dict[str, object], user: Reader, *, is_list: bool
) -> RequestShape:
    """Return the shape of a request with its parameters and put their values with the others. Raises ParameterError."""
    known, lists = _list_parameters(bare.view) if is_list else (sets.DETAIL_PARAMETERS, sets.LISTS)
    query = parameters.Query(request, known, lists)
    query.read(formats.refuse_unfit, formats.LIST_FORMATS if is_list else formats.RECORD_FORMATS)
    shaped: dict[str, Any] = {}
    for name in request.GET:
        if name in TIMES:
            values[name], shaped[name] = query.read(TIMES[name], name), True
        elif name in SHAPING:
            part, read = SHAPING[name]
            shaped[part] = query.read(read, bare)
    filters = sets.filters_of(bare.view)
    found = sets.read_filters(query, filters, bare.view.queryset.model) if is_list else {}
    for name, parsed in found.items():
        values |= {f"{name}_{number}": value for number, value in enumerate(parsed.values)}
    shaped["asked"] = frozenset(found)
    shaped["filters"] = tuple(sorted((name, parsed.shape) for name, parsed in found.items()))
    if query.errors:  # where all else is in order, the list's own statement says which keys there are not
        query.errors += sets.unknown_keys(filters, found, user)
        if "cursor" in request.GET:
            query.read(lambda request: opened(request.GET["cursor"]))
    query.check()
    return replace(bare, **shaped)


def _read_expansions(request: HttpRequest | Request, shape: RequestShape) -> tuple[str, ...]:
    paths = parameters.read_words(request, "expand")
    check_expansions(shape.serializer, paths)
    return tuple(paths)


def _read_fields(request: HttpRequest | Request, shape: RequestShape) -> tuple[str, ...]:
    picked = tuple(parameters.read_words(request, "fields"))
    known = shape.serializer.Meta.fields
    for name in picked:
        if name not in known:
            detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            raise parameter_error("fields", detail)
    return picked


def _read_facets(request: HttpRequest | Request, shape: RequestShape) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(parameters.read_words(request, "facets")))
    known = sets.facetable(sets.filters_of(shape.view))
    for name in names:
        if name not in known:
            detail = gettext("One cannot count by “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            raise parameter_error("facets", detail)
    if len(names) > MOST_FACETS:
        raise parameter_error("facets", gettext("There are more than %(most)s values.") % {"most": MOST_FACETS})
    return names


# Parameters that are part of a shape: the name of the part, and how it is read.
SHAPING: dict[str, tuple[str, Callable[[HttpRequest | Request, RequestShape], Hashable]]] = {
    "labels": ("labels", lambda request, _shape: parameters.read_flag(request, "labels")),
    "expand": ("expand", _read_expansions),
    "fields": ("fields", _read_fields),
    "sort": ("order", lambda request, shape: read_order(request.GET, shape.view)),
    "page_size": ("size", lambda request, _shape: read_size(request)),
    "count": ("count", lambda request, _shape: COUNT_CAP if parameters.read_flag(request, "count") else 0),
    "facets": ("facets", _read_facets),
}
# Parameters that are values, of which a shape says only that they are given.
TIMES = {"as_of": parameters.read_day, "known_at": parameters.read_moment}


@cache
def _list_parameters(view: type[ReadableView]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the parameters of a view's lists, and those of them that take several values."""
    filters = sets.filters_of(view)
    return sets.LIST_PARAMETERS | filters.keys(), sets.LISTS | sets.lists_of(filters)
