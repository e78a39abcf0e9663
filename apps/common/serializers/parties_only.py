"""Fields of records that move by a workflow: what only the parties are told, and what lapses with the day."""

from typing import Any, cast

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.common.rules.territory import HasTerritory, condition, territory_of
from apps.common.serializers.compiler import SqlRow
from apps.common.serializers.json_sql import Value
from apps.common.sql.days import LOCAL_DAY
from apps.common.sql.slots import text_of


class ReasonField(serializers.CharField):
    """Why a party moved the record last; empty for whoever may not edit the record."""

    heading = _("reason")
    of_reading = True

    def __init__(self, **kwargs: Any) -> None:
        about = "Why a party moved the record last; told to the parties alone, and empty for others."
        super().__init__(read_only=True, help_text=about, **kwargs)

    def sql(self, row: SqlRow) -> Value:
        """Return the reason for a row (see `compiler`)."""
        territory: Any = territory_of(row.compilation.viewer)
        if territory.everything:
            return row.value("reason")
        lying = condition(cast("type[HasTerritory]", row.model), territory)
        if lying is None:
            return Value("''::text", null=False)
        mine = text_of(row.model._base_manager.filter(lying).order_by().values("pk"))
        told = f"CASE WHEN {row.column('pk')} IN ({mine}) THEN {row.column('reason')} ELSE '' END"
        return Value(told, null=False)


class LapsedField(serializers.BooleanField):
    """Whether a status is over because the last day of a date has passed, though nobody has written that yet."""

    heading = _("lapsed")
    of_reading = True

    def __init__(self, *, status: str, until: str, help_text: str, **kwargs: Any) -> None:
        self.status, self.until = status, until
        super().__init__(read_only=True, help_text=help_text, **kwargs)

    def sql(self, row: SqlRow) -> Value:
        """Return whether a row has lapsed today (see `compiler`)."""
        over = f"{row.column('status')} = '{self.status}' AND {row.column(f'{self.until}_latest')} < {LOCAL_DAY}"
        return Value(f"coalesce({over}, false)", null=False)
