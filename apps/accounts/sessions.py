"""The limits of a session of the admin: the time without a request, and the time in all."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase

BEGAN, SEEN = "began_at", "seen_at"
SEEN_IS_NOTED_EVERY = 60  # seconds; a row of the session is written no more often than that


class SessionLimitMiddleware:
    """Ends sessions that were idle, or that began too long ago. Requests without a session cost nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        now = int(time.time())
        began, seen = request.session.setdefault(BEGAN, now), request.session.setdefault(SEEN, now)
        idle, lifetime = settings.SESSION_IDLE_TIME.total_seconds(), settings.SESSION_LIFETIME.total_seconds()
        if now - seen > idle or now - began > lifetime:
            logout(request)
        elif now - seen >= SEEN_IS_NOTED_EVERY:
            request.session[SEEN] = now
