"""The records that generic references point at, loaded together."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from apps.common.models.records import Citable, Fact


class Target(NamedTuple):
    """A record as another one points at it: enough to name it and to link to it."""

    resource: str
    key: str
    name: str


def model_of(content_type_id: int) -> type[Citable]:
    """Return the model of the records that generic references with this content type point at."""
    model = ContentType.objects.get_for_id(content_type_id).model_class()
    if model is None or not issubclass(model, Citable):
        raise LookupError(f"content type {content_type_id} is not that of a record")
    return model


def load_targets(pairs: Iterable[tuple[int, int]], *, published_only: bool = False) -> dict[tuple[int, int], Target]:
    """Look up records by (content type id, primary key), all in one query however many kinds there are.

    Django's own prefetch costs a query for each kind, so that a page's cost would hang on what it happens to hold.
    Pairs without a record are left out of the answer.
    """
    ids: dict[int, set[int]] = defaultdict(set)
    for content_type_id, pk in pairs:
        ids[content_type_id].add(pk)
    selects: list[str] = []
    params: list[Any] = []
    models_by_id: dict[int, type[Citable]] = {}
    for content_type_id, pks in sorted(ids.items()):
        model = ContentType.objects.get_for_id(content_type_id).model_class()
        if model is None or not issubclass(model, Citable):
            continue
        models_by_id[content_type_id] = model
        quote = connection.ops.quote_name
        columns = [
            quote(cast("models.Field[Any, Any]", model._meta.get_field(name)).column or name)
            for name in (model.key_field, model.name_field)
        ]
        selects.append(
            f"SELECT %s::int, id, {columns[0]}::text, {columns[1]}::text"  # noqa: S608 - names come from the models
            f" FROM {quote(model._meta.db_table)} WHERE id = ANY(%s)"
            + (" AND state = 'published'" if published_only and issubclass(model, Fact) else "")
        )
        params += [content_type_id, list(pks)]
    if not selects:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects), params)
        rows = cursor.fetchall()
    return {(row[0], row[1]): Target(models_by_id[row[0]].resource, row[2], row[3]) for row in rows}
