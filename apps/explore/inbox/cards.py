"""What waits as the curators' pages show it: each value beside the sentences that support it, and what was changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from django.db.models import Field, Model
from django.db.models.fields.related import ForeignKey, ManyToManyField
from django.urls import reverse

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange
from apps.common.models.moved import Moved
from apps.common.models.records import Fact
from apps.common.rules.workflow import Transition
from apps.common.values.columns import PythonColumn
from apps.common.values.dates import today
from apps.evidence import spans
from apps.evidence.fixtures.files import given_names
from apps.evidence.models import Citation
from apps.explore.inbox.items import open_transitions, records_of, speakers
from apps.explore.inbox.steps import shown_version, unseen_changes
from apps.explore.inbox.waiting import DUE, REVIEWED, Waiting

MOST_CHANGES = 20  # of one record
UNSAID = frozenset({"updated_at", "state"})


@dataclass(frozen=True)
class QuotedSpan:
    """Words of an article that support a value; without words where its text is not attached."""

    article: str
    start: int
    end: int
    words: str
    url: str


@dataclass(frozen=True)
class CardLine:
    """A field of a record: its value, and what supports it; or what it was before, where it was changed."""

    label: str
    value: str
    before: str = ""
    sentences: Sequence[QuotedSpan] = ()


@dataclass(frozen=True)
class CardAction:
    """An action of a workflow that may be taken; with the address of the page that asks for what it is given."""

    transition: Transition
    url: str = ""


@dataclass(frozen=True)
class Card:
    """Something that waits, as a page shows it."""

    waits: str
    record: Fact
    path: str
    kind: str
    url: str
    since: datetime
    by: str
    account: str
    reason: str
    number: int | None
    version: str = ""
    lines: Sequence[CardLine] = field(default_factory=list)
    actions: Sequence[CardAction] = ()
    lapses: str = ""  # the last day of a status that is due
    is_overdue: bool = False


def cards_of(rows: Sequence[Waiting], *, whole: bool) -> list[Card]:
    """Return what waits as cards; `whole`: with values and sentences. What was deleted meanwhile is left out."""
    names = speakers(row.user_id for row in rows)
    accounts = dict(User.objects.filter(pk__in={row.user_id for row in rows}).values_list("pk", "username"))
    records = records_of(rows)
    return [
        Card(
            waits=row.waits,
            record=record,
            path=f"{record.resource}/{record.key}",
            kind=str(record._meta.verbose_name),
            url=reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk]),
            since=row.since,
            by=names.get(row.user_id, ""),
            account=accounts.get(row.user_id or 0, ""),
            reason=row.reason,
            number=row.number,
            version=shown_version(record) if whole or row.actions else "",
            lines=_lines(record, row) if whole else (),
            actions=_actions(record, row),
            lapses=_last_day(record) if row.waits == DUE else "",
            is_overdue=row.waits == DUE and cast(Moved, record).lapsed(today()),
        )
        for row in rows
        if (record := records.get((row.content_type, row.pk))) is not None
    ]


def _actions(record: Fact, row: Waiting) -> list[CardAction]:
    """Return the actions that are open today; those that are given something have a page of their own."""
    if not row.actions:
        return []
    page = f"admin:{record._meta.app_label}_{record._meta.model_name}_move"
    return [
        CardAction(each, reverse(page, args=[record.pk, each.name]) if each.asks or each.takes else "")
        for each in open_transitions(row, record)
    ]


def _last_day(record: Fact) -> str:
    lapses = record.workflow and record.workflow.lapses
    return str(getattr(record, lapses.until)) if lapses else ""


def _lines(record: Fact, row: Waiting) -> list[CardLine]:
    return _changed(record) if row.waits == REVIEWED else _stated(record)


def _stated(record: Fact) -> list[CardLine]:
    """Return the fields that say something, each with the sentences that support it."""
    citations = list(record.citations.select_related("article__text").order_by("article", "start"))
    lines = []
    for name in given_names(type(record)):
        value = _shown(record, name)
        if value:
            said = [_sentence(each) for each in citations if name in each.supports]
            lines.append(CardLine(_label(type(record), name), value, sentences=said))
    return lines


def _sentence(citation: Citation) -> QuotedSpan:
    article = citation.article
    text = getattr(article, "text", None)
    words = spans.quote(text.body, citation.start, citation.end).exact if text else ""
    url = reverse("admin:evidence_article_workbench", args=[article.pk])
    return QuotedSpan(
        str(article), citation.start, citation.end, words, f"{url}?start={citation.start}&end={citation.end}"
    )


def _changed(record: Fact) -> list[CardLine]:
    """Return what others changed since somebody looked at it, the newest change first."""
    entries = unseen_changes(record)[:MOST_CHANGES]
    return [line for entry in entries for line in _differences(type(record), entry)]


def _differences(model: type[Fact], entry: LoggedChange) -> list[CardLine]:
    before, after = entry.before or {}, entry.after or {}
    return [
        CardLine(str(item.verbose_name), _named(item, after[column]), _named(item, before.get(column)))
        for item in model._meta.concrete_fields
        if not isinstance(item, PythonColumn)
        and item.name not in UNSAID
        and (column := str(item.column)) in after
        and before.get(column) != after[column]
    ]


def _named(item: Field, value: object) -> str:
    """Return a stored value in words: the label of a choice, the name of what a reference points at."""
    if value in (None, "", []):
        return "–"
    if isinstance(item, ForeignKey):
        target = item.related_model._base_manager.filter(pk=value).first()
        return str(target or value)
    choices = {str(key): str(label) for key, label in getattr(item, "flatchoices", ())}
    return choices.get(str(value), str(value))


def _shown(record: Model, name: str) -> str:
    """Return a value of a record in words; the empty text where there is none."""
    item = record._meta.get_field(name)
    value = getattr(record, name)
    if isinstance(item, ManyToManyField):
        return ", ".join(str(each) for each in value.all())
    if value in (None, "", [], False):
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(getattr(record, f"get_{name}_display")() if getattr(item, "choices", None) else value)


def _label(model: type[Model], name: str) -> str:
    return str(getattr(model._meta.get_field(name), "verbose_name", name))
