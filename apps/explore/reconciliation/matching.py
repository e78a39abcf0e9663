"""Which records may be meant by a reconciliation query: a bounded number of candidates, found by indexed search.

A whole batch costs a fixed number of statements: for each kind of record one that holds a branch for each query, and
a second one for the queries that the first did not settle. Scoring is `scoring.py`; nothing is decided here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import combinations

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, F, Func, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Abs, Least, Length

from apps.common.models.records import Citable, RecordQuerySet
from apps.common.values.pinyin import normalise_term
from apps.explore.reconciliation.entities import DIVISIONS, PLACES, TYPES, Candidate, level_of, load
from apps.explore.reconciliation.scoring import Scored, Wanted, rank
from apps.registry.likeness import Form, form, sound, stem, without_front
from apps.registry.models import District, Identifier, MemberUnit, Street, UnitName
from apps.registry.models.divisions import Division

NEAR = 30  # candidates that hold the name
WITHIN = 30  # those in the territory that the query names
PIECES = 25  # those that hold pieces of the name
ABBREVIATED = 15  # those that hold its characters in their order
PIECE_LIMIT = 8
SETTLED = 90.0  # a score above which nothing better is looked for

# The divisions that may stand in front of a name; a guess, which costs one more term to search.
_TERRITORY = re.compile("^(?:.{2,4}?(?:区|县))?(?:.{2,6}?(?:街道|镇|乡))?")
_KEY = re.compile(r"(?:(?P<type>[a-z-]+)/)?(?P<key>[a-z0-9]+(?:-[a-z0-9]+)*)")

ABBREVIATION_LIMIT = 6
# The endings of full names of divisions.
_GENERIC = ("区", "县", "新区", "街道", "镇", "乡")

Places = dict[str, set[int]]  # level -> primary keys
Branches = Callable[[RecordQuerySet, str, Wanted, Places], list[RecordQuerySet]]

# The sources of names: the type, the rows that bear them, and the columns that lead to candidates.
_SOURCES: list[tuple[str, type[Citable], tuple[str, ...]]] = [
    *((name, model, ("pk", "successor_id") if name in DIVISIONS else ("pk",)) for name, model in TYPES.items()),
    ("member-units", UnitName, ("unit_id",)),
]


class Held(Func):
    """The number of pieces that a row's search text holds."""

    template = "(SELECT count(*) FROM unnest(%(expressions)s, piece) > 0)"
    arg_joiner = "::text[]) AS piece WHERE strpos("  # between the pieces and the column
    output_field = IntegerField()

    def __init__(self, pieces: list[str]) -> None:
        super().__init__(Value(pieces, output_field=ArrayField(TextField())), F("search_text"))


def match(queries: Sequence[tuple[Wanted, tuple[str, ...]]], today: date) -> list[list[tuple[Candidate, Scored]]]:
    """Return the ranked candidates of each query; a query is given with the types that it is about."""
    territories = _territories([wanted for wanted, _types in queries])
    found: list[dict[str, set[int]]] = [{} for _query in queries]
    records: dict[str, dict[int, Candidate]] = {}
    results: list[list[tuple[Candidate, Scored]]] = [[] for _query in queries]
    open_queries = list(range(len(queries)))
    for branches in (_first_branches, _further_branches):
        _collect(queries, open_queries, territories, branches, found)
        _load_missing(found, records)
        for number in open_queries:
            results[number] = _ranked(queries[number][0], found[number], records, today)
        open_queries = [number for number in open_queries if not _is_settled(queries[number][0], results[number])]
    return results


def _is_settled(wanted: Wanted, ranked: Sequence[tuple[Candidate, Scored]]) -> bool:
    return not wanted.text or bool(ranked and ranked[0][1].score >= SETTLED)


def _ranked(
    wanted: Wanted, found: Mapping[str, set[int]], records: Mapping[str, Mapping[int, Candidate]], today: date
) -> list[tuple[Candidate, Scored]]:
    mine = [records[name][pk] for name, pks in found.items() for pk in pks if pk in records[name]]
    by_id = {record.entity.id: record for record in mine}
    return [(by_id[scored.entity.id], scored) for scored in rank(wanted, [record.entity for record in mine], today)]


def _load_missing(found: Sequence[Mapping[str, set[int]]], records: dict[str, dict[int, Candidate]]) -> None:
    """Load the records that are not loaded yet; one that is not published stays out."""
    for name in TYPES:
        records.setdefault(name, {})
    missing = {name: {pk for pks in found for pk in pks.get(name, ())} - set(records[name]) for name in TYPES}
    for name, loaded in load(missing).items():
        records[name] |= loaded


def _collect(
    queries: Sequence[tuple[Wanted, tuple[str, ...]]],
    numbers: Sequence[int],
    territories: Sequence[Places],
    branches: Branches,
    found: list[dict[str, set[int]]],
) -> None:
    """Add the primary keys of candidates: one statement for each kind of record."""
    for name, source, columns in _SOURCES:
        rows = source._default_manager.visible_to(None)
        parts = [
            part.annotate(query=Value(number, output_field=IntegerField())).values_list("query", *columns)
            for number in numbers
            if name in queries[number][1]
            for part in branches(rows, name, queries[number][0], territories[number])
        ]
        if parts:
            for number, *pks in parts[0].union(*parts[1:], all=True):
                found[number].setdefault(name, set()).update(pk for pk in pks if pk is not None)


def _first_branches(rows: RecordQuerySet, name: str, wanted: Wanted, territory: Places) -> list[RecordQuerySet]:
    """Return the rows that hold the name, as it is or as it sounds, everywhere and in the territory that is named.

    Those that bear the identifier which the query gives are among them.
    """
    parts = [rows.filter(pk__in=_bearers(wanted))] if rows.model is MemberUnit and wanted.codes + wanted.says else []
    if not wanted.text:
        return [*parts, rows.filter(inside)[:WITHIN]] if (inside := _inside(rows.model, name, territory)) else parts
    terms = _terms(wanted.text)
    if terms:
        holding = _any_of(rows, terms)
        parts.append(_nearest(holding, wanted.text)[:NEAR])
        if inside := _inside(rows.model, name, territory):
            parts.append(_nearest(holding.filter(inside), wanted.text)[:WITHIN])
    key = _KEY.fullmatch(wanted.text)
    if key and key["type"] in (None, name) and rows.model is TYPES[name]:
        parts.append(rows.filter(**{rows.model.key_field: key["key"]}))
    return parts


def _bearers(wanted: Wanted) -> QuerySet[Identifier, dict[str, int]]:
    """Return a query for the units that bear an identifier which a query gives."""
    condition = Q()
    for code in (*wanted.codes, *wanted.says):
        scheme, _colon, value = code.partition(":")
        condition |= Q(scheme=scheme, value=value)
    return Identifier.objects.visible_to(None).filter(condition).order_by().values("unit")


def _further_branches(rows: RecordQuerySet, _name: str, wanted: Wanted, _territory: Places) -> list[RecordQuerySet]:
    """Return the rows that hold pieces of the name, or its characters in their order."""
    query = form(without_front(wanted.text))
    parts = []
    if terms := _pieces(query):
        held = Held([piece for term in dict.fromkeys(terms) for piece in term.split()])
        parts.append(_any_of(rows, terms).order_by(held.desc(), *_by_distance(wanted.text))[:PIECES])
    if not query.latin and 2 <= len(query.key) <= ABBREVIATION_LIMIT:
        in_order = ".*".join(map(re.escape, query.key))
        parts.append(
            rows.matching(" ".join(query.key)).filter(name__regex=in_order).order_by(Length("name"), "pk")[:ABBREVIATED]
        )
    return parts


def _terms(text: str) -> list[str]:
    """Return the terms that a meant name may hold: the query, and the query without words around the name itself."""
    query = form(text)
    bare = form(without_front(query.plain))
    there = form(_TERRITORY.sub("", bare.plain) or bare.plain)
    terms = [query.plain, bare.core, stem(bare.plain)]
    terms += [core for core in (there.core, stem(there.plain)) if len(core) >= 2]
    terms += [sound(core) for core in (bare.core, there.core) if not query.latin and len(core) >= 2]
    # A term that holds another one finds nothing that the shorter one does not.
    distinct = [term for term in dict.fromkeys(terms) if term]
    return [term for term in distinct if not any(other != term and other in term for other in distinct)]


def _pieces(query: Form) -> list[str]:
    """Return pieces of a name of which a mistyped, longer or shorter one still holds some."""
    core = query.core
    if query.latin:
        half = len(core) // 2
        return [core[:half], core[half:]] if half >= 3 else []
    if len(core) == 3:  # two characters of three, in any order: 五场角 for 五角场
        return [" ".join(pair) for pair in combinations(core, 2)]
    pairs = list(dict.fromkeys(core[start : start + 2] for start in range(len(core) - 1)))
    step = max(1, -(-len(pairs) // PIECE_LIMIT))
    return pairs[::step] if len(core) > 3 else []


def _any_of(rows: RecordQuerySet, terms: Sequence[str]) -> RecordQuerySet:
    """Return the rows in which one of the terms is found."""
    found = rows.matching(terms[0])
    for term in terms[1:]:
        found = found | rows.matching(term)
    return found


def _nearest(rows: RecordQuerySet, text: str) -> RecordQuerySet:
    return rows.order_by(*_by_distance(text))


def _by_distance(text: str) -> tuple[Func | F, ...]:
    """Return the order that puts names first whose length, in characters or in pinyin, is nearest."""
    query = form(text)
    length = Value(len(query.plain), output_field=IntegerField())
    distance: Func = Abs(Length("name") - length)
    return Least(distance, Abs(Length("name_pinyin") - length)) if query.latin else distance, F("pk")


# Territories that queries name ----------------------------------------------------------------------------------------


def _territories(queries: Sequence[Wanted]) -> list[Places]:
    """Return the districts and streets that the queries' properties mean: two statements for all of them."""
    values = {value for wanted in queries for _level, values in wanted.places for value in values}
    if not values:
        return [{} for _wanted in queries]
    meant = {level: _meant(model, values) for level, model in (("district", District), ("street", Street))}
    territories = []
    for wanted in queries:
        territory: Places = {}
        for level, asked in wanted.places:
            for known in ("district", "street"):
                if level in ("division", known):
                    pks = {pk for value in asked for pk in meant[known].get(value, ())}
                    territory.setdefault(known, set()).update(pks)
        territories.append({level: pks for level, pks in territory.items() if pks})
    return territories


def _meant(model: type[Division], values: set[str]) -> dict[str, set[int]]:
    """Return the divisions of a level that each value can mean."""
    names: dict[str, set[str]] = {}
    for value in values:
        key = value.partition("/")[2] or value
        bare = without_front(form(value).plain)
        for name in (key, bare, *(bare + ending for ending in _GENERIC)):
            names.setdefault(name, set()).add(value)
    rows = model.objects.filter(Q(name__in=names) | Q(code__in=names) | Q(official_code__in=names))
    meant: dict[str, set[int]] = {}
    for pk, *said in rows.values_list("pk", "name", "code", "official_code"):
        for value in {value for text in said for value in names.get(text, ())}:
            meant.setdefault(value, set()).add(pk)
    return meant


def _inside(model: type[Citable], name: str, territory: Places) -> Q | None:
    """Return the condition of lying in a territory; None where none is named or the rows lie nowhere."""
    if not territory or model is not TYPES[name]:
        return None
    level = "street" if "street" in territory else "district"  # the narrower one
    condition = Q(pk__in=territory[level]) if name == f"{level}s" else Q()
    for path in PLACES[name]:
        if level_of(path) == level:
            condition |= Q(**{f"{path}__in": territory[level]})
    return condition or None


# Suggestions ----------------------------------------------------------------------------------------------------------


def suggest(prefix: str, types: Sequence[str], most: int) -> list[tuple[str, int]]:
    """Return records whose names hold what is typed, as type and primary key: those that begin with it come first.

    One statement. Divisions that exist no longer come behind those of the same rank that do.
    """
    term = normalise_term(prefix)
    if not term:
        return []
    parts = []
    for number, (name, source, columns) in enumerate(_SOURCES):
        if name in types:
            rows = source._default_manager.visible_to(None)
            found = rows.matching(prefix.replace(" ", "")) | rows.filter(_has_key(source, name, prefix))
            parts.append(
                found.annotate(
                    rank=_suggestion_rank(source, name, term),
                    length=Length("name"),
                    source=Value(number, output_field=IntegerField()),
                )
                .order_by("rank", "length", columns[0])
                .values_list("rank", "length", "source", columns[0])[:most]
            )
    ranked = sorted(parts[0].union(*parts[1:], all=True)) if parts else []
    return list(dict.fromkeys((_SOURCES[number][0], pk) for _rank, _length, number, pk in ranked))[:most]


def _has_key(source: type[Citable], name: str, prefix: str) -> Q:
    """Return the condition of having what is typed as identifier; never true for names, which have none here."""
    key = prefix.removeprefix(f"{name}/")
    return Q(**{source.key_field: key}) if source is TYPES[name] else Q(pk__in=[])


def _suggestion_rank(source: type[Citable], name: str, term: str) -> Case:
    past = Q(abolished_on__gt="") if name in DIVISIONS else Q(pk__in=[])
    begins = Q(search_text__startswith=term)
    whole = Q(search_text=term) | Q(search_text__startswith=f"{term}\n")
    return Case(
        When(whole & ~past, then=0),
        When(whole, then=1),
        When(begins & ~past, then=2),
        When(begins, then=3),
        When(past, then=5),
        default=4,
        output_field=IntegerField(),
    )
