"""Answers kept as bytes, never given once the data have changed.

Every request asks the database for the data version, which moves with each committed change of a record by whatever
way (`LoggedChange`). An answer is kept under what was asked and the version that it was made at; it is given again
only to a request that meets the same version, so no reader ever sees an answer older than the last commit before the
request. The same version makes the strong `ETag`.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, cast
from urllib.parse import unquote_plus

from cachetools import LRUCache
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.http.codings import by_accept_encoding
from apps.common.http.formats import by_accept, is_coded
from apps.common.http.licence import say_licence
from apps.common.http.problem_answers import answer_problem
from apps.common.reading.data_version import build, data_version
from apps.common.reading.places import Costly, in_a_place, is_costly
from apps.common.reading.record_version import KNOWN

# What a 304 says of the answer that is known (RFC 9110, 15.4.5).
NOT_MODIFIED = ("ETag", "Cache-Control", "Content-Language", "Vary", "Link")
VARY = ("Accept", "Accept-Language", "Authorization", "Cookie")


class CachedAnswer(NamedTuple):
    """An answer as it is kept."""

    version: str
    body: bytes
    headers: tuple[tuple[str, str], ...]


class AnswerCache:
    """Answers by what was asked, the least recently used dropped first. Memory is bounded. Safe for threads."""

    # What an entry costs beside its key and its body: the headers and the dictionary's own room.
    OVERHEAD = 1_000

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: LRUCache[str, tuple[CachedAnswer, int]] = LRUCache(limit, getsizeof=lambda kept: kept[1])
        self._lock = threading.Lock()

    @property
    def used(self) -> float:
        """The room that is taken, in bytes."""
        return self._kept.currsize

    def has(self, key: str) -> bool:
        """Return whether an answer is kept under a key, of whatever version."""
        return key in self._kept

    def get(self, key: str, version: str) -> CachedAnswer | None:
        """Return the answer kept under a key, if it was made at the version."""
        with self._lock:
            found = self._kept.get(key)
        return found[0] if found and found[0].version == version else None

    def put(self, key: str, answer: CachedAnswer) -> None:
        """Keep an answer in the place of the one under the key, unless it is larger than an eighth of the room."""
        size = len(answer.body) + len(key) + self.OVERHEAD
        with self._lock:
            if size * 8 <= self.limit:
                self._kept[key] = (answer, size)
            else:
                self._kept.pop(key, None)

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._kept.clear()


ANSWERS = AnswerCache(settings.ANSWER_CACHE_MB * 1024 * 1024)


def is_anonymous(request: HttpRequest) -> bool:
    """Return whether a request carries nothing by which its sender could be known."""
    return "HTTP_AUTHORIZATION" not in request.META and settings.SESSION_COOKIE_NAME not in request.COOKIES


def wants_json(accept: str) -> bool:
    """Return whether plain JSON is what an `Accept` header asks for first, and would be given."""
    first = accept.partition(",")[0].strip().lower()
    return first in ("", "*/*", "application/*", "application/json") and by_accept(accept) == "json"


class CachedReads:
    """A view whose answers to anonymous GETs are kept. Stands before the view class among the bases."""

    costly: Costly = False  # which reads need a place, unless their answer is kept

    @property
    def is_of_one(self) -> bool:
        """Whether a read is about one record, and so short."""
        return False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer from what is kept, or keep what is answered; in a place, where that is costly."""
        dispatch: Any = super().dispatch  # type: ignore[misc]
        answer: Callable[[], HttpResponseBase] = partial(dispatch, request, *args, **kwargs)
        if request.method not in ("GET", "HEAD"):
            return _kept_private(answer())
        if is_anonymous(request):
            response = self._answer_everybody(request, answer)
        else:
            response = _kept_private(say_licence(self._placed(request, answer)))
        return unless_known(request, response)

    def _answer_everybody(self, request: HttpRequest, dispatch: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        if refusal := self._count(request):
            patch_vary_headers(refusal, VARY)
            return refusal
        accept = request.META.get("HTTP_ACCEPT", "")
        key = _key(request)
        fast = self.answer if wants_json(accept) else None
        version = None
        if not fast or "HTTP_IF_NONE_MATCH" in request.META or ANSWERS.has(key):
            version = data_version()
            etag = _etag(key, version)
            if (known := _is_known(request, etag)) is not None:
                headers = {"ETag": known} | ({"Vary": "Accept-Encoding"} if _is_coded(request) else {})
                return _finish(HttpResponseNotModified(headers=headers), etag)
            if found := ANSWERS.get(key, version):
                return _finish(HttpResponse(found.body, headers=dict(found.headers)), etag)

        def answer() -> HttpResponseBase:
            nonlocal version
            made, seen = fast(request) if fast else (None, "")
            # Where nothing is kept yet, the answer comes with the version at which it was made, by one statement.
            version = version or seen or data_version()
            return made or dispatch()

        response = say_licence(self._placed(request, answer))
        if response.status_code != 200 or version is None:
            patch_vary_headers(response, VARY)
            return response
        if isinstance(response, HttpResponse):
            body = _render(response)
            ANSWERS.put(key, CachedAnswer(version, body, tuple(response.items())))
        return _finish(response, _etag(key, version))

    def _placed(self, request: HttpRequest, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        query, accept = request.META.get("QUERY_STRING", ""), request.META.get("HTTP_ACCEPT", "")
        if not is_costly(self.costly, query, accept):
            return answer()
        return in_a_place(request, answer, of_one=self.is_of_one)

    def _count(self, request: HttpRequest) -> HttpResponseBase | None:
        """Count a read of nobody in particular where these are limited; return the refusal of one too many."""
        if settings.RATE_LIMITS["anonymous-reads"] is None:
            return None
        view = cast(APIView, self)
        try:
            view.check_throttles(Request(request, authenticators=()))
        except Throttled as error:
            return answer_problem(error, request)
        return None

    def answer(self, request: HttpRequest) -> tuple[HttpResponseBase | None, str]:
        """Return an answer without the rest of the view, where that can be done, and the version that it shows."""
        return None, ""


def _is_coded(request: HttpRequest) -> bool:
    return is_coded(request.META.get("QUERY_STRING", ""), request.META.get("HTTP_ACCEPT", ""))


def _key(request: HttpRequest) -> str:
    return key_of(request.META, request.get_host(), request.path, translation.get_language() or "")


def key_of(environ: Mapping[str, Any], host: str, path: str, language: str) -> str:
    """Return under what an answer is kept: address, parameters in any order, language, format and coding.

    Those of one name stay in theirs, which may matter: `sort=name&sort=slug` is another order than its reverse.
    """
    query, accept = environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", "")
    asked = _asked(query, accept, environ.get("HTTP_ACCEPT_ENCODING", ""))
    return "\n".join((host, path, language, asked, str(settings.QUOTED_SHARE)))


@lru_cache(maxsize=512)
def _asked(query: str, accept: str, encoding: str) -> str:
    parameters = "&".join(sorted(query.split("&"), key=_name))
    form = "json" if wants_json(accept) else accept[:200]
    coding = by_accept_encoding(encoding) if is_coded(query, accept) else ""
    return "\n".join((parameters, form, coding))


def _name(parameter: str) -> str:
    """Return the name of a parameter of a query, however it is encoded."""
    return unquote_plus(parameter.partition("=")[0])


@cache
def _tag_key() -> bytes:
    return hashlib.sha256(f"apps.common.reading {settings.SECRET_KEY}".encode()).digest()


def _etag(key: str, version: str) -> str:
    # Under a key of our own, so that the tag tells nobody what the version is made of.
    digest = hashlib.blake2b(f"{build()}\n{version}\n{key}".encode(), digest_size=16, key=_tag_key())
    return f'"{digest.hexdigest()}"'


def _is_known(request: HttpRequest, etag: str) -> str | None:
    """Return what stands behind the dot of the tag by which the client knows the answer; None where it does not."""
    for tag in parse_etags(request.META.get("HTTP_IF_NONE_MATCH", "")):
        if (match := KNOWN.fullmatch(tag.removeprefix("W/"))) and match[1] == etag.strip('"'):
            return (match[2] or "").removeprefix(".")
    return None


def _kept_private(response: HttpResponseBase) -> HttpResponseBase:
    """Return an answer as it is for one reader only."""
    if "Cache-Control" not in response:
        response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, VARY)
    return response


def unless_known(request: HttpRequest | Request, response: HttpResponseBase) -> HttpResponseBase:
    """Return 304 in the place of an answer that the client has, or that it wants only if there is none (`*`).

    Tags are compared weakly (RFC 9110, 13.1.2).
    """
    if "HTTP_IF_NONE_MATCH" not in request.META:
        return response
    tags = [tag.removeprefix("W/") for tag in parse_etags(request.META["HTTP_IF_NONE_MATCH"])]
    if response.status_code != 200 or not ("*" in tags or response.headers.get("ETag") in tags):
        return response
    for close in vars(response)["_resource_closers"]:
        close()
    kept = {name: response.headers[name] for name in NOT_MODIFIED if name in response.headers}
    return HttpResponseNotModified(headers=kept)


def _render(response: HttpResponse) -> bytes:
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    return bytes(response.content)


def _finish(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    # The view of a single record has put the record's own version here (`record_version`).
    record = response.headers.get("ETag", "")
    response["ETag"] = f'{etag[:-1]}.{record}"' if record else etag
    # Kept by others too, but never given without asking us first.
    response["Cache-Control"] = "public, no-cache"
    if response.has_header("Vary"):
        patch_vary_headers(response, VARY)
    else:
        response["Vary"] = ", ".join(VARY)
    return response
