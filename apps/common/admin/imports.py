"""Importing a file in the admin: choose it, see what it would do, say why, confirm.

The preview writes everything and takes it back, as a dry run of the API does, so that it shows every error that the
import itself would meet. Between preview and confirmation the file waits in the database, bound to the user. What is
confirmed is exactly what was shown: where the registry has changed in the meantime so that the file would do something
else, nothing is written, and there is a new preview.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise as StrPromise
from django.utils.translation import gettext as _

from apps.common.admin.import_forms import ConfirmForm, FileForm, media_type_of
from apps.common.files.imports import ROWS, Imported, Importer, Table, read_table
from apps.common.http.problems import Refusal
from apps.common.models.records import Citable
from apps.common.models.tables import KeptFile
from apps.common.resources.registry import viewset_of
from apps.common.writing.contract import Finder, Input
from apps.common.writing.transaction import write_transaction
from apps.common.writing.writer import RecordChange, RecordWriter

if TYPE_CHECKING:
    BaseModelAdmin = admin.options.BaseModelAdmin
else:
    BaseModelAdmin = object

KEPT_FOR = timedelta(hours=1)
MOST_SHOWN = 100  # changes; the counts are of all
LONGEST = 200  # characters of a value


class WrongCell(NamedTuple):
    """What is wrong with a file, and where: row and column as a spreadsheet names them, and how the row begins."""

    row: int | None
    record: str
    column: str
    detail: str


class ShownValue(NamedTuple):
    """A field that a change sets."""

    label: StrPromise | str
    before: str
    after: str


class Shown(NamedTuple):
    """A change as the preview shows it."""

    is_new: bool
    record: Citable
    key: str
    values: list[ShownValue]


class ImportResult(NamedTuple):
    """What an import did or would do, or what is wrong with the file."""

    wrong: list[WrongCell]
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    ignored: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    digest: str = ""

    @property
    def hidden(self) -> int:
        """How many changes are not shown."""
        return self.created + self.changed - len(self.shown)

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to confirm."""
        return bool(self.created or self.changed)


# The import -----------------------------------------------------------------------------------------------------------


def attempt(
    model: type[Citable], request: HttpRequest, content: bytes, media_type: str, *, reason: str = "", agreed: str = ""
) -> ImportResult:
    """Import a file, and keep what was done only if it is what was agreed to, by the digest of an earlier outcome."""
    view = viewset_of(model)
    table: Table | None = None
    try:
        table = read_table(content, media_type)
        with write_transaction(model, reason=reason):
            writer = RecordWriter(view.contract(), request.user, Finder(request.user))
            done = Importer(writer, view.serializer_class, table).run()
            connection.check_constraints()  # what is deferred, now
            outcome = _outcome(writer, content, done)
            if outcome.digest != agreed:
                transaction.set_rollback(True)
    except Refusal as refusal:
        found = refusal.errors or [{"pointer": "", "detail": str(refusal.detail)}]
        return ImportResult([_wrong(model, table, error["pointer"], error["detail"]) for error in found])
    return outcome


def _outcome(writer: RecordWriter, content: bytes, done: Imported) -> ImportResult:
    inputs = writer.contract.inputs
    digest = hashlib.sha256(hashlib.sha256(content).digest())
    for change in done.changes:
        values = [(name, change.before.get(name), inputs[name].current(change.record)) for name in change.fields]
        digest.update(json.dumps([change.operation, change.record.key, values], default=str).encode())
    operations = [change.operation for change in done.changes]
    return ImportResult(
        wrong=[],
        created=operations.count("insert"),
        changed=operations.count("update"),
        unchanged=done.unchanged,
        ignored=tuple(done.ignored),
        shown=tuple(_shown(inputs, change) for change in done.changes[:MOST_SHOWN]),
        digest=digest.hexdigest(),
    )


def _shown(inputs: dict[str, Input], change: RecordChange) -> Shown:
    is_new = change.operation == "insert"
    values = []
    for name in change.fields:
        item = inputs[name]
        before = "" if is_new else _text(item, change.before.get(name))
        values.append(ShownValue(_label(item), before, _text(item, item.current(change.record))))
    return Shown(is_new, change.record, str(change.record.key), values)


def _label(item: Input) -> StrPromise | str:
    return getattr(item.field, "verbose_name", item.name)


def _text(item: Input, value: Any) -> str:
    """Return a value as `Input.current` gives it in words."""
    if value in (None, "", []):
        return ""
    if item.is_many or item.is_reference:
        keys = value if item.is_many else [value]
        return _cut(", ".join(map(str, item.field.related_model._base_manager.filter(pk__in=keys).order_by("pk"))))
    if item.is_target:
        kind, key = value
        return _cut(str(ContentType.objects.get_for_id(kind).get_object_for_this_type(pk=key)))
    if choices := dict(getattr(item.field, "flatchoices", ())):
        return str(choices.get(value, value))
    if isinstance(value, list):
        return _cut(", ".join(map(str, value)))
    return date_format(value) if hasattr(value, "isoformat") else _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _wrong(model: type[Citable], table: Table | None, pointer: str, detail: str) -> WrongCell:
    """Return an error of the API in the words of a spreadsheet."""
    part, number, column = [*pointer.strip("/").split("/", 2), "", "", ""][:3]
    if part != ROWS or table is None:
        return WrongCell(None, "", number if part == "columns" else "", detail)
    cells = dict(zip(table.names, table.rows[int(number)], strict=False))
    # The heading is the first row.
    return WrongCell(int(number) + 2, _cut(_first(cells, [model.name_field, model.key_field])), column, detail)


def _first(cells: dict[str, str], names: Iterable[str]) -> str:
    """Return the first of the named cells that holds something, or else of all."""
    named = (cells.get(name, "") for name in names)
    return next(filter(None, [*named, *cells.values()]), "")


# The page -------------------------------------------------------------------------------------------------------------


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
        file_form, confirm_form = FileForm(), ConfirmForm()
        outcome: ImportResult | None = None
        name = ""
        if request.method == "POST" and "digest" in request.POST:
            confirm_form = ConfirmForm(request.POST)
            kept = self._kept(request)
            if kept is None:
                messages.error(request, _("The file is no longer there; choose it again."))
                return redirect(request.path)
            name, agreed = kept.name, kept.digest if confirm_form.is_valid() else ""
            reason = confirm_form.cleaned_data.get("reason", "")
            outcome = attempt(self.model, request, bytes(kept.content), kept.media_type, reason=reason, agreed=agreed)
            if agreed and outcome.digest == agreed:
                kept.delete()
                return self._done(request, outcome)
            if agreed:
                messages.warning(
                    request, _("Nothing was imported: the registry has changed since the preview. Look again.")
                )
                self._keep(request, outcome, kept.name, bytes(kept.content))
                confirm_form = ConfirmForm(initial={"digest": outcome.digest, "reason": reason})
        elif request.method == "POST":
            file_form = FileForm(request.POST, request.FILES)
            if file_form.is_valid():
                file = file_form.cleaned_data["file"]
                name, content = str(file.name), file.read()
                outcome = attempt(self.model, request, content, str(media_type_of(name)))
                self._keep(request, outcome, name, content)
                file_form, confirm_form = FileForm(), ConfirmForm(initial={"digest": outcome.digest})
        context = {"file_form": file_form, "confirm_form": confirm_form, "outcome": outcome, "file_name": name}
        return TemplateResponse(request, "admin/import.html", {**self._context(request), **context})

    def _context(self, request: HttpRequest) -> dict[str, object]:
        meta = self.model._meta
        return {
            **self.admin_site.each_context(request),
            "title": _("Import %(name)s") % {"name": meta.verbose_name_plural},
            "opts": meta,
            "example": f"{settings.API_ROOT}/{self.model.resource}?format=csv",
            "columns": list(viewset_of(self.model).contract().inputs),
        }

    def _kept(self, request: HttpRequest) -> KeptFile | None:
        """Return the file that a form confirms, which the user has sent for this list not long ago."""
        owner: int = request.user.pk or 0
        return KeptFile.objects.filter(
            user_id=owner,
            resource=self.model.resource,
            digest=request.POST.get("digest", "").replace("\0", ""),
            made_at__gt=timezone.now() - KEPT_FOR,
        ).first()

    def _keep(self, request: HttpRequest, outcome: ImportResult, name: str, content: bytes) -> None:
        """Keep a file until it is confirmed, in the place of an earlier one; one that does nothing is not kept."""
        KeptFile.objects.filter(made_at__lt=timezone.now() - KEPT_FOR).delete()
        owner: dict[str, object] = {"user_id": request.user.pk, "resource": self.model.resource}
        if not outcome.has_changes:
            KeptFile.objects.filter(**owner).delete()
            return
        values = {
            "name": name[:200],
            "media_type": media_type_of(name),
            "content": content,
            "digest": outcome.digest,
            "made_at": timezone.now(),
        }
        KeptFile.objects.update_or_create(**owner, defaults=values)

    def _done(self, request: HttpRequest, outcome: ImportResult) -> HttpResponse:
        counts = {"created": outcome.created, "changed": outcome.changed, "unchanged": outcome.unchanged}
        messages.success(
            request, _("Imported: %(created)s new, %(changed)s changed, %(unchanged)s as they were.") % counts
        )
        meta = self.model._meta
        return redirect(f"admin:{meta.app_label}_{meta.model_name}_changelist")
