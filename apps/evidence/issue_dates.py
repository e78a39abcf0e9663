"""The dates of records that are counted from an article's date of issue, and their values once it is corrected."""

from collections import defaultdict
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from apps.common.models.records import Citable
from apps.common.models.targets import model_of
from apps.common.values.columns import EDTFField
from apps.evidence.levels.wording import resolve
from apps.evidence.models import Article


class Move(NamedTuple):
    """A date of a record that moves with the date of issue."""

    record: Citable
    field: str
    wording: str
    old: str
    new: str

    def as_json(self) -> dict[str, str]:
        """Return the move as the correction stores it."""
        record = f"{self.record.resource}/{self.record.key}"
        return {"record": record, "field": self.field, "wording": self.wording, "old": self.old, "new": self.new}


def moves(article: Article, issued_on: str) -> list[Move]:
    """Return the dates that move when an article turns out to be issued on another date; locks their records.

    A date moves when a citation of the article supports it, it has a wording, and it is counted from the date of issue
    as it stands. Raises ValidationError naming each whose wording is not known.
    """
    found, problems = [], []
    for record, names in _dated(article):
        for name in sorted(names):
            wording = getattr(record, f"{name}_wording")
            if not wording or getattr(record, f"{name}_relative_to") != article.issued_on:
                continue
            new = resolve(wording, issued_on)
            if new is None:
                problems.append(
                    gettext(
                        "What “%(wording)s” of %(record)s (%(field)s) would mean is not known: set that date first."
                    )
                    % {"wording": wording, "record": f"{record.resource}/{record.key}", "field": name}
                )
            else:
                found.append(Move(record, name, wording, getattr(record, name), new))
    if problems:
        raise ValidationError(problems)
    return found


def _dated(article: Article) -> list[tuple[Citable, set[str]]]:
    """Return the records with dates that citations of an article support, and the names of those dates."""
    supported: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    citations = article.citation_spans.values_list("content_type_id", "object_id", "supports")
    for content_type_id, pk, supports in citations:
        supported[content_type_id][pk] |= set(supports)
    found: list[tuple[Citable, set[str]]] = []
    for content_type_id, rows in sorted(supported.items()):
        model = model_of(content_type_id)
        dates = {field.name for field in model._meta.fields if isinstance(field, EDTFField)}
        wanted = [pk for pk, names in rows.items() if names & dates]
        records = model._base_manager.select_for_update().filter(pk__in=wanted).order_by("pk")
        found += [(record, rows[record.pk] & dates) for record in records]
    return found
