"""The forms of the import in the admin."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.files.cells import MOST_ROWS
from apps.common.files.row_evidence import PAPER, EvidenceColumn, evidence_columns, read_paper
from apps.common.files.tables import CSV, XLSX
from apps.common.http.problems import Refusal
from apps.common.rules.territory import Reader
from apps.common.writing.contract import Contract, Finder
from apps.common.writing.evidence import ACT

MEDIA_TYPES = {".csv": CSV, ".xlsx": XLSX}
LARGEST: int = settings.MAX_FILE_BYTES
TAKEN = ",".join([*MEDIA_TYPES, *MEDIA_TYPES.values()])


def media_type_of(name: str) -> str | None:
    """Return the kind of a file, by the end of its name."""
    return next((kind for end, kind in MEDIA_TYPES.items() if name.lower().endswith(end)), None)


class FileForm(forms.Form):
    """First step: the file."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=format_lazy(
            gettext_lazy("CSV in UTF-8, or XLSX; at most {rows} rows and {size} MB."),
            rows=MOST_ROWS,
            size=LARGEST // 2**20,
        ),
        widget=forms.FileInput(attrs={"accept": TAKEN}),
    )

    def clean_file(self) -> UploadedFile:
        """Refuse what is too large, or of no kind that is read."""
        file: UploadedFile = self.cleaned_data["file"]
        if media_type_of(str(file.name)) is None:
            raise ValidationError(_("Choose a file whose name ends in .csv or .xlsx."))
        if (file.size or 0) > settings.MAX_FILE_BYTES:
            raise ValidationError(_("The file is larger than %(limit)s bytes.") % {"limit": settings.MAX_FILE_BYTES})
        return file


class PaperForm(forms.Form):
    """Beside the file: the paper on which all its rows rest, if they rest on one."""

    def __init__(self, contract: Contract, user: Reader, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self._contract, self._finder = contract, Finder(user)
        for name, column in evidence_columns(contract).items():
            if name in PAPER:
                self.fields[name] = _field(column)

    def clean(self) -> dict[str, Any]:
        """Refuse what would be refused of an attestation in a body, at its field."""
        given = {name: value for name, value in super().clean().items() if value}  # type: ignore[union-attr]
        try:
            read_paper(self._contract, given, self._finder)
        except Refusal as refusal:
            for error in refusal.errors or ():
                self.add_error(error["pointer"].removeprefix("/"), error["detail"])
        return given


def _field(column: EvidenceColumn) -> forms.Field:
    """Return the field of a form for what a paper for all rows says."""
    if column.input is None:
        about = gettext_lazy("As resource/key, such as streets/310110101.")
        return forms.CharField(label=gettext_lazy("Party"), required=False, max_length=200, help_text=about)
    model_field = column.input.field
    about, label = model_field.help_text, capfirst(str(model_field.verbose_name))
    if model_field.choices:
        choices = [("", "---------"), *(choice for choice in model_field.flatchoices if choice[0] != ACT)]
        return forms.ChoiceField(label=label, required=False, choices=choices, help_text=about)
    return forms.CharField(label=label, required=False, max_length=model_field.max_length, help_text=about)


class ConfirmForm(forms.Form):
    """Second step: why. `digest` says which file and which changes are confirmed."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput())
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1000,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Why the registry is changed; it stands in the history of each record."),
    )
