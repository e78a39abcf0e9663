"""Acts: what a party says of a record by using the service, as rows of evidence."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.db.models import Model

from apps.common.models.records import Citable
from apps.common.values.dates import today

ACT = "act"


def act(record: Citable, party: Model, supports: list[str]) -> None:
    """Record that a party says some values of a stored record by using the service."""
    model: Any = record._meta.get_field("attestations").related_model
    key = party_key_of(model, party)
    model(
        slug=f"{ACT}-{uuid4().hex[:16]}",
        record=record,
        kind=ACT,
        supports=supports,
        stated_on=today().isoformat(),
        **{key: party},
    ).save(force_insert=True)


def party_key_of(model: type[Citable], party: Model) -> str:
    """Return the reference of a model's one party by which it names a unit, an alliance or a division."""
    (names,) = model.parties.values()
    fields: Mapping[str, Any] = {name: model._meta.get_field(name) for name in names}
    return next(name for name, field in fields.items() if isinstance(party, field.related_model))
