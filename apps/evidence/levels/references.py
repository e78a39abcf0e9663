"""Whether words name the record that a reference points at, point back at it, or prove it. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from apps.evidence.levels.cue_words import NOUNS, POINTING
from apps.evidence.levels.names import normalise
from apps.evidence.levels.numbers import DIGITS
from apps.evidence.levels.scripts import fold
from apps.evidence.levels.verdicts import NOT_SAID, Context, Level, Named, Verdict

# How a name is shortened, by the kind of record: what may be left out at its beginning and at its end.
HEADS = re.compile(
    r"^(?:中国共产党|中共)?(?:上海市|上海)?(?:[^市区县]{2,4}(?:新区|区|县))?(?:[^街镇乡]{2,5}(?:街道|镇|乡))?"
)
TAILS = {
    "registry.district": ("新区", "区", "县"),
    "registry.street": ("街道", "镇", "乡"),
    "registry.neighbourhood": ("社区居委会", "居民委员会", "村民委员会", "居委会", "村委会", "居民区", "社区", "小区"),
    "registry.memberunit": ("股份有限公司", "(集团)有限公司", "集团有限公司", "有限公司", "总支部委员会", "委员会"),
}
# So many demonstratives of a span are looked at: one that has more is no sentence.
POINTERS_AT_MOST = 20
# So many records of a kind are a list.
LIST_FROM = 4
# A name is shortened to what it quotes: “十二工作法”.
QUOTED = re.compile("[“‘「『《]([^“”‘’「」『』《》]+)[”’」』》]")
_RUN = re.compile("[零〇一二三四五六七八九]{2,}")
DEMONSTRATIVES = re.compile("该|此|这|本|上述")
# Their names are those of the gazetteer, and two characters tell them apart: 杨浦.
DIVISIONS = frozenset({"registry.district", "registry.street", "registry.neighbourhood"})


@lru_cache(maxsize=4096)
def short_forms(label: str, name: str) -> tuple[str, ...]:
    """Return the forms to which a name is shortened by rule, the longest first."""
    whole = normalise(name)
    least = 2 if label in DIVISIONS else 4
    found = {HEADS.sub("", whole)} if label not in ("registry.district", "registry.street") else set()
    for form in [whole, *found]:
        found |= {form.removesuffix(tail) for tail in TAILS.get(label, ()) if form.endswith(tail)}
    if label in DIVISIONS:  # 四九一弄 of the gazetteer is 491弄 elsewhere
        found |= {_RUN.sub(lambda run: "".join(str(DIGITS[char]) for char in run[0]), form) for form in found}
    found |= {normalise(part) for part in QUOTED.findall(name) if len(part) >= 4}
    return tuple(sorted((form for form in found - {whole} if len(form) >= least), key=len, reverse=True))


def check_references(words: str, context: Context) -> Verdict:
    """Return how words say all records that a reference points at: the weakest of their levels."""
    if not context.targets:
        return NOT_SAID
    verdicts = [_check_one(target, words, context) for target in context.targets]
    level = None if not all(verdicts) else max((v.level for v in verdicts if v.level), key=lambda each: each.weakness)
    return Verdict(level, ", ".join(_named(words, context)))


def _check_one(target: Named, words: str, context: Context) -> Verdict:
    rivals = [rival for rival in context.rivals if rival.label == target.label and rival.key != target.key]
    itself = normalise(context.name)
    text = normalise(words)
    if any(name in _without(text, name, target, rivals, itself) for name in map(normalise, target.names) if name):
        return Verdict(Level.LITERAL)
    if any(_stands(form, text, target, rivals, itself) for form in _forms(target)):
        return Verdict(Level.DERIVED)
    if _is_proved(target, rivals, context):
        return Verdict(Level.DERIVED)
    return Verdict(Level.CUED) if _is_pointed_at(target, rivals, words, context) else NOT_SAID


def _forms(target: Named) -> Iterator[str]:
    for name in target.names:
        yield from short_forms(target.label, name)


def _stands(form: str, text: str, target: Named, rivals: Iterable[Named], itself: str) -> bool:
    """Return whether a short form stands in words, not as the beginning of another kind's name: 五角场 in 五角场镇."""
    if form not in text or any(form in name for rival in rivals for name in map(normalise, rival.names)):
        return False
    tails = TAILS[target.label] if target.label in DIVISIONS else ()
    own = tuple(tail for name in target.names for tail in tails if normalise(name).endswith(tail))
    free = _without(text, form, target, rivals, itself)
    return any(
        not free.startswith(tuple(tail for tail in tails if tail not in own), match.end())
        for match in re.finditer(re.escape(form), free)
    )


def _without(text: str, name: str, target: Named, rivals: Iterable[Named], itself: str) -> str:
    """Return words without the longer names of other records in which a name of the target stands.

    `itself` is the name of the record that points at the target: 复旦大学 within 复旦大学信息学院 is its parent.
    """
    if name not in text:
        return text
    own = [*map(normalise, target.names), itself]
    longer = {other for rival in rivals for other in map(normalise, rival.names) if name in other and name != other}
    for other in sorted(longer, key=len, reverse=True):
        if not any(other in each for each in own):
            text = text.replace(other, "\n")
    return text


def _is_proved(target: Named, rivals: Iterable[Named], context: Context) -> bool:
    """Return whether the span holds the words that prove the target, and few others of its kind.

    They are those of a citation for its name or kind; two thirds of them are enough. Words that prove a whole list of
    records, such as an enumeration, tell none of them from the others.
    """
    if not _is_held(target, context):
        return False
    return sum(_is_held(rival, context) for rival in rivals if rival.sort == target.sort) < LIST_FROM - 1


def _is_held(named: Named, context: Context) -> bool:
    spans = ((start, end, min(end, context.end) - max(start, context.start)) for start, end in named.places)
    return any(3 * common >= 2 * (end - start) for start, end, common in spans)


def _is_pointed_at(target: Named, rivals: list[Named], words: str, context: Context) -> bool:
    """Return whether a pointing word stands there, and the target is the record that was named last before it."""
    alike = [rival for rival in rivals if rival.sort == target.sort]
    for place in _pointers(target, words):
        before = context.start + place
        last = _last_named(target, context.body, before)
        if last >= 0 and all(_last_named(rival, context.body, before) < last for rival in alike):
            return True
    return False


def _pointers(target: Named, words: str) -> Iterator[int]:
    """Yield where words point back at a record of a kind: by a word of its own (会上), or by 该 and its noun."""
    words = fold(words)
    for word in _of_kind(POINTING, target):
        if (place := words.find(word)) >= 0:
            yield place
    nouns = _of_kind(NOUNS, target)
    for match in islice(DEMONSTRATIVES.finditer(words), POINTERS_AT_MOST):
        if any(noun in words[match.end() : match.end() + 5] for noun in nouns):
            yield match.start()


def _of_kind(listed: Mapping[str, tuple[str, ...]], target: Named) -> tuple[str, ...]:
    return (*listed.get(target.label, ()), *listed.get(f"{target.label}:{target.sort}", ()))


def _last_named(named: Named, body: str, before: int) -> int:
    """Return where the body named a record last before a place; -1 where it did not."""
    by_name = max((body.rfind(name, 0, before) for name in named.names if name), default=-1)
    return max([by_name, *(start for start, _end in named.places if start < before)])


def _named(words: str, context: Context) -> list[str]:
    """Return the names of records of these kinds that the words name."""
    text = normalise(words)
    names = [name for each in (*context.targets, *context.rivals) for name in each.names if normalise(name) in text]
    return list(dict.fromkeys(sorted((name for name in names if name), key=len, reverse=True)))[:3]
