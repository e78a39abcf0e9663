"""The dates that words give, by wording and date of issue; precision counts."""

import pytest

from apps.evidence.levels.dates import check_date, issue_of, written
from apps.evidence.levels.verdicts import Context

ISSUED = Context(issued="2013-06-27")
UNDATED = Context(body="自2021年1月提出,到2021年12月召开峰会。2023年重点项目今天签约。")


@pytest.mark.parametrize(
    ("words", "dates"),
    [
        ("2013年6月27日", ("2013-06-27",)),
        ("2013年6月", ("2013-06",)),
        ("2013年度", ("2013",)),
        ("二〇二三年六月", ("2023-06",)),
        ("２０２１年１２月", ("2021-12",)),
        ("2013-06-27印发", ("2013-06-27",)),
        ("2021年、2022年3月", ("2021", "2022-03")),
        ("2013个", ()),
    ],
)
def test_dates_written_in_full(words: str, dates: tuple[str, ...]) -> None:
    assert written(words) == dates


@pytest.mark.parametrize(
    ("value", "words", "level"),
    [
        ("2020-05", "于2020年5月开始运行", "literal"),
        ("2020", "于2020年5月开始运行", None),
        ("2020-05-15", "于2020年5月开始运行", None),
        ("2013-06-01", "6月1日成立", "derived"),
        ("2013-06", "6月1日成立", None),
        ("2012-06", "去年6月成立", "derived"),
        ("2013-03/2013-06-27", "今年3月启动,多次走访", "derived"),
        ("2013-03/2013-06-26", "今年3月启动,多次走访", None),
        ("../2013-06-27", "国画班有了新成员", "derived"),
        ("../2013-06-28", "国画班有了新成员", None),
        ("../2013-06-27", "国画班", None),
        ("../2013-06-27", "2012年6月成立了", None),
        ("2021/2022", "2021年至2022年", "derived"),
        ("2010~", "2010年前后", "derived"),
    ],
)
def test_dates_without_a_wording(value: str, words: str, level: str | None) -> None:
    assert check_date(value, words, ISSUED).level == level


@pytest.mark.parametrize(
    ("value", "wording", "relative_to", "words", "level"),
    [
        ("2012-06", "去年6月", "2013-06-27", "去年6月,镇里成立了", "derived"),
        ("2012", "去年6月", "2013-06-27", "去年6月,镇里成立了", None),
        ("2012-07", "去年6月", "2013-06-27", "去年6月,镇里成立了", None),
        ("2012-06", "去年6月", "2013-06-26", "去年6月,镇里成立了", None),
        ("2012-06", "去年6月", "2013-06-27", "今年6月,镇里成立了", None),
        ("2013-06-01", "6月1日", "2013-06-27", "6月1日,镇里成立了", "derived"),
        ("../2013-06-27", "日前", "2013-06-27", "日前,镇里召开", "derived"),
        ("../2013-06", "日前", "2013-06-27", "日前,镇里召开", None),
    ],
)
def test_dates_by_wording(value: str, wording: str, relative_to: str, words: str, level: str | None) -> None:
    date = {"value": value, "wording": wording, "relative_to": relative_to}
    assert check_date(date, words, ISSUED).level == level


def test_a_refusal_says_what_the_wording_means() -> None:
    date = {"value": "2012-07", "wording": "去年6月", "relative_to": "2013-06-27"}
    assert check_date(date, "去年6月成立", ISSUED).gives == "2012-06 (去年6月)"


def test_an_undated_article_was_issued_not_before_the_latest_month_that_it_names() -> None:
    assert issue_of("", UNDATED.body) == "2021-12/.."
    assert issue_of("2022-01-05", UNDATED.body) == "2022-01-05"
    assert issue_of("", "没有日期") == ""
    assert check_date({"value": "2021-12/..", "wording": "今天"}, "今天召开", UNDATED).level == "derived"
    assert check_date({"value": "2022-12/..", "wording": "今天"}, "今天召开", UNDATED).level is None
    assert check_date({"value": "../..", "wording": "近日"}, "近日召开", Context()).level == "derived"
