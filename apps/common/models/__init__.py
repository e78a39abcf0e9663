"""What a record is, and the tables that all records share."""

from apps.common.models.logged_change import LoggedChange
from apps.common.models.slugs import RetiredSlug
from apps.common.models.tables import KeptAnswer, KeptFile, LoadedFile

__all__ = ["KeptAnswer", "KeptFile", "LoadedFile", "LoggedChange", "RetiredSlug"]  # Django looks for models here
