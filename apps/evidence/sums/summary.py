"""The sum of figures on record: their subjects, of which one may lie within another, and the targets left out."""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import ForeignKey
from django.utils.translation import gettext

from apps.common.models.records import citable_models
from apps.evidence.models import Figure
from apps.evidence.sums.adding import Addend, AddingError, Sum, add

Subject = tuple[int, int]  # content type and primary key

# The references by which one record lies within another.
UPWARD = {
    *("parent", "committee", "neighbourhood", "street", "district"),
    *("alliance", "programme", "project", "event", "venue", "framework"),
}


class Summary(NamedTuple):
    """A sum, the figures that entered it, and the targets that did not."""

    total: Sum
    figures: list[Figure]
    targets: list[Figure]


def summarise(figures: Iterable[Figure]) -> Summary:
    """Add the actual figures; raises AddingError where they may not be added, and where there are none."""
    actual: list[Figure] = []
    targets: list[Figure] = []
    for figure in figures:
        (actual if figure.kind == Figure.Kind.ACTUAL else targets).append(figure)
    if targets and not actual:
        names = ", ".join(figure.slug for figure in targets)
        raise AddingError(gettext("A target is a plan and never enters a sum: %(names)s.") % {"names": names})
    return Summary(add(map(addend, actual), containments({subject_of(figure) for figure in actual})), actual, targets)


def subject_of(figure: Figure) -> Subject:
    """Return the identity of the record that a figure is about."""
    return figure.content_type_id, figure.object_id


def addend(figure: Figure) -> Addend:
    """Return a figure as `adding` takes it."""
    return Addend(
        name=figure.slug,
        measure=figure.measure,
        comparator=figure.comparator,
        value=figure.value,
        unit=figure.unit,
        kind=figure.kind,
        subject=subject_of(figure),
        earliest=figure.period_earliest,  # type: ignore[attr-defined]
        latest=figure.period_latest,  # type: ignore[attr-defined]
    )


def containments(subjects: set[Subject]) -> set[tuple[Subject, Subject]]:
    """Return the pairs of these subjects of which the first lies within the second, at any depth; one statement."""
    if len(subjects) < 2:
        return set()
    types, keys = zip(*sorted(subjects), strict=True)
    steps, parameters = _steps()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE given AS (SELECT * FROM unnest(%s::int[], %s::bigint[]) AS given(type, id)),
            above AS (
                SELECT type AS inner_type, id AS inner_id, type, id FROM given
                UNION
                SELECT above.inner_type, above.inner_id, step.type, step.id
                FROM above CROSS JOIN LATERAL ({steps}) AS step
            )
            SELECT inner_type, inner_id, type, id FROM above JOIN given USING (type, id)
            WHERE (inner_type, inner_id) <> (type, id)
            """,  # noqa: S608 - names come from the models
            [list(types), list(keys), *parameters],
        )
        rows = cursor.fetchall()
    return {((row[0], row[1]), (row[2], row[3])) for row in rows}


def _steps() -> tuple[str, list[int]]:
    """Return the SQL for the records in which a row of `above` lies directly, of whatever kind, and its parameters.

    Lateral, so that each step is a look-up by primary key and never a join with whole tables.
    """
    quote = connection.ops.quote_name
    selects: list[str] = []
    parameters: list[int] = []
    for model in citable_models().values():
        upward = [field for field in model._meta.fields if isinstance(field, ForeignKey) and field.name in UPWARD]
        if not upward:
            continue
        outer = ", ".join(f"(%s::int, source.{quote(field.column)}::bigint)" for field in upward)
        selects.append(
            f"SELECT outside.type, outside.id FROM {quote(model._meta.db_table)} AS source"  # noqa: S608 - likewise
            f" CROSS JOIN LATERAL (VALUES {outer}) AS outside(type, id)"
            " WHERE above.type = %s AND source.id = above.id AND outside.id IS NOT NULL"
        )
        parameters += [ContentType.objects.get_for_model(field.related_model).pk for field in upward]
        parameters.append(ContentType.objects.get_for_model(model).pk)
    return " UNION ALL ".join(selects), parameters
