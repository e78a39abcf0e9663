"""Positions in an article's body: Unicode code points, newlines as LF, counted from the body's first character.

Pure functions over texts; nothing here knows the database.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

QUOTED_AT_MOST = 300


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


def locate(body: str, start: int, end: int, sha256: str) -> tuple[int, int] | None:
    """Return the span of the text with a digest, sought near a place first; None if it is not found.

    Near means either end off by up to 50 characters; farther away only a stretch of the same length is found, and
    only where there is one alone.
    """
    near = range(-50, 51)
    for first in sorted((start + off for off in near), key=lambda place: abs(place - start)):
        for last in sorted((end + off for off in near), key=lambda place: abs(place - end)):
            if 0 <= first < last <= len(body) and digest(body[first:last]) == sha256:
                return first, last
    length = end - start
    found = [first for first in range(len(body) - length + 1) if digest(body[first : first + length]) == sha256]
    return (found[0], found[0] + length) if len(found) == 1 else None


class Quotation(NamedTuple):
    """A stretch of a text with what stands around it in its paragraph (the terms of W3C's TextQuoteSelector)."""

    exact: str
    prefix: str
    suffix: str
    paragraph: int


def quote(
    body: str, start: int, end: int, at_most: int = QUOTED_AT_MOST, *, shown: tuple[int, int] | None = None
) -> Quotation:
    """Quote a stretch with what stands around it in its paragraph, `at_most` characters in all.

    A stretch that is longer by itself is cut and ends in …. Of what stands around it only what lies in `shown` is
    given, a stretch that holds it. Paragraphs are the lines that hold text, counted from 1 to the one where it begins.
    """
    exact = body[start:end]
    if len(exact) > at_most:
        exact = exact[: at_most - 1] + "…"
    room = (at_most - len(exact)) // 2
    first, last = shown or (0, len(body))
    line_end = body.find("\n", end)
    prefix = body[max(body.rfind("\n", 0, start) + 1, start - room, first) : start]
    suffix = body[end : min(len(body) if line_end < 0 else line_end, end + room, last)]
    begun = body.find("\n", start)
    paragraph = sum(1 for line in body[: len(body) if begun < 0 else begun].split("\n") if line.strip())
    return Quotation(exact, prefix, suffix, paragraph)


# The end of a sentence, with the marks that close what it stands in.
_SENTENCE_END = re.compile(r"[。！？!?…；;]+[”’」』》）)]*|\n")


def pieces(start: int, end: int, places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Cut the stretch from `start` to `end` wherever a place begins or ends.

    Yields start and end of each piece and the numbers of the places that it lies in, the narrowest first.
    """
    near = [(number, place) for number, place in enumerate(places) if place[0] < end and place[1] > start]
    cuts = {start, end, *(cut for _number, place in near for cut in place if start < cut < end)}
    for left, right in pairwise(sorted(cuts)):
        inside = [(place[1] - place[0], number) for number, place in near if place[0] <= left and right <= place[1]]
        yield left, right, tuple(number for _width, number in sorted(inside))


def paragraphs(body: str) -> list[tuple[int, int]]:
    """Return start and end of each paragraph that is not blank, without the blanks around it."""
    return [
        (match.start() + len(match[0]) - len(match[0].lstrip()), match.start() + len(match[0].rstrip()))
        for match in re.finditer(r"[^\n]+", body)
        if match[0].strip()
    ]


def sentence(body: str, start: int, end: int) -> tuple[int, int]:
    """Return the stretch widened to whole sentences."""
    left = max((found.end() for found in _SENTENCE_END.finditer(body, 0, start)), default=0)
    found = _SENTENCE_END.search(body, max(end - 1, start))
    return _trimmed(body, left, max(end, found.end() if found else len(body)))


def paragraph(body: str, start: int, end: int) -> tuple[int, int]:
    """Return the stretch widened to whole paragraphs."""
    right = body.find("\n", max(end - 1, start))
    return _trimmed(body, body.rfind("\n", 0, start) + 1, max(end, len(body) if right < 0 else right))


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    """Return a stretch without the blanks at its ends; one of blanks alone stays as it is."""
    text = body[start:end]
    if not text.strip():
        return start, end
    return start + len(text) - len(text.lstrip()), start + len(text.rstrip())
