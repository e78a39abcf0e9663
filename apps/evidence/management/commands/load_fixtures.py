"""Load the gazetteer and the articles."""

import hashlib
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.common.http.problems import Refusal
from apps.common.models.tables import LoadedFile
from apps.common.writing.transaction import write_transaction
from apps.evidence.fixtures.files import FixtureError, merge, read_file
from apps.evidence.fixtures.loading import load
from apps.evidence.fixtures.retired import read_retired, retire
from apps.registry.actions import load_gazetteer
from apps.registry.gazetteer.rows import GazetteerError

RETIRED = "retired.yaml"
PATIENCE = 60  # seconds: a service that starts does not fail for an import that another one has under way


class Command(BaseCommand):
    """Load what is in fixtures/. Files that did not change since they were last loaded are left alone."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, default=settings.BASE_DIR / "fixtures")
        parser.add_argument("--force", action="store_true", help="load unchanged files too, over curators' edits")

    def handle(self, *, folder: Path, force: bool, **options: object) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder}: no such folder")
        known = {} if force else dict(LoadedFile.objects.values_list("path", "sha256"))
        digests = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for pattern in ("gazetteer/*", RETIRED, "articles/*.yaml")
            for path in sorted(folder.glob(pattern))
        }
        changed = [path for path, digest in digests.items() if known.get(path) != digest]
        if not changed:
            self.stdout.write("fixtures: nothing changed")
            return
        try:
            with write_transaction(lock_timeout=PATIENCE):
                if any(path.startswith("gazetteer/") for path in changed):
                    self._report(load_gazetteer(folder=folder / "gazetteer"))
                files = {path.name: read_file(path) for path in sorted(folder.glob("articles/*.yaml"))}
                retired = read_retired(folder / RETIRED)
                self._report({"retired slugs": retire(RETIRED, retired, set(merge(files)))})
                self._report(load(files, {Path(path).name for path in changed}))
                for path in changed:
                    LoadedFile.objects.update_or_create(path=path, defaults={"sha256": digests[path]})
        except (FixtureError, GazetteerError, Refusal) as error:
            raise CommandError(f"nothing was loaded: {error}") from error

    def _report(self, written: dict[str, int]) -> None:
        for resource, number in written.items():
            if number:
                self.stdout.write(f"{resource}: {number} written")
