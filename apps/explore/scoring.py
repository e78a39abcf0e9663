"""How well a record answers a reconciliation query: values in, a score from 0 to 100 and its reasons out.

A name in a spreadsheet is short (五角场), has another ending (国定一居民区 for 国定一居委会), something in front of it
(上海市杨浦区…), a wrong character of the same sound (五角厂), or is typed in pinyin. Each way in which a name can be
meant gives a likeness of its own, and the best counts. What the query says beside the name then raises or lowers it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

from apps.common.pinyin import initials, normalise_term, romanise
from apps.registry.naming import match_key

# What a place or a firm is called, not which one it is; what committees are called is left to naming.match_key.
_ENDING = re.compile(
    "(?:街道办事处|街道办|街道|办事处|镇人民政府|镇政府|镇|乡人民政府|乡政府|乡|人民政府|管委会|新区|区|县"
    "|有限责任公司|股份有限公司|有限公司|集团公司|集团|公司|股份)$"
)
_LATIN_ENDING = re.compile("(?:subdistrict|district|township|town|jiedao|zhen|xiang|xinqu|qu|xian|county)$")
# Said in front of a name without making it another one; 上海市委 is the committee of the city.
_FRONT = re.compile("^(?:中国共产党|中共)?(?:上海市(?!委|政府|人民))?")
_CITY = "上海"
_LATIN = re.compile("[a-z0-9]*[a-z][a-z0-9]*")
_VILLAGERS = re.compile("村(?:民委员会|委会)$")
_PARTY = re.compile("(?:党委|党工委|党组织|党组|大总支|总支|支部|委员会)+$")

EXACT = 100.0
SAME_BODY = 95.0  # only the word for the body or the way to write a number differs
CORE = 88.0  # one of the two leaves out what kind of thing it is
HOMOPHONE = 86.0
OTHER_BODY = 80.0  # the party branch of a neighbourhood is not its committee
OTHER_ENDING = 62.0  # 五角场镇 is not 五角场街道
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


class Form(NamedTuple):
    """A name in the forms in which it is compared."""

    plain: str  # letters, digits and characters only
    key: str  # without the word for the body, numbers in one way
    core: str  # without the word for the kind of thing either
    latin: bool


class Place(NamedTuple):
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
    places: tuple[Place, ...] = ()  # from the widest to the narrowest, itself included where it is one
    begun: Interval = (None, None)
    ended: Interval = (None, None)
    dated: bool = False  # whether something is known of when it existed
    successor: str = ""
    codes: frozenset[str] = frozenset()  # identifiers of other registers, as scheme:value


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query says: a name, and what is known beside it."""

    text: str
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()  # level, or "division" for any; values, one of which is meant
    kinds: tuple[str, ...] = ()
    dates: tuple[Interval, ...] = ()
    codes: tuple[str, ...] = ()  # identifiers as scheme:value, one of which is meant
    says: tuple[str, ...] = ()  # what the text itself can be as an identifier

    @property
    def asks_more(self) -> bool:
        """Whether it says anything beside the name."""
        return bool(self.places or self.kinds or self.dates or self.codes)


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its reasons, each from 0 to 100."""

    entity: Entity
    score: float
    features: dict[str, float]
    very_name: bool  # whether the query is its name, or another name that tells it from all others
    match: bool = False


@lru_cache(maxsize=65_536)  # the same names come again with each row of a spreadsheet
def form(text: str) -> Form:
    """Return the forms of a name; empty texts where nothing in it can be compared."""
    plain = "".join(char for char in normalise_term(text) if char.isalnum())
    latin = bool(_LATIN.fullmatch(plain))
    if latin:
        core = _LATIN_ENDING.sub("", plain)
        return Form(plain, plain, core if len(core) >= 3 else plain, latin=True)
    key = match_key(plain) if plain else ""
    return Form(plain, key, stem(key), latin=False)


def stem(text: str) -> str:
    """Return a name without what kind of thing it is; unchanged where less than two characters would be left."""
    while len(shorter := _ENDING.sub("", text)) >= 2 and shorter != text:
        text = shorter
    return text


@lru_cache(maxsize=65_536)
def sound(text: str) -> str:
    """Return a text in pinyin, letters and digits only."""
    return "".join(char for char in romanise(text).lower() if char.isalnum())


@lru_cache(maxsize=65_536)
def letters(text: str) -> str:
    """Return the initials of a text."""
    return initials(text)


def without_front(text: str) -> str:
    """Return a name without what is said in front of any: 中共, 上海市. Unchanged where nothing would be left."""
    shorter = _FRONT.sub("", text)
    return shorter if len(shorter) >= 2 else text


def spellings(text: str, places: Iterable[Place]) -> list[tuple[str, int, float]]:
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


def by_writing(query: Form, name: Form) -> float:
    """Return how much two names are alike as they are written."""
    if not query.plain or query.latin != name.latin:
        return 0.0
    if query.plain == name.plain:
        return EXACT
    if query.key == name.key:
        return _same_key(query, name)
    if query.core == name.core:
        extra = abs(len(query.plain) - len(name.plain))
        short, long = sorted((query, name), key=lambda one: len(one.plain))
        says_less = len(short.core) >= len(short.plain) or long.plain.startswith(short.plain)
        return (CORE - 2 * min(extra, 4) if says_less else OTHER_ENDING) - _other_body(query, name)
    return max(_contained(query, name), _abbreviated(query, name), _mistyped(query, name))


def _other_body(query: Form, name: Form) -> float:
    """Return what is taken off where one of the two is a body of the party and the other is not."""
    return 8.0 if bool(_PARTY.search(query.plain)) != bool(_PARTY.search(name.plain)) else 0.0


def _same_key(query: Form, name: Form) -> float:
    """Only the word for the body or the writing of numbers differs."""
    bodies = (query.plain, name.plain)
    if _other_body(query, name):
        return OTHER_BODY
    if min(len(body) for body in bodies) <= len(query.key) < max(len(body) for body in bodies):
        return CORE + 2  # one of the two does not say the body
    if bool(_VILLAGERS.search(query.plain)) != bool(_VILLAGERS.search(name.plain)):
        return OTHER_ENDING  # a committee of residents is none of villagers
    return SAME_BODY


def _contained(query: Form, name: Form) -> float:
    short, long = sorted((query.core, name.core), key=len)
    if len(short) < 2 or short not in long:
        return 0.0
    # A part says behind whose part it is what it is itself: 复旦大学附属中山医院.
    head_or_tail = 10 if long.endswith(short) else 8 if long.startswith(short) else 0
    return 37 + head_or_tail + 40 * len(short) / len(long)


def _abbreviated(query: Form, name: Form) -> float:
    """上理工 is 上海理工大学: its characters in their order; one that keeps the first character is a better guess."""
    short, long = sorted((query.key, name.key), key=len)
    rest = iter(long)
    if not 2 <= len(short) < len(long) or not all(char in rest for char in short):
        return 0.0
    return (50 if short[0] == long[0] else 42) + 30 * len(short) / len(long)


def _mistyped(query: Form, name: Form) -> float:
    """A few characters wrong, missing, doubled or exchanged."""
    whole = OSA.normalized_similarity(query.plain, name.plain)
    core = OSA.normalized_similarity(query.core, name.core)
    best = max(0.95 * whole if whole >= 0.6 else 0.0, 0.92 * core if core >= 0.6 else 0.0)
    return 100 * best


def by_sound(query: Form, name: Form) -> float:
    """Return how much two names are alike as they are spoken: pinyin, initials, characters of the same sound."""
    if not query.latin:
        if name.latin or len(query.core) < 2 or query.core == name.core or len(query.core) != len(name.core):
            return 0.0
        if sound(query.plain) == sound(name.plain):
            return HOMOPHONE
        return HOMOPHONE - 8 - _other_body(query, name) if sound(query.core) == sound(name.core) else 0.0
    full, core = sound(name.plain), sound(name.core)
    if query.plain == full:
        return 92.0
    if query.core == core or query.plain == core:
        return CORE - 4 - _other_body(query, name)
    if len(query.plain) >= 2 and query.plain in (letters(name.plain), letters(name.core)):
        return 66.0
    if len(query.plain) >= 3 and full.startswith(query.plain):
        return 45 + 40 * len(query.plain) / len(full)
    alike = max(OSA.normalized_similarity(query.plain, full), OSA.normalized_similarity(query.core, core))
    return 85 * alike if alike >= 0.75 else 0.0


def place_likeness(value: str, place: Place) -> float:
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
    """Return how like a query a record's names are, how many of its places the query names, and whether it is sure."""
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
    """Tell whether another name tells a record from all others.

    Sources shorten names in their context: 组织部, 街道党工委, 该课题组. Those say nothing in a spreadsheet; 上大 does.
    """
    short, name = form(alias).plain, form(entity.name).plain
    return alias in entity.formal or short[:1] == name[:1] or name in short


def _asked_features(wanted: Wanted, entity: Entity) -> dict[str, float]:
    """Return how a record agrees with what the query says beside the name; unknown where nothing is known of it."""
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
    """Tell whether the first candidate is right beyond reasonable doubt: its very name, and no rival."""
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
    """Tell whether another candidate may be meant as well; what a division was before it was listed anew is not.

    Nor is one that only has the name, where the first bears the identifier.
    """
    if first.features.get("identifier") == EXACT != other.features.get("identifier"):
        return False
    if other.entity.successor == first.entity.id and form(other.entity.name).plain == form(first.entity.name).plain:
        return False
    return other.entity.id != first.entity.id
