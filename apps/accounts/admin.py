"""Pages of accounts and groups."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group

from apps.accounts.models import User
from apps.common.admin import SearchedRelations, StrictLookups


@admin.register(User)
class AccountAdmin(StrictLookups, SearchedRelations, UserAdmin):  # type: ignore[type-arg]
    list_display = ["username", "last_name", "first_name", "email", "is_active", "is_staff", "last_login"]
    filter_horizontal: Any = ["user_permissions"]
    readonly_fields = ["last_login", "date_joined"]


admin.site.unregister(Group)


@admin.register(Group)
class AccountGroupAdmin(StrictLookups, SearchedRelations, GroupAdmin):
    pass
