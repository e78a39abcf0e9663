"""From a serializer to one SQL statement by which PostgreSQL writes the JSON itself.

A serializer says what a record looks like; this module reads it and writes SQL of the same meaning. Each row is a
subquery under an alias; what hangs on it (references, nested lists, counts) is a subquery that points back at the
alias. So everything nests alike, PostgreSQL plans it with the indexes of the foreign keys, and a field that is added to
a serializer needs no second thought here. A field of a kind that is not known is refused (`CompileError`), by a system
check before the service starts. `tests/common/serializers/test_compiler.py` compares with naive code.

An object is one call of `concat`, with its names and braces as constants: a row that `row_to_json` takes apart again
costs PostgreSQL half as much more (0016). What a field is in SQL is a `Value`, which says how it becomes JSON.
"""

from collections.abc import Callable, Iterator
from copy import copy
from datetime import date
from typing import Any, cast

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import BooleanField, Field, ForeignKey, IntegerField, Model, QuerySet
from rest_framework import serializers

from apps.common.models.records import Citable, Fact, RecordQuerySet, citable_models
from apps.common.models.row_names import is_generic, within_sentence
from apps.common.rules.territory import Reader, territory_of
from apps.common.serializers.json_sql import Bare, Constant, Truth, Unescaped, Value, Written, choice_label, object_of
from apps.common.serializers.quoting import IN_FILES, Quoting
from apps.common.sql.slots import Parameter, literal, text_of

# What a column gives as it is. Exact types: a subclass may well show something else.
PLAIN = {
    serializers.CharField,
    serializers.ChoiceField,
    serializers.SlugField,
    serializers.RegexField,
    serializers.IntegerField,
    serializers.BooleanField,
    serializers.DateField,
    serializers.ListField,
    serializers.ReadOnlyField,
    serializers.ModelField,  # of generated columns
}
quote = connection.ops.quote_name


class CompileError(TypeError):
    """A serializer holds a field of a kind for which there is no SQL."""


class Compilation:
    """What the parts of one statement share: who reads, as of when, which quotations, and the next free alias."""

    def __init__(
        self,
        viewer: Reader = None,
        as_of: "Parameter | date | None" = None,
        *,
        past: bool = False,
        quoting: Quoting = IN_FILES,
    ) -> None:
        self.viewer = viewer
        self.as_of = as_of
        self.past = past
        self.quoting = quoting
        self._used = 0

    @staticmethod
    def content_type(model: type[Model]) -> int:
        """Return the internal key of a kind of record."""
        return ContentType.objects.get_for_model(model).pk

    def alias(self) -> str:
        """Return an alias that the statement does not have yet."""
        self._used += 1
        return f"t{self._used}"

    def rows(self, model: type[Model], *, narrow: bool, owned: bool = False) -> RecordQuerySet:
        """Return the rows of a model that the reader sees; with `narrow`, those of the day that is asked for.

        `owned` rows hang on a record that the reader sees.
        """
        rows = cast(RecordQuerySet, model._default_manager.all())
        rows = rows.seen_with_record(self.viewer) if owned else rows.visible_to(self.viewer)
        if narrow and self.as_of and issubclass(model, Citable) and model.begins_field:
            rows = rows.valid_on(self.as_of)
        return rows


class SqlRow:
    """A row of a model under an alias: hands out its columns and remembers which were asked for."""

    def __init__(self, compilation: Compilation, model: type[Model]) -> None:
        self.compilation = compilation
        self.model = model
        self.alias = compilation.alias()
        self._columns: dict[str, None] = {}
        self._joined: dict[str, SqlRow] = {}
        self._asides: dict[str, str] = {}

    def again(self) -> "SqlRow":
        """Return the row as it is by now: what another statement asks of it is not asked of this one."""
        found = copy(self)
        found._columns, found._joined, found._asides = {**self._columns}, {**self._joined}, {**self._asides}
        return found

    def column(self, name: str) -> str:
        """Return the column of a field; `key` is that of the public key, `pk` the internal one."""
        if name == "key" and issubclass(self.model, Citable):
            name = self.model.key_field
        field = self.model._meta.pk if name == "pk" else self.field(name)
        self._columns[field.attname] = None
        return f"{self.alias}.{quote(str(field.column))}"

    def field(self, name: str) -> Field:
        """Return a column of the model."""
        return cast(Field, self.model._meta.get_field(name))

    def value(self, name: str) -> Value:
        """Return the column of a field as what its JSON is made of."""
        column = self.column(name)
        key = self.model.key_field if issubclass(self.model, Citable) else ""
        name = key if key and name == "key" else name
        field = self.field(name)
        # What the database computes may be NULL for all that Django knows, and so may a column that is younger than
        # the row that the log rebuilds.
        null = field.null or field.generated or self.compilation.past
        if name == key and not null:
            return Unescaped(column)  # constraints of the table let nothing in that had to be escaped
        if isinstance(field, IntegerField) and not null:
            return Bare(column)
        return Truth(column, null=null) if isinstance(field, BooleanField) else Value(column, null=null)

    def joined(self, field: ForeignKey) -> "SqlRow":
        """Return the row at the other end of a foreign key, which is joined to this one; it is joined once."""
        if field.name not in self._joined:
            self.column(field.name)  # by which it is joined
            self._joined[field.name] = SqlRow(self.compilation, field.related_model)
        return self._joined[field.name]

    def source(self, rows: QuerySet, *, numbered: bool = False) -> str:
        """Return the FROM item of the row: the rows, with the columns that were asked for.

        With `numbered`, a column `place` counts them from 1, in the order that they have.
        """
        self.column("pk")
        text = text_of(rows.values(*self._columns))
        if numbered:
            text = f"SELECT chosen.*, row_number() OVER () AS place FROM ({text}) AS chosen"
        return self._joined_to(text)

    def looked_up(self, keys: str) -> str:
        """Return the FROM item of the row: the rows whose internal keys an array holds, numbered like `source`.

        Columns of the past are read from the log, each at a price: only those of the rows that are chosen.
        """
        self.column("pk")
        key = quote(str(self.model._meta.pk.column))
        known = text_of(self.model._base_manager.order_by().values(*self._columns))
        return self._joined_to(
            f"SELECT looked_up.*, chosen.place FROM unnest({keys}) WITH ORDINALITY AS chosen (key, place)"
            f" CROSS JOIN LATERAL (SELECT * FROM ({known}) AS known WHERE known.{key} = chosen.key OFFSET 0)"
            " AS looked_up"
        )

    def _joined_to(self, text: str) -> str:
        """Return the FROM item of the row from the query for its own columns."""
        joins = "".join(
            f" LEFT JOIN {target.source(target.model._base_manager.order_by())}"
            f" ON {target.column('pk')} = {self.column(name)}"
            for name, target in self._joined.items()
        )
        return f"({text}) AS {self.alias}{joins}{''.join(self._asides.values())}"

    def aside(self, name: str, write: Callable[[], str]) -> str:
        """Return the alias of a subquery of one row that several fields of the row share; it is written once."""
        alias = f"{self.alias}_{name}"
        if name not in self._asides:
            self._asides[name] = ""  # so that nothing it is made of asks for it again
            self._asides[name] = f" CROSS JOIN LATERAL ({write()}) AS {alias}"
        return alias

    def beside(self, table: str, columns: str, condition: str, *, of: str = "") -> str:
        """Return the alias of the one row of a table, if any, that a condition ties to this one, with some columns.

        `of` is SQL for several rows that a row of the table gives, of which the condition takes one. OFFSET keeps it a
        look at one row after the other, which leaves them in their order.
        """
        alias = f"{self.alias}_{table}"
        found = f"SELECT {columns} FROM {quote(table)}{of and f', {of}'} WHERE {condition} OFFSET 0"
        self._asides[table] = f" LEFT JOIN LATERAL ({found}) AS {alias} ON true"
        return alias

    # What a row is called (see `models.row_names`)

    def name(self, *, within: bool = False) -> Value:
        """Return the name of the row, in the active language; `within`: as it stands within the name of another."""
        model = cast(type[Citable], self.model)
        if model.row_name is None:
            return self.value(model.name_field)
        return Value(model.row_name.form(within=within).sql(self), null=False)

    def address(self) -> Value:
        """Return the address of the row."""
        model = cast(type[Citable], self.model)
        start, key = Constant(f"{settings.API_ROOT}/{model.resource}/"), self.value("key")
        return Value(f"{literal(str(start))} || {key}") if key.null else Unescaped(start, str(key))

    def label(self, name: str) -> str:
        """Return the label of a choice as it stands within a sentence."""
        return choice_label(self.column(name), self.field(name), within_sentence)

    def name_at(self, name: str) -> str:
        """Return the name of the record that a reference points at; NULL where the reader sees none. A text as it is.

        A row that is joined already is not looked up again.
        """
        if is_generic(self.model, name):
            return f"({self.target()}::json ->> 'name')"
        field = self.field(name)
        if not isinstance(field, ForeignKey):
            return f"nullif({self.column(name)}, '')"
        shown = self.compilation.past or is_partly_hidden(field.related_model, self.compilation.viewer)
        if name in self._joined and not shown:
            return str(self._joined[name].name(within=True))
        return self._at_end(field, lambda target: str(target.name(within=True)), shown=shown)

    def target(self) -> str:
        """Return the record of any kind that the row speaks about, as JSON of type text; NULL where it is not seen.

        It is looked up once, however often it is asked for: OFFSET keeps it from being written out at each place.
        """
        return f"{self.aside('target', lambda: f'SELECT {self._target()} AS found OFFSET 0')}.found"

    def _target(self) -> str:
        cases = []
        for resource, model in citable_models().items():
            target = SqlRow(self.compilation, model)
            body = object_of(
                [
                    ("resource", Unescaped(Constant(resource))),
                    ("key", target.value("key")),
                    ("name", target.name(within=True)),
                    ("url", target.address()),
                ]
            )
            source = target.source(self.compilation.rows(model, narrow=False).order_by())
            found = f"SELECT {body} FROM {source} WHERE {target.column('pk')} = {self.column('object_id')}"
            cases.append(f"WHEN {self.compilation.content_type(model)} THEN ({found})")
        return f"(CASE {self.column('content_type')} {' '.join(cases)} END)"

    # What hangs on a row

    def one(self, name: str, serializer: serializers.Serializer, *, visible: bool = False) -> Written:
        """Return the record at the other end of a foreign key as JSON, or NULL; with `visible`, if it may be seen.

        What was published never pointed at a draft; but in the past it may have pointed at what is one by now. And the
        drafts of a reader's own may point at those of others.
        """
        field = cast(ForeignKey, self.field(name))
        shown = visible or self.compilation.past or is_partly_hidden(field.related_model, self.compilation.viewer)
        if field.name in self._joined and not shown:
            target = self._joined[field.name]
            body = json_of(serializer, target)
            if not field.null:
                return Written(body, null=False)
            return Written(f"CASE WHEN {target.column('pk')} IS NOT NULL THEN {body} END")
        return Written(
            self._at_end(field, lambda target: json_of(serializer, target), shown=shown), null=field.null or shown
        )

    def _at_end(self, field: ForeignKey, write: "Callable[[SqlRow], str]", *, shown: bool) -> str:
        """Return a subquery for what is written of the row at the other end of a foreign key; `shown`: if seen."""
        target = SqlRow(self.compilation, field.related_model)
        body = write(target)
        manager = field.related_model._base_manager
        rows = self.compilation.rows(field.related_model, narrow=False) if shown else manager.all()
        condition = f"{target.column('pk')} = {self.column(field.name)}"
        return f"(SELECT {body} FROM {target.source(rows.order_by())} WHERE {condition})"

    def many(self, name: str, serializer: serializers.Serializer) -> Written:
        """Return the records at the other end of a to-many relation as a JSON array, in the order of their model."""
        target, linked = self.related(name)
        order = ", ".join(ordering(target))
        body = json_of(serializer, target)
        rows = self.compilation.rows(target.model, narrow=True, owned=self.owns(name)).order_by()
        inner = f"SELECT {body} AS body FROM {target.source(rows)} WHERE {linked} ORDER BY {order}"
        found = f"(SELECT concat('[', string_agg(body, ','), ']') FROM ({inner}) AS listed)"
        # Sorting nothing and making a list of it costs several times what looking for the first of them does.
        if issubclass(target.model, Citable) and target.model.few_have_any and not self.compilation.past:
            one, tied = self.related(name)
            found = f"CASE WHEN EXISTS (SELECT FROM {one.source(rows)} WHERE {tied}) THEN {found} ELSE '[]' END"
        return Written(found, null=False)

    def count(self, name: str) -> Bare:
        """Return how many records stand at the other end of a to-many relation."""
        target, linked = self.related(name)
        # What lies in a place is counted as its list has it, which is of one day if one is asked for.
        narrow = hasattr(getattr(self.model._meta.get_field(name), "field", None), "holds")
        rows = self.compilation.rows(target.model, narrow=narrow).order_by()
        return Bare(f"(SELECT count(*) FROM {target.source(rows)} WHERE {linked})")

    def owns(self, name: str) -> bool:
        """Return whether the rows at the other end of a relation speak about this row."""
        return isinstance(self.model._meta.get_field(name), GenericRelation)

    def related(self, name: str) -> "tuple[SqlRow, str]":
        """Return a row at the other end of a to-many relation, and the condition that ties it to this one."""
        relation: Any = self.model._meta.get_field(name)
        target = SqlRow(self.compilation, relation.related_model)
        if isinstance(relation, GenericRelation):
            kind = target.column(relation.content_type_field_name)
            return target, (
                f"{kind} = {self.compilation.content_type(self.model)}"
                f" AND {target.column(relation.object_id_field_name)} = {self.column('pk')}"
            )
        if relation.many_to_many:
            forward = not relation.auto_created
            field = relation if forward else relation.field
            mine, theirs = field.m2m_column_name(), field.m2m_reverse_name()
            if not forward:
                mine, theirs = theirs, mine
            link = self.compilation.alias()
            table = quote(field.m2m_db_table())
            return target, (
                f"EXISTS (SELECT FROM {table} AS {link} WHERE {link}.{quote(mine)} = {self.column('pk')}"
                f" AND {link}.{quote(theirs)} = {target.column('pk')})"
            )
        if hasattr(relation.field, "holds"):
            return target, relation.field.holds(self, target)
        return target, f"{target.column(relation.field.name)} = {self.column('pk')}"


def is_partly_hidden(model: type[Model], viewer: Reader) -> bool:
    """Whether what a reader sees may point at records of a model that he does not see.

    His own drafts may point at drafts of others, and anything at what is hidden by its status.
    """
    territory = territory_of(viewer)
    if territory.everything or not issubclass(model, Fact):
        return False
    return bool(territory) or model.workflow is not None


def values_of(serializer: serializers.Serializer, row: SqlRow) -> Iterator[tuple[str, Value]]:
    """Yield the name of each field of a serializer with its value for a row."""
    for name, field in serializer.fields.items():
        yield name, value_of(field, row)


def json_of(serializer: serializers.Serializer, row: SqlRow) -> str:
    """Return SQL, of type text and never NULL, for a row as its serializer shows it."""
    return object_of(values_of(serializer, row))


def select_list(serializer: serializers.Serializer, row: SqlRow) -> str:
    """Return what is selected from a row for a serializer: a column for each field, under the field's name."""
    return ", ".join(f"{value} AS {quote(name)}" for name, value in values_of(serializer, row))


def value_of(field: serializers.Field, row: SqlRow) -> Value:
    """Return the value of one field of a serializer for a row."""
    if hasattr(field, "sql"):
        found: Value = field.sql(row)
        return found
    source = str(field.source)
    if isinstance(field, serializers.ListSerializer):
        return row.many(source, cast(serializers.Serializer, field.child))
    if isinstance(field, serializers.Serializer) and isinstance(row.model._meta.get_field(source), ForeignKey):
        # What is published points at nothing hidden; a whole record in its place is given only to who sees it.
        return row.one(source, field, visible=hasattr(field, "expandable"))
    if type(field) in PLAIN and "." not in source and source != "*":
        return row.value(source)
    if type(field) is serializers.DateTimeField:
        return instant(row, source)
    raise CompileError(f"{field.parent.__class__.__name__}.{field.field_name}: no SQL for {type(field).__name__}")


def instant(row: SqlRow, name: str) -> Value:
    """Return an instant as it is written in answers (settings: DATETIME_FORMAT)."""
    value = row.value(name)
    text = f"""to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return Value(text) if value.null else Unescaped(text)


def ordering(row: SqlRow) -> Iterator[str]:
    """Yield the sort keys of a model's own order; a foreign key stands for the order of what it points at."""
    for name in map(str, row.model._meta.ordering or ()):
        descends = name.startswith("-")
        field = row.field(name.removeprefix("-"))
        keys = [row.column(field.name)]
        if isinstance(field, ForeignKey):
            keys = list(_behind(row, field))
        yield from (f"{key} DESC" if descends else key for key in keys)


def _behind(row: SqlRow, field: ForeignKey) -> Iterator[str]:
    target = row.joined(field)
    yield from (target.column(str(name)) for name in target.model._meta.ordering or ())
