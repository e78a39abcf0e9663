"""Columns that say what a text is about, by which suggestions are looked for."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from apps.common.values.columns import PythonColumn
from apps.projects.matching.subjects import told


class SubjectsField(PythonColumn, ArrayField):
    """The subjects that the column named `source` tells (`matching/vocabulary`).

    Rows keep the subjects of the table with which they were written; where it has changed, `manage.py migrate` of a
    migration that saves them finds the new ones. They choose candidates alone: scores are made of the texts.
    """

    def __init__(self, verbose_name: Any = None, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.CharField(max_length=30))
        super().__init__(**{"verbose_name": verbose_name, "blank": True, "default": list, **kwargs})

    def compute(self, value: str) -> Any:
        """Return the subjects of a text, in a lasting order."""
        return sorted(told(value))


class SubjectsIndex(GinIndex):
    """The index on a column of subjects; what was written last stands in no list that every search reads through."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"fastupdate": False, **kwargs})
