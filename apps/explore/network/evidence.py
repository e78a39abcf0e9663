"""The citations on which edges of the network rest: all of them in one statement, however many edges there are."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, TypedDict

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from apps.common.models.records import Citable
from apps.common.serializers.quoting import Quoting
from apps.evidence.models import Citation
from apps.evidence.texts.quoting import Bodies
from apps.explore.lookups import any_of


class RecordId(NamedTuple):
    """A record by its model and primary key."""

    model: type[Citable]
    pk: int


class EdgeCitation(TypedDict):
    """A citation in the JSON of an edge."""

    article: dict[str, str]
    start: int
    end: int
    supports: list[str]
    quotation: dict[str, object] | None
    unquoted_because: str | None
    verified: bool
    url: str


def evidence_of(records: Iterable[RecordId], quoting: Quoting) -> dict[RecordId, list[EdgeCitation]]:
    """Return the citations of records, in reading order.

    The records must be ones that the reader may see: whoever sees a record sees its citations.
    """
    keys: dict[type[Citable], set[int]] = defaultdict(set)
    for model, pk in records:
        keys[model].add(pk)
    types = ContentType.objects.get_for_models(*keys)
    condition = Q(pk__in=())
    for model, pks in sorted(keys.items(), key=lambda item: types[item[0]].pk):
        condition |= Q(content_type=types[model].pk) & any_of("object_id", pks)
    models = {types[model].pk: model for model in keys}
    found = (
        Citation.objects.filter(condition)
        .order_by("article__slug", "start", "end", "slug")
        .values_list(
            *("content_type_id", "object_id", "article_id", "article__slug", "article__title"),
            *("start", "end", "supports", "slug"),
        )
    )
    rows = list(found)
    bodies = Bodies((row[2] for row in rows), quoting)
    evidence: dict[RecordId, list[EdgeCitation]] = defaultdict(list)
    for content_type, pk, article, key, title, start, end, supports, slug in rows:
        evidence[RecordId(models[content_type], pk)].append(
            {
                "article": {"key": key, "name": title, "url": f"{settings.API_ROOT}/articles/{key}"},
                "start": start,
                "end": end,
                "supports": supports,
                "quotation": bodies.quotation(article, start, end),
                "unquoted_because": bodies.unquoted_because(article, start, end),
                "verified": bodies.attached(article),
                "url": f"{settings.API_ROOT}/citations/{slug}",
            }
        )
    return evidence
