"""The sum of figures on record: which subjects lie within which, and what was left out because it is a plan."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib.contenttypes.models import ContentType
from django.db.models import ForeignKey
from django.utils.translation import gettext

from apps.evidence.adding import Addend, AddingError, Sum, add
from apps.evidence.models import Figure

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
    """Return the identity of what a figure is about."""
    return figure.content_type_id, figure.object_id


def addend(figure: Figure) -> Addend:
    """Return what adding needs to know of a figure."""
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
    """Return the pairs of these subjects of which the first lies within the second, at any depth."""
    above: dict[Subject, set[Subject]] = {}
    unread = set(subjects) if len(subjects) > 1 else set()
    while unread:
        found = _read_above(unread)
        above |= found
        unread = {outer for outers in found.values() for outer in outers} - above.keys()
    pairs = set()
    for subject in subjects:
        seen: set[Subject] = set()
        waiting = list(above.get(subject, ()))
        while waiting:
            outer = waiting.pop()
            if outer not in seen:
                seen.add(outer)
                waiting += above.get(outer, ())
        pairs |= {(subject, outer) for outer in seen & subjects if outer != subject}
    return pairs


def _read_above(subjects: set[Subject]) -> dict[Subject, set[Subject]]:
    """Return for each subject what it lies in directly: one query for each kind of record."""
    keys: dict[int, list[int]] = {}
    for content_type_id, pk in subjects:
        keys.setdefault(content_type_id, []).append(pk)
    found: dict[Subject, set[Subject]] = {subject: set() for subject in subjects}
    for content_type_id, pks in keys.items():
        model: Any = ContentType.objects.get_for_id(content_type_id).model_class()
        upward = [field for field in model._meta.fields if isinstance(field, ForeignKey) and field.name in UPWARD]
        types = [ContentType.objects.get_for_model(field.related_model).pk for field in upward]
        rows = model._base_manager.filter(pk__in=pks).values_list("pk", *(field.attname for field in upward))
        for pk, *outers in rows:
            found[content_type_id, pk] = {pair for pair in zip(types, outers, strict=True) if pair[1] is not None}
    return found
