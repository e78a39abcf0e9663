"""The citations on which edges of the network rest: all of them in one statement, however many edges there are."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from apps.evidence.models import ArticleText, Citation
from apps.evidence.spans import quote
from apps.explore.lookups import any_of


def evidence_of(records: Iterable[tuple[Any, int]]) -> dict[tuple[Any, int], list[dict[str, Any]]]:
    """Return the citations of records, given as (model, primary key), in reading order.

    The records must be ones that the reader may see: whoever sees a record sees its citations.
    """
    keys: dict[Any, set[int]] = defaultdict(set)
    for model, pk in records:
        keys[model].add(pk)
    types = ContentType.objects.get_for_models(*keys)
    condition = Q(pk__in=())
    for model, pks in sorted(keys.items(), key=lambda item: types[item[0]].pk):
        condition |= Q(content_type=types[model].pk) & any_of("object_id", pks)
    models = {kind.pk: model for model, kind in types.items()}
    found = (
        Citation.objects.filter(condition)
        .order_by("article__slug", "start", "end", "slug")
        .values_list(
            *("content_type_id", "object_id", "article_id", "article__slug", "article__title"),
            *("start", "end", "supports", "slug"),
        )
    )
    rows = list(found)
    bodies = _bodies({row[2] for row in rows})
    evidence: dict[tuple[Any, int], list[dict[str, Any]]] = defaultdict(list)
    for content_type, pk, article, key, title, start, end, supports, slug in rows:
        body = bodies.get(article)
        evidence[models[content_type], pk].append(
            {
                "article": {"key": key, "name": title, "url": f"{settings.API_ROOT}/articles/{key}"},
                "start": start,
                "end": end,
                "supports": supports,
                "quotation": quote(body, start, end)._asdict() if body is not None else None,
                "url": f"{settings.API_ROOT}/citations/{slug}",
            }
        )
    return evidence


def _bodies(articles: set[int]) -> dict[int, str]:
    """Return the bodies of articles whose texts are attached, where everybody may read them."""
    if not settings.QUOTATIONS_PUBLIC:
        return {}
    texts = ArticleText.objects.filter(any_of("article", articles)).select_related("article")
    return {text.article_id: text.body for text in texts}
