"""The shape of a claim form."""

from rest_framework import serializers

from apps.common.serializers.references import Reference, TargetReference
from apps.explore.form.table import MEASURES
from apps.projects.models import Claim


class ClaimFormEntrySerializer(serializers.Serializer[object]):
    """A unit that claims a project."""

    slug = serializers.CharField(help_text="Slug of the claim.")
    unit = Reference(help_text="Unit that claims it.")
    status = serializers.ChoiceField(choices=Claim.Status.choices, help_text="Where the claim stands.")
    status_label = serializers.CharField(
        source="get_status_display", help_text="Label of the status, in the language asked for."
    )
    claimed_on = serializers.CharField(allow_blank=True, help_text="When the unit claimed the project (EDTF).")
    lapses_on = serializers.CharField(allow_blank=True, help_text="Last day of the lease (EDTF).")


class ClaimFormRowSerializer(serializers.Serializer[object]):
    """A project under its category, as the units of one body claim it."""

    category = Reference(allow_null=True, help_text="Heading under which the project stands.")
    body = Reference(allow_null=True, help_text="Body through which the units claim it.")
    project = Reference(help_text="Project that can be claimed.")
    places = serializers.IntegerField(
        allow_null=True, min_value=1, help_text="How many units may do it; null: any number."
    )
    claims = ClaimFormEntrySerializer(many=True, help_text="Units that claim it; none where nobody does yet.")


class ClaimFormFigureSerializer(serializers.Serializer[object]):
    """A number that somebody says."""

    reading = serializers.CharField(help_text="The number as a person reads it: `≥ 118 个项目`.")
    as_written = serializers.CharField(help_text="The number in the words of the source.")
    period = serializers.CharField(allow_blank=True, help_text="Time for which it holds (EDTF).")
    by = TargetReference(allow_null=True, help_text="Who says it; null where an article does.")
    figure = TargetReference(help_text="The figure on record.")


class ClaimFormTotalSerializer(serializers.Serializer[object]):
    """A number about the whole form, a body or a category, by who says it."""

    about = TargetReference(help_text="Round, body or category that it is about.")
    measure = serializers.ChoiceField(choices=list(MEASURES.items()), help_text="What is counted.")
    label = serializers.CharField(help_text="What is counted, in the language asked for.")
    reported = ClaimFormFigureSerializer(many=True, help_text="What articles report.")
    attested = ClaimFormFigureSerializer(many=True, help_text="What parties attest.")
    recorded = serializers.IntegerField(min_value=0, help_text="What is on record in this form.")


class ClaimFormSerializer(serializers.Serializer[object]):
    """A claim form."""

    of = TargetReference(help_text="Round or body whose form it is.")
    rows = ClaimFormRowSerializer(many=True, help_text="Projects by category, body and name, with who claims them.")
    totals = ClaimFormTotalSerializer(many=True, help_text="Totals: of the whole form, of each body, of each category.")
