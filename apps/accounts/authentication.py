"""The user of a request: the bearer of its token, else of a session of the admin; otherwise it is anonymous."""

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, Throttled
from rest_framework.request import Request

from apps.accounts.addresses import client_address, counted_address
from apps.accounts.models import Token, User
from apps.accounts.models.tokens import BEARER, PREFIX, digest
from apps.accounts.throttling import Policy, count
from apps.common.http.problems import Refusal

if TYPE_CHECKING:  # DRF loads this module before it can load that one
    from drf_spectacular.openapi import AutoSchema

logger = logging.getLogger(__name__)

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
            raise refused(request, "", gettext("Authenticate with “Authorization: Bearer pb_<id>.<secret>”."))
        key, secret = match.groups()
        token = Token.objects.select_related("user").filter(key=key).first()
        is_right = (token or NOBODY).is_secret(secret)
        if token is None or not is_right:
            raise refused(request, key, gettext("There is no such token."))
        if not token.is_good:
            raise refused(request, key, gettext("The token has expired or was revoked."))
        token.note_use(secret)
        token.user.narrow(steward=Token.Scope.STEWARD in token.scopes, token=token.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        # A wrong token is told apart from none (RFC 6750).
        return f'{CHALLENGE}, error="invalid_token"' if "HTTP_AUTHORIZATION" in request.META else CHALLENGE


def refused(request: Request, key: str, detail: str) -> APIException:
    """Return why a token is refused, having counted it for its address and told it in the log, but never its secret.

    Beyond the limit of an address that is 429, and is told once. Good tokens are not held up: a secret has 256 bits, so
    that it is the noise that is limited and not a guess.
    """
    if (limit := settings.RATE_LIMITS["bad-tokens"]) is None:
        return AuthenticationFailed(detail)
    usage = count(Policy("bad-tokens", *limit), counted_address(request._request))
    if usage.used <= limit[0] + 1:
        what = "too many bad tokens, the last" if usage.is_over else "a bad token"
        name = f"{PREFIX}{key}" if key else "without an identifier"
        # Not `id_of`, whose module is not loaded yet when Django REST framework loads this one.
        address, number = client_address(request._request), getattr(request._request, "request_id", "")
        logger.warning("%s %s from %s (request %s)", what, name, address, number)
    if not usage.is_over:
        return AuthenticationFailed(detail)
    request._request.rate_limit_headers = usage.headers()  # type: ignore[attr-defined]
    return Throttled(usage.reset)


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
