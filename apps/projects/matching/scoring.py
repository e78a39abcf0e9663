"""The score of a resource for a need: values in, points with their parts out. Equal input, equal points.

The parts are whole numbers and add up to the score. Each is judged by itself; where a side does not say enough to judge
one, half of its points count, and `gains` says what more could be had.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from apps.projects.matching.subjects import SUBJECTS, hinted, met_by, pairs, people, told

_WEIGHTS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("weights.yaml").read_text(encoding="utf-8"))
PARTS: dict[str, int] = _WEIGHTS["parts"]
MOST = sum(PARTS.values())
_TEXTS: dict[str, float] = _WEIGHTS["texts"]
_DISTANCE: dict[str, float] = _WEIGHTS["distance"]
_LEVELS = ("neighbourhood", "street", "district")
_OF_KIND = {
    kind: tuple(key for key, each in SUBJECTS.items() if kind in each.kinds)
    for kind in {kind for each in SUBJECTS.values() for kind in each.kinds}
}
_PLAINEST: float = _WEIGHTS["plainest"]
_UNKNOWN: float = _WEIGHTS["unknown"]


class ComparedSide(NamedTuple):
    """A need or a resource as far as it is compared."""

    key: str
    name: str
    summary: str = ""
    category: str = ""
    unit: str = ""  # the name of who offers
    kind: str = ""  # of unit
    places: Mapping[str, int] = {}  # by level
    capacity: int | None = None
    days: tuple[date | None, date | None] = (None, None)  # from and until when it stands

    @property
    def text(self) -> str:
        """All that it says in words."""
        return "\n".join((self.name, self.summary, self.category))


class Suggestion(NamedTuple):
    """How well a resource meets a need."""

    key: str
    says: str  # in words, the resource; the same as others, where several units offer one thing
    parts: dict[str, int]
    subjects: tuple[str, ...]  # that both are about, the weightiest first
    level: str  # the smallest division in which both lie: a level, `city` or `unknown`
    together: int  # what the two did together before
    gains: dict[str, int]  # by part, the points that are missing since one side does not say enough

    @property
    def score(self) -> int:
        """All points."""
        return sum(self.parts.values())


def asked(need: ComparedSide) -> dict[str, float]:
    """Return what a need is about: subjects with their shares, which add up to 1, or nothing at all.

    A wider subject gives way to a narrower one that is told at least half as plainly.
    """
    found = _about(need._replace(unit="", kind=""))
    above = {key: SUBJECTS[key].under for key in found}
    said_closer = {above[key] for key, plainly in found.items() if plainly >= found.get(above[key], 1.0) / 2}
    narrow = found.keys() - said_closer
    whole = sum(found[key] for key in sorted(narrow))
    return {key: found[key] / whole for key in sorted(narrow)}


def _about(side: ComparedSide) -> dict[str, float]:
    """Return the subjects of a side with how plainly it says so (0 to 1): each word leaves less room for doubt.

    The name of the unit says the less the more plainly the texts tell something else.
    """
    doubts: dict[str, float] = {}
    for name in ("name", "summary", "category"):
        for key, words in told(getattr(side, name)).items():
            doubts[key] = doubts.get(key, 1.0) * (1 - _TEXTS[name]) ** words
    elsewhere = _WEIGHTS["elsewhere"] * (1 - min(doubts.values(), default=1.0))
    for key in hinted(side.unit):
        sure = _TEXTS["unit"] * (1 if key in doubts else 1 - elsewhere)
        doubts[key] = doubts.get(key, 1.0) * (1 - sure)
    for key in _OF_KIND.get(side.kind, ()):
        doubts[key] = doubts.get(key, 1.0) * (1 - _TEXTS["kind"])
    return {key: 1 - doubt for key, doubt in doubts.items()}


def suggestion(need: ComparedSide, resource: ComparedSide, *, together: int = 0) -> Suggestion | None:
    """Return how well a resource meets a need; None where it is about something else."""
    about = asked(need)
    by_subject = _by_subject(about, _about(resource))
    subject = _met(about, by_subject)
    wanted, said = pairs(need.text), pairs(resource.text) | pairs(resource.unit)
    words = sqrt(len(wanted & said) / len(wanted)) if wanted else 0.0
    level = nearest(need.places, resource.places)
    shares = {
        "subject": subject,
        "words": words,
        "people": _share_of_people(need, resource),
        "distance": _DISTANCE[level],
        "capacity": _room(need.capacity, resource.capacity),
        "calendar": _overlap(need.days, resource.days),
        "together": min(1.0, together / _WEIGHTS["enough_together"]),
    }
    gains = {name: PARTS[name] - round(PARTS[name] * _UNKNOWN) for name, share in shares.items() if share is None}
    if level == "unknown":
        gains["distance"] = PARTS["distance"] - round(PARTS["distance"] * _DISTANCE[level])
    if not resource.summary:
        gains["words"] = PARTS["words"] - round(PARTS["words"] * words)
    parts = {name: round(PARTS[name] * (_UNKNOWN if share is None else share)) for name, share in shares.items()}
    if parts["subject"] + parts["words"] < _WEIGHTS["least"]:
        return None
    weightiest = sorted(by_subject, key=lambda key: (-by_subject[key], key))
    return Suggestion(resource.key, resource.text, parts, tuple(weightiest), level, together, gains)


def best(found: Iterable[Suggestion | None], most: int) -> list[Suggestion]:
    """Return the best suggestions, the best first; of equal ones the first by key.

    Of several that say the same, such as one service at the counters of many streets, the best stands for all: the
    others come behind everything else, for they would take the place of other ways to meet the need.
    """
    ranked = sorted((each for each in found if each is not None), key=lambda each: (-each.score, each.key))
    leading: dict[str, Suggestion] = {}
    for each in ranked:
        leading.setdefault(each.says, each)
    led = {each.key for each in leading.values()}
    return [*leading.values(), *(each for each in ranked if each.key not in led)][:most]


def nearest(one: Mapping[str, int], other: Mapping[str, int]) -> str:
    """Return the smallest division in which both lie; `city` where in none, `unknown` where one lies nowhere."""
    if not one or not other:
        return "unknown"
    return next((level for level in _LEVELS if level in one and one[level] == other.get(level)), "city")


def _by_subject(wanted: Mapping[str, float], found: Mapping[str, float]) -> dict[str, float]:
    """Return by subject of a need the share that is met."""
    shares: dict[str, float] = {}
    for key, share in wanted.items():
        how_well = met_by(key, _WEIGHTS["wider"])
        met = max((found.get(other, 0.0) * well for other, well in how_well.items()), default=0.0)
        if met:
            shares[key] = share * met
    return shares


def _met(wanted: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """Return how well all subjects of a need are met; the one that is met best of the plainest counts by itself too."""
    best_met = max(shares.values(), default=0.0) / max(wanted.values(), default=1.0)
    return min(1.0, (1 - _PLAINEST) * sum(shares.values()) + _PLAINEST * best_met)


def _share_of_people(need: ComparedSide, resource: ComparedSide) -> float | None:
    wanted, meant = people(need.text), people(resource.text)
    return len(wanted & meant) / len(wanted) if wanted and meant else None


def _room(wanted: int | None, there: int | None) -> float | None:
    return None if not wanted or there is None else min(1.0, there / wanted)


def _overlap(one: tuple[date | None, date | None], other: tuple[date | None, date | None]) -> float | None:
    """Return whether two spans of days have one in common; None where neither end of one of them is known."""
    if one == (None, None) or other == (None, None):
        return None
    begins = max(filter(None, (one[0], other[0])), default=None)
    ends = min(filter(None, (one[1], other[1])), default=None)
    return 1.0 if begins is None or ends is None or begins <= ends else 0.0
