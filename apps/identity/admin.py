"""Curators' pages of merges and of pairs that were told apart."""

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.common.admin.records import RecordAdmin
from apps.common.admin.rights import StrictLookups
from apps.common.conflicts.pages import KeepsChanges
from apps.identity import admin_views
from apps.identity.merging import mergeable
from apps.identity.models import Distinction, Merge


@admin.register(Merge)
class MergeAdmin(RecordAdmin):
    """Merges are made by the page that previews one, and undone by taking their request back."""

    list_display = ["merged_name", "merged_key", "target", "by", "created_at"]
    list_filter = ["content_type"]
    list_select_related = ["content_type", "by"]
    fieldsets = [
        (None, {"fields": ["target", ("merged_name", "merged_key"), "reason", ("by", "undo"), "results"]}),
    ]
    readonly_fields = ["target", "merged_name", "merged_key", "by", "undo", "results"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("doubles/", view(admin_views.duplicates), name="identity_duplicates"),
            path("two/", view(admin_views.merge_pair), name="identity_merge_pair"),
        ]
        return [*own, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=_("record that stays"))
    def target(self, merge: Merge) -> str:
        return str(merge.record or "")

    @admin.display(description=_("request"))
    def undo(self, merge: Merge) -> SafeString:
        address = reverse("admin-revert", args=[merge.request_id])
        return format_html('{} <a href="{}">{}</a>', merge.request_id, address, _("Undo"))

    @admin.display(description=_("what changed"))
    def results(self, merge: Merge) -> str:
        return "; ".join([*merge.moved, *merge.folded, *merge.filled]) or "–"


@admin.register(Distinction)
class DistinctionAdmin(KeepsChanges, StrictLookups, admin.ModelAdmin):
    """Pairs that were told apart; deleting one has it proposed again."""

    list_display = ["__str__", "reason", "by", "at"]
    list_filter = ["content_type"]
    list_select_related = ["content_type", "by"]
    readonly_fields = ["content_type", "first_id", "second_id", "by", "at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.action(description=_("Merge the two selected records"))
def merge_selected(page: RecordAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Lead to the preview of a merge of two records, of which the one that was made first stays."""
    rows = list(queryset.order_by("pk")[:3])
    resource = queryset.model.resource
    if resource not in mergeable():
        messages.error(request, _("Records of this kind are not merged."))
    elif len(rows) != 2:
        messages.error(request, _("Select the two records that are one."))
    else:
        pair = urlencode({"resource": resource, "loser": rows[1].slug, "winner": rows[0].slug})
        return HttpResponseRedirect(f"{reverse('admin:identity_merge_pair')}?{pair}")
    return None


# The pages of records belong to apps that may not import this one, or stand below it.
RecordAdmin.pair_actions = [merge_selected]
