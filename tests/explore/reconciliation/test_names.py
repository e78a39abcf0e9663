"""Names as spreadsheets have them, and what they should meet in the registry's own data."""

from datetime import date

import pytest

from apps.explore.reconciliation.entities import TYPES
from apps.explore.reconciliation.matching import match
from apps.explore.reconciliation.scoring import Entity, Location, Scored, Wanted, at_time, rank
from tests.factories import MemberUnitFactory, UnitNameFactory

ALL = tuple(TYPES)
TODAY = date(2026, 1, 1)
UNIT, STREET, HOOD, DISTRICT, ALLIANCE = "member-units/", "streets/", "neighbourhoods/", "districts/", "alliances/"


def candidates(text: str, types: tuple[str, ...] = ALL) -> list[Scored]:
    return [scored for _record, scored in match([(Wanted(text), types)], TODAY)[0]]


# The name, the record that comes first, and whether it is clearly right.
MESSY = [
    ("五角场街道", STREET + "310110019", True),
    (" 五角场 街道 ", STREET + "310110019", True),
    ("五·角·场街道", STREET + "310110019", True),
    ("上海市五角场街道", STREET + "310110019", True),
    ("上海市杨浦区五角场街道", STREET + "310110019", True),
    ("上海杨浦五角场街道", STREET + "310110019", True),
    ("杨浦五角场街道", STREET + "310110019", True),
    ("五角场街道办事处", STREET + "310110019", False),
    ("五角场", STREET + "310110019", False),
    ("五角厂街道", STREET + "310110019", False),
    ("五角场街到", STREET + "310110019", False),
    ("五场角街道", STREET + "310110019", False),
    ("五角場街道", STREET + "310110019", True),
    ("wujiaochang", STREET + "310110019", False),
    ("Wujiaochang Jiedao", STREET + "310110019", False),
    ("Wujiaochang Subdistrict", STREET + "310110019", False),
    ("WUJIAOCHANG", STREET + "310110019", False),
    ("wujiaocang", STREET + "310110019", False),
    ("wjcjd", STREET + "310110019", False),
    ("ｗｊｃｊｄ", STREET + "310110019", False),
    ("310110019", STREET + "310110019", True),
    ("streets/310110019", STREET + "310110019", True),
    ("五角场镇", STREET + "310110101", True),
    ("wjcz", STREET + "310110101", False),
    ("提篮桥街道", STREET + "310109018-2017", True),
    ("天目西路街道", STREET + "310106015", True),
    ("曲阳路", STREET + "310109010", False),
    ("曲阳街道", STREET + "310109010", False),
    ("张江镇人民政府", STREET + "310115125", False),
    ("杨浦", DISTRICT + "310110", False),
    ("杨浦区", DISTRICT + "310110", True),
    ("浦东", DISTRICT + "310115", False),
    ("闸北区", DISTRICT + "310108", True),
    ("闸北", DISTRICT + "310108", False),
    ("国定一居委会", HOOD + "310110019007", True),
    ("国定一居民区", HOOD + "310110019007", True),
    ("杨浦区五角场街道国定一居民区", HOOD + "310110019007", True),
    ("五角场街道国定一居委", HOOD + "310110019007", True),
    ("国定一", HOOD + "310110019007", False),
    ("翔殷路四百九十一弄居委会", HOOD + "310110021008", True),
    ("上大", UNIT + "shanghai-daxue", True),
    ("上海大学", UNIT + "shanghai-daxue", True),
    ("ｓｈａｎｇｈａｉ　ｄａｘｕｅ", UNIT + "shanghai-daxue", False),
    ("复旦", UNIT + "fudan-daxue", True),
    ("複旦大學", UNIT + "fudan-daxue", True),
    ("上理工", UNIT + "shanghai-ligong-daxue", True),
    ("上海理工", UNIT + "shanghai-ligong-daxue", False),
    ("外国语大学", UNIT + "shanghai-waiguoyu-daxue", False),
    ("二军医大", UNIT + "dier-junyi-daxue", False),
    ("上海长海医院", UNIT + "changhai-yiyuan", True),
    ("长海医院（翔殷路）", UNIT + "changhai-yiyuan", False),
    ("中共上海市委组织部", UNIT + "shanghai-shiwei-zuzhibu", True),
    ("市委组织部", UNIT + "shanghai-shiwei-zuzhibu", True),
    ("360公司", UNIT + "360", False),
    ("华东电力设计研究所", UNIT + "huadong-dianli-sheji-yanjiuyuan", False),
    ("上海大牧汗食品", UNIT + "shanghai-damuhan-shipin", False),
    ("上海星海时尚地产（集团）有限公司", UNIT + "shanghai-xinghai-shishang-dichan-jituan", True),
    ("浣纱六村党支部", UNIT + "huansha-liu-cun-dangzhibu", True),
    ("街道党工委", UNIT + "wujiaochang-jiedao-danggongwei", False),
    ("党总支部", UNIT + "zhangjiang-zhen-dangqun-fuwu-zhongxin-dangzongzhi", False),
    ("五角场镇区域化党建联席会议", ALLIANCE + "wujiaochang-zhen-lianxihui", False),
    ("北中环院校赋能社区治理联盟", ALLIANCE + "beizhonghuan-yuanxiao-funeng-shequ-chuangxin-zhili-lianmeng", False),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "first", "is_clear"), MESSY, ids=[text for text, _first, _clear in MESSY])
def test_a_messy_name_meets_its_record(text: str, first: str, is_clear: bool) -> None:
    found = candidates(text)
    assert (found[0].entity.id, found[0].match) == (first, is_clear), [(one.entity.id, one.score) for one in found[:5]]
    assert not any(one.match for one in found[1:])


@pytest.mark.django_db
def test_two_places_of_one_name_are_two_candidates() -> None:
    found = candidates("五角场", ("streets",))
    assert [(one.entity.id, one.match) for one in found[:2]] == [
        (STREET + "310110019", False),
        (STREET + "310110101", False),
    ]
    assert found[2].score < found[1].score - 8


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "type_name", "meant"),
    [
        ("浣纱六村党支部", "neighbourhoods", HOOD + "310110021018"),
        ("翔殷路491弄居民区", "neighbourhoods", HOOD + "310110021008"),
        ("提篮桥街道", "streets", STREET + "310109018"),
        ("闸北区", "districts", DISTRICT + "310106"),
        ("上外", "member-units", UNIT + "shanghai-waiguoyu-daxue"),
        ("二军大", "member-units", UNIT + "dier-junyi-daxue"),
    ],
)
def test_what_may_be_meant_is_among_the_candidates(text: str, type_name: str, meant: str) -> None:
    assert meant in [one.entity.id for one in candidates(text, (type_name,))[:3]]


@pytest.mark.django_db
def test_a_name_inside_a_longer_one_and_the_reverse_are_found() -> None:
    hospital = MemberUnitFactory(name="中山医院", slug="test-zhongshan-yiyuan", kind="hospital")
    longer = MemberUnitFactory(name="复旦大学附属妇产科医院", slug="test-fuchanke-yiyuan", kind="hospital")

    assert UNIT + hospital.slug in [one.entity.id for one in candidates("复旦大学附属中山医院")[:2]]
    assert candidates("妇产科医院")[0].entity.id == UNIT + longer.slug


@pytest.mark.django_db
def test_a_former_name_is_sure_and_a_namesake_makes_it_unsure() -> None:
    unit = MemberUnitFactory(name="海军军医大学", slug="test-haijun-junyi-daxue", kind="university")
    UnitNameFactory(unit=unit, name="星辰军医学院", kind="former")
    found = candidates("星辰军医学院")
    assert (found[0].entity.id, found[0].match, found[0].features["alias"]) == (UNIT + unit.slug, True, 100)

    MemberUnitFactory(name="星辰军医学院", slug="test-xingchen", kind="university")
    found = candidates("星辰军医学院")
    assert [one.match for one in found[:2]] == [False, False]
    assert found[0].entity.id == UNIT + "test-xingchen"


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["---", "。", "没有这样的名字吧", "zzzzqqqq", "的"])
def test_what_is_no_name_matches_nothing(text: str) -> None:
    assert not any(one.match for one in candidates(text))


# Scoring, without a database -----------------------------------------------------------------------------------------


HOME = Location("district", "districts/1", "310110", "杨浦区")


def hood(key: str, name: str = "新村居委会", **more: object) -> Entity:
    place = Location("neighbourhood", f"neighbourhoods/{key}", key, name)
    return Entity(place.id, "neighbourhoods", name, "residents_committee", places=(HOME, place), dated=True, **more)


def test_of_two_namesakes_neither_is_right() -> None:
    found = rank(Wanted("新村居委会"), [hood("1"), hood("2")], TODAY)
    assert [(one.score, one.match) for one in found] == [(100, False), (100, False)]


def test_what_a_division_was_before_is_no_rival() -> None:
    gone = hood("1", ended=(date(2017, 10, 31), date(2020, 6, 30)), successor="neighbourhoods/2")
    found = rank(Wanted("新村居委会"), [gone, hood("2")], TODAY)
    assert [(one.entity.id, one.match) for one in found] == [("neighbourhoods/2", True), ("neighbourhoods/1", False)]
    assert found[1].features["date"] == 0


def test_residents_are_not_villagers() -> None:
    found = rank(Wanted("三泉居委会"), [hood("1", "三泉村村委会"), hood("2", "三泉居委会")], TODAY)
    assert (found[0].entity.id, found[0].match) == ("neighbourhoods/2", True)
    assert found[-1].score < 90


@pytest.mark.parametrize(
    ("begun", "ended", "asked", "share"),
    [
        ((None, None), (None, None), ("2013-06-27", "2013-06-27"), 100),
        ((None, None), ("2017-10-31", "2020-06-30"), ("2013-01-01", "2013-12-31"), 100),
        ((None, None), ("2017-10-31", "2020-06-30"), ("2019-01-01", "2019-01-01"), 50),
        ((None, None), ("2017-10-31", "2020-06-30"), ("2020-07-01", "2020-07-01"), 0),
        (("2017-10-31", "2020-06-30"), (None, None), ("2017-10-30", "2017-10-30"), 0),
        (("2017-10-31", "2020-06-30"), (None, None), ("2018-01-01", "2018-01-01"), 50),
        (("2017-10-31", "2020-06-30"), (None, None), ("2020-06-30", None), 100),
        (("2017-10-31", "2020-06-30"), (None, None), (None, "2016-01-01"), 0),
    ],
)
def test_a_date_is_certain_possible_or_excluded(begun: tuple, ended: tuple, asked: tuple, share: int) -> None:
    first, last, when = (tuple(day and date.fromisoformat(day) for day in pair) for pair in (begun, ended, asked))
    entity = hood("1", begun=first, ended=last)
    assert at_time(entity, when) == share
