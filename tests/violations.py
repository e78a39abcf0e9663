"""Rows that break one named constraint, held against the database and against `full_clean`."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from psycopg import errors


def refuse(name: str, row: Any) -> None:
    """Assert that clean and the database both refuse a row, the latter for the constraint `name`."""
    (constraint,) = [found for found in row._meta.constraints if found.name == name]
    with pytest.raises(ValidationError) as invalid:
        row.full_clean()
    # Where a field refuses its value by itself, Django leaves it out of the check of constraints.
    named = columns(constraint) & set(invalid.value.message_dict)
    if constraint.violation_error_message != constraint.default_violation_error_message and not named:
        assert str(constraint.violation_error_message) in invalid.value.messages
    assert broken_constraint(row) == name


def columns(constraint: models.BaseConstraint) -> set[str]:
    """Return the fields of which a constraint speaks."""
    if isinstance(constraint, models.CheckConstraint):
        return set(constraint.condition.referenced_base_fields)
    return set(getattr(constraint, "fields", ()))


def broken_constraint(row: models.Model) -> str | None:
    """Return the name of the constraint for which the database refuses to store a row."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save()
    cause = refused.value.__cause__
    assert isinstance(cause, errors.IntegrityError)
    return cause.diag.constraint_name
