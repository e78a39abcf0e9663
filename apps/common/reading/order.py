"""Keyset paging: a page begins behind the last row of the one before, however deep, without OFFSET or COUNT.

The cursor is opaque: the direction, and a signed token for a boundary in the list. It holds the sort values of the row
behind which the boundary lies, and a digest of the filters it was made for. The pages on both sides of a boundary are
reached by the same token, so that each page signs no more than one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, F, Field, Model, Q
from django.db.models.expressions import BaseExpression, Combinable, OrderBy
from django.db.models.sql.compiler import SQLCompiler
from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import nearest, parameter_error
from apps.common.reading.readable_view import ReadableView
from apps.common.sql.slots import Parameter

DEFAULT_SIZE = 50
MAX_SIZE = 200
COUNT_CAP = 10_000

Order = tuple[tuple[str, bool], ...]  # column and whether it descends


def read_size(request: HttpRequest | Request) -> int:
    """Return how many records a page shall have."""
    text = request.GET.get("page_size", str(DEFAULT_SIZE))
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_SIZE):
        raise parameter_error(
            "page_size", gettext("page_size is a whole number from 1 to %(max)s.") % {"max": MAX_SIZE}
        )
    return int(text)


def read_order(params: Mapping[str, str], view: type[ReadableView]) -> Order:
    """Turn the sort parameter into columns, the record's key last."""
    order: list[tuple[str, bool]] = []
    for item in params.get("sort", view.default_sort).split(","):
        name, descends = item.removeprefix("-"), item.startswith("-")
        if name not in view.sortable:
            detail = gettext("One cannot sort by “%(name)s”.") % {"name": name} + nearest(name, view.sortable)
            raise parameter_error("sort", detail)
        if view.sortable[name] in [column for column, _descends in order]:
            raise parameter_error("sort", gettext("“%(name)s” is given more than once.") % {"name": name})
        order.append((view.sortable[name], descends))
    tie_breaker = view.queryset.model.key_field
    if tie_breaker not in [column for column, _descends in order]:
        order.append((tie_breaker, False))
    return tuple(order)


def order_by(model: type[Model], order: Order, backwards: bool) -> list[OrderBy]:
    """Return the ORDER BY of a list, in which NULL is last whatever the direction, or of the list read backwards."""
    found = []
    for column, descends in order:
        nulls: dict[str, bool] = {}
        if _nullable(model, column):
            # Said only where it matters: an index serves both directions of an order that says nothing.
            nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        found.append(OrderBy(F(column), descending=descends != backwards, **nulls))
    return found


def is_indexed(model: type[Model], order: Order) -> bool:
    """Return whether an index made for paging gives the rows of a list in its order, or nearly so.

    An index on a column alone does so only if it is unique: many rows may be alike in another.
    """
    column, _descends = order[0]
    field = field_of(model, column)
    first = order_by(model, order[:1], backwards=False)
    if any(list(index.expressions[:1]) == first for index in model._meta.indexes):
        return True
    return not field.null and (field.unique or any(index.fields[:1] == [column] for index in model._meta.indexes))


def _nullable(model: type[Model], column: str) -> bool:
    return field_of(model, column).null


def field_of(model: type[Model], name: str) -> Field:
    """Return a column of a model."""
    return cast(Field, model._meta.get_field(name))


class _RowCompare(Expression):
    """`(a, b) > (x, y)`, which PostgreSQL looks up in an index where it would not the same written with AND and OR."""

    conditional = True

    def __init__(self, columns: Sequence[Combinable], values: Sequence[Combinable], sign: str) -> None:
        super().__init__(output_field=BooleanField())
        self.columns, self.values, self.sign = list(columns), list(values), sign

    def get_source_expressions(self) -> list[Any]:
        return [*self.columns, *self.values]

    def set_source_expressions(self, exprs: Sequence[Combinable]) -> None:
        self.columns, self.values = list(exprs[: len(self.columns)]), list(exprs[len(self.columns) :])

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        sides, params = [], []
        for side in (self.columns, self.values):
            compiled = [compiler.compile(cast(BaseExpression, item)) for item in side]
            sides.append(", ".join(text for text, _params in compiled))
            params += [param for _text, inner in compiled for param in inner]
        return f"({sides[0]}) {self.sign} ({sides[1]})", params


def behind(model: type[Model], order: Order, nulls: Sequence[bool], backwards: bool) -> Q | Expression:
    """Return the condition for the rows behind a place in the order of `order_by`, or for those up to it.

    The place's values are the parameters `place_0`, `place_1` …; `nulls` says which of them are NULL.
    """
    fields = [field_of(model, column) for column, _descends in order]
    values = [Parameter(f"place_{number}", field) for number, field in enumerate(fields)]
    directions = {descends for _column, descends in order}
    if len(directions) == 1 and not any(_nullable(model, column) for column, _descends in order):
        sign = ("<" if directions.pop() != backwards else ">") + ("=" if backwards else "")
        return _RowCompare([F(column) for column, _descends in order], values, sign)
    condition = Q()
    equal_so_far = Q()
    for (column, descends), value, is_null in zip(order, values, nulls, strict=True):
        if is_null:
            beyond = Q(**{f"{column}__isnull": False}) if backwards else Q(pk__in=[])
            equal = Q(**{f"{column}__isnull": True})
        else:
            beyond = Q(**{f"{column}__{'lt' if descends != backwards else 'gt'}": value})
            if not backwards and _nullable(model, column):
                beyond |= Q(**{f"{column}__isnull": True})
            equal = Q(**{column: value})
        condition |= equal_so_far & beyond
        equal_so_far &= equal
    return condition | equal_so_far if backwards else condition
