"""Columns of n-grams, by which texts are searched, and their triggers."""

from collections.abc import Mapping
from typing import Any

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models.sql.compiler import SQLCompiler

from apps.common.values.columns import Deconstruction, PythonColumn
from apps.common.values.ngrams import ngrams_sql


class TriggerColumn(PythonColumn):
    """A column that a trigger fills. It is never read into Python, which would cost more than the rest of the row."""

    sources = ()
    empty: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"blank": True, **kwargs})

    def deconstruct(self) -> Deconstruction:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("source")
        return name, path, args, kwargs

    def computed(self, values: Mapping[str, str]) -> str | None:
        return self.empty

    def made_sql(self, row: str) -> str:
        """Return the SQL by which the column is made of a row, which is given by its alias."""
        raise NotImplementedError

    def select_format(self, compiler: SQLCompiler, sql: str, params: object) -> tuple[str, tuple[()]]:
        """Select nothing in its place."""
        return f"NULL::{self.db_type(compiler.connection)}", ()


class NgramsField(TriggerColumn):
    """The n-grams of searched columns of the row (`ngrams`)."""

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        self.columns = columns
        super().__init__(**kwargs)

    def deconstruct(self) -> Deconstruction:
        name, path, _args, kwargs = super().deconstruct()
        return name, path, self.columns, kwargs

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "tsvector"

    def made_sql(self, row: str) -> str:
        columns = {field.name: field for field in self.model._meta.concrete_fields}
        fields = [columns[name] for name in self.columns]
        return ngrams_sql(
            *(each.made_sql(row) if isinstance(each, TriggerColumn) else f"{row}.{each.column}" for each in fields)
        )


class NamesField(TriggerColumn, models.TextField):
    """The searched names that published rows of another table give to this one; a trigger of its model fills it.

    `names` is that table, `owner` its column that points here.
    """

    empty = ""

    def __init__(self, *args: Any, names: str = "", owner: str = "", **kwargs: Any) -> None:
        self.names = names
        self.owner = owner
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Deconstruction:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "names": self.names, "owner": self.owner}

    def made_sql(self, row: str) -> str:
        return f"""coalesce((
            SELECT string_agg(search_text, '' ORDER BY id) FROM {self.names}
            WHERE {self.owner} = {row}.id AND state = 'published'
        ), '')"""  # noqa: S608 - names of columns


@NgramsField.register_lookup
class Hold(models.Lookup):
    """Rows whose n-grams meet a tsquery."""

    lookup_name = "hold"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} @@ ({right})::tsquery", (*left_params, *right_params)


@models.TextField.register_lookup
class Like(models.Lookup):
    """Rows whose text meets a LIKE pattern, which `contains` would take for a text to be found as it stands."""

    lookup_name = "like"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE ({right})::text", (*left_params, *right_params)


class MakesNgrams(pgtrigger.Trigger):
    """Fills the n-grams of a row, however it is written."""

    name = "makes_ngrams"
    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def get_func(self, model: models.Model) -> str:
        fields = [field for field in model._meta.local_fields if isinstance(field, NgramsField)]
        made = [f"NEW.{field.column} := {ngrams_sql(*(f'NEW.{name}' for name in field.columns))};" for field in fields]
        return "\n".join([*made, "RETURN NEW;"])


class CollectsNames(pgtrigger.Trigger):
    """Collects the names that other rows give to a row, however it is written: no write puts back what it once read."""

    name = "collects_names"
    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def get_func(self, model: models.Model) -> str:
        fields = [field for field in model._meta.local_fields if isinstance(field, NamesField)]
        made = [f"NEW.{field.column} := {field.made_sql('NEW')};" for field in fields]
        return "\n".join([*made, "RETURN NEW;"])


class NgramsIndex(GinIndex):
    """The index on a column of n-grams, with statistics on enough of them.

    With PostgreSQL's usual hundred the planner takes a rare character for one of average frequency, and walks through
    the whole table for it (measured on 500,000 rows: 350 ms, and 0.3 ms with a thousand).
    """

    statistics = 1000

    def __init__(self, *, gin_pending_list_limit: int = 512, **kwargs: Any) -> None:
        # kB; what was written last stands in a list that every search reads through.
        super().__init__(gin_pending_list_limit=gin_pending_list_limit, **kwargs)

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Statement:
        statement = super().create_sql(model, schema_editor, using=using, **kwargs)
        quote = schema_editor.quote_name
        column = quote(self.fields[0])  # its name is its column
        table = quote(model._meta.db_table)
        statement.template = (
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {self.statistics}; {statement.template}"
        )
        return statement
