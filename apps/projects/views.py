"""Needs, resources, projects, rounds and claims over HTTP."""

from apps.common.resources.views import RecordViewSet, Tag
from apps.projects import filters, linked_terms, serializers
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


class NeedViewSet(RecordViewSet):
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


class ResourceViewSet(RecordViewSet):
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


class MatchViewSet(RecordViewSet):
    """Needs and resources that were brought together (对接), and what both sides say; for them and the broker alone."""

    queryset = Match.objects.all()
    serializer_class = serializers.MatchSerializer
    detail_serializer_class = serializers.MatchSerializer
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
