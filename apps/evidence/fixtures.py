"""Fixtures of articles: one YAML file an article, with natural keys, readable beside the article.

A file holds the article itself and, by resource, the records that it supports:

    article: {slug: ..., title: ..., ...}
    alliances:
    - slug: wujiaochang-zhen-lianxihui
      name: ...
      founded_on: {edtf: 2012-06, wording: 去年6月, relative_to: 2013-06-27}
      cite:
      - {at: [455, 480], sha256: ..., fields: [name, founded_on]}

Stretches that state no fact are listed at the end, each with the reason:

    marks:
    - {at: [41, 43], sha256: ..., reason: wording, note: ...}

References are keys of other records (`unit: fudan-daxue`, `street: "310110019"`), a figure's subject is
`resource/key`. Every value that a file gives must be supported by a citation in the same file: that is what makes
"who says so" answerable for each field, and what lets an export give back exactly the file that was loaded.
The same record may stand in several files; they must agree on the values that both give. A division is only named,
by its key, to be cited: its values come from the gazetteer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, cast

import yaml
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DatabaseError, DataError, IntegrityError, models, transaction

from apps.common.fields import Derived, EDTFField
from apps.common.models import Citable, Fact, RetiredSlug, citable_models
from apps.evidence.concealing import redacted_file
from apps.evidence.models import Article, Citation, Mark
from apps.evidence.redaction import MARK
from apps.identity.models import Merge

Key = tuple[str, str]


class FixtureError(ValueError):
    """A fixture that cannot be loaded; says which file, record and field."""

    def __init__(self, file: str, record: str = "", field_name: str = "", problem: str = "") -> None:
        super().__init__(": ".join(part for part in (file, record, field_name, problem) if part))


class _Loader(yaml.CSafeLoader):
    """Reads every scalar as text (a code, a date and 24/7 stay what they are) and refuses a key given twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text", key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value} stands twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


@dataclass
class Record:
    """What the files say about one record: values by field, the file that gives each, and citations by file."""

    resource: str
    key: str
    values: dict[str, Any] = field(default_factory=dict)
    given_by: dict[str, str] = field(default_factory=dict)
    cites: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.resource}/{self.key}"


@cache
def resources() -> dict[str, type[Citable]]:
    """Return the models that a file may speak about, by resource name."""
    return {name: model for name, model in citable_models().items() if model not in (Article, Citation, Mark, Merge)}


def read_file(path: Path) -> dict[str, Any]:
    """Parse one file into article, and lists of records by resource; raises FixtureError for anything malformed."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FixtureError(path.name, problem=" ".join(str(error).split())) from error
    if not isinstance(content, dict) or not isinstance(content.get("article"), dict):
        raise FixtureError(path.name, problem="a mapping with the key article is expected")
    for resource, rows in content.items():
        if resource not in ("article", "marks") and resource not in resources():
            raise FixtureError(path.name, resource, problem="no such resource")
        if resource != "article" and not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise FixtureError(path.name, resource, problem="a list of records is expected")
    return content


def merge(files: dict[str, dict[str, Any]]) -> dict[Key, Record]:
    """Gather what all files say about each record; raises FixtureError where they disagree or lack evidence."""
    records: dict[Key, Record] = {}
    for file, content in files.items():
        for resource, rows in content.items():
            if resource in ("article", "marks"):
                continue
            for row in rows:
                _merge_row(records, file, resource, dict(row))
    return records


def _merge_row(records: dict[Key, Record], file: str, resource: str, row: dict[str, Any]) -> None:
    model = resources()[resource]
    key = row.pop("slug", None) or row.pop("code", None)
    if not key or not isinstance(key, str):
        raise FixtureError(file, resource, problem=f"a record without slug: {row.get('name', row)}")
    record = records.setdefault((resource, key), Record(resource, key))
    if file in record.cites:
        raise FixtureError(file, record.label, problem="stands twice in the file")
    cites = record.cites[file] = row.pop("cite", None) or []
    if not cites:
        raise FixtureError(file, record.label, problem="has no citation")
    if not isinstance(cites, list) or not all(map(_is_citation, cites)):
        raise FixtureError(
            file, record.label, "cite", "a list of {at: [start, end], sha256: ..., fields: [...]} is expected"
        )
    supported = {name for cite in cites for name in cite["fields"]}
    for name, value in row.items():
        if not _is_given(model, name):
            raise FixtureError(file, record.label, name, "no such field")
        if name not in supported:
            raise FixtureError(file, record.label, name, "no citation of this file supports the value")
        if shape := _wrong_shape(model, name, value):
            raise FixtureError(file, record.label, name, shape)
        record.given_by.setdefault(name, file)
        if record.values.setdefault(name, value) != value:
            raise FixtureError(file, record.label, name, f"another file gives {record.values[name]!r}, not {value!r}")
    for name in supported:
        if not _is_given(model, name):
            raise FixtureError(file, record.label, name, "a citation supports a field that does not exist")


def _is_citation(cite: Any) -> bool:
    """Tell whether a value has the form of a citation; what its parts say is checked when it is loaded."""
    if not isinstance(cite, dict) or cite.keys() != {"at", "sha256", "fields"}:
        return False
    fields = cite["fields"]
    return _is_span(cite) and isinstance(fields, list) and all(isinstance(name, str) for name in fields)


def _is_mark(mark: dict[str, Any]) -> bool:
    """Tell whether a value has the form of a mark."""
    words = [value for name, value in mark.items() if name != "at"]
    given = {"note": "", **mark}.keys() == {"at", "sha256", "reason", "note"}
    return given and _is_span(mark) and all(isinstance(word, str) for word in words)


def _is_span(span: dict[str, Any]) -> bool:
    place = span["at"]
    return (
        isinstance(place, list)
        and len(place) == 2
        and all(str(offset).isdecimal() for offset in place)
        and isinstance(span["sha256"], str)
    )


def _wrong_shape(model: type[Citable], name: str, value: Any) -> str:
    """Say what is expected where a value is a text, a list or a mapping and the field takes another of them."""
    target = model._meta.get_field(name)
    if isinstance(target, models.ManyToManyField | ArrayField):
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if is_list else "a list of texts is expected"
    parts = value.values() if isinstance(target, EDTFField) and isinstance(value, dict) else [value]
    return "" if all(isinstance(part, str) for part in parts) else "a text is expected"


def _is_given(model: type[Citable], name: str) -> bool:
    """Tell whether a field is one that a file may give: stored, and not computed, inherited or internal."""
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    if isinstance(found, GenericForeignKey):
        return True
    return bool(getattr(found, "editable", False)) and not isinstance(found, Derived) and name in given_names(model)


@cache
def given_names(model: type[Citable]) -> tuple[str, ...]:
    """Return the fields that files give, in the order of the model; companions of dates belong to the date."""
    dates = [f.name for f in model._meta.fields if isinstance(f, EDTFField)]
    hidden = {f"{date}_{part}" for date in dates for part in ("wording", "relative_to")}
    hidden |= {"id", "slug", "code", "state", "content_type", "object_id"}
    stored = [f.name for f in (*model._meta.fields, *model._meta.many_to_many) if f.editable and f.name not in hidden]
    generic = [f.name for f in model._meta.private_fields if isinstance(f, GenericForeignKey)]
    return (*stored, *generic)


# Loading


@transaction.atomic
def load(files: dict[str, dict[str, Any]], changed: Iterable[str]) -> dict[str, int]:
    """Write what the files say; returns how many rows were made or changed, by resource.

    `files` are all parsed files by name, `changed` the names of those to be loaded. Rows that already say the same
    are not touched; what a curator has deleted stays deleted, with what points at it. Any error undoes everything
    and is a FixtureError.
    """
    wanted = set(changed)
    files = {file: redacted_file(content) for file, content in files.items()}
    records = _living(merge(files))
    touched: dict[str, int] = {}
    articles: dict[str, Article] = {}
    for file, content in files.items():
        if file in wanted:
            articles[file] = _load_article(file, content["article"])
            if articles[file] in [article for other, article in articles.items() if other != file]:
                raise FixtureError(file, "article", "slug", "another file has the same")
    instances: dict[Key, Citable] = {}
    for record in _in_order(records):
        if wanted & record.cites.keys() and _load_record(record, instances):
            touched[record.resource] = touched.get(record.resource, 0) + 1
    touched["citations"] = sum(
        _load_citations(file, article, records.values(), instances) for file, article in articles.items()
    )
    touched["marks"] = sum(
        _load_marks(file, article, files[file].get("marks", [])) for file, article in articles.items()
    )
    return {resource: number for resource, number in touched.items() if number}


def _living(records: dict[Key, Record]) -> dict[Key, Record]:
    """Leave out the records that were deleted from the registry, and those that point at one of them."""
    retired = set(RetiredSlug.objects.values_list("table", "slug"))
    living: dict[Key, Record] = {}
    for record in _in_order(records):
        deleted = (resources()[record.resource]._meta.db_table, record.key) in retired
        lost = any(reference in records and reference not in living for reference in _references(record))
        if not deleted and not lost:
            living[record.resource, record.key] = record
    return living


def _in_order(records: dict[Key, Record]) -> Iterator[Record]:
    """Yield the records so that each comes behind those it points at."""
    graph: dict[Key, set[Key]] = {}
    for identity, record in records.items():
        graph[identity] = {reference for reference in _references(record) if reference in records}
    try:
        for identity in TopologicalSorter(graph).static_order():
            yield records[identity]
    except CycleError as error:
        circle = " -> ".join(f"{resource}/{key}" for resource, key in error.args[1])
        raise FixtureError("fixtures", problem=f"records that point at each other in a circle: {circle}") from error


def _references(record: Record) -> Iterator[Key]:
    model = resources()[record.resource]
    for name, value in record.values.items():
        target = model._meta.get_field(name)
        if isinstance(target, GenericForeignKey):
            resource, _slash, key = str(value).partition("/")
            yield resource, key
        elif target.related_model and issubclass(target.related_model, Citable):
            for key in value if isinstance(value, list) else [value]:
                yield target.related_model.resource, key


def _load_article(file: str, values: dict[str, Any]) -> Article:
    if not values.get("slug"):
        raise FixtureError(file, "article", "slug", "is missing")
    article = Article.objects.filter(slug=values["slug"]).first() or Article()
    before = snapshot(article)
    known = {"slug", *given_names(Article)}
    for name, value in values.items():
        if name not in known:
            raise FixtureError(file, "article", name, "no such field")
        if shape := _wrong_shape(Article, name, value):
            raise FixtureError(file, "article", name, shape)
        _assign(article, name, value, file, "article", {})
    if snapshot(article) != before:
        _save(article, file, "article")
    return article


def _load_record(record: Record, instances: dict[Key, Citable]) -> bool:
    """Make or change the row of one record; tell whether anything was written."""
    file = next(iter(record.cites))
    model = resources()[record.resource]
    found = model._base_manager.filter(**{model.key_field: record.key}).first()
    if found is None and model.key_field != "slug" and record.values.get("kind") != "estate":
        raise FixtureError(file, record.label, problem="no such division")
    if record.values and getattr(found, "code", None):
        raise FixtureError(
            record.given_by[next(iter(record.values))],
            record.label,
            next(iter(record.values)),
            "the values of a division come from the gazetteer",
        )
    instance: Any = found or cast("Any", model)(slug=record.key)
    before = None if found is None else snapshot(instance)
    many: dict[str, list[Any]] = {}
    for name, value in record.values.items():
        _assign(instance, name, value, record.given_by[name], record.label, instances, many)
    if issubclass(model, Fact):
        # Once a curator took a record back, what points at it waits with it.
        drafts = [each for each in _references(record) if getattr(instances[each], "state", "") == Fact.State.DRAFT]
        if found is None:
            instance.state = Fact.State.DRAFT if drafts else Fact.State.PUBLISHED
        elif drafts and instance.state == Fact.State.PUBLISHED:
            raise FixtureError(file, record.label, problem=f"{'/'.join(drafts[0])} is a draft; publish it first")
    if found is None or {**snapshot(instance), **many} != before:
        _save(instance, file, record.label, record.given_by)
        for name, targets in many.items():
            getattr(instance, name).set(targets)
        changed = True
    else:
        changed = False
    instances[record.resource, record.key] = instance
    return changed


def snapshot(instance: models.Model) -> dict[str, Any]:
    """Return what is stored of a row, without what the database or the clock adds."""
    values = {
        f.attname: getattr(instance, f.attname)
        for f in instance._meta.concrete_fields
        if f.editable and not isinstance(f, Derived | models.GeneratedField)
    }
    if instance.pk:
        values |= {
            f.name: sorted(getattr(instance, f.name).all(), key=lambda row: row.pk) for f in instance._meta.many_to_many
        }
    return values


def _assign(
    instance: models.Model,
    name: str,
    value: Any,
    file: str,
    label: str,
    instances: dict[Key, Citable],
    many: dict[str, list[Any]] | None = None,
) -> None:
    """Put one value of a file into a row, resolving references."""
    target: Any = instance._meta.get_field(name)
    try:
        if isinstance(target, GenericForeignKey):
            resource, _slash, key = str(value).partition("/")
            subject = _resolve(resource, key, instances)
            instance.content_type = ContentType.objects.get_for_model(subject)  # type: ignore[attr-defined]
            instance.object_id = subject.pk  # type: ignore[attr-defined]
        elif isinstance(target, models.ManyToManyField):
            if many is None:
                raise ValueError("a list is not expected here")
            resource = cast("Any", target.related_model).resource
            many[name] = sorted((_resolve(resource, key, instances) for key in value), key=lambda row: row.pk)
        elif isinstance(target, models.ForeignKey):
            setattr(instance, name, _resolve(cast("Any", target.related_model).resource, value, instances))
        elif isinstance(target, EDTFField):
            parts = value if isinstance(value, dict) else {"edtf": value}
            if unknown := parts.keys() - {"edtf", "wording", "relative_to"}:
                raise ValueError(f"a date has no {', '.join(sorted(unknown))}")
            setattr(instance, name, parts.get("edtf", ""))
            setattr(instance, f"{name}_wording", parts.get("wording", ""))
            setattr(instance, f"{name}_relative_to", parts.get("relative_to", ""))
        elif isinstance(target, ArrayField):
            setattr(instance, name, [target.base_field.to_python(item) for item in value])
        elif value and set(str(value)) == {MARK} == set(str(getattr(instance, name))):
            return  # redacted before; there may be a longer bar than the name was, to tell two rows apart
        else:
            setattr(instance, name, target.to_python(value))
    except (ValueError, LookupError) as error:
        raise FixtureError(file, label, name, str(error)) from error
    except ValidationError as error:
        raise FixtureError(file, label, name, "; ".join(error.messages)) from error


def _resolve(resource: str, key: str, instances: dict[Key, Citable]) -> Citable:
    if found := instances.get((resource, key)):
        return found
    model = resources().get(resource)
    if model is None:
        raise LookupError(f"no resource is called {resource}")
    instance = model._base_manager.filter(**{model.key_field: key}).first()
    if instance is None:
        raise LookupError(f"there is no {resource}/{key}")
    instances[resource, key] = instance
    return instance


def _save(instance: models.Model, file: str, label: str, given_by: dict[str, str] | None = None) -> None:
    """Check and write one row."""
    _check(instance, file, label, given_by)
    try:
        instance.save()
    except (IntegrityError, DataError) as error:
        raise FixtureError(file, label, problem=_explain(type(instance), error)) from error


def _check(instance: models.Model, file: str, label: str, given_by: dict[str, str] | None = None) -> None:
    """Check one row. References were resolved before; constraints are left to the database."""
    references = [f.name for f in instance._meta.fields if isinstance(f, models.ForeignKey)]
    try:
        instance.clean_fields(exclude=references)
        instance.clean()
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        file = (given_by or {}).get(name, file)
        raise FixtureError(file, label, "" if name == "__all__" else name, "; ".join(messages)) from error


def _explain(model: type[models.Model], error: DatabaseError) -> str:
    """Return the constraint's own message, or the first line of the database's."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    for constraint in model._meta.constraints:
        if constraint.name == name:
            return str(constraint.get_violation_error_message())
    return str(error).splitlines()[0]


def _load_citations(file: str, article: Article, records: Iterable[Record], instances: dict[Key, Citable]) -> int:
    """Make the citations of one article that are not there yet, and give changed ones their fields and digests."""
    existing = {(c.content_type_id, c.object_id, c.start, c.end): c for c in article.citation_spans.all()}
    retired = set(RetiredSlug.objects.filter(table=Citation._meta.db_table).values_list("slug", flat=True))
    new: dict[str, Citation] = {}
    changed = 0
    for record in records:
        for cite in record.cites.get(file, []):
            instance = instances[record.resource, record.key]
            content_type = ContentType.objects.get_for_model(instance)
            start, end = (int(offset) for offset in cite["at"])
            values = {"sha256": cite["sha256"], "supports": list(cite["fields"])}
            label = f"{record.label} cite {start}-{end}"
            citation = existing.get((content_type.pk, instance.pk, start, end))
            if citation is None:
                citation = Citation(article=article, start=start, end=end, record=instance, **values)
                citation.slug = citation.slug_source()
                if citation.slug in retired:
                    continue
                _check(citation, file, label)
                if label in new:
                    raise FixtureError(file, label, problem="stands twice")
                new[label] = citation
            elif any(getattr(citation, name) != value for name, value in values.items()):
                for name, value in values.items():
                    setattr(citation, name, value)
                _save(citation, file, label)
                changed += 1
    try:
        with transaction.atomic():
            Citation.objects.bulk_create(new.values(), batch_size=500)
    except (IntegrityError, DataError):
        for label, citation in new.items():  # one by one, to name the one that is wrong
            _save(citation, file, label)
        raise
    return len(new) + changed


def _load_marks(file: str, article: Article, rows: list[dict[str, Any]]) -> int:
    """Make the marks of one article that are not there yet, and change those that differ."""
    existing = {(mark.start, mark.end): mark for mark in article.mark_spans.all()}
    written = 0
    for row in rows:
        if not _is_mark(row):
            raise FixtureError(
                file, "marks", problem="a list of {at: [start, end], sha256: ..., reason: ..., note: ...} is expected"
            )
        start, end = (int(offset) for offset in row["at"])
        values = {"sha256": row["sha256"], "reason": row["reason"], "note": row.get("note", "")}
        mark = existing.get((start, end)) or Mark(article=article, start=start, end=end)
        if mark.pk and all(getattr(mark, name) == value for name, value in values.items()):
            continue
        for name, value in values.items():
            setattr(mark, name, value)
        _save(mark, file, f"marks {start}-{end}")
        written += 1
    return written


# Exporting


def export(article: Article) -> dict[str, Any]:
    """Return what the registry holds of one article, in the form of its file, in reading order."""
    content: dict[str, Any] = {"article": {"slug": article.slug, **_values_of(article, given_names(Article))}}
    cites: dict[tuple[int, int], list[Citation]] = {}
    for citation in article.citation_spans.order_by("start", "end"):
        cites.setdefault((citation.content_type_id, citation.object_id), []).append(citation)
    names = list(resources())
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for (content_type_id, object_id), found in cites.items():
        model: Any = ContentType.objects.get_for_id(content_type_id).model_class()
        instance = model._base_manager.get(pk=object_id)
        is_division = model.key_field != "slug" and getattr(instance, "code", None)
        row: dict[str, Any] = {"code" if is_division else "slug": instance.key}
        if not is_division:
            supported = {name for citation in found for name in citation.supports}
            row |= _values_of(instance, [name for name in given_names(model) if name in supported])
        row["cite"] = [{"at": [c.start, c.end], "sha256": c.sha256, "fields": list(c.supports)} for c in found]
        groups[model.resource].append(row)
    marks = [
        {"at": [m.start, m.end], "sha256": m.sha256, "reason": m.reason, **({"note": m.note} if m.note else {})}
        for m in article.mark_spans.all()
    ]
    return ordered(content | groups | {"marks": marks})


def ordered(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a file: resources as the project lists them, records and marks in reading order."""
    groups = {
        name: sorted(content[name], key=lambda row: (row["cite"][0]["at"], row.get("slug") or row.get("code")))
        for name in resources()
        if content.get(name)
    }
    if marks := content.get("marks"):
        groups["marks"] = sorted(marks, key=lambda mark: mark["at"])
    return {"article": content["article"], **groups}


def _values_of(instance: models.Model, names: Iterable[str]) -> dict[str, Any]:
    values = {}
    for name in names:
        value = _value_of(instance, name)
        if value not in ("", None, []):
            values[name] = value
    return values


def _value_of(instance: models.Model, name: str) -> Any:
    target = instance._meta.get_field(name)
    value = getattr(instance, name)
    if isinstance(target, GenericForeignKey):
        return f"{value.resource}/{value.key}"
    if isinstance(target, models.ManyToManyField):
        return sorted(row.key for row in value.all())
    if isinstance(target, models.ForeignKey):
        return value.key if value else None
    if isinstance(target, EDTFField):
        parts = {
            "wording": getattr(instance, f"{name}_wording"),
            "relative_to": getattr(instance, f"{name}_relative_to"),
        }
        parts = {part: text for part, text in parts.items() if text}
        return {"edtf": value, **parts} if parts else value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value


class _Dumper(yaml.SafeDumper):
    """Writes citations on one line each, and indents nothing that need not be."""


def _flow(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style="at" in value or "edtf" in value)


_Dumper.add_representer(dict, _flow)


def dump(content: dict[str, Any]) -> str:
    """Return the text of a file; the same content always gives the same text."""
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)
