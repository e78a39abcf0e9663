"""Slugs that a long write is about to take: others see them as taken while it lasts, and need not wait for its end.

Two who make a slug for the same resource at once would take the same one, so that each holds a lock until it commits.
An import would hold it for a minute. It holds the lock only while it looks free slugs up, and writes them down here,
over a connection of its own, so that they are seen at once. They are worth what its transaction is worth: PostgreSQL
itself says whether that is still in progress, so that nothing is left behind by one that was broken off.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType

from django.db import connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from apps.common.models.commits import XidField
from apps.common.models.slugs import SLUG_LENGTH

TakenAmong = Callable[[Iterable[str]], set[str]]

# Each transaction that writes holds the lock of its own number until its end.
IN_PROGRESS = """
    EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'transactionid' AND transactionid = holder::xid AND mode = 'ExclusiveLock'
    )
"""
RESERVED_AMONG = f"""
    SELECT slug FROM common_reservedslug
    WHERE "table" = %s AND slug = ANY(%s::text[]) AND holder <> pg_current_xact_id() AND {IN_PROGRESS}
"""  # noqa: S608 - written here
# A list of hundreds is one parameter, written once: each costs this program more than the database.
STORED_AMONG = """
    WITH wanted AS MATERIALIZED (SELECT %s::text[] AS slugs)
    SELECT slug FROM {} WHERE slug = ANY((SELECT slugs FROM wanted)::text[])
    UNION ALL
    SELECT slug FROM common_retiredslug WHERE "table" = %s AND slug = ANY((SELECT slugs FROM wanted)::text[])
"""
DROP_DEAD = f"DELETE FROM common_reservedslug WHERE NOT {IN_PROGRESS}"  # noqa: S608
RESERVE = """INSERT INTO common_reservedslug ("table", slug, holder) SELECT %s, unnest(%s::text[]), %s::xid8"""


class ReservedSlug(models.Model):
    """A slug that a transaction will take, if it is committed."""

    table = models.CharField(_("table"), max_length=63, help_text=_("Table of the record."))
    slug = models.CharField(_("slug"), max_length=SLUG_LENGTH, help_text=_("Slug that the record will have."))
    holder = XidField(_("transaction"), help_text=_("Number of the transaction that makes the record."))

    class Meta:
        verbose_name = _("reserved slug")
        verbose_name_plural = _("reserved slugs")
        indexes = [models.Index(fields=["table", "slug"], name="common_reservedslug_slug")]

    def __str__(self) -> str:
        return f"{self.table}/{self.slug}"


def reserved_among(table: str, slugs: Iterable[str]) -> set[str]:
    """Return the slugs that others have reserved. To be asked before the table itself, where they are afterwards."""
    with connection.cursor() as cursor:
        cursor.execute(RESERVED_AMONG, [table, list(slugs)])
        return {slug for (slug,) in cursor.fetchall()}


def taken_among(model: type[models.Model], slugs: Iterable[str]) -> set[str]:
    """Return the slugs that no new record may have: those of records, of deleted ones, and what others have reserved.

    Two statements of a tenth of a millisecond each, since every new record asks this, and its citations, too.
    """
    table = model._meta.db_table
    if not (wanted := list(slugs)):
        return set()
    reserved = reserved_among(table, wanted)
    with connection.cursor() as cursor:
        cursor.execute(STORED_AMONG.format(connection.ops.quote_name(table)), [wanted, table])
        return reserved | {slug for (slug,) in cursor.fetchall()}


def lock_slugs(table: str) -> None:
    """Let those wait who make a slug for the same table: a free one is free only until it is taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"slugs of {table}"])


class Reservations:
    """Slugs of one table that the transaction of the block reserves; used with `with`."""

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        self._table = str(model._meta.db_table)
        self._beside: BaseDatabaseWrapper | None = None

    def __enter__(self) -> "Reservations":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beside is not None:
            self._beside.close()

    @contextmanager
    def choosing(self) -> Iterator[TakenAmong]:
        """Keep others from choosing slugs meanwhile; gives what tells which of some slugs are taken."""
        with transaction.atomic():
            lock_slugs(self._table)
            yield partial(taken_among, self._model)
            # Nothing was written here, and to roll it back lets the lock go.
            transaction.set_rollback(True)

    def reserve(self, slugs: Iterable[str]) -> None:
        """Have others take some slugs for taken as long as this transaction lasts."""
        reserved = list(slugs)
        if not reserved:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text")
            (holder,) = cursor.fetchone()
        if self._beside is None:
            self._beside = connection.copy()
            with self._beside.cursor() as cursor:
                cursor.execute(DROP_DEAD)
        with self._beside.cursor() as cursor:
            cursor.execute(RESERVE, [self._table, reserved, holder])
