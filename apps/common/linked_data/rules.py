"""Rules by which a field is written in linked data; the `linked_terms` of each app consist of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NO_TYPES: Mapping[str, str] = MappingProxyType({})


class DirectTerm(NamedTuple):
    """A short cut past a nested record: an alliance has a member, and not a membership only.

    `end` is the field of the nested record that holds what is reached, `over` the one whose value ends the relation.
    """

    term: str
    end: str
    over: str


class TermRule(NamedTuple):
    """How a field is written: under which terms, and in which form (see `jsonld.FORMS`)."""

    form: str
    terms: tuple[str, ...] = ()
    direct: DirectTerm | None = None


class Kind(NamedTuple):
    """How a resource is written: the classes of its records, the rules of its fields, and a class for some kinds."""

    types: tuple[str, ...]
    rules: dict[str, TermRule]
    types_by_kind: Mapping[str, str] = NO_TYPES


def value(*terms: str) -> TermRule:
    """Return the rule of a literal: the context says its language or type."""
    return TermRule("value", terms)


def words(term: str) -> TermRule:
    """Return the rule of a text that is in the language of the request, as the document's own words are."""
    return TermRule("words", (term,))


def concept(term: str) -> TermRule:
    """Return the rule of a value from one of the registry's vocabularies, which is a resource of its own."""
    return TermRule("concept", (term,))


def node(term: str, *, direct: DirectTerm | None = None) -> TermRule:
    """Return the rule of a reference, a nested record, or a list of them."""
    return TermRule("node", (term,), direct)


def web(term: str) -> TermRule:
    """Return the rule of an address of the web: a resource elsewhere."""
    return TermRule("web", (term,))


def again(term: str) -> TermRule:
    """Return the rule of a reference that may stand under another field as well: it is written once."""
    return TermRule("again", (term,))


def reverse(term: str, *, direct: DirectTerm | None = None) -> TermRule:
    """Return the rule of records that point at this one by a term."""
    return TermRule("reverse", (term,), direct)


ADDRESS = TermRule("dropped")  # it is the @id
COUNTED = TermRule("dropped")  # follows from the triples, or stands beside them as a figure
INTERNAL = TermRule("dropped")  # says how the EDTF date was read; the date itself is given
PERSON = TermRule("dropped")  # linked data are made for joining, and the registry joins nothing about persons
PARTIES = TermRule("dropped")  # linked data are for everybody, and it is told to the parties alone
ELSEWHERE = TermRule("dropped")  # written together with another field: see `jsonld`


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
