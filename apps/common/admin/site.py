"""The curators' site: its name, the order of its parts, the time it shows, and what its search fields answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone as django_timezone
from django.utils.translation import gettext_lazy as _

from apps.common.values.dates import LOCAL_TIME


class CuratorAdminConfig(AdminConfig):
    """Puts our site in the place of Django's, for `admin.site` and `@admin.register` alike."""

    default_site = "apps.common.admin.site.CuratorSite"


class OptionsView(AutocompleteJsonView):
    """Answers a search field with labels that tell records of one name apart."""

    def get_queryset(self) -> Any:
        """Search what the user may see, where the list of the same records shows only what the user may edit."""
        page: Any = self.model_admin
        if not hasattr(page, "option_queryset"):
            return super().get_queryset()
        rows, has_duplicates = page.get_search_results(self.request, page.option_queryset(self.request), self.term)
        rows = rows.complex_filter(self.source_field.get_limit_choices_to())
        return rows.distinct() if has_duplicates else rows

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {**super().serialize_result(obj, to_field_name), "text": self.model_admin.option_label(obj)}


class CuratorSite(AdminSite):
    site_title = _("Partybuild registry")
    site_header = _("Partybuild registry")
    index_title = _("Records")
    site_url = "/docs/"
    empty_value_display = "–"

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Show and read instants in the city's time; the rest of the service speaks UTC."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def in_local_time(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with django_timezone.override(LOCAL_TIME):
                response = inner(request, *args, **kwargs)
                # A template response is rendered after its view has returned, which is too late for the override.
                return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return in_local_time

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return OptionsView.as_view(admin_site=self)(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List apps as a reader of the domain meets them and models as the code defines them, not by the alphabet."""
        app_list = super().get_app_list(request, app_label)
        position = {model: number for number, model in enumerate(apps.get_models())}
        for app in app_list:
            app["models"].sort(key=lambda entry: position[entry["model"]])
        return sorted(app_list, key=lambda app: settings.ADMIN_APPS.index(app["app_label"]))
