"""Merges over HTTP."""

from apps.common.views import RecordViewSet
from apps.identity import filters, serializers
from apps.identity.models import Merge


class MergeViewSet(RecordViewSet):
    """Records that were found to be others: which became part of which, when, why, and what moved."""

    http_method_names = ["get", "head", "options"]
    queryset = Merge.objects.all()
    serializer_class = serializers.MergeSerializer
    detail_serializer_class = serializers.MergeSerializer
    filterset_class = filters.MergeFilterSet
    sortable = {"slug": "slug", "created_at": "created_at", "updated_at": "updated_at"}
    default_sort = "-created_at"
