"""Rows of any model, for tests that loop over all of them."""

# mypy: allow-untyped-calls

from typing import Any

from django.db import models
from factory.django import DjangoModelFactory

from apps.assessments.models import Assessment, Dimension
from apps.common.models.records import Citable
from apps.projects.models import Claim
from apps.registry.models import Neighbourhood, Placed
from apps.registry.models.places import own_levels
from tests import factories

FACTORIES: dict[type[models.Model], Any] = {
    factory._meta.model: factory
    for factory in vars(factories).values()
    if isinstance(factory, type) and issubclass(factory, DjangoModelFactory) and factory._meta.model
}

# References that a row has instead of others, and what they go together with.
ONE_OF_SEVERAL: dict[type[models.Model], set[str]] = {
    Assessment: {"unit", "street"},
    Neighbourhood: {"committee"},
    Claim: {"round_project"},  # it has a project of its own, and places only in a round that is open
}
WITH_REFERENCES: dict[str, dict[str, Any]] = {"Participation": {"role": "awardee"}}


def make(model: type[models.Model], **values: Any) -> Any:
    """Return a new row with what is required."""
    return FACTORIES[model](**values)


def in_step(model: type[models.Model], values: dict[str, Any]) -> dict[str, Any]:
    """Return the divisions of a row that is in all levels which it can name, so that none contradicts another."""
    given = {name: values[name] for name in ("neighbourhood", "street", "district") if name in values}
    street = values["neighbourhood"].street if "neighbourhood" in given else given.get("street")
    found = {"street": street, "district": street.district if street else None}
    return {level: found[level] for level in own_levels(model) if found.get(level) and level in given}


def make_full(model: type[models.Model], **values: Any) -> Any:
    """Return a new row in which every reference that can be given is given, and which has evidence and a figure."""
    left_out = {name for base, names in ONE_OF_SEVERAL.items() if issubclass(model, base) for name in names}
    left_out |= {key for keys in getattr(model, "parties", {}).values() for key in keys[1:]}
    for field in model._meta.fields:
        if not isinstance(field, models.ForeignKey) or field.name in values or field.name in left_out:
            continue
        if issubclass(field.related_model, Citable) and field.editable:
            values[field.name] = make(field.related_model)
    if issubclass(model, Placed):
        values |= in_step(model, values)
    if "dimension" in values and "assessment" in values:
        values["dimension"] = make(Dimension, framework=values["assessment"].framework)
    row = make(model, **{**WITH_REFERENCES.get(model.__name__, {}), **values})
    for many in model._meta.many_to_many:
        getattr(row, many.name).set([make(many.related_model), make(many.related_model)])
    if isinstance(row, Citable) and model._meta.app_label != "evidence":
        factories.CitationFactory(record=row)
        factories.FigureFactory(subject=row)
    return row
