"""Records as JSON by Django's ORM and plain Python, as a first version of the service would make it.

The service itself lets PostgreSQL write the JSON (`apps/common/serializers/compiler.py`). What is here is written
against the models and shares none of that, so that tests can hold one against the other, and the benchmark too. Of a
serializer it takes the names of the fields and their kinds.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import Count, ForeignKey, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from rest_framework import serializers

from apps.common.models.moved import Moved
from apps.common.models.records import Citable, Fact
from apps.common.models.row_names import references_of
from apps.common.serializers.counts import CountField, RecordedField, ReportedField
from apps.common.serializers.evidence import CitationBrief, QuotationField, UnquotedField, VerifiedField
from apps.common.serializers.parties_only import LapsedField
from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.references import AddressField, LabelField, NameField, NumberField, PartyField, TargetField
from apps.common.values.dates import today
from apps.evidence.serializers import AttachedField
from apps.evidence.spans import quote


def shown(serializer_class: Any, rows: Any, context: dict[str, Any], as_of: date | None, most: int) -> list[Any]:
    """Return the first rows as a serializer shows them to everybody; with `as_of`, lists hold what was valid then."""
    serializer = serializer_class(many=True, context=context)
    serializer.instance = prepared(rows, serializer.child, as_of)[:most]
    teach(serializer)
    found: list[Any] = serializer.data
    return found


# What is fetched


def prepared(rows: QuerySet[Any], serializer: Any, as_of: date | None = None) -> QuerySet[Any]:
    """Return a queryset with everything that a serializer touches: joins, a prefetch for each list, the counts."""
    fields: dict[str, Any] = serializer.fields
    counts = {
        name: counted(field, rows.model, as_of) for name, field in fields.items() if isinstance(field, CountField)
    }
    joins = [
        field.source
        for field in fields.values()
        if isinstance(field, serializers.Serializer)
        and not isinstance(field, RecordSerializer)
        and isinstance(rows.model._meta.get_field(field.source), ForeignKey)
    ]
    if any(isinstance(field, NameField) for field in fields.values()):
        # What is joined is not fetched again as it is expanded.
        expanded = {field.source for field in fields.values() if isinstance(field, RecordSerializer)}
        joins += [path for path in references_of(rows.model) if path.partition("__")[0] not in expanded]
    if joins:
        rows = rows.select_related(*joins)
    # Several fields may be made of the same rows; those are fetched once.
    lookups = {getattr(lookup, "prefetch_to", lookup): lookup for lookup in _prefetches(rows.model, fields, as_of)}
    return rows.annotate(**counts).prefetch_related(*lookups.values())


def _prefetches(model: Any, fields: dict[str, Any], as_of: date | None) -> Iterator[Any]:
    for name, field in fields.items():
        if isinstance(field, VerifiedField):
            yield from ("article__text", "article__quoted_share")
        elif isinstance(field, AttachedField):
            yield "text"
        elif isinstance(field, PartyField):
            yield from model.parties[name]
        elif isinstance(field, TargetField):
            yield name
        elif isinstance(field, ReportedField):
            figures = _valid_on(_visible(model, "figures"), as_of)
            yield Prefetch("figures", figures.prefetch_related(Prefetch("citations", _cited(figures.model))))
        elif isinstance(field, serializers.ListSerializer):
            rows = _valid_on(_visible(model, field.source), as_of)
            yield Prefetch(field.source, prepared(rows, field.child, as_of))
        elif isinstance(field, RecordSerializer):
            # The record itself is given whatever the day, as the reference in its place would be.
            yield Prefetch(field.source, prepared(_visible(model, field.source), field, as_of))


def _visible(model: Any, relation: Any) -> Any:
    return model._meta.get_field(relation).related_model._default_manager.visible_to(None)


def _cited(model: Any) -> Any:
    return prepared(_visible(model, "citations"), CitationBrief())


def _valid_on(rows: Any, as_of: date | None) -> Any:
    model = rows.model
    return rows.valid_on(as_of) if as_of and issubclass(model, Citable) and model.begins_field else rows


def counted(field: CountField, model: Any, as_of: date | None = None) -> Coalesce:
    """Return an expression that counts, for a row of a model, what everybody sees."""
    if field.relation.endswith("_within"):
        return Coalesce(Subquery(_lying(model, field.relation, as_of), output_field=IntegerField()), 0)
    relations = field.relations if isinstance(field, RecordedField) else (field.relation,)
    counts = [Subquery(_counts(field, model, relation), output_field=IntegerField()) for relation in relations]
    return Coalesce(sum(counts[1:], counts[0]), 0)


def _lying(model: Any, relation: str, as_of: date | None) -> QuerySet[Any]:
    """Return a query for the number of what lies in the division of an outer query on a day."""
    path = model._meta.get_field(relation).field.name
    here = Q(**{path: OuterRef("pk")})
    if path == "in_neighbourhood":
        here |= Q(**{f"{path}__committee": OuterRef("pk")})
    rows = _valid_on(_visible(model, relation).filter(here), as_of)
    found: QuerySet[Any] = rows.order_by().values(one=Value(1)).annotate(number=Count("pk")).values("number")
    return found


def _counts(field: CountField, model: Any, relation: str) -> QuerySet[Any]:
    """Return a query for the count behind one relation of the row of an outer query."""
    of, conditions = (field.of, field.conditions) if isinstance(field, RecordedField) else ("pk", {})
    wanted = Q(**{f"{relation}__{name}": value for name, value in conditions.items()})
    end, path = model, ""
    for step in relation.split("__"):
        path = f"{path}__{step}".removeprefix("__")
        end = end._meta.get_field(step).related_model
        if issubclass(end, Fact):
            wanted &= Q(**{f"{path}__state": Fact.State.PUBLISHED})
        if issubclass(end, Moved):
            wanted &= Q(**{f"{path}__is_public": True})
    number = Count(f"{relation}__{of}", filter=wanted, distinct=True)
    rows = model._base_manager.filter(pk=OuterRef("pk")).order_by().values("pk").annotate(number=number)
    found: QuerySet[Any] = rows.values("number")
    return found


# How it is shown


def teach(serializer: Any) -> None:
    """Give the fields of a serializer, however deep, that are our own a rendering in Python."""
    if isinstance(serializer, serializers.ListSerializer):
        teach(serializer.child)
        return
    for field in serializer.fields.values():
        if isinstance(field, serializers.BaseSerializer):
            teach(field)
        elif isinstance(field, LabelField):
            field.get_attribute = _label_of(field.choice)
        elif render := RENDERERS.get(type(field)):
            field.to_representation = _bound(render, field)


def _bound(render: Callable[[Any, Any], Any], field: Any) -> Callable[[Any], Any]:
    return lambda value: render(field, value)


def _label_of(choice: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, f"get_{choice}_display")()


def _address(record: Any) -> str:
    return f"{settings.API_ROOT}/{record.resource}/{record.key}"


def _name(record: Any, *, within: bool = False) -> str:
    made = record.row_name
    return made.form(within=within).text(record) if made else str(getattr(record, record.name_field))


def _number(value: Any) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _target(field: TargetField, row: Any) -> dict[str, str] | None:
    record = getattr(row, str(field.field_name))
    if record is None or (isinstance(record, Fact) and record.state != Fact.State.PUBLISHED):
        return None
    return {"resource": record.resource, "key": record.key, "name": _name(record, within=True), "url": _address(record)}


def _party(field: PartyField, row: Any) -> dict[str, str] | None:
    keys = row.parties[field.field_name]
    record = next((target for key in keys if (target := getattr(row, key))), None)
    if record is None:
        return None
    return {"resource": record.resource, "key": record.key, "name": _name(record), "url": _address(record)}


def _reported(field: ReportedField, row: Any) -> dict[str, Any] | None:
    """Return what the source that was issued last says the number of something is."""
    figures = [figure for figure in row.figures.all() if (figure.measure, figure.kind) == (field.measure, "actual")]
    reports = [(figure, citation) for figure in figures if (citation := _best(figure.citations.all()))]
    if not reports:
        return None
    figure, citation = max(reports, key=lambda report: (report[1].article.issued_on_latest or date.min, report[0].slug))
    article = citation.article
    return {
        "comparator": figure.comparator,
        "value": _number(figure.value),
        "unit": figure.unit,
        "as_written": figure.as_written,
        "citation": {
            "article": {"key": article.key, "name": _name(article), "url": _address(article)},
            "start": citation.start,
            "end": citation.end,
            "url": _address(citation),
        },
        "url": _address(figure),
    }


def _best(citations: Iterable[Any]) -> Any:
    """Return the citation that supports the number itself, or else the first."""
    found = list(citations)
    return next((each for each in found if "value" in each.supports), found[0] if found else None)


def _shown(citation: Any) -> Any:
    """Return the part of the body that everybody may read and in which a citation lies; None where there is none."""
    share = getattr(citation.article, "quoted_share", None)
    if not hasattr(citation.article, "text") or share is None or share.share > settings.QUOTED_SHARE:
        return None
    found = [part for part in share.parts if part[0] <= citation.start and citation.end <= part[1]]
    return found[0] if found else None


def _quotation(citation: Any) -> dict[str, Any] | None:
    if (part := _shown(citation)) is None:
        return None
    return quote(citation.article.text.body, citation.start, citation.end, shown=part)._asdict()


def _unquoted_because(citation: Any) -> str | None:
    if not hasattr(citation.article, "text"):
        return gettext("Not verified here: the text of the article is not attached.")
    if _shown(citation):
        return None
    return gettext("Withheld: everybody may read a part of each article only; sign in to read this one.")


RENDERERS: dict[type, Callable[[Any, Any], Any]] = {
    AddressField: lambda _field, record: _address(record),
    NameField: lambda _field, record: _name(record),
    NumberField: lambda _field, value: _number(value),
    TargetField: _target,
    PartyField: _party,
    LapsedField: lambda _field, lapsed: lapsed(today()),
    ReportedField: _reported,
    QuotationField: lambda _field, citation: _quotation(citation),
    UnquotedField: lambda _field, citation: _unquoted_because(citation),
    VerifiedField: lambda _field, citation: hasattr(citation.article, "text"),
    AttachedField: lambda _field, article: hasattr(article, "text"),
}
