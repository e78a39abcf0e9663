"""The forms of the admin: search fields for records, one query a column in rows, and constraints held in full."""

import re
from collections.abc import Iterable
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib.admin.widgets import (
    AdminTextareaWidget,
    AdminTextInputWidget,
    AutocompleteSelect,
    AutocompleteSelectMultiple,
    RelatedFieldWidgetWrapper,
)
from django.contrib.contenttypes.forms import BaseGenericInlineFormSet
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model, QuerySet, UniqueConstraint
from django.forms.models import BaseInlineFormSet, BaseModelFormSet, InlineForeignKeyField
from django.forms.utils import ErrorDict
from django.utils.functional import Promise as StrPromise
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact
from apps.common.models.row_names import references_of
from apps.common.rules.permissions import (
    CURATORS_READ,
    FOR_CURATORS,
    for_curators,
    foreign_fields,
    may_edit,
    may_note,
    may_support,
)
from apps.common.rules.territory import Reader, territory_of
from apps.common.rules.trees import STANDS_BELOW, stands_below, tree_keys
from apps.common.writing.refusals import draft_text
from apps.common.writing.statuses import status_error, status_field

if TYPE_CHECKING:
    # Generic for the type checker only.
    ModelForm = forms.ModelForm
    Formset = BaseModelFormSet
    Autocomplete = AutocompleteSelect
else:
    ModelForm = forms.ModelForm
    Formset = object
    Autocomplete = object

# Heading, options, number: as Django's widgets return them.
OptionGroup: TypeAlias = tuple[str | None, list[dict[str, object]], int]

LISTS_SENT = "_lists_sent"  # on the record of a form: the rows chosen for its lists, by field
COLON = re.compile("[:：]")  # between a field and a note, in either width
PRIMARY_KEY = re.compile(r"[0-9]{1,18}", re.ASCII)


class EDTFInput(AdminTextInputWidget):
    """A line for a partial date."""

    def __init__(self, attrs: dict[str, object] | None = None) -> None:
        super().__init__({"class": "vEDTFField", "placeholder": "2013-06-27, 2012-06, 2023~", **(attrs or {})})


class RecordOptions(Autocomplete):
    """Options of a search field: only those chosen are rendered, with labels that distinguish records of one name.

    `records` may hold the chosen ones of a whole column; otherwise they are looked up. A value that is no key at all,
    which Django's own widget hands to the database, chooses nothing.
    """

    records: dict[str, Model] | None = None

    def optgroups(self, name: str, value: list[str], attrs: dict[str, object] | None = None) -> list[OptionGroup]:
        keys = [str(key) for key in value if PRIMARY_KEY.fullmatch(str(key))]
        records = load_records(self, keys) if self.records is None else self.records
        options: list[dict[str, object]] = []
        if not self.is_required and not self.allow_multiple_selected:
            options.append(self.create_option(name, "", "", False, 0))
        label = self.admin_site.get_model_admin(self.field.remote_field.model).option_label
        for key in keys:
            if key in records:
                options.append(self.create_option(name, key, label(records[key]), True, len(options)))
        return [(None, options, 0)]


class RecordSelect(RecordOptions, AutocompleteSelect):
    """One record."""


class RecordSelectMultiple(RecordOptions, AutocompleteSelectMultiple):
    """Any number of records."""

    def build_attrs(
        self, base_attrs: dict[str, object], extra_attrs: dict[str, object] | None = None
    ) -> dict[str, object]:
        # Each choice has a cross of its own, and the one for all stands where a list may only hold items.
        return {**super().build_attrs(base_attrs, extra_attrs), "data-allow-clear": "false"}


def inner_widget(field: forms.Field) -> forms.Widget:
    """Return the widget of a field without the wrapper that offers to add a related record."""
    return field.widget.widget if isinstance(field.widget, RelatedFieldWidgetWrapper) else field.widget


def load_records(widget: RecordOptions, keys: Iterable[str]) -> dict[str, Model]:
    """Look up the records with these keys, with what their labels need, by key."""
    if not (wanted := set(keys)):
        return {}
    model = widget.field.remote_field.model
    related = (*(widget.admin_site.get_model_admin(model).list_select_related or ()), *references_of(model))
    queryset = widget.choices.queryset.select_related(*related).filter(pk__in=wanted)  # type: ignore[union-attr]
    return {str(record.pk): record for record in queryset}


def share_records(rows: list[forms.ModelForm]) -> None:
    """Look up the chosen records of all rows of a formset together: one query a column, not one a cell."""
    columns: dict[str, list[tuple[RecordOptions, str]]] = {}
    for form in rows:
        for name, field in form.fields.items():
            widget = inner_widget(field)
            if isinstance(widget, RecordSelect):
                columns.setdefault(name, []).append((widget, str(form[name].value())))
    for cells in columns.values():
        keys = {key for _, key in cells if PRIMARY_KEY.fullmatch(key)}
        records = load_records(cells[0][0], keys)
        for widget, _key in cells:
            widget.records = records


class NoteLines(forms.CharField):
    """Notes by the field of which each speaks, one a line: `kind: …`."""

    widget = AdminTextareaWidget(attrs={"rows": 2, "placeholder": "kind: …"})

    def __init__(self, *, encoder: object = None, decoder: object = None, **kwargs: object) -> None:
        # But for what JSON of a column is written and read with; a form knows itself what it showed.
        super().__init__(**{**kwargs, "show_hidden_initial": False})

    def prepare_value(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{name}: {' '.join(note.split())}" for name, note in value.items())

    def to_python(self, value: object) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in str(super().to_python(value)).splitlines():
            name, note = (part.strip() for part in (*COLON.split(line, maxsplit=1), "")[:2])
            if line.strip() and not (name and note):
                raise ValidationError(_("Each line is a field, a colon and the note."), code="invalid")
            found |= {name: note} if name else {}
        return found

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return not self.disabled and self.to_python(data) != self.to_python(self.prepare_value(initial or {}))
        except ValidationError:
            return True

    def run_validators(self, value: object) -> None:
        """Pass: the value is no text."""


class RecordForm(ModelForm):
    """A form that holds every rule of the database, and the rights of its user, against the whole row."""

    user: Reader = None  # the page sets it on the class that it makes for a request
    is_checked_untouched = True  # a row of evidence is not: it was checked, or let in, when it was saved

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        record, name = self.instance, status_field(type(self.instance))
        if name in self.fields and record.pk is not None and record.state == Fact.State.PUBLISHED:
            # Only actions move it. A browser sends nothing of it then; whatever else is sent is refused.
            status = getattr(record, name)
            self.fields[name].disabled = self.data.get(self.add_prefix(name), status) == status

    def full_clean(self) -> None:
        """Check the form; what the record names and the user may not see stays: the page showed nothing there."""
        hidden = self._hidden() if self.is_bound and not territory_of(self.user).everything else {}
        data, shown = self.data, {name: self.fields[name].queryset for name in hidden}
        for name, keys in hidden.items():
            self.data = self.data.copy()
            self.data.setlist(self.add_prefix(name), [*self.data.getlist(self.add_prefix(name)), *map(str, keys)])
            self.fields[name].queryset = shown[name].model._base_manager.all()
        super().full_clean()
        self.data = data
        for name, rows in shown.items():
            self.fields[name].queryset = rows

    def _hidden(self) -> dict[str, set[object]]:
        """Return the fields of which nothing was chosen, or not all, because it is hidden, with what is."""
        found: dict[str, set[object]] = {}
        for name, field in self.fields.items():
            if not isinstance(field, forms.ModelChoiceField) or not issubclass(field.queryset.model, Fact):
                continue
            value = self.get_initial_for_field(field, name)
            keys = {getattr(each, "pk", each) for each in (value if isinstance(value, list) else [value]) if each}
            many = isinstance(field, forms.ModelMultipleChoiceField)
            if keys and (many or not self.data.get(self.add_prefix(name))):
                keys -= set(field.queryset.filter(pk__in=keys).values_list("pk", flat=True))
                found |= {name: keys} if keys else {}
        return found

    def _post_clean(self) -> None:
        if not self.is_checked_untouched and self.instance.pk is not None and not self.has_changed():
            return
        super()._post_clean()
        if not self.errors:
            self.validate_constraints()
        self.hide_doubles()
        if not self.errors and self.instance.pk is not None:
            self.validate_trees()
        if not self.errors and self.user is not None:
            self.validate_status()
        if not self.errors and getattr(self.instance, "state", "") == Fact.State.PUBLISHED:
            self.validate_drafts()
        if not self.errors and self.user is not None and self.has_changed():
            self.validate_rights()
        lists = {field.name for field in self.instance._meta.many_to_many}
        sent = {name: rows for name, rows in self.cleaned_data.items() if name in lists}
        setattr(self.instance, LISTS_SENT, sent)

    def hide_doubles(self) -> None:
        """Say what stands in the way of the user, and not that there is such a row, where he may not save this one."""
        found = [each.code or "" for errors in self.errors.as_data().values() for each in errors]
        if "unique" in found and self.user is not None and foreign_fields(self.user, self.instance):
            self._errors = ErrorDict(renderer=self.renderer)
            self.validate_rights()

    def validate_trees(self) -> None:
        """Refuse to put a row below itself."""
        for field in tree_keys(type(self.instance)):
            if field.name in self.changed_data and stands_below(self.instance, field):
                self.add_error(field.name, ValidationError(STANDS_BELOW, code="circle"))

    def validate_status(self) -> None:
        """Refuse a status that is not written but moved, or in which the user does not enter a record."""
        before = None if self.instance.pk is None else self.initial
        for error in status_error(self.instance, before, self.user):
            self.add_error(status_field(type(self.instance)), ValidationError(error["detail"], error["code"]))

    def validate_drafts(self) -> None:
        """Refuse to point a published row at a draft. No form publishes, so that what is unchanged is none."""
        for name in self.changed_data:
            value = self.cleaned_data.get(name)
            for target in value if isinstance(value, QuerySet) else [value]:
                if isinstance(target, Fact) and target.state != Fact.State.PUBLISHED:
                    self.add_error(name, draft_text(str(target), f"{target.resource}/{target.key}"))

    def validate_rights(self) -> None:
        """Refuse a row that would be saved from, into, or pointing into, what the user may not edit."""
        for name in foreign_fields(self.user, self.instance):
            if name:
                message = _("You may not edit the record at which this points, or at which it pointed before.")
                self.add_error(name if name in self.fields else None, message)
            else:
                self.add_error(None, _("This record does not lie, or would not lie, where you may edit."))
        for name in for_curators(self.user, self.instance):
            self.add_error(name if name in self.fields else None, str(FOR_CURATORS))
        if not may_support(self.user, self.instance):
            self.add_error(None, _("What a published record rests on is changed by a curator of the place."))
        if not may_note(self.user, self.instance):
            self.add_error("read" if "read" in self.fields else None, CURATORS_READ)

    def validate_constraints(self) -> None:
        """Django skips a constraint that touches a field which is not on the form; the database does not."""
        unknown = set(self.errors)
        for name, field in self.fields.items():
            if isinstance(field, InlineForeignKeyField) and field.parent_instance.pk is None:
                unknown.add(name)
        try:
            self.instance.validate_constraints(exclude=unknown)
        except ValidationError as error:
            self.add_error(None, error)

    def add_error(self, field: str | None, error: ValidationError | StrPromise | str) -> None:
        """Say above the form what is wrong with a field that is not on it; Django takes that for a slip of ours."""
        if field is None and hasattr(error, "error_dict"):
            placed: dict[str, list[ValidationError]] = {}
            for name, errors in error.error_dict.items():
                placed.setdefault(name if name in self.fields else NON_FIELD_ERRORS, []).extend(errors)
            error = ValidationError(placed)
        super().add_error(field, error)


class RowFormSet(Formset):
    """What all rows of records share, whether tied by a foreign key or by a content type."""

    @cached_property
    def forms(self) -> list[RecordForm]:
        rows: list[RecordForm] = super().forms
        share_records(rows)
        return rows

    def add_fields(self, form: RecordForm, index: int | None) -> None:
        super().add_fields(form, index)
        # The heading of a column is no label to a screen reader.
        for field in form.fields.values():
            if field.label:
                inner_widget(field).attrs.setdefault("aria-label", field.label)

    def clean(self) -> None:
        """Find rows that would break a unique constraint together; Django overlooks those with an empty column."""
        super().clean()
        for form in self.deleted_forms:
            if form.user is not None and form.instance.pk and not may_edit(form.user, form.instance):
                raise ValidationError(_("You may not delete this record: %s.") % form.instance)
        rows = [form for form in self.forms if form.is_valid() and form not in self.deleted_forms]
        rows = [form for form in rows if form.has_changed() or form.instance.pk]
        for constraint in self.model._meta.constraints:
            if not isinstance(constraint, UniqueConstraint):
                continue
            seen = set()
            for form in rows:
                # The record that all rows belong to is the same for each.
                shared = {name for name, field in form.fields.items() if isinstance(field, InlineForeignKeyField)}
                values = tuple(getattr(form.instance, name) for name in constraint.fields if name not in shared)
                if None in values and constraint.nulls_distinct is not False:
                    continue
                if values in seen:
                    raise ValidationError(_("Two rows say the same: %s.") % form.instance)
                seen.add(values)


class RecordFormSet(RowFormSet, BaseInlineFormSet):
    """Rows of records that belong to one."""

    def _construct_form(self, i: int, **kwargs: object) -> RecordForm:
        # Django sets the key alone, so that each row would look its record up again to name itself.
        form = super()._construct_form(i, **kwargs)
        setattr(form.instance, self.fk.name, self.instance)
        return form


class CitationRowForm(RecordForm):
    """A row of a citation. One that is left as it stands says what it said, whatever the record is made to say now."""

    def _post_clean(self) -> None:
        if self.instance.pk is None or self.has_changed():
            super()._post_clean()


class CitationFormSet(RowFormSet, BaseGenericInlineFormSet):
    """Rows of citations that support one record."""

    def _construct_form(self, i: int, **kwargs: object) -> RecordForm:
        # Django ties a new row to its record only when it is saved: too late to see that the record has the citation.
        form = super()._construct_form(i, **kwargs)
        form.is_checked_untouched = False
        form.instance.content_type = ContentType.objects.get_for_model(self.instance)
        form.instance.object_id = self.instance.pk
        form.instance.record = self._record
        return form

    @cached_property
    def _record(self) -> Model:
        """The record with the values that were sent with the rows, which these support; its lists are not saved yet."""
        record = copy(self.instance)
        vars(record)["_prefetched_objects_cache"] = dict(getattr(self.instance, LISTS_SENT, {}))
        return record
