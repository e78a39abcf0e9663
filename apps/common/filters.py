"""Query parameters: flat, comma means OR, several parameters mean AND, and whatever is unknown is refused by name."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import django_filters
from django import forms
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.drainage import set_override
from rest_framework.request import Request

from apps.common.dates import EDTFError, bounds
from apps.common.errors import ParameterError, nearest, parameter_error
from apps.common.models import Citable, citable_models

# Parameters of every list and of every detail, beside the filters of the resource.
DETAIL_PARAMETERS = frozenset({"fields", "expand", "labels", "as_of", "format"})
LIST_PARAMETERS = DETAIL_PARAMETERS | {"q", "sort", "cursor", "page_size", "count"}
DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")


def describe(item: django_filters.Filter, schema: dict[str, Any]) -> None:
    """Tell the OpenAPI generator what a filter takes; it knows only the filters that it ships with."""
    set_override(item, "field", {**schema, "description": item.extra["help_text"]})


class CommaField(forms.CharField):
    """Values separated by commas, each checked by `check`, which returns what to filter by."""

    def __init__(self, *, check: Callable[[list[str]], list[Any]] = list, **kwargs: Any) -> None:
        self.check = check
        super().__init__(**kwargs)

    def clean(self, value: Any) -> list[Any] | None:
        text = super().clean(value)
        if not text:
            return None
        words = [word.strip() for word in text.split(",")]
        if not all(words):
            raise ValidationError(gettext("An empty value stands between commas."), code="empty")
        return self.check(words)


class CommaFilter(django_filters.Filter):
    """Rows whose column has one of the values."""

    field_class = CommaField
    schema: dict[str, Any] = {"type": "string"}

    def __init__(self, field_name: str, **kwargs: Any) -> None:
        super().__init__(field_name=field_name, lookup_expr="in", check=self.check, **kwargs)
        describe(self, {"type": "array", "items": self.schema})

    def check(self, words: list[str]) -> list[Any]:
        """Return the values to look for; raise ValidationError for one that is not valid."""
        return words

    def filter(self, queryset: QuerySet[Any], value: list[Any] | None) -> QuerySet[Any]:
        if value is None:
            return queryset
        condition = {f"{self.field_name}__in": value}
        if self.distinct:
            # Through a to-many relation a row may match several times; it is still listed once.
            condition = {"pk__in": queryset.model._base_manager.filter(**condition).values("pk")}
        return queryset.filter(**condition)


class ChoiceFilter(CommaFilter):
    """Rows whose choice is one of the values."""

    def __init__(self, field_name: str, choices: Any, **kwargs: Any) -> None:
        self.values = [str(value) for value in choices.values]
        self.schema = {"type": "string", "enum": self.values}
        super().__init__(field_name, **kwargs)

    def check(self, words: list[str]) -> list[Any]:
        for word in words:
            if word not in self.values:
                raise ValidationError(
                    gettext("“%(word)s” is not one of the values.") % {"word": word} + nearest(word, self.values),
                    code="unknown_value",
                )
        return words


class KeyFilter(CommaFilter):
    """Rows that point at one of the records with the given keys; a key that no record has is refused."""

    def __init__(self, field_name: str, model: type[Citable] | str, **kwargs: Any) -> None:
        self.target = model
        resource = "articles" if isinstance(model, str) else model.resource
        kwargs.setdefault("help_text", f"Keys of `{resource}`, separated by commas.")
        super().__init__(field_name, **kwargs)

    def check(self, words: list[str]) -> list[Any]:
        target: Any = apps.get_model(self.target) if isinstance(self.target, str) else self.target
        column = target.key_field
        found = dict(
            target._default_manager.visible_to(None).filter(**{f"{column}__in": words}).values_list(column, "pk")
        )
        for word in words:
            if word not in found:
                raise ValidationError(
                    gettext("There is no %(resource)s/%(key)s.") % {"resource": target.resource, "key": word},
                    code="unknown_key",
                )
        return list(found.values())


class DateFilter(django_filters.Filter):
    """Rows whose partial date lies for certain at or after, or at or before, an EDTF date."""

    field_class = forms.CharField

    def __init__(self, field_name: str, side: str, **kwargs: Any) -> None:
        self.side = side
        kwargs.setdefault(
            "help_text",
            f"`{field_name}` begins no earlier than this date (EDTF: 2012, 2012-06, 2012-06-27)."
            if side == "after"
            else f"`{field_name}` ends no later than this date (EDTF: 2012, 2012-06, 2012-06-27).",
        )
        super().__init__(field_name=field_name, **kwargs)
        describe(self, {"type": "string", "example": "2012-06"})

    @property
    def field(self) -> Any:
        field = super().field
        field.validators.append(self._bound)
        return field

    def _bound(self, value: str) -> date:
        try:
            earliest, latest = bounds(value)
        except EDTFError as error:
            raise ValidationError(
                gettext("“%(value)s” is not valid: %(reason)s.") % {"value": value[:64], "reason": error.reason}
            ) from error
        bound = earliest if self.side == "after" else latest
        if bound is None:
            raise ValidationError(gettext("“%(value)s” is open on the side that is compared.") % {"value": value[:64]})
        return bound

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return queryset
        column, comparison = ("earliest", "gte") if self.side == "after" else ("latest", "lte")
        return queryset.filter(**{f"{self.field_name}_{column}__{comparison}": self._bound(value)})


class TargetFilter(CommaFilter):
    """Rows that speak about one of the records given as `resource/key`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "help_text", "Records as `resource/key`, such as `projects/jiankang-zhitongche`, separated by commas."
        )
        super().__init__("object_id", **kwargs)

    def check(self, words: list[str]) -> list[Any]:
        found = []
        for word in words:
            resource, _slash, key = word.partition("/")
            model = citable_models().get(resource)
            if model is None:
                detail = gettext("There is no resource “%(name)s”.") % {"name": resource} + nearest(
                    resource, citable_models()
                )
                raise ValidationError(detail, code="unknown_key")
            pk = (
                model._default_manager.visible_to(None)
                .filter(**{model.key_field: key})
                .values_list("pk", flat=True)
                .first()
            )
            if pk is None:
                raise ValidationError(
                    gettext("There is no %(resource)s/%(key)s.") % {"resource": resource, "key": key},
                    code="unknown_key",
                )
            found.append((ContentType.objects.get_for_model(model).pk, pk))
        return found

    def filter(self, queryset: QuerySet[Any], value: list[Any] | None) -> QuerySet[Any]:
        if value is None:
            return queryset
        condition = Q()
        for content_type, pk in value:
            condition |= Q(content_type=content_type, object_id=pk)
        return queryset.filter(condition)


class RecordFilterSet(django_filters.FilterSet):
    """The base of every resource's filters: `q`, and errors that say what was wrong."""

    q = django_filters.CharFilter(
        method="search",
        max_length=200,
        help_text="Words that must all be found in the name or in another name: Chinese, pinyin or initials.",
    )

    # By name: evidence points at everything and is imported by nothing below it.
    article = KeyFilter(
        "citations__article",
        "evidence.Article",
        distinct=True,
        help_text="Keys of `articles`, separated by commas: records that rest on one of them.",
    )

    def search(self, queryset: Any, name: str, value: str) -> Any:
        """Keep the rows that match the words."""
        return queryset.matching(value)


class FilterBackend(DjangoFilterBackend):
    """Filters a list, or answers 400 naming each parameter that is unknown, doubled or not valid."""

    raise_exception = False

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        filterset_class = view.filterset_class
        refuse_unknown(request, LIST_PARAMETERS | set(filterset_class.base_filters))
        filterset = filterset_class(request.query_params, queryset=queryset, request=request)
        if not filterset.is_valid():
            raise ParameterError(
                [
                    {"parameter": name, "code": "invalid_parameter", "detail": message}
                    for name, messages in filterset.errors.items()
                    for message in messages
                ]
            )
        return filterset.qs


def refuse_unknown(request: Request, known: Any) -> None:
    """Raise ParameterError for parameters that are not known, and for those given more than once."""
    errors = []
    for name in request.query_params:
        if name not in known:
            detail = gettext("There is no parameter “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
            errors.append({"parameter": name[:100], "code": "unknown_parameter", "detail": detail})
    if errors:
        raise ParameterError(errors, "unknown_parameter")
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise parameter_error(name, gettext("“%(name)s” is given more than once; use commas.") % {"name": name})
        if not values[0]:
            raise parameter_error(name, gettext("“%(name)s” has no value.") % {"name": name})


def read_format(request: Request) -> str:
    """Return the format of the answer."""
    value = request.query_params.get("format", "json")
    if value != "json":
        raise parameter_error("format", gettext("“%(form)s” is not a format; json is.") % {"form": value[:40]})
    return value


def read_flag(request: Request, name: str) -> bool:
    """Return a parameter that is true or false; absent is false."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise parameter_error(name, gettext("true or false is expected."))
    return value == "true"


def read_day(request: Request, name: str) -> date | None:
    """Return a parameter that is a whole day, YYYY-MM-DD."""
    value = request.query_params.get(name)
    if value is None:
        return None
    try:
        if not DAY.match(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise parameter_error(name, gettext("A day is expected, such as 2013-06-27.")) from None


def read_words(request: Request, name: str) -> list[str]:
    """Return the comma-separated words of a parameter."""
    value = request.query_params.get(name)
    return [] if value is None else [word.strip() for word in value.split(",")]
