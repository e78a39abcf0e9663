"""Suggestions: the resources that could meet a need, and the needs that a resource could meet.

Candidates are looked for by n-grams in three rounds, in the street, in the district and anywhere, each ranked roughly
and cut; what is left is scored (`matching.scoring`). Only what everybody sees is suggested: all get the same answer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from apps.common.models.search_conditions import is_one_of
from apps.common.values.dates import today
from apps.common.values.ngrams import every, ngrams
from apps.projects.matching.scoring import Side, Suggestion, asked, best, suggestion
from apps.projects.matching.subjects import SUBJECTS, pairs, related
from apps.projects.models import Claim, Need, Offer, ProjectPartner, Resource
from apps.projects.models.claims import HOLDING
from apps.projects.models.matches import STILL_ASKED, STILL_FREE
from apps.registry.models import MemberUnit

MOST = 20
# Candidates of a round that are scored, and rows of the last one that are ranked: a common word costs like a rare one.
SCORED, RANKED = 80, 600
LEVELS = ("neighbourhood", "street", "district")
COLUMNS = (
    "pk",
    "slug",
    "name",
    "summary",
    "unit_id",
    "unit__name",
    "unit__kind",
    "published_on_earliest",
    "closes_on_latest",
    *(f"in_{level}_id" for level in LEVELS),
    *(f"unit__in_{level}_id" for level in LEVELS),
)


class Found(NamedTuple):
    """A suggestion with both sides as they were compared."""

    need: Side
    resource: Side
    suggestion: Suggestion


class Wanted(NamedTuple):
    """What is looked for, as queries on n-grams: words of its subjects, its own words, and words in names of units."""

    subjects: str
    own: str
    units: str


def suggested(record: Offer) -> list[Found]:
    """Return the best suggestions for a need or a resource, the best first."""
    other: type[Offer] = Resource if isinstance(record, Need) else Need
    (own,) = _rows(type(record)._base_manager.filter(pk=record.pk))
    mine = _side(own)
    rows = [(row["unit_id"], _side(row)) for row in _rows(other._base_manager.filter(pk__in=_candidates(other, mine)))]
    if other is Resource:
        pairs_of = [(unit, mine, side) for unit, side in rows]
    else:
        pairs_of = [(own["unit_id"], side, mine) for _unit, side in rows]
    done = _done(
        {unit for unit, _need, _resource in pairs_of}, {need.places.get("street") for _u, need, _r in pairs_of}
    )
    found: dict[str, Found] = {}
    for unit, need, resource in pairs_of:
        key = (resource if other is Resource else need).key
        made = suggestion(need, resource, together=done[unit, need.places.get("street")])
        if made is not None:
            found[key] = Found(need, resource, made._replace(key=key))
    return [found[each.key] for each in best((each.suggestion for each in found.values()), MOST)]


def _rows(queryset: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    yield from queryset.order_by("pk").values(*COLUMNS)


def _side(row: Mapping[str, Any]) -> Side:
    """Return a row as it is compared. What a unit asks or offers lies where the unit does, unless it says otherwise."""
    own = {level: key for level in LEVELS if (key := row[f"in_{level}_id"])}
    units = {level: key for level in LEVELS if (key := row[f"unit__in_{level}_id"])}
    return Side(
        row["slug"],
        row["name"],
        row["summary"],
        unit=row["unit__name"] or "",
        kind=row["unit__kind"] or "",
        places=own or units,
        days=(row["published_on_earliest"], row["closes_on_latest"]),
    )


# Candidates -----------------------------------------------------------------------------------------------------------


def _wanted(side: Side) -> Wanted:
    """Return what is looked for where a side is to be met, or to be put to use."""
    subjects = {other for key in asked(side) for other in related(key)}
    by_words = (every(ngrams(word)) for key in sorted(subjects) for word in SUBJECTS[key].words)
    by_units = (every(ngrams(word)) for key in sorted(subjects) for word in SUBJECTS[key].units)
    return Wanted(_any(by_words), _any(every([pair]) for pair in sorted(pairs(side.text))), _any(by_units))


def _any(queries: Iterable[str]) -> str:
    return " | ".join(f"({query})" for query in dict.fromkeys(queries))


def _open(model: type[Offer], day: date) -> QuerySet[Any]:
    """Return what everybody sees, what is not settled, and what has not lapsed."""
    status = Q(status__in=STILL_FREE if model is Resource else STILL_ASKED)
    standing = Q(closes_on_latest=None) | Q(closes_on_latest__gte=day)
    return model._base_manager.filter(model.public(), standing, status)


def _candidates(model: type[Offer], side: Side) -> set[int]:
    """Return the keys of the rows that are worth scoring."""
    wanted, rows = _wanted(side), _open(model, today())
    ways = [query for query in (wanted.subjects, wanted.own) if query]
    if not ways:
        return set()
    by_name, by_prose = Q(), Q()
    for query in ways:
        by_name |= Q(ngrams__hold=query)
        by_prose |= Q(prose_ngrams__hold=query)
    rank = sum(
        Case(When(**{f"{column}__hold": query}, then=Value(points)), default=0, output_field=IntegerField())
        for query in ways
        for column, points in (("ngrams", 2), ("prose_ngrams", 1))
    )
    found: set[int] = set()
    for level in ("street", "district"):
        if level not in side.places:
            continue
        units = MemberUnit._base_manager.filter(**{f"in_{level}": side.places[level]}).order_by()
        here = Q(**{f"in_{level}": side.places[level]}) | _by(units)
        condition = by_name | by_prose
        if level == "street" and wanted.units:
            condition |= _by(units.filter(ngrams__hold=wanted.units))
        ranked = rows.filter(here, condition).annotate(rank=rank).order_by("-rank", "pk")
        found |= set(ranked.values_list("pk", flat=True)[:SCORED])
    some = rows.filter(pk__in=rows.filter(by_name).order_by().values("pk")[:RANKED])
    found |= set(some.annotate(rank=rank).order_by("-rank", "pk").values_list("pk", flat=True)[:SCORED])
    return found


def _by(units: QuerySet[MemberUnit]) -> Q:
    """Return the condition for what one of some units asks or offers."""
    return is_one_of("unit_id", ArraySubquery(units.values("pk"), template="(ARRAY(%(subquery)s))"))


# What was done before -------------------------------------------------------------------------------------------------


def _done(units: Iterable[int | None], streets: Iterable[int | None]) -> Counter[tuple[int | None, int | None]]:
    """Return how many projects of which street which unit has claimed or is a partner in."""
    where = {"unit__in": {*units} - {None}, "project__in_street__in": {*streets} - {None}}
    claimed = Claim._base_manager.filter(Claim.public(), status__in=HOLDING, **where)
    partner = ProjectPartner._base_manager.filter(ProjectPartner.public(), **where)
    columns = ("unit_id", "project__in_street_id", "project_id")
    pairs_of = claimed.order_by().values_list(*columns).union(partner.order_by().values_list(*columns))
    return Counter((unit, street) for unit, street, _project in pairs_of)
