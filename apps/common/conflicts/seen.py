"""What a page showed of some rows: their versions and values, as a text that travels with its form."""

import copy
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias, cast

from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import ValidationError
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
            try:
                setattr(former, field.attname, None if value is None else field.to_python(value))
            except ValidationError:  # no value that the page can have shown
                setattr(former, field.attname, None)
    return former


def dumped(model: type[Model], rows: Mapping[object, Mapping[str, object]]) -> str:
    """Return the text for rows of a model, given by their keys with the values that the page shows."""
    versions = versions_of(model, list(rows))
    return json.dumps({str(pk): [versions.get(pk, ""), values] for pk, values in rows.items()}, ensure_ascii=False)


def read(text: object) -> Seen:
    """Return what a text of `dumped` says; nothing of what is none."""
    try:
        given = json.loads(str(text or "{}"))
    except ValueError:
        return {}
    if not isinstance(given, dict):
        return {}
    return {
        pk: SeenRow(str(row[0]), cast("dict[str, object]", row[1]))
        for pk, row in given.items()
        if isinstance(row, list) and len(row) == 2 and isinstance(row[1], dict)
    }
