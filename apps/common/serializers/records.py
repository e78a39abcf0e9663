"""The base of every resource's JSON.

A serializer lists its fields; `compiler` reads them and writes the SQL by which PostgreSQL writes the JSON. Fields that
are our own say what they are in SQL by their method `sql`. No record is rendered in Python: `Serializer.data` is not
for these.
"""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from apps.common.http.problems import nearest, parameter_error
from apps.common.models.records import Citable, Fact
from apps.common.serializers.evidence import AttestationBrief, CitationBrief
from apps.common.serializers.references import AddressField, LabelField, Reference


class RowSerializer(serializers.ModelSerializer[Citable]):
    """The base of everything made from a row: foreign keys are references, choices carry labels on demand."""

    class Meta:
        abstract = True

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        if self.context.get("labels"):
            choices = [name for name, field in fields.items() if isinstance(field, serializers.ChoiceField)]
            fields |= {f"{name}_label": LabelField(name) for name in choices}
        return fields

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        """Show a record that another points at as a reference."""
        if not issubclass(relation_info.related_model, Citable):
            return super().build_relational_field(field_name, relation_info)
        options: dict[str, object] = {"read_only": True, "help_text": relation_info.model_field.help_text}
        if relation_info.to_many:
            options["many"] = True
        elif relation_info.model_field.null or issubclass(relation_info.related_model, Fact):
            options["allow_null"] = True  # also where the reader may not see it
        return Reference, options


class RecordSerializer(RowSerializer):
    """The base of every resource: address, evidence, expansion and choice of fields."""

    url = AddressField()
    citations = CitationBrief(many=True, read_only=True, help_text="What the record rests on, in reading order.")
    attestations = AttestationBrief(many=True, read_only=True, help_text="What parties themselves say of the record.")

    @classmethod
    def expandable(cls) -> dict[str, type["RecordSerializer"]]:
        """Return the references beside which `?expand=` may give the whole record, with its serializer."""
        return {}

    def __init__(self, *args: Any, expand: Iterable[str] = (), **kwargs: Any) -> None:
        self.expand = tuple(expand)
        super().__init__(*args, **kwargs)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        is_root = self.parent is None or (
            isinstance(self.parent, serializers.ListSerializer) and not self.parent.parent
        )
        expand = self.context.get("expand", ()) if is_root else self.expand
        for head in dict.fromkeys(path.partition(".")[0] for path in expand):
            deeper = [path.partition(".")[2] for path in expand if path.startswith(f"{head}.")]
            fields[head] = self.expandable()[head](expand=deeper, read_only=True)
        if not is_root:
            # In the place of a reference, whose members stay, so that who reads references reads this one, too.
            fields = {**Reference().get_fields(), **fields}
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
