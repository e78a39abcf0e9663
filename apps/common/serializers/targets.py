"""Records of any kind, looked up together to be named and linked to."""

from collections import defaultdict
from collections.abc import Iterable

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.db.models.expressions import RawSQL
from django.utils.translation import get_language

from apps.common.models.records import Citable
from apps.common.models.search_conditions import is_one_of
from apps.common.models.targets import Target
from apps.common.rules.territory import Reader, Viewer, shared, viewer_of
from apps.common.serializers.compiler import Compilation, SqlRow
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement, kept


def load_targets(pairs: Iterable[tuple[int, int]], user: Reader) -> dict[tuple[int, int], Target]:
    """Look up records by (content type id, primary key), all in one query however many kinds there are.

    Django's own prefetch costs a query for each kind, so that a page's cost would hang on what it happens to hold.
    Pairs without a record that the user sees are left out of the answer.
    """
    ids: dict[int, set[int]] = defaultdict(set)
    for content_type_id, pk in pairs:
        ids[content_type_id].add(pk)
    models = {number: model for number in sorted(ids) if (model := _kind(number)) is not None}
    if not models:
        return {}
    viewer, values = viewer_of(user)
    keys = {f"keys_{number}": list(ids[number]) for number in models}
    rows = _statement(tuple(models.items()), viewer, get_language()).rows({**values, **keys})
    return {(number, pk): Target(models[number].resource, key, name) for number, pk, key, name in rows}


def target_of(record: Citable, user: Reader) -> Target | None:
    """Return a record as others point at it; None where the user does not see it, or it is gone by now.

    Its name is made of what he sees: `str()` would tell everybody what a record is called at which it points.
    """
    end = ContentType.objects.get_for_model(record).pk, record.pk
    return load_targets([end], user).get(end)


def _kind(content_type_id: int) -> type[Citable] | None:
    model: type[Model] | None = ContentType.objects.get_for_id(content_type_id).model_class()
    return model if model is not None and issubclass(model, Citable) else None


@kept(lambda models, viewer, language: ("targets", models, viewer, language))
def _statement(models: tuple[tuple[int, type[Citable]], ...], viewer: Viewer | None, language: str | None) -> Statement:
    """Return the statement for records of some kinds, with their names in the active language."""
    selects = []
    for number, model in models:
        compilation = Compilation(viewer)
        row = SqlRow(compilation, model)
        fields = f"{row.column('pk')}, {row.column('key')}::text, {row.name(within=True)}::text"
        asked = is_one_of("pk", RawSQL("(%s)", [Parameter(f"keys_{number}")]))
        rows = compilation.rows(model, narrow=False).filter(asked).order_by()
        selects.append(f"SELECT {number}::int, {fields} FROM {row.source(rows)}")
    return Statement(shared(" UNION ALL ".join(selects), viewer))
