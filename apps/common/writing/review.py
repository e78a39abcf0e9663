"""What stands in the way of publishing a record: the rights of the user, and the second curator.

With `REVIEW=two` nobody publishes what he entered or changed last. What counts is the last change of what a record
says: of its values, its lists and its evidence; whether it was submitted or taken back says nothing. Files are loaded
by nobody.
"""

from functools import cache
from typing import NamedTuple, cast

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.utils.translation import gettext

from apps.common.models.records import Citable, Fact, citable_models
from apps.common.rules.permissions import may_publish
from apps.common.rules.territory import Reader
from apps.common.sql.slots import Parameter, literal
from apps.common.sql.statement import Statement
from apps.common.writing.contract import EVIDENCE

# Who made the newest entry of the log about a record, its evidence or its lists that is more than a step from one state
# to another. `{kind}`, `{table}`, `{pk}` are SQL for the record's content type, table and internal key.
AUTHOR = """
    (SELECT found.user_id FROM (
        (SELECT number, user_id FROM common_loggedchange WHERE table_name = {table} AND record_id = {pk}
         AND before - ARRAY['state', 'updated_at'] IS DISTINCT FROM after - ARRAY['state', 'updated_at']
         ORDER BY number DESC LIMIT 1)
        {evidence}
        UNION ALL
        (SELECT number, user_id FROM common_loggedchange
         WHERE table_name IN (SELECT lists.name FROM (VALUES {lists}) AS lists (of_table, name)
                              WHERE lists.of_table = {table})
         AND key = {pk}::text ORDER BY number DESC LIMIT 1)
    ) AS found ORDER BY found.number DESC LIMIT 1)
"""
OF_EVIDENCE = """
        UNION ALL
        (SELECT number, user_id FROM common_loggedchange WHERE table_name = {name} AND record_id IN (
             SELECT row.id FROM {quoted} AS row WHERE row.content_type_id = {{kind}} AND row.object_id = {{pk}}
         ) ORDER BY number DESC LIMIT 1)
"""


class Objection(NamedTuple):
    """Why a record is not published, by whom it could be: a code of an error, and a sentence."""

    code: str
    detail: str


def objection(user: Reader, record: Citable, *, is_changed: bool, rests_on_article: bool = True) -> Objection | None:
    """Return why somebody who may save a record may not publish it with its values as they are now.

    `is_changed`: the same request enters the record, or changes what it says or rests on.
    """
    if not may_publish(user, record, rests_on_article=rests_on_article):
        return Objection(
            "may_not_publish",
            gettext(
                "What rests on an article or a paper is published by a curator of the place: give it the state"
                " “submitted”, and it stands in the curators’ queue."
            ),
        )
    if rests_on_article and needs_second(user, record, is_changed=is_changed):
        return Objection(
            "second_curator",
            gettext(
                "Nobody publishes what he entered or changed last: give it the state “submitted”, and another curator"
                " publishes it from the queue."
            ),
        )
    return None


def needs_second(user: Reader, record: Citable, *, is_changed: bool) -> bool:
    """Whether a record waits for another user than this one to publish it, or to look at what was changed in it."""
    own = getattr(user, "pk", None)
    return settings.REVIEW_BY_TWO and own is not None and (is_changed or last_author(record) == own)


def last_author(record: Citable) -> int | None:
    """Return the internal key of the user who entered or changed what a record says last; None: a program did."""
    kind = ContentType.objects.get_for_model(record).pk
    found = _author().rows({"kind": kind, "table": record._meta.db_table, "pk": record.pk})
    author: int | None = found[0][0]
    return author


def author_sql(*, kind: str, table: str, pk: str) -> str:
    """Return SQL for the user who changed what a record says last, by SQL for its content type, table and key."""
    models = [model for model in citable_models().values() if issubclass(model, Fact)]
    tables = {_related(model, name)._meta.db_table: None for model in models for name in EVIDENCE}
    quote = connection.ops.quote_name
    evidence = "".join(OF_EVIDENCE.format(name=literal(name), quoted=quote(name)) for name in tables)
    pairs = [(model, field) for model in models for field in model._meta.many_to_many]
    lists = ", ".join(f"({literal(model._meta.db_table)}, {literal(field.m2m_db_table())})" for model, field in pairs)
    text = AUTHOR.replace("{evidence}", evidence).replace("{lists}", lists)
    return text.format(kind=kind, table=table, pk=pk)


def _related(model: type[Citable], name: str) -> type[Model]:
    return cast("type[Model]", model._meta.get_field(name).related_model)


@cache
def _author() -> Statement:
    kind, table, pk = Parameter("kind"), Parameter("table"), Parameter("pk")
    return Statement(f"SELECT {author_sql(kind=f'{kind}::int', table=f'{table}::text', pk=f'{pk}::bigint')}")
