"""Where a user may work, and the condition under which a record lies there.

A territory is a handful of keys. What lies in it is said by each model in three lists of its own fields
(`common.models.Citable`): `belongs_to`, `concerns` and `inherits`. From these one condition is built, which lists,
counts, the admin and the check before a write all use.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, ClassVar, cast

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model, Q
from django.db.models.expressions import RawSQL


@dataclass(frozen=True)
class Territory:
    """What a user was appointed to: everything, or divisions by their keys and units with all their parts."""

    everything: bool = False
    districts: frozenset[int] = frozenset()
    streets: frozenset[int] = frozenset()
    neighbourhoods: frozenset[int] = frozenset()
    units: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or any((self.districts, self.streets, self.neighbourhoods, self.units))

    def keys(self, model: type[Model]) -> frozenset[int]:
        """Return the keys of the rows of a model that were appointed as such."""
        return {
            "registry.district": self.districts,
            "registry.street": self.streets,
            "registry.neighbourhood": self.neighbourhoods,
            "registry.memberunit": self.units,
        }.get(model._meta.label_lower, frozenset())


NOWHERE = Territory()


class Keeper:
    """What a model says about where its rows lie; `Citable` is one. All names are those of its own references.

    `belongs_to`: a row lies where any of these lies, and whoever sets one must be allowed to edit what it points at.
    `concerns`: a row lies where any of these lies, too, but pointing at a foreign one is free: it names a party.
    `inherits`: a row without any of `belongs_to` lies where this row of the same model lies (a part, in its whole).
    `kept_by_all`: everybody who was appointed to anything may edit the rows.
    """

    belongs_to: ClassVar[tuple[str, ...]] = ()
    concerns: ClassVar[tuple[str, ...]] = ()
    inherits: ClassVar[str] = ""
    kept_by_all: ClassVar[bool] = False


def territory_of(user: Any) -> Territory:
    """Return the territory of a user of any kind; that of nobody is nowhere."""
    found: Territory = getattr(user, "territory", NOWHERE)
    return found


def keepers() -> list[type["Keeper"]]:
    """Return the models that say where their rows lie."""
    return [model for model in apps.get_models() if issubclass(model, Keeper)]


def condition(model: Any, territory: Territory, *, nested: bool = False) -> Q | None:
    """Return the condition under which a row of a model lies in a territory that is not everything; None: no row does.

    `nested`: the row is itself the target of a reference that may point at anything (a figure that is cited).
    """
    if not territory:
        return None
    if model.kept_by_all:
        return Q()
    found = [Q(pk__in=sorted(keys))] if (keys := territory.keys(model)) else []
    for name in (*model.belongs_to, *model.concerns):
        field = model._meta.get_field(name)
        if isinstance(field, GenericForeignKey):
            found += _of_any_kind(model, field, territory, nested=nested)
        elif field.related_model is model:
            found += [Q(**{f"{name}__in": sorted(keys)})] if keys else []
        elif (inner := condition(field.related_model, territory)) is not None:
            found.append(Q(**{f"{name}__in": field.related_model._base_manager.filter(inner).order_by().values("pk")}))
    if not found:
        return None
    lying = reduce(or_, found)
    return Q(pk__in=_with_parts(model, lying)) if model.inherits else lying


def _of_any_kind(model: Any, field: GenericForeignKey, territory: Territory, *, nested: bool) -> list[Q]:
    """Return the conditions for a reference that may point at a record of any kind, one for each kind."""
    found = []
    for target in keepers():
        points_anywhere = any(name in _generic_names(target) for name in target.belongs_to)
        if target is model or (nested and points_anywhere):
            continue
        if (inner := condition(target, territory, nested=True)) is not None:
            kind = ContentType.objects.get_for_model(cast("type[Model]", target))
            rows = cast("Any", target)._base_manager.filter(inner).order_by().values("pk")
            found.append(Q(**{field.ct_field: kind, f"{field.fk_field}__in": rows}))
    return found


def _generic_names(model: Any) -> set[str]:
    return {field.name for field in model._meta.private_fields if isinstance(field, GenericForeignKey)}


def _with_parts(model: Any, lying: Q) -> RawSQL:
    """Return the keys of the rows that lie somewhere, and of all their parts that have no place of their own."""
    sql, params = model._base_manager.filter(lying).order_by().values("pk").query.sql_with_params()
    quote = connection.ops.quote_name
    table, parent = quote(model._meta.db_table), quote(model._meta.get_field(model.inherits).column)
    unplaced = "".join(
        f" AND part.{quote(model._meta.get_field(name).column)} IS NULL" for name in model.belongs_to
    )
    return RawSQL(  # noqa: S611 - the names come from the models, the values from Django's own compiler
        f"WITH RECURSIVE lying(id) AS ({sql} UNION"  # noqa: S608
        f" SELECT part.id FROM {table} AS part JOIN lying ON part.{parent} = lying.id WHERE true{unplaced})"
        " SELECT id FROM lying",
        params,
    )
