"""Curators' pages of what is changed behind published facts: the date of issue of an article, and redactions."""

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.common.admin.forms import RecordForm
from apps.evidence.actions import check_name, correct_issue_date, redact_person
from apps.evidence.issue_dates import moves
from apps.evidence.models import IssueDateCorrection, Redaction
from apps.evidence.redaction.places import places_of

if TYPE_CHECKING:
    # Generic for the type checker only.
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    ModelForm = forms.ModelForm[Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    ModelForm = forms.ModelForm

# Dates of issue -------------------------------------------------------------------------------------------------------


class ArticleForm(RecordForm):
    """An article. A new date of issue moves the dates that are counted from it, and needs a reason."""

    correction_reason = forms.CharField(
        label=_("reason for a new date of issue"),
        required=False,
        max_length=300,
        help_text=_("Dates of records that are counted from the date of issue (今天, 去年6月) move with it."),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if self.instance.pk and "issued_on" in self.changed_data and "issued_on" in cleaned:
            if not cleaned.get("correction_reason"):
                self.add_error("correction_reason", _("Say why the date of issue is corrected."))
            try:
                moves(self.instance, cleaned["issued_on"])
            except ValidationError as error:
                self.add_error("issued_on", error)
        return cleaned


class IssueDateCorrectionInline(TabularInline):
    """What was corrected before. Nothing is written here: the action does."""

    model = IssueDateCorrection
    extra = 0
    fields: ClassVar[Any] = ["at", "by", "old", "new", "reason", "moved_dates"]
    readonly_fields: ClassVar[Any] = fields

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:  # type: ignore[override]
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("by")

    @admin.display(description=_("moved dates"))
    def moved_dates(self, correction: IssueDateCorrection) -> SafeString:
        rows = ((move["record"], move["field"], move["wording"], move["old"], move["new"]) for move in correction.moved)
        return format_html_join("", "<div>{} {} {}: {} → {}</div>", rows)


class CorrectsIssueDate(ModelAdmin):
    """The page of an article whose date of issue is changed by the action alone."""

    form = ArticleForm

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        inlines = super().get_inlines(request, obj)
        return [*inlines, IssueDateCorrectionInline] if obj and obj.issue_date_corrections.exists() else inlines

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and "issued_on" in form.changed_data:
            reason = form.cleaned_data["correction_reason"]
            correct_issue_date(article=obj, issued_on=obj.issued_on, by=request.user, reason=reason)  # type: ignore[arg-type]
        super().save_model(request, obj, form, change)


# Redactions -----------------------------------------------------------------------------------------------------------


class RedactionForm(ModelForm):
    """Asks for a name, says where it stands, and removes it once that is confirmed."""

    name = forms.CharField(
        label=_("name"),
        max_length=60,
        help_text=_("The whole name, as it is printed. It is not kept."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "vTextField"}),
    )
    confirmed = forms.BooleanField(
        label=_("Remove it from all places"),
        required=False,
        help_text=_("Save without this first, to be told where the name stands. What is removed does not come back."),
    )

    class Meta:
        model = Redaction
        fields = ["reason"]

    def clean_name(self) -> str:
        """Return the name, or say what is wrong with it."""
        return check_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if "name" in cleaned and not cleaned.get("confirmed"):
            kinds = Counter[str]()
            for place in places_of(cleaned["name"]):
                kinds[str(place.row._meta.verbose_name)] += place.times
            message = _("The name stands in %(count)s places (%(kinds)s). Confirm, and it is removed from all of them.")
            listed = ", ".join(f"{kind}: {count}" for kind, count in kinds.most_common()) or "–"
            self.add_error("confirmed", ValidationError(message, params={"count": kinds.total(), "kinds": listed}))
        return cleaned


@admin.register(Redaction)
class RedactionAdmin(ModelAdmin):
    form = RedactionForm
    list_display = ["__str__", "at", "by", "reason", "places"]
    list_select_related = ["by"]
    ordering: ClassVar[Any] = ["-at"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["at", "by", "reason", "places"] if obj else ["name", "reason", "confirmed"]
        return [(None, {"fields": fields})]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        name, reason = form.cleaned_data["name"], form.cleaned_data["reason"]
        made = redact_person(name=name, by=request.user, reason=reason)  # type: ignore[arg-type]
        obj.__dict__.update(made.__dict__)
