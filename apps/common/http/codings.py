"""Content codings: which one a reader takes, and whole lists compressed on their way (RFC 9110, 8.4 and 12.5.3).

An answer to a request with the cookie of a session is not compressed: where a page makes a browser send requests that
mix its own words with a secret, the length of what is compressed tells of it (BREACH). Tokens are sent by no browser by
itself, and no answer that is compressed here repeats words of its request or holds a secret.
"""

import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Protocol

import brotli
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from rest_framework.request import Request

from apps.common.http.weights import weighted

IDENTITY = "identity"
CODINGS = ("br", "gzip")  # the better one first


@lru_cache(maxsize=256)
def by_accept_encoding(header: str, offered: Sequence[str] = CODINGS) -> str:
    """Return which of the offered codings a reader likes best, among equals the first; `identity` where none is taken.

    An answer without a coding is given to everybody, also to those who say that they do not take it.
    """
    weights = {name.removeprefix("x-"): weight for name, weight in weighted(header)}
    others = weights.get("*", 0.0)
    best = max(offered, key=lambda coding: weights.get(coding, others))
    weight = weights.get(best, others)
    # What is not named is taken as it is, if the reader takes nothing else as well.
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY


def choose_coding(request: HttpRequest | Request, offered: Sequence[str] = CODINGS) -> str:
    """Return which of the offered codings the reader of an answer likes best (`by_accept_encoding`)."""
    return by_accept_encoding(request.META.get("HTTP_ACCEPT_ENCODING", ""), tuple(offered))


def coding_of(request: HttpRequest | Request) -> str:
    """Return the coding in which an answer that may hold anything is sent: none with a session."""
    return IDENTITY if settings.SESSION_COOKIE_NAME in request.COOKIES else choose_coding(request)


class Compressor(Protocol):
    """What zlib and brotli have in common here."""

    def add(self, data: bytes) -> bytes:
        """Return what is ready when data were added."""

    def end(self) -> bytes:
        """Return the rest."""


class Gzip:
    """Compresses with gzip, in a window of 32 kB."""

    def __init__(self) -> None:
        made = zlib.compressobj(level=5, wbits=16 + zlib.MAX_WBITS)
        self.add, self.end = made.compress, made.flush


class Brotli:
    """Compresses with brotli, in a window of 256 kB, so that memory stays small whatever the length."""

    def __init__(self) -> None:
        made = brotli.Compressor(quality=4, lgwin=18)
        self.add, self.end = made.process, made.finish


def encoded(body: bytes, coding: str) -> bytes:
    """Return a whole body in a coding other than `identity`."""
    made: Compressor = Brotli() if coding == "br" else Gzip()
    return made.add(body) + made.end()


def compressed(content: Generator[bytes, None, None], coding: str) -> Iterator[bytes]:
    """Yield content in a coding other than `identity`.

    Where it breaks off, what came before is ended properly: its last line says so.
    """
    made: Compressor = Brotli() if coding == "br" else Gzip()
    with closing(content):
        try:
            for piece in content:
                if ready := made.add(piece):
                    yield ready
        except DatabaseError:
            yield made.end()
            raise
    yield made.end()
