"""What a check is asked, and what it answers: kinds of field, the context of a span, levels and verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How a span says a value, the strongest first."""

    LITERAL = "literal"
    DERIVED = "derived"
    CUED = "cued"
    READ = "read"
    OWN_WORDS = "own_words"

    @property
    def weakness(self) -> int:
        """The place in the order of strength: 0 for the strongest."""
        return list(Level).index(self)


class FieldKind(StrEnum):
    """What a field holds, which decides how its value is checked."""

    NUMBER = "number"
    COMPARATOR = "comparator"  # the companion of a number
    UNIT = "unit"  # the companion of a number
    DATE = "date"
    NAME = "name"
    TEXT = "text"
    LIST = "list"
    CHOICE = "choice"
    TRUTH = "truth"
    REFERENCE = "reference"
    REFERENCES = "references"
    OWN = "own"  # the registry's own words, keys and orders


# These are never cued and never read: a name that no words give is the registry's own, and is called so.
EXACT = frozenset({FieldKind.NUMBER, FieldKind.COMPARATOR, FieldKind.UNIT, FieldKind.DATE, FieldKind.NAME})


@dataclass(frozen=True)
class FieldRule:
    """A field as a check knows it: the label of its model (projects.project), its name and kind, and its choices.

    `terms` are the words with which the registry itself calls each choice: those of its Chinese label.
    """

    model: str
    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()
    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()


Place = tuple[int, int]


@dataclass(frozen=True)
class Named:
    """A record as an article names it: all its names, and the spans of the article that prove its name or kind.

    `label` and `key` say which it is, `sort` the value of its kind, if records like it have one.
    """

    label: str
    key: int
    names: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    sort: str = ""


@dataclass(frozen=True)
class Context:
    """What else a check needs: the article, the place of the span, and the records that the value speaks of.

    `record` holds the other values of the record by field, `name` its own name. `targets` are what a reference
    points at, `rivals` other records of the same kinds that the article names. `party` are the names of who does
    what the record tells (who takes part, who leads).
    """

    issued: str = ""
    body: str = ""
    start: int = 0
    end: int = 0
    record: Mapping[str, object] = field(default_factory=dict)
    name: str = ""
    targets: tuple[Named, ...] = ()
    rivals: tuple[Named, ...] = ()
    party: tuple[str, ...] = ()

    @property
    def official(self) -> str:
        """The first of the party's names: the one that the registry holds."""
        return self.party[0] if self.party else ""


@dataclass(frozen=True)
class Verdict:
    """The level at which a span says a value, none where it does not; and what the words give instead."""

    level: Level | None
    gives: str = ""

    def __bool__(self) -> bool:
        return self.level is not None


NOT_SAID = Verdict(None)
