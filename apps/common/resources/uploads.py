"""A file in the body of a request: alone, or in a form."""

from collections.abc import Mapping
from typing import IO, Any, NamedTuple, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.translation import gettext
from rest_framework.parsers import BaseParser

from apps.common.files.tables import CSV, XLSX
from apps.common.http.problems import Refusal
from apps.common.writing.contract import error_at

FILE = "file"  # of a form
PACKAGE = b"PK\x03\x04"  # with which each workbook begins


class Upload(NamedTuple):
    """A file that was sent as the body."""

    content: bytes
    media_type: str


class CSVParser(BaseParser):
    """Takes a body as it is."""

    media_type = CSV

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> Any:
        """Return the file. Raises Refusal where it is too large."""
        content = stream.read(settings.MAX_FILE_BYTES + 1)
        if len(content) > settings.MAX_FILE_BYTES:
            raise Refusal("too_large")
        return Upload(content, self.media_type)


class XLSXParser(CSVParser):
    """Takes a spreadsheet as it is."""

    media_type = XLSX


class FileInMemory(MemoryFileUploadHandler):
    """Keeps a file in memory whatever its size, as the other parsers do: `BodyGuardMiddleware` has looked at that."""

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        """Take part in every upload."""
        self.activated = True


class FileFormParser(BaseParser):
    """Takes a form with one file, as generated clients and browsers send it."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the file: a workbook where it begins as one, or else CSV. Raises Refusal."""
        headers = parser_context["request"].META if parser_context else {}
        try:
            fields, files = MultiPartParser(headers, cast(Any, stream), [FileInMemory()]).parse()
        except MultiPartParserError as error:
            raise Refusal("bad_request", str(error)) from error
        if fields or [(name, len(each)) for name, each in files.lists()] != [(FILE, 1)]:
            detail = gettext("One file is expected, as “%(name)s”, and nothing beside it.") % {"name": FILE}
            raise Refusal("bad_request", errors=[error_at(f"/{FILE}", "one_file", detail)])
        content = cast("UploadedFile", files[FILE]).read()
        return Upload(content, XLSX if content.startswith(PACKAGE) else CSV)
