"""No published record points at a draft: everybody would read the draft's key and name in its answers.

The rule is the database's, so that nothing bypasses it: deferred triggers on every model of facts, and on the tables
behind lists, written from the references that the models have. As it is checked at the end of a transaction, the order
within one does not matter. Those who write ask the same question before the database does, to say what is wrong where.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, ClassVar, NamedTuple

import pgtrigger
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import connection, models

from apps.common.sql.slots import literal

POINTS = "_points_at_no_draft"  # behind the table of a published record that would point at a draft
STAYS = "_stays_published"  # behind the table of a record that would become a draft, though published ones point at it
# Publishing and taking back wait for each other: neither sees what the other has not committed yet. Those who publish
# do not wait for one another.
LOCK = "hashtext('no published record points at a draft')"
CHECK = """
    PERFORM {lock}({key});
    SELECT * INTO breach FROM ({breaches}) AS found LIMIT 1;
    IF FOUND THEN
        RAISE check_violation USING
            CONSTRAINT = TG_TABLE_NAME || '{broken}', COLUMN = breach.field,
            DETAIL = format('%s/%s', breach.{blamed}resource, breach.{blamed}key),
            MESSAGE = format('%s/%s is published and points at %s/%s, a draft (%s)',
                             breach.resource, breach.key, breach.target_resource, breach.target_key, breach.field);
    END IF;
    RETURN NULL;
"""


class Publishable:
    """A model whose rows are drafts or published.

    `seen_with`: references to records with which a row is shown and hidden, so that these may be drafts.
    """

    seen_with: ClassVar[tuple[str, ...]] = ()


class Pointer(NamedTuple):
    """A way in which the rows of one publishable model point at those of another."""

    model: Any
    field: Any
    target: Any


class Breach(NamedTuple):
    """A published record that points at a draft."""

    resource: str
    pk: int
    key: str
    field: str
    target_resource: str
    target_pk: int
    target_key: str


@cache
def references() -> tuple[Pointer, ...]:
    """Return all references between publishable models."""
    publishable = [model for model in apps.get_models() if issubclass(model, Publishable)]
    found: list[Pointer] = []
    for model in publishable:
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many, *model._meta.private_fields):
            if field.name in model.seen_with:
                continue
            if isinstance(field, GenericForeignKey):
                found += [Pointer(model, field, target) for target in publishable]
            elif isinstance(field, models.ForeignKey | models.ManyToManyField) and field.related_model in publishable:
                found.append(Pointer(model, field, field.related_model))
    return tuple(found)


def breaches_of(model: type[models.Model], pks: Iterable[int]) -> list[Breach]:
    """Return where published rows of a model, among those with some keys, point at drafts."""
    return _found((each for each in references() if each.model is model), "pointing.id = ANY(%(pks)s)", pks)


def breaches_against(model: type[models.Model], pks: Iterable[int]) -> dict[int, list[Breach]]:
    """Return where published records point at drafts of a model, among those with some keys, by their keys."""
    found: dict[int, list[Breach]] = defaultdict(list)
    for breach in _found((each for each in references() if each.target is model), "target.id = ANY(%(pks)s)", pks):
        found[breach.target_pk].append(breach)
    return found


def _found(asked: Iterable[Pointer], condition: str, pks: Iterable[int]) -> list[Breach]:
    if not (keys := list(pks)) or not (text := _breaches(asked, condition)):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"{text} ORDER BY resource, key, field", {"pks": keys})
        return [Breach(*row) for row in cursor.fetchall()]


# SQL ------------------------------------------------------------------------------------------------------------------


def _breaches(asked: Iterable[Pointer], condition: str) -> str:
    """Return a query for the breaches of the rule through some references; the condition is on `pointing`, `target`."""
    return " UNION ALL ".join(_through(reference, condition) for reference in asked)


def _through(reference: Pointer, condition: str) -> str:
    model, field, target = reference
    quote = connection.ops.quote_name
    return (
        f"SELECT {literal(model.resource)} AS resource, pointing.id AS pk, pointing.slug AS key,"  # noqa: S608
        f" {literal(field.name)} AS field, {literal(target.resource)} AS target_resource, target.id AS target_pk,"
        f" target.slug AS target_key FROM {quote(model._meta.db_table)} AS pointing"
        f" {_joined(field, target)} WHERE pointing.state = 'published' AND target.state <> 'published' AND {condition}"
    )


def _joined(field: models.Field | GenericForeignKey, target: type[models.Model]) -> str:
    """Return the joins that lead from a row that points to the row at which it points."""
    quote = connection.ops.quote_name
    table = quote(target._meta.db_table)
    if isinstance(field, models.ManyToManyField):
        through: Any = field.remote_field.through
        link = quote(through._meta.db_table)
        there, here = quote(field.m2m_reverse_name()), quote(field.m2m_column_name())
        return f"JOIN {link} AS link ON link.{here} = pointing.id JOIN {table} AS target ON target.id = link.{there}"
    there, kind = _columns(field)
    joined = f"JOIN {table} AS target ON target.id = pointing.{there}"
    if kind:
        meta = target._meta
        joined += (
            f" JOIN django_content_type AS kind ON kind.id = pointing.{kind}"
            f" AND kind.app_label = {literal(meta.app_label)} AND kind.model = {literal(meta.model_name)}"
        )
    return joined


def _columns(field: models.Field | GenericForeignKey) -> tuple[str, str]:
    """Return the column that holds the key of a record, and the one that holds its kind if it can be of any."""
    quote = connection.ops.quote_name
    if isinstance(field, GenericForeignKey):
        kind = field.model._meta.get_field(field.ct_field)
        return quote(field.model._meta.get_field(field.fk_field).column), quote(kind.column)
    return quote(str(field.column)), ""


def _pointers(model: type[models.Model]) -> Iterator[str]:
    """Yield the columns by which the rows of a model point at publishable ones."""
    seen = dict.fromkeys(each.field for each in references() if each.model is model)
    for field in seen:
        if not isinstance(field, models.ManyToManyField):
            yield from filter(None, _columns(field))


# Triggers -------------------------------------------------------------------------------------------------------------


class _Rule(pgtrigger.Trigger):
    """Refuses breaches of the rule at the end of a transaction, with the other end of the first that it finds."""

    when = pgtrigger.After
    timing = pgtrigger.Deferred
    declare = [("breach", "record")]
    lock = "pg_advisory_xact_lock_shared"
    broken = POINTS
    blamed = "target_"
    row = "pointing.id = NEW.id"

    def asked(self, model: type[models.Model]) -> list[Pointer]:
        """Return the references through which a row of the model may break the rule."""
        return [each for each in references() if each.model is model]

    def get_func(self, model: models.Model) -> str:
        # A migration's model is none of the publishable ones.
        asked = self.asked(apps.get_model(model._meta.label))
        breaches = _breaches(asked, self.row) or "SELECT WHERE false"
        return CHECK.format(lock=self.lock, key=LOCK, breaches=breaches, broken=self.broken, blamed=self.blamed)


class _New(_Rule):
    """Costs nothing for a draft, and for a row that points nowhere; lists are filled later."""

    name = "new_points_at_no_draft"
    operation = pgtrigger.Insert

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        given = " OR ".join(f"NEW.{name} IS NOT NULL" for name in _pointers(apps.get_model(model._meta.label)))
        return pgtrigger.Condition(f"(NEW.state = 'published' AND ({given or 'false'}))")


class _Changed(_Rule):
    """Costs nothing for a draft either, and where what a published row points at stays the same."""

    name = "changed_points_at_no_draft"
    operation = pgtrigger.Update

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        own = apps.get_model(model._meta.label)
        ways = [
            f"(NEW.{name} IS NOT NULL AND (OLD.state <> 'published' OR OLD.{name} IS DISTINCT FROM NEW.{name}))"
            for name in _pointers(own)
        ]
        if any(each.field.many_to_many for each in self.asked(own)):
            ways.append("OLD.state <> 'published'")
        return pgtrigger.Condition(f"(NEW.state = 'published' AND ({' OR '.join(ways) or 'false'}))")


class _TakenBack(_Rule):
    name = "stays_published"
    operation = pgtrigger.UpdateOf("state")
    condition = pgtrigger.Condition("(OLD.state = 'published' AND NEW.state <> 'published')")
    lock = "pg_advisory_xact_lock"
    broken = STAYS
    blamed = ""
    row = "target.id = NEW.id"

    def asked(self, model: type[models.Model]) -> list[Pointer]:
        return [each for each in references() if each.target is model]


class _Linked(_Rule):
    name = "link_to_no_draft"
    operation = pgtrigger.Insert | pgtrigger.Update
    row = "link.id = NEW.id"

    def asked(self, model: type[models.Model]) -> list[Pointer]:
        lists = [each for each in references() if each.field.many_to_many]
        return [each for each in lists if each.field.remote_field.through._meta.db_table == model._meta.db_table]


def points_at_no_draft() -> list[pgtrigger.Trigger]:
    """Return the triggers of a publishable model."""
    return [_New(), _Changed(), _TakenBack()]


def links_to_no_draft() -> list[pgtrigger.Trigger]:
    """Return the triggers of the table behind a list."""
    return [_Linked()]
