"""Fields that count: what is on record, and what a source reports."""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.functional import Promise
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.models.records import Citable, Fact
from apps.common.serializers.compiler import SqlRow, json_of, ordering, value_of
from apps.common.serializers.json_sql import Bare, Value, Written, object_of
from apps.common.serializers.references import AddressField, NumberField, Reference
from apps.common.sql.slots import literal, text_of


class CountField(serializers.IntegerField):
    """How many records point at this one through a relation; counted by a subquery, not by loading them.

    `heading` is its label in exports, where the name of the counted records does not fit.
    """

    def __init__(self, relation: str, *, heading: str | Promise = "", **kwargs: Any) -> None:
        self.relation = relation
        self.heading = heading
        super().__init__(read_only=True, min_value=0, **kwargs)

    def sql(self, row: SqlRow) -> Bare:
        """Return the count for a row (see `compiler`)."""
        return row.count(self.relation)


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

    def sql(self, row: SqlRow) -> Bare:
        counts = (
            f"(SELECT count(*) FROM ({text_of(self._counted(row, relation))}) AS counted)"
            for relation in self.relations
        )
        return Bare(f"({' + '.join(counts)})")

    def _counted(self, row: SqlRow, relation: str) -> QuerySet:
        """Return the rows that are counted at the end of a relation of a row; from that end, nothing needs grouping."""
        fields: list[Any] = []
        end: Any = row.model
        for step in relation.split("__"):
            fields.insert(0, end._meta.get_field(step))
            end = fields[0].related_model
        back = [field.field.name if field.auto_created else field.remote_field.name for field in fields]
        wanted: dict[str, object] = {"__".join(back): RawSQL(row.column("pk"), ())}
        public = Q()
        for steps, field in enumerate(fields):
            if issubclass(field.related_model, Fact):
                public &= field.related_model.public("__".join(back[:steps]))
        if self.of != "pk":
            wanted[f"{self.of}__isnull"] = False
        rows: QuerySet = end._base_manager.filter(public, **self.conditions, **wanted).order_by().values(self.of)
        # Going back over a list of many to many, one can come by the same row twice.
        once = self.of == "pk" and not (len(fields) > 1 and any(field.many_to_many for field in fields))
        return rows if once else rows.distinct()


class CitationPlace(serializers.Serializer[Citable]):
    """Which sentence says so."""

    article = Reference(help_text="Article that says so.")
    start = serializers.IntegerField(min_value=0, help_text="Offset of the span's first character in the body.")
    end = serializers.IntegerField(min_value=1, help_text="Offset behind the span's last character.")
    url = AddressField()


class ReportedCount(serializers.Serializer[Citable]):
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

    def sql(self, row: SqlRow) -> Value:
        """Return the report of the measure about a row."""
        return Value(f"({row.aside('reports', lambda: reports(row))}.found -> {literal(self.measure)})")


def reports(row: SqlRow) -> str:
    """Return SQL for all that sources count about a row, by measure: of each the report that was issued last."""
    figure, of_row = row.related("figures")
    citation, of_figure = figure.related("citations")
    article = SqlRow(row.compilation, citation.model._meta.get_field("article").related_model)  # type: ignore[arg-type]
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
    figures = figure.source(row.compilation.rows(figure.model, narrow=True, owned=True).order_by())
    citations = citation.source(row.compilation.rows(citation.model, narrow=False, owned=True).order_by())
    articles = article.source(article.model._base_manager.order_by())
    return (
        "SELECT json_object_agg(measure, report) AS found FROM"
        f" (SELECT DISTINCT ON (measure) {measure} AS measure,"
        f" ({number})::json AS report FROM {figures},"
        f" LATERAL (SELECT {place} AS citation,"
        f" {citation.column('article')} AS article_id FROM {citations} WHERE {of_figure} ORDER BY {best} LIMIT 1)"
        f" AS place JOIN {articles} ON {same_article} WHERE {chosen} ORDER BY measure, {issued}) AS latest"
    )
