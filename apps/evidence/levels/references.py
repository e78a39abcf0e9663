"""Whether words name the record that a reference points at, point back at it, or prove it. Pure."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from apps.evidence.levels.cue_words import POINTING
from apps.evidence.levels.names import is_shared, normalise
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
SHORTEST = {"registry.district": 2, "registry.street": 2, "registry.neighbourhood": 2}


@lru_cache(maxsize=4096)
def short_forms(label: str, name: str) -> tuple[str, ...]:
    """Return the forms to which a name is shortened by rule, the longest first."""
    whole = normalise(name)
    least = SHORTEST.get(label, 4)
    found = {HEADS.sub("", whole)} if label not in ("registry.district", "registry.street") else set()
    for form in [whole, *found]:
        found |= {form.removesuffix(tail) for tail in TAILS.get(label, ()) if form.endswith(tail)}
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
    text = normalise(words)
    free = _without(text, target, rivals)
    if any(normalise(name) in free for name in target.names if name):
        return Verdict(Level.LITERAL)
    if any(form in free for name in target.names for form in short_forms(target.label, name)):
        return Verdict(Level.DERIVED)
    if any(is_shared(name, words) for name in target.names) or _is_proved(target, context):
        return Verdict(Level.DERIVED)
    return Verdict(Level.CUED) if _is_pointed_at(target, rivals, words, context) else NOT_SAID


def _without(text: str, target: Named, rivals: Iterable[Named]) -> str:
    """Return words without the longer names of other records in which a name of the target stands."""
    own = {normalise(name) for name in target.names if name}
    longer = {
        other
        for rival in rivals
        for name in rival.names
        if (other := normalise(name)) not in own and any(each in other and each != other for each in own)
    }
    for name in sorted(longer, key=len, reverse=True):
        # A longer name of the target itself stays: 复旦大学 within 复旦大学国际关系学院 is the other, not vice versa.
        if not any(name in each for each in own):
            text = text.replace(name, "\n")
    return text


def _is_proved(target: Named, context: Context) -> bool:
    """Return whether the span holds the words that prove the target, or lies within them and their sentence."""
    return any(context.start <= start and end <= context.end for start, end in target.places)


def _is_pointed_at(target: Named, rivals: list[Named], words: str, context: Context) -> bool:
    """Return whether a pointing word stands there, and the target is the record that was named last before it."""
    for place in _pointers(target.label, words):
        before = context.start + place
        last = _last_named(target, context.body, before)
        if last >= 0 and all(_last_named(rival, context.body, before) < last for rival in rivals):
            return True
    return False


def _pointers(label: str, words: str) -> Iterator[int]:
    for word in (*POINTING["any"], *POINTING.get(label, ())):
        place = words.find(word)
        if place >= 0:
            yield place


def _last_named(named: Named, body: str, before: int) -> int:
    """Return where the body named a record last before a place; -1 where it did not."""
    by_name = max((body.rfind(name, 0, before) for name in named.names if name), default=-1)
    return max([by_name, *(start for start, _end in named.places if start < before)])


def _named(words: str, context: Context) -> list[str]:
    """Return the names of records of these kinds that the words name."""
    text = normalise(words)
    names = [name for each in (*context.targets, *context.rivals) for name in each.names if normalise(name) in text]
    return list(dict.fromkeys(sorted((name for name in names if name), key=len, reverse=True)))[:3]
