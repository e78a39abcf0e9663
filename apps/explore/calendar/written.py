"""A calendar as text (RFC 5545). The library folds lines and escapes; what is said is ours."""

from collections.abc import Iterable

from django.conf import settings
from icalendar import Calendar
from icalendar import Event as Entry

from apps.common.values.working_days import DAY
from apps.explore.calendar.entries import CalendarEntry

PRODUCT = "-//partybuild//registry//ZH"
REFRESH = "PT6H"  # how often programs are to look again


def write_calendar(name: str, entries: Iterable[CalendarEntry], root: str) -> bytes:
    """Return a calendar of whole days. `root` is the address of the service, before that of each record.

    The same entries give the same bytes: nothing in them is of the hour at which they are written.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("x-published-ttl", REFRESH)
    for entry in entries:
        calendar.add_component(_component(entry, root))
    return bytes(calendar.to_ical())


def _component(entry: CalendarEntry, root: str) -> Entry:
    record, written = entry.record, Entry()
    written.add("uid", f"{record.resource}/{record.key}/{entry.field}@partybuild")
    written.add("dtstamp", entry.changed_at)
    written.add("last-modified", entry.changed_at)
    written.add("dtstart", entry.first)
    written.add("dtend", entry.last + DAY)  # behind the last day
    written.add("summary", entry.title)
    written.add("categories", [entry.kind])
    written.add("url", f"{root}{settings.API_ROOT}/{record.resource}/{record.key}")
    written.add("transp", "TRANSPARENT")  # a whole day does not make its reader busy
    status = "CANCELLED" if entry.is_cancelled else "CONFIRMED" if entry.is_certain else "TENTATIVE"
    written.add("status", status)
    return written
