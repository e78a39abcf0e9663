"""The base of every resource's views, the index of the API, and its vocabularies."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Model
from django.utils import translation
from django.utils.translation import gettext
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.common.errors import nearest, parameter_error
from apps.common.filters import DETAIL_PARAMETERS, read_day, read_flag, read_format, read_words, refuse_unknown
from apps.common.models import Citable
from apps.common.serializers import RecordSerializer, check_expansions, prepare


class RecordViewSet(ReadOnlyModelViewSet[Any]):
    """List and detail of one resource.

    A resource names its queryset, its serializers (`serializer_class` for lists, `detail_serializer_class`, which says
    more, for one record), its filters, and the keys by which it is sorted.
    """

    queryset: Any
    detail_serializer_class: ClassVar[type[RecordSerializer]]
    sortable: ClassVar[dict[str, str]]
    default_sort: ClassVar[str]
    lookup_url_kwarg = "key"
    lookup_value_regex = "[^/]+"

    @property
    def lookup_field(self) -> str:  # type: ignore[override]
        """The column of the public key."""
        return str(self.queryset.model.key_field)

    def reading_serializer_class(self) -> Any:
        """Return the serializer of answers: that of lists or that of single records."""
        return self.serializer_class if self.action == "list" else self.detail_serializer_class

    def get_serializer_class(self) -> Any:
        return self.reading_serializer_class()

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        if getattr(self, "swagger_fake_view", False):
            return {**context, "labels": True}
        if "expand" not in self.__dict__:
            self._read_parameters()
        return {**context, "labels": self.labels, "expand": self.expand, "fields": self.picked}

    def _read_parameters(self) -> None:
        """Read what shapes the answer, and refuse what is not known."""
        if self.action != "list":
            refuse_unknown(self.request, DETAIL_PARAMETERS)
        read_format(self.request)
        self.labels = read_flag(self.request, "labels")
        self.as_of = read_day(self.request, "as_of")
        self.expand = read_words(self.request, "expand")
        self.picked = read_words(self.request, "fields")
        serializer = self.reading_serializer_class()
        check_expansions(serializer, self.expand)
        known = serializer.Meta.fields
        for name in self.picked:
            if name not in known:
                detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
                raise parameter_error("fields", detail)

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        queryset = queryset.visible_to(self.request.user if self.request else None)
        serializer = self.get_serializer()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        if self.action == "list":
            read_flag(self.request, "count")
            queryset = self.at_time(queryset)
        return prepare(queryset, serializer, self.as_of)

    @classmethod
    def plain_list(cls) -> Any:
        """Return the rows of the list without parameters, as everybody sees it."""
        return cls.queryset.visible_to(None)

    def at_time(self, queryset: Any) -> Any:
        """Narrow a list to what was true on the day that is asked for."""
        return queryset.valid_on(self.as_of) if self.as_of else self.plain_list()


def choice_fields(model: type[Model]) -> list[Any]:
    """Return the columns of a model whose values are a vocabulary."""
    return [field for field in model._meta.fields if field.choices]


def vocabulary(model: type[Citable], field: Any) -> dict[str, Any]:
    """Return one vocabulary: its values with their labels in each language."""
    values = []
    for value, _label in field.choices:
        labels = {}
        for code, _name in settings.LANGUAGES:
            with translation.override(code):
                labels["zh-Hans" if code == "zh-hans" else code] = str(dict(field.choices)[value])
        values.append({"value": value, "labels": labels})
    name = f"{model.resource}.{field.name}"
    return {
        "name": name,
        "resource": model.resource,
        "field": field.name,
        "description": str(field.help_text),
        "values": values,
        "url": f"{settings.API_ROOT}/vocabularies/{name}",
    }
