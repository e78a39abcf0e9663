"""The JSON of statistics."""

from rest_framework import serializers

from apps.common.serializers.references import AddressField, NumberField, TargetReference
from apps.evidence.models import Figure


class StatisticsValue(serializers.Serializer[object]):
    """One value of a dimension."""

    key = serializers.CharField(
        help_text="Key of the division or category, value of the vocabulary, or the year; of years also `spanning`"
        " (the date may lie in several years) and `unknown` (nothing is said of it)."
    )
    name = serializers.CharField(allow_null=True, help_text="Name of the division or category; null for other values.")
    url = serializers.CharField(
        allow_null=True, help_text="Address of the division, category or vocabulary; null for years."
    )
    vocabulary = serializers.CharField(
        allow_null=True, help_text="Vocabulary of the value, such as `projects.kind`; null for other values."
    )
    label = serializers.CharField(  # the field is moved off the class by DRF
        required=False, help_text="With `labels=true`: the value in the language asked for; data are never translated."
    )


class ByField(serializers.DictField):
    """The values of a group, by dimension; null where the record states none."""

    child = StatisticsValue(allow_null=True)


class StatisticsGroup(serializers.Serializer[object]):
    """The records that share their values in the dimensions asked for."""

    by = ByField(help_text="Values by dimension; null where the records state none.")
    counts = serializers.DictField(
        child=serializers.IntegerField(min_value=1),
        help_text="Published records by resource; those that have none are not named.",
    )


class StatisticsNumber(serializers.Serializer[object]):
    """A number as sources report it, or the sum of several."""

    comparator = serializers.CharField(
        help_text="How the number bounds the true one: `=`, `>=`, `>`, `~`, `<=` or `<`."
    )
    value = NumberField(help_text="The number.")
    reading = serializers.CharField(help_text="The number as a person reads it.")


class StatisticsFigure(serializers.Serializer[Figure]):
    """One of the figures, with what is on record of the same."""

    key = serializers.CharField(help_text="Slug of the figure.")
    name = serializers.CharField(help_text="What the number is, in short.")
    reading = serializers.CharField(help_text="The figure as a person reads it.")
    period = serializers.CharField(help_text="Time over which, or at which, the number holds (EDTF).")
    subject = TargetReference(source="target", help_text="Record that the number is about.")
    attested = serializers.BooleanField(help_text="Whether a party says it itself, and no article reports it.")
    recorded = serializers.IntegerField(
        allow_null=True, help_text="How many of the same are on record; null where nothing on record counts them."
    )
    url = AddressField()


class StatisticsReport(serializers.Serializer[object]):
    """What is reported and attested of one measure in one unit about one group, beside what is on record."""

    by = ByField(help_text="Values by dimension, of the records that the figures are about; the year is the period's.")
    measure = serializers.CharField(help_text="What is counted.")
    unit = serializers.CharField(help_text="Unit of the number; 人次 (`person_time`) is not 人 (`person`).")
    unit_label = serializers.CharField(required=False, help_text="With `labels=true`: the label of `unit`.")
    kind = serializers.ChoiceField(
        choices=Figure.Kind.choices, help_text="`actual` or `target`; a target is a plan and never in a sum."
    )
    kind_label = serializers.CharField(required=False, help_text="With `labels=true`: the label of `kind`.")
    reported = StatisticsNumber(
        allow_null=True,
        help_text="The figure that articles report, or the sum; null where there is none, or they may not be added.",
    )
    attested = StatisticsNumber(
        allow_null=True, help_text="The same of figures that a party says itself and no article reports."
    )
    recorded = serializers.IntegerField(
        allow_null=True,
        help_text="How many of the same are on record about the same subjects; null where nothing on record counts"
        " them, and where there is no sum.",
    )
    reason = serializers.CharField(help_text="Why there is no sum; empty where there is one.")
    figures = StatisticsFigure(many=True, help_text="The figures.")


class StatisticsFilters(serializers.Serializer[object]):
    """What the question was narrowed to."""

    by = serializers.ListField(child=serializers.CharField(), help_text="Dimensions.")
    resource = serializers.ListField(child=serializers.CharField(), help_text="Resources that were counted.")
    district = serializers.ListField(child=serializers.CharField(), help_text="Codes of districts.")
    street = serializers.ListField(child=serializers.CharField(), help_text="Codes of streets.")
    year = serializers.ListField(child=serializers.IntegerField(), help_text="Years.")
    after = serializers.CharField(allow_null=True, help_text="Date (EDTF) at or after which dates lie.")
    before = serializers.CharField(allow_null=True, help_text="Date (EDTF) at or before which dates lie.")
    measure = serializers.ListField(child=serializers.CharField(), help_text="Measures.")


class StatisticsSerializer(serializers.Serializer[object]):
    """Counts of what is on record, and what sources report, by the dimensions asked for."""

    as_of = serializers.DateField(allow_null=True, help_text="Day on which the counted records were valid.")
    filters = StatisticsFilters(help_text="What the question was narrowed to.")
    totals = serializers.DictField(
        child=serializers.IntegerField(min_value=0),
        help_text="Published records by resource. A record is in exactly one group, so that groups add up to totals.",
    )
    groups = StatisticsGroup(many=True, help_text="Counts by group, in the order of the dimensions' values.")
    figures = StatisticsReport(many=True, help_text="What sources report, beside what is on record.")
