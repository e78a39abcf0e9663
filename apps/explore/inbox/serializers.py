"""The shape of the inbox."""

from rest_framework import serializers

from apps.common.serializers.references import NAME_OF_RECORD
from apps.common.serializers.strict import StrictSerializer
from apps.explore.inbox.waiting import KINDS


class InboxRecordSerializer(serializers.Serializer[object]):
    """A record that waits."""

    resource = serializers.CharField(help_text="Resource to which the record belongs, such as `projects`.")
    key = serializers.CharField(help_text="Slug of the record.")
    name = serializers.CharField(help_text=NAME_OF_RECORD)
    url = serializers.CharField(help_text="Address of the record, relative to the host.")


class InboxActionSerializer(serializers.Serializer[object]):
    """A request that does something with it."""

    name = serializers.CharField(
        help_text="What the request does: `publish`, `send_back`, `submit`, `take_back`, `confirm`, or an action of the"
        " record's workflow.",
    )
    method = serializers.ChoiceField(
        choices=[("PATCH", "Changes the record"), ("POST", "Moves it, or confirms a change of it")],
        help_text="`PATCH` takes the `ETag` of the record as you have read it in `If-Match`.",
    )
    url = serializers.CharField(help_text="Address of the request, relative to the host.")
    body = serializers.DictField(
        help_text="Its body; put your reason into `change_reason`, or into `reason` where that is there."
    )


class InboxItemSerializer(serializers.Serializer[object]):
    """Something that waits."""

    kind = serializers.ChoiceField(
        choices=[(kind, kind) for kind in KINDS],
        help_text="`due`: its status lapses within three working days, or has; `decision`: somebody asks, and you"
        " accept or decline; `confirmation`: reported as done, for you to confirm; `to_publish`: submitted by somebody,"
        " for you to publish; `to_review`: a published record that somebody else has changed; `next_step`: your side"
        " goes on;"
        " `draft`: one that you have not submitted; `submitted`: one of yours that waits for a curator.",
    )
    record = InboxRecordSerializer(help_text="The record that waits.")
    since = serializers.DateTimeField(help_text="Since when it waits; of a draft, when it was changed last.")
    by = serializers.CharField(
        allow_null=True, help_text="For whom the user speaks who submitted or changed it: a unit, a division, a role."
    )
    reason = serializers.CharField(allow_blank=True, help_text="The reason of that change: why a draft was sent back.")
    actions = InboxActionSerializer(many=True, help_text="What may be done with it.")


class InboxCountsSerializer(serializers.Serializer[object]):
    """How much waits, by kind."""

    due = serializers.IntegerField(min_value=0, help_text="Records whose status lapses soon, or has.")
    decision = serializers.IntegerField(min_value=0, help_text="Requests for you to accept or decline.")
    confirmation = serializers.IntegerField(min_value=0, help_text="What was reported as done, for you to confirm.")
    next_step = serializers.IntegerField(min_value=0, help_text="Records with which your side goes on.")
    to_publish = serializers.IntegerField(min_value=0, help_text="Records that were submitted for you to publish.")
    to_review = serializers.IntegerField(min_value=0, help_text="Published records that somebody else has changed.")
    draft = serializers.IntegerField(min_value=0, help_text="Drafts that you have not submitted.")
    submitted = serializers.IntegerField(min_value=0, help_text="Records of yours that wait for a curator.")


class InboxSerializer(serializers.Serializer[object]):
    """A page of what waits."""

    results = InboxItemSerializer(
        many=True, help_text="What waits: the most urgent first, and of these what has waited longest."
    )
    next = serializers.CharField(allow_null=True, help_text="Address of the next page, or null on the last one.")
    next_cursor = serializers.CharField(
        allow_null=True, help_text="`cursor` of the next page, or null on the last one."
    )
    counts = InboxCountsSerializer(help_text="How much waits in all, by kind.")


class NewReviewSerializer(StrictSerializer):
    """A change of a published record that was looked at."""

    resource = serializers.CharField(help_text="Resource to which the record belongs, such as `projects`.")
    key = serializers.CharField(help_text="Slug of the record.")
    change = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Number of the last change that was looked at, as the inbox has it."
    )


class ReviewSerializer(serializers.Serializer[object]):
    """That a change was looked at."""

    record = InboxRecordSerializer(help_text="The record that was changed.")
    change = serializers.IntegerField(min_value=1, help_text="Number of the last change that was looked at.")
    at = serializers.DateTimeField(help_text="When it was looked at.")
