"""Rubrics and ratings over HTTP."""

from apps.assessments import filters, linked_terms, serializers
from apps.assessments.models import Assessment, Dimension, Framework, Score
from apps.common.resources.views import RecordViewSet, Tag

TAG = Tag("assessments", "How well: rubrics and ratings.")


class FrameworkViewSet(RecordViewSet):
    """Rubrics, each with its dimensions in order."""

    queryset = Framework.objects.all()
    serializer_class = serializers.FrameworkSerializer
    detail_serializer_class = serializers.FrameworkDetailSerializer
    filterset_class = filters.FrameworkFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "adopted_on": "adopted_on_earliest", "updated_at": "updated_at"}
    default_sort = "name"
    tag = TAG
    linked = linked_terms.FRAMEWORK


class DimensionViewSet(RecordViewSet):
    """What rubrics look at."""

    queryset = Dimension.objects.all()
    serializer_class = serializers.DimensionSerializer
    detail_serializer_class = serializers.DimensionSerializer
    filterset_class = filters.DimensionFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "position": "position", "updated_at": "updated_at"}
    default_sort = "position"
    tag = TAG
    linked = linked_terms.DIMENSION


class AssessmentViewSet(RecordViewSet):
    """Ratings of neighbourhoods, units and streets by a rubric."""

    queryset = Assessment.objects.all()
    serializer_class = serializers.AssessmentSerializer
    detail_serializer_class = serializers.AssessmentDetailSerializer
    filterset_class = filters.AssessmentFilterSet
    sortable = {"slug": "slug", "assessed_on": "assessed_on_earliest", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.ASSESSMENT


class ScoreViewSet(RecordViewSet):
    """Values of single dimensions in ratings."""

    queryset = Score.objects.all()
    serializer_class = serializers.ScoreSerializer
    detail_serializer_class = serializers.ScoreSerializer
    filterset_class = filters.ScoreFilterSet
    sortable = {"slug": "slug", "value": "value", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.SCORE
