"""The limits on the requests of a client, counted in the database, so that all workers count together.

One statement a counted request, on an UNLOGGED table. Requests without a limit are not counted and cost nothing:
anonymous reads, unless the operator sets one. The headers follow draft-ietf-httpapi-ratelimit-headers, revisions 8
to 11.
"""

import random
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import connection
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.accounts.addresses import counted_address
from apps.accounts.models import Token
from apps.common.rules.permissions import is_answered
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement

if TYPE_CHECKING:  # DRF loads this module before it can load that one
    from rest_framework.views import APIView

# The window is the database's, so that the clocks of several machines need not agree.
COUNT = f"""
    INSERT INTO accounts_requestwindow AS running (key, began_at, used)
    VALUES ({Parameter("key")},
            date_bin({Parameter("window")} * interval '1 second', statement_timestamp(), 'epoch'), 1)
    ON CONFLICT (key) DO UPDATE SET
        used = CASE WHEN running.began_at = EXCLUDED.began_at THEN running.used + 1 ELSE 1 END,
        began_at = EXCLUDED.began_at
    RETURNING used,
        extract(epoch FROM began_at + {Parameter("window")} * interval '1 second' - statement_timestamp())::float
"""  # noqa: S608 - of our own pieces
_COUNT = Statement(COUNT)
PRUNE = "DELETE FROM accounts_requestwindow WHERE began_at < statement_timestamp() - interval '1 day'"
PRUNE_ONCE_IN = 1000


class Policy(NamedTuple):
    """So many requests in so many seconds, under the name by which clients know the limit."""

    name: str
    quota: int
    window: int


class Usage(NamedTuple):
    """The use of a policy's quota after a request, and the seconds until there is a new one."""

    policy: Policy
    used: int
    reset: int

    @property
    def is_over(self) -> bool:
        """Whether the request was one too many."""
        return self.used > self.policy.quota

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        policy = self.policy
        return {
            "RateLimit-Policy": f'"{policy.name}";q={policy.quota};w={policy.window}',
            "RateLimit": f'"{policy.name}";r={max(policy.quota - self.used, 0)};t={self.reset}',
        }


def count(policy: Policy, client: str) -> Usage:
    """Count one request of a client, and return the use of its quota."""
    ((used, reset),) = _COUNT.cells({"key": f"{policy.name}:{client}", "window": policy.window})
    if random.randrange(PRUNE_ONCE_IN) == 0:  # noqa: S311 - a matter of housekeeping
        with connection.cursor() as cursor:
            cursor.execute(PRUNE)
    return Usage(policy, int(used or 0), max(ceil(float(reset or 0)), 1))


def policy_for(request: Request, view: "APIView") -> tuple[Policy, str] | None:
    """Return the policy by which a request is counted, and the key of its client; None: it is not counted."""
    reads = request.method in SAFE_METHODS or getattr(view, "only_reads", False)
    if isinstance(request.auth, Token):
        name, client = "token", request.auth.key
    elif getattr(request.user, "is_authenticated", False):
        name, client = "user", str(request.user.pk)
    else:
        name, client = "anonymous-reads" if reads else "anonymous-writes", counted_address(request._request)
    limit = settings.RATE_LIMITS[name]
    return (Policy(name, *limit), client) if limit else None


class RequestThrottle(BaseThrottle):
    """Counts a request for its token, its user or its address. The middleware writes the headers."""

    usage: Usage | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if hasattr(request._request, "rate_limit_headers"):
            return True  # counted already, before an answer was looked for among those that are kept
        if not is_answered(request, view) or (found := policy_for(request, view)) is None:
            return True
        self.usage = count(*found)
        request._request.rate_limit_headers = self.usage.headers()  # type: ignore[attr-defined]
        return not self.usage.is_over

    def wait(self) -> float | None:
        return self.usage.reset if self.usage else None
