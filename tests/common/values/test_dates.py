"""EDTF values as intervals of days, and what is refused."""

import random
from datetime import date

import pytest

from apps.common.values.dates import MAX_LENGTH, EDTFError, bounds


@pytest.mark.parametrize(
    ("value", "earliest", "latest"),
    [
        ("", None, None),
        ("2013-06-27", "2013-06-27", "2013-06-27"),
        ("2012-06", "2012-06-01", "2012-06-30"),
        ("2012-02", "2012-02-01", "2012-02-29"),
        ("2012", "2012-01-01", "2012-12-31"),
        ("201X", "2010-01-01", "2019-12-31"),
        ("2012-XX", "2012-01-01", "2012-12-31"),
        ("2012-06-XX", "2012-06-01", "2012-06-30"),
        ("XXXX", None, None),
        ("2023~", "2023-01-01", "2023-12-31"),
        ("2023?", "2023-01-01", "2023-12-31"),
        ("2012-21", "2012-03-01", "2012-05-31"),
        ("2015-09-30/2017-10-31", "2015-09-30", "2017-10-31"),
        ("2012/2012-06", "2012-01-01", "2012-06-30"),
        ("../2013-06-27", None, "2013-06-27"),
        ("2023-04-03/..", "2023-04-03", None),
        ("../..", None, None),
        ("/2013-06-27", None, "2013-06-27"),
        ("2013-06-27/", "2013-06-27", None),
        ("[2012,2014]", "2012-01-01", "2014-12-31"),
        ("[..2014]", None, "2014-12-31"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9998-12-31", "9998-12-31", "9998-12-31"),
    ],
)
def test_a_value_means_an_interval_of_days(value: str, earliest: str | None, latest: str | None) -> None:
    days = tuple(day and date.fromisoformat(day) for day in (earliest, latest))
    assert bounds(value) == days


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("去年6月", "not an EDTF date"),
        ("2013年06月27日", "not an EDTF date"),
        ("2012-6", "not an EDTF date"),
        ("2012-13", "not an EDTF date"),
        ("20120627", "not an EDTF date"),
        ("２０１２", "not an EDTF date"),
        (" 2012", "not an EDTF date"),
        ("2012\n", "not an EDTF date"),
        ("2012\0", "not an EDTF date"),
        ("/", "not an EDTF date"),
        ("..", "not an EDTF date"),
        ("2012-06-1X", "not an EDTF date"),
        ("2012-X6-27", "not an EDTF date"),
        ("12XX-0X-31", "not an EDTF date"),
        ("Y2012", "not an EDTF date"),
        ("Y1E99999999999", "not an EDTF date"),
        ("2012S2", "not an EDTF date"),
        ("2013-06-27T10:00:00Z", "a time of day is not a date"),
        ("2013-02-29", "a day that does not exist"),
        ("2012/2011", "begins (2012-01-01) after it ends (2011-12-31)"),
        ("0000", "outside the years 1 to 9998"),
        ("-2012", "outside the years 1 to 9998"),
        ("9999", "outside the years 1 to 9998"),
        ("../9999", "outside the years 1 to 9998"),
        ("2" * (MAX_LENGTH + 1), "longer than 64 characters"),
    ],
)
def test_anything_else_is_refused_with_its_reason(value: str, reason: str) -> None:
    with pytest.raises(EDTFError) as error:
        bounds(value)
    assert str(error.value).startswith(reason)


def test_no_text_makes_the_library_fail_in_a_way_of_its_own() -> None:
    """The library raises errors of several kinds, and prints, for values that are nearly right."""
    chance = random.Random(20130627)  # noqa: S311 - a test, not a secret
    seeds = ["2012-06-27", "12XX-XX-31", "[2012..2014]", "{2012,2013-06}", "2012-21~/..", "XXXX-12-XX", "Y-17E7"]
    for _ in range(400):
        text = list(chance.choice(seeds))
        for _ in range(chance.randint(1, 3)):
            text[chance.randrange(len(text))] = chance.choice("0123456789-/.X~?%[]{},ETSY 年")
        try:
            earliest, latest = bounds("".join(text))
        except EDTFError:
            continue
        assert earliest is None or latest is None or earliest <= latest


def test_nothing_is_printed_for_a_value_that_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EDTFError):
        bounds("2012-0X-27")
    assert capsys.readouterr() == ("", "")
