"""What an import costs beside COPY: 10,000 units from CSV, checked, against COPY of the same rows into the same table.

    python manage.py shell < tests/bench/import_benchmark.py   (everything is rolled back; needs the fixtures)

Medians of alternating rounds. COPY gets the very rows that the import makes, all columns ready and slugs included, and
runs under the same triggers and indexes, its deferred checks included. Half of the names are of places and forms that
come again and again, half have a part that is theirs alone.
"""

# ruff: noqa: T201 - it prints its figures, and the names are our own

import csv
import io
import random
import statistics
import time

from django.db import connection, transaction

from apps.accounts.models import User
from apps.common.files.imports import Importer
from apps.common.files.tables import CSV, read_table
from apps.common.rules.territory import Territory
from apps.common.writing.contract import Contract, Finder
from apps.common.writing.writer import RecordWriter
from apps.registry.models import MemberUnit, Street
from apps.registry.views import MemberUnitViewSet as View
from tests.bench import names

ROWS, ROUNDS = 10_000, 3
BRANDS = "华兴瑞信达康宏泰盛嘉安源恒光明天海博远东方正中金诺德利通汇丰荣创科智云数联合众益民"


def make_file() -> bytes:
    """Return the file that is imported."""
    chance = random.Random(20130627)
    streets = list(Street.objects.order_by("code").select_related("district")[:400])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["name", "kind", "street", "summary"])
    for number in range(ROWS):
        street = streets[number % len(streets)]
        form = names.UNIT_FORMS[number % len(names.UNIT_FORMS)]
        stem = f"{street.district.name}{street.name}" if number % 2 else "上海" + "".join(chance.sample(BRANDS, 3))
        code = street.code if street.code and street.code.isdigit() else ""
        writer.writerow([f"{stem}{form}{number // len(streets) or ''}", "company", code, names.SUMMARY])
    return text.getvalue().encode()


def steward() -> User:
    """Return a user who may do everything, as a request would have it."""
    user = User(pk=0, username="benchmark")
    user.__dict__["territory"] = Territory(everything=True)
    return user


def by_import(content: bytes) -> tuple[float, list[list[object]], list[str]]:
    """Return the seconds of an import, and the rows that it made with their columns."""
    user = steward()
    with transaction.atomic():
        begin = time.perf_counter()
        table = read_table(content, CSV)
        contract = Contract(MemberUnit, View.detail_serializer_class)
        done = Importer(RecordWriter(contract, user, Finder(user)), View.serializer_class, table).run()
        connection.check_constraints()
        taken = time.perf_counter() - begin
        fields = [field for field in MemberUnit._meta.concrete_fields if not (field.primary_key or field.generated)]
        fields = [field for field in fields if getattr(field, "sources", None) != () and not field.db_returning]
        rows = [[getattr(change.record, field.attname) for field in fields] for change in done.changes]
        assert len(rows) == ROWS
        transaction.set_rollback(True)
    return taken, rows, [str(field.column) for field in fields]


def by_copy(rows: list[list[object]], columns: list[str]) -> float:
    """Return the seconds of COPY."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        begin = time.perf_counter()
        with cursor.cursor.copy(f"COPY {MemberUnit._meta.db_table} ({', '.join(columns)}) FROM STDIN") as copying:
            for row in rows:
                copying.write_row(row)
        connection.check_constraints()
        taken = time.perf_counter() - begin
        transaction.set_rollback(True)
    return taken


def main() -> None:
    """Measure in alternation and print medians and the ratio."""
    content = make_file()
    imports, copies = [], []
    for _round in range(ROUNDS):
        taken, rows, columns = by_import(content)
        imports.append(taken)
        copies.append(by_copy(rows, columns))
    importing, copying = statistics.median(imports), statistics.median(copies)
    print(f"import {importing:.2f} s, COPY {copying:.2f} s: {copying / importing:.0%} of its rate")


if __name__ != "tests.bench.import_benchmark":
    main()
