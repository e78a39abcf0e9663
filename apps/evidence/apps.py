from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvidenceConfig(AppConfig):
    name = "apps.evidence"
    label = "evidence"
    verbose_name = _("Articles and citations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have citations check their words; what checks them loads the models, so that it comes behind these."""
        import_module("apps.evidence.support_levels")
