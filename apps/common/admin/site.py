"""The curators' site: its name, the order of its parts, the time it shows, and what its search fields answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone as django_timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS

from apps.common.http.middleware import change_ids
from apps.common.http.problems import Refusal
from apps.common.models.records import Fact
from apps.common.models.row_names import named_if
from apps.common.rules.territory import Reader, territory_of
from apps.common.values.dates import LOCAL_TIME
from apps.common.writing.transaction import write_transaction


class SeenBy:
    """Tells whether a user may see a row, with one query for the drafts of each kind that is asked about."""

    def __init__(self, user: Reader) -> None:
        self._user = user
        self._drafts: dict[type[Fact], set[int]] = {}

    def __call__(self, row: Model) -> bool:
        if not isinstance(row, Fact) or row.state == Fact.State.PUBLISHED or row.pk is None:
            return True
        if territory_of(self._user).everything:
            return True
        visible = type(row).rows().visible_to(self._user).exclude(state=Fact.State.PUBLISHED)
        if type(row) not in self._drafts:
            self._drafts[type(row)] = set(visible.values_list("pk", flat=True))
        # The page itself may have made it since.
        return row.pk in self._drafts[type(row)] or visible.filter(pk=row.pk).exists()


class OptionsView(AutocompleteJsonView):
    """Answers a search field with labels that distinguish records of one name."""

    def get_queryset(self) -> QuerySet:
        """Search what the user may see, where the list of the same records shows only what the user may edit."""
        page = self.model_admin
        if not hasattr(page, "option_queryset"):
            return super().get_queryset()
        rows, has_duplicates = page.get_search_results(self.request, page.option_queryset(self.request), self.term)
        rows = rows.complex_filter(self.source_field.get_limit_choices_to())
        return rows.distinct() if has_duplicates else rows

    def has_perm(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever was appointed to anything chooses among what everybody sees, also where he edits none of it."""
        offered = hasattr(self.model_admin, "option_queryset") and bool(territory_of(request.user))
        return offered or super().has_perm(request, obj)

    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        return {**super().serialize_result(obj, to_field_name), "text": self.model_admin.option_label(obj)}


def in_write_transaction(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Run a page within one write where it is sent a form; say on a page what was refused, which is then undone.

    An exception undoes all; an answer, whatever its status, keeps what was written. The session, with its messages, and
    the log-in page with its count of failures are written outside of it.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        only_reads = request.method in SAFE_METHODS
        try:
            if only_reads:
                return view(request, *args, **kwargs)
            with write_transaction(user=request.user, **change_ids(request)._asdict()):
                return view(request, *args, **kwargs)
        except Refusal as refusal:
            list(messages.get_messages(request))  # they speak of what was undone
            messages.error(request, _("Not saved: %s") % refusal.detail)
            return HttpResponseRedirect(reverse("admin:index") if only_reads else request.get_full_path())

    return answer


class CuratorSite(AdminSite):
    site_title = _("Partybuild registry")
    site_header = _("Partybuild registry")
    index_title = _("Records")
    site_url = "/docs/"
    empty_value_display = "–"
    # What apps above show on the first page, before the records.
    boxes: ClassVar[tuple[Callable[[HttpRequest], SafeString], ...]] = ()

    def index(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Show the first page, with the boxes."""
        shown = [text for box in self.boxes if (text := box(request))]
        return super().index(request, {**(extra_context or {}), "boxes": shown})

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Write in a transaction; use the city's time, where the rest of the service uses UTC; name no hidden draft."""
        inner = super().admin_view(in_write_transaction(view), cacheable)

        @wraps(inner)
        def in_the_curators_terms(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            with django_timezone.override(LOCAL_TIME), named_if(SeenBy(request.user)):
                response = inner(request, *args, **kwargs)
                # A template response is rendered after its view has returned, which is too late for the override.
                return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return in_the_curators_terms

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return OptionsView.as_view(admin_site=self)(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, object]]:
        """List apps as a reader of the domain meets them and models as the code defines them, not by the alphabet."""
        # Not `super()`, which for each page sorts names that it first has to translate.
        app_list: list[dict[str, Any]] = [*self._build_app_dict(request, app_label).values()]
        position = {model: number for number, model in enumerate(apps.get_models())}
        for app in app_list:
            app["models"].sort(key=lambda entry: position[entry["model"]])
        return sorted(app_list, key=lambda app: settings.ADMIN_APPS.index(app["app_label"]))
