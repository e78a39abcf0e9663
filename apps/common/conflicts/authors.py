"""Who changed a row last, and when, for those whose page showed it as it was before."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Field, ManyToManyField, Model
from django.utils import formats, timezone
from django.utils.translation import gettext

from apps.common.models.logged_change import LoggedChange
from apps.common.rules.change_log import logged_models

LOOKED_BACK = 100  # entries of one row


class Author(NamedTuple):
    """Who made a change, by internal key, and when; nothing where that is not on record."""

    user_id: int | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        """Return the author as a sentence names him."""
        model = get_user_model()
        user = model._default_manager.filter(pk=self.user_id).first() if self.user_id else None
        name = user.get_username() if user else gettext("a program")
        if self.at is None:
            return name
        return f"{name}, {formats.date_format(timezone.localtime(self.at), 'DATETIME_FORMAT')}"


def author_of(model: type[Model], pk: object) -> Author:
    """Return who changed, or deleted, a row last."""
    table = model._meta.db_table
    if table in logged_models():
        entry = LoggedChange.objects.filter(table_name=table, record_id=pk).order_by("-number").first()
        return Author(entry.user_id, entry.at) if entry else Author()
    kind = ContentType.objects.get_for_model(model)
    noted = LogEntry.objects.filter(content_type=kind, object_id=str(pk)).order_by("-action_time").first()
    return Author(noted.user_id, noted.action_time) if noted else Author()


def authors_of(record: Model, fields: Iterable[Field]) -> dict[str, Author]:
    """Return who changed each of some fields of a row last."""
    model = type(record)
    if model._meta.db_table not in logged_models():
        last = author_of(model, record.pk)
        return {field.name: last for field in fields}
    own = LoggedChange.objects.filter(table_name=model._meta.db_table, record_id=record.pk)
    entries = list(own.order_by("-number")[:LOOKED_BACK])
    found: dict[str, Author] = {}
    for field in fields:
        if isinstance(field, ManyToManyField):
            links = LoggedChange.objects.filter(table_name=field.m2m_db_table(), key=str(record.pk))
            entry = links.order_by("-number").first()
        else:
            entry = next((each for each in entries if _changes(each, str(field.column))), None)
        found[field.name] = Author(entry.user_id, entry.at) if entry else Author()
    return found


def _changes(entry: LoggedChange, column: str) -> bool:
    return (entry.before or {}).get(column) != (entry.after or {}).get(column)
