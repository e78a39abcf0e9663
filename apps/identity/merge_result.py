"""The result of a merge of two records, and the error of a merge that is refused."""

from dataclasses import dataclass, field

from django.db.models import Model

from apps.common.models.records import Citable
from apps.identity.models import Merge


class MergeError(ValueError):
    """Two records that cannot be merged; `member` is the one of the request that is the reason."""

    def __init__(self, detail: str, member: str = "", *, conflict: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.member = member
        self.conflict = conflict


@dataclass
class MergeResult:
    """The result of a merge. Rows are as they were before it."""

    winner: Citable
    merge: Merge
    moved: list[tuple[Model, str]] = field(default_factory=list)  # a row, and the field by which it points
    folded: list[tuple[Model, Model]] = field(default_factory=list)  # a row, and the one that stands for both
