"""The change log's table, and the rules by which one request's changes are told together."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pgtrigger
from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common.models.commits import Commit
from apps.common.rules.transactions import TRANSACTION, begin_commit

# Lets one transaction write over what the log holds: to redact a name, and for nothing else.
AMENDING = "partybuild.amending"
HOLDING = "(strpos(concat(before, ' ', after), %s) > 0 OR strpos(reason, %s) > 0)"
AMEND = "UPDATE common_loggedchange SET reason = %s, before = %s::jsonb, after = %s::jsonb"

# Whether everybody may see a row of the log: it is published, and its status, where it moves by a workflow, is public.
# What has no state of its own (a link, a citation) counts as one that everybody may see.
OPEN = "coalesce({row} ->> 'state', 'published') = 'published' AND coalesce({row} ->> 'is_public', 'true') = 'true'"
# Whether a change may show in what everybody reads: not one of a record that was and is hidden from some.
SEEN_BY_ALL = (
    "((before IS NULL AND after IS NULL)"
    f" OR (before IS NOT NULL AND {OPEN.format(row='before')}) OR (after IS NOT NULL AND {OPEN.format(row='after')}))"
)

# Makes it known that the log was amended, and the data version another one: answers about the past are kept by it.
AMENDED = f"""
    WITH entry AS (
        INSERT INTO common_loggedchange (xid, token, request_id, client_request_id, reason, table_name, record_id, key,
                                         operation)
        SELECT {TRANSACTION}, '', 'tx-' || pg_current_xact_id()::text, '', '', 'common_loggedchange', 0, '', 'update'
    ) {begin_commit(TRANSACTION)}
"""


class Operation(models.TextChoices):
    INSERT = "insert", _("Added")
    UPDATE = "update", _("Changed")
    DELETE = "delete", _("Deleted")


class LoggedChangeManager(models.Manager["LoggedChange"]):
    """Gives entries together with the commits of their transactions."""

    def get_queryset(self) -> models.QuerySet["LoggedChange"]:
        return super().get_queryset().select_related("commit")


# A change of a published record by somebody, which with REVIEW=two a second curator looks at.
TO_REVIEW = "user_id IS NOT NULL AND before ->> 'state' = 'published' AND after ->> 'state' = 'published'"
_TO_REVIEW = models.Q(RawSQL(TO_REVIEW, (), models.BooleanField()))  # noqa: S611 - a text of ours
_SEEN = models.Q(RawSQL(SEEN_BY_ALL, (), models.BooleanField()))  # noqa: S611 - a text of ours


class LoggedChange(models.Model):
    """One change of one row. Written by the database, and never changed.

    The data version is made of those that everybody may see (see `reading.data_version`). A version has to tell any two
    states of the data apart in which a reader could find them. The greatest visible number of a sequence does not: a
    transaction may commit behind one that took a greater number. The greatest visible transaction together with those
    before it that are still open does.
    """

    number = models.BigAutoField(
        _("number"), primary_key=True, help_text=_("Order of the changes; those of one row are in their true order.")
    )
    commit = models.ForeignKey(
        Commit,
        verbose_name=_("transaction"),
        on_delete=models.DO_NOTHING,
        db_column="xid",
        db_constraint=False,  # both are written by one trigger
        db_index=False,
        related_name="+",
        help_text=_("Number of the transaction."),
    )
    user_id = models.BigIntegerField(_("user"), null=True, help_text=_("Internal key of the account, if one is known."))
    token = models.CharField(_("token"), max_length=64, help_text=_("Public part of the token that was used."))
    request_id = models.CharField(
        _("request"),
        max_length=64,
        help_text=_("The service's own id of the request, or else transaction, that made the change."),
    )
    client_request_id = models.CharField(
        _("client's request"), max_length=64, help_text=_("The id that the client gave the request, if any.")
    )
    reason = models.TextField(_("reason"), help_text=_("Why the change was made."))
    table_name = models.CharField(_("table"), max_length=63, help_text=_("Table of the row."))
    record_id = models.BigIntegerField(_("record id"), help_text=_("Internal key of the row."))
    key = models.CharField(
        _("key"),
        max_length=200,
        help_text=_("Public key of the record; of a row without one the internal key of its owner."),
    )
    operation = models.CharField(
        _("operation"), max_length=6, choices=Operation, help_text=_("What was done with the row.")
    )
    moves = models.BooleanField(
        _("moves"),
        db_default=False,
        help_text=_("Whether the row was deleted, or a key, a reference or the state of it changed."),
    )
    before = models.JSONField(_("before"), null=True, help_text=_("Stored columns before; empty for an added row."))
    after = models.JSONField(_("after"), null=True, help_text=_("Stored columns after; empty for a deleted row."))

    objects = LoggedChangeManager()

    class Meta:
        verbose_name = _("logged change")
        verbose_name_plural = _("logged changes")
        ordering = ["number"]
        indexes = [
            models.Index(fields=["-commit"], name="common_log_xid"),
            models.Index(fields=["table_name", "commit"], name="common_log_table"),
            models.Index(fields=["table_name", "record_id", "-number"], name="common_log_row"),
            # What was known of one record.
            models.Index(fields=["table_name", "record_id", "commit"], name="common_log_row_xid"),
            models.Index(fields=["table_name", "commit"], name="common_log_moved", condition=models.Q(moves=True)),
            models.Index(fields=["table_name", "key"], name="common_log_key"),
            models.Index(fields=["request_id"], name="common_log_request"),
            # The data version's.
            models.Index(fields=["-commit"], name="common_log_seen_xid", condition=_SEEN),
            models.Index(fields=["number"], name="common_log_seen_number", condition=_SEEN),
            models.Index(
                fields=["table_name", "record_id", "-number"], name="common_log_to_review", condition=_TO_REVIEW
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="log_is_permanent",
                level=pgtrigger.Statement,
                operation=pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
                when=pgtrigger.Before,
                func=f"""
                    IF TG_OP = 'UPDATE' AND current_setting('{AMENDING}', true) = 'on' THEN
                        RETURN NULL;
                    END IF;
                    RAISE restrict_violation USING MESSAGE = 'the change log is never changed';
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.operation} {self.table_name} {self.key or self.record_id}"

    @property
    def at(self) -> datetime:
        """When the transaction committed; now, while it is open."""
        return self.commit.at or timezone.now()


# Amending -------------------------------------------------------------------------------------------------------------


def amend(change: Callable[[LoggedChange], bool], *, holding: str = "", **narrowed: Any) -> None:
    """Write over entries of the log, which only a redaction may do.

    `change` is given each entry, puts it right and tells whether it did; `narrowed` are filters, and where a text is
    given as `holding`, those entries are meant in whose values or reason it stands.
    """
    entries = LoggedChange.objects.filter(**narrowed)
    if holding:
        written = json.dumps(holding, ensure_ascii=False)[1:-1]
        found = RawSQL(HOLDING, (written, holding), models.BooleanField())  # noqa: S611 - a text of ours
        entries = entries.filter(found)
    altered = False
    with transaction.atomic(), connection.cursor() as cursor:
        for entry in entries.iterator(chunk_size=500):
            if change(entry):
                altered = True
                cursor.execute("SELECT set_config(%s, 'on', true)", [AMENDING])
                values = [entry.reason, _json(entry.before), _json(entry.after), entry.number]
                cursor.execute(f"{AMEND} WHERE number = %s", values)
        cursor.execute("SELECT set_config(%s, '', true)", [AMENDING])
        if altered:
            cursor.execute(AMENDED)


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
