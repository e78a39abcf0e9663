"""Evidence on the pages of the admin: what is changed of a published record asks for it, beside the changed field."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable
from apps.common.rules.evidence import NO_EVIDENCE
from apps.common.writing.evidence import affirm, attest, unproven

if TYPE_CHECKING:
    # Generic for the type checker only.
    BaseModelAdmin = admin.options.BaseModelAdmin
else:
    BaseModelAdmin = object

AFFIRMED = "affirmed_citation"
WRONG = "_fields_without_evidence"  # on a request whose page was sent once and is shown again


Errors: TypeAlias = dict[str | None, ValidationError]


class NoEvidenceError(Exception):
    """Values of published records rest on no evidence; `errors` says why, by record and field."""

    def __init__(self, errors: dict[Model, Errors]) -> None:
        super().__init__()
        self.errors = errors


class EvidenceForm(forms.ModelForm):
    """A form, or a row, that says which fields of a published record were left without evidence when it was sent."""

    no_evidence: dict[Model, Errors] = {}

    def full_clean(self) -> None:
        """Check the form, and say what was found when all was saved."""
        super().full_clean()
        if self.is_bound and self.instance.pk is not None:
            for name, error in self.no_evidence.get(self.instance, {}).items():
                self.add_error(name if name in self.fields else None, error)


def with_evidence(form: type[forms.ModelForm], request: HttpRequest, **members: object) -> type[forms.ModelForm]:
    """Return a form class that says what was left without evidence when the page of a request was sent."""
    members["no_evidence"] = getattr(request, WRONG, {})
    return type(form.__name__, (EvidenceForm, form), members)


class AsksForEvidence(BaseModelAdmin):
    """A page of a published record: a changed value rests on a citation in the rows, on one affirmed, or on an act."""

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: object
    ) -> type[forms.ModelForm]:
        # The field of its own, which the model does not have, is added behind.
        shown = kwargs.get("fields") or flatten_fieldsets(self.get_fieldsets(request, obj))
        if isinstance(shown, list):
            kwargs["fields"] = [name for name in shown if name != AFFIRMED]
        form = super().get_form(request, obj, change=change, **kwargs)
        members: dict[str, object] = {}
        if is_published(obj):
            members[AFFIRMED] = forms.ModelChoiceField(
                obj.citations.select_related("article").prefetch_related("record"),
                label=_("citation that says the new values"),
                required=False,
                help_text=_(
                    "What is changed needs evidence: choose a citation of the record that says the new values, or add"
                    " one below. Who speaks for a party whose word it is needs none."
                ),
            )
        return with_evidence(form, request, **members)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        fieldsets = super().get_fieldsets(request, obj)
        if not is_published(obj) or not self.has_change_permission(request, obj):
            return fieldsets
        return [*fieldsets, (_("Evidence of what is changed"), {"fields": [AFFIRMED]})]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Save the page; where a value is left without evidence, undo that and show it again, with why."""
        try:
            with transaction.atomic():
                response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except NoEvidenceError as error:
            setattr(request, WRONG, error.errors)
            response = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the rows, then see on what the record and each of them rests."""
        super().save_related(request, form, formsets, change)
        record = form.instance
        rows = (row.instance for formset in formsets for row in formset.forms if row.has_changed())
        errors: dict[Model, Errors] = {each: {} for each in (record, *rows) if is_published(each)}
        if record in errors and (citation := form.cleaned_data.get(AFFIRMED)):
            unsaid = unproven(type(record), [record.pk]).get(record.pk, [])
            errors[record] |= affirm(citation, record, sorted(filter(None, unsaid)))
        for each, found in errors.items():
            unsaid = unproven(type(each), [each.pk]).get(each.pk)
            left = attest(cast(Citable, each), unsaid, request.user) if unsaid else []
            found |= {name or None: ValidationError(NO_EVIDENCE, "no_evidence") for name in left if name not in found}
        if wrong := {each: found for each, found in errors.items() if found}:
            raise NoEvidenceError(wrong)


def is_published(record: Model | None) -> Any:
    """Whether there is a record, and evidence for its values has to be there."""
    return isinstance(record, Citable) and record.pk is not None and record.is_held_to_evidence
