"""How a field is written in linked data: the rules of which `linked_terms` makes its table."""

from typing import NamedTuple


class TermRule(NamedTuple):
    """How a field is written: under which terms, and in which form (see `linked_data.FORMS`)."""

    form: str
    terms: tuple[str, ...] = ()


class Kind(NamedTuple):
    """How a resource is written: the classes of its records, and the rules of its fields."""

    types: tuple[str, ...]
    rules: dict[str, TermRule]


def value(*terms: str) -> TermRule:
    """Return the rule of a literal: the context says its language or type."""
    return TermRule("value", terms)


def concept(term: str) -> TermRule:
    """Return the rule of a value from one of the registry's vocabularies, which is a resource of its own."""
    return TermRule("concept", (term,))


def node(*terms: str) -> TermRule:
    """Return the rule of a reference, a nested record, or a list of them."""
    return TermRule("node", terms)


def reverse(term: str) -> TermRule:
    """Return the rule of records that point at this one by a term."""
    return TermRule("reverse", (term,))


ADDRESS = TermRule("dropped")  # it is the @id
COUNTED = TermRule("dropped")  # follows from the triples, or stands beside them as a figure
INTERNAL = TermRule("dropped")  # says how the EDTF date was read; the date itself is given
PERSON = TermRule("dropped")  # linked data are made for joining, and the registry joins nothing about persons
ELSEWHERE = TermRule("dropped")  # written together with another field: see `linked_data`


def date(name: str, term: str) -> dict[str, TermRule]:
    """Return the rules of a partial date and its companions."""
    companions = {f"{name}_{part}": INTERNAL for part in ("earliest", "latest", "wording", "relative_to")}
    return {name: value(term), **companions}


def counts(*names: str) -> dict[str, TermRule]:
    """Return the rules of counts."""
    return dict.fromkeys(names, COUNTED)


def paired(*names: str) -> dict[str, TermRule]:
    """Return the rules of what is reported and recorded of the same."""
    return counts(*(f"{side}_{name}_count" for name in names for side in ("reported", "recorded")))


def places(term: str) -> dict[str, TermRule]:
    """Return the rules of the divisions in which a record lies."""
    return {name: node(term) for name in ("district", "street", "neighbourhood")}
