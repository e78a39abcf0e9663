"""The base of every resource's JSON: fields that know what they mean both for an object and in SQL.

A serializer lists its fields. Lists and details are written by PostgreSQL from what `compiling` reads off it, by the
`sql` method of the fields that are our own. Where single objects are shown, `prepare` walks the fields and adds to a
queryset what they touch: joins for references, one prefetch for each nested list, a subquery for each count.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import Count, ForeignKey, IntegerField, Model, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.compiling import (
    Absent,
    Bare,
    Constant,
    Row,
    Unescaped,
    Value,
    Writer,
    Written,
    choice_label,
    json_of,
    object_of,
    ordering,
    value_of,
)
from apps.common.errors import nearest, parameter_error
from apps.common.models import Citable, Fact, citable_models, load_targets
from apps.common.statements import literal, text_of


def edtf(name: str) -> tuple[str, ...]:
    """Return the field names of a partial date and its companions."""
    return (name, *(f"{name}_{part}" for part in ("earliest", "latest", "wording", "relative_to")))


@extend_schema_field({"type": "string", "format": "uri-reference"})
class AddressField(serializers.Field):
    """The address of a record in this API, as a path: it holds behind any proxy and under any host name."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "Address of the record, relative to the host.")
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        return f"{settings.API_ROOT}/{value.resource}/{value.key}"

    def sql(self, row: Row) -> Value:
        """Return the address of a row (see `compiling`)."""
        model: Any = row.model
        start, key = Constant(f"{settings.API_ROOT}/{model.resource}/"), row.value("key")
        return Value(f"{literal(str(start))} || {key}") if key.null else Unescaped(start, str(key))


@extend_schema_field({"type": "string"})
class NameField(serializers.Field):
    """The name under which a record is shown."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, value.name_field))

    def sql(self, row: Row) -> Value:
        """Return the name of a row (see `compiling`)."""
        model: Any = row.model
        return row.value(model.name_field)


class Reference(serializers.Serializer[Any]):
    """A record as others point at it: key, name and address. `?expand=` puts the whole record in its place."""

    key = serializers.CharField(help_text="Official code of a division; slug of anything else.")
    name = NameField(help_text="Name of the record, in the language of its source.")
    url = AddressField()


class TargetReference(serializers.Serializer[Any]):
    """A record of any kind, with the resource to which it belongs."""

    resource = serializers.CharField(help_text="Resource to which the record belongs, such as `projects`.")
    key = serializers.CharField(help_text="Official code of a division; slug of anything else.")
    name = serializers.CharField(help_text="Name of the record, in the language of its source.")
    url = AddressField()


@extend_schema_field(TargetReference)
class TargetField(serializers.Field):
    """The record of any kind that a row speaks about; those of a whole page are looked up together."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        context: dict[str, Any] = self.context
        targets = context.setdefault("targets", {})
        identity = (value.content_type_id, value.object_id)
        if identity not in targets:
            page: Any = self.root.instance if isinstance(self.root, serializers.ListSerializer) else [value]
            rows = page if value in page else [value]
            targets.update(load_targets(((row.content_type_id, row.object_id) for row in rows), published_only=True))
        target = targets.get(identity)
        return TargetReference(target).data if target else None

    def sql(self, row: Row) -> Value:
        """Return the record that a row speaks about, whatever its kind (see `compiling`)."""
        cases = []
        for resource, model in citable_models().items():
            target = Row(row.writer, model)
            body = object_of(
                [
                    ("resource", Unescaped(Constant(resource))),
                    ("key", target.value("key")),
                    ("name", target.value(model.name_field)),
                    ("url", AddressField().sql(target)),
                ]
            )
            rows: Any = model._default_manager.all()
            source = target.source(rows.visible_to(row.writer.viewer).order_by())
            condition = f"{target.column('pk')} = {row.column('object_id')}"
            cases.append(f"WHEN {row.writer.content_type(model)} THEN (SELECT {body} FROM {source} WHERE {condition})")
        return Written(f"(CASE {row.column('content_type')} {' '.join(cases)} END)")


class CountField(serializers.IntegerField):
    """How many records point at this one through a relation; counted by a subquery, not by loading them."""

    def __init__(self, relation: str, **kwargs: Any) -> None:
        self.relation = relation
        super().__init__(read_only=True, min_value=0, **kwargs)

    def sql(self, row: Row) -> Bare:
        """Return the count for a row (see `compiling`)."""
        return row.count(self.relation)

    def annotation(self, model: type[Model], viewer: Any = None) -> Coalesce:
        """Return the expression that counts, for a row of the model, what a reader sees."""
        relation: Any = model._meta.get_field(self.relation)
        back = relation.field.name if relation.auto_created else relation.remote_field.name
        counted = (
            relation.related_model._default_manager.visible_to(viewer)
            .filter(**{back: OuterRef("pk")})
            .order_by()
            .values(back)
            .annotate(counted=Count("pk"))
            .values("counted")
        )
        return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


class RecordedField(CountField):
    """How many of the things that a source counts are on record: what stands beside a `ReportedField`.

    Counted are the published rows at the end of the relations that meet the conditions, or, with `of`, the different
    records that those rows point at.
    """

    def __init__(self, *relations: str, of: str = "pk", help_text: str, **conditions: Any) -> None:
        self.relations = relations
        self.of = of
        self.conditions = conditions
        super().__init__(relations[0], help_text=help_text)

    def sql(self, row: Row) -> Bare:
        counts = (
            f"(SELECT count(*) FROM ({text_of(self._counted(row, relation))}) AS counted)"
            for relation in self.relations
        )
        return Bare(f"({' + '.join(counts)})")

    def _counted(self, row: Row, relation: str) -> QuerySet[Any]:
        """Return what is counted behind one relation of a row, looked at from its end, so that nothing is grouped."""
        fields: list[Any] = []
        end: Any = row.model
        for step in relation.split("__"):
            fields.insert(0, end._meta.get_field(step))
            end = fields[0].related_model
        back = [field.field.name if field.auto_created else field.remote_field.name for field in fields]
        wanted: dict[str, Any] = {"__".join(back): RawSQL(row.column("pk"), ())}
        for steps, field in enumerate(fields):
            if issubclass(field.related_model, Fact):
                wanted["__".join([*back[:steps], "state"])] = Fact.State.PUBLISHED
        if self.of != "pk":
            wanted[f"{self.of}__isnull"] = False
        rows: QuerySet[Any] = end._base_manager.filter(**self.conditions, **wanted).order_by().values(self.of)
        # Going back over a list of many to many, one can come by the same row twice.
        once = self.of == "pk" and not (len(fields) > 1 and any(field.many_to_many for field in fields))
        return rows if once else rows.distinct()

    def annotation(self, model: type[Model], viewer: Any = None) -> Coalesce:
        counts = [
            Subquery(self._counts(model, relation, OuterRef("pk")), output_field=IntegerField())
            for relation in self.relations
        ]
        return Coalesce(sum(counts[1:], counts[0]), 0)

    def _counts(self, model: Any, relation: str, here: Any) -> QuerySet[Any]:
        """Return a query for the count behind one relation of the row whose primary key is `here`."""
        wanted = Q(**{f"{relation}__{name}": value for name, value in self.conditions.items()})
        end, path = model, ""
        for step in relation.split("__"):
            path = f"{path}__{step}".removeprefix("__")
            end = end._meta.get_field(step).related_model
            if issubclass(end, Fact):
                wanted &= Q(**{f"{path}__state": Fact.State.PUBLISHED})
        counted = Count(f"{relation}__{self.of}", filter=wanted, distinct=True)
        rows = model._base_manager.filter(pk=here).order_by().values("pk").annotate(counted=counted)
        found: QuerySet[Any] = rows.values("counted")
        return found


class QuotationSerializer(serializers.Serializer[Any]):
    """The words of an article at a span, with what stands around them in their paragraph, 300 characters in all."""

    exact = serializers.CharField(help_text="The words of the span.")
    prefix = serializers.CharField(help_text="What stands before them.")
    suffix = serializers.CharField(help_text="What stands behind them.")
    paragraph = serializers.IntegerField(
        min_value=1, help_text="Paragraph of the body in which the span begins, from 1."
    )


@extend_schema_field(QuotationSerializer)
class QuotationField(serializers.DictField):
    """The quotation of a citation; null where the article's text is not attached or quotations are not public."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    @property
    def touches(self) -> tuple[str, ...]:
        """What `prepare` fetches for the field."""
        return ("article__text",) if settings.QUOTATIONS_PUBLIC else ()

    def sql(self, row: Row) -> Value:
        """Return the quotation of a row (see `compiling`), as `Citation.quotation` makes it."""
        if not settings.QUOTATIONS_PUBLIC:
            return Absent()
        return Value(row.model.quotation_sql(row))  # type: ignore[attr-defined]


class CitationBrief(serializers.Serializer[Any]):
    """Which sentence says so: a span in the body of an article, and the fields of this record that it supports."""

    article = Reference(help_text="Article that says so.")
    start = serializers.IntegerField(
        min_value=0, help_text="Offset of the span's first character in the article's body, in Unicode code points."
    )
    end = serializers.IntegerField(min_value=1, help_text="Offset behind the span's last character.")
    sha256 = serializers.CharField(help_text="SHA-256 of the span in UTF-8.")
    supports = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of this record that the span supports."
    )
    quotation = QuotationField(help_text="The words of the article, where its text is attached and they are public.")
    url = AddressField()


class LabelField(serializers.CharField):
    """The label of a choice in the reader's language; given with `?labels=true`."""

    def __init__(self, choice: str, **kwargs: Any) -> None:
        super().__init__(
            source=f"get_{choice}_display",
            read_only=True,
            required=False,
            help_text=f"With `labels=true`: the label of `{choice}` in the language asked for.",
            **kwargs,
        )
        self.choice = choice

    def sql(self, row: Row) -> Value:
        """Return the label for a row, in the active language (see `compiling`)."""
        return Value(choice_label(row.column(self.choice), row.model._meta.get_field(self.choice)))


@extend_schema_field({"type": "number"})
class NumberField(serializers.Field):
    """A decimal as a JSON number: whole where it is whole."""

    def to_representation(self, value: Any) -> int | float:
        return int(value) if value == value.to_integral_value() else float(value)

    def sql(self, row: Row) -> Value:
        """Return the number for a row (see `compiling`)."""
        return Value(f"trim_scale({row.column(str(self.source))})")


class FigureBrief(serializers.Serializer[Any]):
    """A number that a source reports about this record; `/figures` says the rest."""

    name = serializers.CharField(help_text="What the number is, in short.")
    measure = serializers.CharField(help_text="What is counted, as a key that figures of the same thing share.")
    comparator = serializers.CharField(
        help_text="How the number bounds the true one: `=`, `>=`, `>`, `~`, `<=` or `<`."
    )
    value = NumberField(help_text="The number.")
    unit = serializers.CharField(help_text="Unit of the number; 人次 (`person_time`) is not 人 (`person`).")
    kind = serializers.CharField(help_text="`actual` or `target`; a target is a plan.")
    as_written = serializers.CharField(help_text="The number in the words of the source.")
    citations = CitationBrief(many=True, help_text="Which sentences say so.")
    url = AddressField()


class CitationPlace(serializers.Serializer[Any]):
    """Which sentence says so."""

    article = Reference(help_text="Article that says so.")
    start = serializers.IntegerField(min_value=0, help_text="Offset of the span's first character in the body.")
    end = serializers.IntegerField(min_value=1, help_text="Offset behind the span's last character.")
    url = AddressField()


class ReportedCount(serializers.Serializer[Any]):
    """A count as a source reports it."""

    comparator = serializers.CharField(help_text="How the number bounds the true one.")
    value = NumberField(help_text="The number.")
    unit = serializers.CharField(help_text="Unit of the number.")
    as_written = serializers.CharField(help_text="The number in the words of the source.")
    citation = CitationPlace(help_text="Which sentence says so.")
    url = AddressField(help_text="Address of the figure.")


@extend_schema_field(ReportedCount)
class ReportedField(serializers.Field):
    """What a source says the number of something is; beside it a `RecordedField` counts the same on record.

    Where several sources report it, the one issued last is shown; `figures` lists them all.
    """

    def __init__(self, measure: str, **kwargs: Any) -> None:
        self.measure = measure
        super().__init__(source="*", read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        found = [figure for figure in value.figures.all() if figure.measure == self.measure and figure.kind == "actual"]
        reports = [(figure, self._citation(figure)) for figure in found]
        reports = [(figure, citation) for figure, citation in reports if citation]
        if not reports:
            return None
        figure, citation = max(
            reports, key=lambda report: (report[1].article.issued_on_latest or date.min, report[0].slug)
        )
        figure.citation = citation
        return ReportedCount(figure, context=self.context).data

    def sql(self, row: Row) -> Value:
        """Return the same for a row (see `compiling`)."""
        return Value(f"({row.aside('reports', lambda: reports(row))}.found -> {literal(self.measure)})")

    @staticmethod
    def _citation(figure: Any) -> Any:
        """Return the citation that supports the number itself, or else the first."""
        citations = list(figure.citations.all())
        return next(
            (citation for citation in citations if "value" in citation.supports), citations[0] if citations else None
        )


def reports(row: Row) -> str:
    """Return SQL for all that sources count about a row, by measure: of each the report that was issued last."""
    figure, of_row = row.related("figures")
    citation, of_figure = figure.related("citations")
    article = Row(row.writer, citation.model._meta.get_field("article").related_model)  # type: ignore[arg-type]
    place = json_of(CitationPlace(), citation)
    best = f"('value' = ANY ({citation.column('supports')})) DESC, {', '.join(ordering(citation))}"
    issued = f"{article.column('issued_on_latest')} DESC NULLS LAST, {figure.column('slug')} DESC"
    same_article = f"{article.column('pk')} = place.article_id"
    measure = figure.column("measure")
    number = object_of(
        (name, Written("place.citation", null=False) if name == "citation" else value_of(field, figure))
        for name, field in ReportedCount().fields.items()
    )
    chosen = f"{of_row} AND {figure.column('kind')} = 'actual'"
    figures = figure.source(row.writer.rows(figure.model, narrow=True, owned=True).order_by())
    citations = citation.source(row.writer.rows(citation.model, narrow=False, owned=True).order_by())
    articles = article.source(article.model._base_manager.order_by())
    return (
        "SELECT json_object_agg(measure, report) AS found FROM"
        f" (SELECT DISTINCT ON (measure) {measure} AS measure,"
        f" ({number})::json AS report FROM {figures},"
        f" LATERAL (SELECT {place} AS citation,"
        f" {citation.column('article')} AS article_id FROM {citations} WHERE {of_figure} ORDER BY {best} LIMIT 1)"
        f" AS place JOIN {articles} ON {same_article} WHERE {chosen} ORDER BY measure, {issued}) AS latest"
    )


class RowSerializer(serializers.ModelSerializer[Any]):
    """The base of everything made from a row: foreign keys are references, choices carry labels on demand."""

    class Meta:
        abstract = True

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        if self.context.get("labels"):
            choices = [name for name, field in fields.items() if isinstance(field, serializers.ChoiceField)]
            fields |= {f"{name}_label": LabelField(name) for name in choices}
        return fields

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        """Show a record that another points at as a reference."""
        if not issubclass(relation_info.related_model, Citable):
            return super().build_relational_field(field_name, relation_info)
        options: dict[str, Any] = {"read_only": True, "help_text": relation_info.model_field.help_text}
        if relation_info.to_many:
            options["many"] = True
        elif relation_info.model_field.null:
            options["allow_null"] = True
        return Reference, options


class RecordSerializer(RowSerializer):
    """The base of every resource: address, evidence, expansion and choice of fields."""

    url = AddressField()
    citations = CitationBrief(many=True, read_only=True, help_text="What the record rests on, in reading order.")

    @classmethod
    def expandable(cls) -> dict[str, type["RecordSerializer"]]:
        """Return the references that `?expand=` may replace by the whole record, with its serializer."""
        return {}

    def __init__(self, *args: Any, expand: Iterable[str] = (), **kwargs: Any) -> None:
        self.expand = tuple(expand)
        super().__init__(*args, **kwargs)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        is_root = self.parent is None or (
            isinstance(self.parent, serializers.ListSerializer) and not self.parent.parent
        )
        expand = self.context.get("expand", ()) if is_root else self.expand
        for head in dict.fromkeys(path.partition(".")[0] for path in expand):
            deeper = [path.partition(".")[2] for path in expand if path.startswith(f"{head}.")]
            fields[head] = self.expandable()[head](expand=deeper, read_only=True)
        if is_root and (picked := self.context.get("fields")):
            wanted = {*picked, *(f"{name}_label" for name in picked)}
            fields = {name: field for name, field in fields.items() if name in wanted}
        return fields


def check_expansions(serializer: type[RecordSerializer], paths: list[str]) -> None:
    """Raise ParameterError unless each dotted path can be expanded, two steps deep at most."""
    for path in paths:
        current: type[RecordSerializer] = serializer
        steps = path.split(".")
        if len(steps) > 2:
            raise parameter_error("expand", gettext("“%(path)s” goes deeper than two steps.") % {"path": path})
        for step in steps:
            known = current.expandable()
            if step not in known:
                detail = gettext("“%(path)s” cannot be expanded.") % {"path": path} + nearest(step, known)
                raise parameter_error("expand", detail)
            current = known[step]


def prepare(
    queryset: QuerySet[Any],
    serializer: serializers.BaseSerializer[Any],
    as_of: date | None = None,
    viewer: Any = None,
) -> QuerySet[Any]:
    """Return the queryset with everything that the serializer will touch: joins, prefetches, counts.

    With `as_of`, nested lists of what is valid in time hold what was true on that day.
    """
    joins, prefetches, counts = _needs(serializer, queryset.model, Writer(viewer, as_of))
    if counts:
        queryset = queryset.annotate(**counts)
    if joins:
        queryset = queryset.select_related(*joins)
    return queryset.prefetch_related(*prefetches)


def _needs(
    serializer: Any, model: type[Model], writer: Writer
) -> "tuple[list[str], list[Prefetch[Any]], dict[str, Any]]":
    """Collect joins, prefetches and counts of one serializer for rows of `model`."""
    joins: list[Any] = []
    prefetches: list[Prefetch[Any]] = []
    counts: dict[str, Any] = {}
    fields: dict[str, Any] = serializer.fields
    for name, field in fields.items():
        if isinstance(field, CountField):
            counts[name] = field.annotation(model, writer.viewer)
        elif touched := getattr(field, "touches", ()):
            prefetches += touched
        elif isinstance(field, ReportedField):
            prefetches.append(Prefetch("figures", _rows_of(model, "figures", FigureBrief(), writer)))
        elif isinstance(field, serializers.ListSerializer):
            prefetches.append(Prefetch(field.source, _rows_of(model, field.source, field.child, writer)))
        elif isinstance(field, RecordSerializer):
            # An expanded record comes by a query of its own: its counts and lists cannot be had through a join.
            # The record itself is given whatever the day, as the reference in its place would be.
            prefetches.append(Prefetch(field.source, _rows_of(model, field.source, field, writer, narrow=False)))
        elif isinstance(field, serializers.BaseSerializer) and isinstance(
            model._meta.get_field(str(field.source)), ForeignKey
        ):
            joins.append(field.source)
    # Several fields may be made of the same rows; those are fetched once.
    once = {getattr(lookup, "prefetch_to", lookup): lookup for lookup in prefetches}
    return joins, list(once.values()), counts


def _rows_of(model: type[Model], source: Any, serializer: Any, writer: Writer, *, narrow: bool = True) -> QuerySet[Any]:
    """Return the rows at the other end of a relation, with what their serializer needs."""
    relation: Any = model._meta.get_field(source)
    rows = writer.rows(relation.related_model, narrow=narrow)
    return prepare(rows, serializer, writer.as_of, writer.viewer)  # type: ignore[arg-type]
