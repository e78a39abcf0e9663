"""What a header such as `Accept` or `Accept-Encoding` names, each with how much it is wished for (RFC 9110, 12.4.2)."""

import re
from collections.abc import Iterator

WEIGHT = re.compile(r"0(\.[0-9]*)?|1(\.0*)?")


def weighted(header: str) -> Iterator[tuple[str, float]]:
    """Yield what a header names, in lower case and in its order, each with its weight from 0 to 1.

    One that has no weight, or none that can be read, is named and wished for: 1. Other parameters are passed over.
    """
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _equals, value = (piece.strip() for piece in parameter.partition("="))
            if key == "q":
                weight = float(value) if WEIGHT.fullmatch(value) else 1.0
        if name:
            yield name, weight
