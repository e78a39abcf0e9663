"""Conditions on many keys at once, and the ways from rows to the places in which they lie."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup, Q
from django.db.models.sql.compiler import SQLCompiler

from apps.common.models.records import Citable
from apps.registry.models import District, Neighbourhood, Street


class AnyOf(Lookup):
    """`column = ANY(keys)`: one parameter however many keys, and an index serves several joined by OR."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Return the condition."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*params, list(self.rhs))


def any_of(column: str, keys: Iterable[int]) -> Q:
    """Return the condition that a column holds one of the keys."""
    return Q(AnyOf(F(column), sorted(keys)))


# How divisions lie in larger ones, and in themselves.
_OF_DIVISION: dict[type[Citable], dict[str, str]] = {
    District: {"district": "pk"},
    Street: {"district": "district", "street": "pk"},
    Neighbourhood: {"district": "street__district", "street": "street"},
}


def path_to_place(model: type[Citable], level: str) -> str:
    """Return the path from a row to the district, or the street, in which it lies; empty if a resource has none."""
    return model.place_columns.get(f"{level}s") or _OF_DIVISION.get(model, {}).get(level, "")
