"""Which parts of a text may be quoted to everybody, so that they stay within a length and show as much as they can.

Pure functions: offsets in, offsets out.
"""

from collections.abc import Hashable, Iterable, Sequence

Part = tuple[int, int]


def choose(length: int, most: int, spans: Iterable[tuple[Part, Hashable]], kept: Sequence[Part] = ()) -> list[Part]:
    """Return the parts of a text of a length that may be shown, `most` characters in all.

    `spans` are the places that are quoted, each with the record that it speaks for; `kept` are parts that stay. Chosen
    is each time what costs the fewest characters for each record of which nothing is shown yet, so that as many records
    as possible are seen with their words; then what costs the fewest characters. The same spans give the same parts.
    """
    if most >= length:
        return [(0, length)]
    shown = bytearray(length)
    for start, end in kept:
        shown[start:end] = b"\1" * (end - start)
    used = shown.count(1)
    waiting = {(part, record) for part, record in spans if part[1] <= length}
    seen: set[Hashable] = set()
    while True:
        within = {(part, record) for part, record in waiting if shown.count(0, *part) == 0}
        seen |= {record for _part, record in within}
        waiting -= within
        costs = {part: shown.count(0, *part) for part in {part for part, _record in waiting}}
        affordable = {part: cost for part, cost in costs.items() if used + cost <= most}
        if not affordable:
            return parts_of(shown)
        unseen = [(part, record) for part, record in waiting if record not in seen]
        start, end = min(affordable, key=lambda part: _price(part, affordable[part], unseen))
        used += affordable[start, end]
        shown[start:end] = b"\1" * (end - start)


def _price(part: Part, cost: int, unseen: Iterable[tuple[Part, Hashable]]) -> tuple[bool, float, Part]:
    """Return what a part costs for each record that it lets be seen; by it parts are ordered."""
    gained = len({record for inner, record in unseen if part[0] <= inner[0] and inner[1] <= part[1]})
    return not gained, cost / max(gained, 1), part


def parts_of(shown: bytearray) -> list[Part]:
    """Return the stretches of a text whose characters are shown."""
    found, end = [], 0
    while (start := shown.find(1, end)) >= 0:
        end = shown.find(0, start)
        end = len(shown) if end < 0 else end
        found.append((start, end))
    return found


def around(parts: Iterable[Part], start: int, end: int) -> Part | None:
    """Return the part that holds a stretch; None where none does."""
    return next((part for part in parts if part[0] <= start and end <= part[1]), None)
