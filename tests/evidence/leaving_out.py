"""Measures levels on an article with the cue words that the other articles bear out: what would a new article give?

The cue words are general vocabulary and name no article. Those that stand in no cited span of another article, but in
one of the article at hand, are taken away before it is counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from apps.evidence.levels import FieldKind, Level, cue_words, references
from apps.evidence.levels.cues import APART, Cues
from apps.evidence.levels.scripts import fold
from apps.evidence.support_levels import Case

SAID = (Level.LITERAL, Level.DERIVED, Level.CUED)
COUNTED = {
    FieldKind.CHOICE: "choices",
    FieldKind.COMPARATOR: "choices",
    FieldKind.UNIT: "choices",
    FieldKind.REFERENCE: "references",
    FieldKind.REFERENCES: "references",
}


def said_without(article: int, cases: Sequence[Case]) -> Mapping[str, tuple[int, int]]:
    """Return how many references and choices of an article are said without its own cue words, and how many are."""
    others = "\n".join({fold(case.words) for case in cases if case.citation.article_id != article})
    own = [case for case in cases if case.citation.article_id == article and case.rule.kind in COUNTED]
    with _pointing_words_in(others):
        return _shares(own, _cues_in(others))


def _cues_in(text: str) -> Cues:
    return {
        field: {value: tuple(word for word in words if _stands_in(word, text)) for value, words in by_value.items()}
        for field, by_value in cue_words.CUES.items()
    }


def _stands_in(word: str, text: str) -> bool:
    return all(part in text for part in word.split(APART))


@contextmanager
def _pointing_words_in(text: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POINTING", "NOUNS"):
            listed = getattr(cue_words, name)
            kept = {key: tuple(word for word in words if word in text) for key, words in listed.items()}
            patch.setattr(references, name, kept)
        yield


def _shares(cases: Sequence[Case], cues: Cues) -> Mapping[str, tuple[int, int]]:
    """Count values: one that several citations support is said where one of them says it."""
    best: dict[tuple[str, int, int, str], bool] = defaultdict(bool)
    for case in cases:
        citation = case.citation
        value = COUNTED[case.rule.kind], citation.content_type_id, citation.object_id, case.rule.name
        best[value] |= case.verdict(cues).level in SAID
    total, said = Counter(kind for kind, *_rest in best), Counter(key[0] for key, is_said in best.items() if is_said)
    return {kind: (said[kind], total[kind]) for kind in total}
