"""What can be written of a resource: read off its serializer and its model, member by member.

Writable are the model's own columns and references that the serializer of single records shows, and the columns that
it does not show (`state`, `captured_file`). Each is written as it is read: a choice by its value, a date by its EDTF
text, a decimal as a number, a reference by its key or as the object that stands in an answer. A member that shows which
of several references is set (`Citable.parties`) sets all of them. All else is read-only: it may stand in a body,
unchanged, so that the body of a GET is a valid PUT.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext, override

from apps.common.http.problems import nearest
from apps.common.models.records import Citable, citable_models
from apps.common.models.unknown_keys import no_record, no_resource, no_such
from apps.common.rules.territory import Reader
from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.targets import load_targets

EVIDENCE = ("citations", "attestations")  # the members of a body in which the evidence of the record comes
REASON = "change_reason"
MOST_ERRORS = 50

P = ParamSpec("P")
R = TypeVar("R")


class WrongError(Exception):
    """A value that cannot be taken; `pointer` leads from the member to the place in it."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.pointer = code, detail, pointer

    def at(self, name: str) -> dict[str, str]:
        """Return the error as it stands in an answer, for a member of the body."""
        return error_at(f"/{escape(name)}{self.pointer}", self.code, self.detail)


def error_at(pointer: str, code: str, detail: str) -> dict[str, str]:
    """Return one error of an answer."""
    return {"pointer": pointer, "code": code, "detail": detail}


def escape(name: str) -> str:
    """Return a name as a JSON Pointer writes it (RFC 6901)."""
    return name[:100].replace("~", "~0").replace("/", "~1")


class Finder:
    """Finds records by their public keys among those that a user sees, each once."""

    def __init__(self, user: Reader) -> None:
        self.user = user
        self._found: dict[tuple[type[Citable], str], Citable | None] = {}
        self._missing: dict[tuple[type[Citable], str], str] = {}

    def load(self, model: type[Citable], keys: Iterable[str]) -> None:
        """Look up many keys of one model together."""
        wanted = {key for key in keys if (model, key) not in self._found}
        if wanted:
            rows = model.rows().visible_to(self.user).filter(**{f"{model.key_field}__in": wanted})
            self._found |= dict.fromkeys(((model, key) for key in wanted), None)
            self._found |= {(model, row.key): row for row in rows.order_by()}

    def find(self, model: type[Citable], key: str) -> Citable:
        """Return the record with a key. Raises WrongError."""
        self.load(model, [key])
        if (found := self._found[model, key]) is None:
            raise WrongError("unknown_key", self.no_record(model, key))
        return found

    def no_record(self, model: type[Citable], key: str) -> str:
        """Return why there is no record with a key; of the first such keys also which records may be meant."""
        if (model, key) not in self._missing:
            is_looked_up = len(self._missing) < MOST_ERRORS
            self._missing[model, key] = (no_record if is_looked_up else no_such)(model, key, self.user)
        return self._missing[model, key]

    def names(self, record: Citable) -> set[str]:
        """Return the names under which an answer may have shown a record to the user, in whatever language."""
        if record.row_name is None:
            return {str(getattr(record, record.name_field))}
        end = ContentType.objects.get_for_model(record).pk, record.pk
        names = set()
        for language in dict(settings.LANGUAGES):
            with override(language):
                names |= {found.name for found in load_targets([end], self.user).values()}
        return names

    def forget(self) -> None:
        """Forget all: records were made since."""
        self._found.clear()


@dataclass(frozen=True)
class Input:
    """A member of a body that can be written, and the field of the model behind it."""

    name: str
    field: Any  # a column, a list or a generic reference, as the properties say

    @cached_property
    def is_reference(self) -> bool:
        """Whether the value is the key of another record."""
        return isinstance(self.field, models.ForeignKey)

    @cached_property
    def is_many(self) -> bool:
        """Whether the value is a list of keys."""
        return isinstance(self.field, models.ManyToManyField)

    @cached_property
    def is_target(self) -> bool:
        """Whether the value is `resource/key`."""
        return isinstance(self.field, GenericForeignKey)

    @cached_property
    def is_required(self) -> bool:
        """Whether a new record cannot be without it."""
        return self.is_target or not (self.is_many or self.field.blank or self.field.null or self.field.has_default())

    def read(self, value: object, finder: Finder) -> object:
        """Return a value of the body as the model takes it. Raises WrongError."""
        if self.is_many:
            if not isinstance(value, list):
                raise WrongError("not_a_list", gettext("A list of keys is expected."))
            return [_within(number, self._one, item, finder) for number, item in enumerate(value)]
        if self.is_target:
            return _target(value, finder, citable_models())
        if self.is_reference:
            if value is None and self.field.null:
                return None
            return self._one(value, finder)
        return convert(self.field, value)

    def _one(self, value: object, finder: Finder) -> Citable:
        return _referred(value, self.field.related_model, finder)

    def keys(self, value: object) -> list[tuple[type[Citable], str]]:
        """Return the records that a value names, as models and keys, so that they can be looked up together."""
        if not (self.is_reference or self.is_many):
            return []
        items = value if self.is_many and isinstance(value, list) else [value]
        keys = (item if isinstance(item, str) else _key_of(item, self.field.related_model) for item in items)
        return [(self.field.related_model, key) for key in keys if isinstance(key, str)]

    def default(self) -> object:
        """Return the value that a replaced record has where the body says nothing."""
        return [] if self.is_many else self.field.get_default()

    def current(self, record: models.Model) -> object:
        """Return the value that a record has, in a form that can be compared."""
        if self.is_many:
            return sorted(row.pk for row in getattr(record, self.name).all())
        if self.is_target:
            return (getattr(record, f"{self.field.ct_field}_id"), getattr(record, self.field.fk_field))
        return getattr(record, self.field.attname)


class PartyInput(NamedTuple):
    """A member of a body that names one of several kinds of record, and the reference for each kind."""

    name: str
    keys: tuple[Input, ...]

    @property
    def models(self) -> dict[str, type[Citable]]:
        """The kinds of record by resource."""
        return {key.field.related_model.resource: key.field.related_model for key in self.keys}

    def read(self, value: object, finder: Finder) -> dict[str, object]:
        """Return the value of each reference for `resource/key`, an object of an answer, or null. Raises WrongError."""
        found = None if value is None else _target(value, finder, self.models)
        return {key.name: found if isinstance(found, key.field.related_model) else None for key in self.keys}

    def named(self, value: object) -> list[tuple[type[Citable], str]]:
        """Return the record that a value names, as model and key."""
        resource, _slash, key = _path(value).partition("/")
        return [(self.models[resource], key)] if resource in self.models else []

    def check(self, read: Mapping[str, object], values: Mapping[str, object]) -> None:
        """Raise WrongError where a body gives one of the references another value beside this one."""
        wrong = [name for name, value in read.items() if name in values and values[name] != value]
        if wrong:
            detail = gettext("“%(name)s” and “%(other)s” say different things; give one of them, or the same in both.")
            raise WrongError("contradiction", detail % {"name": self.name, "other": "”, “".join(wrong)})


def _within(number: int, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return read(*args, **kwargs)
    except WrongError as error:
        raise WrongError(error.code, error.detail, f"/{number}{error.pointer}") from error


def _key_of(value: object, model: type[Citable]) -> object:
    """Return the key in an object that stands for a record in an answer, be it a reference or the whole record."""
    if not isinstance(value, dict):
        return None
    return value.get("key") or value.get("code") or value.get(model.key_field)


def _referred(value: object, model: type[Citable], finder: Finder) -> Citable:
    key = value if isinstance(value, str) else _key_of(value, model)
    if not isinstance(key, str) or not key:
        raise WrongError("not_a_key", gettext("The key of one of the %(name)s is expected.") % {"name": model.resource})
    check_text(key)
    return _as_shown(value, finder.find(model, key), finder)


def _path(value: object) -> str:
    """Return the `resource/key` that a value is, or that an object of an answer stands for; empty where it is none."""
    parts = [value.get("resource"), value.get("key")] if isinstance(value, dict) else [value]
    return "/".join(str(part) for part in parts) if all(isinstance(part, str) for part in parts) else ""


def _target(value: object, finder: Finder, known: Mapping[str, type[Citable]]) -> Citable:
    if not (path := _path(value)):
        raise WrongError("not_a_key", gettext("A record is expected, as resource/key."))
    check_text(path)
    resource, _slash, key = path.partition("/")
    if resource not in known:
        raise WrongError("unknown_key", no_resource(resource, known))
    return _as_shown(value, finder.find(known[resource], key), finder)


def _as_shown(value: object, found: Citable, finder: Finder) -> Citable:
    """Return a record that a value names. Raises WrongError where the value is an object that contradicts it."""
    if isinstance(value, dict):
        url = f"{settings.API_ROOT}/{found.resource}/{found.key}"
        for name, truths in {"name": finder.names(found), "url": {url}}.items():
            if name in value and value[name] not in truths:
                detail = gettext("This is told by the record itself, and not set here.")
                raise WrongError("read_only", detail, f"/{name}")
    return found


def check_text(text: str) -> None:
    """Raise WrongError for a text that cannot be stored."""
    if "\0" in text:
        raise WrongError("invalid_text", gettext("The text holds a NUL character."))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise WrongError("invalid_text", gettext("The text holds half of a surrogate pair.")) from error


def convert(field: models.Field, value: object) -> object:
    """Return a JSON value as a column takes it; only its type and choice are checked here. Raises WrongError."""
    if value is None:
        if field.null:
            return None
        raise WrongError("null", gettext("A value is expected, not null."))
    match field:
        case ArrayField():
            if not isinstance(value, list):
                raise WrongError("not_a_list", gettext("A list is expected."))
            return [_within(number, convert, field.base_field, item) for number, item in enumerate(value)]
        case models.IntegerField():
            if not isinstance(value, int) or isinstance(value, bool):
                raise WrongError("not_an_integer", gettext("A whole number is expected."))
            if abs(value) >= 2**63:
                raise WrongError("out_of_range", gettext("The number is larger than the field holds."))
            return value
        case models.BooleanField():
            if not isinstance(value, bool):
                raise WrongError("not_a_boolean", gettext("true or false is expected."))
            return value
        case models.JSONField():
            if not isinstance(value, dict) or not all(isinstance(note, str) for note in value.values()):
                raise WrongError("not_an_object", gettext("An object of texts is expected."))
            for text in (*value, *value.values()):
                check_text(text)
            return value
        case models.DecimalField():
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise WrongError("not_a_number", gettext("A number is expected."))
            return _decimal(field, value)
        case models.CharField() | models.TextField():
            if not isinstance(value, str):
                raise WrongError("not_a_text", gettext("A text is expected."))
            check_text(value)
            return _chosen(field, field.to_python(value))
    raise TypeError(f"{field}: nothing is written into a {type(field).__name__}")


def _decimal(field: models.DecimalField, value: float) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) >= Decimal(10) ** (field.max_digits - field.decimal_places):
        raise WrongError("out_of_range", gettext("The number is larger than the field holds."))
    return number


def _chosen(field: models.CharField | models.TextField, value: str) -> str:
    known = _choices(field)
    if known and value not in known:
        if value == "" and field.blank:
            return value
        raise WrongError(
            "invalid_choice",
            gettext("“%(value)s” is not one of the choices.") % {"value": value[:60]} + nearest(value[:60], known),
        )
    return value


@cache  # to put the choices together anew costs more than all else of reading one
def _choices(field: models.Field) -> dict[str, None]:
    return {choice: None for choice, _label in field.flatchoices}


class Contract:
    """What can be written of one resource."""

    def __init__(self, model: type[Citable], serializer: type[RecordSerializer]) -> None:
        self.model = model
        fields = serializer(context={"labels": True}).fields
        generic = {field.name: field for field in model._meta.private_fields if isinstance(field, GenericForeignKey)}
        parts = {part for field in generic.values() for part in (field.ct_field, field.fk_field)}
        own: dict[str, models.Field | GenericForeignKey] = generic | {
            field.name: field
            for field in (*model._meta.concrete_fields, *model._meta.many_to_many)
            if field.editable and not field.primary_key and not getattr(field, "generated", False)
        }
        self.inputs = {name: Input(name, field) for name, field in own.items() if name not in parts}
        self.parties = {
            name: PartyInput(name, tuple(self.inputs[key] for key in keys))
            for name, keys in model.parties.items()
            if name in fields
        }
        self.hidden = frozenset(self.inputs) - frozenset(fields)
        self.shown = frozenset(fields) - frozenset(self.inputs) - frozenset(self.parties) - {*EVIDENCE}
        # What is shown says something of the record, or of who reads and of his service.
        self.compared = self.shown - {name for name, field in fields.items() if getattr(field, "of_reading", False)}
        self.evidence = tuple(name for name in EVIDENCE if name in fields)
        self.identity = tuple(name for name in ("slug", "code") if name in self.inputs)

    def keys_of(self, body: Mapping[str, object]) -> list[str]:
        """Return the keys that a body gives the record."""
        return [key for name in self.identity if isinstance(key := body.get(name), str) and key]

    @property
    def members(self) -> list[str]:
        """All names that a body may have."""
        return [*self.inputs, *self.parties, *self.shown, REASON, *self.evidence]

    def read(self, body: Mapping[str, object], finder: Finder) -> tuple[dict[str, object], list[dict[str, str]]]:
        """Return the written members of a body as the model takes them, and what is wrong with it."""
        values: dict[str, object] = {}
        errors: list[dict[str, str]] = []
        for name, value in body.items():
            if name in self.inputs:
                try:
                    values[name] = self.inputs[name].read(value, finder)
                except WrongError as error:
                    errors.append(error.at(name))
            elif name in self.parties:
                continue
            elif name not in self.members:
                detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]}
                errors.append(error_at(f"/{escape(name)}", "unknown_field", detail + nearest(name[:100], self.members)))
        for name in self.parties.keys() & body.keys():
            try:
                read = self.parties[name].read(body[name], finder)
                self.parties[name].check(read, values)
            except WrongError as error:
                errors.append(error.at(name))
            else:
                values |= {key: value for key, value in read.items() if key not in body}
        return values, errors

    def stored(self, name: str) -> tuple[str, ...]:
        """Return the fields of the model in which a member of a body is stored."""
        if name in self.parties:
            return tuple(key.name for key in self.parties[name].keys)
        item = self.inputs[name]
        return (item.field.ct_field, item.field.fk_field) if item.is_target else (name,)

    def load(self, bodies: Iterable[Mapping[str, object]], finder: Finder) -> None:
        """Look up all records that many bodies name, with one query for each kind of record."""
        wanted: dict[type[Citable], set[str]] = {}
        for body in bodies:
            for name in self.inputs.keys() & body.keys():
                for model, key in self.inputs[name].keys(body[name]):
                    wanted.setdefault(model, set()).add(key)
            for name in self.parties.keys() & body.keys():
                for model, key in self.parties[name].named(body[name]):
                    wanted.setdefault(model, set()).add(key)
        for model, keys in wanted.items():
            finder.load(model, {key for key in keys if "\0" not in key})
