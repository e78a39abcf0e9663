"""Write the articles of the registry as fixture files."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from apps.evidence.fixtures import exporting
from apps.evidence.models import Article


class Command(BaseCommand):
    """Write one YAML file an article into a folder; loading them gives the same facts."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder to write into; made if it is not there")

    def handle(self, *, folder: Path, **options: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for article in Article.objects.order_by("slug"):
            path = folder / f"{article.slug}.yaml"
            path.write_text(exporting.dump(exporting.export(article)), encoding="utf-8")
            self.stdout.write(str(path))
