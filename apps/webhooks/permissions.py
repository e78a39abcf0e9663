"""Who may subscribe: whoever may write."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.common.rules.territory import territory_of


def may_subscribe(user: Any) -> bool:
    """Tell whether a user may have subscriptions now."""
    return bool(user and user.is_active and territory_of(user))


class MaySubscribe(BasePermission):
    """Those who may write, with a token that lets them, or in a session.

    A subscription is told what its user may see. So a token that sees less than its user has nothing to do with any.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user
        token: Any = request.auth
        if not may_subscribe(user) or token is None:
            return may_subscribe(user)
        scope = "read" if request.method in SAFE_METHODS else "write"
        whole = type(user)._default_manager.get(pk=user.pk)
        return scope in token.scopes and bool(whole.territory == user.territory)
