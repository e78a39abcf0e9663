"""What the usual run tries of what would take hours: `FULL=1` tries all of it.

The usual run takes another share for each case, so that over all cases each thing is tried: with `share(number, ...)`,
by the case's place among all of them.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
FULL = os.environ.get("FULL") == "1"


def share(number: int, items: Sequence[T], parts: int) -> Sequence[T]:
    """Return what the n-th case gets of a list: all in a full run, otherwise one of so many parts."""
    return items if FULL else items[number % parts :: parts]
