"""A claim form as its page shows it: rows under their category, and totals as lines of a table."""

from itertools import groupby
from typing import NamedTuple

from apps.explore.form.table import ClaimForm, FormRow
from apps.projects.models import Category
from apps.registry.models import Alliance


class BodyRows(NamedTuple):
    """The rows of one body under a category."""

    body: Alliance | None
    rows: list[FormRow]


class Section(NamedTuple):
    """The rows of one category, by body."""

    category: Category | None
    bodies: list[BodyRows]
    size: int


def sections(form: ClaimForm) -> list[Section]:
    """Return the rows of a form, which are in order, by category and body."""
    found = []
    for category, rows in groupby(form.rows, key=lambda row: row.category):
        own = list(rows)
        bodies = [BodyRows(body, list(each)) for body, each in groupby(own, key=lambda row: row.body)]
        found.append(Section(category, bodies, len(own)))
    return found
