"""Places of quotations in a text."""

import hashlib
import sys

import pytest

from apps.evidence.models.articles import BLANKS
from apps.evidence.spans import SpanError, digest, find, normalise

BODY = "联席会成立。会上,联席会发布清单。😀会后"


@pytest.mark.parametrize(
    ("quotation", "after", "place"),
    [
        ("会上", "", (6, 8)),
        ("联席会", "会上", (9, 12)),
        ("联席会", "联席会成立", (9, 12)),
        ("😀会后", "", (17, 20)),
        (BODY, "", (0, 20)),
        ("会", "成立", (6, 7)),
    ],
)
def test_a_quotation_is_found_by_code_points(quotation: str, after: str, place: tuple[int, int]) -> None:
    assert find(BODY, quotation, after) == place
    assert BODY[slice(*place)] == quotation


@pytest.mark.parametrize(
    ("quotation", "after", "problem"),
    [
        ("", "", "an empty quotation has no place"),
        ("没有", "", "“没有” does not occur"),
        ("会上", "会后", "“会上” does not occur behind “会后”"),
        ("会上", "没有", "“没有” does not occur"),
        ("联席会", "", "“联席会” occurs more than once; say what it stands after"),
    ],
)
def test_a_quotation_without_one_place_is_refused(quotation: str, after: str, problem: str) -> None:
    with pytest.raises(SpanError) as error:
        find(BODY, quotation, after)
    assert str(error.value) == problem


def test_quotations_that_overlap_are_more_than_one() -> None:
    with pytest.raises(SpanError, match="occurs more than once"):
        find("哈哈哈", "哈哈")


def test_newlines_count_as_one_character_each() -> None:
    assert normalise("甲\r\n乙\r丙\n丁\r\n\r\n") == "甲\n乙\n丙\n丁\n\n"


def test_a_digest_is_that_of_the_text_in_utf8() -> None:
    assert digest("党建") == hashlib.sha256("党建".encode()).hexdigest()
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_blanks_of_a_quotation_are_all_that_there_are() -> None:
    every = {char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace()}
    assert {*BLANKS} == every - {"\n"}
