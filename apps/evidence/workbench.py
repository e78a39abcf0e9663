"""The article workbench: an article's text beside what the registry makes of it.

Here is what the page shows: `Bench`, the text cut at all boundaries of what is known about it, and `Panel`, what is
known about one stretch of it and what can be done there. The views are in `admin_views.py`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Value
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.admin_forms import RecordForm
from apps.common.fields import EDTFField
from apps.common.models import Citable, Fact, Target, citable_models, clean_q, load_targets
from apps.evidence import coverage, spans
from apps.evidence.fixtures import given_names
from apps.evidence.models import Article, Citation, Mark
from apps.evidence.models.spans import Span
from apps.evidence.scanner import Finding
from apps.evidence.wording import resolve

# What is drawn alike: colour and line stand for a family of kinds.
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
# What a finding most often turns out to be.
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
        if not issubclass(model, (Article, Span)) and admin.site.is_registered(model)
    }


def family(model: type[Citable]) -> str:
    """Return the family of kinds to which a model belongs."""
    return FAMILIES.get(model.resource) or FAMILIES_BY_APP[model._meta.app_label]


def _dates(model: type[Citable]) -> list[EDTFField]:
    return [f for f in model._meta.concrete_fields if isinstance(f, EDTFField)]


def find(path: str, user: Any) -> Citable | None:
    """Return the record of a path such as alliances/wujiaochang-zhen-lianxihui, if the user sees it."""
    resource, _slash, key = path.partition("/")
    model = kinds().get(resource)
    if model is None or "\0" in key:
        return None
    found: Citable | None = model._default_manager.visible_to(user).filter(**{model.key_field: key}).first()
    return found


def field_label(model: type[Citable], name: str) -> str:
    """Return the label of a field; a generic foreign key has none but its name."""
    return label_of(str(getattr(model._meta.get_field(name), "verbose_name", _("subject"))))


def label_of(name: str) -> str:
    """Return a label as a heading: with a capital where the language has them."""
    return name[:1].upper() + name[1:]


# What the text holds --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A record that a known name can mean."""

    path: str
    kind: str
    key: str
    column: str


@dataclass(frozen=True)
class Place:
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
    """A stretch between two boundaries, and the places that it lies in, the narrowest first."""

    start: int
    end: int
    text: str
    places: Sequence[Place]

    @property
    def kinds(self) -> str:
        return " ".join(dict.fromkeys(place.kind for place in self.places))

    @property
    def whole(self) -> Place:
        """The narrowest place, which is what a click means."""
        return self.places[0]

    @property
    def description(self) -> str:
        return "; ".join(
            f"{place.label}: {place.target.name}" if place.target else place.label for place in self.places
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
    """All that is shown of one article. It costs the same number of queries whatever the article holds."""

    def __init__(self, article: Article, user: Any) -> None:
        self.article = article
        self.user = user
        self.body: str = article.text.body

    @cached_property
    def statements(self) -> list[Citation]:
        rows: Any = self.article.citation_spans
        return list(rows.visible_to(self.user).order_by("start", "end", "slug"))

    @cached_property
    def marks(self) -> list[Mark]:
        return list(self.article.mark_spans.order_by("start", "end"))

    @cached_property
    def targets(self) -> dict[tuple[int, int], Target]:
        targets = load_targets((row.content_type_id, row.object_id) for row in self.statements)
        return {**targets, **_named(key for key, target in targets.items() if not target.name)}

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
        model: Any = ContentType.objects.get_for_id(content_type).model_class()
        target = self.targets[content_type, pk]
        path = f"{target.resource}/{target.key}"
        return Draft(path, label_of(model._meta.verbose_name), target.name, _page(model, pk))

    @cached_property
    def places(self) -> list[Place]:
        return [*map(self._cited, self.statements), *map(self._marked, self.marks), *self._open()]

    def _cited(self, row: Citation) -> Place:
        model: Any = ContentType.objects.get_for_id(row.content_type_id).model_class()
        target = self.targets.get((row.content_type_id, row.object_id))
        return Place(
            row.start,
            row.end,
            model.resource,
            family(model),
            label_of(model._meta.verbose_name),
            self.body[row.start : row.end],
            url=_page(Citation, row.pk),
            target=target,
            target_url=_page(model, row.object_id),
            fields=[field_label(model, name) for name in row.supports],
            is_draft=(row.content_type_id, row.object_id) in self.draft_keys,
        )

    def _marked(self, row: Mark) -> Place:
        label = _("No fact: %s") % row.get_reason_display()
        url = _page(Mark, row.pk) if admin.site.is_registered(Mark) else ""
        return Place(row.start, row.end, "mark", "mark", label, self.body[row.start : row.end], url=url)

    def _open(self) -> Iterator[Place]:
        covered = sorted((row.start, row.end) for row in (*self.statements, *self.marks))
        for found in self.findings:
            if not coverage.is_covered(found, covered):
                kind = f"open-{found.kind}"
                yield Place(found.start, found.end, kind, kind, str(OPEN[found.kind]), found.text, finding=found)

    @property
    def proposals(self) -> list[Place]:
        return [place for place in self.places if place.finding]

    @property
    def paragraphs(self) -> list[list[Piece]]:
        places = self.places
        bounds = [(place.start, place.end) for place in places]
        return [
            [
                Piece(left, right, self.body[left:right], [places[number] for number in numbers])
                for left, right, numbers in spans.pieces(start, end, bounds)
            ]
            for start, end in spans.paragraphs(self.body)
        ]

    @property
    def legend(self) -> list[Option]:
        counts = Counter((place.kind, place.family) for place in self.places)
        options = [
            Option(name, family(model), label_of(str(model._meta.verbose_name)), counts[name, family(model)])
            for name, model in kinds().items()
            if counts[name, family(model)]
        ]
        options.append(Option("mark", "mark", _("No fact"), counts["mark", "mark"]))
        for name, label in OPEN.items():
            options.append(Option(f"open-{name}", f"open-{name}", label_of(str(label)), counts[(f"open-{name}",) * 2]))
        return options

    def at(self, start: int, end: int) -> list[Place]:
        """Return the places that touch a stretch, the narrowest first."""
        touching = [place for place in self.places if place.start < end and place.end > start]
        return sorted(touching, key=lambda place: (place.end - place.start, place.start))


def _named(keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Target]:
    """Return records that have no name of their own with what they are called all the same; one query a kind."""
    by_kind = defaultdict(list)
    for content_type, pk in keys:
        by_kind[content_type].append(pk)
    named = {}
    for content_type, pks in by_kind.items():
        model: Any = ContentType.objects.get_for_id(content_type).model_class()
        related: Any = admin.site.get_model_admin(model).list_select_related or ()
        for record in model._default_manager.select_related(*related).filter(pk__in=pks):
            named[content_type, record.pk] = Target(model.resource, record.key, str(record))
    return named


def _page(model: Any, pk: int) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


# Forms ----------------------------------------------------------------------------------------------------------------


class SpanForm(RecordForm):
    """A stretch of the text; its digest is computed."""

    def __init__(self, *args: Any, bench: Bench, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bench = bench
        self.instance.article = bench.article
        for name in ("start", "end"):
            self.fields[name].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"start", "end"} <= cleaned.keys():
            self.instance.sha256 = spans.digest(self.bench.body[cleaned["start"] : cleaned["end"]])
        return cleaned


class CiteForm(SpanForm):
    """A citation of a stretch for one record."""

    record = forms.CharField(max_length=300, widget=forms.HiddenInput())
    supports = forms.MultipleChoiceField(label=gettext_lazy("What does it say?"), widget=forms.CheckboxSelectMultiple())

    class Meta:
        model = Citation
        fields = ["start", "end", "supports"]

    def __init__(self, *args: Any, target: Citable | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.target = target
        if target:
            choices = [(name, field_label(type(target), name)) for name in given_names(type(target))]
            self.fields["supports"].choices = choices  # type: ignore[attr-defined]

    def clean_record(self) -> str:
        if self.target is None:
            raise ValidationError(_("There is no such record."))
        return str(self.cleaned_data["record"])

    def clean(self) -> dict[str, Any]:
        if self.target:
            self.instance.record = self.target
        return super().clean()


class MarkForm(SpanForm):
    """A mark that a stretch states no fact."""

    class Meta:
        model = Mark
        fields = ["start", "end", "reason", "note"]


# The selection --------------------------------------------------------------------------------------------------------


class Panel:
    """What is shown and offered about the chosen stretch of the text."""

    def __init__(self, bench: Bench, request: HttpRequest, data: Any) -> None:
        self.bench = bench
        self.request = request
        self.is_chosen = "start" in data
        length = len(bench.body)
        self.start = min(_number(data.get("start")), max(length - 1, 0))
        self.end = min(max(_number(data.get("end")), self.start + 1), length)
        if data.get("widen") in ("sentence", "paragraph"):
            self.start, self.end = getattr(spans, data["widen"])(bench.body, self.start, self.end)
        self.kind = data.get("kind", "") if data.get("kind") in kinds() else ""
        self.path = data.get("record", "")
        self.cite_form: CiteForm | None = None
        if record := find(self.path, self.request.user) if self.path else None:
            initial = {"start": self.start, "end": self.end, "record": self.path, "supports": [record.name_field]}
            self.cite_form = CiteForm(bench=bench, target=record, initial=initial)
        self.mark_form = MarkForm(bench=bench, initial={"start": self.start, "end": self.end})
        self.query = data.get("q", self.name)[:100].replace("\0", "")

    @property
    def text(self) -> str:
        return self.bench.body[self.start : self.end]

    @property
    def quotation(self) -> spans.Quotation:
        return spans.quote(self.bench.body, self.start, self.end, max(self.end - self.start, 0) + CONTEXT)

    @property
    def name(self) -> str:
        """What in the stretch is most likely a name."""
        text = self.text.strip(" \u3000“”‘’《》「」『』,。，;；:：、")
        if self.finding and self.finding.kind == "date":
            return ""
        if len(text) <= LONGEST_NAME and "\n" not in text:
            return text
        quoted = [found.text for found in self.inside if found.kind in ("quoted", "name")]
        return next((name for name in quoted if len(name) <= LONGEST_NAME), "")

    @cached_property
    def inside(self) -> list[Finding]:
        """The findings within the stretch."""
        return [found for found in self.bench.findings if self.start <= found.start and found.end <= self.end]

    @property
    def places(self) -> list[Place]:
        return self.bench.at(self.start, self.end) if self.is_chosen else []

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(name, label_of(str(model._meta.verbose_name))) for name, model in kinds().items()]

    @property
    def new_kinds(self) -> list[tuple[str, str]]:
        """The kinds that can be made here: divisions come from the gazetteer."""
        return [
            (name, label_of(str(model._meta.verbose_name)))
            for name, model in kinds().items()
            if issubclass(model, Fact) and admin.site.get_model_admin(model).has_add_permission(self.request)
        ]

    @property
    def usual_kind(self) -> str:
        return USUAL_KIND.get(self.finding.kind, "member-units") if self.finding else "member-units"

    @property
    def finding(self) -> Finding | None:
        """The finding that the stretch is."""
        return next((found for found in self.inside if (found.start, found.end) == (self.start, self.end)), None)

    @property
    def results(self) -> list[tuple[str, str, str, str]]:
        """Records that bear the name searched for: path, family, kind and label, the nearest names first."""
        if not self.is_chosen or not clean_q(self.query):
            return []
        found = []
        for resource, model in kinds().items():
            page: Any = admin.site.get_model_admin(model)
            if (self.kind and resource != self.kind) or not page.has_view_permission(self.request):
                continue
            rows = model._default_manager.visible_to(self.request.user).select_related(
                *(page.list_select_related or ())
            )
            matches, _duplicates = page.get_search_results(self.request, rows, self.query)
            for record in matches[: FOUND_PER_KIND * (4 if self.kind else 1)]:
                label = page.option_label(record)
                distance = (str(record) != self.query, self.query not in label, len(label))
                found.append(
                    (distance, (f"{resource}/{record.key}", family(model), str(model._meta.verbose_name), label))
                )
        return [row for _distance, row in sorted(found, key=lambda pair: pair[0])[:20]]

    def new_address(self, resource: str) -> str:
        """Return the address of the form that adds a record of a kind, with what the text says filled in."""
        if resource not in dict(self.new_kinds):
            raise Http404
        model = kinds()[resource]
        own = {f.name: f for f in model._meta.concrete_fields}
        values: dict[str, str] = {name: self.name for name in ("name", "as_written") if name in own and self.name}
        if "as_written" in values:
            values["as_written"] = self.text[: own["as_written"].max_length]
        if "value" in own and (number := re.match(r"[0-9.]+", self.text.replace(",", ""))):
            values["value"] = number[0]
        supported = [name for name in values if name in given_names(model)]
        if (dates := _dates(model)) and (wording := self.date_wording):
            date = dates[0].name
            values |= self._date_values(date, wording)
            supported.append(date)
        citation = {
            "article": self.bench.article.pk,
            "start": self.start,
            "end": self.end,
            "sha256": spans.digest(self.text),
            "supports": ",".join(supported),
        }
        values |= {f"citation_{name}": str(value) for name, value in citation.items()}
        return f"{reverse(f'admin:{model._meta.app_label}_{model._meta.model_name}_add')}?{urlencode(values)}"

    @property
    def date_wording(self) -> str:
        """The words for a date in the stretch or, failing that, in the sentence around it."""
        start, end = spans.sentence(self.bench.body, self.start, self.end)
        dates = [found for found in self.bench.findings if found.kind == "date"]
        near = [found for found in dates if start <= found.start and found.end <= end]
        return next((found.text for found in (*(f for f in self.inside if f.kind == "date"), *near)), "")

    def _date_values(self, date: str, wording: str) -> dict[str, str]:
        if absolute := re.fullmatch(r"(\d{4})年(?:(\d{1,2})月)?(?:(\d{1,2})[日号])?", wording):
            year, *rest = absolute.groups()
            return {date: "-".join([year, *(part.zfill(2) for part in rest if part)]), f"{date}_wording": wording}
        issued = self.bench.article.issued_on
        meaning = resolve(wording, issued) or ""
        return {date: meaning, f"{date}_wording": wording, f"{date}_relative_to": issued if meaning else ""}


def _number(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,7}", text) else 0
