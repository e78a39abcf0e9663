"""Pages of the admin on which nobody's change is lost: change forms, their rows, actions of lists, and deletions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten, unquote
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms.models import BaseModelFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext

from apps.common.conflicts.authors import author_of
from apps.common.conflicts.forms import UNKNOWN, SeenForm
from apps.common.conflicts.rows import SeenFormSet
from apps.common.conflicts.seen import SEEN, SeenRow, dumped, read, shown_at
from apps.common.reading.record_version import versions_of

if TYPE_CHECKING:
    # Generic for the type checker only.
    BaseModelAdmin = admin.options.BaseModelAdmin
else:
    BaseModelAdmin = object

NAMED = 5  # rows of a refused action
CONFIRMS = b'<input type="hidden" name="post" value="yes">'  # in the form by which a deletion is confirmed


def locked(rows: QuerySet) -> None:
    """Let nobody else change some rows until the end of the transaction."""
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


class KeepsRows(BaseModelAdmin):
    """Rows on the page of another record."""

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: object) -> type[BaseModelFormSet]:
        formset = super().get_formset(request, obj, **kwargs)
        watched = {"watched": tuple(flatten(self.get_readonly_fields(request, obj)))}
        formset.form = type(formset.form.__name__, (SeenForm, formset.form), watched)
        return type(formset.__name__, (SeenFormSet, formset), {})


class KeepsChanges(BaseModelAdmin):
    """Pages of records of one kind."""

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: object
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        readonly = self.get_readonly_fields(request, obj) if obj else ()
        watched = {"watched": tuple(map(str, flatten(readonly)))}
        return type(form.__name__, (SeenForm, form), watched)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """Return the record, which nobody else changes until what is sent with the request is saved."""
        if request.method == "POST":
            field = self.model._meta.get_field(from_field) if from_field else self.model._meta.pk
            try:
                locked(self.model._base_manager.filter(**{field.name: field.to_python(object_id)}))
            except (ValidationError, ValueError):
                return None
        return super().get_object(request, object_id, from_field)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the page; what was typed into that of a record which is gone by now stands on the page of a new one."""
        if request.method == "POST" and self._is_gone(request, object_id):
            url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add")
            response: HttpResponse = self.add_view(request, url, extra_context)
        else:
            response = super().change_view(request, object_id, form_url, extra_context)
        return response

    def _is_gone(self, request: HttpRequest, object_id: str) -> bool:
        """Tell whether a page showed a record that was deleted meanwhile, to somebody who may add one."""
        seen = read(self.model, request.POST.get(SEEN))
        keys = [pk for pk in seen if pk == unquote(object_id)]
        there = self.model._base_manager.filter(pk__in=keys)
        return bool(keys) and self.has_add_permission(request) and not there.exists()

    # Lists

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        at = timezone.now()
        response: HttpResponse = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            rows: dict[object, dict[str, object]] = {row.pk: {} for row in context["cl"].result_list}
            context[SEEN] = dumped(self.model, rows, at=at.isoformat())
        else:
            _carry(response, request.POST.get(SEEN, ""))
        return response

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Do nothing with rows that changed since the list was shown, and say which they are."""
        chosen = [pk for pk in request.POST.getlist(ACTION_CHECKBOX_NAME) if pk.isascii() and pk.isdigit()]
        rows = self.model._base_manager.filter(pk__in=queryset.order_by().values("pk"))
        everywhere = request.POST.get("select_across", "0") not in ("", "0")
        if not everywhere:
            rows = rows.filter(pk__in=[pk for pk in chosen if len(pk) <= 18])
        locked(rows)
        if text := self._outdated(request, rows, everywhere=everywhere):
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        response: HttpResponse | None = super().response_action(request, queryset)
        return response

    def _outdated(self, request: HttpRequest, rows: QuerySet, *, everywhere: bool) -> str:
        """Return why nothing is done with some locked rows; nothing, if they are as the page showed them."""
        given = request.POST.get(SEEN)
        seen, at = read(self.model, given), shown_at(self.model, given)
        keys = list(rows.values_list("pk", flat=True))
        # Of all that a list has, most stand on other pages: of these, the time is known.
        unseen = [pk for pk in keys if str(pk) not in seen]
        if unseen and not (everywhere and at and self._dates):
            return str(UNKNOWN)
        now = versions_of(self.model, [pk for pk in keys if str(pk) in seen])
        changed = [pk for pk, version in now.items() if seen[str(pk)].version != version]
        if unseen:
            changed += rows.filter(pk__in=unseen, updated_at__gt=at).values_list("pk", flat=True)
        return _refusal([*rows.filter(pk__in=changed)[:NAMED]])

    @property
    def _dates(self) -> bool:
        return any(field.name == "updated_at" for field in self.model._meta.concrete_fields)

    # Deletions

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        record = self.get_object(request, unquote(object_id)) if request.method == "POST" else None
        is_asked = record is not None and self.has_delete_permission(request, record)
        if is_asked and (text := outdated(record, request.POST.get(SEEN))):
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        response: HttpResponse = super().delete_view(request, object_id, extra_context)
        if (context := getattr(response, "context_data", None)) and "object" in context:
            _carry(response, dumped(self.model, {context["object"].pk: {}}))
        return response


def _carry(response: HttpResponse, text: str) -> None:
    """Put what a page showed into the form by which it asks once more; Django's own page has no place for it."""

    def put(rendered: SimpleTemplateResponse) -> None:
        field = format_html('<input type="hidden" name="{}" value="{}">', SEEN, text)
        rendered.content = rendered.content.replace(CONFIRMS, CONFIRMS + field.encode())

    if isinstance(response, SimpleTemplateResponse):
        response.add_post_render_callback(put)


def outdated(record: Model, given: object) -> str:
    """Return why nothing is done with a locked record that is not as a page showed it; nothing, if it is."""
    row: SeenRow | None = read(type(record), given).get(str(record.pk))
    if row is None:
        return str(UNKNOWN)
    return "" if row.version == versions_of(type(record), [record.pk])[record.pk] else _refusal([record])


def _refusal(records: Sequence[Model]) -> str:
    """Return the text that names rows which changed; nothing where there are none."""
    if not records:
        return ""
    named = "; ".join(f"{record} ({author_of(type(record), record.pk)})" for record in records)
    return gettext("Nothing was done, for this changed since the page was shown: %(records)s. Look, and try again.") % {
        "records": named
    }
