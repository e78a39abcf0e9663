"""What a write did to one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.common.models.records import Citable


@dataclass
class RecordChange:
    """What a write did to one record: nothing, where `fields` of an update are empty.

    `pointer` leads to the record in the body, `members` are those of the body by the fields that they set.
    """

    operation: str
    record: Citable
    fields: list[str] = field(default_factory=list)
    before: dict[str, object] = field(default_factory=dict)
    pointer: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
