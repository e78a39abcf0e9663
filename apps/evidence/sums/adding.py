"""The rules by which reported numbers are added. Pure: values in, a sum or a reason out.

Two figures may be added when they count the same thing in the same unit, both as fact, and nothing can have been
counted twice: their subjects lie apart, or their periods do. A period that is open or not stated lies apart from none.

A comparator is what is known of the true number, and a sum says no more than follows from that:

    =  and  =         give  =     2 + 3 is 5
    =, >=             give  >=    at least 2, and 3: at least 5
    =, >=, >          give  >     at least 2, and more than 3: more than 5 (likewise <= and <)
    =, ~              give  ~     about 2, and 3: about 5
    a lower bound and an upper one: refused, nothing follows
    ~ and a bound: refused, the sum is neither about nor at least anything
"""

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext

ACTUAL = "actual"
# The weaker comparator first: one stronger addend makes the sum strict.
FAMILIES = (("=", ">=", ">"), ("=", "<=", "<"), ("=", "~"))


class AddingError(ValueError):
    """Numbers that may not be added; says why, and which."""


@dataclass(frozen=True)
class Addend:
    """One figure: what is counted, how much, of whom and when. `name` is what errors call it."""

    name: str
    measure: str
    comparator: str
    value: Decimal
    unit: str
    kind: str
    subject: Hashable
    earliest: date | None = None
    latest: date | None = None


@dataclass(frozen=True)
class Sum:
    """The sum of the addends."""

    measure: str
    comparator: str
    value: Decimal
    unit: str


def add(figures: Iterable[Addend], within: Collection[tuple[Hashable, Hashable]] = ()) -> Sum:
    """Return the sum of figures, or raise AddingError with the reason.

    `within` holds pairs of subjects of which the first lies within the second, directly or through others.
    """
    addends = list(figures)
    if not addends:
        raise AddingError(gettext("There is nothing to add."))
    if targets := [figure for figure in addends if figure.kind != ACTUAL]:
        raise AddingError(gettext("A target is a plan and never enters a sum: %(names)s.") % {"names": _names(targets)})
    if len({figure.measure for figure in addends}) > 1:
        raise AddingError(
            gettext("Different things are counted: %(groups)s.") % {"groups": _groups(addends, "measure")}
        )
    if len({figure.unit for figure in addends}) > 1:
        raise AddingError(
            gettext("Different units are never added: %(groups)s.") % {"groups": _groups(addends, "unit")}
        )
    _refuse_counted_twice(addends, within)
    total = sum((figure.value for figure in addends), Decimal(0))
    return Sum(addends[0].measure, _comparator(addends), total, addends[0].unit)


def _comparator(addends: list[Addend]) -> str:
    """Return the comparator of the sum: the strongest of the one family to which all belong."""
    given = {figure.comparator for figure in addends}
    for family in FAMILIES:
        if given <= set(family):
            return max(given, key=family.index)
    raise AddingError(
        gettext("Nothing follows for the sum of numbers that are bounded in different ways: %(groups)s.")
        % {"groups": _groups(addends, "comparator")}
    )


def _refuse_counted_twice(addends: list[Addend], within: Collection[tuple[Hashable, Hashable]]) -> None:
    around: dict[Hashable, set[Hashable]] = {}
    for inner, outer in within:
        around.setdefault(inner, set()).add(outer)
    by_subject: dict[Hashable, list[Addend]] = {}
    for figure in addends:
        by_subject.setdefault(figure.subject, []).append(figure)
    for subject, own in by_subject.items():
        for position, figure in enumerate(own):
            for other in own[position + 1 :]:
                if not _apart(figure, other):
                    raise AddingError(
                        gettext("The same may be counted twice: %(names)s are about the same record, and %(reason)s.")
                        % {"names": _names([figure, other]), "reason": _reason(figure, other)}
                    )
            for outer in around.get(subject, ()):
                for other in by_subject.get(outer, ()):
                    if not _apart(figure, other):
                        raise AddingError(
                            gettext(
                                "The same may be counted twice: what %(inner)s is about lies within"
                                " what %(outer)s is about, and %(reason)s."
                            )
                            % {"inner": figure.name, "outer": other.name, "reason": _reason(figure, other)}
                        )


def _apart(one: Addend, other: Addend) -> bool:
    """Return whether one period surely ends before the other begins."""
    return bool(
        (one.latest and other.earliest and one.latest < other.earliest)
        or (other.latest and one.earliest and other.latest < one.earliest)
    )


def _reason(one: Addend, other: Addend) -> str:
    if None in (one.earliest, one.latest, other.earliest, other.latest):
        return gettext("a period is open or not stated")
    return gettext("their periods overlap")


def _names(figures: Iterable[Addend]) -> str:
    return ", ".join(figure.name for figure in figures)


def _groups(figures: list[Addend], attribute: str) -> str:
    """List the figures by what they differ in: `person (a, b); person_time (c)`."""
    groups: dict[str, list[Addend]] = {}
    for figure in figures:
        groups.setdefault(getattr(figure, attribute), []).append(figure)
    return "; ".join(f"{value} ({_names(group)})" for value, group in groups.items())
