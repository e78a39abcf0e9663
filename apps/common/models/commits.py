"""When the transactions of the change log committed, and the epoch of the database in which they did.

The beginning of a transaction and the number of an entry say nothing about what somebody could read at an instant: a
transaction that began early may commit late. So each transaction that writes into the log leaves a `Commit`, filled in
by a trigger that runs behind everything else that the transaction has put off to its end. It holds the instant, and
the snapshot of what had committed by then; `apps.common.reading.moments` puts both together again.

A transaction's number is that of the cluster plus `Epoch.shift`. A cluster counts its transactions from its own
beginning, so that a dump restored into another one would go on below the numbers that its log already holds;
`manage.py new_epoch` chooses the shift that keeps the numbers rising.
"""

import uuid

import pgtrigger
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from apps.common.rules.transactions import COMMITTING, SHIFT


class XidField(models.Field):
    """The number of a database transaction, which never comes again (xid8)."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8"

    def get_prep_value(self, value: object) -> object:
        """Return a number as text, which alone becomes an xid8."""
        return None if value is None else super().get_prep_value(str(value))


class SnapshotField(models.Field):
    """The transactions whose writes could be read at an instant (pg_snapshot)."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "pg_snapshot"


class Epoch(models.Model):
    """The one row that tells one life of the data from another: a restored copy begins a new one.

    Without a row, the epoch is that of the cluster and nothing is shifted.
    """

    id = models.PositiveSmallIntegerField(
        _("number"), primary_key=True, default=1, help_text=_("There is one epoch at a time.")
    )
    name = models.UUIDField(_("name"), default=uuid.uuid4, help_text=_("Stands in the cursors of the change feed."))
    shift = models.BigIntegerField(
        _("shift"), default=0, help_text=_("What is added to the cluster's numbers of transactions.")
    )
    cluster = models.BigIntegerField(_("cluster"), help_text=_("The cluster in which the epoch began."))
    begun_at = models.DateTimeField(_("begun at"), auto_now_add=True, help_text=_("When the epoch began."))

    class Meta:
        verbose_name = _("epoch")
        verbose_name_plural = _("epochs")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id=1),
                name="common_epoch_is_one",
                violation_error_message=_("There is one epoch at a time."),
            )
        ]

    def __str__(self) -> str:
        return str(self.name)


class Commit(models.Model):
    """A transaction that wrote into the change log: when it committed, and what had committed by then.

    Both are empty until its end. The snapshot is younger than the instant, so that whatever begins behind the
    snapshot commits behind the instant; transactions that the snapshot counts as open are looked up one by one.
    """

    xid = XidField(_("transaction"), primary_key=True, help_text=_("Number of the transaction."))
    at = models.DateTimeField(_("at"), null=True, db_index=True, help_text=_("When the transaction committed."))
    snapshot = SnapshotField(_("snapshot"), null=True, help_text=_("What could be read at that time."))

    class Meta:
        verbose_name = _("commit")
        verbose_name_plural = _("commits")
        triggers = [
            pgtrigger.Trigger(
                name="is_stamped",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=[
                    ("stamp", "timestamptz"),
                    ("now", "pg_snapshot"),
                    ("top", "bigint"),
                    ("shifted", "bigint"),
                    ("own", "bigint := pg_current_xact_id()::text::bigint"),
                ],
                func=f"""
                    IF NEW.at IS NOT NULL THEN
                        RETURN NULL;
                    ELSIF NEW.snapshot IS NULL THEN
                        -- Once more, and so behind all else that is put off to the end of the transaction.
                        UPDATE common_commit SET snapshot = '1:1:' WHERE xid = NEW.xid;
                        RETURN NULL;
                    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
                        RAISE feature_not_supported USING
                            MESSAGE = 'the registry is written in transactions of isolation READ COMMITTED only';
                    END IF;
                    PERFORM pg_advisory_xact_lock_shared({COMMITTING});
                    -- Never before what it builds on, though the clock be set back.
                    stamp := (SELECT greatest(clock_timestamp(), max(at) + interval '1 microsecond')
                              FROM common_commit);
                    -- What is open may have a greater number than a snapshot tells, which ends behind the last that is
                    -- over. A lock names the lower half of a number.
                    SELECT max(own - 2147483648
                               + (transactionid::text::bigint + 6442450944 - own % 4294967296) % 4294967296)
                    INTO top FROM pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock';
                    now := pg_current_snapshot();
                    shifted := {SHIFT};
                    UPDATE common_commit SET at = stamp, snapshot = (
                        SELECT (pg_snapshot_xmin(now)::text::bigint + shifted) || ':'
                               || (greatest(top + 1, pg_snapshot_xmax(now)::text::bigint) + shifted) || ':'
                               || string_agg((open + shifted)::text, ',' ORDER BY open)
                        FROM (SELECT xip::text::bigint FROM pg_snapshot_xip(now) AS xip UNION SELECT own
                              UNION SELECT generate_series(pg_snapshot_xmax(now)::text::bigint, top)) AS all_open (open)
                    )::pg_snapshot WHERE xid = NEW.xid;
                    RETURN NULL;
                """,  # noqa: S608 - names of ours
            )
        ]

    def __str__(self) -> str:
        return str(self.xid)
