"""The layout of the tables that a database was made with, and the refusal of one that an earlier release made.

Until 1.0.0 the first migration of each app is made anew with the models, and a database with them. Django would take
one that is older for a current one, as both say that `0001_initial` was applied.
"""

import hashlib

from django.conf import settings
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

PREFIX = "partybuild layout "
FIRST_MIGRATIONS = "apps/*/migrations/0001_initial.py"
EARLIER_LAYOUT = (
    "this database was made with an earlier layout of the tables, and until 1.0.0 databases are made anew: "
    "move .data/postgres away, or name an empty database in DATABASE_URL, and run again"
)
READ = """
    SELECT obj_description(to_regclass('django_migrations'), 'pg_class'), to_regclass('common_loggedchange') IS NOT NULL
"""


def layout() -> str:
    """Return the name of the present layout: a digest of the first migrations of all apps."""
    digest = hashlib.sha256()
    for path in sorted(settings.BASE_DIR.glob(FIRST_MIGRATIONS)):
        digest.update(path.read_bytes())
    return f"{PREFIX}{digest.hexdigest()[:12]}"


def is_of_earlier_layout() -> bool:
    """Whether the database has our tables, but those of another layout."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        made_with, has_tables = cursor.fetchone()
    return has_tables and made_with != layout()


class MarkLayout(Operation):
    """Writes into the database with which layout it was made."""

    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing in the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Write the mark, as the comment on Django's own table of migrations."""
        schema_editor.execute(f"COMMENT ON TABLE django_migrations IS '{layout()}'", params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave the mark, which goes with its table."""

    def describe(self) -> str:
        """Return what `migrate` prints about the operation."""
        return "Mark the database with its layout"
