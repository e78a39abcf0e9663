"""What the usual run tries of what would take hours: `FULL=1` tries all of it.

The usual run takes another share for each case, so that over all cases each thing is tried: with `share(number, ...)`,
by the case's place among all of them.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")
FULL = os.environ.get("FULL") == "1"


def share(number: int, items: Sequence[T], parts: int) -> Sequence[T]:
    """Return what the n-th case gets of a list: all in a full run, otherwise one of so many parts."""
    return items if FULL else items[number % parts :: parts]


def pairs(number: int, few: Sequence[S], many: Sequence[T]) -> list[tuple[S, T]]:
    """Return what the n-th test gets of all pairs of two lists: all in a full run, otherwise each of `many` once.

    Of `few`, which are not more, each comes at least once, with others of `many` in another test.
    """
    if FULL:
        return [(one, other) for one in few for other in many]
    return [(few[(number + place) % len(few)], other) for place, other in enumerate(many)]
