"""Who may subscribe: whoever may write."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.models import Token, User
from apps.common.rules.territory import territory_of


def may_subscribe(user: User | AnonymousUser | None) -> bool:
    """Return whether a user may have subscriptions now."""
    return bool(user and user.is_active and territory_of(user))


class MaySubscribe(BasePermission):
    """Those who may write, with a token that lets them, or in a session.

    A subscription gets what its user may see. So a token that sees less than its user may not touch any.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user, token = request.user, request.auth
        if not isinstance(user, User) or not may_subscribe(user):
            return False
        if not isinstance(token, Token):
            return True
        scope = "read" if request.method in SAFE_METHODS else "write"
        return scope in token.scopes and User.objects.get(pk=user.pk).territory == territory_of(user)
