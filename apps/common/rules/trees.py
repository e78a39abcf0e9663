"""References of a model to itself, which make trees: no row stands below itself, however rows are written.

The rule is the database's. A row whose reference is set or changed waits for all others of its tree, until they have
committed, and then looks at what stands above it: so two writes at the same time cannot make a circle between them.
Rows whose reference stays pay nothing.
"""

from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from apps.common.rules.guards import Guard, Sentence

CIRCLE = "_goes_round"  # behind table and column of a row that would stand below itself
BODY = """
    PERFORM pg_advisory_xact_lock(hashtext('tree of {table}.{column}'));
    IF EXISTS (
        WITH RECURSIVE above(id) AS (
            SELECT NEW.{column}
            UNION SELECT one.{column} FROM {quoted} AS one JOIN above ON one.id = above.id
            WHERE one.{column} IS NOT NULL
        ) SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE check_violation USING
            CONSTRAINT = '{table}_{column}{circle}',
            MESSAGE = format('the row %s of {table} would stand below itself ({column})', NEW.id);
    END IF;
    RETURN NULL;
"""
# In the words of a merge that is refused for the same reason.
STANDS_BELOW = _("What this names lies below the record: it would become a part of itself.")


class TreeKey(models.ForeignKey):
    """A reference to a row of the same model that leads upwards, and never back."""

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False, **kwargs: Any
    ) -> None:
        """Give the model the triggers of the rule, beside those that it names itself."""
        super().contribute_to_class(cls, name, private_only, **kwargs)
        if cls.__module__ == "__fake__" or cls._meta.abstract:
            return  # a migration's model states the triggers itself
        add_triggers(cls, _no_circle(self))


def add_triggers(model: type[models.Model], triggers: Iterable[pgtrigger.Trigger]) -> None:
    """Give a model that is being made the triggers of one of its fields, beside those that it names itself."""
    meta: Any = model._meta
    meta.triggers = [*getattr(meta, "triggers", []), *triggers]
    meta.original_attrs["triggers"] = meta.triggers


def tree_keys(model: type[models.Model]) -> list[TreeKey]:
    """Return the references by which the rows of a model are trees."""
    return [field for field in model._meta.concrete_fields if isinstance(field, TreeKey)]


def stands_below(record: models.Model, field: TreeKey) -> bool:
    """Whether what a reference of a stored record names lies below the record, or is it.

    The triggers have the last word; this is for who wants to know before.
    """
    seen = {None}
    above = getattr(record, field.attname)
    while above not in seen and above != record.pk:
        seen.add(above)
        above = field.model._base_manager.filter(pk=above).values_list(field.attname, flat=True).first()
    return above is not None and above == record.pk


def _no_circle(field: TreeKey) -> list[pgtrigger.Trigger]:
    """Return the triggers on a reference, behind the rows: all that a statement writes is there by then."""
    table, column = field.model._meta.db_table, field.column
    quoted = connection.ops.quote_name(table)
    body = BODY.format(table=table, column=column, quoted=quoted, circle=CIRCLE)
    sentences = {f"_{column}{CIRCLE}": Sentence("circle", STANDS_BELOW, field.name)}
    given, changed = f"NEW.{column} IS NOT NULL", f"OLD.{column} IS DISTINCT FROM NEW.{column}"
    return [
        Guard(
            name=f"new_{field.name}_leads_up",
            operation=pgtrigger.Insert,
            when=pgtrigger.After,
            condition=pgtrigger.Condition(f"({given})"),
            func=body,
            sentences=sentences,
        ),
        Guard(
            name=f"{field.name}_leads_up",
            operation=pgtrigger.UpdateOf(column),
            when=pgtrigger.After,
            condition=pgtrigger.Condition(f"({given} AND {changed})"),
            func=body,
            sentences=sentences,
        ),
    ]
