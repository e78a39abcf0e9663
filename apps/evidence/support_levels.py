"""At which level citations support the fields of their records: rows in, levels out.

What a field is, a `FieldRule` says, derived from the model; how words say a value, `apps.evidence.levels` decides. Here
the rest is looked up, for many citations at once: the values, the names of what references point at, and where the
articles name them. The number of queries depends on how many kinds of record are pointed at, not on how many rows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import translation

from apps.common.models.records import Citable
from apps.common.models.row_names import choice_labels
from apps.common.models.targets import model_of
from apps.common.values.columns import EDTFField
from apps.evidence.levels import Context, FieldKind, FieldRule, Level, Named, check
from apps.evidence.levels.cue_words import CUES
from apps.evidence.levels.cues import Cues
from apps.evidence.levels.verdicts import EXACT, Place, Verdict
from apps.evidence.models import Article, Citation
from apps.registry.models import MemberUnit, UnitName

# A record of a kind, by content type and primary key.
Row = tuple[int, int]
# What a reference points at, and what many-to-many fields will hold.
Aim = tuple[type[Citable], int]
Many = Mapping[str, Sequence[int]]
# So many longer names in which a name stands are looked at.
LONGER_AT_MOST = 50


@dataclass
class Support:
    """What one citation supports: the level of each field, and what the words give instead where they do not."""

    levels: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


# Fields ----------------------------------------------------------------------------------------------------------


@cache
def rule_of(model: type[Citable], name: str) -> FieldRule:
    """Return what a field is to a check. Raises FieldDoesNotExist."""
    found: Any = model._meta.get_field(name)
    choices = tuple(str(value) for value, _label in getattr(found, "flatchoices", None) or ())
    return FieldRule(model._meta.label_lower, name, _kind_of(model, name, found), choices, _terms_of(model, name))


def _terms_of(model: type[Citable], name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the words of a column's choices in Chinese: 已认领 gives 认领, 工作小组（活动小组） gives both."""
    with translation.override("zh-hans"):
        labels = choice_labels(model, name)
    parts = {value: re.split("[、或和与（）等]|(?:的.*)", label) for value, label in labels.items()}
    return tuple((value, tuple(filter(None, map(_term, each)))) for value, each in parts.items())


def _term(label: str) -> str:
    """Return a label without 已, which tells that a state is reached. Labels that were not translated give none."""
    bare = label.strip().removeprefix("已")
    return "" if bare.isascii() else bare


def _kind_of(model: type[Citable], name: str, found: Any) -> FieldKind:
    if name in model.own_words:
        return FieldKind.OWN
    if name in ("comparator", "unit") and found.choices and hasattr(model, "as_written"):
        return FieldKind(name)
    by_type: tuple[tuple[Any, FieldKind], ...] = (
        (EDTFField, FieldKind.DATE),
        (models.BooleanField, FieldKind.TRUTH),
        (models.ManyToManyField, FieldKind.REFERENCES),
        ((models.ForeignKey, GenericForeignKey), FieldKind.REFERENCE),
        (ArrayField, FieldKind.LIST),
        ((models.DecimalField, models.IntegerField, models.FloatField), FieldKind.NUMBER),
    )
    if getattr(found, "flatchoices", None):
        return FieldKind.CHOICE
    default = FieldKind.NAME if name == model.name_field else FieldKind.TEXT
    return next((kind for types, kind in by_type if isinstance(found, types)), default)


def value_of(record: Citable, name: str) -> object:
    """Return the value of a field as a check takes it, of a reference the key; no many-to-many field."""
    found: Any = record._meta.get_field(name)
    if isinstance(found, EDTFField):
        parts = {
            "value": getattr(record, name),
            "wording": getattr(record, f"{name}_wording"),
            "relative_to": getattr(record, f"{name}_relative_to"),
        }
        return {part: text for part, text in parts.items() if text} if parts["value"] else ""
    if isinstance(found, GenericForeignKey):
        return getattr(record, found.fk_field)
    return getattr(record, found.attname)


def _targets_of(record: Citable, name: str) -> list[Aim]:
    """Return what a reference to one record points at, as its model and key."""
    found: Any = record._meta.get_field(name)
    if isinstance(found, GenericForeignKey):
        content_type = getattr(record, f"{found.ct_field}_id")
        return [(model_of(content_type), getattr(record, found.fk_field))] if content_type else []
    key = getattr(record, found.attname)
    return [(cast("type[Citable]", found.related_model), key)] if key else []


def _party_fields(model: type[Citable]) -> tuple[str, ...]:
    """Return the references that say who does what a record tells, or whose name it is."""
    return tuple(name for names in model.parties.values() for name in names) or (("unit",) * (model is UnitName))


# Names and places ------------------------------------------------------------------------------------------------


class Register:
    """The names of records that are pointed at, the places at which articles prove them, and the articles' bodies.

    All of it is one statement: the checks of a write cost little more than its round trip.
    """

    def __init__(
        self, wanted: Mapping[type[Citable], set[int]], articles: Iterable[int], *, bodies: bool = False
    ) -> None:
        self._types = {model: ContentType.objects.get_for_model(model).pk for model in wanted}
        self._places: dict[tuple[int, Row], list[Place]] = defaultdict(list)
        self._cited: dict[tuple[int, int], set[int]] = defaultdict(set)
        self._names: dict[Row, str] = {}
        self._others: dict[Row, set[str]] = defaultdict(set)
        self._sorts: dict[Row, str] = {}
        self._longer: dict[Row, set[int]] = defaultdict(set)
        self._known: dict[tuple[int, Row], Named] = {}
        self.bodies: dict[int, str] = {}
        self._load(wanted, sorted(set(articles)), bodies=bodies)

    def _load(self, wanted: Mapping[type[Citable], set[int]], articles: list[int], *, bodies: bool) -> None:
        models = [model for model in wanted if model.name_field != "slug"]
        parts, values = [PLACES_SQL] if wanted else [], {"articles": articles, "types": list(self._types.values())}
        if bodies:
            parts.append(BODIES_SQL)
        for model in models:
            content_type = self._types[model]
            parts += _names_sql(model, content_type)
            values[f"keys_{content_type}"] = sorted(wanted[model])
        if not parts:
            return
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(f"({part})" for part in parts), values)
            for row in cursor.fetchall():
                self._take(*row)

    def _take(self, what: str, first: int, second: int, third: int, start: int, end: int, text: str, sort: str) -> None:
        if what == "body":
            self.bodies[first] = text
        elif what == "place":
            self._cited[first, second].add(third)
            if text:
                self._places[first, (second, third)].append((start, end))
        else:
            if what == "longer":
                self._longer[first, third].add(second)
            if what == "other":
                self._others[first, second].add(text)
            else:
                self._names[first, second], self._sorts[first, second] = text, sort

    def named(self, article: int, model: type[Citable], pk: int) -> Named:
        """Return a record as an article names it."""
        row = self._types[model], pk
        if (article, row) not in self._known:
            names = ([self._names[row]] if row in self._names else []) + sorted(self._others.get(row, ()))
            places = tuple(sorted(self._places.get((article, row), ())))
            label, sort = model._meta.label_lower, self._sorts.get(row, "")
            self._known[article, row] = Named(label, pk, tuple(names), places, sort)
        return self._known[article, row]

    def rivals(self, article: int, targets: Iterable[Aim]) -> tuple[Named, ...]:
        """Return the records of the targets' kinds that an article names, and those with a longer name than theirs.

        They depend on nothing else that is looked up together with a target.
        """
        found: dict[Aim, None] = {}
        for model, pk in targets:
            content_type = self._types[model]
            keys = self._cited.get((article, content_type), set()) | self._longer.get((content_type, pk), set())
            found |= dict.fromkeys((model, key) for key in sorted(keys))
        return tuple(self.named(article, model, key) for model, key in found)


# Each gives what it is, five numbers and two texts.
PLACES_SQL = """
    SELECT 'place', article_id, content_type_id, object_id, start, "end",
           CASE WHEN supports && ARRAY['name', 'kind']::varchar[] THEN 'proves' ELSE '' END, ''
    FROM evidence_citation WHERE article_id = ANY(%(articles)s) AND content_type_id = ANY(%(types)s)"""
BODIES_SQL = """
    SELECT 'body', page.article_id, 0, 0, 0, 0,
           substr(page.captured, source.body_start + 1, source.body_end - source.body_start), ''
    FROM evidence_articletext AS page JOIN evidence_article AS source ON source.id = page.article_id
    WHERE page.article_id = ANY(%(articles)s)"""


@cache
def _names_sql(model: type[Citable], content_type: int) -> list[str]:
    """Return the queries for the names of records of a kind: those pointed at, those cited, those with longer names."""
    table, name = model._meta.db_table, str(cast("Any", model._meta.get_field(model.name_field)).column)
    sort = "kind" if any(field.name == "kind" for field in model._meta.concrete_fields) else "''"
    cited = "SELECT object_id FROM evidence_citation WHERE article_id = ANY(%(articles)s)"
    cited = f"{cited} AND content_type_id = {content_type}"
    is_wanted = f"= ANY(%(keys_{content_type})s::bigint[] || ARRAY({cited}))"
    longer = f"position(one.{name} IN {name}) > 0 AND {name} <> one.{name} ORDER BY id LIMIT {LONGER_AT_MOST}"
    queries = [
        f"SELECT 'name', {content_type}, id, 0, 0, 0, {name}::text, {sort}::text FROM {table} WHERE id {is_wanted}",  # noqa: S608 - from models
        f"SELECT 'longer', {content_type}, row.id, one.id, 0, 0, row.{name}::text, row.sort FROM {table} AS one,"  # noqa: S608 - from models
        f" LATERAL (SELECT id, {name}, {sort}::text AS sort FROM {table} WHERE {longer}) AS row"
        f" WHERE one.id = ANY(%(keys_{content_type})s)",
    ]
    if model is MemberUnit:
        other = UnitName._meta.db_table
        queries.append(
            f"SELECT 'other', {content_type}, unit_id, 0, 0, 0, name::text, '' FROM {other} WHERE unit_id {is_wanted}"  # noqa: S608 - from models
        )
    return queries


# Levels ----------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One field that a citation supports, with all that a check of it takes; `error` where there is no text."""

    citation: Citation
    rule: FieldRule
    value: object
    words: str
    context: Context

    def verdict(self, cues: Cues = CUES) -> Verdict:
        """Return at which level the citation supports the field, with what a person read."""
        verdict = check(self.rule, self.value, self.words, self.context, cues)
        if verdict or self.rule.kind in EXACT or self.value in (None, "", [], {}, False) or not self.words.strip():
            return verdict
        return Verdict(Level.READ, verdict.gives) if self.citation.read.get(self.rule.name) else verdict


def cases_of(
    citations: Sequence[Citation], texts: Mapping[int, str] | None = None, many: Many | None = None
) -> Iterator[Case]:
    """Yield the fields that citations support, each with its value and context.

    Citations and their records may be unsaved; each has its article. Those of articles without an attached text are
    left out. `texts` are the bodies by article, where they are at hand; `many` is what many-to-many fields of the one
    record of all citations will hold, where they are not saved yet.
    """
    cited = [(citation, citation.as_said(record)) for citation, record in _with_records(citations)]
    aims = _aims(cited, many or {})
    wanted: dict[type[Citable], set[int]] = defaultdict(set)
    for model, pk in (aim for each in aims for targets in each.values() for aim in targets):
        wanted[model].add(pk)
    register = Register(wanted, (citation.article_id for citation, _record in cited), bodies=texts is None)
    bodies = register.bodies if texts is None else texts
    for (citation, record), pointed_at in zip(cited, aims, strict=True):
        if citation.article_id not in bodies:
            continue
        body = bodies[citation.article_id]
        base = _base_context(citation, record, body, register)
        for name in citation.supports:
            targets = pointed_at.get(name, [])
            near = register.rivals(citation.article_id, targets)
            named = tuple(register.named(citation.article_id, model, pk) for model, pk in targets)
            rule = rule_of(type(record), name)
            value = [pk for _model, pk in targets] if rule.kind == FieldKind.REFERENCES else value_of(record, name)
            words = body[citation.start : citation.end]
            yield Case(citation, rule, value, words, Context(**base, targets=named, rivals=near))


def levels_of(
    citations: Sequence[Citation], texts: Mapping[int, str] | None = None, many: Many | None = None
) -> list[Support]:
    """Return what each citation supports, in the order given (see `cases_of`); nothing without an attached text."""
    found = {id(citation): Support() for citation in citations}
    for case in cases_of(citations, texts, many):
        verdict, support = case.verdict(), found[id(case.citation)]
        if verdict.level:
            support.levels[case.rule.name] = verdict.level.value
        else:
            support.errors[case.rule.name] = verdict.gives
    return [found[id(citation)] for citation in citations]


Citation.supports_of = staticmethod(levels_of)


def levels_of_all(article: Article) -> dict[int, Support]:
    """Return what the citations of an article support, by their primary keys."""
    citations = list(article.citation_spans.order_by("start", "end", "slug").select_related("article"))
    return dict(zip((citation.pk for citation in citations), levels_of(citations), strict=True))


@dataclass(frozen=True)
class Recomputed:
    """One support of an article as its text gives it: kind of field, level, and what is wrong with it."""

    kind: FieldKind
    level: Level | None
    problem: str = ""


def recompute(article: Article) -> list[Recomputed]:
    """Return all supports of an article, computed anew; a problem names the place, never the words."""
    citations = list(article.citation_spans.order_by("start", "end", "slug").select_related("article"))
    return [_recomputed(case) for case in cases_of(citations)]


def _recomputed(case: Case) -> Recomputed:
    citation, name = case.citation, case.rule.name
    level, stored = case.verdict().level, citation.levels.get(name)
    place = f"{citation.article.slug} {citation.start}-{citation.end} {citation.slug} {name}"
    if level is None:
        return Recomputed(case.rule.kind, None, f"{place}: the words do not say the value")
    # Without a text no level is stored.
    if citation.levels and stored != level:
        return Recomputed(case.rule.kind, level, f"{place}: the level is {level}, not {stored or 'none'}")
    return Recomputed(case.rule.kind, level)


def _with_records(citations: Sequence[Citation]) -> list[tuple[Citation, Citable]]:
    """Return citations with their records; one that is at hand as it is, for it may hold unsaved values."""
    found: dict[Row, Citable] = {}
    missing: dict[int, set[int]] = defaultdict(set)
    for citation in citations:
        if not Citation.record.is_cached(citation):
            missing[citation.content_type_id].add(citation.object_id)
    for content_type_id, pks in missing.items():
        model = model_of(content_type_id)
        rows: Any = model._base_manager.filter(pk__in=pks)
        for record in rows.prefetch_related(*(each.name for each in model._meta.many_to_many)):
            found[content_type_id, record.pk] = record
    pairs = []
    for citation in citations:
        is_here = Citation.record.is_cached(citation)
        record = citation.record if is_here else found.get((citation.content_type_id, citation.object_id))
        if record is not None:
            pairs.append((citation, cast("Citable", record)))
    return pairs


def _aims(cited: Sequence[tuple[Citation, Citable]], many: Many) -> list[dict[str, list[Aim]]]:
    """Return what the references of each record point at that its citation supports, or that say whose role it is."""
    kept: dict[tuple[Row, str], list[int]] = {}  # the lists of a record, which several citations may support
    found = []
    for citation, record in cited:
        said, aims = {**many, **citation.lists_said()}, {}
        roles = _party_fields(type(record)) if {"role", "kind"} & {*citation.supports} else ()
        for name in {*citation.supports, *roles}:
            kind = rule_of(type(record), name).kind
            if kind == FieldKind.REFERENCES:
                row = ((citation.content_type_id, record.pk), name)
                if name not in said and row not in kept:
                    kept[row] = _keys_in(record, name)
                model = cast("type[Citable]", record._meta.get_field(name).related_model)
                aims[name] = [(model, pk) for pk in sorted(said.get(name, kept.get(row, ())))]
            elif kind == FieldKind.REFERENCE:
                aims[name] = _targets_of(record, name)
        found.append(aims)
    return found


def _keys_in(record: Citable, name: str) -> list[int]:
    """Return the keys in a list of a record, as it stands or as a form gives it."""
    if (known := vars(record).get("_prefetched_objects_cache", {}).get(name)) is not None:  # of a form, unsaved
        return [row.pk for row in known]
    return [*getattr(record, name).order_by().values_list("pk", flat=True)] if record.pk else []


def _base_context(citation: Citation, record: Citable, body: str, register: Register) -> dict[str, Any]:
    party: list[str] = []
    for name in _party_fields(type(record)) if {"role", "kind"} & {*citation.supports} else ():
        for model, pk in _targets_of(record, name):
            party += register.named(citation.article_id, model, pk).names
    written = getattr(record, "as_written", "")
    return {
        "issued": citation.article.issued_on,
        "body": body,
        "start": citation.start,
        "end": citation.end,
        "record": {"as_written": written},
        "name": str(getattr(record, type(record).name_field, "")),
        "party": (*party, *filter(None, [written])),
    }
