"""What a record is, and the tables that all records share."""

from apps.common.models.commits import Commit, Epoch
from apps.common.models.import_jobs import ImportJob
from apps.common.models.logged_change import LoggedChange
from apps.common.models.reserved_slugs import ReservedSlug
from apps.common.models.slugs import RetiredSlug
from apps.common.models.tables import KeptAnswer, KeptFile, LoadedFile

# Django looks for models here.
__all__ = [
    "Commit",
    "Epoch",
    "ImportJob",
    "KeptAnswer",
    "KeptFile",
    "LoadedFile",
    "LoggedChange",
    "ReservedSlug",
    "RetiredSlug",
]
