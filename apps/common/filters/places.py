"""Filters by a record of any kind and by place in a tree."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext

from apps.common.filters.base import MOST_REFUSED, CommaFilter, KeyFilter, ParsedFilter, keyed, without_record
from apps.common.http.parameters import FilterError
from apps.common.models.records import Citable, citable_models
from apps.common.models.unknown_keys import no_record, no_resource
from apps.common.rules.territory import Reader


class TargetFilter(CommaFilter):
    """Rows that speak about one of the records given as `resource/key`."""

    def __init__(self, *, help_text: str = "") -> None:
        super().__init__(
            "object_id",
            help_text=help_text
            or "Records as `resource/key`, such as `projects/jiankang-zhitongche`, separated by commas.",
        )

    def check(self, words: tuple[str, ...]) -> ParsedFilter:
        pairs = [word.partition("/")[::2] for word in words]
        for resource, _key in pairs:
            self.known(resource)
        return ParsedFilter(tuple(resource for resource, _key in pairs), tuple(key for _resource, key in pairs))

    def known(self, resource: str) -> type[Citable]:
        """Return the model of a resource."""
        if resource not in self.targets:
            raise FilterError(no_resource(resource, self.targets))
        return self.targets[resource]

    @property
    def targets(self) -> Mapping[str, type[Citable]]:
        """The kinds of record that may be given, by resource."""
        return citable_models()

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        condition = Q()
        for resource, slot in zip(shape, slots, strict=True):
            target = self.known(resource)
            kind = ContentType.objects.get_for_model(target).pk
            condition |= Q(content_type=kind, object_id=Subquery(keyed(target, [slot], viewer)))
        return condition

    def missing(self, shape: Any, slots: Sequence[Any], viewer: Reader) -> str | None:
        arrays = (
            f"(SELECT array_agg('{resource}/' || key)"
            f" FROM unnest({without_record(self.known(resource), [slot], viewer)}) AS key)"
            for resource, slot in zip(shape, slots, strict=True)
        )
        return "(" + " || ".join(arrays) + ")"

    def refuse(self, keys: Sequence[str], viewer: Reader, values: Mapping[str, object]) -> str:
        pairs = (key.partition("/")[::2] for key in keys[:MOST_REFUSED])
        return " ".join(no_record(self.known(resource), key, viewer, values) for resource, key in pairs)


class PartyFilter(TargetFilter):
    """Rows of which one of the records given as `resource/key` is the party, by whichever reference.

    `model` has the references and shows them under `name` (`Citable.parties`). With `through`, it is another one than
    that of the rows, and points at them by this field.
    """

    def __init__(self, model: type[Citable], name: str, *, through: str = "", help_text: str) -> None:
        super().__init__(help_text=help_text)
        self.model = model
        self.name = name
        self.through_field = through

    @cached_property
    def keys(self) -> dict[str, str]:
        """The reference for each kind of record, by resource."""
        fields: list[Any] = [self.model._meta.get_field(key) for key in self.model.parties[self.name]]
        return {field.related_model.resource: field.name for field in fields}

    @cached_property
    def targets(self) -> Mapping[str, type[Citable]]:
        return {resource: citable_models()[resource] for resource in self.keys}

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        condition = Q()
        for resource in dict.fromkeys(shape):
            given = [slot for kind, slot in zip(shape, slots, strict=True) if kind == resource]
            found = keyed(self.targets[resource], given, viewer)
            one, several = {self.keys[resource]: Subquery(found)}, {f"{self.keys[resource]}__in": found}
            condition |= Q(**(one if len(given) == 1 else several))
        if not self.through_field:
            return condition
        rows = self.model.rows().visible_to(viewer).filter(condition).order_by()
        return Q(pk__in=rows.values(self.through_field))


class TreeFilter(KeyFilter):
    """Records above or below one in a tree, at any depth."""

    facets = False

    def __init__(self, model: type[Citable], *, below: bool, parent: str = "parent") -> None:
        super().__init__(
            "pk",
            model,
            help_text=f"Key of one of the `{model.resource}`: its parts at any depth."
            if below
            else f"Key of one of the `{model.resource}`: all of which it is a part, at any depth.",
        )
        self.below = below
        self.parent = parent

    def describe(self) -> dict[str, Any]:
        return {"type": "string"}

    def check(self, words: tuple[str, ...]) -> ParsedFilter:
        if len(words) > 1:
            raise FilterError(gettext("One key is expected."))
        return super().check(words)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        table, up = model._meta.db_table, f"{self.parent}_id"
        ends = ("id", up) if self.below else (up, "id")
        start = keyed(model, slots, viewer)
        # UNION, not UNION ALL: it ends where a tree, against its rules, runs in a circle.
        walk = (
            f'WITH RECURSIVE tree(id) AS (SELECT tree_row."{ends[0]}" FROM "{table}" AS tree_row'
            f' WHERE tree_row."{ends[1]}" = %s'
            f' UNION SELECT tree_row."{ends[0]}" FROM "{table}" AS tree_row'
            f' JOIN tree ON tree_row."{ends[1]}" = tree.id)'
            " SELECT id FROM tree WHERE id IS NOT NULL"
        )
        return Q(pk__in=_Walk(walk, start))


class _Walk(RawSQL):
    """A recursive query whose one parameter is a subquery."""

    def __init__(self, sql: str, start: QuerySet[Any]) -> None:
        super().__init__(sql, ())
        self.start = start

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        text, params = self.start.query.sql_with_params()
        return f"({self.sql % f'({text})'})", params

    def get_source_expressions(self) -> list[Any]:
        return []
