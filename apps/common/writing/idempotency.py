"""POST that may be sent again: the answer is kept with the write, in the same transaction, for a day.

So either both are there or neither: after a worker is killed, a client sends the request again and gets either the
answer of the write that was committed or a new write. An error is not kept; the same request may do better later.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import RETRY_AFTER, Refusal
from apps.common.models.tables import KeptAnswer

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 200
KEPT_HEADERS = ("Content-Type", "ETag", "Location")


def once(request: Request, body: bytes, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Do a write, or give its answer again. Runs inside the write's transaction. Raises Refusal.

    Keys are a user's own. Another body, or another address, under the same key is refused (422), and a request whose
    twin is not finished yet is sent away (409).
    """
    key = request.headers["Idempotency-Key"]
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        detail = gettext("An idempotency key has 1 to %(most)s printable ASCII characters.") % {"most": LONGEST_KEY}
        raise Refusal("bad_request", detail)
    # Whoever sends a key again by another token may see less than what stands in the first answer.
    sender = getattr(request.user, "acts_by_token", None) or ""
    head = f"{sender} {request.method} {request.get_full_path()}\n"
    digest = hashlib.sha256(head.encode() + body).hexdigest()
    owner: int = request.user.pk or 0  # nobody in particular writes nothing
    _lock(f"{owner} {key}")
    kept = KeptAnswer.objects.filter(user_id=owner, key=key).first()
    if kept is not None and kept.made_at > timezone.now() - KEPT_FOR:
        if kept.digest != digest:
            raise Refusal("key_reused", gettext("This idempotency key was used for another request; take a new one."))
        headers = {**kept.headers, "Idempotent-Replayed": "true"}
        return HttpResponse(kept.body, status=kept.status, headers=headers)
    answer = work()
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    values = {
        "digest": digest,
        "status": answer.status_code,
        "headers": headers,
        "body": answer.content.decode(),
        "made_at": timezone.now(),
    }
    KeptAnswer.objects.update_or_create(user_id=owner, key=key, defaults=values)
    KeptAnswer.objects.filter(made_at__lt=timezone.now() - KEPT_FOR).delete()
    return answer


def _lock(name: str) -> None:
    """Take the lock of a key until the end of the transaction. Raises Refusal where its twin holds it."""
    number = int.from_bytes(hashlib.sha256(f"idempotency {name}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (taken,) = cursor.fetchone()
    if not taken:
        detail = gettext("A request with this idempotency key is still being worked on.")
        raise Refusal("conflict", detail, headers={"Retry-After": RETRY_AFTER})
