"""Pages of accounts, groups, appointments and tokens, and the log-in page with its second factor."""

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import second_factor
from apps.accounts.actions import check_appointments, revoke_tokens
from apps.accounts.models import Appointment, Token, User
from apps.accounts.models.tokens import default_expiry
from apps.common.admin.records import SearchedRelations
from apps.common.admin.rights import StrictLookups
from apps.common.conflicts.pages import KeepsChanges, KeepsRows
from apps.common.rules.territory import territory_of
from apps.common.values.dates import today

admin.site.login_form = second_factor.LoginForm
# The library's own page would show everybody's keys to all who keep accounts, and has no Chinese texts.
admin.site.unregister(TOTPDevice)


def is_steward(request: HttpRequest) -> bool:
    """Return whether the user of a request is a steward, who keeps the whole registry."""
    return territory_of(request.user).everything


class StewardsOnly:
    """Pages for stewards, whatever else Django's permissions let others do."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_steward(request)

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return is_steward(request)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return is_steward(request)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return is_steward(request)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return is_steward(request)


# Accounts -------------------------------------------------------------------------------------------------------------


class AppointmentInline(KeepsRows, StewardsOnly, SearchedRelations, admin.TabularInline):  # type: ignore[type-arg]
    model = Appointment
    fk_name = "user"
    fields = ["role", "district", "street", "neighbourhood", "unit", "from_day", "until", "note"]
    extra = 0


@admin.action(description=_("Remove the second factor of the selected accounts"), permissions=["change"])
def remove_second_factor(page: UserAdmin, request: HttpRequest, queryset: QuerySet[User]) -> None:
    """Let users in again who lost their telephone; a superuser only a superuser."""
    users = queryset if request.user.is_superuser else queryset.filter(is_superuser=False)
    messages.success(request, _("Removed: %(number)s.") % {"number": second_factor.remove_from(users)})


@admin.register(User)
class AccountAdmin(KeepsChanges, StewardsOnly, StrictLookups, SearchedRelations, UserAdmin):  # type: ignore[type-arg]
    """Accounts. A steward who is no superuser makes no superuser, changes none, and gives no right of Django's."""

    list_display = ["username", "last_name", "first_name", "email", "is_active", "is_staff", "last_login"]
    filter_horizontal = ["user_permissions"]
    readonly_fields = ["last_login", "date_joined"]
    actions = [remove_second_factor]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[type[AppointmentInline]]:
        return [AppointmentInline] if obj else []

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        above = () if request.user.is_superuser else ("is_superuser", "groups", "user_permissions")
        return [*super().get_readonly_fields(request, obj), *above]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self.has_change_permission(request, obj) and (obj is not None or request.user.is_superuser)

    def save_formset(
        self, request: HttpRequest, form: forms.ModelForm, formset: forms.BaseModelFormSet, change: bool
    ) -> None:
        for row in formset.save(commit=False):
            if row._state.adding:
                row.appointed_by = request.user
            row.save()
        for row in formset.deleted_objects:
            row.delete()
        formset.save_m2m()


admin.site.unregister(Group)


@admin.register(Group)
class AccountGroupAdmin(KeepsChanges, StrictLookups, SearchedRelations, GroupAdmin):
    pass


# Appointments ---------------------------------------------------------------------------------------------------------


class AppointmentListFilter(admin.SimpleListFilter):
    """Appointments that hold today, and the others."""

    title = _("validity")
    parameter_name = "validity"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str | Promise]]:
        return [("today", _("holds today")), ("not", _("does not hold today"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> QuerySet[Appointment]:
        if self.value() not in ("today", "not"):
            return queryset
        holding = queryset.model.objects.valid_on(today()).values("pk")
        return queryset.filter(pk__in=holding) if self.value() == "today" else queryset.exclude(pk__in=holding)


@admin.register(Appointment)
class AppointmentAdmin(KeepsChanges, StewardsOnly, StrictLookups, SearchedRelations, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["user", "role", "scope", "from_day", "until", "appointed_by"]
    list_filter = ["role", AppointmentListFilter]
    list_select_related = ["user", "district", "street", "neighbourhood", "unit", "appointed_by"]
    search_fields = ["user__username", "user__last_name", "user__first_name", "note"]
    readonly_fields = ["appointed_by", "created_at"]
    fieldsets = [
        (None, {"fields": [("user", "role")]}),
        (_("For what"), {"fields": [("district", "street", "neighbourhood"), "unit"]}),
        (_("Dates"), {"fields": [("from_day", "until"), "note", ("appointed_by", "created_at")]}),
    ]

    @admin.display(description=_("for what"))
    def scope(self, row: Appointment) -> str:
        return str(row.district or row.street or row.neighbourhood or row.unit or "")

    def save_model(self, request: HttpRequest, obj: Appointment, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.appointed_by = request.user
        super().save_model(request, obj, form, change)


# Tokens ---------------------------------------------------------------------------------------------------------------


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new token, or the name of an old one. Only stewards make tokens for other accounts."""

    maker: User  # the page sets it on the class that it makes for a request
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=Token.Scope, widget=forms.CheckboxSelectMultiple, initial=[Token.Scope.READ]
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if "appointments" in self.fields:
            rows = Appointment.objects.select_related("user", "district", "street", "neighbourhood", "unit")
            mine = rows if self.maker.territory.everything else rows.filter(user=self.maker)
            self.fields["appointments"].queryset = mine  # type: ignore[attr-defined]
        if "expires_at" in self.fields:
            self.fields["expires_at"].initial = default_expiry
            # Django labels the two parts by words that stand beside them, and are read with neither.
            for part, label in zip(self.fields["expires_at"].widget.widgets, (_("Date"), _("Time")), strict=True):  # type: ignore[attr-defined]
                part.attrs["aria-label"] = label

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if self.instance.pk is None:
            owner = cleaned.get("user") or self.maker
            self.instance.user = owner
            try:
                check_appointments(owner, cleaned.get("appointments", ()))
            except ValidationError as error:
                self.add_error(None, error)
            # Here, since the constraints are held against the row before it is saved.
            self.instance.text = self.instance.set_secret()
        return cleaned


@admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
def revoke(page: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Token]) -> None:
    """Revoke tokens for good."""
    messages.success(request, _("Revoked: %(number)s.") % {"number": revoke_tokens(tokens=queryset)})


@admin.register(Token)
class TokenAdmin(KeepsChanges, StrictLookups, SearchedRelations, admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens: stewards see all, other appointed users their own. They are made and revoked, not changed."""

    form = TokenForm
    list_display = ["name", "key", "user", "scopes", "expires_at", "revoked_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["name", "key", "user__username"]
    actions = [revoke]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(territory_of(request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(territory_of(request.user))

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return is_steward(request) or (bool(territory_of(request.user)) and obj in (None, *self.get_queryset(request)))

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False  # a token that was used stays on record; revoking ends it

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        rows = super().get_queryset(request)
        return rows if is_steward(request) else rows.filter(user=request.user)

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> list[str]:
        owner = ["user"] if is_steward(request) or obj else []
        kept = ["key", "created_at", "revoked_at", "last_used_at"] if obj else []
        return [*owner, "name", "scopes", "appointments", "expires_at", *kept]

    def get_readonly_fields(self, request: HttpRequest, obj: Token | None = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name != "name"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str]:
        """Take nothing from the address: no link may choose the scopes of a token."""
        return {}

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        return ["user"]  # the few appointments are chosen from a list

    def get_form(
        self, request: HttpRequest, obj: Token | None = None, change: bool = False, **kwargs: object
    ) -> type[TokenForm]:
        form = super().get_form(request, obj, change, **kwargs)
        form.maker = request.user
        return form

    def response_add(self, request: HttpRequest, obj: Token, post_url_continue: str | None = None) -> HttpResponse:
        """Show the token, this once. Not in a message, which would travel and rest in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("New token"),
            "opts": self.opts,
            "token": obj,
            "text": obj.text,
        }
        response = TemplateResponse(request, "admin/accounts/token/made.html", context)
        response["Cache-Control"] = "no-store"
        return response
