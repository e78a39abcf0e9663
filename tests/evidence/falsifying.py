"""Falsifies what citations support, one value at a time, and offers the old span again: what passes?

The false values are also written without any evidence, through each way that there is (`test_falsified`).
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from django.apps import apps

from apps.common.models.records import Citable
from apps.common.values.dates import bounds
from apps.evidence.levels import FieldKind, Named
from apps.evidence.models import Article, Citation
from apps.evidence.support_levels import Case, Register, cases_of
from tests.full import share

SAMPLE = 200  # of so many false values the usual run tries to write each way
STRANGE = "瓒霂燊赟翀珩"  # letters that stand in no article
# What a share is asked of, by kind of field, and the least share that is refused, in per cent.
LEAST = {"number": 100, "date": 100, "name": 98, "text": 98, "reference": 97, "choice": 70}
GROUPS = {
    FieldKind.NUMBER: "number",
    FieldKind.COMPARATOR: "number",
    FieldKind.UNIT: "number",
    FieldKind.DATE: "date",
    FieldKind.NAME: "name",
    FieldKind.TEXT: "text",
    FieldKind.REFERENCE: "reference",
    FieldKind.REFERENCES: "reference",
    FieldKind.CHOICE: "choice",
}


@dataclass(frozen=True)
class FalseCase:
    """A case with a false value: its group, how it was made, what the value is now, and the case as it was."""

    group: str
    how: str
    case: Case
    shown: str
    true: Case

    @property
    def passes(self) -> bool:
        """Whether the old span is taken for the false value."""
        return bool(self.case.verdict())

    def __str__(self) -> str:
        citation, rule = self.case.citation, self.case.rule
        place = f"{citation.article.slug} {citation.start}-{citation.end}"
        return f"{self.how}: {place} {rule.model}.{rule.name} = {self.shown}"


def all_cases(articles: Iterable[Article], texts: Mapping[int, str] | None = None) -> list[Case]:
    """Return all fields that citations of the articles support, in the order of the articles.

    `texts` are the bodies by article, where they are not attached.
    """
    found = Citation.objects.filter(article__in=articles).select_related("article")
    return list(cases_of(list(found.order_by("article__slug", "start", "end", "slug")), texts))


def falsified(cases: Sequence[Case], seed: int = 21) -> Iterator[FalseCase]:
    """Yield false values of all cases, each in the ways that its kind is falsified."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    strangers = Strangers(cases, chance)
    for case in cases:
        group = GROUPS.get(case.rule.kind)
        if group is None:
            continue
        if case.rule.kind in (FieldKind.REFERENCE, FieldKind.REFERENCES):
            other = strangers.another(case)
            if other:
                context = replace(case.context, targets=(other,))
                false = replace(case, context=context, citation=unread(case.citation))
                yield FalseCase(group, "another record", false, "/".join(other.names), case)
            continue
        for how, value in _values(case, chance, strangers):
            false = replace(case, value=value, citation=unread(case.citation))
            yield FalseCase(group, how, false, str(value), case)


def near_misses(cases: Sequence[Case]) -> Iterator[FalseCase]:
    """Yield false values that stand in the old span themselves, so that no check of words alone can refuse them.

    They are names with the first or last letter dropped, and other records of the same kind that the span names.
    """
    for case in cases:
        citation = unread(case.citation)
        if case.rule.kind == FieldKind.NAME and len(name := str(case.value)) > 2:
            for short in (name[1:], name[:-1]):
                yield FalseCase("near", "a letter dropped", replace(case, value=short, citation=citation), short, case)
        elif case.rule.kind == FieldKind.REFERENCE:
            own = {(named.label, named.key) for named in case.context.targets}
            for rival in case.context.rivals:
                if (rival.label, rival.key) not in own and any(name in case.words for name in rival.names):
                    false = replace(case, context=replace(case.context, targets=(rival,)), citation=citation)
                    yield FalseCase("near", "a rival in the span", false, "/".join(rival.names), case)


def unread(citation: Citation) -> Citation:
    """Return the citation as offered again: with no note of a reader."""
    return Citation(article=citation.article, start=citation.start, end=citation.end)


def _values(case: Case, chance: random.Random, strangers: "Strangers") -> Iterator[tuple[str, object]]:
    kind, value = case.rule.kind, case.value
    if kind == FieldKind.NUMBER:
        number = Decimal(str(value))
        yield from (("one more", number + 1), ("one less", number - 1), ("ten times", number * 10))
    elif kind in (FieldKind.CHOICE, FieldKind.COMPARATOR, FieldKind.UNIT):
        yield from (("another choice", choice) for choice in case.rule.choices if choice != value)
    elif kind == FieldKind.DATE and isinstance(value, dict):
        yield from ((how, {**value, "value": edtf}) for how, edtf in _dates(str(value["value"])))
    elif kind in (FieldKind.NAME, FieldKind.TEXT):
        name, place = str(value), chance.randrange(len(str(value)))
        letter = chance.choice([char for char in STRANGE if char not in name])
        yield "a letter changed", name[:place] + letter + name[place + 1 :]
        yield "a letter added", name[:place] + letter + name[place:]
        if kind == FieldKind.NAME and (other := strangers.another_name(case, chance)):
            yield "another record's name", other


def _dates(edtf: str) -> Iterator[tuple[str, str]]:
    """Yield an EDTF date that is off by a day, a month and a year, and in precision; of an interval its ends."""
    first, slash, last = edtf.partition("/")
    for place, part in enumerate((first, last) if slash else (first,)):
        if not part.strip("."):
            continue
        for how, other in _parts(part):
            yield how, (f"{other}/{last}" if place == 0 else f"{first}/{other}") if slash else other


def _parts(part: str) -> Iterator[tuple[str, str]]:
    day, _last = bounds(part)
    assert day is not None
    if len(part) == 10:
        yield "a day off", (day + timedelta(days=1)).isoformat()
        yield "less precise", part[:7]
    if len(part) >= 7:
        month = day.replace(day=1) + timedelta(days=32)
        yield "a month off", month.isoformat()[:7] + part[7:]
    yield "a year off", f"{day.year + 1}{part[4:]}"
    if len(part) < 10:
        yield "more precise", f"{part}-{'15' if len(part) == 7 else '06'}"
    if len(part) == 7:
        yield "less precise", part[:4]


class Strangers:
    """Other records and names, drawn at random for each case."""

    def __init__(self, cases: Sequence[Case], chance: random.Random) -> None:
        labels = {named.label: None for case in cases for named in case.context.targets}
        models = {label: cast("type[Citable]", apps.get_model(label)) for label in labels}
        keys = {label: sorted(model._base_manager.values_list("pk", flat=True)) for label, model in models.items()}
        self._drawn: dict[int, tuple[type[Citable], int]] = {}
        wanted: dict[type[Citable], set[int]] = {model: set() for model in models.values()}
        for case in cases:
            own = {named.key for named in case.context.targets}
            label = next((named.label for named in case.context.targets), "")
            if label and (key := chance.choice(keys[label])) not in own:
                self._drawn[id(case)] = models[label], key
                wanted[models[label]].add(key)
        self._register = Register(wanted, {case.citation.article_id for case in cases})
        self._names: dict[str, list[str]] = defaultdict(list)
        for case in cases:
            if case.rule.kind == FieldKind.NAME:
                self._names[case.rule.model].append(str(case.value))

    def another(self, case: Case) -> Named | None:
        """Return the record that was drawn for a reference, which does not point at it."""
        if id(case) not in self._drawn:
            return None
        return self._register.named(case.citation.article_id, *self._drawn[id(case)])

    def another_name(self, case: Case, chance: random.Random) -> str | None:
        """Return the name of another record of the same kind."""
        names = [name for name in self._names[case.rule.model] if name != case.value]
        return chance.choice(names) if names else None


def sample(false: Iterable[FalseCase], number: int) -> list[FalseCase]:
    """Return what the n-th test tries of false values: all in a full run, otherwise SAMPLE, of each group as many."""
    groups: dict[str, list[FalseCase]] = defaultdict(list)
    for each in false:
        groups[each.group].append(each)
    chosen: list[FalseCase] = []
    for group in groups.values():
        random.Random(21).shuffle(group)  # noqa: S311 - no secret
        chosen += share(number, group, max(1, len(group) * len(groups) // SAMPLE))
    return chosen


def shares(false: Sequence[FalseCase]) -> Mapping[str, tuple[int, int]]:
    """Return how many false values of each group are refused, and how many there are."""
    counts: dict[str, Any] = defaultdict(lambda: (0, 0))
    for each in false:
        refused, total = counts[each.group]
        counts[each.group] = refused + (not each.passes), total + 1
    return dict(counts)
