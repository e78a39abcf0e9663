"""The API's resources, one line each, and what describes them: index and vocabularies."""

from django.conf import settings
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from apps.assessments import views as assessments
from apps.common.http.licence import licence
from apps.common.http.parameters import refuse_all_but_format
from apps.common.http.translations import describe
from apps.common.openapi.components import INDEX, VOCABULARIES, VOCABULARY
from apps.common.reading.answer_cache import CachedReads
from apps.common.resources.import_views import ImportJobView
from apps.common.resources.registry import register, viewsets
from apps.common.resources.views import Tag, choice_fields, vocabulary
from apps.docs.well_known import LINKS
from apps.events import views as events
from apps.evidence import views as evidence
from apps.explore.calendar.views import CalendarView
from apps.explore.form.views import AllianceFormView, RoundFormView
from apps.explore.inbox import views as inbox
from apps.explore.network.views import NetworkView
from apps.explore.search import views as search
from apps.explore.statistics.views import StatisticsView
from apps.history import views as history
from apps.identity import views as identity
from apps.projects import views as projects
from apps.registry import views as registry
from apps.webhooks import views as webhooks

TAG = Tag("api", "The index of the API and its vocabularies.", title="Index and vocabularies")

router = SimpleRouter(trailing_slash=False)
router.register("districts", registry.DistrictViewSet)
router.register("streets", registry.StreetViewSet)
router.register("neighbourhoods", registry.NeighbourhoodViewSet)
router.register("member-units", registry.MemberUnitViewSet)
router.register("unit-names", registry.UnitNameViewSet)
router.register("identifiers", registry.IdentifierViewSet)
router.register("alliances", registry.AllianceViewSet)
router.register("memberships", registry.MembershipViewSet)
router.register("venues", registry.VenueViewSet)
router.register("venue-services", registry.VenueServiceViewSet)
router.register("categories", projects.CategoryViewSet)
router.register("needs", projects.NeedViewSet)
router.register("resources", projects.ResourceViewSet)
router.register("matches", projects.MatchViewSet)
router.register("projects", projects.ProjectViewSet)
router.register("project-partners", projects.ProjectPartnerViewSet)
router.register("rounds", projects.RoundViewSet)
router.register("round-projects", projects.RoundProjectViewSet)
router.register("claims", projects.ClaimViewSet)
router.register("deliverables", projects.DeliverableViewSet)
router.register("events", events.EventViewSet)
router.register("participations", events.ParticipationViewSet)
router.register("awards", events.AwardViewSet)
router.register("articles", evidence.ArticleViewSet)
router.register("citations", evidence.CitationViewSet)
router.register("attestations", evidence.AttestationViewSet)
router.register("marks", evidence.MarkViewSet)
router.register("figures", evidence.FigureViewSet)
router.register("merges", identity.MergeViewSet)
router.register("frameworks", assessments.FrameworkViewSet)
router.register("dimensions", assessments.DimensionViewSet)
router.register("assessments", assessments.AssessmentViewSet)
router.register("scores", assessments.ScoreViewSet)


register(router, other_tags=(history.TAG, webhooks.TAG, search.TAG, TAG))


class IndexView(CachedReads, APIView):
    """What there is: every resource with its address and its count, the vocabularies, and the documents."""

    told_headers = {200: ("Link",)}

    @extend_schema(operation_id="get_index", summary="Index of the API", tags=[TAG.name], responses={200: INDEX})
    def get(self, request: Request) -> Response:
        """List every resource with its address and its count, the vocabularies, and the documents.

        Counts are those of the plain lists; of divisions they are those of the newest edition.
        """
        refuse_all_but_format(request)
        root = settings.API_ROOT
        resources = [
            {
                "name": name,
                "title": str(viewset.queryset.model._meta.verbose_name_plural),
                "description": describe(" ".join(str(viewset.__doc__).split())),
                "tag": viewset.tag.name,
                "count": viewset.plain_list().count(),
                "url": f"{root}/{name}",
            }
            for name, viewset in viewsets().items()
        ]
        return Response(
            {
                "name": "partybuild",
                "version": settings.SPECTACULAR_SETTINGS["VERSION"],
                "resources": resources,
                "vocabularies": f"{root}/vocabularies",
                "openapi": f"{root}/openapi.json",
                "documentation": "/docs/",
                "license": licence(),
            },
            headers={"Link": LINKS},
        )


def vocabularies() -> dict[str, dict[str, object]]:
    """Return all vocabularies by name."""
    found = [
        vocabulary(viewset.queryset.model, field)
        for viewset in viewsets().values()
        for field in choice_fields(viewset.queryset.model)
    ]
    return {item["name"]: item for item in found}


class VocabulariesView(CachedReads, APIView):
    """All vocabularies."""

    @extend_schema(
        operation_id="list_vocabularies", summary="List vocabularies", tags=[TAG.name], responses={200: VOCABULARIES}
    )
    def get(self, request: Request) -> Response:
        """List the values of every choice field, with their Chinese and English labels."""
        refuse_all_but_format(request)
        return Response({"results": list(vocabularies().values())})


class VocabularyView(CachedReads, APIView):
    """One vocabulary."""

    @extend_schema(
        operation_id="get_vocabulary",
        summary="Read a vocabulary",
        tags=[TAG.name],
        parameters=[OpenApiParameter("name", str, "path", description="Resource and field, such as `alliances.kind`.")],
        responses={200: VOCABULARY},
    )
    def get(self, request: Request, name: str) -> Response:
        """Give the values of one choice field, with their Chinese and English labels."""
        refuse_all_but_format(request)
        found = vocabularies().get(name)
        if found is None:
            raise Http404
        return Response(found)


urlpatterns = [
    # The document names the address without the slash (urls.py).
    path("", IndexView.as_view(schema=None), name="index"),
    path("search", search.SearchView.as_view(), name="search"),
    path("vocabularies", VocabulariesView.as_view(), name="vocabularies"),
    path("vocabularies/<str:name>", VocabularyView.as_view(), name="vocabulary"),
    path("network", NetworkView.as_view(), name="network"),
    path("inbox", inbox.InboxView.as_view(), name="inbox"),
    path("inbox/reviews", inbox.ReviewsView.as_view(), name="inbox-reviews"),
    path("statistics", StatisticsView.as_view(), name="statistics"),
    path("calendar.ics", CalendarView.as_view(), name="calendar"),
    path("rounds/<str:key>/form", RoundFormView.as_view(), name="round-form"),
    path("alliances/<str:key>/form", AllianceFormView.as_view(), name="alliance-form"),
    path("<str:resource>/<str:key>/merge", identity.MergeView.as_view(), name="merge"),
    path("changes", history.ChangesView.as_view(), name="changes"),
    path("changes/<str:request_id>/revert", history.RevertView.as_view(), name="revert"),
    path("<str:resource>/<str:key>/history", history.HistoryView.as_view(), name="history"),
    path("<str:resource>/<str:key>/statements", evidence.StatementsView.as_view(), name="statements"),
    path("import-jobs/<uuid:key>", ImportJobView.as_view(), name="import-job"),
    path("webhooks", webhooks.SubscriptionsView.as_view(), name="webhooks"),
    path("webhooks/<str:key>", webhooks.SubscriptionView.as_view(), name="webhook"),
    path("webhooks/<str:key>/rotate", webhooks.RotateView.as_view(), name="webhook-rotate"),
    path("webhooks/<str:key>/pause", webhooks.PauseView.as_view(), name="webhook-pause"),
    path("webhooks/<str:key>/resume", webhooks.ResumeView.as_view(), name="webhook-resume"),
    path("webhooks/<str:key>/test", webhooks.TestView.as_view(), name="webhook-test"),
    path("webhooks/<str:key>/messages", webhooks.MessagesView.as_view(), name="webhook-messages"),
    path("webhooks/<str:key>/messages/<str:message>/send", webhooks.SendAgainView.as_view(), name="webhook-send"),
    *router.urls,
]
