"""Bodies that nobody reads: a refusal has to reach also a client that is still sending."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

PIECE = 65_536
# Beyond either, the connection is closed on a client that goes on sending.
MOST_BYTES = 2 * settings.MAX_FILE_BYTES
MOST_SECONDS = 5.0

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


def has_body(environ: Environ) -> bool:
    """Tell whether a request brings a body, or says that it does."""
    return bool((environ.get("CONTENT_LENGTH") or "").strip("0") or environ.get("HTTP_TRANSFER_ENCODING"))


class DrainedBodies:
    """A WSGI application around another one, which reads what that one has left unread of a body.

    granian sends the answer when the application returns, and then closes a connection whose body was not read. So a
    client that is still sending would find a broken pipe in the place of its 401 or 413, and a proxy would make that
    a 502.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if not has_body(environ):
            return self._application(environ, start_response)
        body = environ["wsgi.input"] = _CountedBody(environ["wsgi.input"])
        answer = self._application(environ, start_response)
        length = environ.get("CONTENT_LENGTH") or ""
        whole = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else MOST_BYTES
        # Who waits for `100 Continue` has sent nothing yet, and is told to by the first read.
        if body.count < whole and (body.count or "HTTP_EXPECT" not in environ):
            _drain(body)
        return answer


class _CountedBody:
    """A body as the server gives it, and how much of it was read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.count = 0

    def read(self, *size: int) -> bytes:
        piece: bytes = self._stream.read(*size)
        self.count += len(piece)
        return piece

    def readline(self, *size: int) -> bytes:
        line: bytes = self._stream.readline(*size)
        self.count += len(line)
        return line


def _drain(body: _CountedBody) -> None:
    """Read the rest of a body, within bounds.

    In a thread of its own, because a read waits for as long as its client stalls. It ends when the answer is sent and
    the connection is closed, if not before.
    """
    deadline = time.monotonic() + MOST_SECONDS
    most = body.count + MOST_BYTES

    def read() -> None:
        while body.count < most and time.monotonic() < deadline and body.read(PIECE):
            pass

    thread = threading.Thread(target=read, name="drain", daemon=True)
    thread.start()
    thread.join(MOST_SECONDS)
