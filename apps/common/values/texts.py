"""Texts as people type them: what is taken off, and what is refused, in one line and in several.

White space around a name makes two names of one that look alike, and a line break or a control character in it breaks
lists, files and comparisons. So a column of one line takes both off its ends, and refuses them inside, by whatever way
a value comes: `to_python` and `pre_save` strip, a validator says what is wrong, and the database has the last word.
"""

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

# Ranges of characters as both Python's regular expressions and PostgreSQL's have them.
# The white space of Unicode, and what shows nothing and is at home between characters only, such as U+200B and U+FEFF.
BLANK = r" \u0085\u00a0\u1680\u180e\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
# Control characters, line breaks, and marks that turn the direction of writing of all that follows.
UNPRINTABLE = r"\u0001-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069"

_ENDS = re.compile(rf"^[\u0009-\u000d\u001c-\u001f{BLANK}]+|[\u0009-\u000d\u001c-\u001f{BLANK}]+\Z")
_WRONG = re.compile(rf"[\u0000{UNPRINTABLE}]")
# What the database refuses.
CHECK = rf"[{UNPRINTABLE}]|^[{BLANK}]|[{BLANK}]$"
NOT_ONE_LINE = _("One line is expected, without control characters and marks that turn the direction of writing.")


def one_line(text: str) -> str:
    """Return a text without what is blank at its ends."""
    return _ENDS.sub("", text)


def line_feeds(text: str) -> str:
    """Return a text whose lines end as the registry ends them, however they were typed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def validate_one_line(value: str) -> None:
    """Raise ValidationError for a text that is no line, or has characters that are not seen but felt."""
    if _WRONG.search(value):
        raise ValidationError(NOT_ONE_LINE, code="not_one_line")


class OneLineField(models.CharField):
    """A name or another text of one line."""

    default_validators = [validate_one_line]

    def to_python(self, value: object) -> str | None:
        """Return the text without what is blank at its ends."""
        text = super().to_python(value)
        return None if text is None else one_line(text)

    def pre_save(self, model_instance: models.Model, add: bool) -> object:
        """Leave on the row what is stored, which columns behind this one are computed from."""
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = one_line(value)
            setattr(model_instance, self.attname, value)
        return value

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        """Return what the database asks of the column."""
        return f"{connection.ops.quote_name(str(self.column))} !~ '{CHECK}'"


class ParagraphsField(models.TextField):
    """A text of any number of lines, which end in LF."""

    def to_python(self, value: object) -> str | None:
        """Return the text with the ends of lines that the registry has."""
        text = super().to_python(value)
        return None if text is None else line_feeds(text)

    def pre_save(self, model_instance: models.Model, add: bool) -> object:
        """Leave on the row what is stored, as `OneLineField` does."""
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = line_feeds(value)
            setattr(model_instance, self.attname, value)
        return value
