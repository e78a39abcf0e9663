"""What a merge of two records answers: what it did, or why it is refused."""

from dataclasses import dataclass, field
from typing import Any

from apps.identity.models import Merge


class MergeError(ValueError):
    """Two records that cannot be merged; says why, and in which member of the request the reason lies."""

    def __init__(self, detail: str, member: str = "", *, conflict: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.member = member
        self.conflict = conflict


@dataclass
class MergeResult:
    """What a merge did. Rows are given as they were found."""

    winner: Any
    merge: Merge
    moved: list[tuple[Any, str]] = field(default_factory=list)  # a row, and the field by which it points
    folded: list[tuple[Any, Any]] = field(default_factory=list)  # a row, and the one that stands for both
