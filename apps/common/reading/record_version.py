"""The version of one record: what `If-Match` is compared with.

The `ETag` of a list or a detail moves with every change of any record, since an answer shows more than one row. A write
must fail only where *its* record has changed. So the `ETag` of a detail has two parts, `"<answer>.<record>"`: whole, it
is strong and serves `If-None-Match`; of what is given in `If-Match`, the second part decides.

A version is a digest of what was written into the row. Columns that the database fills from other records are left out:
a unit is not changed by an alias that it gets. A list of references is a part of the row: the set of what it names.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from django.db import connection
from django.db.models import ManyToManyField, Model
from django.http import HttpRequest
from django.utils.http import parse_etags
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.http.problems import Refusal
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement
from apps.common.values.columns import PythonColumn

TAG = re.compile(r'"[0-9a-f]*\.([0-9a-f]{16})"')
KNOWN = re.compile(r'"([0-9a-f]{32})(\.[0-9a-f]{16})?"')


def row_version(model: type[Model], column: Callable[[str], str]) -> str:
    """Return SQL for the version of a row; `column` gives that of a field, with the table or alias before it."""
    columns = [
        column(field.name)
        for field in model._meta.concrete_fields
        if not (field.generated or isinstance(field, PythonColumn))
    ]
    columns += [_linked(field, column(model._meta.pk.name)) for field in model._meta.many_to_many]
    return f"left(md5(ROW({', '.join(columns)})::text), 16)"


def _linked(field: ManyToManyField, owner: str) -> str:
    """Return SQL for the internal keys of what a list of references names."""
    quote = connection.ops.quote_name
    table, own, other = map(quote, (field.m2m_db_table(), field.m2m_column_name(), field.m2m_reverse_name()))
    return f"ARRAY(SELECT link.{other} FROM {table} AS link WHERE link.{own} = {owner} ORDER BY 1)"


def version_of(record: Model) -> str:
    """Return the version of a record as it stands in the database."""
    ((version,),) = _version(type(record)).rows({"pk": record.pk})
    return str(version)


def versions_of(model: type[Model], keys: Sequence[object]) -> dict[object, str]:
    """Return the versions of rows as they stand in the database, by internal key; those that are gone have none."""
    if not keys:
        return {}
    pk = _column(model, model._meta.pk.name)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {pk}, {_rows(model)} WHERE {pk} = ANY(%s)", [list(keys)])
        return dict(cursor.fetchall())


@cache
def _version(model: type[Model]) -> Statement:
    return Statement(f"SELECT {_rows(model)} WHERE {_column(model, model._meta.pk.name)} = {Parameter('pk')}")


def _rows(model: type[Model]) -> str:
    """Return SQL for the version of each row of a table, and the table."""
    version = row_version(model, lambda name: _column(model, name))
    return f"{version} FROM {connection.ops.quote_name(model._meta.db_table)}"


def _column(model: type[Model], name: str) -> str:
    quote = connection.ops.quote_name
    column = next(field.column for field in model._meta.concrete_fields if field.name == name)
    return f"{quote(model._meta.db_table)}.{quote(str(column))}"


def tag_of(body: bytes, version: str) -> str:
    """Return the `ETag` of a record that is answered outside the cache."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}.{version}"'


def given_versions(header: str) -> list[str]:
    """Return the versions of records in an `If-Match` header; weak tags have none (RFC 9110, 13.1.1)."""
    return [match[1] for tag in parse_etags(header) if (match := TAG.fullmatch(tag))]


class Conditions(NamedTuple):
    """On what a write is to be done: its headers `If-Match` and `If-None-Match`, or None (RFC 9110, 13.1)."""

    match: str | None
    none_match: str | None

    @classmethod
    def of(cls, request: HttpRequest | Request) -> "Conditions":
        """Return the conditions of a request."""
        return cls(request.META.get("HTTP_IF_MATCH"), request.META.get("HTTP_IF_NONE_MATCH"))

    @property
    def wants_none(self) -> bool:
        """Whether there is to be no record yet."""
        return (self.none_match or "").strip() == "*"

    def objection(self, version: str) -> str:
        """Return why a record of a version is to be left as it is; empty where the conditions are met.

        `If-None-Match` wants the record not to be there, or not to be as it was read, and compares weakly; `If-Match`
        compares strongly. An empty version is that of what has none: no tag names it.
        """
        if self.wants_none:
            return gettext("There is such a record already.")
        if self.none_match and version in given_versions(self.none_match.replace("W/", "")):
            return gettext("The record is still as it was read.")
        if self.match is None or self.match.strip() == "*" or version in given_versions(self.match):
            return ""
        if version in given_versions(self.match.replace("W/", "")):
            return gettext("A weak tag (W/) names no version: read the record with the token that you write with.")
        return gettext("The record has changed since you read it; read it again.")

    def objections(self, records: Sequence[Model]) -> dict[int, str]:
        """Return why records are to be left as they are, by internal key, of those of one kind for which that is so."""
        if not records or not any(self):
            return {}
        versions = versions_of(type(records[0]), [record.pk for record in records])
        return {record.pk: why for record in records if (why := self.objection(versions.get(record.pk, "")))}

    def check(self, version: str) -> None:
        """Raise Refusal (412) where the conditions are not met by a locked record of a version."""
        if objection := self.objection(version):
            raise Refusal("precondition_failed", objection)

    def check_read(self, record: Model) -> None:
        """Raise Refusal as `check`, and (428) where `If-Match` does not say which version of a record was read."""
        self.check(version_of(record))
        if self.match is None:
            raise Refusal(
                "precondition_required",
                gettext(
                    "Send the ETag of the record as you have read it in If-Match, so that nobody's change is lost."
                ),
            )
