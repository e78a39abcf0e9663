"""POST that may be sent again: the answer is kept with the write, in the same transaction, for a day.

So either both are there or neither: after a worker is killed, a client sends the request again and gets either the
answer of the write that was committed or a new write. An error is not kept; the same request may do better later.

An answer that shows a secret is kept sealed (`sealed`), so that who may read the database does not learn it.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.http.middleware import change_ids
from apps.common.http.problems import RETRY_AFTER, Refusal
from apps.common.models.tables import KeptAnswer
from apps.common.writing.sealed import seal, unseal
from apps.common.writing.transaction import write_transaction

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 200
LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
KEPT_HEADERS = ("Content-Type", "ETag", "Location")


class RepeatablePosts:
    """Keeps the body of a POST with an `Idempotency-Key` as it came. Stands before the view class among the bases."""

    shows_secrets = False  # whether an answer to a POST may show what is shown this once

    def initialize_request(self, request: HttpRequest, *args: object, **kwargs: object) -> Request:
        """Keep the body, for the digest of a request that may be repeated."""
        made: Request = super().initialize_request(request, *args, **kwargs)  # type: ignore[misc]
        if request.method == "POST" and "HTTP_IDEMPOTENCY_KEY" in request.META:
            if request.path.endswith("/import"):
                # Django's own limit is that of JSON; `BodyGuardMiddleware` has looked at the length of a file.
                request._body = request.read(settings.MAX_FILE_BYTES)
            made.body_bytes = request.body  # type: ignore[attr-defined]
        return made


def done_once(post: Callable[..., Response]) -> Callable[..., HttpResponseBase]:
    """Return the `post` of a view of `RepeatablePosts`, done once under an `Idempotency-Key`; a dry run has none."""

    @wraps(post)
    def keyed(self: RepeatablePosts, request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
        body: bytes | None = getattr(request, "body_bytes", None)
        if body is None or request.GET.get("dry_run") == "true":
            return post(self, request, *args, **kwargs)

        def work() -> HttpResponse:
            answer = post(self, request, *args, **kwargs)
            content = b"" if answer.data is None else JSONRenderer().render(answer.data)
            headers = {**answer.headers, "Content-Type": answer.content_type or "application/json"}
            return HttpResponse(content, status=answer.status_code, headers=headers)

        with write_transaction(user=request.user):
            return once(request, body, work, is_secret=self.shows_secrets)

    return keyed


def once(request: Request, body: bytes, work: Callable[[], HttpResponse], *, is_secret: bool = False) -> HttpResponse:
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
        return _given_again(kept)
    answer = work()
    if answer.status_code >= 400:
        return answer
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    headers["X-Change-ID"] = change_ids(request).request_id
    content = answer.content.decode()
    values = {
        "digest": digest,
        "status": answer.status_code,
        "headers": headers,
        "body": seal(content, digest) if is_secret else content,
        "made_at": timezone.now(),
    }
    KeptAnswer.objects.update_or_create(user_id=owner, key=key, defaults=values)
    KeptAnswer.objects.filter(made_at__lt=timezone.now() - KEPT_FOR).delete()
    return answer


def _given_again(kept: KeptAnswer) -> HttpResponse:
    headers = {**kept.headers, "Idempotent-Replayed": "true"}
    try:
        return HttpResponse(unseal(kept.body, kept.digest), status=kept.status, headers=headers)
    except ValueError as error:
        detail = gettext("This was done, but its answer cannot be given again: the secret key was changed.")
        raise Refusal("conflict", detail) from error


def _lock(name: str) -> None:
    """Take the lock of a key until the end of the transaction. Raises Refusal where its twin holds it."""
    number = int.from_bytes(hashlib.sha256(f"idempotency {name}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [number])
        (taken,) = cursor.fetchone()
    if not taken:
        detail = gettext("A request with this idempotency key is still being worked on.")
        raise Refusal("conflict", detail, headers={"Retry-After": RETRY_AFTER})
