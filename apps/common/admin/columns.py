"""Columns and filters that the admin's lists share."""

from collections.abc import Callable
from typing import Protocol

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise as StrPromise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact, NamedRecord, Record
from apps.common.models.row_names import name_of

# Columns and fieldsets ------------------------------------------------------------------------------------------------


@admin.display(description=_("name"), ordering="name_pinyin")
def name_column(record: NamedRecord) -> str:
    """The name, sorted by its pinyin; what is not published is marked so."""
    if getattr(record, "state", Fact.State.PUBLISHED) != Fact.State.PUBLISHED:
        return format_html('{} <span class="draft">{}</span>', record.name, record.get_state_display())
    return str(record.name)


@admin.display(description=_("name"), ordering="slug")
def row_name_column(record: Record) -> str:
    """The name in words of a row that has none of its own, as it stands within other names."""
    return name_of(record, within=True)


def date_column(model: type[models.Model], field: str) -> Callable[[models.Model], str]:
    """Return a column that shows an EDTF date as written, with its meaning as a tooltip, and sorts by its first day."""

    @admin.display(description=model._meta.get_field(field).verbose_name, ordering=f"{field}_earliest", empty_value="–")
    def column(record: models.Model) -> str:
        if not (value := getattr(record, field)):
            return ""
        return format_html('<span class="edtf" title="{}">{}</span>', meaning(record, field), value)

    column.__name__ = field
    return column


def meaning(record: models.Model, field: str) -> str:
    """The interval of days that an EDTF date of a record means."""
    first, last = getattr(record, f"{field}_earliest"), getattr(record, f"{field}_latest")
    if not first and not last:
        return ""
    return str(first) if first == last else f"{first or '…'} – {last or '…'}"


def dates(*fields: str) -> tuple[StrPromise, dict[str, object]]:
    """Return the fieldset of EDTF dates, each beside the words of the source and the date they are counted from."""
    rows = [(field, f"{field}_wording", f"{field}_relative_to") for field in fields]
    return (_("Dates"), {"fields": rows})


class LiesSomewhere(Protocol):
    """A record with a place."""

    in_district: models.Model | None
    in_street: models.Model | None
    in_neighbourhood: models.Model | None


@admin.display(description=_("place"), ordering="in_street")
def place_column(record: LiesSomewhere) -> str:
    """The smallest division in which the record lies."""
    return str(record.in_neighbourhood or record.in_street or record.in_district or "")


PLACE = (_("Place"), {"fields": [("district", "street", "neighbourhood")]})


def admin_link(model: type[models.Model], pk: int, text: str) -> SafeString:
    """Return a link to a record's page in the admin."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', address, text)


def list_link(model: type[models.Model], lookup: str, value: object, text: object) -> SafeString:
    """Return a link to the list of a model, narrowed by one of its filters or linked lookups."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}={}">{}</a>', address, lookup, value, text)


class EvidenceFilter(admin.SimpleListFilter):
    """Records with and without a citation."""

    title = _("evidence")
    parameter_name = "evidence"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, StrPromise]]:
        return [("cited", _("with a citation")), ("none", _("without any citation"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in ("cited", "none"):
            return queryset
        citations = queryset.model._meta.get_field("citations").related_model.objects.filter(
            content_type=ContentType.objects.get_for_model(queryset.model), object_id=OuterRef("pk")
        )
        return queryset.filter(Exists(citations) if self.value() == "cited" else ~Exists(citations))
