"""What may be added, and what the sum says."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.evidence.sums.adding import Addend, AddingError, add


def figure(name: str, value: int = 1, comparator: str = "=", **options: Any) -> Addend:
    """A figure about a subject of its own."""
    given = {"measure": "services", "unit": "time", "kind": "actual", "subject": name, **options}
    return Addend(name=name, comparator=comparator, value=Decimal(value), **given)


def year(number: int) -> dict[str, date]:
    return {"earliest": date(number, 1, 1), "latest": date(number, 12, 31)}


def reason(*figures: Addend, **options: Any) -> str:
    with pytest.raises(AddingError) as error:
        add(figures, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("comparators", "expected"),
    [
        ("=", "="),
        ("= =", "="),
        ("= >=", ">="),
        ("= >", ">"),
        (">= >", ">"),
        ("> >", ">"),
        ("<= =", "<="),
        ("<= <", "<"),
        ("~ =", "~"),
        ("~ ~", "~"),
    ],
)
def test_comparators_carry_through(comparators: str, expected: str):
    given = comparators.split()

    found = add([figure(str(number), 2, comparator) for number, comparator in enumerate(given)])

    assert found.comparator == expected
    assert found.value == 2 * len(given)


@pytest.mark.parametrize("pair", [(">=", "<="), (">", "<"), ("~", ">="), ("~", "<"), (">", "<=")])
def test_nothing_follows_from_bounds_of_different_kinds(pair: tuple[str, str]):
    assert f"{pair[0]} (a); {pair[1]} (b)" in reason(figure("a", 1, pair[0]), figure("b", 1, pair[1]))


def test_different_units_are_never_added():
    assert "person (a); person_time (b)" in reason(figure("a", unit="person"), figure("b", unit="person_time"))


def test_different_measures_are_never_added():
    assert "services (a); guests (b)" in reason(figure("a"), figure("b", measure="guests"))


def test_a_target_never_enters_a_sum():
    assert reason(figure("a"), figure("b", kind="target")).endswith(": b.")


def test_nothing_is_no_sum():
    assert reason()


def test_periods_that_lie_apart_are_added_for_one_subject():
    found = add([figure("a", 3, subject="x", **year(2012)), figure("b", 4, subject="x", **year(2013))])

    assert found.value == 7


@pytest.mark.parametrize(
    "period",
    [
        {},
        year(2013),
        {"earliest": date(2013, 6, 1), "latest": None},
        {"earliest": None, "latest": date(2013, 6, 1)},
        {"earliest": date(2013, 12, 31), "latest": date(2014, 1, 31)},
    ],
)
def test_the_same_is_not_counted_twice_for_one_subject(period: dict[str, Any]):
    assert "a, b" in reason(figure("a", subject="x", **year(2013)), figure("b", subject="x", **period))


def test_an_end_before_the_other_beginning_is_enough():
    found = add(
        [
            figure("a", subject="x", earliest=None, latest=date(2012, 12, 31)),
            figure("b", subject="x", earliest=date(2013, 1, 1), latest=None),
        ]
    )

    assert found.value == 2


def test_a_part_is_not_added_to_its_whole():
    part, whole = figure("a", subject="part"), figure("b", subject="whole")

    assert "a" in reason(part, whole, within={("part", "whole")})
    assert "b" in reason(whole, part, within={("part", "whole")})


def test_a_part_is_added_to_its_whole_of_another_time():
    part, whole = figure("a", subject="part", **year(2012)), figure("b", subject="whole", **year(2013))

    assert add([part, whole], within={("part", "whole")}).value == 2


def test_parts_of_one_whole_are_added():
    within = {("one", "whole"), ("other", "whole")}

    assert add([figure("a", subject="one"), figure("b", subject="other")], within=within).value == 2
