"""References: by name, by what is short for it, by its own words, and by a word that points back."""

import pytest

from apps.evidence.levels import Context, Named
from apps.evidence.levels.references import check_references

FUDAN = Named("registry.memberunit", 1, ("复旦大学", "复旦"), sort="university")
SCHOOL = Named("registry.memberunit", 2, ("复旦大学信息学院",), sort="faculty")
TOWN = Named("registry.street", 1, ("五角场镇",), sort="town")
STREET = Named("registry.street", 2, ("五角场街道",), sort="subdistrict")


def level(words: str, target: Named, *rivals: Named, name: str = "", **context: object) -> str | None:
    found = check_references(words, Context(targets=(target,), rivals=(target, *rivals), name=name, **context))  # type: ignore[arg-type]
    return found.level


def test_a_name_or_another_name_is_literal() -> None:
    assert level("联合复旦大学开展", FUDAN, SCHOOL) == "literal"
    assert level("联合复旦、上理工", FUDAN, SCHOOL) == "literal"
    assert level("联合同济大学", FUDAN) is None


def test_a_longer_name_belongs_to_another_record() -> None:
    assert level("联合复旦大学信息学院", FUDAN, SCHOOL) is None
    assert level("联合复旦大学信息学院与复旦大学", FUDAN, SCHOOL) == "literal"
    assert level("复旦大学信息学院", FUDAN, SCHOOL, name="复旦大学信息学院") == "literal"
    assert level("复旦大学信息学院", SCHOOL, FUDAN) == "literal"


@pytest.mark.parametrize(
    ("words", "target", "found"),
    [
        ("五角场镇各居民区", TOWN, "literal"),
        ("五角场镇各居民区", STREET, None),
        ("五角场街道党工委", TOWN, None),
        ("五角场街道党工委", STREET, "literal"),
    ],
)
def test_a_division_is_not_another_one_of_the_same_stem(words: str, target: Named, found: str | None) -> None:
    assert level(words, target, TOWN, STREET) == found


def test_a_stem_alone_stands_for_one_division_and_not_for_two() -> None:
    assert level("睦邻生活在五角场初具雏形", STREET) == "derived"
    assert level("睦邻生活在五角场初具雏形", STREET, TOWN) is None


BODY = "甲公司捐款。乙公司出力。该公司还出资。会后,大家参观。"
FIRM = Named("registry.memberunit", 1, ("甲公司",), sort="company")
OTHER = Named("registry.memberunit", 2, ("乙公司",), sort="company")
CLINIC = Named("registry.memberunit", 3, ("乙公司医院",), sort="hospital")


def test_a_pointing_word_proves_only_the_record_named_last_before_it() -> None:
    start = BODY.index("该公司")
    place = {"body": BODY, "start": start, "end": start + 7}
    assert level(BODY[start : start + 7], OTHER, FIRM, **place) == "cued"
    assert level(BODY[start : start + 7], FIRM, OTHER, **place) is None
    assert level(BODY[start : start + 7], CLINIC, **place) is None


def test_a_record_without_a_written_name_is_proved_by_the_words_cited_for_it() -> None:
    event = Named("events.event", 1, ("捐款",), ((0, 5),), "donation")
    other = Named("events.event", 2, ("出力",), ((6, 11),), "donation")
    assert level("甲公司出了钱", event, other, body=BODY, start=0, end=6) == "derived"
    assert level("甲公司出了钱", other, event, body=BODY, start=0, end=6) is None
    many = [Named("events.event", key, (f"第{key}件",), ((0, 5),), "donation") for key in range(2, 6)]
    assert level("甲公司出了钱", event, *many, body=BODY, start=0, end=6) is None


def test_all_of_several_targets_have_to_be_said() -> None:
    both = Context(targets=(FIRM, OTHER), rivals=(FIRM, OTHER))
    assert check_references("甲公司与乙公司", both).level == "literal"
    assert check_references("甲公司与丙公司", both).level is None
    assert check_references("甲公司", Context()).level is None
