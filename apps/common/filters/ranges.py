"""Filters by bounds: numbers, counts, days and instants."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext

from apps.common.filters.base import Filter, ParsedFilter
from apps.common.http.parameters import FilterError, read_instant, read_number, read_whole
from apps.common.models.records import Citable
from apps.common.rules.territory import Reader
from apps.common.serializers.compiler import Compilation, SqlRow
from apps.common.sql.slots import spell
from apps.common.values.dates import EDTFError, bounds


class BoundFilter(Filter):
    """Rows whose number, count or instant is at least, or at most, a value."""

    COMPARISONS: ClassVar[dict[str, str]] = {"gte": "at least", "lte": "at most", "after": "after", "before": "before"}
    COUNTED: ClassVar[dict[str, str]] = {"gte": ">=", "lte": "<="}

    def __init__(self, owner: "Filter", comparison: str, read: Callable[[str], Any], schema: dict[str, Any]) -> None:
        super().__init__(owner.field_name)
        self.owner = owner
        self.comparison = {"after": "gt", "before": "lt"}.get(comparison, comparison)
        self._read = read
        self._schema = schema
        self.help_text = f"`{owner.help_text}` is {self.COMPARISONS[comparison]} this."

    def describe(self) -> dict[str, Any]:
        return self._schema

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        return ParsedFilter(None, (self._read(text),))

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        if isinstance(self.owner, CountRange):
            row = SqlRow(Compilation(viewer), model)
            wanted = f"{row.count(self.owner.field_name)} {self.COUNTED[self.comparison]} {spell(slots[0])}"
            rows = row.source(model._base_manager.order_by())
            text = f"SELECT {row.column('pk')} FROM {rows} WHERE {wanted}"
            return Q(pk__in=RawSQL(text.replace("%", "%%"), ()))
        return Q(**{f"{self.field_name}__{self.comparison}": slots[0]})


class NumberRange(Filter):
    """Stands for two parameters: `…_gte` and `…_lte` of a number."""

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name, help_text=field_name)

    def parameters(self, name: str) -> dict[str, Filter]:
        self.help_text = name
        schema = {"type": "number"}
        return {f"{name}_{side}": BoundFilter(self, side, read_number, schema) for side in ("gte", "lte")}


class CountRange(Filter):
    """Stands for two parameters: `…_gte` and `…_lte` of how many records point at a row through a relation."""

    def parameters(self, name: str) -> dict[str, Filter]:
        self.help_text = name
        schema = {"type": "integer", "minimum": 0}
        return {f"{name}_{side}": BoundFilter(self, side, read_whole, schema) for side in ("gte", "lte")}


class InstantRange(Filter):
    """Stands for two parameters: `…_after` and `…_before` of an instant."""

    def parameters(self, name: str) -> dict[str, Filter]:
        self.help_text = self.field_name
        schema = {"type": "string", "format": "date-time"}
        return {f"{name}_{side}": BoundFilter(self, side, read_instant, schema) for side in ("after", "before")}


class DateFilter(Filter):
    """Rows whose partial date lies for certain at or after, or at or before, an EDTF date."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "example": "2012-06"}

    def __init__(self, field_name: str, side: str) -> None:
        self.side = side
        super().__init__(
            field_name,
            help_text=f"`{field_name}` begins no earlier than this date (EDTF: 2012, 2012-06, 2012-06-27)."
            if side == "after"
            else f"`{field_name}` ends no later than this date (EDTF: 2012, 2012-06, 2012-06-27).",
        )

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        try:
            earliest, latest = bounds(text)
        except EDTFError as error:
            raise FilterError(
                gettext("“%(value)s” is not valid: %(reason)s.") % {"value": text[:64], "reason": error.reason}
            ) from error
        bound = earliest if self.side == "after" else latest
        if bound is None:
            raise FilterError(gettext("“%(value)s” is open on the side that is compared.") % {"value": text[:64]})
        return ParsedFilter(None, (bound,))

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        column, comparison = ("earliest", "gte") if self.side == "after" else ("latest", "lte")
        return Q(**{f"{self.field_name}_{column}__{comparison}": slots[0]})


class DateRange(Filter):
    """Stands for two parameters: `…_after` and `…_before` of a partial date."""

    def parameters(self, name: str) -> dict[str, Filter]:
        return {f"{name}_{side}": DateFilter(self.field_name, side) for side in ("after", "before")}
