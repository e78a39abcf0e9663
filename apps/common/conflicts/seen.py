"""What a page showed of some rows: their versions and values, as a signed text that travels with its form."""

import copy
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from django.contrib.contenttypes.fields import GenericForeignKey
from django.core import signing
from django.db.models import Field, ManyToManyField, Model

from apps.common.reading.record_version import versions_of
from apps.common.values.columns import PythonColumn

SEEN = "seen_version"  # the field of a form that carries it


class SeenRow(NamedTuple):
    """One row as a page showed it: the version that it had, and the values of the fields that stood there."""

    version: str
    values: Mapping[str, object]


Seen: TypeAlias = Mapping[str, SeenRow]  # by internal key


def fields_of(model: type[Model], names: Iterable[str]) -> list[Field]:
    """Return the columns and lists among the fields that a page shows, with the parts of generic references."""
    generic = [field for field in model._meta.private_fields if isinstance(field, GenericForeignKey)]
    wanted = {*names, *(part for field in generic for part in (field.ct_field, field.fk_field))}
    return [
        field
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many)
        if field.name in wanted and field.editable and not field.primary_key and not isinstance(field, PythonColumn)
    ]


def values_of(record: Model, fields: Iterable[Field]) -> dict[str, object]:
    """Return the values of a stored row in a form that JSON holds: a list is that of its internal keys."""
    found: dict[str, object] = {}
    for field in fields:
        value = field.value_from_object(record)
        if isinstance(field, ManyToManyField):
            value = sorted(row.pk for row in value)
        found[field.name] = value if isinstance(value, list | dict | str | int | float | None) else str(value)
    return found


def restored(record: Model, values: Mapping[str, object]) -> Model:
    """Return a copy of a row with the values that it had on a page, but for its lists."""
    former = copy.copy(record)
    for field in record._meta.concrete_fields:
        if field.name in values:
            value = values[field.name]
            setattr(former, field.attname, None if value is None else field.to_python(value))
    return former


def dumped(model: type[Model], rows: Mapping[object, Mapping[str, object]], *, at: str = "") -> str:
    """Return the signed text for rows of a model, given by their keys with the values that the page shows.

    `at` is when a list was shown.
    """
    versions = versions_of(model, list(rows))
    content = {str(pk): [versions.get(pk, ""), values] for pk, values in rows.items()}
    return signing.dumps([at, content], salt=_salt(model), compress=True)


def read(model: type[Model], text: object) -> Seen:
    """Return the rows of a text of `dumped`; nothing of what is none."""
    return {pk: SeenRow(version, values) for pk, (version, values) in _loaded(model, text)[1].items()}


def shown_at(model: type[Model], text: object) -> datetime | None:
    """Return when a list was shown, as a text of `dumped` says."""
    at = _loaded(model, text)[0]
    return datetime.fromisoformat(at) if at else None


def _loaded(model: type[Model], text: object) -> tuple[str, dict[str, tuple[str, dict[str, object]]]]:
    try:
        at, content = signing.loads(str(text or ""), salt=_salt(model))
    except signing.BadSignature:
        return "", {}
    return at, content


def _salt(model: type[Model]) -> str:
    return f"{SEEN} {model._meta.label}"
