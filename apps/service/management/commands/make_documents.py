"""Make the OpenAPI document in all languages and forms, and keep it (`OPENAPI_FOLDER`), unless it is kept already."""

from django.core.management.base import BaseCommand

from apps.common.openapi import kept


class Command(BaseCommand):
    """Make and keep the OpenAPI document. `serve` and the image call it; it asks no database for anything."""

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, **options: object) -> None:
        kept.keep()
