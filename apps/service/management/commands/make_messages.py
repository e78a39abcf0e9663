"""Bring the Chinese catalogues up to date with the code and compile them. Needs GNU gettext; running them does not."""

import re
import subprocess
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext, override

from apps.common.http.translations import translate_document
from apps.common.openapi.schema import document

FOLDER = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
# Dates in the files would make each run a change.
DATE = re.compile(r'^"POT-Creation-Date: .*"\n', re.MULTILINE)


def described() -> list[str]:
    """Return the texts of the OpenAPI document that are no labels or help texts of the domain `django`."""
    texts: dict[str, None] = {}

    def note(*forms: str) -> None:
        if all(gettext(form) == form for form in forms):
            texts[forms[0]] = None

    with override("en"):
        english = document()
    with override("zh-hans"):
        translate_document(english, note)
    return list(texts)


def entry(text: str) -> str:
    """Return a text as an entry of a catalogue that is still to be translated."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    flag = "#, python-brace-format\n" if "{0}" in text else ""
    return f'{flag}msgid "{escaped}"\nmsgstr ""\n'


class Command(BaseCommand):
    """Bring the Chinese catalogues up to date with the code and compile them."""

    help = __doc__

    def handle(self, **options: object) -> None:
        call_command(
            "makemessages",
            locale=["zh_Hans"],
            no_wrap=True,
            no_obsolete=True,
            add_location="file",
            ignore_patterns=["tests/*"],
            verbosity=0,
        )
        # First the labels and help texts: what is translated there is no part of the other catalogue.
        self._settle("django")
        template = FOLDER / "openapi.pot"
        template.write_text("\n".join([HEADER, *map(entry, described())]), encoding="utf-8")
        try:
            catalogue = FOLDER / "openapi.po"
            if not catalogue.exists():
                catalogue.write_text(HEADER, encoding="utf-8")
            self._run("msgmerge", "--quiet", "--update", "--backup=none", "--no-wrap", catalogue, template)
            self._run("msgattrib", "--no-obsolete", "--no-wrap", "--output-file", catalogue, catalogue)
        finally:
            template.unlink()
        self._settle("openapi")

    def _settle(self, domain: str) -> None:
        """Compile a catalogue; stop where texts are still to be translated."""
        catalogue = FOLDER / f"{domain}.po"
        catalogue.write_text(DATE.sub("", catalogue.read_text(encoding="utf-8")), encoding="utf-8")
        compiled = catalogue.with_suffix(".mo")
        output = self._run("msgfmt", "--check-format", "--statistics", "--output-file", compiled, catalogue)
        self.stdout.write(f"{domain}: {output}")
        if "untranslated" in output or "fuzzy" in output:
            raise CommandError(f"translate what is new in {catalogue} and remove the word fuzzy; then run this again")

    def _run(self, *command: str | Path) -> str:
        """Run one of gettext's tools; return its output."""
        try:
            done = subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C.UTF-8"})
        except FileNotFoundError as error:
            raise CommandError(f"{command[0]} is not installed; it comes with GNU gettext") from error
        except subprocess.CalledProcessError as error:
            raise CommandError(error.stderr.strip()) from error
        return done.stderr.strip()
