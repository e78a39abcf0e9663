"""The score: the right resource among the first three, parts that add up, and each part by itself."""

from datetime import date

import pytest

from apps.projects.matching.scoring import MOST, PARTS, ComparedSide, Suggestion, asked, best, nearest, suggestion
from apps.projects.matching.subjects import PEOPLE, SUBJECTS, pairs, related, shared_words, told
from tests.projects.matching.pairs import ARTICLES, FURTHER, UNSEEN, Pair, need_of, resources, side_of

FIRST = 3
SIDES = [side_of(each) for each in resources()]


def ranked(pair: Pair) -> list[str]:
    """Return the keys of the first suggestions for a need among all resources."""
    need = need_of(pair)
    return [each.key for each in best((suggestion(need, side) for side in SIDES), FIRST)]


@pytest.mark.parametrize("pair", ARTICLES, ids=lambda pair: pair.name)
def test_each_need_of_the_articles_finds_who_can_meet_it(pair: Pair) -> None:
    assert len(SIDES) >= 500
    assert {each.key for each in pair.right} & {*ranked(pair)}


def test_all_who_offer_medical_help_come_first() -> None:
    assert {*ranked(ARTICLES[0])} == {each.key for each in ARTICLES[0].right}


@pytest.mark.parametrize(("written", "number"), [(FURTHER, 40), (UNSEEN, 80)], ids=["further", "unseen"])
def test_of_further_needs_most_find_who_can_meet_them(
    written: list[Pair], number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = [pair.name for pair in written if not {each.key for each in pair.right} & {*ranked(pair)}]
    with capsys.disabled():
        print(f"\n{len(written) - len(missed)} of {len(written)}, not {missed}")  # noqa: T201
    assert len(written) == number
    assert len(missed) <= 0.15 * len(written)


def test_parts_add_up_and_equal_input_gives_equal_order() -> None:
    need = need_of(ARTICLES[0])
    first, again = (best((suggestion(need, side) for side in sides), 100) for sides in (SIDES, SIDES[::-1]))
    assert first == again
    assert len(first) > 10
    for each in first:
        assert each.score == sum(each.parts.values()) <= MOST == 1000
        assert list(each.parts) == list(PARTS)
        assert all(0 <= points <= PARTS[part] for part, points in each.parts.items())
        assert all(each.parts[part] + points <= PARTS[part] for part, points in each.gains.items())


def test_of_offers_that_say_the_same_the_best_stands_for_all() -> None:
    far, near = {"district": 9}, {"district": 1, "street": 2}
    copies = [OFFER._replace(key=f"copy {number}", places=far) for number in range(4)]
    other = OFFER._replace(key="other", name="大医院专家门诊", places=far)
    found = best((suggestion(NEED, side) for side in [*copies, other, OFFER._replace(places=near)]), 10)
    assert [each.key for each in found] == ["offer", "other", "copy 0", "copy 1", "copy 2", "copy 3"]
    assert found[1].score < found[2].score


NEED = ComparedSide("need", "老年人义诊", "希望医生来量血压", places={"district": 1, "street": 2}, capacity=40)
OFFER = ComparedSide(
    "offer", "医生义诊", "为老人量血压", unit="某医院", places={"district": 1, "street": 2}, capacity=40
)


def points(part: str, **values: object) -> int:
    """Return the points of a part for the resource with other values."""
    found = suggestion(NEED, OFFER._replace(**values))  # type: ignore[arg-type]
    assert isinstance(found, Suggestion)
    return found.parts[part]


def test_each_part_by_itself() -> None:
    assert points("distance") > points("distance", places={"district": 1}) > points("distance", places={"district": 9})
    assert points("distance", places={"district": 9}) < points("distance", places={})
    assert points("capacity") == PARTS["capacity"] == 2 * points("capacity", capacity=20)
    assert points("capacity", capacity=None) == PARTS["capacity"] / 2
    assert points("people") == PARTS["people"] > points("people", summary="为儿童量血压")
    assert points("words") > points("words", name="专家门诊", summary="")
    assert points("subject") > points("subject", name="医生", summary="", unit="某公司")
    wanted = NEED._replace(days=(date(2026, 1, 1), date(2026, 3, 1)))
    late, early = ((date(2026, 4, 1), None), (None, date(2026, 2, 1)))
    found = [suggestion(wanted, OFFER._replace(days=days)) for days in (late, early, (None, None))]
    assert [each and each.parts["calendar"] for each in found] == [0, PARTS["calendar"], PARTS["calendar"] / 2]
    made = suggestion(NEED, OFFER, together=2)
    assert made is not None
    assert 0 < made.parts["together"] < PARTS["together"]


def test_the_name_of_a_unit_says_less_where_its_texts_tell_something_else() -> None:
    assert points("subject", name="预约", summary="") > points("subject", name="夜间停车位", summary="") > 0


def test_what_is_not_said_can_be_gained() -> None:
    silent = OFFER._replace(capacity=None, places={}, summary="", name="义诊")
    found, full = suggestion(NEED, silent), suggestion(NEED, OFFER)
    assert found is not None
    assert full is not None
    assert {"capacity", "distance", "words", "people", "calendar"} == {*found.gains}
    assert {*full.gains} == {"calendar"}


def test_what_is_about_something_else_is_no_suggestion() -> None:
    assert suggestion(NEED, ComparedSide("other", "停车位", "夜间开放车库", places=NEED.places)) is None
    assert suggestion(ComparedSide("empty", "ABC"), OFFER) is None


def test_a_longer_cue_hides_those_in_it() -> None:
    assert {*told("安全隐患")} == {"safety"}
    assert {*told("看展览")} == {"museum"}
    assert asked(ComparedSide("need", "肝病防治")) == {"health": 1.0}


def test_a_word_says_more_the_longer_it_is_and_the_fewer_subjects_it_tells() -> None:
    assert told("冠心病心血管") == {"chronic": 2.0}
    assert told("心脑血管")["chronic"] > told("冠心病")["chronic"] > told("尿酸")["chronic"]
    assert "患者" in SUBJECTS["health"].hints
    assert told("患者")["health"] == told("疾病")["health"] / 2
    shared = told("失眠")
    assert len(shared) == 2
    assert all(weight < told("疾病")["health"] for weight in shared.values())


def test_a_wider_subject_gives_way_to_a_narrower_one_that_is_told_plainly() -> None:
    assert {*asked(ComparedSide("need", "党课", "党建共建"))} == {"joint_building"}
    assert {*asked(ComparedSide("need", "党课", "支部"))} == {"party", "joint_building"}


def test_a_word_of_latin_letters_stands_alone() -> None:
    assert "ai" in told("学AI")
    assert told("email") == {}


def test_shared_words_are_the_longest_and_say_something() -> None:
    assert shared_words("社区居民学习国画山水", "教国画和山水的老师") == ["国画", "山水"]
    assert pairs("社区服务") == frozenset()


def test_the_smallest_division_in_which_both_lie() -> None:
    assert nearest({"district": 1, "street": 2}, {"district": 1, "street": 3}) == "district"
    assert nearest({}, {"district": 1}) == "unknown"


def test_the_table_holds_together() -> None:
    for key, each in SUBJECTS.items():
        assert {each.under, *each.also} - {""} <= SUBJECTS.keys(), key
        words = (*each.words, *each.hints, *each.units)
        assert all(len(word) > 1 and word == word.casefold() for word in words), key
        assert {*each.words}.isdisjoint(each.hints), key
        assert all(len({*cues}) == len(cues) for cues in (each.words, each.hints, each.units)), key
        assert key in related(key, 1.0, meets=True) & related(key, 1.0, meets=False)
        assert each.name != each.english
    assert {*PEOPLE}.isdisjoint(SUBJECTS)


def test_each_beginning_with_each_ending_is_a_word() -> None:
    words = SUBJECTS["health"].words
    assert {"查血压", "测血压", "查体温", "测体温"} <= {*words}
    assert len({*words}) == len(words)


def test_a_word_that_only_holds_a_cue_tells_nothing() -> None:
    assert told("研究")
    assert told("研究生") == {}
