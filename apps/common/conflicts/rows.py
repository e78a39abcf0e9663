"""The rows of a formset: what the page showed of them, and what becomes of those that are gone by now."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseModelFormSet
from django.http import QueryDict
from django.utils.translation import gettext

from apps.common.conflicts.authors import author_of
from apps.common.conflicts.forms import CODE, SeenField, rows_shown
from apps.common.conflicts.seen import SEEN, Seen, dumped, read, restored
from apps.common.reading.record_version import versions_of

if TYPE_CHECKING:
    # Generic for the type checker only.
    Formset = BaseModelFormSet
else:
    Formset = object


class SeenFormSet(Formset):
    """Rows that say what they showed.

    A row that was deleted meanwhile, and that the user has changed, becomes a new one, so that nothing typed is lost;
    one that he left alone goes. Rows that were added meanwhile are not on the page, and stay.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.seen: Seen = {}
        self.now: Mapping[object, str] = {}
        self.gone: list[str] = []
        if self.is_bound:
            self.seen = read(self.model, self.data.get(f"{self.prefix}-{SEEN}"))
            keys = [int(pk) for pk in self._posted_keys() if re.fullmatch("[0-9]{1,18}", pk, re.ASCII)]
            rows = self.model._base_manager.filter(pk__in=keys).order_by("pk")
            list(rows.select_for_update(no_key=True).values_list("pk"))
            self.now = versions_of(self.model, keys)
            self._let_go()

    @cached_property
    def management_form(self) -> forms.Form:
        """The form that counts the rows, and carries what is shown of them."""
        form: forms.Form = super().management_form
        form.fields[SEEN] = SeenField(lambda: dumped(self.model, dict(rows_shown(self.initial_forms))))
        return form

    def get_form_kwargs(self, index: int | None) -> dict[str, object]:
        return {**super().get_form_kwargs(index), "seen": self.seen, "now": self.now}

    def clean(self) -> None:
        """Say which rows are gone."""
        super().clean()
        if self.gone:
            raise ValidationError([ValidationError(text, code=CODE) for text in self.gone])

    def _posted_keys(self) -> list[str]:
        """Return the keys of the rows that the page showed, in its order."""
        name = self.model._meta.pk.name
        count = min(self.initial_form_count(), self.absolute_max)
        return [str(self.data.get(f"{self.prefix}-{number}-{name}", "")) for number in range(count)]

    def _let_go(self) -> None:
        """Take the rows that are gone out of what was posted, or make new ones of them."""
        there = {str(row.pk) for row in self.get_queryset()}
        keys = self._posted_keys()
        lost = [number for number, pk in enumerate(keys) if pk and pk not in there]
        if not lost:
            return
        kept = [number for number in range(len(keys)) if number not in lost]
        anew = [number for number in lost if self._is_changed(number, keys[number])]
        for number in anew:
            author = author_of(self.model, keys[number])
            self.gone.append(
                gettext("A row that you changed was deleted meanwhile by %(author)s. It stands below as a new one.")
                % {"author": author}
            )
        more = range(len(keys), min(self.total_form_count(), self.absolute_max))
        self.data = self._renumbered([*kept, *anew, *more], set(anew), len(kept))
        self.__dict__.pop("management_form", None)

    def _is_changed(self, number: int, pk: str) -> bool:
        """Whether the user has changed a row that is gone; one that was marked to be deleted is none."""
        start = f"{self.prefix}-{number}"
        if self.data.get(f"{start}-{forms.formsets.DELETION_FIELD_NAME}"):
            return False
        if (row := self.seen.get(pk)) is None:
            return True
        form = self.form(instance=restored(self.model(), row.values), **self.get_form_kwargs(None))
        return any(
            field.has_changed(
                form.get_initial_for_field(field, name),
                field.widget.value_from_datadict(self.data, self.files, f"{start}-{name}"),
            )
            for name, field in form.fields.items()
            if not isinstance(field, forms.models.InlineForeignKeyField)
        )

    def _renumbered(self, order: list[int], anew: set[int], stored: int) -> QueryDict:
        """Return what was posted with its rows in another order, some of them without their keys."""
        row = re.compile(rf"{re.escape(str(self.prefix))}-(\d+)-(.+)", re.DOTALL | re.ASCII)
        places = {number: place for place, number in enumerate(order)}
        data = QueryDict(mutable=True)
        for name in self.data:
            values = self.data.getlist(name)
            if match := row.fullmatch(name):
                number, rest = int(match[1]), match[2]
                if number not in places:
                    continue
                if number in anew and rest == self.model._meta.pk.name:
                    values = [""]
                data.setlist(f"{self.prefix}-{places[number]}-{rest}", values)
            else:
                data.setlist(name, values)
        data[f"{self.prefix}-{forms.formsets.TOTAL_FORM_COUNT}"] = str(len(order))
        data[f"{self.prefix}-{forms.formsets.INITIAL_FORM_COUNT}"] = str(stored)
        return data
