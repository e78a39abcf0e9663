"""The peer to be left behind: the same serializer classes in plain Django REST framework, as a first version has them.

Generic views, pages by number with a count, `select_related` and `prefetch_related` for what would otherwise cost
hundreds of queries a page.
"""

from typing import Any

from django.urls import path
from rest_framework.generics import ListAPIView, RetrieveAPIView

from apps.common.serializers.counts import CountField
from apps.events.models import Event
from apps.events.serializers import EventSerializer
from apps.projects.models import Project
from apps.projects.serializers import ProjectDetailSerializer, ProjectSerializer
from tests.naive import counted, teach

REFERENCES = ("parent", "alliance", "district", "street", "neighbourhood")


def with_counts(rows: Any, serializer: Any) -> Any:
    """Return rows with the counts that a serializer shows."""
    fields = serializer().fields.items()
    return rows.annotate(
        **{name: counted(field, rows.model) for name, field in fields if isinstance(field, CountField)}
    )


class Taught:
    """A view whose serializer renders the fields that are our own in Python, which the service leaves to SQL."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Return the serializer of an answer."""
        serializer = super().get_serializer(*args, **kwargs)
        teach(serializer)
        return serializer


class ProjectList(Taught, ListAPIView[Project]):
    """Projects, by name."""

    serializer_class = ProjectSerializer

    def get_queryset(self) -> Any:
        rows = Project.objects.filter(state="published").order_by("name_pinyin", "slug")
        if "district" in self.request.GET:
            rows = rows.filter(in_district__code=self.request.GET["district"], status=self.request.GET["status"])
        rows = rows.select_related(*REFERENCES, "category").prefetch_related("citations__article")
        return with_counts(rows, ProjectSerializer)


class ProjectDetail(Taught, RetrieveAPIView[Project]):
    """One project."""

    serializer_class = ProjectDetailSerializer
    lookup_field = "slug"

    def get_queryset(self) -> Any:
        rows = Project.objects.filter(state="published").select_related(*REFERENCES, "category")
        rows = rows.prefetch_related("citations__article", "figures__citations__article", "parts", "categories")
        rows = rows.prefetch_related("partners__unit", "partners__alliance", "claims__unit", "deliverables", "events")
        return with_counts(rows, ProjectDetailSerializer)


class EventList(Taught, ListAPIView[Event]):
    """Events, the newest first."""

    serializer_class = EventSerializer

    def get_queryset(self) -> Any:
        rows = Event.objects.filter(state="published", is_public=True).order_by("-held_on_earliest", "slug")
        rows = rows.select_related(*REFERENCES, "venue").prefetch_related("citations__article", "projects")
        return with_counts(rows, EventSerializer)


urlpatterns = [
    path("api/v1/projects", ProjectList.as_view()),
    path("api/v1/projects/<slug:slug>", ProjectDetail.as_view()),
    path("api/v1/events", EventList.as_view()),
]
