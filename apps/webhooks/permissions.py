"""Who may subscribe: whoever may write."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


def may_subscribe(user: Any) -> bool:
    """Tell whether a user may have subscriptions now."""
    return bool(user and user.is_active and user.is_staff)


class MaySubscribe(BasePermission):
    """Those who may write."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_subscribe(request.user)
