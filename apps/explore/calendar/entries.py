"""What stands in a calendar: events, and the last days of rounds, leases and needs, for some places and parties.

Only what is known to the day stands there: an event of “2013-06” has no day.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Fact
from apps.common.models.row_names import references_of
from apps.common.rules.territory import Reader
from apps.events.models import Event, Participation
from apps.projects.models import Claim, Need, Round

MOST_ENTRIES = 2000  # of a kind; the latest
DAYS = re.compile(r"\d{4}-\d{2}-\d{2}[~?%]?(/\d{4}-\d{2}-\d{2}[~?%]?)?")  # a date in EDTF that names its days
UNCERTAIN = frozenset("~?%")
PARTICIPATIONS = "participations"


class CalendarEntry(NamedTuple):
    """A whole day or several: what is on, since when it says so, and whether its days are certain."""

    record: Fact
    field: str
    title: str
    kind: str
    first: date
    last: date
    is_certain: bool
    is_cancelled: bool
    changed_at: datetime


class _Kind(NamedTuple):
    """Records that stand in a calendar: by which date, under what title, and how they hang on units and bodies."""

    model: Any
    field: str
    title: str | Promise
    standing: Q
    unit: tuple[str, ...]
    alliance: tuple[str, ...]


KINDS = (
    _Kind(Event, "held_on", "%(name)s", Q(), ("participations__unit",), ("alliance", "participations__alliance")),
    _Kind(Round, "closes_on", _("Claiming ends: %(name)s"), ~Q(status="closed"), (), ("alliance",)),
    _Kind(
        Claim,
        "lapses_on",
        _("Work has to have started: %(name)s"),
        Q(status="accepted"),
        ("unit",),
        ("body", "project__alliance", "round_project__round__alliance"),
    ),
    _Kind(Need, "closes_on", _("Need stands until today: %(name)s"), Q(status="open"), ("unit",), ("alliance",)),
)
PLACES = ("district", "street", "neighbourhood")


def entries_of(scope: Mapping[str, tuple[int, ...]], user: Reader) -> Iterator[CalendarEntry]:
    """Yield what somebody sees of the published records in a scope: keys of places, units and alliances, all of which
    hold; by kind, the latest first."""
    for kind in KINDS:
        if (narrowed := _within(kind, scope)) is None:
            continue
        # By key, since a way to units over a list of them may lead to a record twice.
        keys = kind.model.objects.visible_to(user).filter(kind.standing, narrowed, state=Fact.State.PUBLISHED)
        dated = {f"{kind.field}_earliest__isnull": False, f"{kind.field}_latest__isnull": False}
        rows = kind.model.objects.filter(pk__in=keys.filter(**dated).order_by().values("pk"))
        order = (F(f"{kind.field}_earliest").desc(), "slug")
        for record in rows.select_related(*references_of(kind.model)).order_by(*order)[:MOST_ENTRIES]:
            if DAYS.fullmatch(value := getattr(record, kind.field)):
                yield _entry(kind, record, value)


def _within(kind: _Kind, scope: Mapping[str, tuple[int, ...]]) -> Q | None:
    """Return the condition under which records of a kind lie in a scope; None: none do."""
    found = Q()
    for name, keys in scope.items():
        ways = (f"in_{name}",) if name in PLACES else getattr(kind, name)
        if not ways:
            return None
        any_way = Q()
        for way in ways:
            there = Participation.public(PARTICIPATIONS) if way.startswith(PARTICIPATIONS) else Q()
            any_way |= there & Q(**{f"{way}__in": keys})
        found &= any_way
    return found


def _entry(kind: _Kind, record: Fact, value: str) -> CalendarEntry:
    return CalendarEntry(
        record=record,
        field=kind.field,
        title=str(kind.title) % {"name": record},
        kind=str(record._meta.verbose_name),
        first=getattr(record, f"{kind.field}_earliest"),
        last=getattr(record, f"{kind.field}_latest"),
        is_certain=UNCERTAIN.isdisjoint(value),
        is_cancelled=getattr(record, "status", "") == Event.Status.CANCELLED,
        changed_at=record.updated_at,
    )
