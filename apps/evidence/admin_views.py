"""The views of the article workbench, and of taking in a new article.

Every stretch of an article has an address of its own: `?start=12&end=18` is rendered here as a whole page. The script
(`evidence/workbench.js`) only turns selections into such addresses, and fetches the panel without the rest.
"""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.authentication import user_of
from apps.common.admin.forms import EDTFInput, RecordForm
from apps.common.http.problems import Refusal
from apps.common.models.records import Fact
from apps.common.rules.permissions import may_edit
from apps.common.writing.refusals import refusing
from apps.evidence import intake
from apps.evidence.actions import publish, take_in
from apps.evidence.models import Article, Citation, Mark
from apps.evidence.texts.upload import GivesPage
from apps.evidence.workbench.bench import Bench, find
from apps.evidence.workbench.forms import CiteForm, MarkForm
from apps.evidence.workbench.panel import Panel

# The workbench --------------------------------------------------------------------------------------------------------


def workbench(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the workbench of an article, or only its panel; cite, mark and publish."""
    page = admin.site.get_model_admin(Article)
    article = get_object_or_404(Article.objects.select_related("text"), pk=pk)
    if not page.has_view_permission(request, article):
        raise PermissionDenied
    if not hasattr(article, "text"):
        messages.warning(request, _("The article's text is not attached; without it there is no workbench."))
        return redirect("admin:evidence_article_change", pk)
    bench = Bench(article, request.user)
    panel = Panel(bench, request, request.POST or request.GET)
    if request.method == "POST":
        actions = {"cite": _cite, "mark": _mark, "publish": _publish}
        action = actions.get(request.POST.get("do", ""))
        if action is None:
            raise Http404
        if action(request, bench, panel):
            return HttpResponseRedirect(_address(panel))
    elif request.GET.get("new"):
        return HttpResponseRedirect(panel.new_address(request.GET["new"]))
    context = {
        **admin.site.each_context(request),
        "title": _("Workbench"),
        "subtitle": str(article),
        "opts": Article._meta,
        "bench": bench,
        "article": article,
        "panel": panel,
        "can_cite": _may_add(request, Citation),
        "can_mark": _may_add(request, Mark),
        "is_popup": False,
    }
    part = "workbench_panel" if request.GET.get("part") == "panel" else "workbench"
    return TemplateResponse(request, f"admin/evidence/article/{part}.html", context)


def _address(panel: Panel) -> str:
    address = reverse("admin:evidence_article_workbench", args=[panel.bench.article.pk])
    return f"{address}?start={panel.start}&end={panel.end}#at-{panel.start}" if panel.is_chosen else address


def _cite(request: HttpRequest, bench: Bench, panel: Panel) -> bool:
    target = find(request.POST.get("record", ""), request.user)
    if not _may_add(request, Citation) or (target is not None and not may_edit(request.user, target)):
        raise PermissionDenied
    panel.cite_form = CiteForm(request.POST, bench=bench, target=target)
    panel.cite_form.user = request.user
    return _save(request, panel.cite_form, _("Cited for %s."))


def _mark(request: HttpRequest, bench: Bench, panel: Panel) -> bool:
    if not _may_add(request, Mark):
        raise PermissionDenied
    panel.mark_form = MarkForm(request.POST, bench=bench)
    return _save(request, panel.mark_form, _("Marked as no fact: %s."))


def _save(request: HttpRequest, form: CiteForm | MarkForm, message: str) -> bool:
    if not form.is_valid():
        messages.error(
            request, _("Not saved: %s") % " ".join(str(e) for errors in form.errors.values() for e in errors)
        )
        return False
    try:
        with refusing(type(form.instance)), transaction.atomic():
            row = form.save()
    except Refusal as refusal:
        messages.error(request, _("Not saved: %s") % refusal.detail)
        return False
    _log_addition(request, row)
    messages.success(request, message % (row.record if isinstance(row, Citation) else row.get_reason_display()))
    return True


def _log_addition(request: HttpRequest, row: Citation | Mark) -> None:
    log = admin.site.get_model_admin(type(row) if admin.site.is_registered(type(row)) else Article)
    log.log_addition(request, row, [{"added": {}}])


def _publish(request: HttpRequest, bench: Bench, panel: Panel) -> bool:
    chosen = set(request.POST.getlist("record"))
    paths = [draft.value for draft in bench.drafts if draft.value in chosen]
    records = [record for path in paths if isinstance(record := find(path, request.user), Fact)]
    if not all(may_edit(request.user, record) for record in records):
        raise PermissionDenied
    try:
        number = publish(records=records, by=user_of(request))
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
        return False
    messages.success(request, _("Published: %(number)s.") % {"number": number})
    return True


def _may_add(request: HttpRequest, model: type[Citation | Mark]) -> bool:
    return admin.site.get_model_admin(model).has_add_permission(request)


# A new article --------------------------------------------------------------------------------------------------------


class ArticleIntakeForm(RecordForm):
    """The fields of an article beside its text."""

    class Meta:
        model = Article
        fields = ["title", "publisher", "republisher", "byline", "editor", "issued_on", "page"]
        widgets = {"issued_on": EDTFInput()}

    def validate_constraints(self) -> None:
        """Pass: `take_in` validates them, as it makes the digests."""


class PageForm(GivesPage, ArticleIntakeForm):
    """First step: the page, pasted or as a file."""

    field_order = ["pasted", "file"]

    def take_page(self, page: str) -> None:
        self.cleaned_data["captured"] = intake.captured(page)


class BodyForm(ArticleIntakeForm):
    """Second step: where in the page the body lies."""

    captured = forms.CharField(strip=False, widget=forms.HiddenInput())
    body_start = forms.IntegerField(label=gettext_lazy("The body starts at"), min_value=0)
    body_end = forms.IntegerField(label=gettext_lazy("and ends at"), min_value=1)

    field_order = ["body_start", "body_end"]

    def clean_captured(self) -> str:
        try:
            return intake.captured(self.cleaned_data["captured"])
        except intake.IntakeError as error:
            raise ValidationError(str(error)) from error


def take_in_view(request: HttpRequest) -> HttpResponse:
    """Take in a new article: first the page, then its body; then the workbench opens with proposals."""
    page = admin.site.get_model_admin(Article)
    if not page.has_add_permission(request):
        raise PermissionDenied
    form: ArticleIntakeForm = PageForm()
    if request.method == "POST" and "captured" not in request.POST:
        form = PageForm(request.POST, request.FILES)
        if form.is_valid():
            start, end = intake.propose_body(form.cleaned_data["captured"])
            proposed = {"captured": form.cleaned_data["captured"], "body_start": start, "body_end": end}
            form = BodyForm(initial={**form.cleaned_data, **proposed})
    elif request.method == "POST":
        form = BodyForm(request.POST)
        if form.is_valid():
            try:
                article = take_in(**form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                page.log_addition(request, article, [{"added": {}}])
                return redirect("admin:evidence_article_workbench", article.pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Take in an article"),
        "opts": Article._meta,
        "form": form,
        "lines": intake.lines(form["captured"].value() or "") if isinstance(form, BodyForm) else [],
    }
    return TemplateResponse(request, "admin/evidence/article/intake.html", context)
