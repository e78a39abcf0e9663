"""How likely two records of a kind are one, and why: values in, a score from 0 to 100 and its reasons out."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from apps.registry.likeness import CORE, EXACT, HOMOPHONE, by_sound, by_writing, form

SAME = 100.0
OTHER_NAME = 92.0  # the name of the one is another name of the other
BOTH_OTHER = 78.0  # only another name of the one is another name of the other
RAISE = 0.4  # of what is missing to certainty, for each thing on which they agree
OTHER_KIND = 15.0
OTHER_CODE = 50.0
PARTS_APART = 30.0

Interval = tuple[date | None, date | None]


@dataclass(frozen=True)
class Side:
    """One of the two records, as far as they are compared."""

    pk: int
    key: str
    name: str
    kind: str = ""
    aliases: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()  # scheme:value
    places: frozenset[str] = frozenset()  # resource/key of the divisions that it names
    parent: str = ""
    begun: Interval = (None, None)


class Likelihood(NamedTuple):
    """A score and its reasons, each a word of `REASONS`."""

    score: float
    reasons: tuple[str, ...]


def organisation_code(code: str) -> str:
    """Return the part of a unified social credit code that stays when the registering office changes."""
    scheme, _colon, value = code.partition(":")
    return value[8:17] if scheme == "uscc" else ""


def compare(first: Side, second: Side) -> Likelihood:
    """Return how likely two records are one."""
    score, reasons = _names(first, second)
    bodies = [{organisation_code(code) for code in side.codes} - {""} for side in (first, second)]
    if bodies[0] & bodies[1]:
        return Likelihood(SAME, ("identifier", *reasons))
    for agrees, reason in (
        (first.places & second.places, "place"),
        (first.parent and first.parent == second.parent, "parent"),
        (_same_time(first.begun, second.begun), "date"),
    ):
        if agrees:
            score += (SAME - score) * RAISE
            reasons.append(reason)
    if first.kind != second.kind:
        score -= OTHER_KIND
        reasons.append("other_kind")
    if bodies[0] and bodies[1]:
        score -= OTHER_CODE
        reasons.append("other_identifier")
    if first.parent and second.parent and first.parent != second.parent:
        score -= PARTS_APART
        reasons.append("other_parent")
    return Likelihood(round(max(score, 0.0), 1), tuple(reasons))


def _names(first: Side, second: Side) -> tuple[float, list[str]]:
    one, other = form(first.name), form(second.name)
    written = by_writing(one, other)
    if written == EXACT:
        return 90.0, ["name"]
    found = [(written, "like_name")]
    found.append((min(by_sound(one, other), HOMOPHONE), "pinyin"))
    plain = [{form(name).plain for name in side.aliases} for side in (first, second)]
    if one.plain in plain[1] or other.plain in plain[0]:
        found.append((OTHER_NAME * 0.95, "alias"))
    elif plain[0] & plain[1]:
        found.append((BOTH_OTHER, "aliases"))
    if one.core == other.core and len(one.core) >= 3:
        found.append((min(CORE, max(written, 70.0)), "core"))
    score, reason = max(found)
    return min(score, 89.0), [reason]


def _same_time(first: Interval, second: Interval) -> bool:
    """Whether both began on one known day."""
    return None not in first and first == second and first[0] == first[1]
