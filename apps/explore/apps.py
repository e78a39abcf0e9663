from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExploreConfig(AppConfig):
    name = "apps.explore"
    label = "explore"
    verbose_name = _("Questions across resources")
    default_auto_field = "django.db.models.BigAutoField"
