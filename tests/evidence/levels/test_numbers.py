"""The numbers that words give: value, comparator and unit; none for ordinals, years, addresses and vague ones."""

import pytest

from apps.evidence.levels.numbers import chinese_value, numbers

GIVEN = {
    "720余次": [">= 720 time"],
    "近6500名在职党员": ["~ 6500 person"],
    "31700余人次": [">= 31700 person_time"],
    "20万个充换电设施点位": ["200000 point"],
    "十二工作法": ["12 item"],
    "30%": ["30 percent"],
    "百分之三十": ["30 percent"],
    "864㎡": ["864 square_metre"],
    "41万平方米": ["410000 square_metre"],
    "１２３家": ["123 organisation"],
    "1,234人": ["1234 person"],
    "3.5万人次": ["35000 person_time"],
    "1.2亿元": ["120000000 money"],
    "3万余人": [">= 30000 person"],
    "20余万人次": [">= 200000 person_time"],
    "3000多万元": [">= 30000000 money"],
    "百余人": [">= 100 person"],
    "三百來人": ["~ 300 person"],
    "一百二十場": ["120 session"],
    "一千零五十二人": ["1052 person"],
    "两千余名志愿者": [">= 2000 person"],
    "超过50家": ["> 50 organisation"],
    "逾百家企业": ["> 100 organisation"],
    "约2000户": ["~ 2000 household"],
    "50人以上": [">= 50 person"],
    "不少于3场": [">= 3 session"],
    "不超过10天": ["<= 10 day"],
    "不足100人": ["< 100 person"],
    "30人左右": ["~ 30 person"],
    "5至10人": [">= 5 person", "<= 10 person"],
    "4大类118个项目": ["4 category", "118 project"],
    "32个居民区、149个小区": ["32 item", "149 item"],
    "15个党支部": ["15 organisation"],
    "三个圈层不同治理模式": ["3 category"],
    "五大融合": ["5 item"],
    "四大提升行动": ["4 project"],
    "拟分三年落地": ["3 year"],
    "24小时": ["24 hour"],
    "萬餘人": [">= 10000 person"],
    "１，２００人": ["1200 person"],
    "项目3，317人": ["3 item", "317 person"],
    "项目3,31700余人次": ["3 item", ">= 31700 person_time"],
}


@pytest.mark.parametrize(("words", "given"), GIVEN.items())
def test_words_give_numbers(words: str, given: list[str]) -> None:
    assert [str(number) for number in numbers(words)] == given


@pytest.mark.parametrize(
    "words",
    [
        "几十人",
        "数十家",
        "数百名",
        "第十一次党代会",
        "第3届",
        "2021年12月",
        "60后",
        "翔殷路491弄",
        "国定一居民区",
        "若干项目",
        "",
    ],
)
def test_words_that_count_nothing_give_none(words: str) -> None:
    assert numbers(words) == ()


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("十", 10),
        ("二十", 20),
        ("一百零五", 105),
        ("三万二千", 32000),
        ("一亿零三", 100000003),
        ("二〇二三", 2023),
        ("两", 2),
        ("甲", None),
        ("", None),
        ("一" * 5000, None),
    ],
)
def test_chinese_numerals(numeral: str, value: int | None) -> None:
    assert chinese_value(numeral) == value
