"""Attach the captured pages of articles, so that citations can be checked and quoted."""

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations

from apps.common.http.problems import Refusal
from apps.evidence.texts.attaching import AttachingError, attach_folder, settle_all


class Command(BaseCommand):
    """Attach the pages in a folder to the articles that record their digests, whatever the files are called.

    Without a folder (ARTICLES), only what everybody may read is chosen anew, as QUOTED_SHARE says. A file that bears
    the name of an article's page, and is another page, is refused, and so is one that a citation does not agree with.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", help="folder with the captured pages (default: ARTICLES)")

    @no_translations
    def handle(self, *, folder: Path | None, **options: object) -> None:
        folder = folder or (Path(settings.ARTICLES) if settings.ARTICLES else None)
        if folder:
            try:
                found = attach_folder(folder)
            except (AttachingError, Refusal) as error:
                raise CommandError(f"nothing was attached: {error}") from error
            for slug in found.attached:
                self.stdout.write(f"{slug}: attached")
            for name in found.unknown:
                self.stdout.write(f"{folder / name}: not the page of any article, and ignored")
            for slug in found.without:
                self.stdout.write(f"{slug}: its page is not in {folder}")
            if not found.attached:
                self.stdout.write("articles: nothing to attach")
        if changed := settle_all():
            self.stdout.write(f"what everybody may read was chosen for {changed} articles")
