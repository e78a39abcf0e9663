"""Fills the database of DATABASE_URL as `manage.py serve` does, and prints which of the project's files it loaded.

A program of its own (`python -m tests.fill_database`), since what a process has loaded once it cannot unload.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")

import django
from django.contrib.admin.apps import AdminConfig
from django.core.management import call_command

from tests.databases import ROOT, digests


def main() -> None:
    """Migrate and load the fixtures."""
    # The modules of the admin, of which there are many, decide nothing of what is in the database.
    AdminConfig.ready = lambda _config: None  # type: ignore[method-assign]
    django.setup()
    call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    call_command("load_fixtures", stdout=sys.stderr, skip_checks=True)
    paths = (Path(module.__file__) for module in [*sys.modules.values()] if getattr(module, "__file__", None))
    names = {str(path.relative_to(ROOT)) for path in paths if path.is_relative_to(ROOT)}
    sys.stdout.write(json.dumps(sorted(names & digests().keys())))


if __name__ == "__main__":
    main()
