"""What the change log costs: 10,000 rows written in bulk and updated, with and without its triggers.

    python manage.py shell < tests/bench/history_benchmark.py   (everything is rolled back)

Medians of alternating rounds, in a transaction that is rolled back each time. All other triggers stay in both cases.
"""

# ruff: noqa: T201 - it prints its figures, and the names are our own

import statistics
import time

from django.db import connection, transaction

from apps.registry.models import MemberUnit

ROWS = 10_000
ROUNDS = 5
TRIGGERS = ("log_insert", "log_update", "same_is_no_change")
TABLE = MemberUnit._meta.db_table


def switch(state: str) -> None:
    """Turn the triggers of the log on or off, within the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass", [TABLE])
        names = [name for (name,) in cursor.fetchall() if name.removeprefix("pgtrigger_").startswith(TRIGGERS)]
        assert len(names) == len(TRIGGERS), names
        for name in names:
            cursor.execute(f'ALTER TABLE {TABLE} {state} TRIGGER "{name}"')


def measure(state: str) -> tuple[float, float, float]:
    """Return the seconds of a bulk insert by the ORM, of the same INSERT in SQL, and of an update of all the rows."""
    units = [MemberUnit(slug=f"bench-{number}", name=f"测试单位{number}", kind="company") for number in range(ROWS)]
    with transaction.atomic():
        switch(state)
        begin = time.perf_counter()
        MemberUnit.objects.bulk_create(units, batch_size=2000)
        inserted = time.perf_counter() - begin
        mine = MemberUnit.objects.filter(slug__startswith="bench-")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            begin = time.perf_counter()
            columns = "created_at, updated_at, state, name, name_pinyin, search_text, kind, summary"
            cursor.execute(
                f"INSERT INTO {TABLE} (slug, {columns}) SELECT 'again-' || slug, {columns} FROM {TABLE}"
                " WHERE slug LIKE 'bench-%'"
            )
            by_sql = time.perf_counter() - begin
        begin = time.perf_counter()
        assert mine.update(summary="改") == ROWS
        updated = time.perf_counter() - begin
        transaction.set_rollback(True)
    return inserted, by_sql, updated


def main() -> None:
    """Measure in alternation and print medians and ratios."""
    found: dict[str, list[tuple[float, float, float]]] = {"DISABLE": [], "ENABLE": []}
    for _round in range(ROUNDS):
        for state in found:
            found[state].append(measure(state))
    for number, label in enumerate(("bulk_create of the ORM", "INSERT … SELECT", "update")):
        without, with_log = (statistics.median(row[number] for row in found[state]) for state in ("DISABLE", "ENABLE"))
        print(
            f"{label:<24} without {1000 * without:7.0f} ms, with {1000 * with_log:7.0f} ms: {with_log / without:.2f} x"
        )


main()
