"""How we know, over HTTP."""

from apps.common.views import RecordViewSet
from apps.evidence import filters, serializers
from apps.evidence.models import Article, Citation, Figure


class ArticleViewSet(RecordViewSet):
    """Published sources. Their texts are not part of the registry; positions and digests are."""

    queryset = Article.objects.all()
    serializer_class = serializers.ArticleSerializer
    detail_serializer_class = serializers.ArticleSerializer
    filterset_class = filters.ArticleFilterSet
    sortable = {
        "title": "title_pinyin",
        "slug": "slug",
        "issued_on": "issued_on_earliest",
        "updated_at": "updated_at",
    }
    default_sort = "-issued_on"


class CitationViewSet(RecordViewSet):
    """Which span of which article supports which fields of which record."""

    queryset = Citation.objects.all()
    serializer_class = serializers.CitationSerializer
    detail_serializer_class = serializers.CitationSerializer
    filterset_class = filters.CitationFilterSet
    sortable = {"start": "start", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"


class FigureViewSet(RecordViewSet):
    """Numbers that sources report, with what is needed to know what they mean."""

    queryset = Figure.objects.all()
    serializer_class = serializers.FigureSerializer
    detail_serializer_class = serializers.FigureSerializer
    filterset_class = filters.FigureFilterSet
    sortable = {
        "name": "name_pinyin",
        "slug": "slug",
        "measure": "measure",
        "value": "value",
        "updated_at": "updated_at",
    }
    default_sort = "name"
