"""Filters of merges."""

from apps.common.filters import CommaFilter, RecordFilterSet, TargetFilter


class MergeFilterSet(RecordFilterSet):
    """Filters of merges."""

    record = TargetFilter()
    merged_key = CommaFilter("merged_key", help_text="Slugs of records that were merged, separated by commas.")
    request_id = CommaFilter("request_id", help_text="Requests that merged them, as the change log names them.")
