"""Whole lists as files: PostgreSQL writes them, by COPY, and they pass through in chunks; memory does not grow.

A list is one statement and so one snapshot. Whatever can be refused is refused before the first byte; where the
database fails half way, the last line says so, so that nobody takes a part for the whole: not every server breaks off
the connection.
"""

import csv
import io
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework.request import Request

from apps.common.files.columns import Column, columns
from apps.common.files.spreadsheets import MOST_ROWS, CellError, Sheet, write_book
from apps.common.http.codings import IDENTITY, coding_of, compressed
from apps.common.http.formats import CODED, FORMATS
from apps.common.http.problems import parameter_error
from apps.common.reading import page_sql, pages
from apps.common.reading.read_request import ReadRequest
from apps.common.serializers.compiler import json_of, select_list
from apps.common.sql.statement import Statement, kept

# By this Excel knows a CSV file for UTF-8.
BOM = "\ufeff".encode()
ROWS_A_CHUNK = 500
# JSON holds neither of these bytes raw, and no line break, so that each record comes out as it is, a line of its own.
JSON_LINES = "(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
CELLS = "(FORMAT csv)"
VALUES = "(FORMAT text)"
BROKEN_OFF = json.dumps({"type": "/docs/errors#unavailable", "status": 503, "code": "unavailable"}).encode()


# From a list to SQL


def cells(text: str, found: Sequence[Column]) -> str:
    """Return SQL that gives each row of a query as cells."""
    # Without the OFFSET a field would be worked out again for each of its columns.
    return f"SELECT {', '.join(column.sql for column in found)} FROM ({text} OFFSET 0) AS r"  # noqa: S608


def head(headings: Iterable[str]) -> bytes:
    """Return the first line of a CSV file."""
    line = io.StringIO()
    csv.writer(line).writerow(headings)
    return line.getvalue().encode()


@kept(lambda asked, form: (form, asked.shape, tuple(asked.values), asked.changed))
def _made(asked: ReadRequest, form: str) -> tuple[Statement, list[Column]]:
    """Return the statement of an export and its columns. Raises ParameterError where there are none."""
    if form == "ndjson":
        return page_sql.statement(asked, page_sql.whole(asked, json_of)[1]), []
    serializer, text = page_sql.whole(asked, select_list)
    if not (found := columns(serializer, guarded=form == "csv")):
        raise parameter_error("fields", gettext("A table has no column for these fields: take format=json."))
    return page_sql.statement(asked, cells(text, found)), found


# From SQL to bytes


def copied(cursor: Any, text: str, params: Sequence[Any], options: str) -> Any:
    """Return psycopg's COPY of a query out of the database, to be used with `with`."""
    # Placeholders are filled in by the client, and only where there are some is a doubled % made single.
    statement = f"COPY ({text if params else text.replace('%%', '%')}) TO STDOUT WITH {options}"
    return cursor.cursor.copy(statement, params)


def chunks(rows: Iterable[Any], *, ending: bytes = b"\n") -> Iterator[bytes]:
    """Yield the rows of a COPY in chunks, each row with the given line ending."""
    kept: list[bytes] = []
    for row in rows:
        kept.append(bytes(row))
        if len(kept) == ROWS_A_CHUNK:
            yield _lines(kept, ending)
            kept.clear()
    if kept:
        yield _lines(kept, ending)


def _lines(rows: list[bytes], ending: bytes) -> bytes:
    return b"".join(rows) if ending == b"\n" else b"".join(row[:-1] + ending for row in rows)


def _stream(
    statement: Statement, values: Mapping[str, Any], options: str, before: bytes, ending: bytes
) -> Generator[bytes, None, None]:
    # Nothing is asked of the database before the first byte is fetched: what stands between the view and the server
    # may need the connection.
    try:
        with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
            _allow_time(cursor)
            with copied(cursor, statement.text, statement.params(values), options) as rows:
                if before:
                    yield before
                yield from chunks(rows, ending=ending)
    except DatabaseError:
        # In CSV, a line that has neither the columns of the others nor their quoting.
        yield BROKEN_OFF + ending
        raise


def _allow_time(cursor: CursorWrapper) -> None:
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{settings.EXPORT_TIMEOUT}s"])


# Answers


def answer(request: HttpRequest | Request, asked: ReadRequest, form: str) -> HttpResponseBase:
    """Return a whole list as a file. Raises ParameterError."""
    asked = asked.with_all_changed()
    count = pages.check_whole(asked, MOST_ROWS if form == "xlsx" else 0)
    if count > MOST_ROWS:
        detail = gettext("A spreadsheet has room for %(most)s records, and these are more: take format=csv.")
        raise parameter_error("format", detail % {"most": f"{MOST_ROWS:,}"})
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(asked, form)}"'}
    coding = coding_of(request) if form in CODED else IDENTITY
    if form in CODED:
        headers["Vary"] = "Accept-Encoding"
    if coding != IDENTITY:
        headers["Content-Encoding"] = coding
    content_type = FORMATS[form].content_type
    if request.method == "HEAD":
        return StreamingHttpResponse((), content_type=content_type, headers=headers)  # whose length is not known
    statement, found = _made(asked, form)
    if form == "xlsx":
        return FileResponse(_book(request, asked, statement, found), content_type=content_type, headers=headers)
    if form == "ndjson":
        content = _stream(statement, asked.values, JSON_LINES, b"", b"\n")
    else:
        labels = asked.shape.labels
        headings = (column.heading() if labels else column.name for column in found)
        content = _stream(statement, asked.values, CELLS, (BOM if labels else b"") + head(headings), b"\r\n")
    sent = content if coding == IDENTITY else compressed(content, coding)
    return StreamingHttpResponse(sent, content_type=content_type, headers=headers)


def _file_name(asked: ReadRequest, form: str) -> str:
    """Return a name that says what it is in any language: resource and the day for which it holds."""
    day = asked.values.get("as_of") or timezone.now().date()
    resource = asked.shape.view.queryset.model.resource
    return f"partybuild-{resource}-{day:%Y-%m-%d}.{FORMATS[form].name}"


def _book(request: HttpRequest | Request, asked: ReadRequest, statement: Statement, found: list[Column]) -> IO[bytes]:
    """Return a spreadsheet as an open file. It is whole before the answer begins, because its parts are zipped."""
    sheet = Sheet(
        resource=asked.shape.view.queryset.model.resource,
        title=str(asked.shape.view.queryset.model._meta.verbose_name_plural),
        source=request.build_absolute_uri(),
        parameters={name: text for name, text in asked.params.items() if name != "format"},
        columns=found,
    )
    with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
        _allow_time(cursor)
        with copied(cursor, statement.text, statement.params(asked.values), VALUES) as rows:
            try:
                return write_book(sheet, rows.rows())
            except CellError as error:
                detail = gettext("A cell of “%(name)s” has more text than a spreadsheet takes: take format=csv.")
                raise parameter_error("format", detail % {"name": error.column}) from error
