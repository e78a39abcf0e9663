"""Events and awards over HTTP."""

from apps.common.resources.views import RecordViewSet, Tag
from apps.events import filters, linked_terms, serializers
from apps.events.models import Award, Event, Participation

TAG = Tag("events", "What happened, who took part, and awards.")


class EventViewSet(RecordViewSet):
    """Meetings, signings, releases, donations, commendations, milestones; parts of an event have it as `parent`."""

    queryset = Event.objects.all()
    serializer_class = serializers.EventSerializer
    detail_serializer_class = serializers.EventDetailSerializer
    filterset_class = filters.EventFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "held_on": "held_on_earliest", "updated_at": "updated_at"}
    default_sort = "-held_on"
    tag = TAG
    linked = linked_terms.EVENT


class ParticipationViewSet(RecordViewSet):
    """Who took part in which event, in which role, and the office of who represented them."""

    queryset = Participation.objects.all()
    serializer_class = serializers.ParticipationSerializer
    detail_serializer_class = serializers.ParticipationSerializer
    filterset_class = filters.ParticipationFilterSet
    sortable = {"slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.PARTICIPATION


class AwardViewSet(RecordViewSet):
    """Award schemes; who received an award is a participation."""

    queryset = Award.objects.all()
    serializer_class = serializers.AwardSerializer
    detail_serializer_class = serializers.AwardDetailSerializer
    filterset_class = filters.AwardFilterSet
    sortable = {"name": "name_pinyin", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "name"
    tag = TAG
    linked = linked_terms.AWARD
