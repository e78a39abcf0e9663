"""Names of rows that have none of their own: in words, of what a row points at and of its choices.

A model says once what the name of its rows is made of (`Citable.row_name`): a sentence in the reader's language with
places in it, and what stands at each. The SQL of answers and `__str__` are both made from that, part by part. Names of
things stay as they are; labels of choices are those of the language.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Protocol

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.common.sql.slots import literal

UNSEEN = "…"  # in the place of what is not there, or not for this reader
_PLACE = re.compile(r"%\((\w+)\)s")
# Whether a row may be named; every one, unless `named_if` says otherwise.
_MAY_BE_NAMED: ContextVar[Callable[[models.Model], bool] | None] = ContextVar("may_be_named", default=None)


@contextmanager
def named_if(is_seen: Callable[[models.Model], bool]) -> Iterator[None]:
    """Name within this context, in Python, only rows that are seen; the others are `UNSEEN`."""
    token = _MAY_BE_NAMED.set(is_seen)
    try:
        yield
    finally:
        _MAY_BE_NAMED.reset(token)


def may_be_named(row: object) -> bool:
    """Tell whether a row may be named here (`named_if`), and that of anything else, which has no secrets."""
    is_seen = _MAY_BE_NAMED.get()
    return is_seen is None or not isinstance(row, models.Model) or is_seen(row)


class NameSource(Protocol):
    """A row of a statement that is being written, as far as its name is made of it (see `serializers.compiler`)."""

    def column(self, name: str) -> str:
        """Return a column."""

    def label(self, name: str) -> str:
        """Return the label of a choice as it stands within a sentence."""

    def name_at(self, name: str) -> str:
        """Return the name of the record that a reference points at; NULL without one, and where it is not seen."""


class NamePart(Protocol):
    """What stands at one place of a name."""

    def text(self, record: models.Model) -> str:
        """Return it for a row; empty where there is nothing."""

    def sql(self, row: NameSource) -> str:
        """Return the same for a row of a statement; NULL or empty where there is nothing."""


class FirstOf:
    """The first that is set, and that the reader sees, of some references and texts."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields

    def text(self, record: models.Model) -> str:
        found = (getattr(record, name, None) for name in self.fields)
        return next((name_of(each, within=True) for each in found if each and may_be_named(each)), "")

    def sql(self, row: NameSource) -> str:
        return f"coalesce({', '.join(map(row.name_at, self.fields))})"


class LabelOf:
    """The label of a choice."""

    def __init__(self, field: str) -> None:
        self.field = field

    def text(self, record: models.Model) -> str:
        return within_sentence(getattr(record, f"get_{self.field}_display")())

    def sql(self, row: NameSource) -> str:
        return row.label(self.field)


class NumberOf:
    """A number, without the zeros behind it."""

    def __init__(self, field: str) -> None:
        self.field = field

    def text(self, record: models.Model) -> str:
        value = getattr(record, self.field)
        return "" if value is None else f"{Decimal(str(value)).normalize():f}"

    def sql(self, row: NameSource) -> str:
        return f"trim_scale({row.column(self.field)})::text"


class RowName:
    """What the name of a row is made of: `%(place)s` in the sentence is the part of that name.

    `short` is the sentence where the name stands within another one; without it, that is the same.
    """

    def __init__(
        self, sentence: str | Promise, parts: Mapping[str, NamePart], *, short: str | Promise | None = None
    ) -> None:
        self._sentence = sentence
        self._parts = parts
        self._short = None if short is None else RowName(short, parts)

    def form(self, *, within: bool) -> "RowName":
        """Return the name as it stands by itself, or within another one."""
        return self._short or self if within else self

    def text(self, record: models.Model) -> str:
        """Return the name of a row in the active language, with what may be named of what it points at."""
        return "".join(text if part is None else part.text(record) or UNSEEN for text, part in self._pieces())

    def sql(self, row: NameSource) -> str:
        """Return the name of a row of a statement, never NULL, in the active language."""
        pieces = (
            literal(text) if part is None else f"coalesce(nullif({part.sql(row)}, ''), {literal(UNSEEN)})"
            for text, part in self._pieces()
        )
        return f"concat({', '.join(pieces)})"

    def references(self, model: type[models.Model]) -> Iterator[str]:
        """Yield the references of which the name is made, with those that are behind them, as `select_related` does."""
        for part in self._parts.values():
            for name in part.fields if isinstance(part, FirstOf) else ():
                target = model._meta.get_field(name).related_model
                if isinstance(target, type) and issubclass(target, models.Model):
                    yield name
                    yield from (f"{name}__{behind}" for behind in references_of(target))

    def _pieces(self) -> Iterator[tuple[str, NamePart | None]]:
        """Yield what stands in the sentence, and the parts between."""
        for number, piece in enumerate(_PLACE.split(str(self._sentence))):
            if number % 2:
                yield "", self._parts[piece]
            elif piece:
                yield piece, None


def name_of(value: object, *, within: bool = False) -> str:
    """Return the name of a record, and any other value as text; `within`: as it stands within the name of another."""
    made: RowName | None = getattr(value, "row_name", None)
    if made is not None and isinstance(value, models.Model):
        return made.form(within=within).text(value)
    return str(value)


def references_of(model: type[models.Model]) -> Iterator[str]:
    """Yield the references of which the names of a model's rows are made; none where they have names of their own."""
    made: RowName | None = getattr(model, "row_name", None)
    if made is not None:
        yield from made.references(model)


def field_label(model: type[models.Model], name: str) -> str:
    """Return what a field is called, in the reader's language; a reference to a record of any kind is its subject."""
    label: object = _("subject") if is_generic(model, name) else vars(model._meta.get_field(name))["verbose_name"]
    return str(label)


def within_sentence(label: str) -> str:
    """Return a label as it stands within a sentence: without the capital at its beginning, unless more follow."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def is_generic(model: type[models.Model], name: str) -> bool:
    """Whether a reference may point at a record of any kind."""
    return any(field.name == name for field in model._meta.private_fields if isinstance(field, GenericForeignKey))


def choice_labels(model: type[models.Model], name: str) -> dict[str, str]:
    """Return the labels of a column's choices by value, in the reader's language; none for a column without choices."""
    choices: Iterable[tuple[str, str]] = getattr(model._meta.get_field(name), "flatchoices", ())
    return {value: str(label) for value, label in choices}
