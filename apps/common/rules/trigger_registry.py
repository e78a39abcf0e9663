"""The registry of pgtrigger, which asks all triggers for their names again for each one that is registered.

With the 574 of ours that took a third of the start of every process. Here the names are kept.
"""

from typing import Any

from pgtrigger import registry
from pgtrigger.apps import PGTriggerConfig


class QuickRegistry(registry._Registry):
    """The registry, with what it derives from all its triggers kept beside them.

    Of what is deleted the names stay taken: nothing here deletes.
    """

    by_db_table: dict[tuple[str, str], Any] = {}
    pg_function_names: set[str] = set()

    def __setitem__(self, uri: str, value: tuple[Any, Any]) -> None:
        super().__setitem__(uri, value)  # type: ignore[no-untyped-call]
        model, trigger = value
        self.by_db_table[model._meta.db_table, trigger.name] = trigger
        self.pg_function_names.add(trigger.get_pgid(model))


class TriggersConfig(PGTriggerConfig):
    """The app of pgtrigger, with the quick registry."""

    def __init__(self, app_name: str, app_module: Any) -> None:
        registry._registry.__class__ = QuickRegistry
        super().__init__(app_name, app_module)
