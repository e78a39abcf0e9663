"""Who may say what of a record: the parties that its model names, and the users who speak for them.

Competence comes only from an appointment: to the party itself, to a whole of which a unit is a part, or to a division
above a division or a body; never from a division for a unit. The right to edit gives none, nor does that of a steward.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple, cast

from django.db.models import Model

from apps.common.rules.territory import HasTerritory, Reader, Territory, territory_of

ITSELF = ""
PLACE = "place"


class Attester(NamedTuple):
    """A party that may say what a record is.

    `party` is the reference of the record that names it, `ITSELF` for the record, or `PLACE` for the divisions in which
    the record lies. It speaks of `fields` only, where these are given; `yields` where only until the record itself says
    otherwise, which can be but a unit.
    """

    party: str
    fields: frozenset[str] | None = None
    yields: bool = False

    def may_say(self, name: str) -> bool:
        """Whether the party speaks of a field."""
        return self.fields is None or name in self.fields


class Competence(NamedTuple):
    """A party for which a user speaks, and by which rule."""

    party: Model
    attester: Attester


class Attested:
    """What a model says about who may say what its records are: parties, in the order in which they are asked."""

    attested_by: ClassVar[tuple[Attester, ...]] = ()


def competences(user: Reader, record: Model) -> Iterator[Competence]:
    """Yield the parties for which a user may speak of a stored record, in the order in which its model names them."""
    territory = territory_of(user)
    if not isinstance(territory, Territory) or territory.everything or not territory:
        return
    for attester in cast("Attested", record).attested_by:
        for target in _named_by(record, attester.party):
            if (party := _spoken_for(territory, target)) is not None:
                yield Competence(party, attester)
                break


def speaks_for(user: Reader, party: Model) -> bool:
    """Whether a user was appointed to a party, to a whole of it if it is a unit, or to a division above it."""
    territory = territory_of(user)
    is_appointed = isinstance(territory, Territory) and not territory.everything
    return is_appointed and _spoken_for(cast(Territory, territory), party) is not None


def may_attest(party: Model, record: Model, name: str) -> bool:
    """Whether a party may say what a field of a stored record is: the model names it, or it stands above one named."""
    asked = (attester for attester in cast("Attested", record).attested_by if attester.may_say(name))
    return any(party in _up(target) for attester in asked for target in _named_by(record, attester.party))


def _up(party: Model) -> Iterator[Model]:
    """Yield a party and all that stands above it: wholes of a unit, the place of a body, divisions of a division."""
    yield party
    own = cast("HasTerritory", party)
    if own.appointable and own.place_columns:
        above = [own.inherits]
    else:
        above = columns_of(party) if own.place_columns else list(own.belongs_to)
    for name in above:
        if (whole := getattr(party, name)) is not None:
            yield from _up(whole)


def speaking_party(user: Reader, record: Model, names: Iterable[str]) -> Model | None:
    """Return the first party that a record names for which a user speaks; None where he speaks for none.

    `names` are as in `Attester`, and may lead over several references (`round_project__round__street`).
    """
    territory = territory_of(user)
    if not isinstance(territory, Territory) or territory.everything or not territory:
        return None
    spoken = (_spoken_for(territory, target) for name in names for target in _named_by(record, name))
    return next((party for party in spoken if party is not None), None)


def _named_by(record: Model, party: str) -> Iterator[Model]:
    if party == ITSELF:
        yield record
    elif party != PLACE:
        target: Model | None = record
        for step in party.split("__"):
            target = getattr(target, step, None)  # of a record that is not stored yet, even one that it has to name
        if target is not None:
            yield target
    elif record._state.adding:
        levels = cast("HasTerritory", record).place_with_new_values()
        for kind, name in reversed(cast("HasTerritory", record).place_columns.items()):
            model: Any = record._meta.get_field(name).related_model
            yield from model._default_manager.filter(pk=levels[kind])
    else:
        # What the database has stored, not what the object held before it was saved.
        stored: Any = type(record)._base_manager.select_related(*columns_of(record)).get(pk=record.pk)
        yield from (place for name in columns_of(record) if (place := getattr(stored, name)) is not None)


def columns_of(record: Model) -> list[str]:
    """Return the references that say where a record lies, the most precise first."""
    return [*reversed(getattr(record, "place_columns", {}).values())]


def _spoken_for(territory: Territory, party: Model) -> Model | None:
    """Return the party for which a user speaks where another is named: itself, or the division to which he belongs."""
    own = cast("HasTerritory", party)
    model = cast("type[HasTerritory]", type(party))
    if own.appointable and party.pk in territory.keys(model):
        return party
    if own.appointable and own.place_columns:  # a unit: no division speaks for it
        return None
    if own.place_columns:  # a body, for which the curators of its place speak
        places = (getattr(party, name) for name in columns_of(party))
        return party if any(place is not None and _spoken_for(territory, place) for place in places) else None
    if not own.appointable:
        return None
    above = (getattr(party, name) for name in own.belongs_to)
    return next((found for each in above if each is not None and (found := _spoken_for(territory, each))), None)
