"""Write docs/workflows.md from the workflows of the models."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.service.workflow_pages import page


class Command(BaseCommand):
    """Write docs/workflows.md."""

    help = "Write docs/workflows.md from the workflows of the models."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        (settings.BASE_DIR / "docs" / "workflows.md").write_text(page(), encoding="utf-8")
