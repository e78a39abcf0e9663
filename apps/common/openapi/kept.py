"""The OpenAPI document as it is sent: made once for a state of the code, kept in files, compressed.

A process reads what is kept, some milliseconds, and makes it only where nobody has: the image makes it at its build,
and `serve` beside the start of the service. What was made of other code has another digest, so that it is never read.
Where nothing can be written, each process makes its own.
"""

import fcntl
import gzip
import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

import brotli
import yaml
from django.conf import settings
from django.utils.translation import override

from apps.common.openapi.schema import Generator, in_language

logger = logging.getLogger(__name__)

FORMS = ("json", "yaml")
# What the document is made by, beside our own code.
MAKERS = ("django", "djangorestframework", "drf-spectacular", "pyyaml", "brotli")
SOURCES = ("*.py", "*.json", "*.mo")
# Level 11 takes seconds to save a tenth.
BROTLI_QUALITY = 9
# Of the YAML: an operation's parameters and answers, and a schema's properties, have a line each.
LEVELS_IN_LINES = 5
WIDE = 10**9  # characters of a line


class Coded(NamedTuple):
    """A document in one content coding, with its strong `ETag`."""

    content: bytes
    etag: str


class Document(NamedTuple):
    """A document in each content coding."""

    identity: Coded
    gzip: Coded
    br: Coded


def languages() -> list[str]:
    """Return the languages in which there is a document."""
    return [code for code, _name in settings.LANGUAGES]


def digest_of(root: Path) -> str:
    """Return a digest of the files of the code from which the document is made."""
    found = hashlib.blake2b(digest_size=16)
    for pattern in SOURCES:
        for folder in ("apps", "partybuild"):
            for path in sorted((root / folder).rglob(pattern)):
                content = path.read_bytes()
                found.update(f"{path.relative_to(root)} {len(content)}\n".encode() + content)
    return found.hexdigest()


# Of the files that this process runs: later they may be others.
CODE = digest_of(settings.BASE_DIR)


@cache
def digest() -> str:
    """Return a digest of all that the document is made from."""
    made_by = [version(name) for name in MAKERS]
    described = [CODE, settings.SPECTACULAR_SETTINGS, languages(), made_by]
    return hashlib.blake2b(json.dumps(described, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


@cache
def kept(language: str, form: str) -> Document:
    """Return the document in a language (`en`) and a form (`json`, `yaml`)."""
    folder = folder_of_digest()
    if (found := _read(folder, language, form)) is None:
        keep()
        found = _read(folder, language, form)
    return found or _made()[language, form]


def is_kept() -> bool:
    """Tell whether the documents of this code are kept already."""
    return folder_of_digest().is_dir()


def folder_of_digest() -> Path:
    """Return where the documents of this code are kept."""
    return Path(settings.OPENAPI_FOLDER) / digest()


def keep() -> None:
    """Make and keep the documents, unless they are; where another process is about it, wait for that one."""
    folder = folder_of_digest()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            if folder.is_dir():
                return
            with tempfile.TemporaryDirectory(dir=folder.parent) as made:
                part = Path(made) / "documents"
                part.mkdir()
                for (language, form), document in _made().items():
                    for coding in Document._fields:
                        (part / f"{language}.{form}.{coding}").write_bytes(getattr(document, coding).content)
                part.rename(folder)
            for other in folder.parent.iterdir():
                if other.is_dir() and other != folder:
                    rmtree(other, ignore_errors=True)
    except OSError as error:
        logger.info("the OpenAPI document cannot be kept: %s", error)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(folder: Path, language: str, form: str) -> Document | None:
    with suppress(OSError):
        contents = {coding: (folder / f"{language}.{form}.{coding}").read_bytes() for coding in Document._fields}
        return _document(**contents)
    return None


def _document(identity: bytes, **coded: bytes) -> Document:
    """Return a document whose tags follow from its content: each coding has another one."""
    tag = hashlib.blake2b(identity, digest_size=16).hexdigest()
    others = {coding: Coded(content, f'"{tag}-{coding}"') for coding, content in coded.items()}
    return Document(Coded(identity, f'"{tag}"'), **others)


@cache
def _made() -> dict[tuple[str, str], Document]:
    """Make the documents in all languages and forms."""
    english = Generator().english()
    found = {}
    for language in languages():
        with override(language):
            document = in_language(english)
        for form in FORMS:
            content = _written(document, form)
            found[language, form] = _document(
                identity=content,
                gzip=gzip.compress(content, mtime=0),
                br=brotli.compress(content, quality=BROTLI_QUALITY),
            )
    return found


def _written(document: dict[str, object], form: str) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return (text if form == "json" else _yaml(json.loads(text))).encode()


def _yaml(document: object) -> str:
    """Return a document as YAML whose outer levels have lines of their own: wholly in lines, it is a quarter larger."""
    node = _Whole(default_flow_style=False, sort_keys=False).represent_data(document)
    _flow(node, LEVELS_IN_LINES)
    written: str = yaml.serialize(node, Dumper=yaml.CSafeDumper, allow_unicode=True, width=WIDE)
    return written


class _Whole(yaml.representer.SafeRepresenter):
    """Writes what is equal out each time, where YAML would point to the first."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _flow(node: yaml.Node, levels: int) -> None:
    """Have what lies below some levels of a node written within a line."""
    if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        node.flow_style = levels <= 0
        for child in node.value:
            _flow(child[1] if isinstance(child, tuple) else child, levels - 1)
