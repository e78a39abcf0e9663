"""Changes of divisions that touch several rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.common.fields import Derived
from apps.registry import gazetteer
from apps.registry.models import District, Neighbourhood, Street

PARENT = {District: None, Street: "district", Neighbourhood: "street"}


@transaction.atomic
def load_gazetteer(*, folder: Path) -> dict[str, int]:
    """Write the divisions of a folder of gazetteer files; returns how many rows there are now, by resource.

    Rows are known by their codes, so that loading again changes nothing. Raises GazetteerError for a file that is not
    as it should be; nothing is written then.
    """
    source = gazetteer.read(folder)
    written = {}
    above: dict[str, int] = {}
    for model, rows in ((District, source.districts), (Street, source.streets), (Neighbourhood, source.neighbourhoods)):
        above = _write(model, rows, source, above)
        written[model.resource] = len(rows)
    return written


def _write(
    model: Any, rows: Sequence[gazetteer.DivisionRow], source: gazetteer.Gazetteer, above: dict[str, int]
) -> dict[str, int]:
    """Write one level, below the ids by code of the level above; return its own ids by code."""
    parent = PARENT[model]
    instances = []
    for row in rows:
        established, abolished = source.validity(row)
        values: dict[str, Any] = {
            "code": row.code,
            "name": row.name,
            "kind": row.kind,
            "editions": list(row.editions),
            "established_on": established,
            "abolished_on": abolished,
            "updated_at": timezone.now(),
        }
        if parent:
            values[f"{parent}_id"] = above[str(row.parent)]
        instances.append(model(**values))
    changed = {name for name in values if name != "code"}
    changed |= {f.name for f in model._meta.concrete_fields if isinstance(f, Derived)}
    changed = {name.removesuffix("_id") for name in changed}
    model.objects.bulk_create(
        instances, batch_size=1000, update_conflicts=True, unique_fields=["code"], update_fields=sorted(changed)
    )
    ids = dict(model.objects.filter(code__isnull=False).values_list("code", "id"))
    followed = [model(pk=ids[row.code], successor_id=ids[row.successor]) for row in rows if row.successor]
    model.objects.bulk_update(followed, ["successor"], batch_size=1000)
    return ids
