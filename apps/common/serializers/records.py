"""The base of every resource's JSON: fields that know what they mean both for an object and in SQL.

A serializer lists its fields. Lists and details are written by PostgreSQL from what `compiling` reads off it, by the
`sql` method of the fields that are our own. Where single objects are shown, `prepare` walks the fields and adds to a
queryset what they touch: joins for references, one prefetch for each nested list, a subquery for each count.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import ForeignKey, Model, Prefetch, QuerySet
from django.utils.translation import gettext
from rest_framework import serializers

from apps.common.http.problems import nearest, parameter_error
from apps.common.models.records import Citable
from apps.common.serializers.compiler import Compilation
from apps.common.serializers.counts import CountField, ReportedField
from apps.common.serializers.evidence import CitationBrief, FigureBrief
from apps.common.serializers.references import AddressField, LabelField, Reference


class RowSerializer(serializers.ModelSerializer[Any]):
    """The base of everything made from a row: foreign keys are references, choices carry labels on demand."""

    class Meta:
        abstract = True

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        if self.context.get("labels"):
            choices = [name for name, field in fields.items() if isinstance(field, serializers.ChoiceField)]
            fields |= {f"{name}_label": LabelField(name) for name in choices}
        return fields

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        """Show a record that another points at as a reference."""
        if not issubclass(relation_info.related_model, Citable):
            return super().build_relational_field(field_name, relation_info)
        options: dict[str, Any] = {"read_only": True, "help_text": relation_info.model_field.help_text}
        if relation_info.to_many:
            options["many"] = True
        elif relation_info.model_field.null:
            options["allow_null"] = True
        return Reference, options


class RecordSerializer(RowSerializer):
    """The base of every resource: address, evidence, expansion and choice of fields."""

    url = AddressField()
    citations = CitationBrief(many=True, read_only=True, help_text="What the record rests on, in reading order.")

    @classmethod
    def expandable(cls) -> dict[str, type["RecordSerializer"]]:
        """Return the references that `?expand=` may replace by the whole record, with its serializer."""
        return {}

    def __init__(self, *args: Any, expand: Iterable[str] = (), **kwargs: Any) -> None:
        self.expand = tuple(expand)
        super().__init__(*args, **kwargs)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        is_root = self.parent is None or (
            isinstance(self.parent, serializers.ListSerializer) and not self.parent.parent
        )
        expand = self.context.get("expand", ()) if is_root else self.expand
        for head in dict.fromkeys(path.partition(".")[0] for path in expand):
            deeper = [path.partition(".")[2] for path in expand if path.startswith(f"{head}.")]
            fields[head] = self.expandable()[head](expand=deeper, read_only=True)
        if is_root and (picked := self.context.get("fields")):
            wanted = {*picked, *(f"{name}_label" for name in picked)}
            fields = {name: field for name, field in fields.items() if name in wanted}
        return fields


def check_expansions(serializer: type[RecordSerializer], paths: list[str]) -> None:
    """Raise ParameterError unless each dotted path can be expanded, two steps deep at most."""
    for path in paths:
        current: type[RecordSerializer] = serializer
        steps = path.split(".")
        if len(steps) > 2:
            raise parameter_error("expand", gettext("“%(path)s” goes deeper than two steps.") % {"path": path})
        for step in steps:
            known = current.expandable()
            if step not in known:
                detail = gettext("“%(path)s” cannot be expanded.") % {"path": path} + nearest(step, known)
                raise parameter_error("expand", detail)
            current = known[step]


def prepare(
    queryset: QuerySet[Any],
    serializer: serializers.BaseSerializer[Any],
    as_of: date | None = None,
    viewer: Any = None,
) -> QuerySet[Any]:
    """Return the queryset with everything that the serializer will touch: joins, prefetches, counts.

    With `as_of`, nested lists of what is valid in time hold what was true on that day.
    """
    joins, prefetches, counts = _needs(serializer, queryset.model, Compilation(viewer, as_of))
    if counts:
        queryset = queryset.annotate(**counts)
    if joins:
        queryset = queryset.select_related(*joins)
    return queryset.prefetch_related(*prefetches)


def _needs(
    serializer: Any, model: type[Model], writer: Compilation
) -> "tuple[list[str], list[Prefetch[Any]], dict[str, Any]]":
    """Collect joins, prefetches and counts of one serializer for rows of `model`."""
    joins: list[Any] = []
    prefetches: list[Prefetch[Any]] = []
    counts: dict[str, Any] = {}
    fields: dict[str, Any] = serializer.fields
    for name, field in fields.items():
        if isinstance(field, CountField):
            counts[name] = field.annotation(model, writer.viewer)
        elif touched := getattr(field, "touches", ()):
            prefetches += touched
        elif isinstance(field, ReportedField):
            prefetches.append(Prefetch("figures", _rows_of(model, "figures", FigureBrief(), writer)))
        elif isinstance(field, serializers.ListSerializer):
            prefetches.append(Prefetch(field.source, _rows_of(model, field.source, field.child, writer)))
        elif isinstance(field, RecordSerializer):
            # An expanded record comes by a query of its own: its counts and lists cannot be had through a join.
            # The record itself is given whatever the day, as the reference in its place would be.
            prefetches.append(Prefetch(field.source, _rows_of(model, field.source, field, writer, narrow=False)))
        elif isinstance(field, serializers.BaseSerializer) and isinstance(
            model._meta.get_field(str(field.source)), ForeignKey
        ):
            joins.append(field.source)
    # Several fields may be made of the same rows; those are fetched once.
    once = {getattr(lookup, "prefetch_to", lookup): lookup for lookup in prefetches}
    return joins, list(once.values()), counts


def _rows_of(
    model: type[Model], source: Any, serializer: Any, writer: Compilation, *, narrow: bool = True
) -> QuerySet[Any]:
    """Return the rows at the other end of a relation, with what their serializer needs."""
    relation: Any = model._meta.get_field(source)
    rows = writer.rows(relation.related_model, narrow=narrow)
    return prepare(rows, serializer, writer.as_of, writer.viewer)  # type: ignore[arg-type]
