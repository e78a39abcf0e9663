"""What an import costs beside COPY: 10,000 units of a roster from CSV, published, against COPY of the units alone.

    python manage.py shell < tests/bench/import_benchmark.py   (everything is rolled back; needs the fixtures)

Medians of alternating rounds. COPY gets the very rows that the import makes, all columns ready and slugs included, and
runs under the same triggers and indexes, its deferred checks included. The evidence that these ask for is put there
between COPY and checks, beside the clock; the import finds out what it is and writes it. Half of the names are of
places and forms that come again and again, half have a part that is theirs alone.

Beside seconds by the clock stands processor time, of this program and of its server process: other programs on the
machine disturb it less.
"""

# ruff: noqa: T201 - it prints its figures, and the names are our own

import csv
import gc
import io
import os
import random
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Count

from apps.accounts.models import User
from apps.common.files.imports import Importer
from apps.common.files.row_evidence import read_paper
from apps.common.files.tables import CSV, read_table
from apps.common.rules.territory import Territory
from apps.common.writing.contract import Contract, Finder
from apps.common.writing.copying import columns_to_copy, copy_rows
from apps.common.writing.transaction import write_transaction
from apps.common.writing.writer import RecordWriter
from apps.registry.models import District, MemberUnit
from apps.registry.views import MemberUnitViewSet as View
from tests.bench import names

ROWS, ROUNDS = 10_000, 5
BRANDS = "华兴瑞信达康宏泰盛嘉安源恒光明天海博远东方正中金诺德利通汇丰荣创科智云数联合众益民"


class Cost(NamedTuple):
    """What something took: seconds by the clock, and of processors."""

    clock: float
    processors: float


class Clock:
    """Measures between two calls; it may rest between."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self.server = cursor.fetchone()[0]
        self.clock = self.processors = 0.0

    def __enter__(self) -> None:
        self.began = time.perf_counter(), self._busy()

    def __exit__(self, *_exception: object) -> None:
        self.clock += time.perf_counter() - self.began[0]
        self.processors += self._busy() - self.began[1]

    def _busy(self) -> float:
        fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
        return time.process_time() + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    @property
    def cost(self) -> Cost:
        """What was measured."""
        return Cost(self.clock, self.processors)


def make_file(district: District) -> bytes:
    """Return the file that is imported: units of one district."""
    chance = random.Random(20130627)
    streets = list(district.streets.exclude(code=None).order_by("code"))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["name", "kind", "street", "state"])
    for number in range(ROWS):
        street = streets[number % len(streets)]
        form = names.UNIT_FORMS[number % len(names.UNIT_FORMS)]
        stem = f"{district.name}{street.name}" if number % 2 else "上海" + "".join(chance.sample(BRANDS, 3))
        writer.writerow([f"{stem}{form}{number // len(streets) or ''}", "company", street.code, "published"])
    return text.getvalue().encode()


def steward() -> User:
    """Return a user who may do everything, as a request would have it."""
    user = User(pk=0, username="benchmark")
    user.__dict__["territory"] = Territory(everything=True)
    return user


def by_import(content: bytes, district: District) -> tuple[Cost, list[tuple[Any, ...]]]:
    """Return the cost of an import, and the units that it made."""
    user, clock = steward(), Clock()
    given = {"party": f"districts/{district.code}", "kind": "roster", "title": "名册", "stated_on": "2026-05"}
    with write_transaction():
        with clock:
            table = read_table(content, CSV)
            contract, finder = Contract(MemberUnit, View.detail_serializer_class), Finder(user)
            paper = read_paper(contract, {f"attestation.{name}": text for name, text in given.items()}, finder)
            done = Importer(RecordWriter(contract, user, finder), View.serializer_class, table, paper=paper).run()
            connection.check_constraints()
        fields = columns_to_copy(MemberUnit)
        rows = [tuple(getattr(change.record, field.attname) for field in fields) for change in done.changes]
        assert len(rows) == done.attestations == ROWS
        transaction.set_rollback(True)
    return clock.cost, rows


def by_copy(rows: list[tuple[Any, ...]], district: District) -> Cost:
    """Return the cost of COPY."""
    clock = Clock()
    columns = [str(field.column) for field in columns_to_copy(MemberUnit)]
    with write_transaction():
        with clock:
            copy_rows(MemberUnit._meta.db_table, columns, rows)
        with connection.cursor() as cursor:
            cursor.execute(EVIDENCE, [district.pk, [row[columns.index("slug")] for row in rows]])
        with clock:
            connection.check_constraints()
        transaction.set_rollback(True)
    return clock.cost


EVIDENCE = """
    INSERT INTO evidence_attestation (slug, kind, title, reference, locator, stated_on, stated_on_wording,
                                      stated_on_relative_to, party_district_id, supports, says, levels, content_type_id,
                                      object_id, created_at, updated_at)
    SELECT 'roster-' || unit.id, 'roster', 'x', '', '', '', '', '', %s, ARRAY['name', 'kind', 'street'], '{}', '{}',
           (SELECT id FROM django_content_type WHERE app_label = 'registry' AND model = 'memberunit'), unit.id,
           now(), now()
    FROM registry_memberunit AS unit WHERE slug = ANY(%s)
"""


def main() -> None:
    """Measure in alternation and print medians and the ratio."""
    district = District.objects.annotate(count=Count("streets")).order_by("-count")[0]
    content = make_file(district)
    imports, copies = [], []
    gc.freeze()  # as the processes do that import (`run_imports`, the workers)
    for _round in range(ROUNDS):
        taken, rows = by_import(content, district)
        imports.append(taken)
        copies.append(by_copy(rows, district))
    for name in Cost._fields:
        importing, copying = (statistics.median(getattr(cost, name) for cost in found) for found in (imports, copies))
        print(f"{name}: import {importing:.2f} s, COPY {copying:.2f} s: {copying / importing:.0%} of its rate")


if __name__ != "tests.bench.import_benchmark":
    main()
