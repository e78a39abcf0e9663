"""Pages of subscriptions and of their messages."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.common.admin.columns import list_link
from apps.common.admin.records import SearchedRelations
from apps.common.admin.rights import StrictLookups
from apps.common.conflicts.pages import KeepsChanges
from apps.common.resources.registry import viewsets
from apps.common.rules.territory import territory_of
from apps.common.values.texts import validate_one_line
from apps.webhooks import actions
from apps.webhooks.matching import as_texts, check_filters, without_empty
from apps.webhooks.models import Attempt, Message, Subscription
from apps.webhooks.permissions import may_subscribe
from apps.webhooks.sending import LONGEST_URL, TargetError, check

Row = Subscription | Message | Attempt
R = TypeVar("R", Subscription, Message)


class SubscriptionForm(forms.Form):
    """Asks for a new subscription. The page sets `user` on the class that it makes for a request."""

    user: User | AnonymousUser | None = None
    resource = forms.ChoiceField(label=_("Resource"))
    query = forms.CharField(
        label=_("Filters"),
        max_length=2_000,
        required=False,
        help_text=_("As in the address of the list, such as district=310110&kind=university."),
    )
    endpoint = forms.CharField(
        label=_("Endpoint"), max_length=LONGEST_URL, help_text=_("Address to which messages are sent, with https://.")
    )
    description = forms.CharField(
        label=_("Description"), max_length=200, required=False, validators=[validate_one_line]
    )

    def __init__(self, *args: object, user: User | AnonymousUser, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        choices = [(name, view.queryset.model._meta.verbose_name_plural) for name, view in viewsets().items()]
        self.fields["resource"].choices = choices  # type: ignore[attr-defined]

    def clean_endpoint(self) -> str:
        value: str = self.cleaned_data["endpoint"]
        try:
            check(value)
        except TargetError as error:
            raise ValidationError(error.detail) from error
        return value

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        given = parse_qs(cleaned.get("query", ""), keep_blank_values=True)
        if "resource" not in cleaned:
            return cleaned
        filters, wrong = as_texts(cleaned["resource"], given)
        for detail in ({**check_filters(cleaned["resource"], filters, self.user), **wrong}).values():
            self.add_error("query", detail)
        return {**cleaned, "filters": without_empty(filters)}


class OwnRows:
    """Rows of the user's own subscriptions; stewards see all. None is changed by a form."""

    owner = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_subscribe(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return may_subscribe(request.user) and (obj is None or self.get_queryset(request).filter(pk=obj.pk).exists())

    def has_add_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows = super().get_queryset(request)  # type: ignore[misc]
        return rows if territory_of(request.user).everything else rows.filter(**{self.owner: request.user})


def _each(
    page: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[R], act: Callable[[R], object], done: str
) -> None:
    """Run an action on each of the chosen rows, and show a message for each that refuses it."""
    count = 0
    for row in rows:
        try:
            act(row)
            count += 1
        except ValidationError as error:
            page.message_user(request, f"{row}: {' '.join(error.messages)}", messages.ERROR)
    if count:
        page.message_user(request, done % {"number": count}, messages.SUCCESS)


@admin.register(Subscription)
class SubscriptionAdmin(KeepsChanges, OwnRows, StrictLookups, SearchedRelations, admin.ModelAdmin):  # type: ignore[type-arg]
    owner = "user"
    list_display = ["endpoint", "resource", "query", "state", "cause", "user", "told", "created_at"]
    list_filter = ["state", "resource"]
    list_select_related = ["user"]
    search_fields = ["endpoint", "description", "key", "user__username"]
    actions = ["send_test", "pause", "resume", "rotate"]
    fields = ["key", "user", "resource", "query", "endpoint", "description", "state", "cause", "told", "created_at"]

    def has_add_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return may_subscribe(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def get_deleted_objects(
        self, objs: QuerySet[Subscription], request: HttpRequest
    ) -> tuple[list[object], dict[str, int], set[str], list[str]]:
        # Its messages go with it, whoever may delete them alone.
        found, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    @admin.display(description=_("filters"))
    def query(self, row: Subscription) -> str:
        return urlencode(row.filters, safe=",/")

    @admin.display(description=_("messages"))
    def told(self, row: Subscription) -> SafeString:
        return list_link(Message, "subscription__id__exact", row.pk, _("messages"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Make a subscription and show its secret, this once."""
        if not self.has_add_permission(request):
            return self._refused(request)
        form = SubscriptionForm(request.POST or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            asked = {name: form.cleaned_data[name] for name in ("resource", "filters", "endpoint", "description")}
            try:
                row = actions.subscribe(by=request.user, **asked)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return self._show(request, [row])
        context = {**self._context(request), "title": _("Subscribe to changes"), "form": form}
        return TemplateResponse(request, "admin/webhooks/add.html", context)

    def _context(self, request: HttpRequest) -> dict[str, object]:
        return {**self.admin_site.each_context(request), "opts": self.model._meta}

    def _refused(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=403)

    def _show(self, request: HttpRequest, rows: list[Subscription]) -> HttpResponse:
        """Show secrets on a page that no cache keeps."""
        secrets = [(row, actions.secret_of(row)) for row in rows]
        context = {**self._context(request), "title": _("Secret"), "secrets": secrets}
        return TemplateResponse(
            request, "admin/webhooks/secret.html", context, headers={"Cache-Control": "private, no-store"}
        )

    @admin.action(description=_("Send a test"), permissions=["view"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        _each(self, request, queryset, lambda row: actions.send_test(subscription=row), _("To be sent: %(number)s."))

    @admin.action(description=_("Pause"), permissions=["view"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        _each(self, request, queryset, lambda row: actions.pause(subscription=row), _("Paused: %(number)s."))

    @admin.action(description=_("Resume"), permissions=["view"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        _each(self, request, queryset, lambda row: actions.resume(subscription=row), _("Resumed: %(number)s."))

    @admin.action(description=_("Make a new secret"), permissions=["view"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse:
        return self._show(request, [actions.rotate(subscription=row) for row in queryset])


class AttemptInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Attempt
    extra = 0
    fields = readonly_fields = ["at", "result", "status", "milliseconds"]

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return may_subscribe(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(KeepsChanges, OwnRows, StrictLookups, SearchedRelations, admin.ModelAdmin):  # type: ignore[type-arg]
    owner = "subscription__user"
    list_display = ["key", "subscription", "kind", "state", "attempt_count", "next_attempt_at", "delivered_at"]
    list_filter = ["state", "kind"]
    linked_lookups = ["subscription__id__exact"]
    list_select_related = ["subscription"]
    search_fields = ["key", "body"]
    actions = ["send_again"]
    inlines = [AttemptInline]
    fields = [
        "key",
        "subscription",
        "kind",
        "state",
        ("attempt_count", "first_attempt_at"),
        ("next_attempt_at", "delivered_at"),
        "created_at",
        "body",
    ]

    @admin.action(description=_("Send again"), permissions=["view"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        _each(self, request, queryset, lambda row: actions.send_again(message=row), _("To be sent: %(number)s."))
