"""A cell of a file as a body has it."""

import json
import re
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.common.files.columns import SEPARATOR
from apps.common.values.columns import EDTFField
from apps.common.writing.contract import Input

NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
TRUTHS = {"true": True, "false": False}  # spreadsheets write them in capitals
WHOLE = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)


def read_cell(item: Input, text: str) -> Any:
    """Return a cell as a body has it; what cannot be read stays a text, and is refused as one."""
    if not _is_free_text(item):
        text = text.strip()
    if item.is_many or isinstance(item.field, ArrayField):
        parts = [part.strip() for part in text.split(SEPARATOR)] if text else []
        numbers = isinstance(item.field, ArrayField) and isinstance(item.field.base_field, models.IntegerField)
        return [_number(part, whole=True) for part in parts] if numbers else parts
    if isinstance(item.field, models.JSONField):
        return _notes(text)
    if isinstance(item.field, models.BooleanField):
        return TRUTHS.get(text.lower(), text) if text else item.field.get_default()
    if text == "":
        return None if item.is_target or item.field.null else ""
    if isinstance(getattr(item, "field", None), models.IntegerField | models.DecimalField):
        return _number(text, whole=isinstance(item.field, models.IntegerField))
    return text


def _is_free_text(item: Input) -> bool:
    """Whether blanks around a value may be meant."""
    field = item.field
    if isinstance(field, EDTFField) or not isinstance(field, models.CharField | models.TextField):
        return False
    return not field.choices and item.name not in ("slug", "code")


def _notes(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def _number(text: str, *, whole: bool) -> Any:
    if whole:
        return int(text) if WHOLE.fullmatch(text) else text
    if not NUMBER.fullmatch(text):
        return text
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
