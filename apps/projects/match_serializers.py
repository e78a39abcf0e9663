"""The JSON of matches, and of suggestions of what could be matched."""

from rest_framework import serializers

from apps.common.serializers.parties_only import ReasonField
from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.references import NAME_OF_RECORD, NameField
from apps.projects.matching.scoring import MOST as MOST_POINTS
from apps.projects.matching.scoring import PARTS
from apps.projects.models import Match
from apps.projects.serializers import ClaimSerializer, NeedSerializer, ResourceSerializer
from apps.projects.suggesting import MOST
from apps.registry.serializers.organisations import AllianceSerializer


class MatchSerializer(RecordSerializer):
    """A need and a resource that were brought together."""

    name = NameField()
    reason = ReasonField()

    class Meta:
        model = Match
        fields = (
            "url",
            "slug",
            "name",
            "need",
            "offer",
            "broker",
            "status",
            "claim",
            "note",
            "reason",
            "citations",
            "attestations",
            "updated_at",
        )

    @classmethod
    def expandable(cls) -> dict[str, type[RecordSerializer]]:
        return {
            "need": NeedSerializer,
            "offer": ResourceSerializer,
            "broker": AllianceSerializer,
            "claim": ClaimSerializer,
        }


class SuggestedRecordSerializer(serializers.Serializer[object]):
    """The need or the resource that is suggested."""

    resource = serializers.ChoiceField(
        choices=[("needs", "Need"), ("resources", "Resource")], help_text="Resource to which the record belongs."
    )
    key = serializers.CharField(help_text="Slug of the record.")
    name = serializers.CharField(help_text=NAME_OF_RECORD)
    url = serializers.CharField(help_text="Address of the record, relative to the host.")
    unit = serializers.CharField(
        allow_null=True, help_text="Name of the unit that asks or offers; null where none does."
    )


class GainSerializer(serializers.Serializer[object]):
    """What would raise the score."""

    part = serializers.ChoiceField(choices=[(name, name) for name in PARTS], help_text="Part of the score.")
    points = serializers.IntegerField(min_value=1, help_text="Most points that could be gained.")
    detail = serializers.CharField(help_text="What to enter, in the language asked for.")


class PartsSerializer(serializers.Serializer[object]):
    """The parts of a score, which add up to it."""

    subject = serializers.IntegerField(min_value=0, help_text="What both are about.")
    words = serializers.IntegerField(min_value=0, help_text="The words of the need that the resource says too.")
    people = serializers.IntegerField(min_value=0, help_text="For whom.")
    distance = serializers.IntegerField(min_value=0, help_text="The smallest division in which both lie.")
    capacity = serializers.IntegerField(min_value=0, help_text="Whether there is room for all.")
    calendar = serializers.IntegerField(min_value=0, help_text="Whether both stand on the same days.")
    together = serializers.IntegerField(
        min_value=0, help_text="Projects of the street that the unit has claimed or is a partner in."
    )


class SuggestionSerializer(serializers.Serializer[object]):
    """How well a resource meets a need."""

    record = SuggestedRecordSerializer(help_text="The need or the resource that is suggested.")
    score = serializers.IntegerField(
        min_value=0, max_value=MOST_POINTS, help_text=f"Points, {MOST_POINTS} at most: the sum of the parts."
    )
    parts = PartsSerializer(help_text="The parts of the score, which add up to it.")
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="Why, a sentence each, in the language asked for."
    )
    gains = GainSerializer(many=True, help_text="What would raise the score.")


class SuggestionsSerializer(serializers.Serializer[object]):
    """What could be matched."""

    results = SuggestionSerializer(
        many=True,
        help_text=f"The best {MOST}, the best first; of equal ones by key. Of several that say the same the best stands"
        " for all, and the others come last.",
    )
