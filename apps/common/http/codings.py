"""Which content coding of an answer a reader takes: `Accept-Encoding` (RFC 9110, 12.5.3)."""

import re
from collections.abc import Sequence

from django.http import HttpRequest

# A coding and its weight; of a weight that cannot be read, the coding is passed over.
PART = re.compile(r"\s*(?P<coding>[\w*-]+)\s*(?:;\s*q\s*=\s*(?P<weight>[01](?:\.\d{0,3})?)\s*)?", re.ASCII)
IDENTITY = "identity"


def choose_coding(request: HttpRequest, offered: Sequence[str]) -> str:
    """Return which of the offered codings a reader likes best, among equals the first; `identity` where none is taken.

    An answer without a coding is given to everybody, also to those who say that they do not take it.
    """
    weights: dict[str, float] = {}
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        if match := PART.fullmatch(part):
            weights[match["coding"].removeprefix("x-")] = float(match["weight"] or 1)
    others = weights.get("*", 0.0)
    best = max(offered, key=lambda coding: weights.get(coding, others))
    weight = weights.get(best, others)
    # What is not named is taken as it is, if the reader takes nothing else as well.
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY
