"""What a record is, and the tables that all records share."""

from apps.common.models.commits import Commit, Epoch
from apps.common.models.logged_change import LoggedChange
from apps.common.models.slugs import RetiredSlug
from apps.common.models.tables import KeptAnswer, KeptFile, LoadedFile

# Django looks for models here.
__all__ = ["Commit", "Epoch", "KeptAnswer", "KeptFile", "LoadedFile", "LoggedChange", "RetiredSlug"]
