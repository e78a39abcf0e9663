"""Who takes part, as JSON: what may stand in the place of a reference, and the part that a party plays in its own."""

from collections.abc import Sequence

from apps.common.serializers.records import RecordSerializer
from apps.registry.serializers.divisions import DistrictSerializer, NeighbourhoodSerializer, StreetSerializer
from apps.registry.serializers.organisations import AllianceSerializer, MemberUnitSerializer


def party_serializers(keys: Sequence[str]) -> dict[str, type[RecordSerializer]]:
    """Return the serializer of the record behind each key of a party; the keys are in the order of `PARTY_KEYS`."""
    kinds = (MemberUnitSerializer, AllianceSerializer, DistrictSerializer, StreetSerializer, NeighbourhoodSerializer)
    return dict(zip(keys, kinds, strict=True))
