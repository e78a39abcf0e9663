"""The user of a request: the bearer of its token, else of a session of the admin; otherwise it is anonymous."""

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.models import Token, User
from apps.accounts.models.tokens import BEARER, digest
from apps.common.http.problems import Refusal

if TYPE_CHECKING:  # DRF loads this module before it can load that one
    from drf_spectacular.openapi import AutoSchema

CHALLENGE = 'Bearer realm="partybuild"'
# Checked if there is no such token, so that the time of the answer does not tell which identifiers exist.
NOBODY = Token(key="0" * 12, digest=digest("0" * 12, "", "nobody"))


class TokenAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer pb_<id>.<secret>`. An invalid header is refused, never read as anonymous."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        if (header := request.META.get("HTTP_AUTHORIZATION")) is None:
            return None
        scheme, _space, value = header.partition(" ")
        match = BEARER.fullmatch(value.strip())
        if scheme.lower() != "bearer" or match is None:
            raise AuthenticationFailed(gettext("Authenticate with “Authorization: Bearer pb_<id>.<secret>”."))
        key, secret = match.groups()
        token = Token.objects.select_related("user").filter(key=key).first()
        is_right = (token or NOBODY).is_secret(secret)
        if token is None or not is_right:
            raise AuthenticationFailed(gettext("There is no such token."))
        if not token.is_good:
            raise AuthenticationFailed(gettext("The token has expired or was revoked."))
        token.note_use(secret)
        token.user.narrow(steward=Token.Scope.STEWARD in token.scopes, token=token.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        # A wrong token is told apart from none (RFC 6750).
        return f'{CHALLENGE}, error="invalid_token"' if "HTTP_AUTHORIZATION" in request.META else CHALLENGE


def user_of(request: HttpRequest | Request) -> User:
    """Return the user of a request that needs one; raises PermissionDenied for an anonymous request."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def user_again(key: int, token: str) -> User:
    """Return who sent an earlier request, by the keys of account and token, with the rights of now.

    Raises Refusal for who may not write any more.
    """
    user = User.objects.filter(pk=key).first()
    if user is not None and token:
        found = Token.objects.select_related("user").filter(key=token, user=user).first()
        if found is None or not found.is_good or Token.Scope.WRITE not in found.scopes:
            user = None
        else:
            user.narrow(steward=Token.Scope.STEWARD in found.scopes, token=found.pk)
    if user is None or not user.territory:
        raise Refusal("permission_denied")
    return user


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The tokens in the OpenAPI document."""

    target_class = "apps.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, object]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pb_<id>.<secret>",
            "description": (
                "A token of the registry. Made and revoked in the admin or with `manage.py token`; shown once."
            ),
        }
