"""Needs, resources, projects, rounds and claims over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.http.parameters import refuse_all_but_format
from apps.common.resources.views import RecordViewSet, Tag
from apps.projects import filters, linked_terms, match_serializers, serializers
from apps.projects.match_reasons import shown
from apps.projects.models import (
    Category,
    Claim,
    Deliverable,
    Match,
    Need,
    Project,
    ProjectPartner,
    Resource,
    Round,
    RoundProject,
)
from apps.projects.suggesting import suggested

TAG = Tag("projects", "What is done together: needs, resources, projects, rounds, claims and results.")


class CategoryViewSet(RecordViewSet):
    """Headings under which alliances and programmes sort their projects, in their own words."""

    queryset = Category.objects.all()
    serializer_class = serializers.CategorySerializer
    detail_serializer_class = serializers.CategoryDetailSerializer
    filterset_class = filters.CategoryFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "position": "position", "updated_at": "updated_at"}
    default_sort = "name"
    tag = TAG
    linked = linked_terms.CATEGORY


class Suggests(RecordViewSet):
    """Gives a viewset of needs or resources an address for suggestions of the other."""

    def _suggest(self, other: str) -> Response:
        refuse_all_but_format(self.request)
        key = self.kwargs["key"]
        record: Any = self._rows(key).first()
        if record is None:
            raise self._no_record(key)
        results = [shown(other, each) for each in suggested(record)]
        return Response(match_serializers.SuggestionsSerializer({"results": results}).data)


class NeedViewSet(Suggests):
    """What streets, neighbourhoods, alliances and units ask for (需求清单)."""

    queryset = Need.objects.all()
    serializer_class = serializers.NeedSerializer
    detail_serializer_class = serializers.NeedSerializer
    filterset_class = filters.NeedFilterSet
    sortable = {
        "name": "name_pinyin",
        "slug": "slug",
        "published_on": "published_on_earliest",
        "updated_at": "updated_at",
    }
    default_sort = "name"
    tag = TAG
    linked = linked_terms.NEED

    @extend_schema(
        operation_id="suggest_resources",
        summary="Suggest resources that could meet a need",
        responses=match_serializers.SuggestionsSerializer,
    )
    @action(detail=True, url_path="matches", filterset_class=None, pagination_class=None, costly=True)
    def suggest(self, request: Request, key: str) -> Response:
        """Suggest the resources that could meet a need, the best first.

        Each with its score, the parts that add up to it, the reasons in words, and what would raise it. Only what
        everybody sees is suggested, and the same to all; equal input gives an equal order. Not paged.
        """
        return self._suggest("resources")


class ResourceViewSet(Suggests):
    """What units offer (资源清单)."""

    queryset = Resource.objects.all()
    serializer_class = serializers.ResourceSerializer
    detail_serializer_class = serializers.ResourceSerializer
    filterset_class = filters.ResourceFilterSet
    sortable = {
        "name": "name_pinyin",
        "slug": "slug",
        "published_on": "published_on_earliest",
        "updated_at": "updated_at",
    }
    default_sort = "name"
    tag = TAG
    linked = linked_terms.RESOURCE

    @extend_schema(
        operation_id="suggest_needs",
        summary="Suggest needs that a resource could meet",
        responses=match_serializers.SuggestionsSerializer,
    )
    @action(detail=True, url_path="matches", filterset_class=None, pagination_class=None, costly=True)
    def suggest(self, request: Request, key: str) -> Response:
        """Suggest the needs that a resource could meet, the best first.

        Each with its score, the parts that add up to it, the reasons in words, and what would raise it. Only what
        everybody sees is suggested, and the same to all; equal input gives an equal order. Not paged.
        """
        return self._suggest("needs")


class MatchViewSet(RecordViewSet):
    """Needs and resources that were brought together (对接), and what both sides say; for them and the broker alone."""

    queryset = Match.objects.all()
    serializer_class = match_serializers.MatchSerializer
    detail_serializer_class = match_serializers.MatchSerializer
    filterset_class = filters.MatchFilterSet
    sortable = {"slug": "slug", "updated_at": "updated_at"}
    default_sort = "-updated_at"
    tag = TAG
    linked = linked_terms.MATCH


class ProjectViewSet(RecordViewSet):
    """Undertakings: programmes, brands, services, research, mechanisms ...; parts of a project have it as `parent`."""

    queryset = Project.objects.all()
    serializer_class = serializers.ProjectSerializer
    detail_serializer_class = serializers.ProjectDetailSerializer
    filterset_class = filters.ProjectFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "starts_on": "starts_on_earliest", "updated_at": "updated_at"}
    default_sort = "name"
    tag = TAG
    linked = linked_terms.PROJECT


class ProjectPartnerViewSet(RecordViewSet):
    """Who takes part in which project, in which role."""

    queryset = ProjectPartner.objects.all()
    serializer_class = serializers.ProjectPartnerSerializer
    detail_serializer_class = serializers.ProjectPartnerSerializer
    filterset_class = filters.ProjectPartnerFilterSet
    sortable = {"slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.PROJECT_PARTNER


class RoundViewSet(RecordViewSet):
    """Calls of bodies and streets to claim projects (认领批次): from when to when, and by which rules."""

    queryset = Round.objects.all()
    serializer_class = serializers.RoundSerializer
    detail_serializer_class = serializers.RoundSerializer
    filterset_class = filters.RoundFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "opens_on": "opens_on_earliest", "updated_at": "updated_at"}
    default_sort = "-opens_on"
    tag = TAG
    linked = linked_terms.ROUND


class RoundProjectViewSet(RecordViewSet):
    """Projects that are put up in rounds, and how many units may claim each."""

    queryset = RoundProject.objects.all()
    serializer_class = serializers.RoundProjectSerializer
    detail_serializer_class = serializers.RoundProjectSerializer
    filterset_class = filters.RoundProjectFilterSet
    sortable = {"slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.ROUND_PROJECT


class ClaimViewSet(RecordViewSet):
    """Which unit has committed itself to which project (认领)."""

    queryset = Claim.objects.all()
    serializer_class = serializers.ClaimSerializer
    detail_serializer_class = serializers.ClaimSerializer
    filterset_class = filters.ClaimFilterSet
    sortable = {"slug": "slug", "claimed_on": "claimed_on_earliest", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.CLAIM


class DeliverableViewSet(RecordViewSet):
    """What projects yield: books, films, indices, standards ..., announced or released."""

    queryset = Deliverable.objects.all()
    serializer_class = serializers.DeliverableSerializer
    detail_serializer_class = serializers.DeliverableSerializer
    filterset_class = filters.DeliverableFilterSet
    sortable = {
        "name": "name_pinyin",
        "slug": "slug",
        "released_on": "released_on_earliest",
        "updated_at": "updated_at",
    }
    default_sort = "name"
    tag = TAG
    linked = linked_terms.DELIVERABLE
