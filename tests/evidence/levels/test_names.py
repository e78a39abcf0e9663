"""Names as they are written, shared by an enumeration, or shortened by rule."""

import pytest

from apps.evidence.levels import Context, FieldKind, FieldRule, check
from apps.evidence.levels.names import gist, is_shared, is_written, normalise
from apps.evidence.levels.references import short_forms

UNIT = FieldRule("registry.memberunit", "name", FieldKind.NAME)
COMMITTEE = FieldRule("registry.neighbourhood", "name", FieldKind.NAME)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("上海星海时尚地产(集团)有限公司", "上海星海时尚地产（集团）有限公司团委书记"),
        ("初心·高兴", "曲阳“初心•高兴”党建品牌"),
        ("“手拉手,心连心”老少结对", "制定「手拉手，心连心」老少结对"),
        ("同飞蓝天——三区融合", "以“同飞蓝天——三区融合,共同育人”"),
        ("长海医院", "長海醫院、東方肝膽醫院"),
        ("大张旗鼓", "“大‘张’旗鼓”"),
    ],
)
def test_a_name_is_written_whatever_marks_and_widths(name: str, words: str) -> None:
    assert is_written(name, words)


@pytest.mark.parametrize("name", ["长海医院甲", "长海医坊", "东方长海医院", ""])
def test_a_name_of_other_letters_is_not(name: str) -> None:
    assert not is_written(name, "长海医院、东方肝胆医院")


@pytest.mark.parametrize(
    ("name", "is_given"),
    [
        ("部队联席分会", True),
        ("成员单位联席分会", True),
        ("军队联席分会", False),
        ("部队联席会", False),
        ("单位联席分会", True),
    ],
)
def test_an_enumeration_shares_the_end_of_its_names(name: str, is_given: bool) -> None:
    assert is_shared(name, "下设部队、学校、企业、成员单位等5个联席分会") == is_given


def test_an_enumeration_ends_where_the_sentence_does() -> None:
    assert not is_shared("东五小区", "走访东五、林云。又有3个小区")
    assert is_shared("东五小区", "走访东五、林云、东体等小区")
    assert not is_shared("东五小区", "走访东五小店")


@pytest.mark.parametrize(
    ("label", "name", "form"),
    [
        ("registry.district", "杨浦区", "杨浦"),
        ("registry.district", "浦东新区", "浦东"),
        ("registry.street", "张江镇", "张江"),
        ("registry.street", "五角场街道", "五角场"),
        ("registry.neighbourhood", "国定一居委会", "国定一"),
        ("registry.neighbourhood", "翔殷路四九一弄居委会", "翔殷路491弄"),
        ("registry.memberunit", "上海大牧汗食品股份有限公司", "大牧汗食品"),
        ("projects.project", "党建引领基层治理“十二工作法”", "十二工作法"),
    ],
)
def test_names_are_shortened_by_rule(label: str, name: str, form: str) -> None:
    assert normalise(form) in short_forms(label, name)


def test_the_name_of_a_division_is_that_of_the_gazetteer() -> None:
    assert check(COMMITTEE, "国定一居委会", "国定一居民区党总支", Context()).level == "derived"
    assert check(COMMITTEE, "国定二居委会", "国定一居民区党总支", Context()).level is None
    assert check(UNIT, "国定一居委会", "国定一居民区党总支", Context()).level is None


def test_a_refusal_shows_the_words_cut_short() -> None:
    assert check(UNIT, "长海医院", "东方肝胆医院", Context()).gives == "东方肝胆医院"
    assert len(gist("字" * 100)) == 40
