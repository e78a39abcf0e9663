"""Texts that the database keeps and alone does not give away: sealed under a key that is made of the secret key.

A text is combined with a key stream that no other text gets (SHAKE-256 of a keyed digest of a random number and of what
the text belongs to), and a digest of the whole says whether a key fits.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from django.conf import settings

PREFIX = "sealed:"
NUMBER, TAG = 32, 32  # bytes


def seal(text: str, context: str) -> str:
    """Return a text sealed; it is opened by the same context alone."""
    number, content = secrets.token_bytes(NUMBER), text.encode()
    hidden = _combined(content, settings.SECRET_KEY, number, context)
    tag = _keyed(settings.SECRET_KEY, b"tag", context, number + hidden)
    return PREFIX + b64encode(number + tag + hidden).decode()


def unseal(text: str, context: str) -> str:
    """Return the text that was sealed, or one that was not as it is. Raises ValueError where no key fits any more."""
    if not text.startswith(PREFIX):
        return text
    whole = b64decode(text.removeprefix(PREFIX))
    number, tag, hidden = whole[:NUMBER], whole[NUMBER : NUMBER + TAG], whole[NUMBER + TAG :]
    for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(tag, _keyed(secret_key, b"tag", context, number + hidden)):
            return _combined(hidden, secret_key, number, context).decode()
    raise ValueError("sealed under another key")


def _keyed(secret_key: str, purpose: bytes, context: str, content: bytes) -> bytes:
    key = hashlib.sha256(b"apps.common.writing.sealed " + purpose + b" " + secret_key.encode()).digest()
    return hmac.digest(key, hashlib.sha256(context.encode()).digest() + content, "sha256")


def _combined(content: bytes, secret_key: str, number: bytes, context: str) -> bytes:
    stream = hashlib.shake_256(_keyed(secret_key, b"stream", context, number)).digest(len(content))
    return bytes(left ^ right for left, right in zip(content, stream, strict=True))
