"""The JSON of the network, described for the OpenAPI document."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.models.records import Fact
from apps.common.serializers.evidence import QuotationField, UnquotedField, VerifiedField
from apps.common.serializers.references import Reference
from apps.explore.network.rules import NODES, EdgeKind


@extend_schema_field({"type": "string", "format": "uri-reference"})
class AddressText(serializers.CharField):
    """The address of a record, relative to the host."""


class StateText(serializers.ChoiceField):
    """Whether a record is a draft."""

    def __init__(self) -> None:
        about = "Whether the record is published, submitted or a draft. It is told to those who may see drafts."
        super().__init__(Fact.State.choices, required=False, help_text=about)


class NetworkEvidenceSerializer(serializers.Serializer[object]):
    """A citation that states an edge."""

    article = Reference(help_text="Article that says so.")
    start = serializers.IntegerField(
        min_value=0, help_text="Offset of the span's first character in the article's body, in Unicode code points."
    )
    end = serializers.IntegerField(min_value=1, help_text="Offset behind the span's last character.")
    supports = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of the record that the span supports."
    )
    quotation = QuotationField()
    unquoted_because = UnquotedField()
    verified = VerifiedField()
    url = AddressText(help_text="Address of the citation.")


class NetworkNodeSerializer(serializers.Serializer[object]):
    """A record or division in the network."""

    id = serializers.CharField(help_text="Resource and key: `member-units/fudan-daxue`.")
    resource = serializers.ChoiceField(list(NODES), help_text="Resource to which it belongs.")
    resource_label = serializers.CharField(help_text="Name of the resource's records, in the language asked for.")
    kind = serializers.CharField(help_text="Kind within the resource.")
    kind_label = serializers.CharField(help_text="Label of the kind, in the language asked for.")
    name = serializers.CharField(help_text="Name of the record, in the language of its source.")
    name_pinyin = serializers.CharField(help_text="The name in Hanyu Pinyin.")
    status = serializers.CharField(allow_null=True, help_text="Status of the record; null where its kind has none.")
    status_label = serializers.CharField(
        allow_null=True, help_text="Label of the status, in the language asked for; null where there is none."
    )
    starts_on = serializers.CharField(
        allow_blank=True, help_text="When it was founded, began, was held or came to exist (EDTF); empty: not stated."
    )
    ends_on = serializers.CharField(
        allow_blank=True, help_text="When it was dissolved, ended or ceased to exist (EDTF); empty: not stated."
    )
    url = AddressText(help_text="Address of the record.")
    state = StateText()
    degree = serializers.IntegerField(min_value=0, help_text="Number of edges of the node in this network.")


class NetworkEdgeSerializer(serializers.Serializer[object]):
    """A tie between two nodes, and which sentence says so."""

    id = serializers.CharField(help_text="Record that states the edge, and its field where it is one field's.")
    # DRF takes declared fields out of the class, so that this one hides nothing.
    source = serializers.CharField(help_text="`id` of the node from which it leads: member, claimant, part.")
    target = serializers.CharField(help_text="`id` of the node to which it leads: body, project, whole, place.")
    kind = serializers.ChoiceField(EdgeKind.choices, help_text="Kind of tie.")
    kind_label = serializers.CharField(help_text="Label of the kind, in the language asked for.")
    role = serializers.CharField(
        allow_null=True, help_text="Role of a member, partner or participant; null where the kind has none."
    )
    role_label = serializers.CharField(
        allow_null=True, help_text="Label of the role, in the language asked for; null where there is none."
    )
    status = serializers.CharField(allow_null=True, help_text="Status of a claim; null for other kinds.")
    status_label = serializers.CharField(
        allow_null=True, help_text="Label of the status, in the language asked for; null where there is none."
    )
    starts_on = serializers.CharField(
        allow_blank=True, help_text="When the member joined or the unit claimed (EDTF); empty: not stated."
    )
    ends_on = serializers.CharField(allow_blank=True, help_text="When the member left (EDTF); empty: not stated.")
    url = AddressText(help_text="Address of the record that states the edge.")
    state = StateText()
    evidence = NetworkEvidenceSerializer(
        many=True, help_text="Citations that state the edge; empty for divisions, which rest on the division codes."
    )


class NetworkSerializer(serializers.Serializer[object]):
    """A network: nodes by resource and key, edges by kind and record."""

    node_count = serializers.IntegerField(min_value=0, help_text="Number of nodes given.")
    edge_count = serializers.IntegerField(min_value=0, help_text="Number of edges given.")
    node_limit = serializers.IntegerField(min_value=1, help_text="Most nodes that are ever given.")
    truncated = serializers.BooleanField(help_text="Whether there are more nodes or edges than are given.")
    narrow = serializers.CharField(
        allow_null=True, help_text="Where it is truncated: how to ask for less, in the language asked for."
    )
    nodes = NetworkNodeSerializer(many=True, help_text="The nodes.")
    edges = NetworkEdgeSerializer(many=True, help_text="The edges.")
