"""The article workbench: an article's text beside what the registry makes of it.

`Bench` is the content of the page: the text, cut at the boundaries of citations, marks and findings. `panel.py` has the
stretch that was chosen, and `admin_views.py` the views.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Value
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.models.records import Citable, citable_models
from apps.common.models.row_names import field_label
from apps.common.models.targets import Target, model_of
from apps.common.rules.territory import Reader
from apps.common.serializers.targets import load_targets
from apps.common.values.columns import EDTFField
from apps.evidence import spans
from apps.evidence.fixtures.files import given_names
from apps.evidence.models import Article, Citation, Mark
from apps.evidence.models.evidence import Evidence
from apps.evidence.models.spans import Span
from apps.evidence.workbench import coverage
from apps.evidence.workbench.scanner import Finding

# Kinds of one family are drawn alike, by colour and line.
FAMILIES = {
    "member-units": "unit",
    "unit-names": "unit",
    "identifiers": "unit",
    "merges": "unit",
    "alliances": "alliance",
    "memberships": "alliance",
    "venues": "venue",
    "venue-services": "venue",
    "figures": "figure",
}
FAMILIES_BY_APP = {"registry": "place", "projects": "project", "events": "event", "assessments": "assessment"}
OPEN = {
    "name": gettext_lazy("known name, not cited"),
    "numeral": gettext_lazy("numeral, not covered"),
    "date": gettext_lazy("date, not covered"),
    "quoted": gettext_lazy("quoted, not covered"),
}
# The kind of record that a finding most often turns out to be.
USUAL_KIND = {"numeral": "figures", "date": "events", "quoted": "projects"}
FOUND_PER_KIND = 5
OFFERED = 4
CONTEXT = 60
LONGEST_NAME = 40


def kinds() -> dict[str, type[Citable]]:
    """Return the kinds of record that can be cited for, by the name of their resource."""
    return {
        name: model
        for name, model in citable_models().items()
        if not issubclass(model, (Article, Span, Evidence)) and admin.site.is_registered(model)
    }


def family(model: type[Citable]) -> str:
    """Return the family of kinds to which a model belongs."""
    return FAMILIES.get(model.resource) or FAMILIES_BY_APP[model._meta.app_label]


def edtf_fields(model: type[Citable]) -> list[EDTFField]:
    return [f for f in model._meta.concrete_fields if isinstance(f, EDTFField)]


def find(path: str, user: Reader) -> Citable | None:
    """Return the record of a path such as alliances/wujiaochang-zhen-lianxihui, if the user sees it."""
    resource, _slash, key = path.partition("/")
    model = kinds().get(resource)
    if model is None or "\0" in key:
        return None
    found: Citable | None = model._default_manager.visible_to(user).filter(**{model.key_field: key}).first()
    return found


def label_of(name: str) -> str:
    """Return a label as a heading: with a capital where the language has them."""
    return name[:1].upper() + name[1:]


# Stretches of the text ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A record that a known name can mean."""

    path: str
    kind: str
    key: str
    column: str


@dataclass(frozen=True)
class Stretch:
    """A stretch of the body that something is known about: a citation, a mark, or a finding that nothing covers."""

    start: int
    end: int
    kind: str  # a resource, "mark", or "open-" and the kind of finding
    family: str
    label: str
    text: str
    url: str = ""
    target: Target | None = None
    target_url: str = ""
    fields: Sequence[str] = ()
    is_draft: bool = False
    finding: Finding | None = None

    @property
    def usual_kind(self) -> str:
        """The kind of record that such a finding most often turns out to be."""
        return USUAL_KIND.get(self.finding.kind, "member-units") if self.finding else "member-units"

    @property
    def usual_label(self) -> str:
        return label_of(str(kinds()[self.usual_kind]._meta.verbose_name))

    @property
    def records(self) -> list[Known]:
        """The records that a known name can mean, those that bear it as their own first."""
        found = []
        for path in self.finding.records if self.finding else ():
            resource, _slash, key = path.partition("/")
            model = kinds().get(resource)
            if model:
                column = "as_written" if "as_written" in given_names(model) else "name"
                found.append(Known(path, label_of(str(model._meta.verbose_name)), key, column))
        return sorted(found, key=lambda known: known.column != "name")[:OFFERED]


@dataclass(frozen=True)
class Piece:
    """A stretch between two boundaries, and the stretches that it lies in, the narrowest first."""

    start: int
    end: int
    text: str
    stretches: Sequence[Stretch]

    @property
    def kinds(self) -> str:
        return " ".join(dict.fromkeys(stretch.kind for stretch in self.stretches))

    @property
    def whole(self) -> Stretch:
        """The narrowest stretch, which is what a click means."""
        return self.stretches[0]

    @property
    def description(self) -> str:
        return "; ".join(
            f"{stretch.label}: {stretch.target.name}" if stretch.target else stretch.label for stretch in self.stretches
        )


@dataclass
class Option:
    """A kind in the legend."""

    kind: str
    family: str
    label: str
    count: int


@dataclass
class Draft:
    """A draft that the article supports."""

    value: str
    label: str
    name: str
    url: str


class Bench:
    """The content of the page of one article. It costs the same number of queries whatever the article holds."""

    def __init__(self, article: Article, user: Reader) -> None:
        self.article = article
        self.user = user
        self.body: str = article.text.body

    @cached_property
    def statements(self) -> list[Citation]:
        return list(self.article.citation_spans.visible_to(self.user).order_by("start", "end", "slug"))

    @cached_property
    def marks(self) -> list[Mark]:
        return list(self.article.mark_spans.order_by("start", "end"))

    @cached_property
    def targets(self) -> dict[tuple[int, int], Target]:
        return load_targets(((row.content_type_id, row.object_id) for row in self.statements), self.user)

    @cached_property
    def findings(self) -> list[Finding]:
        return coverage.scan_body(self.body)

    @cached_property
    def draft_keys(self) -> set[tuple[int, int]]:
        """The drafts among the cited records, all found in one query."""
        selects = []
        for model, drafts in Citation.objects.hidden_records(None):
            kind = ContentType.objects.get_for_model(model).pk
            keys = [row.object_id for row in self.statements if row.content_type_id == kind]
            if keys:
                selects.append(drafts.filter(pk__in=keys).order_by().values_list(Value(kind), "pk"))
        return set(selects[0].union(*selects[1:])) if selects else set()

    @cached_property
    def drafts(self) -> list[Draft]:
        found = {}
        for row in self.statements:
            key = (row.content_type_id, row.object_id)
            if key in self.draft_keys and key in self.targets:
                found[key] = self._draft(*key)
        return list(found.values())

    def _draft(self, content_type: int, pk: int) -> Draft:
        model = model_of(content_type)
        target = self.targets[content_type, pk]
        path = f"{target.resource}/{target.key}"
        return Draft(path, label_of(str(model._meta.verbose_name)), target.name, _page(model, pk))

    @cached_property
    def stretches(self) -> list[Stretch]:
        return [*map(self._cited, self.statements), *map(self._marked, self.marks), *self._open()]

    def _cited(self, row: Citation) -> Stretch:
        model = model_of(row.content_type_id)
        target = self.targets.get((row.content_type_id, row.object_id))
        return Stretch(
            row.start,
            row.end,
            model.resource,
            family(model),
            label_of(str(model._meta.verbose_name)),
            self.body[row.start : row.end],
            url=_page(Citation, row.pk),
            target=target,
            target_url=_page(model, row.object_id),
            fields=[label_of(field_label(model, name)) for name in row.supports],
            is_draft=(row.content_type_id, row.object_id) in self.draft_keys,
        )

    def _marked(self, row: Mark) -> Stretch:
        label = _("No fact: %s") % row.get_reason_display()
        url = _page(Mark, row.pk) if admin.site.is_registered(Mark) else ""
        return Stretch(row.start, row.end, "mark", "mark", label, self.body[row.start : row.end], url=url)

    def _open(self) -> Iterator[Stretch]:
        covered = sorted((row.start, row.end) for row in (*self.statements, *self.marks))
        for found in self.findings:
            if not coverage.is_covered(found, covered):
                kind = f"open-{found.kind}"
                yield Stretch(found.start, found.end, kind, kind, str(OPEN[found.kind]), found.text, finding=found)

    @property
    def proposals(self) -> list[Stretch]:
        return [stretch for stretch in self.stretches if stretch.finding]

    @property
    def paragraphs(self) -> list[list[Piece]]:
        stretches = self.stretches
        bounds = [(stretch.start, stretch.end) for stretch in stretches]
        return [
            [
                Piece(left, right, self.body[left:right], [stretches[number] for number in numbers])
                for left, right, numbers in spans.pieces(start, end, bounds)
            ]
            for start, end in spans.paragraphs(self.body)
        ]

    @property
    def legend(self) -> list[Option]:
        counts = Counter((stretch.kind, stretch.family) for stretch in self.stretches)
        options = [
            Option(name, family(model), label_of(str(model._meta.verbose_name)), counts[name, family(model)])
            for name, model in kinds().items()
            if counts[name, family(model)]
        ]
        options.append(Option("mark", "mark", _("No fact"), counts["mark", "mark"]))
        for name, label in OPEN.items():
            options.append(Option(f"open-{name}", f"open-{name}", label_of(str(label)), counts[(f"open-{name}",) * 2]))
        return options

    def at(self, start: int, end: int) -> list[Stretch]:
        """Return the stretches that touch a part of the body, the narrowest first."""
        touching = [stretch for stretch in self.stretches if stretch.start < end and stretch.end > start]
        return sorted(touching, key=lambda stretch: (stretch.end - stretch.start, stretch.start))


def _page(model: type[Model], pk: int) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
