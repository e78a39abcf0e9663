"""The writing half of every resource over HTTP: one record at a time, or many at once.

A write runs in one transaction, with its reason in the change log, and keeps its answer for a repetition.
Before it answers, the rules that the database checks at the end are checked; a dry run ends there.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.translation import get_language, gettext
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.common.files.imports import Importer
from apps.common.files.row_evidence import PAPER, read_paper
from apps.common.files.tables import CSV, read_table
from apps.common.http.middleware import change_ids
from apps.common.http.parameters import Query, read_flag
from apps.common.http.problems import BodyError, NoRecordError, Refusal
from apps.common.models.import_jobs import ImportJob
from apps.common.models.records import Citable
from apps.common.models.unknown_keys import meant
from apps.common.reading import pages, read_request
from apps.common.reading.readable_view import ReadableView
from apps.common.reading.record_version import Conditions, tag_of
from apps.common.resources import import_jobs
from apps.common.resources.uploads import CSVParser, FileFormParser, Upload, XLSXParser
from apps.common.rules.permissions import RecordPermission, may_edit
from apps.common.serializers.records import RecordSerializer
from apps.common.writing import bulk, idempotency
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import EVIDENCE, REASON, Contract, Finder, error_at
from apps.common.writing.evidence import settle_evidence
from apps.common.writing.refusals import besides
from apps.common.writing.transaction import write_transaction
from apps.common.writing.writer import RESERVED, RecordWriter, read_reason, refuse_drafts


class Writes(idempotency.RepeatablePosts):
    """POST, PUT, PATCH and DELETE of a viewset."""

    permission_classes: list[type[BasePermission]] = [RecordPermission]
    request: Request
    kwargs: dict[str, Any]
    queryset: Any  # an attribute of most classes, a property of some
    detail_serializer_class: type[RecordSerializer]
    flaws: Sequence[dict[str, str]] = ()  # what is wrong with the body already as JSON, or with its reason

    def check_permissions(self, request: Request) -> None:
        """Ask for no right to what cannot be done here."""
        if getattr(self, "action", "") is None:
            raise MethodNotAllowed(str(request.method))
        super().check_permissions(request)  # type: ignore[misc]

    # Single records

    def create(self, request: Request) -> HttpResponse:
        """Make a record."""
        body = self._body()

        def work() -> HttpResponse:
            if self.conditions.wants_none and any(map(self._exists, self.contract().keys_of(body))):
                self.conditions.check("")
            change = self._writer().create(body)
            self._refuse_reserved(change.record.key)
            return self._answer([change], status=201)

        return self._write(self._reason(body), work)

    def partial_update(self, request: Request, key: str) -> HttpResponse:
        """Change some fields of a record."""
        body = self._body()
        return self._write(self._reason(body), lambda: self._change(key, body, replace=False))

    def update(self, request: Request, key: str) -> HttpResponse:
        """Replace a record, or make one with this key."""
        body = self._body()

        def work() -> HttpResponse:
            if self._exists(key):
                return self._change(key, body, replace=True)
            if self.conditions.match is not None:
                raise Refusal("precondition_failed", gettext("There is no such record any more."))
            self._refuse_reserved(key)
            return self._answer([self._writer().create(body, key=key)], status=201)

        return self._write(self._reason(body), work)

    def destroy(self, request: Request, key: str) -> HttpResponse:
        """Delete a record."""
        body = self._body() if request.body else {REASON: request.GET.get(REASON)}

        def work() -> HttpResponse:
            record = self._locked(key, deleting=True)
            self.conditions.check_read(record)
            return self._answer(self._writer().delete(record), status=204)

        return self._write(self._reason(body), work, {REASON})

    def _change(self, key: str, body: Mapping[str, object], *, replace: bool) -> HttpResponse:
        if (record := self._rows(key).first()) is None:
            raise self._no_record(key)
        if not may_edit(self.request.user, record):
            # Before anything is locked. What says what stands there is no change, and needs no right.
            shown = self._shown_as_now(key)
            try:
                change = self._writer().change(record, body, shown, replace=replace)
            except Refusal as refusal:
                raise Refusal("permission_denied") from refusal
            self.conditions.check_read(record)
        else:
            record = self._locked(key)
            self.conditions.check_read(record)
            shown = self._shown_as_now(key)
            change = self._writer().change(record, body, shown, replace=replace)
        return self._answer([change], status=200, before=shown())

    # Many records

    @action(detail=False, methods=["post"], url_path="bulk", filter_backends=[], pagination_class=None)
    def bulk_create(self, request: Request) -> HttpResponse:
        """Make up to 500 records, all or none."""
        return self._bulk(bulk.create)

    @bulk_create.mapping.patch
    def bulk_change(self, request: Request) -> HttpResponse:
        """Change some fields of up to 500 records, all or none."""
        return self._bulk(bulk.change)

    @bulk_create.mapping.delete
    def bulk_delete(self, request: Request) -> HttpResponse:
        """Delete up to 500 records, all or none."""
        return self._bulk(bulk.delete)

    def _bulk(self, do: Callable[[bulk.Bulk], list[RecordChange]]) -> HttpResponse:
        body = self._body()
        reason = self._reason(body)
        items = bulk.read_items(body, self.flaws)

        def work() -> HttpResponse:
            changes = do(bulk.Bulk(self._writer(), items, self._shown, self.conditions.objections))
            return self._listed(changes, 201 if do is bulk.create else 200)

        return self._write(reason, work)

    # Files

    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        filter_backends=[],
        pagination_class=None,
        parser_classes=[FileFormParser, CSVParser, XLSXParser],
    )
    def import_file(self, request: Request) -> HttpResponse:
        """Make and change records from a file, all or none."""
        upload = request.data if isinstance(request.data, Upload) else Upload(b"", CSV)  # {} where it is empty
        if hasattr(request, "body_bytes"):
            request.body_bytes = upload.content  # a form is another one at each sending, the file in it is not
        table = read_table(upload.content, upload.media_type, settings.IMPORT_ROWS_AT_ONCE)
        reason = read_reason({REASON: request.GET.get(REASON)})
        known = {REASON, *self.paper_names()}
        given = {name: self.request.GET[name] for name in PAPER if name in known and name in self.request.GET}
        writer = self._writer()
        paper = read_paper(writer.contract, given, writer.finder)
        importer = Importer(writer, self.serializer_class, table, self.conditions.objections, paper)  # type: ignore[attr-defined]
        if table.is_cut:
            self._refuse_conditions()
            return self._write(reason, lambda: self._later(upload, reason, given), known, is_job=True)
        return self._write(reason, lambda: _json(importer.run().answer(), 200), known, settings.IMPORT_TIMEOUT)

    @classmethod
    def paper_names(cls) -> tuple[str, ...]:
        """Return the parameters of a paper for all rows of a file; records that have no evidence have none."""
        return PAPER if cls.contract().evidence else ()

    def _refuse_conditions(self) -> None:
        """Raise Refusal (412) for conditions that nobody would ask when a file is imported behind the answer."""
        if any(self.conditions):
            detail = gettext(
                "A file of so many rows is imported later, when If-Match and If-None-Match are not asked any more: give"
                " the column “updated_at” instead."
            )
            raise Refusal("precondition_failed", detail)

    def _later(self, upload: Upload, reason: str, paper: Mapping[str, str]) -> HttpResponse:
        job = ImportJob.objects.create(
            user_id=self.request.user.pk or 0,
            token=getattr(self.request.auth, "key", ""),
            **change_ids(self.request._request)._asdict(),
            language=get_language(),
            resource=self.queryset.model.resource,
            media_type=upload.media_type,
            content=upload.content,
            paper=paper,
            reason=reason,
            is_dry=self._is_dry,
            is_shown=False,
        )
        headers = {"Location": import_jobs.address_of(job), **import_jobs.headers_of(job)}
        return _json(import_jobs.body_of(job), 202, headers)

    # What all share

    def _write(
        self,
        reason: str,
        work: Callable[[], HttpResponse],
        known: set[str] | None = None,
        statement_timeout: float | None = None,
        *,
        is_job: bool = False,
    ) -> HttpResponse:
        """Do a write in a transaction of its own and return its answer; a dry run is taken back, but for a job's."""
        query = Query(self.request, {"dry_run"} | (known or set()))
        query.read(read_flag, "dry_run")
        query.check()
        token = getattr(self.request.auth, "key", "")
        with write_transaction(
            self.queryset.model,
            user=self.request.user,
            token=token,
            **change_ids(self.request._request)._asdict(),
            reason=reason,
            statement_timeout=statement_timeout,
        ):

            def checked() -> HttpResponse:
                answer = work()
                connection.check_constraints()  # what is deferred, now
                return answer

            if self._is_dry and not is_job:
                answer = checked()
                transaction.set_rollback(True)
            else:
                body: bytes | None = getattr(self.request, "body_bytes", None)
                answer = checked() if body is None else idempotency.once(self.request, body, checked)
        return answer

    @property
    def _is_dry(self) -> bool:
        return read_flag(self.request, "dry_run")

    @property
    def conditions(self) -> Conditions:
        """On what the write is to be done."""
        return Conditions.of(self.request)

    def _body(self) -> dict[str, object]:
        """Return the body. What is wrong with single places of it is told later, with all else that is."""
        try:
            body = self.request.data
        except BodyError as error:
            if not isinstance(error.value, dict):
                raise
            body, self.flaws = error.value, error.errors
        if not isinstance(body, dict) or isinstance(body, QueryDict):
            raise Refusal("bad_request", errors=[error_at("", "not_an_object", gettext("An object is expected."))])
        return body

    def _reason(self, body: Mapping[str, object]) -> str:
        """Return why the write is made; that nothing says so is told later, with all else that is wrong."""
        try:
            return read_reason(body)
        except Refusal as refusal:
            self.flaws = [*self.flaws, *besides(self.flaws, refusal.errors or ())]
            return ""

    def _writer(self) -> RecordWriter:
        return RecordWriter(self.contract(), self.request.user, Finder(self.request.user), flaws=self.flaws)

    @classmethod
    def contract(cls) -> Contract:
        """Return what can be written of the resource."""
        if "_contract" not in cls.__dict__:
            cls._contract = Contract(cls.queryset.model, cls.detail_serializer_class)  # type: ignore[attr-defined]
        found: Contract = cls._contract  # type: ignore[attr-defined]
        return found

    def _rows(self, key: str) -> QuerySet[Citable]:
        model = self.queryset.model
        if "\0" in key:
            raise Http404
        return model.rows().visible_to(self.request.user).filter(**{model.key_field: key})

    def _exists(self, key: str) -> bool:
        return bool(self._rows(key).exists())

    def _no_record(self, key: str) -> NoRecordError:
        return NoRecordError(meant(self.queryset.model, key, self.request.user))

    def _locked(self, key: str, *, deleting: bool = False) -> Citable:
        """Return a record that nobody else can change until the end of the transaction. Raises Http404."""
        pk = self._rows(key).values_list("pk", flat=True).first()
        rows = self.queryset.model._base_manager.select_for_update(no_key=not deleting).filter(pk=pk)
        if pk is None:
            raise self._no_record(key)
        # Asked before anything is locked or compared: nobody learns the version of what is not theirs to edit.
        if not may_edit(self.request.user, self.queryset.model(pk=pk)):
            raise Refusal("permission_denied")
        if (record := rows.first()) is None:
            raise Http404
        return record

    def _record(self, key: str, labels: str = "", of: type[object] | None = None) -> pages.Detail:
        """Return a record, of another resource by its viewset, as it is answered."""
        asked = HttpRequest()
        asked.GET, asked.path = QueryDict(labels), self.request.path
        view = cast("type[ReadableView]", of or type(self))
        return pages.detail(read_request.ask(asked, view, self.request.user, key))

    def _shown_as_now(self, key: str) -> Callable[[], dict[str, object]]:
        """Return what gives a record in the active language as it is answered before a write, each read once."""
        before = {get_language(): self._shown(key)}

        def shown() -> dict[str, object]:
            if (language := get_language()) not in before:
                before[language] = self._shown(key)
            return before[language]

        return shown

    def _shown(self, key: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self._record(key, "labels=true").body)
        return found

    def _answer(
        self, changes: list[RecordChange], *, status: int, before: Mapping[str, object] | None = None
    ) -> HttpResponse:
        """Answer the write of one record; a dry run with the record as it would be, and the changes."""
        refuse_drafts(changes, self.request.user)
        settle_evidence(changes, self.request.user)
        change = changes[0]
        is_gone = change.operation == "delete"
        if not self._is_dry and is_gone:
            return HttpResponse(status=204)
        if is_gone:
            return _json({"record": None, "changes": [self._described(each, None, None) for each in changes]}, 200)
        detail = self._record(change.record.key)
        if self._is_dry:
            record = json.loads(detail.body)
            told = [change, *(each for each in changes[1:] if self._is_seen(each.record))]
            body = {"record": record, "changes": [self._described(each, record, before) for each in told]}
            return _json(body, 200)
        headers = {"ETag": tag_of(detail.body, detail.record)}
        if status == 201:
            headers["Location"] = json.loads(detail.body)["url"]
        return HttpResponse(detail.body, status=status, content_type="application/json", headers=headers)

    def _listed(self, changes: list[RecordChange], status: int) -> HttpResponse:
        refuse_drafts(changes, self.request.user)
        settle_evidence(changes, self.request.user)
        found = [self._described(change, None, None) for change in changes]
        return _json({"changes": found}, 200 if self._is_dry else status)

    def _is_seen(self, record: Citable) -> bool:
        return record.rows().visible_to(self.request.user).filter(pk=record.pk).exists()

    def _described(
        self, change: RecordChange, now: Mapping[str, object] | None, before: Mapping[str, object] | None
    ) -> dict[str, object]:
        """Return what a write did to a record: which fields, from what to what."""
        record = change.record
        found: dict[str, object] = {"resource": record.resource, "key": record.key, "operation": change.operation}
        if change.operation == "delete":
            return found
        if record.resource != self.queryset.model.resource:  # it moved with the other, or was made
            view = cast(Any, self).resources[record.resource]
            now, before = json.loads(self._record(record.key, of=view).body), {}
        elif now is None:
            now = json.loads(self._record(record.key).body)
        found["fields"] = [
            {
                "field": name,
                "before": None if before is None else before.get(name, change.before.get(name)),
                "after": now.get(name, getattr(record, name, None)),
            }
            for name in change.fields
            if name in EVIDENCE or before is None or before.get(name) != now.get(name) or name not in now
        ]
        return found

    def _refuse_reserved(self, key: str) -> None:
        if key in RESERVED:
            raise Refusal("bad_request", errors=[error_at("/slug", "reserved", gettext("This slug is an address."))])


def _json(body: object, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    content = json.dumps(body, ensure_ascii=False)
    return HttpResponse(content, status=status, content_type="application/json", headers=headers)
