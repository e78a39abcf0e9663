"""Fields that show other records, addresses, names, labels and numbers."""

from decimal import Decimal
from typing import Any, cast

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.models.records import Citable
from apps.common.models.targets import Target
from apps.common.serializers.compiler import SqlRow
from apps.common.serializers.json_sql import Constant, Unescaped, Value, Written, choice_label

NAME_OF_RECORD = (
    "Name of the record, in the language of its source; of one without a name, in words, in the language asked for."
)


def edtf(name: str) -> tuple[str, ...]:
    """Return the field names of a partial date and its companions."""
    return (name, *(f"{name}_{part}" for part in ("earliest", "latest", "wording", "relative_to")))


@extend_schema_field({"type": "string", "format": "uri-reference"})
class AddressField(serializers.Field):
    """The address of a record in this API, as a path: it holds behind any proxy and under any host name."""

    heading = _("address")

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "Address of the record, relative to the host.")
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Citable | Target) -> str:
        return f"{settings.API_ROOT}/{value.resource}/{value.key}"

    def sql(self, row: SqlRow) -> Value:
        """Return the address of a row (see `compiler`)."""
        return row.address()


@extend_schema_field({"type": "string"})
class NameField(serializers.Field):
    """The name under which a record is shown; one of rows that have none of their own is in the reader's language."""

    heading = _("name")

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "Name in words, in the language asked for, made of other records' names.")
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Citable) -> str:
        return str(value)

    def sql(self, row: SqlRow) -> Value:
        """Return the name of a row (see `compiler`)."""
        return row.name()


class Reference(serializers.Serializer[Citable]):
    """A record as others point at it: key, name and address. `?expand=` adds all its fields."""

    key = serializers.CharField(help_text="Official code of a division; slug of anything else.")
    name = NameField(help_text=NAME_OF_RECORD)
    url = AddressField()


class ResourceField(serializers.CharField):
    """The resource to which a record belongs."""

    def sql(self, row: SqlRow) -> Value:
        """Return the resource of a row, which is that of its model (see `compiler`)."""
        return Unescaped(Constant(cast(type[Citable], row.model).resource))


class TargetReference(serializers.Serializer[Target]):
    """A record of any kind, with the resource to which it belongs."""

    resource = ResourceField(help_text="Resource to which the record belongs, such as `projects`.")
    key = serializers.CharField(help_text="Official code of a division; slug of anything else.")
    name = serializers.CharField(help_text=NAME_OF_RECORD)
    url = AddressField()


@extend_schema_field(TargetReference)
class TargetField(serializers.Field):
    """The record of any kind that a row speaks about.

    `heading` is its label in exports.
    """

    def __init__(self, *, heading: str | Promise = "", **kwargs: Any) -> None:
        self.heading = heading
        super().__init__(source="*", read_only=True, **kwargs)

    def sql(self, row: SqlRow) -> Value:
        """Return the record that a row speaks about, whatever its kind (see `compiler`)."""
        return Written(row.target())


class PartyField(TargetField):
    """The record, of one of several kinds, that a row names by one of several references; null where it names none.

    The model says by which (`Citable.parties`), under the name that the field has.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def sql(self, row: SqlRow) -> Value:
        """Return the record of the one reference that is set (see `compiler`): the others cost nothing but a look."""
        keys = cast(type[Citable], row.model).parties[str(self.field_name)]
        found = (row.one(key, TargetReference()).sql for key in keys)
        return Written(f"coalesce({', '.join(found)})")


class LabelField(serializers.CharField):
    """The label of a choice in the reader's language; given with `?labels=true`."""

    def __init__(self, choice: str, **kwargs: Any) -> None:
        super().__init__(
            read_only=True,
            required=False,
            help_text=f"With `labels=true`: the label of `{choice}` in the language asked for.",
            **kwargs,
        )
        self.choice = choice

    def sql(self, row: SqlRow) -> Value:
        """Return the label for a row, in the active language (see `compiler`)."""
        return Value(choice_label(row.column(self.choice), row.field(self.choice)))


@extend_schema_field({"type": "number"})
class NumberField(serializers.Field):
    """A decimal as a JSON number: whole where it is whole."""

    def to_representation(self, value: Decimal) -> int | float:
        return int(value) if value == value.to_integral_value() else float(value)

    def sql(self, row: SqlRow) -> Value:
        """Return the number for a row (see `compiler`)."""
        return Value(f"trim_scale({row.column(str(self.source))})")
