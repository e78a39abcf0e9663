"""Which parts of a text are chosen to be read by everybody."""

import random
from itertools import pairwise

import pytest

from apps.evidence.texts.choosing import around, choose

SPANS = [((0, 10), "a"), ((5, 12), "b"), ((20, 60), "c"), ((70, 73), "a"), ((90, 99), "d")]


def test_the_parts_stay_within_the_length_whatever_is_cited() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    for _case in range(200):
        length = chance.randint(1, 300)
        cited = [(sorted(chance.sample(range(length + 20), 2)), chance.randint(1, 9)) for _span in range(30)]
        spans = [((start, end), record) for (start, end), record in cited]
        most = chance.randint(0, length)
        parts = choose(length, most, spans)
        assert sum(end - start for start, end in parts) <= most
        assert all(before[1] < behind[0] for before, behind in pairwise(parts))
        chance.shuffle(spans)
        assert choose(length, most, spans) == parts


@pytest.mark.parametrize(
    ("most", "parts"),
    [
        (0, []),
        (2, []),
        (3, [(70, 73)]),
        # The second span of the record that is seen comes behind the first one of another.
        (12, [(5, 12), (70, 73)]),
        (19, [(5, 12), (70, 73), (90, 99)]),
        (24, [(0, 12), (70, 73), (90, 99)]),
        (63, [(5, 12), (20, 60), (70, 73), (90, 99)]),
        (64, [(0, 12), (20, 60), (70, 73), (90, 99)]),
    ],
)
def test_as_many_records_as_possible_are_seen(most: int, parts: list[tuple[int, int]]) -> None:
    assert choose(100, most, SPANS) == parts


def test_a_sentence_that_speaks_for_many_comes_before_a_name() -> None:
    sentence = [((20, 60), "c"), ((20, 50), "e"), ((30, 60), "f"), ((22, 58), "g"), ((25, 60), "h")]
    assert choose(100, 41, [((0, 9), "a"), *sentence]) == [(20, 60)]
    assert choose(100, 41, [((0, 7), "a"), *sentence]) == [(0, 7), (20, 50)]


def test_what_was_shown_stays_and_counts() -> None:
    assert choose(100, 12, SPANS, [(20, 25)]) == [(20, 25), (70, 73)]
    assert choose(100, 12, SPANS, [(70, 73), (90, 99)]) == [(70, 73), (90, 99)]


def test_a_stretch_lies_in_a_part_as_a_whole_or_not_at_all() -> None:
    assert around([(0, 5), (7, 20)], 8, 20) == (7, 20)
    assert around([(0, 5), (7, 20)], 4, 8) is None
