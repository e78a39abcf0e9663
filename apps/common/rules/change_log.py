"""The change log: every change of a logged table, by whatever way, written by the database itself.

A table is logged by the triggers of `logged()` on its model. They run once for each statement and copy the rows that it
changed, so that the API, the admin, bulk writes, `QuerySet.update`, SQL, COPY and TRUNCATE all leave the same trace.
Who made the change and why comes from settings of the transaction (`write_transaction`).
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

import pgtrigger
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import connection
from django.db.models import Field, ForeignKey, Model

from apps.common.rules.transactions import TRANSACTION, begin_commit
from apps.common.sql.slots import literal
from apps.common.values.ngram_columns import TriggerColumn

# Settings of a transaction, by the column of the log that they fill.
SETTINGS = {name: f"partybuild.{name}" for name in ("user", "token", "request_id", "client_request_id", "reason")}
# Setting of a transaction while a change of a record's links moves the record's `updated_at`.
LINKING = "partybuild.linking"


# Triggers -------------------------------------------------------------------------------------------------------------


def stored_columns(model: type[Model] | Model) -> list[str]:
    """Return the columns of a model that hold what was written, and not what the database computes."""
    return [str(field.column) for field in model._meta.concrete_fields if not is_computed(field)]


def is_computed(field: Field) -> bool:
    """Whether the database computes a column: it is generated, or filled by a trigger."""
    return bool(field.generated) or isinstance(field, TriggerColumn)


def without_computed(model: type[Model], row: str) -> str:
    """Return SQL for a whole row as jsonb, less the columns that the database computes."""
    computed = (field.column for field in model._meta.concrete_fields if is_computed(field))
    return f"(to_jsonb({row}){''.join(f' - {literal(column)}' for column in computed)})"


def is_put_back(model: type[Model]) -> bool:
    """Whether the `updated_at` of a record moves with other rows, and is put back where those are."""
    return bool(model._meta.many_to_many or getattr(model, "place_columns", None))


def owner_field(model: type[Model]) -> ForeignKey:
    """Return the foreign key by which a row without a public key (a link, a text) belongs to a record."""
    return next(field for field in model._meta.concrete_fields if isinstance(field, ForeignKey))


def key_column(model: type[Model]) -> str:
    """Return the column of the public key of a model's rows, or else of the key of their owner."""
    named: str | None = getattr(model, "key_field", None)
    fields = {field.name: field for field in model._meta.concrete_fields}
    return str((fields[named] if named else owner_field(model)).column)


def is_lookup(field: Field) -> bool:
    """Whether a column is one by which single records are found: a key, a reference, or what decides who may see it."""
    model = field.model
    pointers = {each.fk_field for each in model._meta.private_fields if isinstance(each, GenericForeignKey)}
    named = {getattr(model, "key_field", None), "state", "is_public", *pointers}
    return field.primary_key or field.is_relation or field.name in named


def _content(model: type[Model], row: str) -> str:
    """Return SQL for the stored columns of a row as jsonb; NULL where there is no row."""
    pk = connection.ops.quote_name(str(model._meta.pk.column))
    # Not `without_computed`, which would write out the n-grams only to drop them.
    kept = f"SELECT to_jsonb(kept) FROM (SELECT {_stored(model, row)}) AS kept"  # noqa: S608 - names of columns
    return f"CASE WHEN {row}.{pk} IS NOT NULL THEN ({kept}) END"


def _stored(model: type[Model], row: str) -> str:
    """Return the stored columns of a row, separated by commas."""
    return _columns(row, stored_columns(model))


def _lookups(model: type[Model], row: str) -> str:
    """Return the columns of a row by which it is found, separated by commas."""
    return _columns(row, [str(field.column) for field in model._meta.concrete_fields if is_lookup(field)])


def _columns(row: str, names: Iterable[str]) -> str:
    return ", ".join(f"{row}.{connection.ops.quote_name(name)}" for name in names)


class _Logging(pgtrigger.Trigger):
    """Copies the rows that a statement changed into the log. `source` is what it reads them from."""

    level = pgtrigger.Statement
    declare = [
        ("told_user", "bigint := nullif(current_setting('partybuild.user', true), '')::bigint"),
        ("told_token", "text := coalesce(current_setting('partybuild.token', true), '')"),
        ("told_reason", "text := coalesce(current_setting('partybuild.reason', true), '')"),
        (
            "told_request",
            "text := coalesce(nullif(current_setting('partybuild.request_id', true), ''), "
            "'tx-' || pg_current_xact_id()::text)",
        ),
        ("told_client_request", "text := coalesce(current_setting('partybuild.client_request_id', true), '')"),
        ("told_xid", f"xid8 := {TRANSACTION}"),
    ]
    when = pgtrigger.After
    source = ""
    old = "NULL"
    new = "NULL"

    def get_func(self, model: Model) -> str:
        # A migration's model knows neither its key nor what a proxy stands for.
        own = apps.get_model(model._meta.label)
        quote = connection.ops.quote_name
        pk = quote(str(own._meta.pk.column))
        key = quote(key_column(own))
        rows = [row for row in ("n", "o") if f" {row}" in f"{self.source} "]
        here = {column: f"coalesce({', '.join(f'{row}.{column}' for row in rows)})" for column in (pk, key)}
        operation = f"'{str(self.name).removeprefix('log_')}'"
        moves, condition = str("n" not in rows).lower(), ""
        if len(rows) == 2:
            # A row whose internal key changed counts as one deleted and one added.
            operation = f"CASE WHEN o.{pk} IS NULL THEN 'insert' WHEN n.{pk} IS NULL THEN 'delete' ELSE 'update' END"
            moves = f"o.{pk} IS NOT NULL AND ROW({_lookups(own, 'o')}) IS DISTINCT FROM ROW({_lookups(own, 'n')})"
            condition = f"WHERE ROW({_stored(own, 'o')}) IS DISTINCT FROM ROW({_stored(own, 'n')})"
        elif self.name == "log_truncate":
            operation = "'delete'"
        # The names are those of our own models.
        return f"""
            INSERT INTO common_loggedchange (xid, user_id, token, request_id, client_request_id, reason,
                                             table_name, record_id, key, operation, moves, before, after)
            SELECT told_xid, told_user, told_token, told_request, told_client_request, told_reason,
                   TG_TABLE_NAME, {here[pk]}, {here[key]}::text, {operation}, {moves},
                   {_content(own, "o") if "o" in rows else "NULL"},
                   {_content(own, "n") if "n" in rows else "NULL"}
            FROM {self.source.format(table=quote(own._meta.db_table), pk=pk)}
            {condition};
            IF FOUND THEN
                {begin_commit("told_xid")};
            END IF;
            RETURN NULL;
        """  # noqa: S608


class _LogInsert(_Logging):
    name = "log_insert"
    operation = pgtrigger.Insert
    referencing = pgtrigger.Referencing(new="new_rows")
    source = "new_rows AS n"


class _LogUpdate(_Logging):
    name = "log_update"
    operation = pgtrigger.Update
    referencing = pgtrigger.Referencing(old="old_rows", new="new_rows")
    source = "old_rows AS o FULL JOIN new_rows AS n ON o.{pk} = n.{pk}"


class _LogDelete(_Logging):
    name = "log_delete"
    operation = pgtrigger.Delete
    referencing = pgtrigger.Referencing(old="old_rows")
    source = "old_rows AS o"


class _LogTruncate(_Logging):
    """Before, because a table that is emptied at once shows no rows to a trigger behind it."""

    name = "log_truncate"
    when = pgtrigger.Before
    operation = pgtrigger.Truncate
    source = "{table} AS o"


class _KeepUpdatedAt(pgtrigger.Trigger):
    """Leaves a row as it is where a write says again what stands there: only a change moves `updated_at`.

    All is in the condition, so that a write that does change something pays for the comparison alone.
    """

    name = "same_is_no_change"
    operation = pgtrigger.Update
    when = pgtrigger.Before
    func = "NEW.updated_at := OLD.updated_at; RETURN NEW;"

    def get_condition(self, model: Model) -> pgtrigger.Condition:
        # Before a row is stored, its generated columns are not computed yet.
        columns = [connection.ops.quote_name(name) for name in stored_columns(model) if name != "updated_at"]
        same = [f"OLD.{name} IS NOT DISTINCT FROM NEW.{name}" for name in columns]
        if is_put_back(apps.get_model(model._meta.label)):
            same.append(f"coalesce(current_setting('{LINKING}', true), '') <> 'on'")
        return pgtrigger.Condition(" AND ".join(same))


class _MovesUpdatedAt(pgtrigger.Trigger):
    """Moves `updated_at` of the records whose links a statement changed: a set of links is a part of its record.

    In the order of their keys, so that two statements do not wait for each other. Behind the log, as triggers go by
    their names: whoever reads that `updated_at` moved finds what moved it before.
    """

    level = pgtrigger.Statement
    when = pgtrigger.After
    source = ""

    def get_func(self, model: Model) -> str:
        own = apps.get_model(model._meta.label)
        quote = connection.ops.quote_name
        field = owner_field(own)
        owner, pk = quote(field.related_model._meta.db_table), quote(str(field.related_model._meta.pk.column))
        rows = self.source.format(column=quote(str(field.column)), table=quote(own._meta.db_table))
        return f"""
            PERFORM set_config('{LINKING}', 'on', true);
            UPDATE {owner} SET updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
            WHERE {pk} IN (SELECT {pk} FROM {owner} WHERE {pk} IN ({rows}) ORDER BY {pk} FOR NO KEY UPDATE);
            PERFORM set_config('{LINKING}', '', true);
            RETURN NULL;
        """  # noqa: S608 - names of our own models


class _LinkInserted(_MovesUpdatedAt):
    name = "moves_updated_at_insert"
    operation = pgtrigger.Insert
    referencing = pgtrigger.Referencing(new="new_rows")
    source = "SELECT {column} FROM new_rows"


class _LinkUpdated(_MovesUpdatedAt):
    name = "moves_updated_at_update"
    operation = pgtrigger.Update
    referencing = pgtrigger.Referencing(old="old_rows", new="new_rows")
    # Rows that came or went, whatever their internal keys: a row that stays as it was is in both.
    source = (
        "SELECT {column} FROM ((TABLE old_rows EXCEPT TABLE new_rows) UNION (TABLE new_rows EXCEPT TABLE old_rows))"
        " AS changed"
    )


class _LinkDeleted(_MovesUpdatedAt):
    name = "moves_updated_at_delete"
    operation = pgtrigger.Delete
    referencing = pgtrigger.Referencing(old="old_rows")
    source = "SELECT {column} FROM old_rows"


class _LinkTruncated(_MovesUpdatedAt):
    """Before, as `_LogTruncate` is."""

    name = "moves_updated_at_truncate"
    when = pgtrigger.Before
    operation = pgtrigger.Truncate
    source = "SELECT {column} FROM {table}"


def logged_links() -> list[pgtrigger.Trigger]:
    """Return the triggers of the table behind a list: it is logged, and a change of it is one of its record."""
    return [*logged(dated=False), _LinkInserted(), _LinkUpdated(), _LinkDeleted(), _LinkTruncated()]


def logged(*, dated: bool = True) -> list[pgtrigger.Trigger]:
    """Return the triggers of a logged table; `dated` where it has a column `updated_at`."""
    triggers: list[pgtrigger.Trigger] = [_LogInsert(), _LogUpdate(), _LogDelete(), _LogTruncate()]
    return [*triggers, _KeepUpdatedAt()] if dated else triggers


@cache
def logged_models() -> Mapping[str, type[Model]]:
    """Return the models whose tables are logged, by table, in an order in which what others point at comes first."""
    position: dict[type[Model], int] = {model: number for number, model in enumerate(apps.get_models())}
    registered = cast("list[tuple[type[Model], pgtrigger.Trigger]]", pgtrigger.registered())
    found = [model for model, trigger in registered if isinstance(trigger, _LogInsert)]
    return {model._meta.db_table: model for model in sorted(found, key=position.__getitem__)}
