"""What the admin pages of all records share. Each app's admin.py spells out its own models."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.contrib.contenttypes.admin import GenericTabularInline
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Field, Model, Q, QuerySet
from django.forms.models import BaseModelFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise as StrPromise
from django.utils.translation import gettext_lazy as _

from apps.common.admin.columns import EvidenceFilter, meaning
from apps.common.admin.evidence import AsksForEvidence, with_evidence
from apps.common.admin.forms import (
    CitationFormSet,
    CitationRowForm,
    EDTFInput,
    RecordForm,
    RecordFormSet,
    RecordSelect,
    RecordSelectMultiple,
)
from apps.common.admin.imports import Imports
from apps.common.admin.moving import Moves
from apps.common.admin.rights import BaseModelAdmin, ByAppointment, ListFilter, StrictLookups, may_cite
from apps.common.conflicts.pages import KeepsChanges, KeepsRows
from apps.common.models.records import Citable, Fact
from apps.common.models.row_names import references_of
from apps.common.models.search_conditions import clean_q
from apps.common.serializers.quoting import NOT_ATTACHED
from apps.common.values.columns import EDTFField, PinyinField, validate_edtf
from apps.common.values.ngrams import term_parameters

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    CitationTabularInline = GenericTabularInline
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    CitationTabularInline = GenericTabularInline


Fieldset: TypeAlias = tuple[StrPromise | None, dict[str, object]]
Action: TypeAlias = Callable[..., HttpResponse | None]


class SearchedRelations(BaseModelAdmin):
    """Every relation to a record is a search field, and every date a line for EDTF."""

    formfield_overrides = {
        ArrayField: {"widget": AdminTextInputWidget},
        models.TextField: {"widget": AdminTextareaWidget(attrs={"rows": 4})},
    }

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        return [
            field.name
            for field in [*self.model._meta.concrete_fields, *self.model._meta.many_to_many]
            if field.is_relation and self.admin_site.is_registered(field.related_model)
        ]

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: object) -> forms.Field | None:
        if validate_edtf in getattr(db_field, "validators", ()):
            # On the field of the form, too: a model's clean() may take the dates of its row for dates.
            kwargs |= {"widget": EDTFInput(), "validators": [validate_edtf]}
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        if formfield and db_field.is_relation:
            # Whoever edits one record is not about to delete another; and a page to change it shows it, too.
            formfield.widget.can_delete_related = formfield.widget.can_view_related = False
        return formfield

    def formfield_for_foreignkey(self, db_field: Field, request: HttpRequest, **kwargs: object) -> forms.Field | None:
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = RecordSelect(db_field, self.admin_site)
        if issubclass(db_field.related_model, Citable):
            # A draft that the user may not see is not chosen by a key that was guessed.
            kwargs.setdefault("queryset", db_field.related_model._default_manager.visible_to(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Field, request: HttpRequest, **kwargs: object) -> forms.Field | None:
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = RecordSelectMultiple(db_field, self.admin_site)
        if issubclass(db_field.related_model, Citable):
            kwargs.setdefault("queryset", db_field.related_model._default_manager.visible_to(request.user))
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class RowsAdmin(KeepsRows, ByAppointment, SearchedRelations):
    """Records in rows on the page of another one.

    `list_select_related`: what the title of a row needs, but for what its name is made of.
    """

    form = RecordForm
    extra = 0
    show_change_link = True
    list_select_related: ClassVar[Sequence[str]] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related(*self.list_select_related, *references_of(self.model))

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: object) -> type[BaseModelFormSet]:
        formset = super().get_formset(request, obj, **kwargs)
        formset.form = with_evidence(formset.form, request)
        formset.form.user = request.user
        return formset

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: object) -> forms.Field | None:
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        if formfield and db_field.is_relation:
            # A row has room for one sign beside a search field.
            formfield.widget.can_change_related = False
        return formfield


class RecordInline(RowsAdmin, TabularInline):
    """Records that point at the one on the page."""

    formset = RecordFormSet


class PartInline(RecordInline):
    """The parts of a record that is a tree by `parent`."""

    fk_name = "parent"
    verbose_name = _("part")
    verbose_name_plural = _("parts")


def words_of(citation: Model) -> str:
    """Return the words that a citation stands for, which its query has found, or why there are none."""
    return getattr(citation, "words", None) or ("–" if citation.pk is None else str(NOT_ATTACHED))


class CitationInline(RowsAdmin, CitationTabularInline):
    """The citations of a record of any kind."""

    form = CitationRowForm
    formset = CitationFormSet
    fields = ["article", "start", "end", "sha256", "supports", "words"]
    readonly_fields = ["words"]
    list_select_related = ["article"]

    def __init__(self, parent_model: type[Model], admin_site: admin.AdminSite) -> None:
        # Through the relation, since the model belongs to an app that may not be imported here.
        self.model = parent_model._meta.get_field("citations").related_model
        super().__init__(parent_model, admin_site)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Of what is published, the evidence is for those who may publish it; others see it."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or obj.pk is None or may_cite(request, obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request).prefetch_related("record")  # which the name of each row names
        return rows.with_words()

    @admin.display(description=_("words"))
    def words(self, citation: Model) -> str:
        return words_of(citation)

    def initial_rows(self, request: HttpRequest) -> list[dict[str, str]]:
        """Return the citation with which an address (`?citation_article=1&citation_start=12 ...`) fills the form."""
        row = {name: value for name in self.fields if (value := request.GET.get(f"citation_{name}"))}
        return [row] if row else []

    def get_extra(self, request: HttpRequest, obj: Model | None = None, **kwargs: object) -> int:
        return len(self.initial_rows(request)) if request.method == "GET" and obj is None else 0


class CitableAdmin(
    AsksForEvidence, KeepsChanges, Moves, Imports, ByAppointment, StrictLookups, SearchedRelations, ModelAdmin
):
    """What pages of divisions and of records share.

    `search_fields`: "search_text" searches as `matching()` does; the name of a relation searches the records that it
    points at; any other field is searched as it stands. `fixed_fields` can be written only when a record is made;
    `change_fieldsets` are shown only once it is there.
    """

    form = RecordForm
    list_per_page = 50
    list_filter: Sequence[ListFilter] = [EvidenceFilter]
    list_select_related: Sequence[str] = ()
    search_fields: Sequence[str] = ["search_text"]
    search_help_text = _("By name or alias: Chinese, pinyin or initials, of any length.")
    fixed_fields: ClassVar[Sequence[str]] = ()
    change_fieldsets: ClassVar[Sequence[Fieldset]] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related(*self.list_select_related, *references_of(self.model))

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: object
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def option_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the rows among which a search field offers some: one may point at more than one may edit."""
        named = (*self.list_select_related, *references_of(self.model))
        rows = self.model._default_manager.visible_to(request.user).select_related(*named)
        return rows.order_by(*self.get_ordering(request)) if self.get_ordering(request) else rows

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        for term in clean_q(search_term):
            queryset = queryset.filter(self.search_condition(term))
        return queryset, False

    def search_condition(self, term: str) -> Q:
        """Return the condition under which a normalised term is found in one of the search fields."""
        condition = Q()
        for name in self.search_fields:
            if name == "search_text":
                condition |= self.model.search_condition(*term_parameters(term))
            elif (field := self.model._meta.get_field(name)).is_relation:
                condition |= Q(**{f"{name}__in": field.related_model._default_manager.matching(term)})
            else:
                condition |= Q(**{f"{name}__icontains": term})
        return condition

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[admin.options.InlineModelAdmin]]:
        return [*self.inlines, CitationInline]

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Model | None, inline: admin.options.InlineModelAdmin, prefix: str
    ) -> dict[str, object]:
        kwargs: dict[str, object] = super().get_formset_kwargs(request, obj, inline, prefix)
        # Only where the form is shown: a row that says what it was filled with would count as one left alone.
        if request.method == "GET" and obj.pk is None and isinstance(inline, CitationInline):
            kwargs["initial"] = inline.initial_rows(request)
        return kwargs

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Fieldset]:
        fieldsets = super().get_fieldsets(request, obj)
        computed = (_("Kept by the registry"), {"fields": self.computed_fields()})
        return [*fieldsets, *self.change_fieldsets, computed] if obj else fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        fixed = [*self.readonly_fields, *flatten(self.computed_fields())]
        return [*fixed, *self.fixed_fields] if obj else fixed

    def computed_fields(self) -> list[tuple[str, ...]]:
        """Return what the registry fills in itself, in rows."""
        pinyin = [field.name for field in self.model._meta.concrete_fields if isinstance(field, PinyinField)]
        state = ["state"] if issubclass(self.model, Fact) else []
        return [(*state, *pinyin, "date_meanings"), ("created_at", "updated_at")]

    @admin.display(description=_("meaning of the dates"))
    def date_meanings(self, record: Citable) -> str:
        fields = [field for field in record._meta.concrete_fields if isinstance(field, EDTFField)]
        found = ((field.verbose_name, meaning(record, field.name)) for field in fields)
        return "; ".join(f"{label}: {days}" for label, days in found if days) or "–"


class RecordAdmin(CitableAdmin):
    """Pages of records, whose slug is permanent. `fact_actions`, `pair_actions`: verbs that apps above add."""

    fixed_fields: ClassVar[Sequence[str]] = ("slug",)
    fact_actions: ClassVar[Sequence[Action]] = ()
    pair_actions: ClassVar[Sequence[Action]] = ()

    def get_list_filter(self, request: HttpRequest) -> Sequence[ListFilter]:
        own = super().get_list_filter(request)
        return ["state", *own] if issubclass(self.model, Fact) else own

    @property
    def actions(self) -> Sequence[Action]:  # type: ignore[override]
        """The verbs for the records of a list."""
        return (*self.fact_actions, *self.pair_actions) if issubclass(self.model, Fact) else ()
