"""The fields by which rows point at a record: foreign keys, generic ones, and the tables behind lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


@cache
def foreign_keys(model: type[models.Model]) -> "list[tuple[type[models.Model], models.ForeignKey]]":
    """Return the models that point at a model, each with the field: foreign keys, and the tables behind lists."""
    relations: list[Any] = model._meta.get_fields(include_hidden=True)
    return [
        (relation.related_model, relation.field)
        for relation in relations
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)
        if isinstance(relation.field, models.ForeignKey)
    ]


@cache
def generic_keys() -> list[tuple[type[models.Model], GenericForeignKey]]:
    """Return the models that point at records of any kind, each with the field."""
    return [
        (model, item)
        for model in apps.get_models()
        for item in model._meta.private_fields
        if isinstance(item, GenericForeignKey)
    ]


@dataclass(frozen=True)
class PointingField:
    """A field by which rows of a model point at a record."""

    model: type[models.Model]
    name: str
    column: str  # attribute that holds the primary key of the record
    also: tuple[tuple[str, int], ...] = ()  # what else has to hold: the content type

    def rows(self, target: models.Model) -> models.QuerySet[models.Model]:
        """Return the rows that point at a record, locked."""
        rows = self.model._default_manager.filter(**{**dict(self.also), self.column: target.pk})
        return rows.select_for_update().order_by("pk")


def pointing_fields(target: models.Model) -> Iterator[PointingField]:
    """Yield the fields by which rows may point at a record."""
    for model, item in foreign_keys(target._meta.model):
        yield PointingField(model, item.name, item.attname)
    kind = ContentType.objects.get_for_model(target).pk
    for model, generic in generic_keys():
        yield PointingField(model, generic.name, generic.fk_field, ((f"{generic.ct_field}_id", kind),))
