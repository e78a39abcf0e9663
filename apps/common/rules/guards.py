"""Triggers that refuse a row, each with the sentences that tell whoever wrote it why."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pgtrigger
from django.db.models import BaseConstraint, CheckConstraint, Model
from django.utils.functional import Promise


class Sentence(NamedTuple):
    """What is said of a refused row: the code of the error, the words, and the field that they are about, if any.

    `is_conflict`: nothing is wrong with the row by itself, but what is on record leaves no room for it.
    """

    code: str
    text: str | Promise
    field: str = ""
    is_conflict: bool = False


class Guard(pgtrigger.Trigger):
    """A trigger that raises errors with the names of constraints.

    `sentences` are by what stands behind the table's name in the name of the constraint that is raised.
    """

    def __init__(self, *, sentences: dict[str, Sentence], **kwargs: Any) -> None:
        self.sentences = sentences
        super().__init__(**kwargs)

    def sentences_of(self, model: type[Model]) -> dict[str, Sentence]:
        """Return what is said of rows of a model that the trigger refuses."""
        return self.sentences


def sentence_of(constraint: str) -> Sentence | None:
    """Return what is said of a row that a trigger refused, by the name of the constraint that the trigger raised."""
    return next((sentence for name, sentence in sentences() if name == constraint), None)


def sentences() -> Iterator[tuple[str, Sentence]]:
    """Yield the names of the constraints that triggers raise, each with its sentence."""
    for model, trigger in cast("list[tuple[type[Model], pgtrigger.Trigger]]", pgtrigger.registered()):
        if isinstance(trigger, Guard):
            for suffix, sentence in trigger.sentences_of(model).items():
                yield f"{model._meta.db_table}{suffix}", sentence


def field_of(constraint: BaseConstraint) -> str:
    """Return the field of which a constraint speaks; empty where it speaks of several."""
    names = set(getattr(constraint, "fields", ()))
    if isinstance(constraint, CheckConstraint):
        names = set(constraint.condition.referenced_base_fields) - {"id"}  # type: ignore[union-attr]
    return str(names.pop()) if len(names) == 1 else ""
