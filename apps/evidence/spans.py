"""Positions in an article's body: Unicode code points, newlines as LF, counted from the body's first character.

Pure functions over texts; nothing here knows the database.
"""

import hashlib


class SpanError(ValueError):
    """A quotation that is not found in a text, or found more than once."""


def normalise(captured: str) -> str:
    """Return a captured page with its newlines as LF; offsets and digests are taken from this form."""
    return captured.replace("\r\n", "\n").replace("\r", "\n")


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in lower-case hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def find(body: str, quotation: str, after: str = "") -> tuple[int, int]:
    """Return start and end of a quotation in a body.

    `after` is a text that must stand somewhere before the quotation; the first match behind its first occurrence is
    meant. Without it the quotation must occur once. Raises SpanError when the place is not found or not unique.
    """
    if not quotation:
        raise SpanError("an empty quotation has no place")
    origin = 0
    if after:
        origin = body.find(after)
        if origin < 0:
            raise SpanError(f"“{after}” does not occur")
        origin += len(after)
    start = body.find(quotation, origin)
    if start < 0:
        raise SpanError(f"“{quotation}” does not occur" + (f" behind “{after}”" if after else ""))
    if not after and body.find(quotation, start + 1) >= 0:
        raise SpanError(f"“{quotation}” occurs more than once; say what it stands after")
    return start, start + len(quotation)
