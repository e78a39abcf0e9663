"""Failed log-ins at the admin: counted for an account and for an address, locked for a while, and told in the log."""

from math import ceil

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.accounts.addresses import client_address
from apps.common.http.middleware import id_of


class FailureHandler(AxesDatabaseHandler):
    """Counts failures for an account from an address, as axes does, and beside it for an address whatever the account.

    So neither many passwords for one account get through, nor one password for many. Who gets in has the failures of
    that account forgotten, and not those of the address.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, str] | None = None) -> int:
        """Return the failures of the account from the address; where the address has too many, the limit at least."""
        own: int = super().get_failures(request, credentials)
        is_over = number_of(failures_from(request)) >= settings.LOGIN_ADDRESS_LIMIT
        return max(own, settings.AXES_FAILURE_LIMIT if is_over else 0)


def failures_from(request: HttpRequest) -> "QuerySet[AccessAttempt]":
    """Return the failures of an address that still count."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=since)  # type: ignore[attr-defined]


def number_of(failures: "QuerySet[AccessAttempt]") -> int:
    """Return how many failures some rows stand for."""
    return failures.aggregate(number=Sum("failures_since_start"))["number"] or 0


def describe_client(username: str | None, address: str, agent: str, path: str, request: HttpRequest) -> str:
    """Return who failed, as the log tells it; what stands in the way of reading a log is escaped."""
    return f"user {str(username)[:150]!r} from {client_address(request)} (request {id_of(request)})"


def locked(request: HttpRequest, _response: HttpResponse, credentials: dict[str, str] | None = None) -> HttpResponse:
    """Return the page for somebody who is locked out, and when the lock ends if no failure is added."""
    counted = failures_from(request)
    if number_of(counted) < settings.LOGIN_ADDRESS_LIMIT:
        counted = counted.filter(username=get_client_username(request, credentials))
    newest = counted.aggregate(at=Max("attempt_time"))["at"] or timezone.now()
    seconds = max(ceil((newest + settings.AXES_COOLOFF_TIME - timezone.now()).total_seconds()), 1)
    answer = render(request, "admin/locked.html", {"minutes": ceil(seconds / 60)}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer
