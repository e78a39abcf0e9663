"""Divisions, member units, alliances, venues."""

from apps.registry.models.alliances import Alliance, Membership
from apps.registry.models.divisions import District, Neighbourhood, Street
from apps.registry.models.identifiers import Identifier
from apps.registry.models.parties import PARTY_KEYS, Party, one_party_at_most, party_key, party_of
from apps.registry.models.places import PartOfWhole, Placed
from apps.registry.models.units import MemberUnit, UnitName
from apps.registry.models.venues import Venue, VenueService

__all__ = [
    "PARTY_KEYS",
    "Alliance",
    "District",
    "Identifier",
    "MemberUnit",
    "Membership",
    "Neighbourhood",
    "PartOfWhole",
    "Party",
    "Placed",
    "Street",
    "UnitName",
    "Venue",
    "VenueService",
    "one_party_at_most",
    "party_key",
    "party_of",
]
