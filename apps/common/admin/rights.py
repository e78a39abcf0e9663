"""What a user may do in the admin: as over HTTP, by appointment."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from apps.common.admin.forms import PRIMARY_KEY
from apps.common.models.records import Fact, RecordQuerySet
from apps.common.rules.permissions import may_edit, may_publish, may_support
from apps.common.rules.territory import may_ever_edit, territory_of

if TYPE_CHECKING:
    # Generic for the type checker only.
    BaseModelAdmin = admin.options.BaseModelAdmin
else:
    BaseModelAdmin = object

# A field, a field with the class of its filter, or a filter by itself.
ListFilter: TypeAlias = str | tuple[str, type[admin.FieldListFilter]] | type[admin.ListFilter]

# What the filters beside a list, and its date hierarchy, put behind the name of a field.
FILTER_SUFFIXES = ("", "__exact", "__id__exact", "__isnull", "__isempty", "__gte", "__lt", "__year", "__month", "__day")


# Who may --------------------------------------------------------------------------------------------------------------


def may_change(request: HttpRequest, record: Model) -> bool:
    """Whether the user of a request may edit a row; asked once for each row, however often a page asks."""
    known: dict[tuple[type[Model], object], bool] = request.__dict__.setdefault("_may_change", {})
    key = (type(record), record.pk)
    if key not in known:
        known[key] = may_edit(request.user, record) and may_support(request.user, record)
    return known[key]


def may_cite(request: HttpRequest, record: Model) -> bool:
    """Whether the user of a request may change what a record rests on."""
    is_published = getattr(record, "state", "") == Fact.State.PUBLISHED
    return may_change(request, record) and (not is_published or may_publish(request.user, record))


class ByAppointment(BaseModelAdmin):
    """Appointments decide what is shown and edited; Django's permission to view shows all that is not hidden as well.

    What a form would save is checked by the form (`RecordForm`), which alone knows what is to become of the row.
    `shown_to_all`: whoever was appointed to anything sees the rows, to point at them.
    """

    shown_to_all: ClassVar[bool] = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Ask for each kind of record: an app has a heading where one of them may be seen."""
        return self.has_view_permission(request) or super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        appointed = self.shown_to_all and bool(territory_of(request.user))
        if appointed or self.has_change_permission(request, obj) or super().has_view_permission(request, obj):
            return True
        # Evidence of what others have published.
        return obj is not None and obj.pk is not None and may_edit(request.user, obj)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if obj is not None and obj.pk is not None:
            return may_change(request, obj)
        return may_ever_edit(request.user, self.model)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows: RecordQuerySet = super().get_queryset(request)
        sees_all = self.shown_to_all or admin.options.BaseModelAdmin.has_view_permission(self, request)
        return rows.visible_to(request.user) if sees_all else rows.editable_by(request.user)


# Bases ----------------------------------------------------------------------------------------------------------------


class StrictLookups(BaseModelAdmin):
    """A list that can be narrowed by its own filters and by nothing else: no regular expressions from the address."""

    linked_lookups: ClassVar[Sequence[str]] = ()
    get_list_filter: Callable[[HttpRequest], Sequence[ListFilter]]
    date_hierarchy: str | None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if lookup in self.linked_lookups:
            return True
        for item in [*self.get_list_filter(request), self.date_hierarchy]:
            if isinstance(item, type):
                if lookup == item.parameter_name:  # type: ignore[attr-defined]
                    return True
            elif item:
                field = item if isinstance(item, str) else item[0]
                if lookup.startswith(field) and lookup.removeprefix(field) in FILTER_SUFFIXES:
                    return True
        return False

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Refuse rows that are none, which Django would look up."""
        if not all(map(PRIMARY_KEY.fullmatch, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise BadRequest("not the key of a row")
        response: HttpResponse | None = super().response_action(request, queryset)  # type: ignore[misc]
        return response

    def option_label(self, record: Model) -> str:
        """Return how a search field shows a record: a part with its whole, since parts often share their names."""
        parent = getattr(record, "parent", None)
        return f"{record} · {parent}" if parent else str(record)
