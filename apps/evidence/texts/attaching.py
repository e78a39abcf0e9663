"""The captured pages in a folder, attached to the articles that record their digests, whatever the files are called."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from apps.common.writing.transaction import write_transaction
from apps.evidence import intake, spans
from apps.evidence.actions import TextError, attach_text
from apps.evidence.models import Article, ArticleText
from apps.evidence.redaction.places import redacted
from apps.evidence.texts.differences import difference
from apps.evidence.texts.quoting import settle


class AttachingError(ValueError):
    """A folder whose pages are not attached; says which file, and why."""


class Attached(NamedTuple):
    """What became of a folder: the articles that got their text, those whose text is nowhere, files of no article."""

    attached: list[str]
    without: list[str]
    unknown: list[str]


def attach_folder(folder: Path) -> Attached:
    """Attach the pages of a folder to the articles that record them.

    Raises AttachingError when the folder or a file cannot be read, and when a file that bears the name of an article's
    page is another page; Refusal when another one writes all the while. Nothing is attached then. What is attached
    already is left alone.
    """
    if not folder.is_dir():
        raise AttachingError(f"{folder}: no such folder")
    articles = {article.captured_sha256: article for article in Article.objects.order_by("slug")}
    by_name = {article.captured_file: article for article in articles.values()}
    pages: dict[str, tuple[Path, str]] = {}
    unknown = []
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        texts = list(readings(path))
        found = {sha256: text for text in texts if (sha256 := spans.digest(redacted(text))) in articles}
        pages |= {sha256: (path, text) for sha256, text in found.items()}
        if found:
            continue
        if path.name in by_name:
            page = redacted(texts[0]) if texts else ""
            article = by_name[path.name]
            raise AttachingError(f"{path} ({article.slug}): {difference(article, page)}")
        unknown.append(path.name)
    present = set(ArticleText.objects.values_list("article_id", flat=True))
    new = {sha256: page for sha256, page in pages.items() if articles[sha256].pk not in present}
    with write_transaction():
        for sha256, (path, text) in new.items():
            try:
                attach_text(article=articles[sha256], captured=text)
            except TextError as error:
                raise AttachingError(f"{path} ({articles[sha256].slug}): {error}") from error
    without = [each.slug for sha256, each in articles.items() if each.pk not in present and sha256 not in pages]
    return Attached([articles[sha256].slug for sha256 in new], without, unknown)


def settle_all() -> int:
    """Choose what everybody may read of each article whose text is attached; returns for how many that changed."""
    return sum(settle(article) for article in Article.objects.filter(text__isnull=False).order_by("slug"))


def readings(path: Path) -> Iterator[str]:
    """Yield the texts that a file may stand for: as it is, and as it would be taken in (of HTML, what is shown)."""
    try:
        with path.open("rb") as file:
            data = file.read(intake.MAX_BYTES + 1)
    except OSError as error:
        raise AttachingError(f"{path}: {error.strerror}") from error
    yield from readings_of(data)


def readings_of(data: bytes) -> Iterator[str]:
    """Yield the texts that a page may stand for; none where it is too long, or no text."""
    try:
        text = intake.decode(data)
        yield spans.normalise(text)
        yield intake.captured(text)
    except intake.IntakeError:
        return
