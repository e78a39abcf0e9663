"""The requests of clients of /reconcile, read strictly: batches of queries, and requests for values of records."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, NoReturn, TypeVar
from urllib.parse import parse_qsl

from django.utils.translation import gettext
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from apps.common.http.problems import ParameterError, nearest, parameter_error
from apps.common.values.dates import EDTFError, bounds
from apps.common.values.json import JsonValue
from apps.explore.reconciliation.entities import PROPERTIES, TYPES
from apps.explore.reconciliation.scoring import Interval, Wanted
from apps.registry.schemes import readings

BATCH_SIZE = 25  # so many queries take a second or two, even if no name is found at once
BODY_LIMIT = 256 * 1024
TEXT_LIMIT = 300
DEFAULT_RESULTS = 10
MOST_RESULTS = 50
MOST_PROPERTIES = 20
MOST_VALUES = 20
MOST_IDS = 200
STRICTNESS = ("any", "all", "should")
LEVELS = ("district", "street", "neighbourhood", "division")

_CHINESE_DATE = re.compile(r"(\d{4})年(?:(\d{1,2})月(?:(\d{1,2})日?)?)?")
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})T[0-9:.]+(?:Z|[+-][0-9:]+)?")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReconciliationQuery:
    """One reconciliation query."""

    wanted: Wanted
    types: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Extension:
    """A request for the values of some properties of some records."""

    ids: tuple[str, ...]
    properties: tuple[str, ...]


class FormParser(BaseParser):
    """Reads a form strictly: UTF-8, of limited size, each field once."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None) -> dict[str, str]:
        body = stream.read(BODY_LIMIT + 1)
        if len(body) > BODY_LIMIT:
            detail = gettext("The body is longer than %(limit)s bytes.") % {"limit": BODY_LIMIT}
            raise ParameterError([{"pointer": "", "code": "too_large", "detail": detail}])
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
        except ValueError as error:  # broken UTF-8, or more fields than any request has
            raise ParseError(gettext("The body is not a form in UTF-8.")) from error
        return unique(pairs)


def unique(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return pairs as a dictionary; raises ParseError where a name stands twice."""
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise ParseError(gettext("“%(name)s” is given more than once.") % {"name": name[:100]})
        found[name] = value
    return found


def refuse(pointer: str, detail: str, code: str = "invalid_parameter") -> NoReturn:
    """Raise the error for one place in the JSON that was sent."""
    raise ParameterError([{"pointer": pointer, "code": code, "detail": detail}])


def refuse_others(pointer: str, given: Mapping[str, JsonValue], known: Iterable[str]) -> None:
    """Raise the error for the first member that is not known."""
    names = list(known)
    for name in given:
        if name not in names:
            detail = gettext("There is no member “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], names)
            refuse(f"{pointer}/{name[:100]}", detail, "unknown_parameter")


def read_json(parameter: str, text: str) -> Mapping[str, JsonValue]:
    """Return a JSON object that stands in a parameter."""
    try:
        found = json.loads(text, object_pairs_hook=unique, parse_constant=_refuse_constant)
        json.dumps(found, ensure_ascii=False).encode()  # lone surrogates
    except (ValueError, RecursionError) as error:
        raise parameter_error(parameter, gettext("“%(name)s” is not valid JSON.") % {"name": parameter}) from error
    if not isinstance(found, dict):
        raise parameter_error(parameter, gettext("“%(name)s” is not a JSON object.") % {"name": parameter})
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def read_text(pointer: str, value: JsonValue) -> str:
    """Return a text of limited length."""
    if not isinstance(value, str):
        refuse(pointer, gettext("A text is expected."))
    if len(value) > TEXT_LIMIT:
        refuse(pointer, gettext("The text is longer than %(limit)s characters.") % {"limit": TEXT_LIMIT})
    if "\0" in value:
        refuse(pointer, gettext("The text holds a NUL character."))
    return value


def read_list(pointer: str, value: JsonValue, most: int) -> list[JsonValue]:
    """Return a list of limited length."""
    if not isinstance(value, list):
        refuse(pointer, gettext("A list is expected."))
    if len(value) > most:
        refuse(pointer, gettext("At most %(most)s are taken at once.") % {"most": most}, "too_large")
    return value


def read_object(pointer: str, value: JsonValue) -> Mapping[str, JsonValue]:
    """Return an object."""
    if not isinstance(value, dict):
        refuse(pointer, gettext("An object is expected."))
    return value


def read_word(pointer: str, value: JsonValue, known: Iterable[str]) -> str:
    """Return one of the known words."""
    word = read_text(pointer, value)
    names = list(known)
    if word not in names:
        detail = gettext("“%(word)s” is not one of the values.") % {"word": word[:40]}
        refuse(pointer, detail + nearest(word[:40], names))
    return word


# Queries --------------------------------------------------------------------------------------------------------------


def read_batch(text: str) -> dict[str, ReconciliationQuery]:
    """Return the queries of a batch by their names."""
    batch = read_json("queries", text)
    if len(batch) > BATCH_SIZE:
        refuse("", gettext("At most %(most)s are taken at once.") % {"most": BATCH_SIZE}, "too_large")
    return {name: read_query(f"/{name[:100]}", query) for name, query in batch.items()}


def read_query(pointer: str, value: JsonValue) -> ReconciliationQuery:
    """Return one query."""
    query = read_object(pointer, value)
    refuse_others(pointer, query, ("query", "type", "limit", "properties", "type_strict"))
    text = read_text(f"{pointer}/query", query.get("query", "")).strip()
    properties = read_list(f"{pointer}/properties", query.get("properties", []), MOST_PROPERTIES)
    if not query.get("query") and not properties:
        refuse(pointer, gettext("A query needs “query” or “properties”."))
    if "type_strict" in query:  # a record has one type, so that the three mean the same
        read_word(f"{pointer}/type_strict", query["type_strict"], STRICTNESS)
    types = _read_types(f"{pointer}/type", query.get("type", []))
    limit = _read_limit(f"{pointer}/limit", query.get("limit", DEFAULT_RESULTS))
    return ReconciliationQuery(_read_wanted(pointer, text, properties), types, limit)


def _read_types(pointer: str, value: JsonValue) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else read_list(pointer, value, len(TYPES))
    return tuple(dict.fromkeys(read_word(pointer, name, TYPES) for name in given)) or tuple(TYPES)


def _read_limit(pointer: str, value: JsonValue) -> int:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or value < 1
        or (isinstance(value, float) and not value.is_integer())
    ):
        refuse(pointer, gettext("A positive whole number is expected."))
    return min(int(value), MOST_RESULTS)


def _read_wanted(pointer: str, text: str, properties: list[JsonValue]) -> Wanted:
    places: list[tuple[str, tuple[str, ...]]] = []
    kinds: list[str] = []
    dates: list[Interval] = []
    codes: list[str] = []
    refining = [name for name, known in PROPERTIES.items() if known.refines]
    for number, given in enumerate(properties):
        here = f"{pointer}/properties/{number}"
        mapping = read_object(here, given)
        refuse_others(here, mapping, ("pid", "v"))
        if "pid" not in mapping or "v" not in mapping:
            refuse(here, gettext("A property needs “pid” and “v”."))
        pid = read_word(f"{here}/pid", mapping["pid"], refining)
        values = _read_values(f"{here}/v", mapping["v"])
        if pid in LEVELS and values:
            places.append((pid, values))
        elif pid == "identifier":
            codes += [code for value in values for code in written_codes(value)]
        elif pid == "kind":
            kinds += values
        else:
            dates += filter(None, map(read_date, values))
    return Wanted(text, tuple(places), tuple(kinds), tuple(dates), tuple(codes), written_codes(text))


def written_codes(text: str) -> tuple[str, ...]:
    """Return the identifiers that a text can be, each as scheme:value; none, and no error, as with dates."""
    return tuple(f"{scheme}:{value}" for scheme, value in readings(text))


def _read_values(pointer: str, value: JsonValue) -> tuple[str, ...]:
    given = read_list(pointer, value, MOST_VALUES) if isinstance(value, list) else [value]
    texts = (_read_value(pointer, item) for item in given)
    return tuple(dict.fromkeys(text for text in texts if text))


def _read_value(pointer: str, value: JsonValue) -> str:
    """Return one value as text: a record that was matched before stands for itself by its identifier."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        value = str(value)
    return read_text(pointer, value).strip()


def read_date(value: str) -> Interval | None:
    """Return the days that a cell can mean: EDTF, an instant, or 2013年6月27日; None where it is no date at all.

    No error: cells are messy, and one of them must not spoil the batch.
    """
    if match := _INSTANT.fullmatch(value):
        value = match[1]
    elif match := _CHINESE_DATE.fullmatch(value):
        value = "-".join(part.zfill(2) for part in match.groups() if part)
    try:
        interval = bounds(value)
    except EDTFError:
        return None
    return interval if any(interval) else None


# Values of records ----------------------------------------------------------------------------------------------------


def read_extension(text: str) -> Extension:
    """Return a request for the values of records."""
    request = read_json("extend", text)
    refuse_others("", request, ("ids", "properties"))
    ids = read_list("/ids", request.get("ids"), MOST_IDS)
    properties = read_list("/properties", request.get("properties"), len(PROPERTIES))
    known = [name for name, found in PROPERTIES.items() if found.values]
    names = []
    for number, given in enumerate(properties):
        here = f"/properties/{number}"
        mapping = read_object(here, given)
        refuse_others(here, mapping, ("id", "settings"))
        refuse_others(f"{here}/settings", read_object(f"{here}/settings", mapping.get("settings", {})), ())
        names.append(read_word(f"{here}/id", mapping.get("id"), known))
    texts = [read_text(f"/ids/{number}", value) for number, value in enumerate(ids)]
    return Extension(tuple(dict.fromkeys(texts)), tuple(dict.fromkeys(names)))
