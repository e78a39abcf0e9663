"""Triggers that a migration adds together."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.state import ProjectState

from apps.common.rules.migration_operations import AddTriggers
from apps.identity.models import Merge

pytestmark = pytest.mark.django_db


def installed() -> set[str]:
    """Return the triggers on the table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [Merge._meta.db_table]
        )
        return {name for (name,) in cursor.fetchall()}


def test_all_triggers_of_a_model_go_and_come_back_together() -> None:
    own: Any = Merge._meta
    operation = AddTriggers("merge", [trigger.compile(Merge) for trigger in own.triggers])
    names = {trigger.get_pgid(Merge) for trigger in own.triggers}
    state = ProjectState.from_apps(apps)
    state.models["identity", "merge"].options.pop("triggers", None)
    before = installed()
    assert len(names) > 5
    assert names <= before

    with connection.schema_editor() as editor:
        operation.database_backwards("identity", editor, state, state)
        assert installed() == before - names
        operation.state_forwards("identity", state)
        operation.database_forwards("identity", editor, state, state)

    assert installed() == before
    assert state.models["identity", "merge"].options["triggers"] == operation.triggers
    assert operation.describe() == f"Create {len(names)} triggers on model merge"
