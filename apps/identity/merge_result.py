"""What a merge of two records answers: what it did, or why it is refused."""

from dataclasses import dataclass, field

from django.db.models import Model

from apps.common.models.records import NamedRecord
from apps.identity.models import Merge


class MergeError(ValueError):
    """Two records that cannot be merged: `detail` is the reason, `member` the place in the request."""

    def __init__(self, detail: str, member: str = "", *, conflict: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.member = member
        self.conflict = conflict


@dataclass
class MergeResult:
    """What a merge did. Rows are given as they were found."""

    winner: NamedRecord
    merge: Merge
    moved: list[tuple[Model, str]] = field(default_factory=list)  # a row, and the field by which it points
    folded: list[tuple[Model, Model]] = field(default_factory=list)  # a row, and the one that stands for both
