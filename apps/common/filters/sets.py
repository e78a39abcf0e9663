"""The filters of a resource together, and the search in its list."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.filters.base import CommaFilter, Filter, KeyFilter, ParsedFilter
from apps.common.filters.places import TargetFilter
from apps.common.filters.ranges import InstantRange
from apps.common.http.parameters import FilterError, Query
from apps.common.http.problems import parameter_error
from apps.common.models.records import Citable
from apps.common.models.search_conditions import clean_q
from apps.common.rules.territory import Reader
from apps.common.sql.statement import Statement
from apps.common.values.ngrams import pattern, term_parameters

# Parameters of every list and of every detail, beside the filters of the resource; and those that are lists.
LISTS = frozenset({"fields", "expand", "sort", "facets"})
DETAIL_PARAMETERS = frozenset({"fields", "expand", "labels", "as_of", "known_at", "format"})
LIST_PARAMETERS = DETAIL_PARAMETERS | {"sort", "cursor", "page_size", "count", "facets"}


class SearchFilter(Filter):
    """Rows in whose names every word of a text is found."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 200}

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        if len(text) > self.schema["maxLength"]:
            raise FilterError(gettext("More than %(limit)s characters.") % {"limit": self.schema["maxLength"]})
        terms = [(*term_parameters(term), pattern(term)) for term in clean_q(text)]
        return ParsedFilter(
            tuple(like is not None for _tsquery, like, _pattern in terms),
            tuple(value for tsquery, _like, pattern in terms for value in (tsquery, pattern)),
        )

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        condition = Q()
        for is_long, tsquery, like in zip(shape, slots[::2], slots[1::2], strict=True):
            condition &= model.search_condition(tsquery, like if is_long else None)
        return condition

    def in_text(self, model: type[Citable], slots: Sequence[Any]) -> Q:
        """Return the same condition for rows that are at hand: their n-grams are not read."""
        condition = Q()
        for tsquery, like in zip(slots[::2], slots[1::2], strict=True):
            condition &= model.search_condition(tsquery, like, is_at_hand=True)
        return condition


class RecordFilterSet:
    """The base of every resource's filters. A subclass names its own as attributes; None takes one away."""

    base_filters: ClassVar[dict[str, Filter]] = {}

    q = SearchFilter(
        help_text="Words that must all be found in the name or in another name: Chinese, pinyin or initials."
    )
    # By name: evidence points at everything and is imported by nothing below it.
    article = KeyFilter(
        "citations__article",
        "evidence.Article",
        distinct=True,
        help_text="Keys of `articles`, separated by commas: records that rest on one of them.",
    )
    updated = InstantRange("updated_at")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        named: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            named |= {name: item for name, item in vars(base).items() if item is None or isinstance(item, Filter)}
        cls.base_filters = {
            parameter: each
            for name, item in named.items()
            if item is not None
            for parameter, each in item.parameters(name).items()
        }


def facetable(filters: Mapping[str, Filter]) -> list[str]:
    """Return the filters by whose values one may count."""
    return [
        name
        for name, item in filters.items()
        if isinstance(item, CommaFilter) and not isinstance(item, TargetFilter) and item.facets and not item.distinct
    ]


def lists_of(filters: Mapping[str, Filter]) -> frozenset[str]:
    """Return the filters that take several values."""
    return frozenset(name for name, item in filters.items() if item.is_list)


def read_filters(query: Query, filters: Mapping[str, Filter], model: type[Citable]) -> dict[str, ParsedFilter]:
    """Return the filters that a request gives, read; what is wrong with them is told by the query."""

    def read(request: HttpRequest | Request, name: str) -> ParsedFilter:
        try:
            return filters[name].read(request.GET[name], model)
        except FilterError as error:
            raise parameter_error(name, error.detail) from error

    found = {name: query.read(read, name) for name in query.request.GET if name in filters}
    return {name: parsed for name, parsed in found.items() if parsed is not None}


def unknown_keys(
    filters: Mapping[str, Filter], read: Mapping[str, ParsedFilter], viewer: Reader
) -> list[dict[str, str]]:
    """Return the errors of those filters of a request whose values are keys of no record."""
    errors = []
    for name, parsed in read.items():
        if (missing := filters[name].missing(parsed.shape, parsed.values, viewer)) is None:
            continue
        ((found,),) = Statement(f"SELECT {missing}").rows({})
        if found:
            errors += parameter_error(name, filters[name].refuse(found, viewer, {})).errors
    return errors


class FilteredView(Protocol):
    """A view whose lists are filtered."""

    filterset_class: type[RecordFilterSet]


def filters_of(view: FilteredView | type[FilteredView]) -> dict[str, Filter]:
    """Return the filters of a view's lists, by parameter."""
    return view.filterset_class.base_filters


class FilterBackend(BaseFilterBackend):
    """Filters a queryset by the values of a request, for views that answer with something else than a list."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filters = filters_of(cast("FilteredView", view))
        query = Query(request, filters, lists_of(filters))
        read = read_filters(query, filters, queryset.model)
        query.errors += unknown_keys(filters, read, request.user)
        query.check()
        for name, parsed in read.items():
            condition = filters[name].condition(queryset.model, parsed.shape, parsed.values, request.user)
            queryset = queryset.filter(condition)
        return queryset
