"""The rows that a request leaves: visible, valid, filtered, behind the cursor."""

from typing import Any

from django.db.models import DateField, QuerySet

from apps.common.reading.order import behind, is_indexed, order_by
from apps.common.reading.read_request import SEARCH, ReadRequest, RequestShape, base_filters
from apps.common.sql.slots import OpaqueParameter, Parameter


def visible_rows(question: ReadRequest) -> Any:
    return question.shape.view.queryset.model._default_manager.visible_to(question.shape.viewer)


def filtered_rows(question: ReadRequest, *, searched: bool = True) -> QuerySet[Any]:
    """Return the rows that the filters leave, of all pages and without an order; `searched=False` leaves out `q`."""
    shape, view = question.shape, question.shape.view
    rows = view.at_time(visible_rows(question), Parameter("as_of", DateField()) if shape.as_of else None, shape.asked)
    for name, _inner in shape.filters:
        if searched or name != SEARCH:
            rows = rows.filter(_condition(question, name))
    return rows.order_by()


def _condition(question: ReadRequest, name: str) -> Any:
    """Return the condition that a filter sets."""
    view, inner = question.shape.view, dict(question.shape.filters)[name]
    return base_filters(view)[name].condition(
        view.queryset.model, inner, parameters_of(question, name), question.shape.viewer
    )


def parameters_of(question: ReadRequest, name: str) -> list[Parameter]:
    count = sum(1 for value in question.values if value.rpartition("_")[0] == name and value[-1].isdigit())
    kind = OpaqueParameter if name == SEARCH and is_weighed(question) else Parameter
    return [kind(f"{name}_{number}") for number in range(count)]


def placed_rows(shape: RequestShape, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the rows that stand behind the place where the page begins, in order."""
    backwards = False
    if shape.place:
        backwards, nulls = shape.place
        rows = rows.filter(behind(rows.model, shape.order, nulls, backwards))
    return rows.order_by(*order_by(rows.model, shape.order, backwards))


def is_weighed(question: ReadRequest) -> bool:
    """Tell whether the rows of a page are those that a search finds in an order that an index gives.

    The planner misjudges them: the n-grams of a longer word come together, while it multiplies their frequencies; and
    it does not know what it costs to read the n-grams of a row.
    """
    shape = question.shape
    # What was known at an instant is rebuilt, and has no index.
    ordered = not shape.known_at and is_indexed(shape.view.queryset.model, shape.order)
    return ordered and bool(dict(shape.filters).get(SEARCH))
