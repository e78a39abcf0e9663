"""Query parameters: flat, comma means OR, several parameters mean AND, and whatever is unknown is refused by name.

A filter reads its parameter into a *shape* (how many values, of which kinds) and the values themselves, and writes a
condition for the shape with a slot for each value: so the statement of a list is made once for all requests that differ
in values alone. That is why these are our own and not those of django-filter, which put the values into the query.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django.apps import apps
from django.db.models import BooleanField, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext

from apps.common.http.parameters import FilterError
from apps.common.http.problems import nearest
from apps.common.models.records import Citable, Fact
from apps.common.models.unknown_keys import no_record
from apps.common.rules.territory import Reader
from apps.common.sql.slots import spell, text_of

MOST_WORDS = 100
MOST_REFUSED = 3  # keys without a record that an error speaks of


# A condition that no row meets. Not Q(pk__in=[]), for which Django writes no SQL at all.
NOTHING = RawSQL("false", (), BooleanField())


def split(text: str) -> list[str]:
    """Return the values of a parameter, which commas part; `\\,` is a comma within one, `\\\\` a backslash."""
    return re.sub(r"\\([\\,])|,", lambda match: match[1] or "\0", text).split("\0")


class ParsedFilter(NamedTuple):
    """A parameter as it was understood: what shapes the statement, and the values that go into its slots."""

    shape: Hashable
    values: tuple[Any, ...]


class Filter:
    """One query parameter that narrows a list."""

    schema: ClassVar[dict[str, Any]] = {"type": "string"}

    def __init__(self, field_name: str = "", *, help_text: str = "") -> None:
        self.field_name = field_name
        self.help_text = help_text

    def parameters(self, name: str) -> "dict[str, Filter]":
        """Return the parameters that the filter stands for, by name: mostly itself alone."""
        return {name: self}

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        """Return what the parameter asks for; raise FilterError for what it does not take."""
        raise NotImplementedError

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        """Return the condition for a shape, with `slots` (or plain values) in the place of the values."""
        raise NotImplementedError

    def missing(self, shape: Any, slots: Sequence[Any], viewer: Reader) -> str | None:
        """Return an SQL array of the given keys that name no record, for a filter whose values are keys."""
        return None

    def refuse(self, keys: Sequence[str], viewer: Reader, values: Mapping[str, object]) -> str:
        """Return why keys that name no record are refused; `values` are those of the viewer's parameters."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return the parameter's schema in the OpenAPI document."""
        return self.schema

    @property
    def is_list(self) -> bool:
        """Whether several values may be given, with commas or by the parameter again."""
        return self.describe().get("type") == "array"


class CommaFilter(Filter):
    """Rows whose column has one of the values."""

    facets = True  # whether one may count by its values

    def __init__(self, field_name: str, *, distinct: bool = False, help_text: str = "") -> None:
        super().__init__(field_name, help_text=help_text)
        self.distinct = distinct

    def describe(self) -> dict[str, Any]:
        return {"type": "array", "items": self.schema}

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        words = tuple(word.strip() for word in split(text))
        if not all(words):
            raise FilterError(gettext("An empty value stands between commas."))
        if len(words) > MOST_WORDS:
            raise FilterError(gettext("There are more than %(most)s values.") % {"most": MOST_WORDS})
        return self.check(words)

    def check(self, words: tuple[str, ...]) -> ParsedFilter:
        """Return what the words ask for; raise FilterError for one that is not valid."""
        return ParsedFilter(len(words), words)

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        found = {self.field_name: slots[0]} if len(slots) == 1 else {f"{self.field_name}__in": list(slots)}
        return self.through(model, found, viewer)

    def through(self, model: type[Citable], found: Mapping[str, Any], viewer: Reader) -> Q:
        """Return a condition on the end of a path; through a to-many relation a row is still listed once."""
        if not self.distinct:
            return Q(**found)
        first = self.field_name.partition("__")[0]
        relation: Any = model._meta.get_field(first)
        condition = Q(**found)
        if issubclass(relation.related_model, Fact):
            condition &= Q(**{f"{first}__in": relation.related_model._default_manager.visible_to(viewer)})
        return Q(pk__in=model._base_manager.filter(condition).values("pk"))


class ChoiceFilter(CommaFilter):
    """Rows whose choice is one of the values."""

    def __init__(self, field_name: str, choices: Any, *, help_text: str = "") -> None:
        super().__init__(field_name, help_text=help_text)
        self.choices = choices
        self.values = [str(value) for value in choices.values]

    def describe(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "enum": self.values}}

    def check(self, words: tuple[str, ...]) -> ParsedFilter:
        for word in words:
            if word not in self.values:
                raise FilterError(
                    gettext("“%(word)s” is not one of the values.") % {"word": word[:100]}
                    + nearest(word[:100], self.values)
                )
        return super().check(words)


class BooleanFilter(Filter):
    """Rows in which something holds, or does not."""

    schema: ClassVar[dict[str, Any]] = {"type": "boolean"}
    TRUTHS: ClassVar[dict[str, bool]] = {"true": True, "false": False}

    def read(self, text: str, model: type[Citable]) -> ParsedFilter:
        if text not in self.TRUTHS:
            raise FilterError(gettext("true or false is expected."))
        return ParsedFilter(self.TRUTHS[text], ())

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        return Q(**{self.field_name: shape})


class KeyFilter(CommaFilter):
    """Rows that point at one of the records with the given keys; a key that no record has is refused.

    A model is given by name, with a `help_text`, where its app imports ours.
    """

    def __init__(
        self, field_name: str, model: type[Citable] | str, *, distinct: bool = False, help_text: str = ""
    ) -> None:
        self._target = model
        if not (help_text or isinstance(model, str)):
            help_text = f"Keys of `{model.resource}`, separated by commas."
        super().__init__(field_name, distinct=distinct, help_text=help_text)

    @cached_property
    def target(self) -> Any:
        """The model whose keys are given."""
        return apps.get_model(self._target) if isinstance(self._target, str) else self._target

    def condition(self, model: type[Citable], shape: Any, slots: Sequence[Any], viewer: Reader) -> Any:
        found = keyed(self.target, slots, viewer)
        if len(slots) == 1:
            return self.through(model, {self.field_name: Subquery(found)}, viewer)
        return self.through(model, {f"{self.field_name}__in": found}, viewer)

    def missing(self, shape: Any, slots: Sequence[Any], viewer: Reader) -> str | None:
        return without_record(self.target, slots, viewer)

    def refuse(self, keys: Sequence[str], viewer: Reader, values: Mapping[str, object]) -> str:
        return " ".join(no_record(self.target, key, viewer, values) for key in keys[:MOST_REFUSED])


def keyed(model: type[Citable], slots: Sequence[Any], viewer: Reader) -> QuerySet[Any]:
    """Return the internal keys of the visible records with the given public keys."""
    rows: Any = model._default_manager.all()
    named = {model.key_field: slots[0]} if len(slots) == 1 else {f"{model.key_field}__in": list(slots)}
    found: QuerySet[Any] = rows.visible_to(viewer).filter(**named).order_by().values("pk")
    return found


def without_record(model: type[Citable], slots: Sequence[Any], viewer: Reader) -> str:
    """Return SQL for the array of those public keys that no visible record has."""
    rows: Any = model._default_manager.all()
    known = text_of(rows.visible_to(viewer).order_by().values(model.key_field))
    column: Any = model._meta.get_field(model.key_field)
    given = ", ".join(f"{spell(slot)}::text" for slot in slots)
    return (
        f"ARRAY(SELECT given FROM unnest(ARRAY[{given}]) AS given"
        f' WHERE NOT EXISTS (SELECT FROM ({known}) AS known WHERE known."{column.column}" = given))'
    )
