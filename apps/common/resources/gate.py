"""The first thing that a request meets: while the places of costly reads are taken, further ones are refused here.

The view would refuse them as well, and in the same words, but only behind most of the stack. Many clients that ask for
what there is no place for would so hold the threads that are left; here each takes a few microseconds.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.core.handlers.wsgi import get_path_info
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.encoding import escape_uri_path

from apps.common.http.bodies import Application, Environ
from apps.common.http.cors import OPEN
from apps.common.http.languages import by_header
from apps.common.http.middleware import made_id
from apps.common.http.problem_answers import CONTENT_TYPE, problem_at
from apps.common.reading.answer_cache import ANSWERS, VARY, key_of
from apps.common.reading.places import PLACES, RETRY_AFTER, Costly, is_costly, note_refusal


class Gate:
    """A WSGI application around another one, which it spares what would be refused there."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if PLACES.are_full and _needs_a_place(environ):
            note_refusal(environ)
            return _refuse(environ, start_response)
        return self._application(environ, start_response)


def _needs_a_place(environ: Environ) -> bool:
    """Tell whether a request is a costly read, of which no answer is kept. When in doubt, the view decides."""
    path, query, accept = environ["PATH_INFO"], environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", "")
    is_post = environ["REQUEST_METHOD"] == "POST"
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "POST") or environ.get("HTTP_COOKIE"):
        return False
    costly, takes_posts = _costly(path)
    if not costly or not (takes_posts if is_post else is_costly(costly, query, accept)):
        return False
    language = by_header(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    return not ANSWERS.has(key_of(environ, environ.get("HTTP_HOST", ""), path, language))


@lru_cache(maxsize=1024)
def _costly(path: str) -> tuple[Costly, bool]:
    """Return what makes a read of an address costly, and whether a POST there is a read."""
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False, False
    owner = getattr(view, "cls", None)
    costly = getattr(view, "initkwargs", {}).get("costly", getattr(owner, "costly", False))
    return costly, getattr(owner, "only_reads", False)


def _refuse(environ: Environ, start_response: Any) -> list[bytes]:
    language = by_header(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    query = environ.get("QUERY_STRING", "")
    number = made_id(environ)
    with translation.override(language):
        path = escape_uri_path(get_path_info(environ))
        problem = problem_at(path + (f"?{query}" if query else ""), number, "busy")
    body = json.dumps(problem, ensure_ascii=False).encode()
    headers = {
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body)),
        "Content-Language": language,
        "Vary": ", ".join(VARY),
        "Retry-After": RETRY_AFTER,
        "X-Request-ID": number,
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",  # who asks again at once, against what he was told, has to connect again
        **OPEN,  # where others may ask, they may also know that they may not now
    }
    start_response("503 Service Unavailable", list(headers.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
