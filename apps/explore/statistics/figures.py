"""Figures that articles report and parties attest, added up if they may be, beside the numbers on record of the same.

Figures are grouped by where and what their subjects are, and by the year of their own period. Within a group the actual
figures of one measure and one unit become one number where they may be added (`evidence.sums.adding`); where not, they
stand apart and the reason is given. What a party says itself is a number of its own, and never added to what articles
report. Targets are plans: they never enter a sum.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext

from apps.assessments.serializers import FrameworkDetailSerializer
from apps.common.models.targets import model_of
from apps.common.serializers.compiler import Compilation, SqlRow
from apps.common.serializers.counts import RecordedField, ReportedField
from apps.common.serializers.records import RecordSerializer
from apps.common.sql.slots import literal
from apps.common.sql.statement import Statement
from apps.events.serializers import EventDetailSerializer
from apps.evidence.models import Citation, Figure
from apps.evidence.sums.adding import AddingError, add
from apps.evidence.sums.summary import Subject, addend, containments, subject_of
from apps.explore.statistics.counts import (
    SPANNING,
    UNKNOWN,
    Countable,
    Group,
    Scope,
    SourcedValue,
    all_countables,
    dated,
    group_subjects,
    in_place,
)
from apps.projects.serializers import ProjectDetailSerializer
from apps.registry.serializers.divisions import StreetDetailSerializer
from apps.registry.serializers.organisations import AllianceDetailSerializer, MemberUnitDetailSerializer

# The serializers that set a reported number beside a recorded one; a test finds all others that do.
PAIRED: tuple[type[RecordSerializer], ...] = (
    StreetDetailSerializer,
    MemberUnitDetailSerializer,
    AllianceDetailSerializer,
    ProjectDetailSerializer,
    EventDetailSerializer,
    FrameworkDetailSerializer,
)


def pairs(serializer: type[RecordSerializer]) -> dict[str, RecordedField]:
    """Return for each measure that a serializer reports the field that counts the same on record."""
    fields: dict[str, Any] = serializer._declared_fields
    return {
        item.measure: fields[name.replace("reported_", "recorded_", 1)]
        for name, item in fields.items()
        if isinstance(item, ReportedField)
    }


RECORDED: dict[str, dict[str, RecordedField]] = {
    serializer.Meta.model.resource: pairs(serializer) for serializer in PAIRED
}


@dataclass
class Entry:
    """The figures of one measure, in one unit, as fact or as plan, about one group."""

    group: Group
    measure: str
    unit: str
    kind: str
    figures: list[Figure] = field(default_factory=list)
    reported: Figure | None = None
    attested: Figure | None = None
    reason: str = ""
    recorded: int | None = None


def figures_of(items: list[Countable], scope: Scope, measures: Iterable[str], limit: int) -> list[Figure]:
    """Return the published figures about the given kinds of records within a scope, at most `limit` and one more."""
    subjects = Q()
    for item in items:
        condition = Q(content_type=ContentType.objects.get_for_model(item.model))
        if scope.districts is not None or scope.streets is not None:
            rows = in_place(item, item.model._default_manager.visible_to(None), scope)
            condition &= Q(object_id__in=rows.order_by().values("pk"))
        subjects |= condition
    cited = Citation.objects.filter(content_type=ContentType.objects.get_for_model(Figure), object_id=OuterRef("pk"))
    figures = Figure.objects.visible_to(None).annotate(attested=~Exists(cited))
    figures = figures.filter(subjects, dated(Figure, "period", scope))
    if measures:
        figures = figures.filter(measure__in=measures)
    return list(figures.order_by("measure", "unit", "kind", "slug")[: limit + 1]) if items else []


def entries(figures: list[Figure], by: list[str]) -> list[Entry]:
    """Group the figures whose subjects are published, and add up what may be added."""
    groups = _groups({subject_of(figure) for figure in figures}, [name for name in by if name != "year"])
    figures = [figure for figure in figures if subject_of(figure) in groups]
    found: dict[tuple[Group, str, str, str], Entry] = {}
    for figure in figures:
        about = iter(groups[subject_of(figure)])
        group = tuple(_year(figure) if name == "year" else next(about) for name in by)
        identity = (group, figure.measure, figure.unit, figure.kind)
        found.setdefault(identity, Entry(*identity)).figures.append(figure)
    several = [entry for entry in found.values() if len(entry.figures) > 1 and entry.kind == Figure.Kind.ACTUAL]
    within = containments({subject_of(figure) for entry in several for figure in entry.figures})
    recorded = _recorded(figures)
    for entry in found.values():
        _add(entry, within)
        for figure in entry.figures:
            figure.recorded = recorded.get((subject_of(figure), figure.measure))  # type: ignore[attr-defined]
        counts = {subject_of(figure): figure.recorded for figure in entry.figures}  # type: ignore[attr-defined]
        if (entry.reported or entry.attested) and None not in counts.values():
            entry.recorded = sum(counts.values())
    return list(found.values())


def _add(entry: Entry, within: set[tuple[Subject, Subject]]) -> None:
    """Set the sums of an entry's figures, of those that articles report and of the others, or why there is none."""
    sides: dict[bool, list[Any]] = {False: [], True: []}
    for figure in entry.figures:
        sides[figure.attested].append(figure)  # type: ignore[attr-defined]
    sums = [_sum(side, entry.kind, within) for side in sides.values()]
    (entry.reported, _why), (entry.attested, _why_not) = sums
    entry.reason = " ".join(dict.fromkeys(reason for _total, reason in sums if reason))


def _sum(figures: list[Figure], kind: str, within: set[tuple[Subject, Subject]]) -> tuple[Figure | None, str]:
    """Return the sum of figures, or None and the reason for which there is none."""
    if len(figures) <= 1:
        return next(iter(figures), None), ""
    if kind == Figure.Kind.TARGET:
        return None, gettext("Targets are plans and are never added up.")
    try:
        total = add(map(addend, figures), within)
    except AddingError as error:
        return None, str(error)
    return Figure(comparator=total.comparator, value=total.value, unit=total.unit), ""


def _groups(subjects: set[Subject], by: list[str]) -> dict[Subject, Group]:
    """Return the groups of the subjects that are published."""
    keys: dict[str, list[int]] = defaultdict(list)
    types: dict[str, int] = {}
    for content_type_id, pk in sorted(subjects):
        resource = model_of(content_type_id).resource
        keys[resource].append(pk)
        types[resource] = content_type_id
    found = group_subjects(((all_countables()[name], pks) for name, pks in keys.items()), by)
    return {(types[resource], pk): group for (resource, pk), group in found.items()}


def _year(figure: Any) -> SourcedValue:
    """Return the year of a figure's period, by the rule by which records are counted."""
    first, last = figure.period_earliest, figure.period_latest
    if first is None and last is None:
        return SourcedValue("year", UNKNOWN)
    return SourcedValue("year", str(first.year) if first and last and first.year == last.year else SPANNING)


def _recorded(figures: list[Figure]) -> dict[tuple[Subject, str], int]:
    """Return the numbers on record for the measures of the figures, by subject and measure, in one statement."""
    keys: dict[tuple[int, str], set[int]] = defaultdict(set)
    for figure in figures:
        keys[figure.content_type_id, figure.measure].add(figure.object_id)
    selects: list[str] = []
    for (content_type_id, measure), pks in sorted(keys.items()):
        model: Any = model_of(content_type_id)
        if counter := RECORDED.get(model.resource, {}).get(measure):
            row = SqlRow(Compilation(), model)
            counted = f"{literal(measure)}, {content_type_id}, {row.column('pk')}, {counter.sql(row)}"
            rows = row.source(model._base_manager.filter(pk__in=pks).order_by())
            selects.append(f"SELECT {counted} FROM {rows}")  # noqa: S608 - names come from the models
    if not selects:
        return {}
    rows_found = Statement(" UNION ALL ".join(selects)).rows({})
    return {((type_, pk), measure): number for measure, type_, pk, number in rows_found}
