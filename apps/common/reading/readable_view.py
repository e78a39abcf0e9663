"""What reading takes from the view of a resource."""

from datetime import date
from typing import ClassVar, Protocol

from apps.common.filters.sets import RecordFilterSet
from apps.common.models.records import RecordQuerySet
from apps.common.serializers.records import RecordSerializer
from apps.common.sql.slots import Parameter


class ReadableView(Protocol):
    """A resource as it is read: its rows, how they are shown, filtered and sorted. `RecordViewSet` is one."""

    queryset: RecordQuerySet
    serializer_class: type[RecordSerializer]
    detail_serializer_class: ClassVar[type[RecordSerializer]]
    filterset_class: type[RecordFilterSet]
    sortable: ClassVar[dict[str, str]]
    default_sort: ClassVar[str]

    @classmethod
    def at_time(cls, rows: RecordQuerySet, as_of: Parameter | date | None, asked: frozenset[str]) -> RecordQuerySet:
        """Return the rows that were true on a day, if one is given; `asked` are the filters that are used."""
