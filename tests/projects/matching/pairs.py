"""The labelled pairs as the scorer takes them, and the resources among which the right ones have to be found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from apps.projects.matching.scoring import ComparedSide
from tests.projects.matching.others import others

FOLDER = Path(__file__).parent


class Offered(NamedTuple):
    """A resource as it is written down."""

    unit: str
    name: str
    summary: str
    place: str  # district/street

    @property
    def key(self) -> str:
        """What it is called in tests."""
        return f"{self.unit} {self.name}"


class Pair(NamedTuple):
    """A need, and the resources that meet it."""

    name: str
    summary: str
    place: str
    right: tuple[Offered, ...]


def pairs(name: str) -> list[Pair]:
    """Return the pairs of a file."""
    found: list[Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    made = []
    for each in found:
        need, summary, place = each["need"]
        made.append(Pair(need, summary, place, tuple(Offered(*right) for right in _listed(each["right"]))))
    return made


def _listed(right: list[Any]) -> list[list[str]]:
    return right if isinstance(right[0], list) else [right]


ARTICLES, FURTHER, UNSEEN = pairs("pairs"), pairs("further_pairs"), pairs("unseen_pairs")
PAIRS = (*ARTICLES, *FURTHER, *UNSEEN)


def resources() -> Iterator[Offered]:
    """Yield all resources, the right ones of all pairs among them."""
    for pair in PAIRS:
        yield from pair.right
    yield from (Offered(*each) for each in others())


def places_of(place: str) -> dict[str, int]:
    """Return a place as the scorer compares it; here any number will do."""
    return {"district": hash(place.partition("/")[0]), "street": hash(place)}


def side_of(written: Offered) -> ComparedSide:
    """Return a resource as the scorer takes it."""
    return ComparedSide(written.key, written.name, written.summary, unit=written.unit, places=places_of(written.place))


def need_of(pair: Pair) -> ComparedSide:
    """Return a need as the scorer takes it."""
    return ComparedSide(pair.name, pair.name, pair.summary, places=places_of(pair.place))
