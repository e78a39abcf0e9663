"""What evidence says of references follows the records that were merged: it names the one that stays."""

import json
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from apps.common.models.records import Citable
from apps.common.writing.contract import EVIDENCE
from apps.identity.models import Merge
from apps.identity.pointing_fields import PointingField

MODELS: tuple[Any, ...] = tuple(Merge._meta.get_field(name).related_model for name in EVIDENCE)
ONE = "says -> %(name)s = %(loser)s::jsonb", "%(winner)s::jsonb"
LISTED = (
    "says -> %(name)s @> %(loser)s::jsonb",
    "(SELECT jsonb_agg(DISTINCT mapped ORDER BY mapped) FROM"
    " (SELECT CASE WHEN one = %(loser)s::jsonb THEN %(winner)s::jsonb ELSE one END AS mapped"
    " FROM jsonb_array_elements(says -> %(name)s) AS one) AS each)",
)


def repoint_says(item: PointingField, loser: models.Model, winner: models.Model) -> None:
    """Have evidence of the rows that point at one record by a field say the other one."""
    owner, name, (holds, value) = item.model, item.name, ONE
    if listing := _list_behind(item):
        owner, name, (holds, value) = listing.model, listing.name, LISTED
    if not issubclass(owner, Citable):
        return
    generic = {field.name for field in owner._meta.private_fields if isinstance(field, GenericForeignKey)}

    def said(row: models.Model) -> str:
        return json.dumps({"type": _kind(row), "id": row.pk} if name in generic else row.pk)

    values: dict[str, Any] = {"loser": said(loser), "winner": said(winner)}
    values |= {"name": name, "path": [name], "kind": _kind(owner)}
    with connection.cursor() as cursor:
        for model in MODELS:
            cursor.execute(
                f"UPDATE {model._meta.db_table} SET says = jsonb_set(says, %(path)s, {value})"  # noqa: S608 - our own
                f" WHERE content_type_id = %(kind)s AND {holds}",
                values,
            )


def say_lists_anew(winner: Citable) -> None:
    """Have the evidence of a record say its lists as they are now that those of two records are one."""
    kind = _kind(winner)
    with connection.cursor() as cursor:
        for field in winner._meta.many_to_many:
            for model in MODELS:
                cursor.execute(
                    f"UPDATE {model._meta.db_table} SET says = says - %s"  # noqa: S608 - our own
                    " WHERE content_type_id = %s AND object_id = %s AND says ? %s",
                    [field.name, kind, winner.pk, field.name],
                )


def _list_behind(item: PointingField) -> Any:
    """Return the list of a model in whose table a field points at the listed record; None for any other field."""
    targets: list[Any] = [field.related_model for field in item.model._meta.concrete_fields if field.is_relation]
    table = item.model._meta.db_table
    for each in (each for model in targets for each in model._meta.many_to_many):
        if each.remote_field.through._meta.db_table == table and each.m2m_reverse_field_name() == item.name:
            return each
    return None


def _kind(row: Any) -> int:
    return int(ContentType.objects.get_for_model(row).pk)
