"""The JSON of merges."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.common.serializers.records import RecordSerializer
from apps.common.serializers.references import TargetField
from apps.identity.models import Merge


class MergeSerializer(RecordSerializer):
    """A record that was found to be another one, and became part of it."""

    record = TargetField(heading=_("record"), help_text="Record that stayed.")

    class Meta:
        model = Merge
        fields: Any = (
            "url",
            "slug",
            "record",
            "merged_key",
            "merged_name",
            "reason",
            "request_id",
            "moved",
            "folded",
            "filled",
            "created_at",
            "citations",
            "attestations",
            "updated_at",
        )
