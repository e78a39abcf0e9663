"""The score of a record for a reconciliation query: values in, a score from 0 to 100 and its reasons out.

A name in a spreadsheet is short (五角场), has another ending (国定一居民区 for 国定一居委会), something in front of it
(上海市杨浦区…), a wrong character of the same sound (五角厂), or is typed in pinyin. Each way in which a name can be
meant gives a likeness of its own, and the best counts. What the query says beside the name then raises or lowers it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from apps.common.values.pinyin import normalise_term
from apps.registry.likeness import EXACT, by_sound, by_writing, form, sound, without_front

_CITY = "上海"

WITHOUT_CITY = 4.0  # taken off where 上海 had to be left out
ALIAS_FACTOR = 0.98  # of two records, the one that bears the name itself comes first
FORMER_FACTOR = 0.8  # the name of what it took the place of
FLOOR = 35.0
SURE = 94.0
SUPPORTED = 84.0
RIVAL_WITHIN = 8.0
PAST_PENALTY = 5.0
CONTRADICTED = 25.0
RAISE = 0.3
AGREED = 75.0  # perhaps (50) speaks a little against a candidate, as another may agree

Interval = tuple[date | None, date | None]


class Location(NamedTuple):
    """A division in which a record lies, or a record that is itself one."""

    level: str
    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A record as far as it can be compared."""

    id: str
    type: str
    name: str
    kind: str
    kind_labels: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    formal: frozenset[str] = frozenset()  # those of the aliases that are or were official
    former: tuple[str, ...] = ()  # names of the divisions whose place it took
    places: tuple[Location, ...] = ()  # from the widest to the narrowest, itself included where it is one
    begun: Interval = (None, None)
    ended: Interval = (None, None)
    dated: bool = False  # whether something is known of when it existed
    successor: str = ""
    codes: frozenset[str] = frozenset()  # identifiers of other registers, as scheme:value


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content of a query: a name, and properties beside it."""

    text: str
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()  # level, or "division" for any; values, one of which is meant
    kinds: tuple[str, ...] = ()
    dates: tuple[Interval, ...] = ()
    codes: tuple[str, ...] = ()  # identifiers as scheme:value, one of which is meant
    says: tuple[str, ...] = ()  # what the text itself can be as an identifier

    @property
    def asks_more(self) -> bool:
        """Whether it has properties beside the name."""
        return bool(self.places or self.kinds or self.dates or self.codes)


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its reasons, each from 0 to 100."""

    entity: Entity
    score: float
    features: dict[str, float]
    very_name: bool  # whether the query is its name, or another name that tells it from all others
    match: bool = False


def spellings(text: str, places: Iterable[Location]) -> list[tuple[str, int, float]]:
    """Return a query as it is and without what stands in front of the name.

    Each with the number of places that were left out, which the record must lie in, and with what it costs.
    """
    plain = form(text).plain
    bare, named = without_front(plain), 0
    found = [(plain, 0, 0.0), (bare, 0, 1.0)]
    for place in places:
        name = form(place.name)
        for front in (name.plain, name.core, _CITY + name.plain, _CITY + name.core):
            if len(name.core) >= 2 and bare.startswith(front) and len(bare) >= len(front) + 2:
                bare, named = bare[len(front) :], named + 1
                break
    found.append((bare, named, 0.0))
    if bare.startswith(_CITY) and len(bare) >= len(_CITY) + 4:
        found.append((bare.removeprefix(_CITY), named, WITHOUT_CITY))
    return list({spelling: (spelling, count, cost) for spelling, count, cost in reversed(found)}.values())


def place_likeness(value: str, place: Location) -> float:
    """Return whether a value means a place: by identifier, code or name."""
    if value in (place.id, place.code, place.id.partition("/")[2]):
        return EXACT
    wanted, name = form(without_front(form(value).plain)), form(place.name)
    if not wanted.plain:
        return 0.0
    if wanted.plain in (name.plain, sound(name.plain)):
        return EXACT
    return 90.0 if wanted.core in (name.core, sound(name.core)) and wanted.core in (wanted.plain, wanted.key) else 0.0


def at_time(entity: Entity, interval: Interval) -> float:
    """Return 100 where a record existed through an interval, 0 where it did not, 50 where it may have."""
    first, last = interval
    first, last = first or last, last or first
    begun, ended = entity.begun, entity.ended
    if (last and begun[0] and begun[0] > last) or (first and ended[1] and ended[1] < first):
        return 0.0
    sure = (not begun[1] or not first or begun[1] <= first) and (not ended[0] or not last or ended[0] >= last)
    return 100.0 if sure else 50.0


def rate(wanted: Wanted, entity: Entity, today: date) -> Scored:
    """Return a record's score with its reasons."""
    if wanted.text in (entity.id, entity.id.partition("/")[2]):
        return Scored(entity, EXACT, {"name": EXACT}, very_name=True)
    if entity.codes & {*wanted.codes, *wanted.says}:
        return Scored(entity, EXACT, {"identifier": EXACT}, very_name=True)
    features, named, very_name = _name_features(wanted.text, entity)
    base = max(
        features.get("name", 0.0),
        features.get("pinyin", 0.0),
        ALIAS_FACTOR * features.get("alias", 0.0),
    )
    if not wanted.text and wanted.asks_more:
        base = 50.0
    asked = _asked_features(wanted, entity)
    score = base
    for value in asked.values():
        agrees = value >= AGREED
        score += (100 - score) * RAISE if agrees else -CONTRADICTED * (AGREED - value) / AGREED
    if "date" not in asked and entity.dated:
        asked["date"] = at_time(entity, (today, today))
        score -= PAST_PENALTY if asked["date"] == 0 else 0
    if named and "division" not in asked:
        asked["division"] = 100.0
    features |= asked
    rounded = {name: round(value, 1) for name, value in features.items()}
    return Scored(entity, round(max(score, 0.0), 1), rounded, very_name)


def _name_features(text: str, entity: Entity) -> tuple[dict[str, float], int, bool]:
    """Return the likeness of a record's names, the number of its places that are named, and whether one is its name."""
    best: dict[str, float] = {"name": 0.0, "pinyin": 0.0}
    places_named, very_name = 0, False
    around = [place for place in entity.places if place.id != entity.id]
    names = [("name", entity.name, 1.0), *(("alias", name, 1.0) for name in entity.aliases)]
    names += [("alias", name, FORMER_FACTOR) for name in entity.former]
    for spelling, named, cost in spellings(text, around) if text else ():
        query = form(spelling)
        for feature, name, factor in names:
            candidate = form(name)
            written = factor * by_writing(query, candidate) - cost
            spoken = factor * by_sound(query, candidate) - cost
            if max(written, spoken) > max(best.values()):
                places_named = named
            if written >= SURE and (feature == "name" or is_telling(name, entity)):
                very_name = True
            best[feature] = max(best.get(feature, 0.0), written)
            best["pinyin"] = max(best["pinyin"], spoken)
    return {name: value for name, value in best.items() if value > 0 or name == "name"}, places_named, very_name


def is_telling(alias: str, entity: Entity) -> bool:
    """Return whether another name tells a record from all others.

    Sources shorten names in their context: 组织部, 街道党工委, 该课题组. Those say nothing in a spreadsheet; 上大 does.
    """
    short, name = form(alias).plain, form(entity.name).plain
    return alias in entity.formal or short[:1] == name[:1] or name in short


def _asked_features(wanted: Wanted, entity: Entity) -> dict[str, float]:
    """Return the agreement of a record with the properties of a query, of those that are known of the record."""
    features: dict[str, float] = {}
    for level, values in wanted.places:
        known = [place for place in entity.places if level in ("division", place.level)]
        if known:
            value = max(place_likeness(value, place) for value in values for place in known)
            features["division"] = min(value, features.get("division", 100.0))
    if wanted.kinds:
        known_as = {normalise_term(label) for label in (entity.kind, *entity.kind_labels)}
        features["kind"] = 100.0 if any(normalise_term(kind) in known_as for kind in wanted.kinds) else 0.0
    schemes = {code.partition(":")[0] for code in entity.codes}
    if any(code.partition(":")[0] in schemes for code in wanted.codes):
        features["identifier"] = 0.0  # it bears another one
    if wanted.dates and entity.dated:
        features["date"] = max(at_time(entity, interval) for interval in wanted.dates)
    return features


def rank(wanted: Wanted, entities: Sequence[Entity], today: date) -> list[Scored]:
    """Return the records that may be meant, the best first, and mark the one that is clearly right."""
    rated = [rate(wanted, entity, today) for entity in entities]
    kept = [scored for scored in rated if scored.score >= FLOOR]
    kept.sort(
        key=lambda scored: (
            -scored.score,
            -scored.features.get("identifier", 0.0),
            len(scored.entity.name),
            scored.entity.type,
            scored.entity.id,
        )
    )
    if kept and is_clear(wanted, kept):
        first = kept[0]
        kept[0] = replace(first, match=True)
    return kept


def is_clear(wanted: Wanted, kept: Sequence[Scored]) -> bool:
    """Return whether the first candidate is right beyond reasonable doubt: its very name, and no rival."""
    first = kept[0]
    agrees = [first.features[name] for name in ("division", "kind", "date", "identifier") if name in first.features]
    likeness = max(first.features.get(name, 0.0) for name in ("name", "alias", "pinyin"))
    supported = wanted.asks_more and likeness >= SUPPORTED and bool(agrees) and min(agrees) >= 90
    if wanted.asks_more and agrees and min(agrees) < 50 and first.score < SURE:
        return False
    if not (first.very_name or supported):
        return False
    return not any(_is_rival(first, other) for other in kept[1:] if other.score > first.score - RIVAL_WITHIN)


def _is_rival(first: Scored, other: Scored) -> bool:
    """Return whether another candidate may be meant as well; what a division was before it was listed anew is not.

    Nor is one that only has the name, where the first bears the identifier.
    """
    if first.features.get("identifier") == EXACT != other.features.get("identifier"):
        return False
    if other.entity.successor == first.entity.id and form(other.entity.name).plain == form(first.entity.name).plain:
        return False
    return other.entity.id != first.entity.id
