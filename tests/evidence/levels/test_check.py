"""One value against the words: each kind of field, and what is never said."""

from decimal import Decimal

import pytest

from apps.evidence.levels import Context, FieldKind, FieldRule, Level, check

FIGURE = Context(record={"as_written": "31700余人次"})
WORDS = "提供服务720余次,惠及居民31700余人次"


def rule(kind: FieldKind) -> FieldRule:
    return FieldRule("evidence.figure", "value", kind)


@pytest.mark.parametrize(
    ("kind", "value", "level"),
    [
        (FieldKind.NUMBER, Decimal(31700), "derived"),
        (FieldKind.NUMBER, "31700.00", "derived"),
        (FieldKind.NUMBER, 31701, None),
        (FieldKind.NUMBER, 317000, None),
        (FieldKind.NUMBER, 720, None),
        (FieldKind.COMPARATOR, ">=", "derived"),
        (FieldKind.COMPARATOR, "=", None),
        (FieldKind.UNIT, "person_time", "derived"),
        (FieldKind.UNIT, "person", None),
        (FieldKind.UNIT, "time", None),
    ],
)
def test_a_figure_is_the_number_where_its_own_words_stand(kind: FieldKind, value: object, level: str | None) -> None:
    assert check(rule(kind), value, WORDS, FIGURE).level == level


def test_a_refusal_gives_all_numbers_of_the_words() -> None:
    assert check(rule(FieldKind.NUMBER), 1, WORDS, FIGURE).gives == ">= 720 time, >= 31700 person_time"
    assert check(rule(FieldKind.NUMBER), 31700, "惠及居民", FIGURE).level is None


def test_a_number_without_words_of_its_own_is_any_of_the_words() -> None:
    assert check(rule(FieldKind.NUMBER), 720, WORDS, Context()).level == "derived"


@pytest.mark.parametrize("value", [None, "", [], {}, False])
@pytest.mark.parametrize("kind", FieldKind)
def test_an_empty_value_is_never_said(kind: FieldKind, value: object) -> None:
    assert check(rule(kind), value, WORDS, FIGURE).level is None


@pytest.mark.parametrize("kind", FieldKind)
def test_no_words_say_nothing(kind: FieldKind) -> None:
    assert check(rule(kind), "1", " \n", Context()).level is None


def test_own_words_rest_on_any_words() -> None:
    assert check(rule(FieldKind.OWN), "Summary", "任何一句", Context()).level == Level.OWN_WORDS


def test_a_list_is_said_where_all_its_items_are() -> None:
    assert check(rule(FieldKind.LIST), ["甲", "乙"], "甲与乙", Context()).level == "literal"
    assert check(rule(FieldKind.LIST), ["甲", "丙"], "甲与乙", Context()).level is None


def test_a_notation_is_given_by_its_words() -> None:
    assert check(rule(FieldKind.TEXT), "24/7", "24小时综合服务区", Context()).level == "derived"
    assert check(rule(FieldKind.TEXT), "Mo-Fr 09:00-17:00", "24小时综合服务区", Context()).level is None


def test_levels_are_in_the_order_of_their_strength() -> None:
    assert [level.weakness for level in (Level.LITERAL, Level.DERIVED, Level.CUED, Level.READ)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "words", ["9" * 5000, "一" * 5000 + "个", "、" * 5000, "该" * 5000, "2013年" * 1000, "\u0662" * 50 + "人"]
)
@pytest.mark.parametrize("kind", FieldKind)
def test_strange_words_say_nothing_and_break_nothing(kind: FieldKind, words: str) -> None:
    if kind != FieldKind.OWN:
        assert check(rule(kind), {"value": "2012"} if kind == FieldKind.DATE else "7", words, Context()).level is None
