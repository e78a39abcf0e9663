"""Curators' pages of doubles: pairs that are proposed, and the preview of a merge."""

from collections.abc import Iterable, Iterator, Mapping

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.conflicts.forms import SeenField
from apps.common.conflicts.pages import locked
from apps.common.conflicts.seen import SEEN, dumped, read
from apps.common.http.middleware import change_ids
from apps.common.models.records import NamedRecord
from apps.common.reading.record_version import versions_of
from apps.common.rules.territory import Reader
from apps.common.writing.transaction import write_transaction
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

    def __init__(self, user: Reader, data: Mapping[str, str] | None) -> None:
        super().__init__(data)
        self.user = user
        choices = [(name, model._meta.verbose_name) for name, model in mergeable().items()]
        self.fields["resource"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
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

    def __init__(self, loser: NamedRecord, winner: NamedRecord, data: QueryDict | None) -> None:
        super().__init__(data)
        labels = {item.name: item.verbose_name for item in loser._meta.concrete_fields}
        choices = [(name, f"{labels[name]}: {getattr(loser, name)}") for name in fillable(loser, winner)]
        self.fields["fill"].choices = choices  # type: ignore[attr-defined]
        self.model, self.keys = type(loser), [loser.pk, winner.pk]
        self.fields[SEEN] = SeenField(lambda: dumped(self.model, {pk: {} for pk in self.keys}))

    def clean(self) -> dict[str, object]:
        """Refuse to merge what is not as the page showed it; from here to the end nobody else changes the two."""
        locked(self.model._base_manager.filter(pk__in=self.keys))
        seen, now = read(self.model, self.data.get(SEEN)), versions_of(self.model, self.keys)
        if any(str(pk) not in seen or seen[str(pk)].version != now.get(pk) for pk in self.keys):
            raise forms.ValidationError(_("One of the two was changed since the page was shown. Look, and try again."))
        return super().clean() or {}


def duplicates(request: HttpRequest) -> HttpResponse:
    """Show a page of the pairs that may be one; remember a pair that is sent as not one."""
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


def _demand(request: HttpRequest, model: type[Model]) -> None:
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


def merge_pair(request: HttpRequest) -> HttpResponse:
    """Show what merging two records would do; do it once a reason is given."""
    _demand(request, Merge)
    pair = PairForm(request.user, request.GET if request.GET else None)
    context: dict[str, object] = {
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
        outcome = _merge(request, loser, winner, form, keep=keep)
    except MergeError as refused:
        error = refused.detail
    if keep and outcome is not None:
        messages.success(request, _("%(loser)s is now a part of %(winner)s.") % {"loser": loser, "winner": winner})
        meta = type(winner)._meta
        return HttpResponseRedirect(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[winner.pk]))
    context |= {
        "loser": loser,
        "winner": winner,
        "form": form,
        "error": error,
        "swap": urlencode({"resource": winner.resource, "loser": winner.slug, "winner": loser.slug}),
        "differences": list(_differences(loser, winner)),
        "moved": _named(outcome.moved if outcome else []),
        "folded": outcome.folded[:MOST_SHOWN] if outcome else [],
        "moved_total": len(outcome.moved) if outcome else 0,
    }
    return TemplateResponse(request, "admin/identity/merge.html", context, status=409 if error else 200)


def _merge(
    request: HttpRequest, loser: NamedRecord, winner: NamedRecord, form: MergeForm, *, keep: bool
) -> MergeResult:
    """Merge two records as a form says; without `keep`, take it back. Raises MergeError."""
    reason, fill = (form.cleaned_data["reason"], form.cleaned_data["fill"]) if keep else ("-", ())
    with write_transaction(reason=reason):
        outcome = merge(
            loser=loser,
            winner=winner,
            reason=reason,
            request_id=change_ids(request).request_id,
            by=request.user,
            fill=fill,
        )
        if not keep:
            transaction.set_rollback(True)
    return outcome


def _differences(loser: NamedRecord, winner: NamedRecord) -> Iterator[tuple[object, object, object]]:
    """Yield the fields in which two records differ: label, value of the one that goes, value of the one that stays."""
    for item in type(loser)._meta.concrete_fields:
        if item.editable and not item.primary_key and item.name not in ("created_at", "updated_at"):
            one, other = getattr(loser, item.name), getattr(winner, item.name)
            if one != other:
                yield item.verbose_name, _shown(one), _shown(other)


def _shown(value: object) -> object:
    return "–" if value in (None, "") else value


def _named(moved: Iterable[tuple[Model, str]]) -> list[tuple[str, str]]:
    rows = [(str(row._meta.verbose_name), str(row)) for row, _name in moved]
    return sorted(rows)[:MOST_SHOWN]
