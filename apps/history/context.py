"""Who changes something, and why: told to the database, which writes it into the change log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from psycopg.pq import TransactionStatus

from apps.common.rules.change_log import SETTINGS

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


@contextmanager
def change_context(
    *, user: Any = None, token: str | None = None, request_id: str | None = None, reason: str | None = None
) -> Iterator[None]:
    """Let the changes made within carry a user, a token's public id, a request's id and a reason.

    What is not given stays as an outer `telling` said it. Within a transaction the settings are the transaction's own;
    outside of one they are the connection's, and are taken back at the end.
    """
    user_id = str(user.pk) if user is not None and user.pk is not None else None
    given = {"user": user_id, "token": token, "request_id": request_id, "reason": reason}
    told = {SETTINGS[name]: value for name, value in given.items() if value is not None}
    local = connection.in_atomic_block
    before = _set(told, local)
    try:
        yield
    finally:
        # A transaction that failed takes its settings with it.
        if connection.connection is not None and not _has_failed():
            _set(before, local)


def _has_failed() -> bool:
    status: Any = connection.connection.info.transaction_status
    return (connection.in_atomic_block and connection.needs_rollback) or status == TransactionStatus.INERROR


def _set(values: dict[str, str], local: bool) -> dict[str, str]:
    """Set the settings and return what they were."""
    if not values:
        return {}
    olds = ", ".join("coalesce(current_setting(%s, true), '')" for _name in values)
    news = ", ".join("set_config(%s, %s, %s)" for _name in values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {olds}", list(values))
        before = dict(zip(values, cursor.fetchone(), strict=True))
        cursor.execute(f"SELECT {news}", [part for name, value in values.items() for part in (name, value, local)])
    return before


def _only_reads(request: HttpRequest) -> bool:
    """Tell whether a request goes to a view that changes nothing, whatever the method, or to none."""
    try:
        found: Any = resolve(request.path_info).func
    except Resolver404:
        return True
    view = getattr(found, "view_class", None) or getattr(found, "cls", None)
    return bool(getattr(view, "only_reads", False))


class ChangeContextMiddleware:
    """Tells who is logged in and the id of the request, for every request that may change something."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        if request.method in SAFE_METHODS or _only_reads(request):
            return self.get_response(request)
        with change_context(user=request.user, request_id=request.request_id):
            return self.get_response(request)
