"""Which value of a choice words say: by the record's own name, by cue words, or by what goes without saying. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from apps.evidence.levels.cue_words import CUES, NAME_TELLS, PLURAL, UNLESS_TOLD
from apps.evidence.levels.names import normalise
from apps.evidence.levels.scripts import fold
from apps.evidence.levels.verdicts import NOT_SAID, Context, FieldRule, Level, Verdict

# Between the parts of a cue word for names.
APART = "~"
Cues = Mapping[str, Mapping[str, tuple[str, ...]]]


def check_choice(rule: FieldRule, value: object, words: str, context: Context, cues: Cues = CUES) -> Verdict:
    """Return how words say the value of a choice."""
    field, terms = f"{rule.model}.{rule.name}", dict(rule.terms)
    by_value = _with_terms(cues.get(field, {}), terms)
    if field in NAME_TELLS and (told := _by_name(by_value, words, context.name)):
        level = _level_of(terms.get(str(value), ()), normalise(context.name))
        return Verdict(level if value == told else None, told)
    if field == "registry.unitname.kind" and (kind := _kind_of_name(context)):
        return Verdict(Level.DERIVED if value == kind else None, kind)
    said = said_by(by_value, words)
    if field in ROLES and (by_place := _by_place(ROLES[field], words, context.party)):
        if value == by_place:
            return Verdict(Level.DERIVED, by_place)
        # Against the place only words stand, no mere particle: 与, 为.
        said = {each: cue for each, cue in said.items() if len(cue) > 1}
    if value in said:
        return Verdict(_level_of(terms.get(str(value), ()), said[str(value)]), str(value))
    if value == UNLESS_TOLD.get(field) and not said and words.strip():
        return Verdict(Level.DERIVED, str(value))
    return Verdict(None, ", ".join(f"{each} ({cue})" for each, cue in said.items()) or UNLESS_TOLD.get(field, ""))


def _with_terms(
    cues: Mapping[str, tuple[str, ...]], terms: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {value: (*cues.get(value, ()), *terms.get(value, ())) for value in {**cues, **terms}}


def _level_of(terms: tuple[str, ...], words: str) -> Level:
    """Return how strongly words say a choice: literally where they hold what the registry calls it."""
    return Level.LITERAL if any(term in words for term in terms) else Level.CUED


def said_by(cues: Mapping[str, tuple[str, ...]], words: str) -> dict[str, str]:
    """Return the values whose cue words stand in the words, each with the longest; a longer cue hides those in it."""
    found = _occurrences(cues, fold(words))
    by_start: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for start, end, value, _cue in found:
        by_start[start].append((end, value))
    longest = max((end - start for start, end, _value, _cue in found), default=0)
    said: dict[str, str] = {}
    for start, end, value, cue in found:
        if len(cue) <= len(said.get(value, "")):
            continue
        is_hidden = any(
            other != value and last >= end and last - first > end - start
            for first in range(max(start - longest, 0), start + 1)
            for last, other in by_start.get(first, ())
        )
        if not is_hidden:
            said[value] = cue
    return said


def _occurrences(cues: Mapping[str, tuple[str, ...]], text: str) -> list[tuple[int, int, str, str]]:
    """Return where cue words stand, as start, end, value and cue; those for names alone are left out."""
    found = []
    for value, listed in cues.items():
        for cue in listed:
            place = -1 if APART in cue else text.find(cue)
            while place >= 0:
                found.append((place, place + len(cue), value, cue))
                place = text.find(cue, place + 1)
    return found


def check_truth(words: str, context: Context) -> Verdict:
    """Return how words say that a party is a group: by a plural in its name as written, or in the words."""
    as_written = fold(str(context.record.get("as_written") or ""))
    near = fold(words)
    if as_written and (place := near.find(as_written)) >= 0:
        near = near[place : place + len(as_written) + NEAR]
    return Verdict(Level.CUED) if any(cue in near for cue in PLURAL) else NOT_SAID


def _by_name(cues: Mapping[str, tuple[str, ...]], words: str, name: str) -> str:
    """Return the value that the end of the record's own name says, where the words have the name."""
    whole = normalise(name)
    if not whole or whole not in normalise(words):
        return ""
    return _told_by(tuple((value, tuple(listed)) for value, listed in cues.items()), whole)


@lru_cache(maxsize=4096)
def _told_by(cues: tuple[tuple[str, tuple[str, ...]], ...], name: str) -> str:
    ends = [(len(cue.replace(APART, "")), value) for value, listed in cues for cue in listed if _ends(name, cue)]
    return max(ends)[1] if ends else ""


def _ends(name: str, cue: str) -> bool:
    """Return whether a name ends in a cue word, or holds its first part and ends in its second."""
    within, apart, end = cue.rpartition(APART)
    return name.endswith(end) and (not apart or within in name[: -len(end)])


# How far behind a name a plural may stand: 区有关部门的同志.
NEAR = 8


def _kind_of_name(context: Context) -> str:
    """Return which kind of another name it is, by the unit's own: one that leaves something out is short."""
    name, official = normalise(context.name), normalise(context.official)
    if not name or not official or name == official:
        return ""
    return "short" if len(name) < len(official) else "as_written"


# What a party does, by what stands before its name: at the head of a clause, behind "with", behind "for".
ROLES = {
    "projects.projectpartner.role": {"head": "lead", "with": "partner", "for": "beneficiary"},
}
WITH = ("与", "和", "同", "跟", "及", "联合", "依托", "协同", "携手", "会同", "通过", "、", "联动")
FOR = ("为", "向", "对", "给", "给予", "帮助", "面向", "针对", "服务", "使", "让", "教", "关爱", "惠及", "培养")
HEAD = tuple(",。;:!?，。；：！？…\n “”")


def _by_place(roles: Mapping[str, str], words: str, party: tuple[str, ...]) -> str:
    """Return the role that the place of a party's name in its clause tells; none where the name is not there."""
    text = fold(words)
    for name in sorted(party, key=len, reverse=True):
        place = text.find(fold(name))
        if place < 0 or not name:
            continue
        before = text[:place].rstrip("“”‘’\"' ")
        if any(before.endswith(word) for word in FOR):
            return roles["for"]
        if any(before.endswith(word) for word in WITH):
            return roles["with"]
        return roles["head"] if not before or before.endswith(HEAD) else ""
    return ""
