"""Query parameters: flat, comma means OR, several parameters mean AND, and whatever is unknown is refused by name.

A filter reads its parameter into a *shape* (how many values, of which kinds) and the values themselves, and writes a
condition for the shape with a slot for each value: so the statement of a list is made once for all requests that differ
in values alone. That is why these are our own and not those of django-filter, which put the values into the query.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import BooleanField, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext
from rest_framework.filters import BaseFilterBackend

from apps.common.dates import EDTFError, bounds
from apps.common.errors import ParameterError, nearest, parameter_error
from apps.common.models import Citable, Fact, RetiredSlug, citable_models, clean_q
from apps.common.searching import pattern, term_parameters
from apps.common.serializers import CountField
from apps.common.statements import Statement, spell, text_of

# Parameters of every list and of every detail, beside the filters of the resource.
DETAIL_PARAMETERS = frozenset({"fields", "expand", "labels", "as_of", "known_at", "format"})
LIST_PARAMETERS = DETAIL_PARAMETERS | {"sort", "cursor", "page_size", "count", "facets"}
DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
INSTANT = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
MOST_WORDS = 100


# A condition that no row meets. Not Q(pk__in=[]), for which Django writes no SQL at all.
NOTHING = RawSQL("false", (), BooleanField())


class FilterError(ValueError):
    """A value that a filter does not take; says why, in the reader's language."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Reading(NamedTuple):
    """A parameter as it was understood: what shapes the statement, and the values that go into its slots."""

    shape: Hashable
    values: tuple[Any, ...]


class Filter:
    """One query parameter that narrows a list."""

    schema: ClassVar[dict[str, Any]] = {"type": "string"}

    def __init__(self, field_name: str = "", *, help_text: str = "") -> None:
        self.field_name = field_name
        self.help_text = help_text

    def parameters(self, name: str) -> "dict[str, Filter]":
        """Return the parameters that the filter stands for, by name: mostly itself alone."""
        return {name: self}

    def read(self, text: str, model: type[Citable]) -> Reading:
        """Return what the parameter asks for; raise FilterError for what it does not take."""
        raise NotImplementedError

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        """Return the condition for a shape, with `slots` (or plain values) in the place of the values."""
        raise NotImplementedError

    def missing(self, shape: Any, slots: Sequence[Any], viewer: Any) -> str | None:
        """Return an SQL array of the given keys that name no record, for a filter whose values are keys."""
        return None

    def refuse(self, keys: Sequence[str]) -> FilterError:
        """Return the error for keys that name no record."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return the parameter's schema in the OpenAPI document."""
        return self.schema


class CommaFilter(Filter):
    """Rows whose column has one of the values."""

    facets = True  # whether one may count by its values

    def __init__(self, field_name: str, *, distinct: bool = False, help_text: str = "") -> None:
        super().__init__(field_name, help_text=help_text)
        self.distinct = distinct

    def describe(self) -> dict[str, Any]:
        return {"type": "array", "items": self.schema}

    def read(self, text: str, model: type[Citable]) -> Reading:
        words = tuple(word.strip() for word in text.split(","))
        if not all(words):
            raise FilterError(gettext("An empty value stands between commas."))
        if len(words) > MOST_WORDS:
            raise FilterError(gettext("There are more than %(most)s values.") % {"most": MOST_WORDS})
        return self.check(words)

    def check(self, words: tuple[str, ...]) -> Reading:
        """Return what the words ask for; raise FilterError for one that is not valid."""
        return Reading(len(words), words)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        found = {self.field_name: slots[0]} if len(slots) == 1 else {f"{self.field_name}__in": list(slots)}
        return self.through(model, found, viewer)

    def through(self, model: type[Citable], found: Mapping[str, Any], viewer: Any) -> Q:
        """Return a condition on the end of a path; through a to-many relation a row is still listed once."""
        if not self.distinct:
            return Q(**found)
        first = self.field_name.partition("__")[0]
        relation: Any = model._meta.get_field(first)
        condition = Q(**found)
        if issubclass(relation.related_model, Fact):
            condition &= Q(**{f"{first}__in": relation.related_model._default_manager.visible_to(viewer)})
        return Q(pk__in=model._base_manager.filter(condition).values("pk"))


class ChoiceFilter(CommaFilter):
    """Rows whose choice is one of the values."""

    def __init__(self, field_name: str, choices: Any, *, help_text: str = "") -> None:
        super().__init__(field_name, help_text=help_text)
        self.values = [str(value) for value in choices.values]

    def describe(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "enum": self.values}}

    def check(self, words: tuple[str, ...]) -> Reading:
        for word in words:
            if word not in self.values:
                raise FilterError(
                    gettext("“%(word)s” is not one of the values.") % {"word": word[:100]}
                    + nearest(word[:100], self.values)
                )
        return super().check(words)


class KeyFilter(CommaFilter):
    """Rows that point at one of the records with the given keys; a key that no record has is refused."""

    def __init__(
        self, field_name: str, model: type[Citable] | str, *, distinct: bool = False, help_text: str = ""
    ) -> None:
        self._target = model
        resource = "articles" if isinstance(model, str) else model.resource
        help_text = help_text or f"Keys of `{resource}`, separated by commas."
        super().__init__(field_name, distinct=distinct, help_text=help_text)

    @cached_property
    def target(self) -> Any:
        """The model whose keys are given; by name where its app imports ours."""
        return apps.get_model(self._target) if isinstance(self._target, str) else self._target

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        found = keyed(self.target, slots, viewer)
        if len(slots) == 1:
            return self.through(model, {self.field_name: Subquery(found)}, viewer)
        return self.through(model, {f"{self.field_name}__in": found}, viewer)

    def missing(self, shape: Any, slots: Sequence[Any], viewer: Any) -> str | None:
        return without_record(self.target, slots, viewer)

    def refuse(self, keys: Sequence[str]) -> FilterError:
        return no_record(self.target.resource, keys[0])


def keyed(model: type[Citable], slots: Sequence[Any], viewer: Any) -> QuerySet[Any]:
    """Return the internal keys of the visible records with the given public keys."""
    rows: Any = model._default_manager.all()
    named = {model.key_field: slots[0]} if len(slots) == 1 else {f"{model.key_field}__in": list(slots)}
    found: QuerySet[Any] = rows.visible_to(viewer).filter(**named).order_by().values("pk")
    return found


def without_record(model: type[Citable], slots: Sequence[Any], viewer: Any) -> str:
    """Return SQL for the array of those public keys that no visible record has."""
    rows: Any = model._default_manager.all()
    known = text_of(rows.visible_to(viewer).order_by().values(model.key_field))
    column: Any = model._meta.get_field(model.key_field)
    given = ", ".join(f"{spell(slot)}::text" for slot in slots)
    return (
        f"ARRAY(SELECT given FROM unnest(ARRAY[{given}]) AS given"
        f' WHERE NOT EXISTS (SELECT FROM ({known}) AS known WHERE known."{column.column}" = given))'
    )


def no_record(resource: str, key: str) -> FilterError:
    """Return the error for a key that no record has; where that record was merged, it names the other one."""
    detail = gettext("There is no %(resource)s/%(key)s.") % {"resource": resource, "key": key[:100]}
    if "\0" not in key and (successor := RetiredSlug.successor_of(citable_models()[resource], key)):
        detail += " " + gettext("It was merged into %(resource)s/%(key)s.") % {"resource": resource, "key": successor}
    return FilterError(detail)


class TargetFilter(CommaFilter):
    """Rows that speak about one of the records given as `resource/key`."""

    def __init__(self, *, help_text: str = "") -> None:
        super().__init__(
            "object_id",
            help_text=help_text
            or "Records as `resource/key`, such as `projects/jiankang-zhitongche`, separated by commas.",
        )

    def check(self, words: tuple[str, ...]) -> Reading:
        pairs = [word.partition("/")[::2] for word in words]
        for resource, _key in pairs:
            self.known(resource)
        return Reading(tuple(resource for resource, _key in pairs), tuple(key for _resource, key in pairs))

    def known(self, resource: str) -> type[Citable]:
        """Return the model of a resource."""
        model = citable_models().get(resource)
        if model is None:
            detail = gettext("There is no resource “%(name)s”.") % {"name": resource[:100]}
            raise FilterError(detail + nearest(resource[:100], citable_models()))
        return model

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        condition = Q()
        for resource, slot in zip(shape, slots, strict=True):
            target = self.known(resource)
            kind = ContentType.objects.get_for_model(target).pk
            condition |= Q(content_type=kind, object_id=Subquery(keyed(target, [slot], viewer)))
        return condition

    def missing(self, shape: Any, slots: Sequence[Any], viewer: Any) -> str | None:
        arrays = (
            f"(SELECT array_agg('{resource}/' || key)"
            f" FROM unnest({without_record(self.known(resource), [slot], viewer)}) AS key)"
            for resource, slot in zip(shape, slots, strict=True)
        )
        return "(" + " || ".join(arrays) + ")"

    def refuse(self, keys: Sequence[str]) -> FilterError:
        resource, _slash, key = keys[0].partition("/")
        return no_record(resource, key)


class WithinFilter(TargetFilter):
    """Rows that lie in a division, or in anything below it."""

    # From the whole to the part, each with the paths on which a level below leads up to it.
    LEVELS: ClassVar[dict[str, dict[str, str]]] = {
        "districts": {"district": "", "street": "district", "neighbourhood": "street__district"},
        "streets": {"street": "", "neighbourhood": "street"},
        "neighbourhoods": {"neighbourhood": ""},
    }

    def __init__(self, *, prefix: str = "", levels: Iterable[str] = ("district", "street", "neighbourhood")) -> None:
        super().__init__(
            help_text="Divisions as `resource/key`, such as `districts/310110` or `streets/310110013`, separated by"
            " commas: records in one of them or in anything below it.",
        )
        self.prefix = prefix
        self.levels = tuple(levels)

    def known(self, resource: str) -> type[Citable]:
        if resource not in self.LEVELS:
            detail = gettext("“%(name)s” is no level of the divisions.") % {"name": resource[:100]}
            raise FilterError(detail + nearest(resource[:100], self.LEVELS))
        return super().known(resource)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        parts = []
        for resource, slot in zip(shape, slots, strict=True):
            place = Subquery(keyed(self.known(resource), [slot], viewer))
            for level, up in self.LEVELS[resource].items():
                if level in self.levels:
                    path = "__".join(filter(None, (self.prefix, level, up)))
                    parts.append(model._base_manager.filter(**{path: place}).order_by().values("pk"))
        if not parts:
            return NOTHING
        # A union, because PostgreSQL looks up each part in an index but reads the whole table for an OR over joins.
        return Q(pk__in=parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])


class TreeFilter(KeyFilter):
    """Records above or below one in a tree, at any depth."""

    facets = False

    def __init__(self, model: type[Citable], *, below: bool, parent: str = "parent") -> None:
        super().__init__(
            "pk",
            model,
            help_text=f"Key of one of the `{model.resource}`: its parts at any depth."
            if below
            else f"Key of one of the `{model.resource}`: all of which it is a part, at any depth.",
        )
        self.below = below
        self.parent = parent

    def describe(self) -> dict[str, Any]:
        return {"type": "string"}

    def check(self, words: tuple[str, ...]) -> Reading:
        if len(words) > 1:
            raise FilterError(gettext("One key is expected."))
        return super().check(words)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        table, up = model._meta.db_table, f"{self.parent}_id"
        ends = ("id", up) if self.below else (up, "id")
        start = keyed(model, slots, viewer)
        # UNION, not UNION ALL: it ends where a tree, against its rules, runs in a circle.
        walk = (
            f'WITH RECURSIVE tree(id) AS (SELECT tree_row."{ends[0]}" FROM "{table}" AS tree_row'
            f' WHERE tree_row."{ends[1]}" = %s'
            f' UNION SELECT tree_row."{ends[0]}" FROM "{table}" AS tree_row'
            f' JOIN tree ON tree_row."{ends[1]}" = tree.id)'
            " SELECT id FROM tree WHERE id IS NOT NULL"
        )
        return Q(pk__in=_Walk(walk, start))


class _Walk(RawSQL):
    """A recursive query whose one parameter is a subquery."""

    def __init__(self, sql: str, start: QuerySet[Any]) -> None:
        super().__init__(sql, ())
        self.start = start

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        text, params = self.start.query.sql_with_params()
        return f"({self.sql % f'({text})'})", params

    def get_source_expressions(self) -> list[Any]:
        return []


class BoundFilter(Filter):
    """Rows whose number, count or instant is at least, or at most, a value."""

    COMPARISONS: ClassVar[dict[str, str]] = {"gte": "at least", "lte": "at most", "after": "after", "before": "before"}

    def __init__(self, owner: "Filter", comparison: str, read: Callable[[str], Any], schema: dict[str, Any]) -> None:
        super().__init__(owner.field_name)
        self.owner = owner
        self.comparison = {"after": "gt", "before": "lt"}.get(comparison, comparison)
        self._read = read
        self._schema = schema
        self.help_text = f"`{owner.help_text}` is {self.COMPARISONS[comparison]} this."

    def describe(self) -> dict[str, Any]:
        return self._schema

    def read(self, text: str, model: type[Citable]) -> Reading:
        return Reading(None, (self._read(text),))

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        if isinstance(self.owner, CountRange):
            counted = CountField(self.owner.field_name).annotation(model, viewer)
            rows = model._base_manager.annotate(counted=counted).filter(**{f"counted__{self.comparison}": slots[0]})
            return Q(pk__in=rows.order_by().values("pk"))
        return Q(**{f"{self.field_name}__{self.comparison}": slots[0]})


class NumberRange(Filter):
    """Stands for two parameters: `…_gte` and `…_lte` of a number."""

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name, help_text=field_name)

    def parameters(self, name: str) -> dict[str, Filter]:
        self.help_text = name
        schema = {"type": "number"}
        return {f"{name}_{side}": BoundFilter(self, side, read_number, schema) for side in ("gte", "lte")}


class CountRange(Filter):
    """Stands for two parameters: `…_gte` and `…_lte` of how many records point at a row through a relation."""

    def parameters(self, name: str) -> dict[str, Filter]:
        self.help_text = name
        schema = {"type": "integer", "minimum": 0}
        return {f"{name}_{side}": BoundFilter(self, side, read_whole, schema) for side in ("gte", "lte")}


class InstantRange(Filter):
    """Stands for two parameters: `…_after` and `…_before` of an instant."""

    def parameters(self, name: str) -> dict[str, Filter]:
        self.help_text = self.field_name
        schema = {"type": "string", "format": "date-time"}
        return {f"{name}_{side}": BoundFilter(self, side, read_instant, schema) for side in ("after", "before")}


class DateFilter(Filter):
    """Rows whose partial date lies for certain at or after, or at or before, an EDTF date."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "example": "2012-06"}

    def __init__(self, field_name: str, side: str) -> None:
        self.side = side
        super().__init__(
            field_name,
            help_text=f"`{field_name}` begins no earlier than this date (EDTF: 2012, 2012-06, 2012-06-27)."
            if side == "after"
            else f"`{field_name}` ends no later than this date (EDTF: 2012, 2012-06, 2012-06-27).",
        )

    def read(self, text: str, model: type[Citable]) -> Reading:
        try:
            earliest, latest = bounds(text)
        except EDTFError as error:
            raise FilterError(
                gettext("“%(value)s” is not valid: %(reason)s.") % {"value": text[:64], "reason": error.reason}
            ) from error
        bound = earliest if self.side == "after" else latest
        if bound is None:
            raise FilterError(gettext("“%(value)s” is open on the side that is compared.") % {"value": text[:64]})
        return Reading(None, (bound,))

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
        column, comparison = ("earliest", "gte") if self.side == "after" else ("latest", "lte")
        return Q(**{f"{self.field_name}_{column}__{comparison}": slots[0]})


class DateRange(Filter):
    """Stands for two parameters: `…_after` and `…_before` of a partial date."""

    def parameters(self, name: str) -> dict[str, Filter]:
        return {f"{name}_{side}": DateFilter(self.field_name, side) for side in ("after", "before")}


class SearchFilter(Filter):
    """Rows in whose names every word of a text is found."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 200}

    def read(self, text: str, model: type[Citable]) -> Reading:
        if len(text) > self.schema["maxLength"]:
            raise FilterError(gettext("More than %(limit)s characters.") % {"limit": self.schema["maxLength"]})
        terms = [(*term_parameters(term), pattern(term)) for term in clean_q(text)]
        return Reading(
            tuple(like is not None for _tsquery, like, _pattern in terms),
            tuple(value for tsquery, _like, pattern in terms for value in (tsquery, pattern)),
        )

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Any) -> Any:
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


def facetable(view: Any) -> list[str]:
    """Return the filters of a view by whose values one may count."""
    return [
        name
        for name, item in view.filterset_class.base_filters.items()
        if isinstance(item, CommaFilter) and not isinstance(item, TargetFilter) and item.facets and not item.distinct
    ]


def read_filters(request: Any, view: Any) -> dict[str, Reading]:
    """Return what the filters of a request ask for; all that is wrong with them is told at once."""
    filters: dict[str, Filter] = view.filterset_class.base_filters
    model = view.queryset.model
    found, errors = {}, []
    for name, text in request.GET.items():
        if name in filters:
            try:
                found[name] = filters[name].read(text, model)
            except FilterError as error:
                errors.append({"parameter": name, "code": "invalid_parameter", "detail": error.detail})
    if errors:
        raise ParameterError(errors)
    return found


def _unknown(item: Filter, reading: Reading, viewer: Any) -> list[str]:
    """Return the given keys that name no record."""
    missing = item.missing(reading.shape, reading.values, viewer)
    if not missing:
        return []
    ((found,),) = Statement(f"SELECT {missing}").rows({})
    return list(found or ())


class FilterBackend(BaseFilterBackend):
    """Filters a queryset by the values of a request, for views that answer with something else than a list."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        filters: dict[str, Filter] = view.filterset_class.base_filters
        for name, reading in read_filters(request, view).items():
            item = filters[name]
            if unknown := _unknown(item, reading, request.user):
                raise parameter_error(name, item.refuse(unknown).detail)
            queryset = queryset.filter(item.condition(queryset.model, reading.shape, reading.values, request.user))
        return queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the filters as parameters of the OpenAPI document."""
        return [
            {"name": name, "in": "query", "required": False, "schema": item.describe(), "description": item.help_text}
            for name, item in sorted(view.filterset_class.base_filters.items())
        ]


# Reading single parameters --------------------------------------------------------------------------------------------


def refuse_unknown(request: Any, known: Any) -> None:
    """Raise ParameterError for parameters that are not known, and for those given more than once or without a value."""
    errors = []
    for name in request.GET:
        if name not in known:
            if name == "known_at":
                detail = gettext("Only lists and records are given as they were known at an instant.")
            else:
                detail = gettext("There is no parameter “%(name)s”.") % {"name": name[:100]}
                detail += nearest(name[:100], known)
            errors.append({"parameter": name[:100], "code": "unknown_parameter", "detail": detail})
    if errors:
        raise ParameterError(errors, "unknown_parameter")
    for name, values in request.GET.lists():
        if len(values) > 1:
            raise parameter_error(name, gettext("“%(name)s” is given more than once; use commas.") % {"name": name})
        if not values[0]:
            raise parameter_error(name, gettext("“%(name)s” has no value.") % {"name": name})


def read_format(request: Any, known: Iterable[str] = ("json",)) -> str:
    """Return the format of the answer that `?format=` names."""
    value: str = request.GET.get("format", "json")
    if value not in known:
        raise parameter_error(
            "format", gettext("“%(form)s” is not a format.") % {"form": value[:40]} + nearest(value[:40], known)
        )
    return value


def read_flag(request: Any, name: str) -> bool:
    """Return a parameter that is true or false; absent is false."""
    value = request.GET.get(name, "false")
    if value not in ("true", "false"):
        raise parameter_error(name, gettext("true or false is expected."))
    return bool(value == "true")


def read_day(request: Any, name: str) -> date | None:
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


def read_moment(request: Any, name: str) -> datetime | None:
    """Return a parameter that is an instant with its offset from UTC."""
    value = request.GET.get(name)
    if value is None:
        return None
    try:
        return read_instant(value)
    except FilterError as error:
        raise parameter_error(name, error.detail) from error


def read_words(request: Any, name: str) -> list[str]:
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
