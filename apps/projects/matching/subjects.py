"""What a text is about: the subjects of `vocabulary` whose cue words stand in it, and the words that are its own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_HAN = re.compile("[\u3400-\u9fff]+")
_LATIN = re.compile("[a-z]{2}")
_GENERAL = "people"  # the file of what is no subject


class Subject(NamedTuple):
    """Something that needs and resources are about."""

    name: str  # in Chinese
    english: str
    words: tuple[str, ...]
    hints: tuple[str, ...]
    units: tuple[str, ...]
    kinds: tuple[str, ...]
    under: str
    also: Mapping[str, float]


def _subject(values: Mapping[str, Any]) -> Subject:
    (name, english), joined = values["name"], values.get("joined", ())
    words, hints, units, kinds = (values.get(key, "").split() for key in ("words", "hints", "units", "kinds"))
    words += ("".join(each) for ones, others in joined for each in product(ones.split(), others.split()))
    cues = (tuple(dict.fromkeys(words)), tuple(hints), tuple(units))
    return Subject(name, english, *cues, tuple(kinds), values.get("under", ""), values.get("also", {}))


def _read() -> dict[str, dict[str, Any]]:
    """Return the files of the vocabulary by their names; the parser written in C takes a tenth of the time."""
    files = sorted(Path(__file__).with_name("vocabulary").glob("*.yaml"))
    return {file.stem: yaml.load(file.read_bytes(), yaml.CSafeLoader) for file in files}


_FILES = _read()
_DATA = _FILES.pop(_GENERAL)
SUBJECTS = {key: _subject(values) for file in _FILES.values() for key, values in file.items()}
PEOPLE = {key: _subject(values) for key, values in _DATA["people"].items()}
EMPTY = frozenset(_DATA["empty"].split())


def _cuts(text: str, at: int) -> bool:
    """Return whether a place lies within a word of Latin letters: `ai` does not stand in `email`."""
    return _LATIN.match(text, at - 1) is not None if at else False


class _Cues:
    """Words with their owners, found in a text in one pass; of two of which one holds the other, the longer counts."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        self.owners: dict[str, tuple[str, ...]] = {}
        for key, cues in words.items():
            alone = (key,)
            for cue in cues:
                self.owners[cue] = self.owners.get(cue, ()) + alone
        self.lengths: dict[str, list[int]] = {}  # by first character, the longest first
        for size, first in sorted({(len(cue), cue[0]) for cue in self.owners}, reverse=True):
            self.lengths.setdefault(first, []).append(size)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the words stand: the first character, and the one behind the last."""
        at = 0
        while at < len(text):
            lengths = self.lengths.get(text[at], ())
            ends = (at + size for size in lengths if text[at : at + size] in self.owners)
            end = next((end for end in ends if not _cuts(text, at) and not _cuts(text, end)), 0)
            if end:
                yield at, end
            at = end or at + 1

    def found(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the owners whose words stand in a text, each with the word."""
        for start, end in self.places(text):
            for key in self.owners[text[start:end]]:
                yield key, text[start:end]

    def without(self, text: str) -> str:
        """Return a text with blanks in the place of the words."""
        pieces, at = [], 0
        for start, end in self.places(text):
            pieces.append(text[at:start])
            at = end
        return " ".join((*pieces, text[at:]))


_BY_WORDS = _Cues({"": _DATA["nothing"].split(), **{key: each.words + each.hints for key, each in SUBJECTS.items()}})
_BY_UNITS = _Cues({key: each.units for key, each in SUBJECTS.items()})
_BY_PEOPLE = _Cues({key: each.words for key, each in PEOPLE.items()})
_EMPTY = _Cues({"": EMPTY})
_HINTS = {key: frozenset(each.hints) for key, each in SUBJECTS.items()}
_USUAL, _LONG = 3, 5  # characters of a word


@lru_cache(4096)
def told(text: str) -> Mapping[str, float]:
    """Return the subjects that a text tells, each with how plainly: the sum of its words there.

    A word of three characters that tells one subject alone counts 1. A longer one says more, a hint half, and one that
    tells several subjects less of each. (The weights are of the table, not of the data: equal texts, equal points.)
    """
    found: dict[str, float] = {}
    for key, cue in sorted({*_BY_WORDS.found(text.casefold())}):
        if key:
            weight = min(len(cue), _LONG) / _USUAL / sqrt(len(_BY_WORDS.owners[cue]))
            found[key] = found.get(key, 0.0) + (weight / 2 if cue in _HINTS[key] else weight)
    return found


@lru_cache(4096)
def hinted(unit: str) -> frozenset[str]:
    """Return the subjects of which a unit of a name may have something to offer."""
    return frozenset(key for key, _cue in _BY_UNITS.found(unit))


@lru_cache(4096)
def people(text: str) -> frozenset[str]:
    """Return the groups of people of whom a text speaks."""
    return frozenset(key for key, _cue in _BY_PEOPLE.found(text))


@cache
def related(subject: str, least: float, *, meets: bool) -> frozenset[str]:
    """Return the subjects that meet one (`meets`), or else that one meets, at least so well (0 to 1); itself, too."""
    if meets:
        return frozenset(key for key, well in met_by(subject, 1.0).items() if well >= least)
    return frozenset(key for key in SUBJECTS if met_by(key, 1.0).get(subject, 0.0) >= least)


@cache
def met_by(subject: str, wider: float) -> Mapping[str, float]:
    """Return the subjects by which one is met, itself and others, each with how well (0 to 1)."""
    own = SUBJECTS[subject]
    above = {own.under: wider} if own.under else {}
    below = {key: wider for key, each in SUBJECTS.items() if each.under == subject}
    return {**above, **below, **own.also, subject: 1.0}


@lru_cache(4096)
def pairs(text: str) -> frozenset[str]:
    """Return the pairs of neighbouring Chinese characters in a text, but for those of words that say nothing."""
    found: set[str] = set()
    for run in _HAN.findall(_EMPTY.without(text)):
        found.update(run[at : at + 2] for at in range(len(run) - 1))
    return frozenset(found)


def shared_words(one: str, other: str) -> list[str]:
    """Return the longest stretches of a text that stand in another one too, in their order, empty words left out."""
    common, found = pairs(one) & pairs(other), []
    for run in _HAN.findall(_EMPTY.without(one)):
        at = 0
        while at < len(run) - 1:
            end = at
            while run[end : end + 2] in common and run[at : end + 2] in other:
                end += 1
            if end > at:
                found.append(run[at : end + 1])
            at = max(end, at + 1)
    return list(dict.fromkeys(found))
