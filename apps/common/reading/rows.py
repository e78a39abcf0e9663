"""The rows that a request leaves: visible, valid, filtered, behind the cursor."""

from django.db.models import DateField, Expression, Q

from apps.common.filters.sets import filters_of
from apps.common.models.records import RecordQuerySet
from apps.common.reading.order import behind, is_indexed, order_by
from apps.common.reading.read_request import SEARCH, ReadRequest, RequestShape
from apps.common.sql.slots import OpaqueParameter, Parameter


def visible_rows(request: ReadRequest) -> RecordQuerySet:
    rows: RecordQuerySet = request.shape.view.queryset.model._default_manager.visible_to(request.shape.viewer)
    return rows


def filtered_rows(request: ReadRequest, *, searched: bool = True) -> RecordQuerySet:
    """Return the rows that the filters leave, of all pages and without an order; `searched=False` leaves out `q`."""
    shape, view = request.shape, request.shape.view
    rows = view.at_time(visible_rows(request), Parameter("as_of", DateField()) if shape.as_of else None, shape.asked)
    for name, _inner in shape.filters:
        if searched or name != SEARCH:
            rows = rows.filter(_condition(request, name))
    return rows.order_by()


def _condition(request: ReadRequest, name: str) -> Q | Expression:
    """Return the condition that a filter sets."""
    view, inner = request.shape.view, dict(request.shape.filters)[name]
    return filters_of(view)[name].condition(
        view.queryset.model, inner, parameters_of(request, name), request.shape.viewer
    )


def parameters_of(request: ReadRequest, name: str) -> list[Parameter]:
    """Return the parameters of a filter, in order.

    The planner does not look at their values where the plan is kept: otherwise PostgreSQL decides by the first five
    that a connection happens to get whether it makes a plan anew for each request, for ever (scale 0.2, projects of a
    district with a status: 26 of 40 connections did, for 1.8 ms in the place of 1.2).
    """
    count = sum(1 for value in request.values if value.rpartition("_")[0] == name and value[-1].isdigit())
    is_opaque = is_kept(request) or (name == SEARCH and is_weighed(request))
    kind = OpaqueParameter if is_opaque else Parameter
    return [kind(f"{name}_{number}") for number in range(count)]


def placed_rows(shape: RequestShape, rows: RecordQuerySet) -> RecordQuerySet:
    """Return those of the rows that stand behind the place where the page begins, in order."""
    backwards = False
    if shape.place:
        backwards, nulls = shape.place
        rows = rows.filter(behind(rows.model, shape.order, nulls, backwards))
    return rows.order_by(*order_by(rows.model, shape.order, backwards))


def is_weighed(request: ReadRequest) -> bool:
    """Return whether the rows of a page are those that a search finds in an order that an index gives.

    The planner misjudges them: the n-grams of a longer word come together, while it multiplies their frequencies; and
    it does not know what it costs to read the n-grams of a row.
    """
    shape = request.shape
    # What was known at an instant is rebuilt, and has no index.
    ordered = not shape.known_at and is_indexed(shape.view.queryset.model, shape.order)
    return ordered and bool(dict(shape.filters).get(SEARCH))


def is_kept(request: ReadRequest) -> bool:
    """Return whether one plan serves a page whatever its values are.

    The best plan for a common word is the worst for a rare one, but where the statement itself chooses.
    """
    asked = request.shape.asked
    return SEARCH not in asked or (is_weighed(request) and asked == {SEARCH})
