"""The forms of the workbench."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.admin.forms import NoteLines, RecordForm
from apps.common.models.records import Citable
from apps.common.models.row_names import field_label
from apps.evidence import spans
from apps.evidence.fixtures.files import given_names
from apps.evidence.models import Citation, Mark
from apps.evidence.workbench.bench import Bench, label_of


class SpanForm(RecordForm):
    """A stretch of the text; its digest is computed."""

    def __init__(self, *args: Any, bench: Bench, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bench = bench
        self.instance.article = bench.article
        for name in ("start", "end"):
            self.fields[name].widget = forms.HiddenInput()

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or self.cleaned_data
        if {"start", "end"} <= cleaned.keys():
            self.instance.sha256 = spans.digest(self.bench.body[cleaned["start"] : cleaned["end"]])
        return cleaned


class CiteForm(SpanForm):
    """A citation of a stretch for one record."""

    record = forms.CharField(max_length=300, widget=forms.HiddenInput())
    supports = forms.MultipleChoiceField(label=gettext_lazy("What does it say?"), widget=forms.CheckboxSelectMultiple())

    class Meta:
        model = Citation
        fields = ["start", "end", "supports", "read"]
        field_classes = {"read": NoteLines}

    def __init__(self, *args: Any, target: Citable | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.target = target
        if target:
            choices = [(name, label_of(field_label(type(target), name))) for name in given_names(type(target))]
            self.fields["supports"].choices = choices  # type: ignore[attr-defined]

    def clean_record(self) -> str:
        if self.target is None:
            raise ValidationError(_("There is no such record."))
        return str(self.cleaned_data["record"])

    def clean(self) -> dict[str, object]:
        if self.target:
            self.instance.record = self.target
        return super().clean()


class MarkForm(SpanForm):
    """A mark that a stretch states no fact."""

    class Meta:
        model = Mark
        fields = ["start", "end", "reason", "note"]
