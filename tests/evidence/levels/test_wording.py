"""Relative dates, counted from the date of issue."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.common.values.dates import EDTFError
from apps.evidence.fixtures.files import read_file
from apps.evidence.levels.wording import resolve

ARTICLES = Path(__file__).resolve().parents[3] / "fixtures" / "articles"

# The article of Putuo has no date; what its other sentences say of the time narrows every date in it.
NARROWED = {("putuo-kaopu-fenghui.yaml", wording): "2021-12/.." for wording in ("今天", "年底前")}


def dates_of(value: Any) -> Iterator[dict[str, str]]:
    """Every date with a wording in a file."""
    if isinstance(value, dict):
        if "wording" in value:
            yield value
        for inner in value.values():
            yield from dates_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from dates_of(inner)


@pytest.mark.parametrize("path", sorted(ARTICLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_wording_of_the_fixtures_means_what_they_say(path: Path):
    content = read_file(path)
    issued_on = content["article"].get("issued_on", "")
    found = [date for date in dates_of(content) if date.get("relative_to", "") == issued_on]
    meant = {
        date["wording"]: NARROWED.get((path.name, date["wording"]), resolve(date["wording"], issued_on))
        for date in found
    }

    assert found
    assert {date["wording"]: date["edtf"] for date in found} == meant


@pytest.mark.parametrize(
    ("wording", "edtf"),
    [
        ("今天", "2013-06-27"),
        ("今天上午", "2013-06-27"),
        ("昨天", "2013-06-26"),
        ("昨日下午", "2013-06-26"),
        ("今年", "2013"),
        ("今年3月", "2013-03"),
        ("今年三月", "2013-03"),
        ("今年十二月", "2013-12"),
        ("今年3月5日", "2013-03-05"),
        ("去年", "2012"),
        ("去年6月", "2012-06"),
        ("前年", "2011"),
        ("明年", "2014"),
        ("本月", "2013-06"),
        ("上个月", "2013-05"),
        ("今年以来", "2013-01-01/2013-06-27"),
        ("近日", "../2013-06-27"),
        ("日前", "../2013-06-27"),
        ("近年来", "../2013-06-27"),
        ("年底前", "2013-06-27/2013-12-31"),
        ("过去的一年", "2012-06/2013-06-27"),
        ("即将", "2013-06-27/.."),
    ],
)
def test_counted_from_a_day(wording: str, edtf: str):
    assert resolve(wording, "2013-06-27") == edtf


@pytest.mark.parametrize(
    ("wording", "anchor", "edtf"),
    [
        ("今天", "2013-06", "2013-06"),
        ("昨天", "2013-06", "2013-05-31/2013-06-29"),
        ("去年6月", "2013-06", "2012-06"),
        ("今年以来", "2013-06", "2013-01-01/2013-06"),
        ("近日", "2013-06", "../2013-06"),
        ("年底前", "2013-06", "2013-06/2013-12-31"),
        ("今年3月", "2013", "2013-03"),
        ("去年", "2013", "2012"),
        ("过去的一年", "2013", "2012-01/2013"),
        ("今天", "", "../.."),
        ("去年6月", "", "../.."),
        ("近年来", "", "../.."),
        ("今年", "2012-11/2013-02", "2012/2013"),
        ("今天", "2021-12/..", "2021-12/.."),
        ("去年", "2021-12/..", "2020/.."),
        ("近日", "2021-12/..", "../.."),
        ("昨天", "../2013-06-27", "../2013-06-26"),
        ("今天", "2013~", "2013~"),
    ],
)
def test_what_the_anchor_leaves_open_stays_open(wording: str, anchor: str, edtf: str):
    assert resolve(wording, anchor) == edtf


@pytest.mark.parametrize("wording", ["", "改革开放以来", "那天", "今年13月", "今年2月30日", "6月", "今年5日"])
def test_what_is_not_known_means_nothing(wording: str):
    assert resolve(wording, "2013-06-27") is None


def test_the_first_of_all_days_has_no_yesterday():
    assert resolve("昨天", "0001-01-01") is None


def test_an_anchor_is_a_date():
    with pytest.raises(EDTFError):
        resolve("今天", "soon")
