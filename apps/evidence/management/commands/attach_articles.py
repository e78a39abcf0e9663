"""Attach the captured pages of articles, so that citations can be checked and quoted."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from apps.common.http.problems import Refusal
from apps.common.writing.transaction import write_transaction
from apps.evidence.actions import TextError, attach_text
from apps.evidence.models import Article


class Command(BaseCommand):
    """Read from a folder the page of every article whose captured file is there.

    A page is refused when it is not the one that the article records, or when a citation does not agree with it.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder with the captured pages, named as the articles say")

    def handle(self, *, folder: Path, **options: object) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder}: no such folder")
        refused = []
        for article in Article.objects.order_by("slug"):
            path = folder / article.captured_file
            if not path.is_file():
                self.stdout.write(f"{article.slug}: {article.captured_file} is not there")
                continue
            try:
                with write_transaction():
                    attach_text(article=article, captured=path.read_text(encoding="utf-8"))
            except (TextError, OSError, UnicodeDecodeError, Refusal) as error:
                refused.append(f"{article.slug}: {error}")
            else:
                self.stdout.write(f"{article.slug}: attached")
        if refused:
            raise CommandError("\n".join(refused))
