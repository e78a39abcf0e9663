"""Filters of merges."""

from apps.common.filters.base import CommaFilter
from apps.common.filters.places import TargetFilter
from apps.common.filters.sets import RecordFilterSet


class MergeFilterSet(RecordFilterSet):
    """Filters of merges."""

    record = TargetFilter()
    merged_key = CommaFilter("merged_key", help_text="Slugs of records that were merged, separated by commas.")
    request_id = CommaFilter("request_id", help_text="Requests that merged them, as the change log names them.")
