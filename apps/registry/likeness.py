"""The likeness of two names, as they are written and as they are spoken: values in, a number from 0 to 100 out.

A name is short (五角场), has another ending (国定一居民区 for 国定一居委会), a wrong character of the same sound
(五角厂), or is typed in pinyin. Each way in which two names can mean the same gives a likeness of its own.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

from apps.common.values.pinyin import initials, normalise_term, romanise
from apps.registry.naming import match_key

# What a place or a firm is called, not which one it is; what committees are called is left to naming.match_key.
ENDING = (
    "(?:街道办事处|街道办|街道|办事处|镇人民政府|镇政府|镇|乡人民政府|乡政府|乡|人民政府|管委会|新区|区|县"
    "|有限责任公司|股份有限公司|有限公司|集团公司|集团|公司|股份)$"
)
_ENDING = re.compile(ENDING)
_LATIN_ENDING = re.compile("(?:subdistrict|district|township|town|jiedao|zhen|xiang|xinqu|qu|xian|county)$")
# Said in front of a name without making it another one; 上海市委 is the committee of the city.
FRONT = "^(?:中国共产党|中共)?(?:上海市(?!委|政府|人民))?"
_FRONT = re.compile(FRONT)
_LATIN = re.compile("[a-z0-9]*[a-z][a-z0-9]*")
_VILLAGERS = re.compile("村(?:民委员会|委会)$")
_PARTY = re.compile("(?:党委|党工委|党组织|党组|大总支|总支|支部|委员会)+$")

EXACT = 100.0
SAME_BODY = 95.0  # only the word for the body or the way to write a number differs
CORE = 88.0  # one of the two leaves out what kind of thing it is
HOMOPHONE = 86.0
OTHER_BODY = 80.0  # the party branch of a neighbourhood is not its committee
OTHER_ENDING = 62.0  # 五角场镇 is not 五角场街道


class Form(NamedTuple):
    """A name in the forms in which it is compared."""

    plain: str  # letters, digits and characters only
    key: str  # without the word for the body, numbers in one way
    core: str  # without the word for the kind of thing either
    latin: bool


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


def by_writing(query: Form, name: Form) -> float:
    """Return the likeness of two names as they are written."""
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
    """Return the deduction for a pair of which only one is a body of the party."""
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
    """Return the likeness of two names as they are spoken: pinyin, initials, characters of the same sound."""
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
