"""Curators' pages of the history: what changed in a record, and taking a request back."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.models.logged_change import LoggedChange, Operation
from apps.common.rules.change_log import logged_models
from apps.common.rules.territory import territory_of
from apps.common.writing.transaction import write_transaction
from apps.history.items import DescribedEntry, describe, of_rows
from apps.history.readable import FieldChange
from apps.history.reverting import revert
from apps.history.views import changes_of, conflicts_of

SHOWN = 100


def _label(model: type[Model], name: str) -> str:
    """Return what a field is called on the pages."""
    field = next((field for field in model._meta.get_fields() if field.name == name), None)
    return str(getattr(field, "verbose_name", name))


def _labelled(model: type[Model], changes: list[FieldChange]) -> list[dict[str, object]]:
    """Return changes with the names of fields and of choices as the pages show them."""
    labels = {field.name: dict(getattr(field, "flatchoices", ())) for field in model._meta.get_fields()}

    def shown(field: str, value: object) -> object:
        return labels.get(field, {}).get(value, value) if isinstance(value, str) else value

    return [
        {**change, "label": _label(model, name), "before": shown(name, before), "after": shown(name, after)}
        for change in changes
        for name, before, after in [(change["field"], change["before"], change["after"])]
    ]


def _shown(entry: LoggedChange, item: DescribedEntry) -> dict[str, object]:
    """Return an entry of a history as the page shows it."""
    changes = _labelled(logged_models()[entry.table_name], item["changes"])
    return {**item, "changes": changes, "moment": entry.at, "done": Operation(item["operation"]).label}


def record_history(request: HttpRequest, app_label: str, model_name: str, pk: int) -> HttpResponse:
    """Show the newest changes of a record, deleted ones too."""
    try:
        model = apps.get_model(app_label, model_name)
    except LookupError as error:
        raise Http404 from error
    if not admin.site.is_registered(model):
        raise Http404
    page: Any = admin.site.get_model_admin(model)
    if model._meta.db_table not in logged_models():
        shown: HttpResponse = page.history_view(request, str(pk))
        return shown
    if not page.has_view_or_change_permission(request):
        raise PermissionDenied
    entries = of_rows(model, [pk], None, SHOWN)
    if not entries:
        raise Http404
    record = model._base_manager.filter(pk=pk).first()
    if record is not None and not page.get_queryset(request).filter(pk=pk).exists():
        raise PermissionDenied
    if not (described := describe(entries, request.user)):
        raise Http404
    by_number = {entry.number: entry for entry in entries}
    context = {
        **admin.site.each_context(request),
        "title": _("History"),
        "subtitle": described[0]["name"] or described[0]["key"],
        "opts": model._meta,
        "entries": [_shown(by_number[item["number"]], item) for item in described],
        "record": record,
        "may_revert": bool(territory_of(request.user)),
    }
    return TemplateResponse(request, "admin/history/record.html", context)


class ReasonForm(forms.Form):
    """Asks why a request is taken back."""

    reason = forms.CharField(label=gettext_lazy("reason"), max_length=500)


def revert_request(request: HttpRequest, request_id: str) -> HttpResponse:
    """Show what taking a request back would change and what stands in the way; do it once a reason is given."""
    if not territory_of(request.user):
        raise PermissionDenied
    if not LoggedChange.objects.filter(request_id=request_id).exists():
        raise Http404
    form = ReasonForm(request.POST or None)
    keep = request.method == "POST" and form.is_valid()
    reason = form.cleaned_data["reason"] if keep else ""
    with write_transaction(reason=reason):
        outcome = revert(request_id, keep=keep, user=request.user)
    if keep and not outcome.obstacles:
        messages.success(request, _("Taken back: %(count)s rows.") % {"count": len(outcome.steps)})
        return HttpResponseRedirect(reverse("admin:index"))
    changes = [
        {**change, "done": Operation(change["operation"]).label, "changes": _labelled(step.model, change["changes"])}
        for step, change in zip(outcome.steps, changes_of(outcome, request.user), strict=True)
    ]
    context = {
        **admin.site.each_context(request),
        "title": _("Take a request back"),
        "subtitle": request_id,
        "changes": changes,
        "conflicts": conflicts_of(outcome),
        "form": form,
    }
    return TemplateResponse(request, "admin/history/revert.html", context, status=409 if keep else 200)
