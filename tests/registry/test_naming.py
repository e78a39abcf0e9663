from collections import defaultdict
from pathlib import Path

import pytest

from apps.registry.gazetteer.files import read
from apps.registry.gazetteer.rows import DivisionRow, Gazetteer
from apps.registry.naming import by_match_key, match_key, resolve


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return read(Path(__file__).parents[2] / "fixtures" / "gazetteer")


def candidates(gazetteer: Gazetteer, street: str, year: int = 2023) -> dict[str, tuple[str, ...]]:
    rows = (row for row in gazetteer.neighbourhoods if row.parent == street and year in row.editions)
    return by_match_key((row.code, row.name) for row in rows)


@pytest.mark.parametrize(
    ("written", "street", "code"),
    [
        ("国定一居民区", "310110019", "310110019007"),
        ("国定一社区", "310110019", "310110019007"),
        ("国定一居民区党总支", "310110019", "310110019007"),
        ("创智坊居民区", "310110019", "310110019401"),
        ("翔殷路491弄居民区", "310110021", "310110021008"),
        ("翔殷路491弄居民区", "310110101", "310110101008"),  # while it was in 五角场镇
        ("翔殷路四百九十一弄居民区", "310110021", "310110021008"),
        ("浣纱六村", "310110021", "310110021018"),
        ("浣纱六村党支部", "310110021", "310110021018"),
        ("中原路99弄", "310110021", "310110021026"),  # officially 九十九弄
        ("场中路2800弄居委会", "310106101", "310106101020"),  # officially 二千八百弄
        ("东五小区", "310109010", "310109010012"),
        ("林云", "310109010", "310109010025"),
        ("东体", "310109010", "310109010010"),
        ("碧波路居民区", "310115125", "310115125025"),
        ("“国定一” 居委会", "310110019", "310110019007"),
        ("虹纺居委会（筹）", "310109019", "310109019033"),
    ],
)
def test_names_in_articles_resolve_to_their_committees(
    gazetteer: Gazetteer, written: str, street: str, code: str
) -> None:
    year = 2017 if street == "310110101" else 2023
    assert resolve(written, candidates(gazetteer, street, year)) == (code,)


@pytest.mark.parametrize("written", ["市三居民区", "第二军医大学", "", "……"])
def test_what_matches_nothing_is_unresolved(gazetteer: Gazetteer, written: str) -> None:
    assert resolve(written, candidates(gazetteer, "310110021")) == ()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("翔殷路491弄", "翔殷路四九一弄"),
        ("第12居委会", "第一二"),
        ("第十二居委会", "第一二"),
        ("共和一二村", "共和一二村"),
        ("一千零五弄", "一零零五弄"),
        ("千鹤第二居委会", "千鹤第二"),  # 千 and 百 are also parts of names
        ("百合苑社区居委会", "百合苑"),
        ("延吉二、三村居委会", "延吉二三村"),
        ("田林八、九、十村居委会", "田林八九一零村"),
        ("开元小区社区居委会", "开元"),
        ("三泉村委会", "三泉村"),
        ("三泉村村委会", "三泉村"),
        ("凤三(1)居委会", "凤三一"),
        ("凤三（1）居委会", "凤三一"),
        ("创智坊居委会（筹）", "创智坊"),
        ("居委会", "居委会"),
        ("社区居委会", "社区"),
        ("小区党支部", "小区"),
    ],
)
def test_match_key(name: str, key: str) -> None:
    assert match_key(name) == key


@pytest.mark.parametrize("name", ["", " ", "……", "（）"])
def test_a_name_of_nothing_has_no_key(name: str) -> None:
    with pytest.raises(ValueError, match="can be matched"):
        match_key(name)


def test_match_key_is_idempotent_over_the_whole_gazetteer(gazetteer: Gazetteer) -> None:
    odd_ones = ["一（千〇二百", "居委会村委会", "村委会居委会", "二十二十四弄", "（筹）居委会", "村村民委员会"]
    keys = [match_key(name) for name in (*(row.name for row in gazetteer.neighbourhoods), *odd_ones)]
    assert [match_key(key) for key in keys] == keys
    assert all(keys)


def test_every_official_name_resolves_to_itself(gazetteer: Gazetteer) -> None:
    index = by_match_key((row.code, row.name) for row in gazetteer.neighbourhoods)
    assert [row.code for row in gazetteer.neighbourhoods if row.code not in resolve(row.name, index)] == []


def test_within_a_street_of_today_official_names_are_all_but_unambiguous(gazetteer: Gazetteer) -> None:
    streets: defaultdict[str | None, list[DivisionRow]] = defaultdict(list)
    for row in gazetteer.neighbourhoods:
        if 2023 in row.editions:
            streets[row.parent].append(row)
    ambiguous = set()
    for rows in streets.values():
        index = by_match_key((row.code, row.name) for row in rows)
        ambiguous |= {row.name for row in rows if resolve(row.name, index) != (row.code,)}
    # One and two, or twelve: nobody can tell from 田林12村.
    assert ambiguous == {"田林一、二村居委会", "田林十二村居委会"}


def test_the_kind_of_committee_is_heeded_where_the_name_says_it(gazetteer: Gazetteer) -> None:
    index = candidates(gazetteer, "310113109")
    assert resolve("顾村居民区", index) == ("310113109006",)
    assert resolve("顾村村委会", index) == ("310113109201",)
    assert resolve("顾村", index) == ("310113109006", "310113109201")


def test_the_other_kind_of_committee_is_better_than_none(gazetteer: Gazetteer) -> None:
    assert resolve("浣纱六村村委会", candidates(gazetteer, "310110021")) == ("310110021018",)
