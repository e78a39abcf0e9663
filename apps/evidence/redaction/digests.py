"""Blackening a name: each of its characters becomes ■, so that the text behind it keeps its offset.

Pure: texts in, texts out. A redacted name is known only by its length and by a digest under a secret key. Text that
comes in later, from a fixture or a captured page, is searched with those.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.encoding import force_bytes

MARK = "■"
_PURPOSE = b"apps.evidence.redaction"


def conceal(text: str, name: str) -> str:
    """Return the text with every occurrence of a name blackened, even where two overlap."""
    starts = (found.start() for found in re.finditer(f"(?={re.escape(name)})", text)) if name in text else ()
    return _blacken(text, starts, len(name))


def occurrences(text: str, name: str) -> int:
    """Return the number of times that a text holds a name."""
    return len(re.findall(f"(?={re.escape(name)})", text)) if name in text else 0


def _blacken(text: str, starts: Iterable[int], length: int) -> str:
    characters = list(text)
    for start in starts:
        characters[start : start + length] = MARK * length
    return "".join(characters)


class RedactionKeys:
    """The secret keys under which names and digests are recognised; the first is in use."""

    def __init__(self, secrets: Sequence[str | bytes]) -> None:
        self.keys = [hashlib.sha256(_PURPOSE + force_bytes(secret)).digest() for secret in secrets]

    def digest(self, text: str) -> str:
        """Return the keyed digest of a text, as it is stored."""
        return hmac.digest(self.keys[0], text.encode(), "sha256").hex()

    def digests(self, text: str) -> list[str]:
        """Return the keyed digests of a text under the key in use and those before it."""
        return [hmac.digest(key, text.encode(), "sha256").hex() for key in self.keys]


@dataclass(frozen=True)
class Redactor:
    """Blackens redacted names in any text, one after the other in the order of the redactions.

    `names` are pairs of length and keyed digest, in the order of the redactions.
    """

    keys: RedactionKeys
    names: Sequence[tuple[int, str]] = field(default_factory=list)

    def __call__(self, text: str) -> str:
        for length, digest in self.names:
            starts = [
                start
                for start in range(len(text) - length + 1)
                if digest in self.keys.digests(text[start : start + length])
            ]
            if starts:
                text = _blacken(text, starts, length)
        return text
