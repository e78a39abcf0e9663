"""Buttons on the page of a record that moves by a workflow: one for each action that is open to the user.

A button leads to a page that says what the action does, and in whose name, and asks for what it is given. It is taken
as over HTTP, on the record as the page showed it; what stands in the way is said on the page, where all typed stays.
Then one comes back to where one came from, with a sentence that says what happened.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.common.admin.evidence import is_published
from apps.common.conflicts.pages import outdated
from apps.common.conflicts.seen import SEEN, dumped
from apps.common.http.problems import Refusal
from apps.common.models.records import Citable, Fact
from apps.common.resources.registry import viewset_of
from apps.common.rules.competence import speaking_party
from apps.common.rules.workflow import FIGURE, REASON_KEPT, Transition
from apps.common.writing.contract import Finder
from apps.common.writing.evidence import settle_evidence
from apps.common.writing.moving import NUMBER, PRECISION, OfferedAction, RecordMover, actions_of
from apps.common.writing.statuses import status_label
from apps.common.writing.transaction import write_transaction
from apps.common.writing.writer import refuse_drafts

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
else:
    ModelAdmin = object


# Pages from which one comes to an action, and to which one goes back, by what their links say.
FROM = "from"
PAGES = {"first": "admin:index", "queue": "admin-queue"}


def page_behind(given: Mapping[str, str], own: str) -> str:
    """Return the address of the page from which somebody came to an action; `own` is that of the record."""
    name = PAGES.get(given.get(FROM, ""))
    return reverse(name) if name else own


def linked(record: Citable) -> SafeString:
    """Return what a record is called, with a link to its page."""
    url = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    return format_html('<a href="{}">{}</a>', url, record)


def told(record: Citable, transition: Transition) -> SafeString:
    """Return the sentence that says what an action did."""
    sentence = _("Done: {action}. {record} is “{status}” now.")
    status = status_label(cast(Fact, record))
    return format_html(sentence, action=transition.label, record=linked(record), status=status)


class Moves(ModelAdmin):
    """Pages of records of one kind; where its model has a workflow, with a page for each action."""

    model: type[Citable]
    admin_site: AdminSite

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with those of actions before the one that begins with a key."""
        own = []
        if self._names:
            view = self.admin_site.admin_view(self.move_view)
            own = [path("<path:object_id>/move/<str:name>/", view, name=self._url_name("move"))]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page; of a stored record with the buttons, which would leave what was typed and not saved."""
        record = context.get("original")
        if request.method == "GET" and self._names and is_published(record) and not context.get("is_popup"):
            context["moves"] = self._buttons(request, record)
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def move_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask for what an action is given, and take it."""
        record = self.get_object(request, unquote(object_id))  # which locks it where the page is sent
        if record is None or name not in self._names:
            raise Http404
        if not self.has_change_permission(request, record):
            raise PermissionDenied
        offered = next(each for each in actions_of(record, request.user) if each.transition.name == name)
        is_sent = request.method == "POST"
        if offered.closed and not is_sent:
            messages.error(request, offered.closed[1])
            return HttpResponseRedirect(page_behind(request.GET, self._url("change", record)))
        form = self._form(request, record, offered.transition)
        if is_sent and self._is_taken(request, record, offered, form):
            messages.success(request, told(record, offered.transition))
            return HttpResponseRedirect(page_behind(request.POST, self._url("change", record)))
        return self._asking(request, record, offered.transition, form)

    # Steps

    @property
    def _names(self) -> list[str]:
        workflow = self.model.workflow if issubclass(self.model, Fact) else None
        return workflow.names if workflow else []

    def _url_name(self, page: str) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}_{page}"

    def _url(self, page: str, record: Citable, *args: str) -> str:
        return reverse(f"admin:{self._url_name(page)}", args=[record.pk, *args])

    def _buttons(self, request: HttpRequest, record: Fact) -> list[Mapping[str, object]]:
        if not self.has_change_permission(request, record):
            return []
        return [
            {"transition": each.transition, "url": self._url("move", record, each.transition.name)}
            for each in actions_of(record, request.user)
            if each.closed is None
        ]

    def _form(self, request: HttpRequest, record: Fact, transition: Transition) -> forms.Form:
        """Return a form for what an action is given, filled with what the record says now."""
        given = [name for name in (*transition.asks, *transition.takes) if name != FIGURE]
        fields = {
            name: self.formfield_for_dbfield(record._meta.get_field(name), request, required=name in transition.asks)
            for name in given
        }
        initial = {name: getattr(record, name) for name in given if name != REASON_KEPT}
        if FIGURE in transition.takes:
            model = record._meta.get_field("figures").related_model
            parts = {name: model._meta.get_field(name) for name in (*PRECISION, *NUMBER)}
            fields |= {_part(name): each.formfield(required=False) for name, each in parts.items()}
            initial[_part(PRECISION[0])] = model.Comparator.EQUAL
        if fields:
            next(iter(fields.values())).widget.attrs["autofocus"] = True
        form: type[forms.Form] = type("MoveForm", (forms.Form,), {**fields, "required_css_class": "required"})
        return form(request.POST if request.method == "POST" else None, initial=initial)

    def _is_taken(self, request: HttpRequest, record: Fact, offered: OfferedAction, form: forms.Form) -> bool:
        """Take an action on a locked record; where it is not taken, say in the form why."""
        given = _body(form.cleaned_data) if form.is_valid() else {}
        if text := (offered.closed and offered.closed[1]) or outdated(record, request.POST.get(SEEN)):
            form.add_error(None, text)
        if form.errors:
            return False
        name, user = offered.transition.name, request.user
        try:
            with write_transaction(self.model, reason=name):
                changes = RecordMover(viewset_of(self.model).contract(), user, Finder(user)).move(record, name, given)
                refuse_drafts(changes, user)
                settle_evidence(changes, user)
                connection.check_constraints()  # what is deferred, while the page can say it
        except Refusal as refusal:
            for error in refusal.errors or [{"pointer": "", "detail": str(refusal.detail)}]:
                place = error["pointer"].removeprefix("/").replace("/", "_")
                field = form.fields.get(place)
                detail = field.error_messages["required"] if field and error["code"] == "required" else error["detail"]
                form.add_error(place if field else None, detail)
            record.refresh_from_db()
            return False
        changed = [str(record._meta.get_field(field).verbose_name) for field in changes[0].fields]
        self.log_change(request, record, [{"changed": {"fields": changed}}])
        return True

    def _asking(self, request: HttpRequest, record: Fact, transition: Transition, form: forms.Form) -> TemplateResponse:
        field = cast(Any, record._meta.get_field(cast(Any, record.workflow).field))
        labels = dict(field.flatchoices)
        context = {
            **self.admin_site.each_context(request),
            "title": transition.label,
            "subtitle": str(record),
            "opts": self.model._meta,
            "record": record,
            "transition": transition,
            "form": form,
            "figure": [form[name] for name in form.fields if name.startswith(f"{FIGURE}_")],
            FROM: (request.POST or request.GET).get(FROM, ""),
            "back": page_behind(request.POST or request.GET, self._url("change", record)),
            "before": labels[getattr(record, field.name)],
            "after": labels[transition.target],
            "party": speaking_party(request.user, record, transition.who),
            SEEN: dumped(self.model, {record.pk: {}}),
        }
        return TemplateResponse(request, "admin/move.html", context)


def _part(name: str) -> str:
    """Return the name of the field of a form in which a member of a figure stands."""
    return f"{FIGURE}_{name}"


def _body(typed: Mapping[str, Any]) -> dict[str, object]:
    """Return what was typed for an action as its body has it; a figure where a number or its unit is there."""
    body = {name: value for name, value in typed.items() if not name.startswith(f"{FIGURE}_")}
    number = {name: value for name in NUMBER if (value := typed.get(_part(name))) not in (None, "")}
    if number:
        body[FIGURE] = {**number, **{name: typed[_part(name)] for name in PRECISION if typed[_part(name)]}}
        if "value" in number:
            body[FIGURE]["value"] = float(number["value"])
    return body
