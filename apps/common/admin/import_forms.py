"""The forms of the import in the admin."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.files.cells import MOST_ROWS
from apps.common.files.tables import CSV, XLSX

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


class ConfirmForm(forms.Form):
    """Second step: why. `digest` says which file and which changes are confirmed."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput())
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1000,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Why the registry is changed; it stands in the history of each record."),
    )
