"""Operations of migrations."""

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from pgtrigger.compiler import Trigger
from pgtrigger.migrations import AddTrigger

from apps.common.rules.transactions import BEGIN_EPOCH


class AddTriggers(Operation):
    """Add all triggers of a model at once, each as pgtrigger's `AddTrigger` does.

    Behind every operation on a model Django makes its class anew, and those of all models around it. With a dozen
    triggers on each, a first `migrate` spent half of its time on that. The classes of migrations need no triggers.
    """

    def __init__(self, model_name: str, triggers: Sequence[Trigger]) -> None:
        self.model_name = model_name
        self.triggers = list(triggers)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        options = state.models[app_label, self.model_name].options
        options["triggers"] = [*options.get("triggers", []), *self.triggers]

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for trigger in self.triggers:
            AddTrigger(self.model_name, trigger).database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for trigger in reversed(self.triggers):
            AddTrigger(self.model_name, trigger).database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """Return a line for people."""
        return f"Create {len(self.triggers)} triggers on model {self.model_name}"


class BeginEpoch(Operation):
    """Begins the first epoch of a new database (`apps.common.models.commits.Epoch`)."""

    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing in the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Write the row."""
        schema_editor.execute(BEGIN_EPOCH, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave the row, which goes with its table."""

    def describe(self) -> str:
        """Return a line for people."""
        return "Begin the first epoch of the data"
