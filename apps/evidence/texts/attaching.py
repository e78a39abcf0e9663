"""The captured pages in a folder, attached to the articles that record their digests, whatever the files are called."""

from collections.abc import Iterator
from contextlib import suppress
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
    articles = list(Article.objects.order_by("slug"))
    recorded = {article.captured_sha256 for article in articles}
    by_name = {article.captured_file: article for article in articles}
    pages: dict[str, tuple[Path, str]] = {}
    unknown = []
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        texts = _read(path)
        found = {sha256: text for text in texts if (sha256 := spans.digest(redacted(text))) in recorded}
        pages |= {sha256: (path, text) for sha256, text in found.items()}
        if not found and (article := by_name.get(path.name)):
            page = redacted(texts[0]) if texts else ""
            raise AttachingError(f"{path} ({article.slug}): {difference(article, page)}")
        unknown += [] if found else [path.name]
    present = set(ArticleText.objects.values_list("article_id", flat=True))
    new = [each for each in articles if each.pk not in present and each.captured_sha256 in pages]
    with write_transaction():
        for article in new:
            path, text = pages[article.captured_sha256]
            try:
                attach_text(article=article, captured=text)
            except TextError as error:
                raise AttachingError(f"{path} ({article.slug}): {error}") from error
    without = [each.slug for each in articles if each.pk not in present and each.captured_sha256 not in pages]
    return Attached([each.slug for each in new], without, unknown)


def settle_all() -> int:
    """Choose what everybody may read of each article whose text is attached; returns for how many that changed."""
    return sum(settle(article) for article in Article.objects.filter(text__isnull=False).order_by("slug"))


def readings(page: str) -> Iterator[str]:
    """Yield what a page may be recorded as: as it is, and as it is taken in (of HTML, what is shown)."""
    yield spans.normalise(page)
    with suppress(intake.IntakeError):
        yield intake.captured(page)


def _read(path: Path) -> list[str]:
    """Return what a file may be recorded as; nothing for one that is too long or no text. Raises AttachingError."""
    try:
        with path.open("rb") as file:
            return list(readings(intake.decode(file.read(intake.MAX_BYTES + 1))))
    except intake.IntakeError:
        return []
    except OSError as error:
        raise AttachingError(f"{path}: {error.strerror}") from error
