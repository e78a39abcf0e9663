"""Forms that compare what they showed with what stands there when they come back.

Three values meet in a field: the one that the page showed, the one that was typed, and the one that is stored by now.
Where only somebody else changed it, his is taken; where both did, both are shown, and nothing is saved until the user
has seen it and saves again. A form in which nothing was typed takes all from the other, and disputes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from django import forms
from django.contrib.admin.utils import display_for_field, label_for_field
from django.core.exceptions import ValidationError
from django.db.models import Field, ManyToManyField, Model
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.conflicts.authors import Author, author_of, authors_of
from apps.common.conflicts.seen import SEEN, Seen, dumped, fields_of, read, restored, values_of
from apps.common.reading.record_version import versions_of

if TYPE_CHECKING:
    # Generic for the type checker only.
    ModelForm = forms.ModelForm
else:
    ModelForm = object

CODE = "changed_meanwhile"
UNKNOWN = _("The page did not say what it showed, so that nothing was saved. Look at the values, and save again.")
CHANGED = _(
    "This was changed while the page was open, and nothing is saved yet. What others changed is marked; where you"
    " changed the same, what you typed still stands there. Save again, and it is saved as it stands here."
)
TO_DELETE = _("This was changed while the page was open, and is not deleted yet. Mark it again to delete it.")


class SeenField(forms.CharField):
    """Carries what a page showed. It is never read into a value, and shown anew each time."""

    def __init__(self, shown: Callable[[], str]) -> None:
        super().__init__(required=False, initial=shown, widget=forms.HiddenInput())

    def has_changed(self, initial: object, data: object) -> bool:
        return False

    def bound_data(self, data: object, initial: object) -> object:
        return initial


class SeenForm(ModelForm):
    """A form for a row that says what it showed. `watched`: fields that the page shows beside those of the form.

    A row of a formset is given what the page showed (`seen`) and the versions of now; a form by itself carries it.
    """

    watched: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, *args: object, seen: Seen | None = None, now: Mapping[object, str] | None = None, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)
        self.disputed: dict[str | None, list[str]] = {}
        if self.instance.pk is None:
            self._settle_deleted(read(type(self.instance), self.data.get(self.add_prefix(SEEN))))
            return
        self.seen_fields = fields_of(type(self.instance), [*self.fields, *self.watched])
        self.stored = values_of(self.instance, self.seen_fields)
        if seen is None:
            self.fields[SEEN] = SeenField(lambda: dumped(type(self.instance), {self.instance.pk: self.stored}))
            seen = read(type(self.instance), self.data.get(self.add_prefix(SEEN)))
        if self.is_bound:
            self._settle(seen, versions_of(type(self.instance), [self.instance.pk]) if now is None else now)

    def full_clean(self) -> None:
        """Check the form, and say what is disputed."""
        super().full_clean()
        for name, texts in self.disputed.items():
            for text in texts:
                self.add_error(name, ValidationError(text, code=CODE))

    def _settle(self, seen: Seen, now: Mapping[object, str]) -> None:
        """Put what others changed into the form, and note what is disputed."""
        row = seen.get(str(self.instance.pk))
        if row is None:
            self.disputed[None] = [str(UNKNOWN)]
            return
        former_values = {name: value for name, value in row.values.items() if name in self.stored}
        changed = [each for each in self.seen_fields if former_values.get(each.name) != self.stored[each.name]]
        if row.version == now.get(self.instance.pk) or not changed:
            return
        former = self._as_shown(former_values)
        own = self._names()
        typed = {name for name in own if self.fields[name].has_changed(former[name], self[name].data)}
        present = {name: self.get_initial_for_field(self.fields[name], name) for name in own}
        others = {name for name in own if _differ(self.fields[name], former[name], present[name])}
        is_deletion = bool(self.data.get(self.add_prefix(forms.formsets.DELETION_FIELD_NAME)))
        data: MultiValueDict[str, object] = self.data.copy()
        for name in others - typed:
            data.setlist(self.add_prefix(name), _posted(self.fields[name], present[name]))
        if is_deletion:
            data.setlist(self.add_prefix(forms.formsets.DELETION_FIELD_NAME), [])
        self.data = data
        if typed or is_deletion:
            self.disputed = self._dispute(changed, former_values, typed)
            self.disputed.setdefault(None, []).insert(0, str(TO_DELETE if is_deletion else CHANGED))

    def _settle_deleted(self, seen: Seen) -> None:
        """Note that what the page showed is a record that is gone by now; of a new one, it showed nothing."""
        for pk in seen:
            author = author_of(type(self.instance), pk)
            self.disputed[None] = [
                gettext(
                    "This was deleted while the page was open, by %(author)s, and nothing is saved. What you typed"
                    " stands here as a new record; save again if it is to be one."
                )
                % {"author": author}
            ]

    def _names(self) -> list[str]:
        """Return the fields of the form that are typed into."""
        skipped = (SeenField, forms.models.InlineForeignKeyField)
        return [name for name, field in self.fields.items() if not field.disabled and not isinstance(field, skipped)]

    def _as_shown(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return what each field of the form showed."""
        form = type(self)(instance=restored(self.instance, values), seen={})
        lists = {field.name for field in self.seen_fields if isinstance(field, ManyToManyField)}
        return {
            name: values.get(name, []) if name in lists else form.get_initial_for_field(field, name)
            for name, field in form.fields.items()
        }

    def _dispute(
        self, changed: Iterable[Field], former: Mapping[str, object], typed: set[str]
    ) -> dict[str | None, list[str]]:
        """Return what is said of each field that others changed: at the field, or above the form if it is not on it."""
        fields = list(changed)
        authors = authors_of(self.instance, fields)
        found: dict[str | None, list[str]] = {}
        for field in fields:
            place = field.name if field.name in self.fields else None
            text = _told(self.instance, field, former.get(field.name), authors[field.name], both=field.name in typed)
            if place is None:
                label = label_for_field(field.name, type(self.instance))
                text = f"{label}: {text}"
            found.setdefault(place, []).append(text)
        return found


def _told(record: Model, field: Field, former: object, author: Author, *, both: bool) -> str:
    """Return what is said of a field that somebody changed while a page showed it."""
    values = {"author": author, "now": shown(record, field), "before": _former_shown(record, field, former)}
    if both:
        return gettext("Changed meanwhile by %(author)s: “%(before)s” became “%(now)s”. Here stands yours.") % values
    return gettext("Changed meanwhile by %(author)s: “%(before)s” became “%(now)s”, which stands here now.") % values


def shown(record: Model, field: Field) -> str:
    """Return the value of a field of a stored row as people read it."""
    if isinstance(field, ManyToManyField):
        return ", ".join(map(str, field.value_from_object(record))) or "–"
    value = getattr(record, field.name) if field.is_relation else field.value_from_object(record)
    return str(display_for_field(value, field, "–"))


def _former_shown(record: Model, field: Field, value: object) -> str:
    """Return a value that a page showed, as people read it."""
    if isinstance(field, ManyToManyField):
        keys = value if isinstance(value, list) else []
        return ", ".join(map(str, field.related_model._default_manager.filter(pk__in=keys))) or "–"
    former = restored(record, {field.name: value})
    if field.is_relation and field.related_model._default_manager.filter(pk=value).first() is None:
        return "–"
    return shown(former, field)


def _differ(field: forms.Field, one: object, other: object) -> bool:
    """Whether two initial values of a field are not the same."""
    values = [field.prepare_value(value) for value in (one, other)]
    if isinstance(field, forms.ModelMultipleChoiceField):
        return len({frozenset(map(str, value or ())) for value in values}) > 1
    return ("" if values[0] is None else values[0]) != ("" if values[1] is None else values[1])


def _posted(field: forms.Field, value: object) -> list[object]:
    """Return an initial value as a browser posts it."""
    value = field.prepare_value(value)
    if isinstance(field, forms.BooleanField):
        return ["on"] if value else []
    if isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
        return [str(each) for each in value or ()]
    if isinstance(field, forms.ChoiceField):
        return ["" if value is None else str(value)]
    return [field.widget.format_value(value) or ""]


def rows_shown(rows: Iterable[forms.BaseForm]) -> Iterator[tuple[object, Mapping[str, object]]]:
    """Yield the keys of the stored rows among the forms of a formset, with what is shown of each."""
    for form in rows:
        if isinstance(form, SeenForm) and form.instance.pk is not None:
            yield form.instance.pk, form.stored
