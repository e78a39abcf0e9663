"""Reading the body of a request: strict JSON, or a problem that points at each place that is wrong."""

import codecs
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from apps.common.http.problems import BodyError

MAX_DEPTH = 32
MAX_ERRORS = 20
INTEGERS = range(-(2**63), 2**63)  # what a bigint holds; no field is wider
# The longest text of a number that is looked at: int() of more digits takes its time, and no field holds them.
NUMBER_LENGTH = 40


class UnusableValue:
    """Stands in for a value that JSON allows and the registry does not, until its place is known."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


class Doubled(dict[str, object]):
    """An object that names a member twice."""

    doubled: list[str]


class StrictJSONParser(BaseParser):
    """Reads UTF-8 JSON that means the same to every reader; anything else is answered with a JSON Pointer to it."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> Any:
        """Return the value that the body holds."""
        charset = parse_header_parameters(media_type or "")[1].get("charset", "utf-8")
        if _codec(charset) != "utf-8":
            raise UnsupportedMediaType(media_type or "")
        return parse_json(_read(stream))


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text. Raises BodyError (400) with a pointer to each of the first errors.

    Where single places of it are wrong, the error holds the value, so that what is wrong elsewhere can be told as well;
    its texts are such that the database and an answer can hold them.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = gettext("The body is not valid UTF-8, from byte %(place)s on.") % {"place": error.start}
        raise BodyError([_error("", "not_utf8", detail)]) from error
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        detail = gettext("The body is not valid JSON: line %(line)s, column %(column)s.") % {
            "line": error.lineno,
            "column": error.colno,
        }
        raise BodyError([_error("", "not_json", detail)]) from error
    except RecursionError as error:
        raise BodyError([_too_deep("")]) from error
    if errors := _errors(value):
        is_told_apart = all(error["code"] != "too_deep" for error in errors)
        raise BodyError(errors, _sendable(value) if is_told_apart else None)
    return value


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError, UnicodeError):
        return ""


def _read(stream: IO[bytes]) -> bytes:
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    body = stream.read(limit + 1) if limit else stream.read()
    if limit and len(body) > limit:
        raise RequestDataTooBig
    return body


# What the values of a text become ----------------------------------------------------------------------------------


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = Doubled(found)
    doubled.doubled = [name for name, times in Counter(name for name, _value in pairs).items() if times > 1]
    return doubled


def _integer(text: str) -> int | UnusableValue:
    value = int(text) if len(text) <= NUMBER_LENGTH else None
    return value if value is not None and value in INTEGERS else _out_of_range()


def _fraction(text: str) -> float | UnusableValue:
    value = float(text) if len(text) <= NUMBER_LENGTH else float("inf")
    return value if value not in (float("inf"), float("-inf")) else _out_of_range()


def _constant(text: str) -> UnusableValue:
    return UnusableValue("not_json", gettext("%(word)s is not a number in JSON.") % {"word": text})


def _out_of_range() -> UnusableValue:
    return UnusableValue("out_of_range", gettext("The number is larger or longer than any field holds."))


# Finding what is wrong ---------------------------------------------------------------------------------------------


def _errors(value: object) -> list[dict[str, str]]:
    """Return the first errors of a value, in reading order."""
    errors: list[dict[str, str]] = []
    for error in _walk(value):
        errors.append(error)
        if len(errors) == MAX_ERRORS:
            break
    return errors


def _walk(root: object) -> Iterator[dict[str, str]]:
    """Yield what is wrong with a value and all that is in it; without recursion, since it may be deep."""
    waiting: list[tuple[str, object, int]] = [("", root, 1)]
    while waiting:
        pointer, value, depth = waiting.pop()
        if isinstance(value, UnusableValue):
            yield _error(pointer, value.code, value.detail)
        elif isinstance(value, str):
            if detail := _text_error(value):
                yield _error(pointer, "invalid_text", detail)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                yield _too_deep(pointer)
                continue
            if isinstance(value, dict):
                yield from _name_errors(pointer, value)
            members = value.items() if isinstance(value, dict) else enumerate(value)
            inner = [(f"{pointer}/{_escape(str(name))}", member, depth + 1) for name, member in members]
            waiting += reversed(inner)


def _name_errors(pointer: str, value: dict[str, object]) -> Iterator[dict[str, str]]:
    for name in value.doubled if isinstance(value, Doubled) else ():
        detail = gettext("The name “%(name)s” stands here twice.") % {"name": _shown(name)}
        yield _error(f"{pointer}/{_escape(name)}", "doubled", detail)
    for name in value:
        if detail := _text_error(name):
            yield _error(f"{pointer}/{_escape(name)}", "invalid_text", detail)


def _text_error(text: str) -> str:
    if "\0" in text:
        return gettext("The text holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        return gettext("The text holds half of a surrogate pair.")
    return ""


def _sendable(value: Any) -> Any:
    """Return a value, which is not too deep, with a mark in the place of what neither database nor answer can hold."""
    if isinstance(value, str):
        return _replaced(value)
    if isinstance(value, list):
        return [_sendable(each) for each in value]
    if isinstance(value, dict):
        return {_replaced(name): _sendable(each) for name, each in value.items()}
    return value


def _escape(name: str) -> str:
    """Return a name as a JSON Pointer writes it (RFC 6901), with what no answer can hold left out."""
    return _shown(name).replace("~", "~0").replace("/", "~1")


def _shown(name: str) -> str:
    return _replaced(name[:100])


def _replaced(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "�")


def _too_deep(pointer: str) -> dict[str, str]:
    detail = gettext("The body is nested deeper than %(limit)s levels.") % {"limit": MAX_DEPTH}
    return _error(pointer, "too_deep", detail)


def _error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}
