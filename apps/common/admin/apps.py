"""The admin as an app: a module of its own, since Django loads it before any model."""

from django.contrib.admin.apps import AdminConfig


class CuratorAdminConfig(AdminConfig):
    """Puts our site in the place of Django's, for `admin.site` and `@admin.register` alike."""

    default_site = "apps.common.admin.site.CuratorSite"
