"""Curators' pages of changes behind published facts: corrected dates of issue, redactions, and answers of parties."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.accounts.authentication import user_of
from apps.accounts.models import User
from apps.common.admin.forms import RecordForm
from apps.common.conflicts.pages import KeepsChanges
from apps.common.http.problems import Refusal
from apps.common.models.records import RecordQuerySet
from apps.common.values.texts import validate_one_line
from apps.common.writing.refusals import refusing
from apps.evidence import answering
from apps.evidence.actions import check_name, correct_issue_date, redact_person
from apps.evidence.issue_dates import moves
from apps.evidence.models import Article, Attestation, IssueDateCorrection, Redaction
from apps.evidence.redaction.places import places_of

if TYPE_CHECKING:
    # Generic for the type checker only.
    ArticlePage = admin.ModelAdmin[Article]
    CorrectionInline = admin.TabularInline[IssueDateCorrection, Article]
    RedactionPage = admin.ModelAdmin[Redaction]
    RedactionModelForm = forms.ModelForm[Redaction]
else:
    ArticlePage = RedactionPage = admin.ModelAdmin
    CorrectionInline = admin.TabularInline
    RedactionModelForm = forms.ModelForm

# Dates of issue -------------------------------------------------------------------------------------------------------


class ArticleForm(RecordForm):
    """An article. A new date of issue moves the dates that are counted from it, and needs a reason."""

    correction_reason = forms.CharField(
        label=_("reason for a new date of issue"),
        required=False,
        max_length=300,
        validators=[validate_one_line],
        help_text=_("Dates of records that are counted from the date of issue (今天, 去年6月) move with it."),
    )

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean() or {}
        if self.instance.pk and "issued_on" in self.changed_data and "issued_on" in cleaned:
            if not cleaned.get("correction_reason"):
                self.add_error("correction_reason", _("Say why the date of issue is corrected."))
            try:
                moves(self.instance, cleaned["issued_on"])
            except ValidationError as error:
                self.add_error("issued_on", error)
        return cleaned


class IssueDateCorrectionInline(CorrectionInline):
    """The corrections made before. Nothing is written here: the action does."""

    model = IssueDateCorrection
    extra = 0
    readonly_fields = ("at", "by", "old", "new", "reason", "moved_dates")
    fields = readonly_fields

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssueDateCorrection]:
        return super().get_queryset(request).select_related("by")

    @admin.display(description=_("moved dates"))
    def moved_dates(self, correction: IssueDateCorrection) -> SafeString:
        rows = ((move["record"], move["field"], move["wording"], move["old"], move["new"]) for move in correction.moved)
        return format_html_join("", "<div>{} {} {}: {} → {}</div>", rows)


class CorrectsIssueDate(ArticlePage):
    """The page of an article whose date of issue is changed by the action alone."""

    form = ArticleForm

    def get_inlines(self, request: HttpRequest, obj: Article | None) -> list[type[InlineModelAdmin]]:
        inlines = [*super().get_inlines(request, obj)]
        if obj and obj.issue_date_corrections.exists():
            inlines.append(IssueDateCorrectionInline)
        return inlines

    def save_model(self, request: HttpRequest, obj: Article, form: forms.Form, change: bool) -> None:
        if change and "issued_on" in form.changed_data:
            reason = form.cleaned_data["correction_reason"]
            correct_issue_date(article=obj, issued_on=obj.issued_on, by=user_of(request), reason=reason)
        super().save_model(request, obj, form, change)


# Redactions -----------------------------------------------------------------------------------------------------------


class RedactionForm(RedactionModelForm):
    """Asks for a name, shows its places, and removes it once that is confirmed."""

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
        """Return the name; raises ValidationError for one that cannot be redacted."""
        return check_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, object] | None:
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
class RedactionAdmin(KeepsChanges, RedactionPage):
    form = RedactionForm
    list_display = ["__str__", "at", "by", "reason", "places"]
    list_select_related = ["by"]
    ordering = ["-at"]

    def get_fieldsets(self, request: HttpRequest, obj: Redaction | None = None) -> Any:
        fields = ["at", "by", "reason", "places"] if obj else ["name", "reason", "confirmed"]
        return [(None, {"fields": fields})]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Redaction, form: forms.Form, change: bool) -> None:
        name, reason = form.cleaned_data["name"], form.cleaned_data["reason"]
        made = redact_person(name=name, by=user_of(request), reason=reason)
        obj.__dict__.update(made.__dict__)


# Answers of parties ---------------------------------------------------------------------------------------------------


def _action(verb: Callable[[Attestation, User], None], description: Any, done: Any) -> Callable[..., None]:
    """Return the action by which a party answers to the selected attestations, to all or to none."""

    @admin.action(description=description, permissions=["change"])
    def answer(page: Any, request: HttpRequest, queryset: RecordQuerySet) -> None:
        rows = queryset.editable_by(request.user).order_by("pk").select_for_update(of=("self",), no_key=True)
        try:
            with refusing(Attestation), transaction.atomic():
                for attestation in rows:
                    verb(attestation, user_of(request))
                    page.log_change(request, attestation, str(description))
                connection.check_constraints()
        except Refusal as refusal:
            messages.error(request, str(refusal.detail))
        else:
            messages.success(request, done)

    answer.__name__ = verb.__name__
    return answer


ANSWERS = (
    _action(answering.confirm, _("Confirm for the party"), _("Confirmed.")),
    _action(answering.dispute, _("Dispute for the party"), _("Disputed.")),
    _action(answering.retract, _("Retract"), _("Retracted.")),
)
