"""The version of one record: what `If-Match` is compared with.

The `ETag` of a list or a detail moves with every change of any record, since an answer shows more than one row. A write
must fail only where *its* record has changed. So the `ETag` of a detail has two parts, `"<answer>.<record>"`: whole, it
is strong and serves `If-None-Match`; of what is given in `If-Match`, the second part decides.

A version is a digest of what was written into the row. Columns that the database fills from other records are left out:
a unit is not changed by an alias that it gets.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache

from django.db import connection
from django.db.models import Model
from django.utils.http import parse_etags
from django.utils.translation import gettext

from apps.common.http.problems import Refusal
from apps.common.sql.slots import Parameter
from apps.common.sql.statement import Statement
from apps.common.values.columns import PythonColumn

TAG = re.compile(r'"[0-9a-f]*\.([0-9a-f]{16})"')
KNOWN = re.compile(r'"([0-9a-f]{32})(\.[0-9a-f]{16})?"')


def row_version(model: type[Model], column: Callable[[str], str]) -> str:
    """Return SQL for the version of a row; `column` gives that of a field."""
    columns = [
        column(field.name)
        for field in model._meta.concrete_fields
        if not (field.generated or isinstance(field, PythonColumn))
    ]
    return f"left(md5(ROW({', '.join(columns)})::text), 16)"


def version_of(record: Model) -> str:
    """Return the version of a record as it stands in the database."""
    ((version,),) = _version(type(record)).rows({"pk": record.pk})
    return str(version)


@cache
def _version(model: type[Model]) -> Statement:
    quote = connection.ops.quote_name

    def column(name: str) -> str:
        return quote(str(model._meta.get_field(name).column))  # type: ignore[union-attr]

    text = f"SELECT {row_version(model, column)} FROM {quote(model._meta.db_table)}"
    return Statement(f"{text} WHERE {quote(str(model._meta.pk.column))} = {Parameter('pk')}")


def tag_of(body: bytes, version: str) -> str:
    """Return the `ETag` of a record that is answered outside the cache."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}.{version}"'


def given_versions(header: str) -> list[str]:
    """Return the versions of records in an `If-Match` header; weak tags have none (RFC 9110, 13.1.1)."""
    return [match[1] for tag in parse_etags(header) if (match := TAG.fullmatch(tag))]


def check_absent(header: str | None, record: Model) -> None:
    """Raise Refusal (412) where `If-None-Match` is `*`, or names the version of a locked record.

    A write on this condition wants the record not to be there, or not to be as it was read (RFC 9110, 13.1.2). Tags are
    compared weakly.
    """
    if header is None:
        return
    if header.strip() == "*":
        raise Refusal("precondition_failed", gettext("There is such a record already."))
    if version_of(record) in given_versions(header.replace("W/", "")):
        raise Refusal("precondition_failed", gettext("The record is still as it was read."))


def check_unchanged(header: str | None, record: Model) -> None:
    """Raise Refusal unless `If-Match` is given (428) and names the version of a locked record (412)."""
    if header is None:
        raise Refusal(
            "precondition_required",
            gettext("Send the ETag of the record as you have read it in If-Match, so that nobody's change is lost."),
        )
    if header.strip() != "*" and version_of(record) not in given_versions(header):
        raise Refusal("precondition_failed", gettext("The record has changed since you read it; read it again."))
