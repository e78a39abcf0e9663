"""What a merge of two records answers: what it did, or why it is refused."""

from dataclasses import dataclass, field

from django.db.models import Model

from apps.common.models.records import NamedRecord
from apps.identity.models import Merge


class MergeError(ValueError):
    """Two records that cannot be merged: `detail` is the reason, `member` the place in the request."""

    def __init__(self, detail: str, member: str = "", *, conflict: bool = True, is_forbidden: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.member = member
        self.conflict = conflict
        self.is_forbidden = is_forbidden

    @property
    def code(self) -> str:
        """The code of the problem as which it is answered."""
        return "permission_denied" if self.is_forbidden else "conflict" if self.conflict else "bad_request"


@dataclass
class MergeResult:
    """What a merge did. Rows are given as they were found."""

    winner: NamedRecord
    merge: Merge
    moved: list[tuple[Model, str]] = field(default_factory=list)  # a row, and the field by which it points
    folded: list[tuple[Model, Model]] = field(default_factory=list)  # a row, and the one that stands for both
