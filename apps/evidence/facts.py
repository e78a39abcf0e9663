"""An article as facts: for each citation, in reading order, what the registry took from the span."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar, cast

from django.contrib.contenttypes.models import ContentType
from django.db.models.expressions import RawSQL

from apps.common.models.records import Citable
from apps.common.models.search_conditions import is_one_of
from apps.common.models.targets import Target
from apps.common.resources.registry import viewset_of
from apps.common.serializers.compiler import Compilation, SqlRow, json_of
from apps.common.serializers.references import edtf
from apps.common.serializers.targets import load_targets
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement
from apps.common.values.json import JsonObject, JsonValue
from apps.evidence.models import Article, Citation


@dataclass(frozen=True)
class CitedFact:
    """What one citation supports: fields of a record, with their values."""

    resource: ClassVar[str] = Citation.resource

    citation: Citation
    record: Target
    values: dict[str, JsonValue]

    @property
    def key(self) -> str:
        """The key of the citation, which is the fact's own address."""
        return self.citation.key


def statements(article: Article) -> list[CitedFact]:
    """Return what an article states about published records, in reading order.

    Spans are ordered by where they begin, then by where they end. The number of queries hangs on the kinds of record
    that are cited, of which there is a fixed number, and not on how many citations there are.
    """
    citations = list(article.citation_spans.order_by("start", "end", "content_type", "slug"))
    targets = load_targets(((row.content_type_id, row.object_id) for row in citations), None)
    cited: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in citations:
        if (row.content_type_id, row.object_id) in targets:
            cited[row.content_type_id][row.object_id].update(row.supports)
    shown = {content_type_id: _shown(content_type_id, supports) for content_type_id, supports in cited.items()}
    found = []
    for row in citations:
        if record := targets.get((row.content_type_id, row.object_id)):
            values = shown[row.content_type_id][row.object_id]
            names = [part for name in row.supports for part in edtf(name) if part in values]
            found.append(CitedFact(row, record, {name: values[name] for name in names}))
    return found


def _shown(content_type_id: int, supports: dict[int, set[str]]) -> dict[int, JsonObject]:
    """Return the supported fields of records of one kind by primary key, as their own resource shows them."""
    model = cast(type[Citable], ContentType.objects.get_for_id(content_type_id).model_class())
    wanted = {part for names in supports.values() for name in names for part in edtf(name)}
    serializer = viewset_of(model).detail_serializer_class
    fields = [name for name in serializer.Meta.fields if name in wanted]
    row = SqlRow(Compilation(), model)
    body = json_of(serializer(context={"fields": fields}), row) if fields else "'{}'"
    rows = model._default_manager.visible_to(None).filter(is_one_of("pk", RawSQL("(%s)", [Parameter("keys")])))
    text = f"SELECT {row.column('pk')}, {body} FROM {row.source(rows.order_by())}"  # noqa: S608 - of compiled parts
    return {pk: json.loads(values) for pk, values in Statement(text).rows({"keys": list(supports)})}
