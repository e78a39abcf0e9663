"""Every value of a published record rests on evidence that says this very value, when a transaction ends.

Evidence is a row beside the record: a citation (a span of an article) or an attestation (what a party says). It lists
the fields that it supports, and holds in `says` the value that each had at that time. So a value that is changed is
left without evidence, by whatever way it is changed, and the database refuses that.

Each kind of record brings two functions of its own into the database: `stated_in_<table>(id)` gives the values of a
row as `says` holds them, and `unproven_in_<table>(id)` the names of those without evidence that should have it. A field
that needs none may be supported all the same, and then its value is held to that like any other.

Of acts in the service the last one on a field counts: who says something else by using it does not say the former
value any more, and that does not come back without a word.

A value as `says` holds it: a text, a number or true as such; a date as its value, wording and anchor; a reference as
the key of the row; one to a record of any kind as that and the content type; a list of records as their keys in order.
What is empty (the empty text, null, false, an empty list) is no value and needs no evidence.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, ClassVar

import pgtrigger
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pgtrigger import compiler

from apps.common.sql.slots import literal
from apps.common.values.columns import EDTFField, PythonColumn

HAS_EVIDENCE = "_has_evidence"  # behind the table of a published record with a value that no evidence supports
KEEPS_EVIDENCE = "_keeps_evidence"  # behind the table of a record that would lose the last evidence of a value
COMPANIONS = ("wording", "relative_to")  # of a date: they belong to its value
NO_EVIDENCE = _("A published record rests on evidence for each value; give a citation that supports it.")
LAST_EVIDENCE = _("This is the last evidence of a published value; bring other evidence, or empty the value first.")
# Reasons for which a field needs no evidence.
WHOLE = _("It is the record in which the row stands.")
ORDER = _("It is a position in an order.")
OWN_LABEL = _("It says that the name is the registry's own.")

# Plans are kept for the connection. One that was made while a table was small read all of it for each of many rows.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION stated_in_{table}(wanted bigint) RETURNS jsonb LANGUAGE plpgsql STABLE
SET enable_seqscan TO off AS $function$
BEGIN
    RETURN (SELECT {stated} FROM {quoted} AS r WHERE r.id = wanted);
END;
$function$;
CREATE OR REPLACE FUNCTION unproven_in_{table}(wanted bigint) RETURNS text[] LANGUAGE plpgsql STABLE
SET enable_seqscan TO off AS $function$
DECLARE stated jsonb; record_type integer; proven text[]; supported text[];
BEGIN
    SELECT {stated} INTO stated FROM {quoted} AS r WHERE r.id = wanted AND {published};
    IF stated IS NULL THEN
        RETURN ARRAY[]::text[];
    END IF;
    SELECT id INTO record_type FROM django_content_type WHERE app_label = {app_label} AND model = {model_name};
    SELECT array_agg(name) FILTER (WHERE name = ANY({own_words}) OR says -> name = stated -> name), array_agg(name)
    INTO proven, supported
    FROM (
        SELECT supports, says, NULL AS act FROM evidence_citation
        WHERE content_type_id = record_type AND object_id = wanted
        UNION ALL
        SELECT supports, says, CASE kind WHEN 'act' THEN id END FROM evidence_attestation
        WHERE content_type_id = record_type AND object_id = wanted AND retracted_at IS NULL
    ) AS evidence, unnest(evidence.supports) AS supported_field (name)
    WHERE act IS NULL OR NOT EXISTS (
        SELECT FROM evidence_attestation AS later
        WHERE content_type_id = record_type AND object_id = wanted AND retracted_at IS NULL AND kind = 'act'
            AND id > act AND supported_field.name = ANY(later.supports)
    );
    IF supported IS NULL THEN
        RETURN ARRAY[''] || ARRAY(SELECT jsonb_object_keys(stated - {free}));
    END IF;
    RETURN ARRAY(
        SELECT name FROM jsonb_object_keys(stated - coalesce(proven, ARRAY[]::text[])) AS left_over (name)
        WHERE name <> ALL({free}) OR name = ANY(supported)
    );
END;
$function$;
"""
REFUSE = """
    unproven := unproven_in_{table}({wanted});
    IF unproven <> ARRAY[]::text[] THEN
        RAISE check_violation USING
            CONSTRAINT = '{table}{broken}', DETAIL = array_to_string(unproven, ','),
            MESSAGE = format('the published {model} %s has no evidence for: %s',
                             {wanted}, array_to_string(unproven, ', '));
    END IF;
    RETURN NULL;
"""


class Evidenced:
    """What a model says about the evidence that its fields need.

    `unevidenced`: fields that need none, with their reasons, beside those that the model's bases name.
    `own_words`: texts in the registry's own words; they need a support, which stays when they are corrected.
    """

    unevidenced: ClassVar[dict[str, str | Promise]] = {}
    own_words: ClassVar[frozenset[str]] = frozenset({"summary"})

    @property
    def is_held_to_evidence(self) -> bool:
        """Whether the values of the row need evidence: what is published, unless the model says otherwise."""
        return getattr(self, "state", "") == "published"


# Fields ---------------------------------------------------------------------------------------------------------------


@cache
def stored_fields(model: type[models.Model]) -> tuple[Any, ...]:
    """Return the fields that somebody gives a value: not keys, the state, what is computed, or parts of others."""
    meta = model._meta
    hidden = {"id", "slug", "code", "state"}
    for field in (*meta.fields, *meta.private_fields):
        if isinstance(field, EDTFField):
            hidden |= {f"{field.name}_{part}" for part in COMPANIONS}
        elif isinstance(field, GenericForeignKey):
            hidden |= {field.ct_field, field.fk_field}
    stored = [field for field in (*meta.fields, *meta.many_to_many) if field.editable and field.name not in hidden]
    generic = [field for field in meta.private_fields if isinstance(field, GenericForeignKey)]
    return (*(field for field in stored if not isinstance(field, PythonColumn)), *generic)


def is_empty(record: models.Model, field: Any) -> bool:
    """Whether a record has no value in a field; of the lists of one that is not saved nothing is known."""
    if isinstance(field, models.ManyToManyField):
        return record.pk is not None and not getattr(record, field.name).exists()
    name = field.fk_field if isinstance(field, GenericForeignKey) else field.attname
    if field.is_relation and not isinstance(field, GenericForeignKey) and field.is_cached(record):
        return getattr(record, field.name) is None
    return getattr(record, name) in (None, "", False, [])


def unevidenced_fields(model: type[models.Model]) -> dict[str, str | Promise]:
    """Return the fields of a model that need no evidence, with their reasons."""
    found: dict[str, str | Promise] = {}
    for each in reversed(model.__mro__):
        found |= vars(each).get("unevidenced", {})
    return found


# SQL ------------------------------------------------------------------------------------------------------------------


def value_sql(field: Any, row: str) -> str:
    """Return SQL for the value of a field of a row as `says` holds it; NULL where it is empty."""
    quote = connection.ops.quote_name
    if isinstance(field, models.ManyToManyField):
        link: Any = field.remote_field.through
        there, here = quote(field.m2m_reverse_name()), quote(field.m2m_column_name())
        return (
            f"(SELECT jsonb_agg(link.{there} ORDER BY link.{there})"  # noqa: S608 - names of columns
            f" FROM {quote(link._meta.db_table)} AS link WHERE link.{here} = {row}.id)"
        )
    if isinstance(field, GenericForeignKey):
        kind = quote(field.model._meta.get_field(field.ct_field).column)
        key = quote(field.model._meta.get_field(field.fk_field).column)
        return f"CASE WHEN {row}.{key} IS NOT NULL THEN jsonb_build_object('type', {row}.{kind}, 'id', {row}.{key}) END"
    column = f"{row}.{quote(str(field.column))}"
    if isinstance(field, EDTFField):
        parts = [f"{row}.{quote(f'{field.column}_{part}')}" for part in COMPANIONS]
        said = ", ".join(f"'{part}', nullif({text}, '')" for part, text in zip(COMPANIONS, parts, strict=True))
        return f"CASE WHEN {column} <> '' THEN jsonb_build_object('value', {column}, {said}) END"
    if isinstance(field, models.BooleanField):
        return f"to_jsonb(nullif({column}, false))"
    if isinstance(field, ArrayField):
        return f"to_jsonb(nullif({column}, '{{}}'))"
    if isinstance(field, models.CharField | models.TextField):
        return f"to_jsonb(nullif({column}, ''))"
    return f"to_jsonb({column})"


def stated_sql(model: type[models.Model], row: str) -> str:
    """Return SQL for the values of a row, by their fields, as jsonb."""
    given = any(field.name == "name_given" for field in model._meta.fields)
    pairs = []
    for field in stored_fields(model):
        value = value_sql(field, row)
        if given and field.name == "name":  # what the registry gave rests on nothing
            value = f"CASE WHEN NOT {row}.name_given THEN {value} END"
        pairs.append(f"{literal(field.name)}, {value}")
    return f"jsonb_strip_nulls(jsonb_build_object({', '.join(pairs)}))"


def _array(names: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, sorted(names)))}]::text[]"


def stated_values(record: models.Model) -> dict[str, Any]:
    """Return the values of a stored row as `says` holds them; nothing of a kind of row that needs no evidence."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc(%s) IS NOT NULL", [f"stated_in_{record._meta.db_table}"])
        if not cursor.fetchone()[0]:
            return {}
        cursor.callproc(f"stated_in_{record._meta.db_table}", [record.pk])
        return dict(json.loads(cursor.fetchone()[0] or "{}"))


# Triggers -------------------------------------------------------------------------------------------------------------


class SqlWithFunctions(compiler.UpsertTriggerSql):
    """A trigger, and functions that are made with it. A migration holds both."""

    def __init__(self, *, functions: str, **kwargs: Any) -> None:
        self.functions = functions
        super().__init__(**kwargs)

    def get_template(self) -> str:
        """Return the template of pgtrigger with the functions before it."""
        return self.functions.replace("{", "{{").replace("}", "}}") + super().get_template()

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        """Return how a migration makes it."""
        path, args, kwargs = super().deconstruct()
        return path, args, {"functions": self.functions, **kwargs}


def _refuse(model: models.Model | type[models.Model], wanted: str) -> str:
    """Return SQL that refuses a row of a model without evidence; `wanted` is SQL for the row's key."""
    names = {"table": model._meta.db_table, "model": model._meta.model_name}
    return REFUSE.format(**names, wanted=wanted, broken=HAS_EVIDENCE)


class _Rests(pgtrigger.Trigger):
    """Refuses a published row with a value that no evidence supports, when the transaction ends.

    Deferred: a record and its evidence come in one transaction, in either order.
    """

    when = pgtrigger.After
    timing = pgtrigger.Deferred

    def __init__(self, *, published: str, name: str, operation: Any) -> None:
        self.published = published
        super().__init__(name=name, operation=operation, declare=[("unproven", "text[]")])

    def get_func(self, model: models.Model) -> pgtrigger.Func:
        return pgtrigger.Func(_refuse(model, "NEW.id"))


class _NewRests(_Rests):
    """The trigger on new rows, which brings the functions of the table."""

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        return pgtrigger.Condition(f"(NEW.{self.published})")

    def compile(self, model: models.Model) -> compiler.Trigger:
        """Return the trigger with the functions before it."""
        own = apps.get_model(model._meta.label)
        functions = FUNCTIONS.format(
            table=own._meta.db_table,
            quoted=connection.ops.quote_name(own._meta.db_table),
            stated=stated_sql(own, "r"),
            published=f"r.{self.published}",
            app_label=literal(own._meta.app_label),
            model_name=literal(own._meta.model_name),
            own_words=_array(getattr(own, "own_words", ())),
            free=_array(unevidenced_fields(own)),
        )
        compiled = super().compile(model)
        kwargs = {**compiled.sql.kwargs}
        return compiler.Trigger(name=compiled.name, sql=SqlWithFunctions(functions=functions, **kwargs))


class _ChangedRests(_Rests):
    """The trigger on changed rows. It costs nothing for a draft, and where no value changed."""

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        own = apps.get_model(model._meta.label)
        columns = sorted({*_columns(own), self.published.partition(" ")[0]})
        old, new = (", ".join(f"{row}.{connection.ops.quote_name(each)}" for each in columns) for row in ("OLD", "NEW"))
        return pgtrigger.Condition(f"(NEW.{self.published} AND ROW({old}) IS DISTINCT FROM ROW({new}))")


class _LinkRests(pgtrigger.Trigger):
    """The same on the rows of a list."""

    name = "link_rests_on_evidence"
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete
    when = pgtrigger.After
    timing = pgtrigger.Deferred
    declare = [("unproven", "text[]"), ("owner", "bigint")]

    def get_func(self, model: models.Model) -> pgtrigger.Func:
        field = next(each for each in _lists() if each.remote_field.through._meta.db_table == model._meta.db_table)
        column = connection.ops.quote_name(field.m2m_column_name())
        owner = f"owner := CASE TG_OP WHEN 'DELETE' THEN OLD.{column} ELSE NEW.{column} END;"
        return pgtrigger.Func(owner + _refuse(field.model, "owner"))


def rests_on_evidence(*, published: str) -> list[pgtrigger.Trigger]:
    """Return the triggers that refuse a published row with a value that no evidence supports.

    `published` is SQL for whether a row is, and begins with the column of which it speaks.
    """
    return [
        _NewRests(published=published, name="new_rests_on_evidence", operation=pgtrigger.Insert),
        _ChangedRests(published=published, name="changed_rests_on_evidence", operation=pgtrigger.Update),
    ]


def links_rest_on_evidence() -> list[pgtrigger.Trigger]:
    """Return the triggers of the table behind a list."""
    return [_LinkRests()]


def _lists() -> Iterator[Any]:
    for model in apps.get_models():
        if issubclass(model, Evidenced):
            yield from model._meta.many_to_many


def _columns(model: type[models.Model]) -> Iterable[str]:
    """Yield the columns of a model that hold values which may have evidence, or say whether they need it."""
    for field in stored_fields(model):
        if isinstance(field, GenericForeignKey):
            yield from (str(vars(model._meta.get_field(name))["column"]) for name in (field.ct_field, field.fk_field))
        elif not isinstance(field, models.ManyToManyField):
            yield str(field.column)
            if isinstance(field, EDTFField):
                yield from (f"{field.column}_{part}" for part in COMPANIONS)
