"""Changes of divisions that touch several rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.common.models.records import RecordQuerySet, derived_fields
from apps.registry.gazetteer import files
from apps.registry.gazetteer.rows import DivisionRow, Gazetteer
from apps.registry.models import District, Neighbourhood, Street

Level = type[District] | type[Street] | type[Neighbourhood]
PARENT = {District: None, Street: "district", Neighbourhood: "street"}


@transaction.atomic
def load_gazetteer(*, folder: Path) -> dict[str, int]:
    """Write the divisions of a folder of gazetteer files; returns the number of rows made or changed, by resource.

    Rows are known by their codes, and those that already say the same are not touched. Raises GazetteerError for a
    file that is not as it should be; nothing is written then.
    """
    source = files.read(folder)
    written = {}
    above: dict[str, int] = {}
    for model, rows in ((District, source.districts), (Street, source.streets), (Neighbourhood, source.neighbourhoods)):
        above, written[model.resource] = _write(model, rows, source, above)
    return {resource: number for resource, number in written.items() if number}


def _write(
    model: Level, rows: Sequence[DivisionRow], source: Gazetteer, above: dict[str, int]
) -> tuple[dict[str, int], int]:
    """Write one level, below the ids by code of the level above; return its own ids by code, and how many changed."""
    wanted = {row.code: _values(row, source, PARENT[model], above) for row in rows}
    derived = derived_fields(model)
    table: RecordQuerySet = model._default_manager.all()
    columns = [*next(iter(wanted.values()), {}), *(field.name for field in derived)]
    stored = {row.pop("code"): row for row in table.values("code", "successor_id", *columns)}
    changed = []
    for code, values in wanted.items():
        known = stored.setdefault(code, {"successor_id": None})
        computed = {field.name: field.compute(values[field.source]) for field in derived if "name" in known}
        if {**values, **computed, "successor_id": known["successor_id"]} != known:
            changed.append(code)
    table.bulk_create(
        [model(code=code, **wanted[code], updated_at=timezone.now()) for code in changed],
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=[*(name.removesuffix("_id") for name in columns), "updated_at"],
    )
    ids = dict(table.filter(code__isnull=False).values_list("code", "id"))
    successors = {row.code: row.successor and ids[row.successor] for row in rows}
    followed = [code for code, successor in successors.items() if stored[code]["successor_id"] != successor]
    table.bulk_update(
        [model(pk=ids[code], successor_id=successors[code]) for code in followed], ["successor"], batch_size=1000
    )
    return ids, len({*changed, *followed})


def _values(row: DivisionRow, source: Gazetteer, parent: str | None, above: dict[str, int]) -> dict[str, Any]:
    """Return the values of a row of the gazetteer, by column."""
    established, abolished = source.validity(row)
    values = {
        "name": row.name,
        "kind": row.kind,
        "editions": list(row.editions),
        "established_on": established,
        "abolished_on": abolished,
    }
    return {**values, f"{parent}_id": above[str(row.parent)]} if parent else values
