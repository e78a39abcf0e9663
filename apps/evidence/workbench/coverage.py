"""The coverage of an article by the registry: its findings, and the citations or marks that cover each of them.

A finding is **covered** when every character of it lies in a citation or a mark of the article, whatever record the
citation is for: a known name, above all, may stand in a sentence that is cited for another record. A **value** is
covered when a citation of any article supports the field of the record; looked at are the records that rest on the
article. Divisions are left out, because their values come from the gazetteer; so are values that nobody gave: defaults,
keys, and what is computed.

The queries stand in the second half; their number depends on how many kinds of record there are, not on how many rows.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import floor
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import connection
from django.db.models import ManyToManyField, Q

from apps.common.models.records import Citable, Fact, citable_models
from apps.common.models.targets import Target, model_of
from apps.common.rules.territory import KEEPER
from apps.common.serializers.targets import load_targets
from apps.evidence.fixtures.files import given_names
from apps.evidence.models import Article, ArticleText, Citation, Figure
from apps.evidence.workbench.scanner import KINDS, Finding, scan
from apps.registry.models import Neighbourhood
from apps.registry.models.divisions import Division

VALUE = "value"

# Values ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CoveringSpan:
    """A citation or a mark that covers text: its span, its address, and its record or reason."""

    start: int
    end: int
    resource: str
    key: str
    record: Target | None = None
    reason: str = ""


@dataclass(frozen=True)
class Covered:
    """A finding with the citations and marks that together cover it; it is false if there are none."""

    finding: Finding
    citations: tuple[CoveringSpan, ...] = ()
    marks: tuple[CoveringSpan, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.citations or self.marks)


@dataclass(frozen=True)
class Stated:
    """A value of a record, and whether a citation supports it."""

    record: Target
    field: str
    supported: bool


@dataclass(frozen=True)
class Tally:
    """A number of findings or values, and the number of those that are covered."""

    total: int = 0
    covered: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.total + other.total, self.covered + other.covered)

    @property
    def percent(self) -> float:
        """The share covered, rounded down, so that 100 means all of them; 100 where there is nothing to cover."""
        return floor(1000 * self.covered / self.total) / 10 if self.total else 100.0


@dataclass(frozen=True)
class Coverage:
    """The findings and values of an article with their coverage. Without an attached text there are no findings."""

    article: Article
    text_attached: bool
    findings: list[Covered]
    values: list[Stated]

    @property
    def values_without_evidence(self) -> list[Stated]:
        """The values that no citation supports."""
        return [value for value in self.values if not value.supported]

    @property
    def tallies(self) -> dict[str, Tally]:
        """The counts by kind; those of findings are there only with a text."""
        counts: dict[str, Tally] = {}
        for kind in KINDS if self.text_attached else ():
            found = [item for item in self.findings if item.finding.kind == kind]
            counts[kind] = Tally(len(found), sum(map(bool, found)))
        return {**counts, VALUE: Tally(len(self.values), len(self.values) - len(self.values_without_evidence))}


def is_covered(finding: Finding, stretches: Iterable[tuple[int, int]]) -> bool:
    """Return whether each character of a finding lies in one of the stretches of text."""
    reached = finding.start
    for start, end in sorted(stretches):
        if start > reached:
            break
        reached = max(reached, end)
    return reached >= finding.end


def cover(
    findings: Iterable[Finding], citations: Iterable[CoveringSpan], marks: Iterable[CoveringSpan]
) -> list[Covered]:
    """Return each finding with the citations and marks that cover it."""
    spans: dict[tuple[int, int], tuple[list[CoveringSpan], list[CoveringSpan]]] = defaultdict(lambda: ([], []))
    for position, group in enumerate((citations, marks)):
        for span in group:
            spans[span.start, span.end][position].append(span)
    stretches = sorted(spans)
    starts = [start for start, _end in stretches]
    covered = []
    for finding in findings:
        near = [s for s in stretches[: bisect_left(starts, finding.end)] if s[1] > finding.start]
        # One that holds the whole finding is enough; those that hold parts of it cover it only together.
        whole = [s for s in near if s[0] <= finding.start and finding.end <= s[1]]
        holding = whole or (near if is_covered(finding, near) else [])
        cited, marked = (tuple(span for s in holding for span in spans[s][position]) for position in (0, 1))
        covered.append(Covered(finding, cited, marked))
    return covered


# Queries ----------------------------------------------------------------------------------------------------


def known_names(*, published_only: bool = False) -> Mapping[str, Sequence[str]]:
    """Return all names and aliases in the registry, each with the records that it can mean.

    They are read again only when they are others than last time, as a digest tells that the database makes of them.
    Stamps of time would not do: an older one can become visible later.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(hashtextextended(concat_ws('/', resource, key, name), 0)) FROM"  # noqa: S608 - see there
            f" ({_names_sql(published_only)}) AS names"
        )
        count, digest = cursor.fetchone()
    return _names(published_only, count, digest)


@lru_cache(maxsize=2)
def _names(published_only: bool, count: int, digest: object) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_names_sql(published_only))
        for resource, key, name in sorted(cursor.fetchall()):
            names[name].append(f"{resource}/{key}")
    return dict(names)


@cache
def _names_sql(published_only: bool) -> str:
    """Return the query for all names that are looked for, as resource, key and name.

    The names of figures are the registry's own words, and an article's title stands above its text.
    """
    quote = connection.ops.quote_name
    selects = []
    for resource, model in citable_models().items():
        columns = {field.name: quote(str(field.column)) for field in model._meta.concrete_fields}
        for name in ("name", "as_written"):
            if name in columns and model is not Figure:
                is_asked = published_only and issubclass(model, Fact)
                published = " AND state = 'published'" if is_asked else ""
                if is_asked and model.workflow is not None:
                    published += " AND is_public"
                selects.append(
                    f"SELECT '{resource}' AS resource, {columns[model.key_field]} AS key, {columns[name]} AS name"  # noqa: S608 - from models
                    f" FROM {quote(model._meta.db_table)} WHERE {columns[name]} <> ''{published}"
                )
    return " UNION ALL ".join(selects)


def scan_body(body: str, *, published_only: bool = False) -> list[Finding]:
    """Return the findings of a body, with all names that the registry knows."""
    return scan(body, known_names(published_only=published_only))


def examine(article: Article, *, published_only: bool = False) -> Coverage:
    """Return the coverage of an article; with `published_only`, drafts do not count."""
    columns = ("start", "end", "slug", "content_type_id", "object_id")
    rows = list(article.citation_spans.order_by("start", "end", "slug").values_list(*columns, named=True))
    targets = load_targets(((row.content_type_id, row.object_id) for row in rows), None if published_only else KEEPER)
    values = list(_values(targets))
    text = ArticleText.objects.select_related("article").filter(article=article).first()
    if text is None:
        return Coverage(article, False, [], values)
    citations = [
        CoveringSpan(row.start, row.end, Citation.resource, row.slug, record=record)
        for row in rows
        if (record := targets.get((row.content_type_id, row.object_id)))
    ]
    marks = [CoveringSpan(m.start, m.end, m.resource, m.key, reason=m.reason) for m in article.mark_spans.all()]
    findings = scan_body(text.body, published_only=published_only)
    return Coverage(article, True, cover(findings, citations, marks), values)


def _values(targets: dict[tuple[int, int], Target]) -> Iterator[Stated]:
    """Yield the values of records, by content type and primary key, that somebody gave."""
    keys: dict[int, list[int]] = defaultdict(list)
    for content_type_id, pk in targets:
        keys[content_type_id].append(pk)
    supported = _supported(keys)
    for content_type_id, pks in keys.items():
        model = model_of(content_type_id)
        for pk, given in _given(model, pks):
            identity = (content_type_id, pk)
            for name in given:
                yield Stated(targets[identity], name, name in supported[identity])


def _supported(keys: dict[int, list[int]]) -> dict[tuple[int, int], set[str]]:
    """Return the fields of records that citations of any article support."""
    wanted = Q(pk__in=[])
    for content_type_id, pks in keys.items():
        wanted |= Q(content_type=content_type_id, object_id__in=pks)
    supported: dict[tuple[int, int], set[str]] = defaultdict(set)
    rows = Citation.objects.filter(wanted).order_by()
    for content_type_id, pk, fields in rows.values_list("content_type_id", "object_id", "supports"):
        supported[content_type_id, pk].update(fields)
    return supported


def _given(model: type[Citable], pks: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Yield the primary keys of rows, each with the names of the fields that need a source and are not empty."""
    rows = model._base_manager.filter(pk__in=pks).order_by("pk")
    if issubclass(model, Division):
        if model is not Neighbourhood:
            return
        rows = rows.filter(Q(kind=Neighbourhood.Kind.ESTATE))
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in given_names(model)}
    many = {name: _linked(field, pks) for name, field in fields.items() if isinstance(field, ManyToManyField)}
    single = {name: field for name, field in fields.items() if name not in many}
    # A generic foreign key has no column of its own and is given where its key is.
    columns = ["object_id" if isinstance(field, GenericForeignKey) else field.attname for field in single.values()]
    empty: list[tuple[object, ...]] = [("", None, [], field.get_default()) for field in single.values()]
    for pk, *values in rows.values_list("pk", *columns):
        given = [name for name, value, nothing in zip(single, values, empty, strict=True) if value not in nothing]
        if "name_given" in given:  # by the registry itself: neither needs a source
            given = [name for name in given if name not in ("name", "name_given")]
        yield pk, [*given, *(name for name in many if pk in many[name])]


def _linked(field: Any, pks: Sequence[int]) -> set[int]:
    """Return those of the rows that a many-to-many relation links to any row."""
    column = field.m2m_field_name()
    through = field.remote_field.through._default_manager
    return set(through.filter(**{f"{column}__in": pks}).values_list(f"{column}_id", flat=True))
