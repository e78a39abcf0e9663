"""Who may write."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request


def may_edit(user: Any, record: Any) -> bool:
    """Tell whether a user may edit a row as it stands in the database."""
    meta = record._meta
    keeps = getattr(user, "is_staff", False) and user.is_active
    return bool(keeps and user.has_perm(f"{meta.app_label}.change_{meta.model_name}"))


def foreign_fields(user: Any, record: Any) -> list[str]:
    """Return why a user may not save a row as it is now: the fields that stand in the way, "" for the row itself."""
    return [] if may_edit(user, record) else [""]


class RecordPermission(BasePermission):
    """Everybody reads what is published; who keeps the registry writes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS or bool(getattr(request.user, "is_staff", False))
