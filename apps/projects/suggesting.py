"""Suggestions: the resources that could meet a need, and the needs that a resource could meet.

Candidates are looked for in three rounds, in the street, in the district and anywhere, each ranked roughly and cut, so
that a common word costs no more than a rare one; what is left is scored (`matching.scoring`). Only what everybody sees
is suggested: all get the same answer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from apps.common.values.dates import today
from apps.common.values.ngrams import every, ngrams
from apps.projects.matching.scoring import ComparedSide, Suggestion, asked, best, suggestion
from apps.projects.matching.subjects import SUBJECTS, hinted, pairs, related
from apps.projects.models import Claim, Need, Offer, ProjectPartner, Resource
from apps.projects.models.claims import HOLDING
from apps.projects.models.matches import STILL_ASKED, STILL_FREE

MOST = 20
# Candidates of a round that are scored, and rows of the last one that are ranked: a common word costs like a rare one.
SCORED, RANKED = 80, 600
WELL = 0.4  # how well another subject has to meet one (0 to 1), for its resources to be candidates
LEVELS = ("neighbourhood", "street", "district")
SIDE = """
    SELECT offer.slug, offer.name, offer.summary, offer.unit_id, unit.name, unit.kind,
           offer.published_on_earliest, offer.closes_on_latest,
           offer.capacity, category.name,
           offer.in_neighbourhood_id, offer.in_street_id, offer.in_district_id,
           unit.in_neighbourhood_id, unit.in_street_id, unit.in_district_id
    FROM {table} AS offer
    LEFT JOIN registry_memberunit AS unit ON unit.id = offer.unit_id
    LEFT JOIN projects_category AS category ON category.id = offer.category_id
"""
OPEN = """
    offer.state = 'published' AND offer.is_public AND offer.status = ANY(%(statuses)s)
    AND (offer.closes_on_latest IS NULL OR offer.closes_on_latest >= %(day)s)
"""
ABOUT = "(offer.name_subjects && %(subjects)s::varchar[] OR offer.summary_subjects && %(subjects)s::varchar[])"
SAYS = "(offer.ngrams @@ %(own)s::tsquery OR offer.prose_ngrams @@ %(own)s::tsquery)"
# What is about the same comes before what is about something that may meet it.
RANK = """
    2 * (offer.name_subjects && %(told)s::varchar[])::int + (offer.summary_subjects && %(told)s::varchar[])::int
    + 2 * (offer.name_subjects && %(subjects)s::varchar[])::int
    + (offer.summary_subjects && %(subjects)s::varchar[])::int
    + 2 * (offer.ngrams @@ %(own)s::tsquery)::int + (offer.prose_ngrams @@ %(own)s::tsquery)::int
"""
LYING = "(offer.in_{level}_id = %({level})s OR offer.unit_id = ANY(ARRAY({units})))"
UNITS = "SELECT id FROM registry_memberunit WHERE in_{level}_id = %({level})s"
HINTED = f"offer.unit_id = ANY(ARRAY({UNITS.format(level='street')} AND ngrams @@ %(units)s::tsquery))"
# ruff: noqa: S608 - put together of constants and names of tables alone
ROUND = f"""
    (SELECT offer.id FROM {{table}} AS offer WHERE {OPEN} AND {{where}} ORDER BY {RANK} DESC, offer.id LIMIT {SCORED})
"""
ROUNDS = {
    "street": f"{LYING.format(level='street', units=UNITS.format(level='street'))} AND ({ABOUT} OR {SAYS} OR {HINTED})",
    "district": f"{LYING.format(level='district', units=UNITS.format(level='district'))} AND {ABOUT}",
    # The rows are found by the indexes on what they are looked for, not walked through in the order of their keys.
    "anywhere": f"""offer.id = ANY(ARRAY(SELECT id FROM (
        SELECT offer.id FROM {{table}} AS offer
        WHERE {OPEN} AND {{about}} AND offer.ngrams @@ %(named)s::tsquery OFFSET 0
    ) AS found ORDER BY id LIMIT {RANKED}))""",
}
ANY = f"""
    (SELECT id FROM (
        SELECT offer.id FROM {{table}} AS offer
        WHERE {OPEN} AND offer.name_subjects && %(subjects)s::varchar[] OFFSET 0
    ) AS found ORDER BY id LIMIT {SCORED})
"""


class Found(NamedTuple):
    """A suggestion with both sides as they were compared."""

    need: ComparedSide
    resource: ComparedSide
    suggestion: Suggestion


def suggested(record: Offer) -> list[Found]:
    """Return the best suggestions for a need or a resource, the best first."""
    other: type[Offer] = Resource if isinstance(record, Need) else Need
    ((own, mine),) = _sides(type(record), "offer.id = %(key)s", {"key": record.pk})
    wanted = _wanted(other, mine, today())
    found: dict[str, Found] = {}
    for condition in _rounds(wanted):
        pairs_of = [
            (unit, mine, side) if other is Resource else (own, side, mine)
            for unit, side in _sides(other, condition, wanted)
            if side.key not in found
        ]
        found |= {each.suggestion.key: each for each in _scored(pairs_of, is_resource=other is Resource)}
        if len(found) >= MOST:
            break
    return [found[each.key] for each in best((each.suggestion for each in found.values()), MOST)]


def _scored(pairs_of: Sequence[tuple[int | None, ComparedSide, ComparedSide]], *, is_resource: bool) -> Iterator[Found]:
    """Yield what is worth a suggestion, by the key of the resource or of the need, of units, needs and resources."""
    streets = {need.places.get("street") for _unit, need, _resource in pairs_of}
    done = _done({unit for unit, _need, _resource in pairs_of}, streets)
    for unit, need, resource in pairs_of:
        made = suggestion(need, resource, together=done[unit, need.places.get("street")])
        if made is not None:
            other = resource if is_resource else need
            yield Found(need, resource, made._replace(key=other.key, says=other.text))


def _sides(model: type[Offer], where: str, values: dict[str, Any]) -> Iterator[tuple[int | None, ComparedSide]]:
    """Yield rows as they are compared, each behind its unit.

    What a unit asks or offers lies where the unit does, unless it says otherwise.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{SIDE}WHERE {where} ORDER BY offer.slug".format(table=model._meta.db_table), values)
        for key, name, summary, unit, of_unit, kind, begins, ends, capacity, category, *keys in cursor.fetchall():
            own, units = ({n: key for n, key in zip(LEVELS, part, strict=True) if key} for part in (keys[:3], keys[3:]))
            texts = (key, name, summary, category or "", of_unit or "", kind or "")
            yield unit, ComparedSide(*texts, places=own or units, capacity=capacity, days=(begins, ends))


def _wanted(model: type[Offer], side: ComparedSide, day: date) -> dict[str, Any]:
    """Return what is looked for, by the names that the statement has for it."""
    told = {*asked(side), *(hinted(side.unit) if model is Need else ())}
    subjects = sorted({other for key in told for other in related(key, WELL, meets=model is Resource)})
    words = sorted({word for key in told for word in SUBJECTS[key].units})
    return {
        "statuses": [*(STILL_FREE if model is Resource else STILL_ASKED)],
        "day": day,
        "told": sorted(told),
        "subjects": subjects,
        "units": _any(every(ngrams(word)) for word in words),
        "own": _any(every([pair]) for pair in sorted(pairs(side.text))),
        "named": _any(every([pair]) for pair in sorted(pairs(side.name))),
        **{level: side.places.get(level) for level in LEVELS},
    }


def _rounds(wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield the conditions for rows that are worth scoring: those of all rounds, and more where these are too few."""
    about = "offer.name_subjects && %(subjects)s::varchar[]" if wanted["subjects"] else "true"
    rounds = (ROUND.format(table="{table}", where=where.replace("{about}", about)) for where in ROUNDS.values())
    yield f"offer.id IN ({' UNION '.join(rounds)})"
    yield f"offer.id IN ({ANY})"


def _any(queries: Iterable[str]) -> str:
    return " | ".join(f"({query})" for query in queries)


# What was done before -------------------------------------------------------------------------------------------------


def _done(units: Iterable[int | None], streets: Iterable[int | None]) -> Counter[tuple[int | None, int | None]]:
    """Return how many projects of which street which unit has claimed or is a partner in."""
    where = {"unit__in": {*units} - {None}, "project__in_street__in": {*streets} - {None}}
    claimed = Claim._base_manager.filter(Claim.public(), status__in=HOLDING, **where)
    partner = ProjectPartner._base_manager.filter(ProjectPartner.public(), **where)
    columns = ("unit_id", "project__in_street_id", "project_id")
    pairs_of = claimed.order_by().values_list(*columns).union(partner.order_by().values_list(*columns))
    return Counter((unit, street) for unit, street, _project in pairs_of)
