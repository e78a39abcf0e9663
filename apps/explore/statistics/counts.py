"""The resources that are counted, each with its place, date and vocabularies; all are counted in one statement.

A record has exactly one value in each dimension, so that groups add up to totals:

- district, street: where it lies, as lists and pages of divisions have it; a division lies in itself.
- year: the year in which the date lies for certain; `spanning` where the date may lie in several years, `unknown` where
  nothing is said.
- kind, status, role, category: the record's own; the category of what hangs on a project is that of the project.

What a draft says is not used.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, NamedTuple, cast

from django.db.models import Case, CharField, Count, F, Field, Model, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, ExtractYear

from apps.common.models.records import Citable, Fact, RecordQuerySet
from apps.common.resources.registry import viewsets
from apps.explore.lookups import any_of, path_to_place
from apps.registry.models.divisions import DivisionQuerySet, NeighbourhoodQuerySet

PLACES = ("district", "street")
VOCABULARIES = ("kind", "status", "role", "category")
DIMENSIONS = ("district", "street", "kind", "category", "status", "role", "year")
UNKNOWN, SPANNING = "unknown", "spanning"
TEXT: "Field[str, str]" = CharField()


@dataclass(frozen=True)
class Countable:
    """A resource as statistics see it (see `Counted`)."""

    model: type[Citable]
    date: str = ""
    heading: str = ""

    @property
    def resource(self) -> str:
        """The name of the resource."""
        return self.model.resource

    def source(self, dimension: str) -> str | None:
        """Return the source of a dimension's values: a resource, a vocabulary or `year`; None if it has none."""
        if dimension == "year":
            return "year" if self.date else None
        if dimension in PLACES:
            return f"{dimension}s" if path_to_place(self.model, dimension) else None
        if dimension == "category" and self.heading:
            return "categories"
        field = next((field for field in self.model._meta.fields if field.name == dimension and field.choices), None)
        return f"{self.resource}.{dimension}" if field else None


@cache
def all_countables() -> dict[str, Countable]:
    """Return all resources that are counted, by name."""
    models: list[type[Citable]] = [viewset.queryset.model for viewset in viewsets().values()]
    return {
        model.resource: Countable(model, counted.date or model.begins_field, counted.heading)
        for model in models
        if (counted := model.counted_by)
    }


@dataclass(frozen=True)
class Scope:
    """The bounds of a request. Places are primary keys; None means everywhere."""

    as_of: date | None = None
    districts: frozenset[int] | None = None
    streets: frozenset[int] | None = None
    years: tuple[int, ...] = ()
    after: date | None = None
    before: date | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The dimensions without which a resource cannot be narrowed like this."""
        dated = bool(self.years or self.after or self.before)
        wanted = {"district": self.districts is not None, "street": self.streets is not None, "year": dated}
        return tuple(name for name, needed in wanted.items() if needed)


class SourcedValue(NamedTuple):
    """The value of a dimension with its source (`Countable.source`); None: the record states none."""

    source: str
    value: str | None


Group = tuple[SourcedValue, ...]


def countables(dimensions: Iterable[str], among: Iterable[str] = ()) -> list[Countable]:
    """Return the resources that have all the dimensions."""
    wanted = list(dimensions)
    named = [all_countables()[name] for name in among] or list(all_countables().values())
    return [item for item in named if all(item.source(dimension) for dimension in wanted)]


def count(items: Iterable[Countable], by: list[str], scope: Scope, limit: int) -> dict[Group, dict[str, int]]:
    """Count the rows of resources by group, in one statement; `limit` bounds the rows that are read."""
    names = [f"d{number}" for number in range(len(by))]
    selects = []
    for item in items:
        values = {name: expression(item, dimension) for name, dimension in zip(names, by, strict=True)}
        rows = narrowed(item, scope).annotate(of=Value(item.resource, output_field=TEXT), **values)
        counted = rows.order_by().values("of", *names).annotate(n=Count("pk"))
        selects.append(counted.values_list("of", *names, "n"))
    found: dict[Group, dict[str, int]] = {}
    for resource, *row, number in _union(selects, limit):
        if number:
            found.setdefault(group(all_countables()[resource], by, row), {})[resource] = number
    return found


def group_subjects(subjects: Iterable[tuple[Countable, list[int]]], by: list[str]) -> dict[tuple[str, int], Group]:
    """Return the groups of published records by resource and primary key, in one statement."""
    names = [f"d{number}" for number in range(len(by))]
    selects = []
    for item, keys in subjects:
        values = {name: expression(item, dimension) for name, dimension in zip(names, by, strict=True)}
        rows = item.model._default_manager.visible_to(None).filter(pk__in=keys)
        rows = rows.annotate(of=Value(item.resource, output_field=TEXT), **values)
        selects.append(rows.order_by().values_list("of", "pk", *names))
    return {
        (resource, pk): group(all_countables()[resource], by, values) for resource, pk, *values in _union(selects, None)
    }


def group(item: Countable, by: list[str], values: list[str | None]) -> Group:
    """Return the group of a row from its values."""
    return tuple(
        SourcedValue(cast("str", item.source(dimension)), value) for dimension, value in zip(by, values, strict=True)
    )


def _union(selects: list[RecordQuerySet], limit: int | None) -> Iterator[tuple[Any, ...]]:
    if not selects:
        return iter(())
    combined = selects[0].union(*selects[1:], all=True) if len(selects) > 1 else selects[0]
    return iter(combined[:limit])


# Rows -----------------------------------------------------------------------------------------------------------------


def narrowed(item: Countable, scope: Scope) -> RecordQuerySet:
    """Return the published rows of a resource within a scope: of divisions, without a day, the newest edition's."""
    rows = item.model._default_manager.visible_to(None)
    if scope.as_of:
        rows = rows.valid_on(scope.as_of)
    elif isinstance(rows, DivisionQuerySet):
        rows = rows.current()
    if isinstance(rows, NeighbourhoodQuerySet):
        rows = rows.in_editions()  # as the plain list: no edition lists the estates
    return in_place(item, rows, scope).filter(dated(item.model, item.date, scope))


def in_place(item: Countable, rows: RecordQuerySet, scope: Scope) -> RecordQuerySet:
    """Return the rows that lie in the districts and streets of a scope."""
    for dimension, keys in (("street", scope.streets), ("district", scope.districts)):
        if keys is not None:
            rows = rows.filter(any_of(path_to_place(item.model, dimension), keys))
    return rows


def dated(model: type[Model], path: str, scope: Scope) -> Q:
    """Return the condition that the date at a path lies for certain in the years and between the days of a scope."""
    condition = _published(model, path) if "year" in scope.needs else Q()
    if scope.after:
        condition &= Q(**{f"{path}_earliest__gte": scope.after})
    if scope.before:
        condition &= Q(**{f"{path}_latest__lte": scope.before})
    if scope.years:
        one_of = Q()
        for year in scope.years:
            one_of |= Q(**{f"{path}_earliest__gte": date(year, 1, 1), f"{path}_latest__lte": date(year, 12, 31)})
        condition &= one_of
    return condition


# Dimensions ----------------------------------------------------------------------------------------------------------


def expression(item: Countable, dimension: str) -> Combinable:
    """Return the value of a dimension as text."""
    if dimension == "year":
        return year(item.model, item.date)
    if dimension in PLACES:
        return Cast(F(path_to_place(item.model, dimension)), TEXT)
    if dimension == "category" and item.heading:
        # A heading that is a draft is not named.
        shown = _published(item.model, f"{item.heading}__pk")
        return Cast(Case(When(shown, then=F(item.heading))), TEXT)
    return Cast(F(dimension), TEXT)


def year(model: type[Model], path: str) -> Case:
    """Return the year in which the date at a path lies, or that it spans several, or that it is unknown."""
    first, last = f"{path}_earliest", f"{path}_latest"
    within_one = Q(**{f"{first}__isnull": False, f"{last}__year": ExtractYear(first)})
    unknown = Q(**{f"{first}__isnull": True, f"{last}__isnull": True})
    if shown := _published(model, path):
        unknown |= ~shown
    return Case(
        When(unknown, then=Value(UNKNOWN)),
        When(within_one, then=Cast(ExtractYear(first), TEXT)),
        default=Value(SPANNING),
        output_field=TEXT,
    )


def _model_at(model: type[Model], path: str) -> type[Model]:
    for step in filter(None, path.split("__")):
        model = cast("type[Model]", model._meta.get_field(step).related_model)
    return model


def _published(model: type[Model], path: str) -> Q:
    """Return the condition that everything on the way to the end of a path is published."""
    condition, steps = Q(), path.split("__")
    for depth in range(1, len(steps)):
        passed = "__".join(steps[:depth])
        if issubclass(end := _model_at(model, passed), Fact):
            condition &= end.public(passed)
    return condition
