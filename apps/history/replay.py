"""The change log played from its beginning into empty tables, and digests of what tables hold.

Who distrusts the registry rebuilds it from its history alone and compares.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction

from apps.common.reading.moments import moment_at
from apps.common.rules.change_log import logged_models, stored_columns, without_computed
from apps.common.rules.transactions import is_open_at
from apps.common.sql.slots import literal

# Each entry has to find what it says stood there; the first that does not ends the replay.
PLAY = """
DO $play$
DECLARE entry record; held jsonb;
BEGIN
    FOR entry IN SELECT number, record_id, before, after FROM common_loggedchange AS logged
                 WHERE table_name = {name} AND {until} ORDER BY number LOOP
        held := NULL;
        DELETE FROM {target} AS held_row WHERE {pk} = entry.record_id
        RETURNING {held} INTO held;
        IF held IS DISTINCT FROM nullif(entry.before, 'null') THEN
            RAISE data_exception USING MESSAGE = format('change %s does not follow from those before it', entry.number);
        END IF;
        IF entry.after IS NOT NULL THEN
            INSERT INTO {target} ({columns})
            SELECT {columns} FROM jsonb_populate_record(NULL::{table}, entry.after);
        END IF;
    END LOOP;
END $play$
"""


@transaction.atomic
def replay(schema: str, *, until: datetime | None = None) -> None:
    """Make the logged tables in a new schema, and play the log into them, all or up to an instant.

    Raises DataError for a log that contradicts itself.
    """
    quote = connection.ops.quote_name
    played = "true"
    if until:
        played = f"NOT {is_open_at(f'{literal(moment_at(until).snapshot)}::pg_snapshot', 'logged')}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quote(schema)}")
        for table, model in logged_models().items():
            target = f"{quote(schema)}.{quote(table)}"
            pk = quote(str(model._meta.pk.column))
            cursor.execute(f"CREATE TABLE {target} (LIKE {quote(table)} INCLUDING GENERATED, PRIMARY KEY ({pk}))")
            # There are no triggers here to fill them.
            for column in sorted({str(each.column) for each in model._meta.concrete_fields} - {*stored_columns(model)}):
                cursor.execute(f"ALTER TABLE {target} DROP COLUMN {quote(column)}")
            play = PLAY.format(
                name=literal(table),
                until=played,
                target=target,
                table=quote(table),
                pk=pk,
                held=without_computed(model, "held_row"),
                columns=", ".join(map(quote, stored_columns(model))),
            )
            cursor.execute(play)


def dump(schema: str = "public") -> Iterator[str]:
    """Yield the rows of all logged tables of a schema, less what the database computes of them, a line each."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table, model in logged_models().items():
            pk = quote(str(model._meta.pk.column))
            row = without_computed(model, "r")
            cursor.execute(f"SELECT {row}::text FROM {quote(schema)}.{quote(table)} AS r ORDER BY r.{pk}")  # noqa: S608
            for (row,) in cursor.fetchall():
                yield f"{table} {row}\n"


def digest(schema: str = "public") -> str:
    """Return the SHA-256 of all rows of the logged tables of a schema."""
    found = hashlib.sha256()
    for line in dump(schema):
        found.update(line.encode())
    return found.hexdigest()
