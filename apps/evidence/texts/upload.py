"""The captured page of an article, given on the article's page in the admin."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.http.problems import Refusal
from apps.common.writing.refusals import refusing
from apps.evidence import intake, spans
from apps.evidence.actions import TextError, attach_text
from apps.evidence.models import Article
from apps.evidence.texts.attaching import readings


class GivesPage(forms.Form):
    """A form with a page, pasted or as a file: one of the two."""

    pasted = forms.CharField(
        label=gettext_lazy("Text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=gettext_lazy("Paste the page, as text or as HTML; what is not the article may stay in."),
    )
    file = forms.FileField(
        label=gettext_lazy("or a file"),
        required=False,
        help_text=format_lazy(
            gettext_lazy("Text or HTML in UTF-8 or GB18030, at most {limit} bytes."), limit=intake.MAX_BYTES
        ),
    )

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        file, pasted = self.cleaned_data.get("file"), self.cleaned_data.get("pasted", "")
        if self.errors.keys() & {"file", "pasted"}:
            return cleaned
        if bool(file) == bool(pasted.strip()):
            raise ValidationError(_("Paste a text or choose a file: one of the two."))
        try:
            # One byte more than is taken tells that a file is too long, however long it is.
            self.take_page(intake.decode(file.read(intake.MAX_BYTES + 1)) if file else pasted)
        except intake.IntakeError as error:
            self.add_error("file" if file else "pasted", str(error))
        return cleaned

    def take_page(self, page: str) -> None:
        """Do what is done with the page; raises IntakeError for one that cannot be taken in."""
        raise NotImplementedError


class AttachForm(GivesPage):
    """The captured page of an article; another one is refused with both digests."""

    def __init__(self, *args: object, article: Article, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.article = article

    def take_page(self, page: str) -> None:
        intake.captured(page)
        digests = {spans.digest(text): text for text in readings(page)}
        self.cleaned_data["captured"] = digests.get(self.article.captured_sha256, spans.normalise(page))

    def attach(self) -> bool:
        """Attach the page; returns whether that was done. Why not is an error of the form."""
        try:
            with refusing(Article):
                attach_text(article=self.article, captured=self.cleaned_data["captured"])
        except (TextError, Refusal) as error:
            self.add_error("file" if self.cleaned_data.get("file") else "pasted", str(error))
            return False
        return True


def attach_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Attach the captured page of an article. For curators: who may change the article."""
    page = admin.site.get_model_admin(Article)
    article = get_object_or_404(Article, pk=pk)
    if not page.has_change_permission(request, article):
        raise PermissionDenied
    form = AttachForm(article=article)
    if request.method == "POST":
        form = AttachForm(request.POST, request.FILES, article=article)
    if form.is_valid() and form.attach():
        page.log_change(request, article, [{"added": {"name": _("article text"), "object": str(article)}}])
        messages.success(request, _("The page is the recorded one, and attached; all citations agree with it."))
        return redirect("admin:evidence_article_change", pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Attach the captured page"),
        "subtitle": str(article),
        "opts": Article._meta,
        "article": article,
        "form": form,
    }
    return TemplateResponse(request, "admin/evidence/article/attach.html", context)
