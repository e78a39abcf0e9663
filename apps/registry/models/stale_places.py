"""How the stored places of rows are filled again (`places`), and when a division comes to lie elsewhere."""

from collections.abc import Iterable

import pgtrigger
from django.db import connection, models

from apps.common.rules.territory import keepers

STALE = 0  # no division's key: a row that has it fills its columns again


def differs(columns: Iterable[str]) -> pgtrigger.Condition:
    """Return the condition that an update changes one of some columns."""
    return pgtrigger.Condition(" OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns))


# A change of its place is one of the record: whoever keeps a copy of it has to hear of it.
MOVES = "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')"


def filled_again(rows: str, moves: str = f", {MOVES}") -> str:
    """Return the statements that have rows filled again, given as their table and a condition."""
    table, _where, condition = rows.partition(" WHERE ")
    return f"""
        IF EXISTS (SELECT FROM {rows}) THEN
            UPDATE {table} SET in_district_id = {STALE}{moves} WHERE {condition};
        END IF;"""  # noqa: S608 - names of our own models


class DivisionMoves(pgtrigger.Trigger):
    """Has what lies in a division filled again when that comes to lie in another one; `up` is its reference."""

    name = "tells_what_lies_in_it"
    when = pgtrigger.After

    def __init__(self, *, division: str, up: str) -> None:
        self.division = division
        super().__init__(operation=pgtrigger.UpdateOf(f"{up}_id"), condition=differs([f"{up}_id"]))

    def get_func(self, model: models.Model) -> str:
        placed = [other for other in keepers() if other.place_columns]
        tables = (connection.ops.quote_name(other._meta.db_table) for other in placed)
        text = "".join(filled_again(f"{table} WHERE in_{self.division}_id = NEW.id") for table in tables)
        return f"{text} RETURN NULL;"
