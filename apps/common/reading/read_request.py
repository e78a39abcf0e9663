"""A GET of records, read into its shape and its values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from apps.common.filters import sets
from apps.common.filters.base import Filter
from apps.common.http import parameters
from apps.common.http.problems import nearest, parameter_error
from apps.common.reading.cursor import digest, read_place
from apps.common.reading.order import COUNT_CAP, Order, read_order, read_size
from apps.common.rules.territory import Viewer, viewer_of
from apps.common.serializers.records import check_expansions
from apps.common.sql.lru import KEPT, Bounded

MOST_FACETS = 8
SEARCH = "q"  # the filter that searches
KEPT_LENGTH = 1_000  # characters of the parameters of a question that is kept
QUESTIONS = Bounded()


@dataclass(frozen=True)
class RequestShape:
    """All of a request that decides what its statement says; what differs otherwise goes into slots."""

    view: Any
    serializer: Any
    viewer: Viewer | None = None  # who reads, as far as it matters: None is everybody
    language: str = ""
    labels: bool = False
    as_of: bool = False
    known_at: bool = False
    expand: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    filters: tuple[tuple[str, Any], ...] = ()
    order: Order = ()
    place: tuple[bool, tuple[bool, ...]] | None = None
    size: int = 0
    count: int = 0
    facets: tuple[str, ...] = ()
    quoted: bool = False


@dataclass(frozen=True)
class ReadRequest:
    """A shape with the values of one request, and what its answer is put together from."""

    shape: RequestShape
    values: dict[str, Any]
    params: Mapping[str, str]
    path: str
    digest: str = ""  # of what ties a cursor to a list
    token: str = ""  # of the boundary at which the page begins


# From a request to a question


def ask(request: Any, view: Any, user: Any, key: str | None = None) -> ReadRequest:
    """Return what a GET asks for: the record with a key, or a list. Raises ParameterError."""
    asked, cursor = _asked(request, view, user, key)
    if key is not None:
        return ReadRequest(asked.shape, {**asked.values, "key": key}, asked.params, request.path)
    if cursor is None:
        return asked
    place = read_place(cursor, asked.digest, asked.shape.order)
    shape = placed_shape(asked.shape, place.backwards, tuple(value is None for value in place.values))
    values = asked.values | {f"place_{number}": value for number, value in enumerate(place.values)}
    return ReadRequest(shape, values, asked.params, asked.path, asked.digest, place.token)


@lru_cache(KEPT)
def placed_shape(shape: RequestShape, backwards: bool, nulls: tuple[bool, ...]) -> RequestShape:
    # Kept, because a statement is found by its shape, and soonest by the very same one.
    return replace(shape, place=(backwards, nulls))


def _asked(request: Any, view: Any, user: Any, key: str | None) -> tuple[ReadRequest, str | None]:
    """Return what is asked but for the key of a record and the place of a page, and the cursor that gives the place.

    Everybody who gives the same parameters asks the same, and so does each page of a list: they are read once, and
    found again by the address as it stands, unless its parameters are not named in the clear, or twice.
    """
    if user is not None:
        return _ask(request, view, user, key), request.GET.get("cursor")
    query = request.META.get("QUERY_STRING", "")
    parts = query.split("&") if query else []
    named = {part.partition("=")[0]: part for part in parts}
    is_clear = len(named) == len(parts) and all(map(str.isidentifier, named))
    cursor = named.pop("cursor", None) if key is None else None
    # An empty cursor is refused with the rest.
    if not is_clear or cursor in ("cursor", "cursor=") or len(query) > KEPT_LENGTH:
        return _ask(request, view, None, key), request.GET.get("cursor")
    path = request.path if key is None else None
    same = (view, path, translation.get_language(), settings.QUOTATIONS_PUBLIC, *named.values())
    found: ReadRequest = QUESTIONS.get(same, lambda: _ask(request, view, None, key))
    return found, unquote_plus(cursor.removeprefix("cursor=")) if cursor else None


def _ask(request: Any, view: Any, user: Any, key: str | None) -> ReadRequest:
    parameters.refuse_unknown(request, sets.DETAIL_PARAMETERS if key is not None else _list_parameters(view))
    params = {name: request.GET[name] for name in request.GET}
    serializer = view.serializer_class if key is None else view.detail_serializer_class
    as_of = parameters.read_day(request, "as_of")
    viewer, territory = viewer_of(user)
    known_at = parameters.read_moment(request, "known_at")
    shared: dict[str, Any] = {
        "view": view,
        "serializer": serializer,
        "viewer": viewer,
        "language": translation.get_language() or "",
        "labels": parameters.read_flag(request, "labels"),
        "as_of": as_of is not None,
        "known_at": known_at is not None,
        "expand": tuple(parameters.read_words(request, "expand")),
        "fields": tuple(parameters.read_words(request, "fields")),
        "quoted": settings.QUOTATIONS_PUBLIC,
    }
    check_expansions(serializer, list(shared["expand"]))
    _check_fields(serializer, shared["fields"])
    values: dict[str, Any] = {"as_of": as_of, "known_at": known_at, **territory}
    if key is not None:
        return ReadRequest(RequestShape(**shared), values, params, request.path)
    readings = sets.read_filters(request, base_filters(view), view.queryset.model)
    for name, reading in readings.items():
        values |= {f"{name}_{number}": value for number, value in enumerate(reading.values)}
    params.pop("cursor", None)
    shape = RequestShape(
        **shared,
        asked=frozenset(readings),
        filters=tuple(sorted((name, reading.shape) for name, reading in readings.items())),
        order=read_order(params, view),
        size=read_size(params),
        count=COUNT_CAP if parameters.read_flag(request, "count") else 0,
        facets=_read_facets(request, view),
    )
    return ReadRequest(shape, values, params, request.path, digest(params, request.path))


def base_filters(view: Any) -> dict[str, Filter]:
    """Return the filters of a view's lists, by parameter."""
    found: dict[str, Filter] = view.filterset_class.base_filters
    return found


@cache
def _list_parameters(view: Any) -> frozenset[str]:
    return frozenset((*sets.LIST_PARAMETERS, *base_filters(view)))


def _check_fields(serializer: Any, picked: tuple[str, ...]) -> None:
    known = serializer.Meta.fields
    for name in picked:
        if name not in known:
            detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            raise parameter_error("fields", detail)


def _read_facets(request: Any, view: Any) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(parameters.read_words(request, "facets")))
    known = sets.facetable(base_filters(view)) if names else ()
    for name in names:
        if name not in known:
            detail = gettext("One cannot count by “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            raise parameter_error("facets", detail)
    if len(names) > MOST_FACETS:
        raise parameter_error("facets", gettext("There are more than %(most)s values.") % {"most": MOST_FACETS})
    return names
