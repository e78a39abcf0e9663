"""Importing a file in the admin: choose it, see what it would do, say why, confirm.

The preview writes everything and takes it back, as a dry run of the API does, so that it shows every error that the
import itself would meet. Between preview and confirmation the file waits in the database, bound to the user. What is
confirmed is exactly what was shown: where the registry has changed in the meantime so that the file would do something
else, nothing is written, and there is a new preview. A long file is tried, and imported, behind the page, which then
shows how far it is.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.common.admin.import_forms import ConfirmForm, FileForm, PaperForm, media_type_of
from apps.common.files.row_evidence import evidence_columns
from apps.common.http.middleware import change_ids
from apps.common.http.problems import Refusal
from apps.common.models.import_jobs import ImportJob
from apps.common.models.records import Citable
from apps.common.models.tables import KeptFile
from apps.common.resources.import_jobs import OPEN
from apps.common.resources.import_results import FileImport, ImportResult
from apps.common.resources.registry import viewset_of
from apps.common.writing.transaction import write_transaction

if TYPE_CHECKING:
    BaseModelAdmin = admin.options.BaseModelAdmin
else:
    BaseModelAdmin = object

KEPT_FOR = timedelta(hours=1)


class Sent(NamedTuple):
    """What was sent to be imported: a file, and the paper on which all its rows rest, as it was written."""

    name: str
    content: bytes
    paper: Mapping[str, str]

    def file(self, model: type[Citable]) -> FileImport:
        """Return it on its way into the records of a kind."""
        return FileImport(model, self.content, str(media_type_of(self.name)), self.paper)


def attempt(
    model: type[Citable], request: HttpRequest, file: FileImport, *, reason: str = "", agreed: str = ""
) -> ImportResult:
    """Import a file, and keep what was done only if it is what was agreed to, by the digest of an earlier outcome."""
    try:
        with write_transaction(model, reason=reason, statement_timeout=settings.IMPORT_TIMEOUT):
            outcome = file.result(file.run(request.user))
            connection.check_constraints()  # what is deferred, now
            if outcome.digest != agreed:
                transaction.set_rollback(True)
    except Refusal as refusal:
        return file.refused(refusal)
    return outcome


class Imports(BaseModelAdmin):
    """A page beside each list on which a file is imported into it."""

    model: type[Citable]
    admin_site: AdminSite

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the import before those that begin with a key."""
        meta = self.model._meta
        name = f"{meta.app_label}_{meta.model_name}_import"
        own = [path("import/", self.admin_site.admin_view(self.import_view), name=name)]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file; show what it would do; do it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._confirmed(request) if "digest" in request.POST else self._uploaded(request)
        return self._watched(request) if "job" in request.GET else self._page(request)

    # Steps

    def _uploaded(self, request: HttpRequest) -> HttpResponse:
        """Try a file, or have it tried behind the page, and show what it would do."""
        form, paper_form = FileForm(request.POST, request.FILES), self._paper_form(request, request.POST)
        if not all([form.is_valid(), paper_form.is_valid()]):
            return self._page(request, file_form=form, paper_form=paper_form)
        upload, paper = form.cleaned_data["file"], paper_form.cleaned_data
        sent = Sent(str(upload.name), upload.read(), paper)
        file = sent.file(self.model)
        if file.is_long():
            job = self._begin(request, sent)
            self._keep(request, job.key.hex, sent)
            return redirect(f"{request.path}?job={job.key}")
        outcome = attempt(self.model, request, file)
        self._keep(request, outcome.digest if outcome.has_changes else "", sent)
        return self._page(request, outcome=outcome, name=sent.name, paper_form=paper_form)

    def _confirmed(self, request: HttpRequest) -> HttpResponse:
        """Import what was shown, if it still is what would be done."""
        form = ConfirmForm(request.POST)
        kept = self._kept(request)
        if kept is None:
            messages.error(request, _("The file is no longer there; choose it again."))
            return redirect(request.path)
        sent = Sent(kept.name, bytes(kept.content), kept.paper)
        file = sent.file(self.model)
        agreed = kept.digest if form.is_valid() else ""
        reason = form.cleaned_data.get("reason", "")
        if agreed and file.is_long():
            job = self._begin(request, sent, reason=reason, agreed=agreed)
            return redirect(f"{request.path}?job={job.key}")
        outcome = attempt(self.model, request, file, reason=reason, agreed=agreed)
        if agreed and outcome.digest == agreed:
            kept.delete()
            return self._done(request, outcome)
        if agreed:
            messages.warning(
                request, _("Nothing was imported: the registry has changed since the preview. Look again.")
            )
            self._keep(request, outcome.digest if outcome.has_changes else "", sent)
            form = ConfirmForm(initial={"digest": outcome.digest, "reason": reason})
        return self._page(request, outcome=outcome, confirm_form=form, name=sent.name)

    def _watched(self, request: HttpRequest) -> HttpResponse:
        """Show how far a long file is, then what it would do, or that it is done."""
        job = self._job(request)
        if job is None:
            messages.error(request, _("There is no such import."))
            return redirect(request.path)
        if job.state in OPEN or job.preview is None:
            if job.problem:
                messages.error(request, job.problem["detail"])
            return self._page(request, job=job, name=job.name)
        outcome = ImportResult.from_json(job.preview)
        waiting = KeptFile.objects.filter(user_id=request.user.pk, resource=self.model.resource)
        waiting = waiting.filter(digest__in=(job.key.hex, job.agreed))
        if job.state == ImportJob.State.DONE and not job.is_dry:
            waiting.delete()
            return self._done(request, outcome)
        if job.agreed and job.problem:
            messages.warning(request, job.problem["detail"])
        if outcome.has_changes:
            waiting.update(digest=outcome.digest)
        else:
            waiting.delete()
        form = ConfirmForm(initial={"digest": outcome.digest, "reason": job.reason})
        return self._page(request, outcome=outcome, confirm_form=form, name=job.name)

    def _done(self, request: HttpRequest, outcome: ImportResult) -> HttpResponse:
        counts = {"created": outcome.created, "changed": outcome.changed, "unchanged": outcome.unchanged}
        messages.success(
            request, _("Imported: %(created)s new, %(changed)s changed, %(unchanged)s as they were.") % counts
        )
        meta = self.model._meta
        return redirect(f"admin:{meta.app_label}_{meta.model_name}_changelist")

    def _page(
        self,
        request: HttpRequest,
        *,
        outcome: ImportResult | None = None,
        file_form: FileForm | None = None,
        paper_form: PaperForm | None = None,
        confirm_form: ConfirmForm | None = None,
        name: str = "",
        job: ImportJob | None = None,
    ) -> HttpResponse:
        meta = self.model._meta
        if confirm_form is None:
            confirm_form = ConfirmForm(initial={"digest": outcome.digest if outcome else ""})
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import %(name)s") % {"name": meta.verbose_name_plural},
            "opts": meta,
            "example": f"{settings.API_ROOT}/{self.model.resource}?format=csv",
            "columns": list(viewset_of(self.model).contract().inputs),
            "evidence_columns": list(evidence_columns(viewset_of(self.model).contract())),
            "file_form": file_form or FileForm(),
            "paper_form": paper_form or self._paper_form(request),
            "confirm_form": confirm_form,
            "outcome": outcome,
            "file_name": name,
            "job": job,
            "job_is_open": job is not None and job.state in OPEN,
            "open_jobs": [] if job or outcome else self._jobs(request).filter(state__in=OPEN).order_by("pk"),
        }
        return TemplateResponse(request, "admin/import.html", context)

    # Files that wait, and imports that go on behind the page

    def _paper_form(self, request: HttpRequest, data: Mapping[str, str] | None = None) -> PaperForm:
        return PaperForm(viewset_of(self.model).contract(), request.user, data)

    def _begin(self, request: HttpRequest, sent: Sent, *, reason: str = "", agreed: str = "") -> ImportJob:
        return ImportJob.objects.create(
            user_id=request.user.pk,
            **change_ids(request)._asdict(),
            language=get_language(),
            resource=self.model.resource,
            name=sent.name[:200],
            media_type=media_type_of(sent.name),
            content=sent.content,
            paper=sent.paper,
            reason=reason,
            is_dry=not agreed,
            is_shown=True,
            agreed=agreed,
        )

    def _jobs(self, request: HttpRequest) -> QuerySet[ImportJob]:
        """Return the imports that the user began on this page."""
        own = ImportJob.objects.filter(user_id=request.user.pk, resource=self.model.resource, is_shown=True)
        return own.defer("content")

    def _job(self, request: HttpRequest) -> ImportJob | None:
        try:
            return self._jobs(request).filter(key=request.GET["job"].replace("\0", "")).first()
        except ValidationError:  # no identifier at all
            return None

    def _kept(self, request: HttpRequest) -> KeptFile | None:
        """Return the file that a form confirms, which the user has sent for this list not long ago."""
        owner: int = request.user.pk or 0
        return KeptFile.objects.filter(
            user_id=owner,
            resource=self.model.resource,
            digest=request.POST.get("digest", "").replace("\0", ""),
            made_at__gt=timezone.now() - KEPT_FOR,
        ).first()

    def _keep(self, request: HttpRequest, digest: str, sent: Sent) -> None:
        """Keep a file until it is confirmed, in the place of an earlier one; without a digest, keep none."""
        KeptFile.objects.filter(made_at__lt=timezone.now() - KEPT_FOR).delete()
        owner: dict[str, object] = {"user_id": request.user.pk, "resource": self.model.resource}
        if not digest:
            KeptFile.objects.filter(**owner).delete()
            return
        values = {
            "name": sent.name[:200],
            "media_type": media_type_of(sent.name),
            "content": sent.content,
            "paper": sent.paper,
            "digest": digest,
            "made_at": timezone.now(),
        }
        KeptFile.objects.update_or_create(**owner, defaults=values)
