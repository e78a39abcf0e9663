"""Curators' pages of doubles: pairs that are proposed, and the preview of a merge."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.rules.change_log import SETTINGS
from apps.identity.merge_result import MergeError, MergeResult
from apps.identity.merging import fillable, merge, mergeable
from apps.identity.models import Distinction, Merge
from apps.identity.proposals import REASONS, editable, models, proposals, tell_apart

PAGE_SIZE = 25
MOST_SHOWN = 200  # rows of a preview


class PairForm(forms.Form):
    """Names two records of a kind by their slugs."""

    resource = forms.ChoiceField(label=gettext_lazy("kind"), choices=list)
    loser = forms.SlugField(label=gettext_lazy("record that is merged"), max_length=120)
    winner = forms.SlugField(label=gettext_lazy("record that stays"), max_length=120)

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        choices = [(name, model._meta.verbose_name) for name, model in mergeable().items()]
        self.fields["resource"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if model := mergeable().get(cleaned.get("resource", "")):
            for name in ("loser", "winner"):
                if not (slug := cleaned.get(name)):
                    continue
                row = editable(model, self.user).filter(slug=slug).first()
                if row is None:
                    self.add_error(name, _("There is no such record, or it is not yours to edit."))
                cleaned[f"{name}_record"] = row
        return cleaned


class MergeForm(forms.Form):
    """Asks why two records are one, and which empty fields take the other's value."""

    reason = forms.CharField(label=gettext_lazy("reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    fill = forms.MultipleChoiceField(
        label=gettext_lazy("empty fields to fill from the other"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=(),
    )

    def __init__(self, loser: Any, winner: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = fillable(loser, winner)
        choices = [(name, f"{loser._meta.get_field(name).verbose_name}: {getattr(loser, name)}") for name in names]
        self.fields["fill"].choices = choices  # type: ignore[attr-defined]


def duplicates(request: HttpRequest) -> HttpResponse:
    """Show a page of the pairs that may be one; told that a pair is not, remember it."""
    known = models()
    resource = request.GET.get("kind", next(iter(known)))
    if resource not in known:
        raise Http404
    model = known[resource]
    _demand(request, model)
    if request.method == "POST":
        return _remember(request, resource)
    number = request.GET.get("page", "1")
    page = int(number) if number.isascii() and number.isdigit() and 0 < len(number) <= 4 else 1
    page = max(page, 1)
    found, total = proposals(resource, editable(model, request.user), (page - 1) * PAGE_SIZE, PAGE_SIZE)
    change = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    pairs = [
        {
            "sides": [{"side": side, "url": reverse(change, args=[side.pk])} for side in (first, second)],
            "score": likelihood.score,
            "reasons": [REASONS[reason] for reason in likelihood.reasons],
            "into_first": urlencode({"resource": resource, "loser": second.key, "winner": first.key}),
            "into_second": urlencode({"resource": resource, "loser": first.key, "winner": second.key}),
        }
        for first, second, likelihood in found
    ]
    context = {
        **admin.site.each_context(request),
        "title": _("Possible doubles"),
        "opts": Distinction._meta,
        "kinds": [(name, kind._meta.verbose_name_plural, name == resource) for name, kind in known.items()],
        "kind": resource,
        "pairs": pairs,
        "total": total,
        "page": page,
        "previous": page - 1 if page > 1 else None,
        "following": page + 1 if page * PAGE_SIZE < total else None,
    }
    return TemplateResponse(request, "admin/identity/duplicates.html", context)


def _demand(request: HttpRequest, model: Any) -> None:
    """Raise PermissionDenied for who may not change records of a kind."""
    if not admin.site.get_model_admin(model).has_change_permission(request):
        raise PermissionDenied


def _remember(request: HttpRequest, resource: str) -> HttpResponse:
    keys = {"resource": resource, "loser": request.POST.get("first", ""), "winner": request.POST.get("second", "")}
    form = PairForm(request.user, keys)
    reason = request.POST.get("reason", "").strip()
    if not form.is_valid() or form.cleaned_data["loser_record"] == form.cleaned_data["winner_record"]:
        messages.error(request, _("There is no such pair."))
    elif not 0 < len(reason) <= 300:
        messages.error(request, _("Say in at most 300 characters how the two are told apart."))
    else:
        rows = form.cleaned_data["loser_record"], form.cleaned_data["winner_record"]
        tell_apart(*rows, reason=reason, by=request.user)
        messages.success(request, _("Told apart: %(first)s, %(second)s.") % {"first": rows[0], "second": rows[1]})
    return HttpResponseRedirect(request.get_full_path())


def merge_pair(request: Any) -> HttpResponse:
    """Show what merging two records would do; do it once a reason is given."""
    _demand(request, Merge)
    pair = PairForm(request.user, request.GET if request.GET else None)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Merge two records"),
        "opts": Distinction._meta,
        "pair": pair,
    }
    if not pair.is_valid():
        if not request.GET:
            pair.errors.clear()
        return TemplateResponse(request, "admin/identity/merge.html", context)
    loser, winner = pair.cleaned_data["loser_record"], pair.cleaned_data["winner_record"]
    _demand(request, type(winner))
    form = MergeForm(loser, winner, request.POST or None)
    keep = request.method == "POST" and form.is_valid()
    outcome: MergeResult | None = None
    error = ""
    try:
        with transaction.atomic():
            if keep:
                with connection.cursor() as cursor:  # for the change log
                    cursor.execute("SELECT set_config(%s, %s, true)", [SETTINGS["reason"], form.cleaned_data["reason"]])
            outcome = merge(
                loser=loser,
                winner=winner,
                reason=form.cleaned_data["reason"] if keep else "-",
                request_id=request.request_id,
                by=request.user,
                fill=form.cleaned_data["fill"] if keep else (),
            )
            if not keep:
                transaction.set_rollback(True)
    except MergeError as refused:
        error = refused.detail
    if keep and outcome is not None:
        messages.success(request, _("%(loser)s is now a part of %(winner)s.") % {"loser": loser, "winner": winner})
        meta = type(winner)._meta
        return HttpResponseRedirect(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[winner.pk]))
    swapped = {"resource": pair.cleaned_data["resource"], "loser": winner.slug, "winner": loser.slug}
    context |= {
        "loser": loser,
        "winner": winner,
        "form": form,
        "error": error,
        "swap": urlencode(swapped),
        "differences": list(_differences(loser, winner)),
        "moved": _named(outcome.moved if outcome else []),
        "folded": outcome.folded[:MOST_SHOWN] if outcome else [],
        "moved_total": len(outcome.moved) if outcome else 0,
    }
    return TemplateResponse(request, "admin/identity/merge.html", context, status=409 if error else 200)


def _differences(loser: Any, winner: Any) -> Any:
    """Yield the fields in which two records differ: label, value of the one that goes, value of the one that stays."""
    for item in type(loser)._meta.concrete_fields:
        if item.editable and not item.primary_key and item.name not in ("created_at", "updated_at"):
            values = getattr(loser, item.name), getattr(winner, item.name)
            if values[0] != values[1]:
                yield item.verbose_name, *("–" if value in (None, "") else value for value in values)


def _named(moved: Any) -> list[tuple[str, str]]:
    rows = [(str(row._meta.verbose_name), str(row)) for row, _name in moved]
    return sorted(rows)[:MOST_SHOWN]
