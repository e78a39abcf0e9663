"""Who may say what of a record: the parties that its model names, and the users who speak for them.

Competence comes only from an appointment: to the party itself, to a whole of which a unit is a part, or to a division
above a division or a body; never from a division for a unit. The right to edit gives none, nor does that of a steward.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any, ClassVar, NamedTuple, TypeAlias, cast

from django.db.models import Model, Q
from django.utils.translation import gettext_lazy as _

from apps.common.rules.territory import HasTerritory, Reader, Territory, Viewer, condition, territory_of
from apps.common.rules.workflow import HasWorkflow

ITSELF = ""
PLACE = "place"
AS_WRITTEN = "as_written"  # the field in which a party is named that is not on record
NOT_COMPETENT = _("“%(party)s” may not say this of the record: %(names)s.")

Find: TypeAlias = Callable[[type[Model], int], Model]


class Attester(NamedTuple):
    """A party that may say what a record is.

    `party` is the reference of the record that names it or a list of several, `ITSELF` for the record, or `PLACE` for
    the divisions in which the record lies. It speaks of `fields` only, where these are given; `yields` where only until
    the record itself says otherwise, which can be but a unit.
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


class Speaker:
    """A party that speaks of records. Above whom it stands is looked up once, however many records there are."""

    def __init__(self, party: Model) -> None:
        self.party = party
        self._stands_above: dict[tuple[type[Model], int], bool] = {}
        self._find = cache(_find)

    def may_not_say(self, record: Model, names: Iterable[str]) -> list[str]:
        """Return the fields of which it may not say what they are: no party that the model names for them is it, or
        has it above itself. The record may be new."""
        left = [*names]
        for attester in cast("Attested", record).attested_by:
            said = {name for name in left if attester.may_say(name)}
            if said and any(map(self._is_above, _named_by(record, attester.party, self._find))):
                left = [name for name in left if name not in said]
        return left

    def _is_above(self, named: Model) -> bool:
        if named.pk is None:
            return self.party in _up(named)
        key = type(named), named.pk
        if key not in self._stands_above:
            self._stands_above[key] = self.party in _up(named)
        return self._stands_above[key]


def _find(model: type[Model], pk: int) -> Model:
    return model._base_manager.get(pk=pk)


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


def answered_parties(record: Model) -> Mapping[str, tuple[str, ...]]:
    """Return the fields in which a record names its parties, each with the references by which its workflow does.

    There are none before the record has left the statuses in which it is entered. From then on somebody has answered
    for the parties that are named, so that another one is named by a source or by itself, and not by the other side. A
    name as written is that of a party for which nobody speaks.
    """
    workflow = cast("HasWorkflow", record).workflow
    if workflow is None or getattr(record, workflow.field) in workflow.entries:
        return {}
    found: dict[str, tuple[str, ...]] = {field.name: () for field in record._meta.fields if field.name == AS_WRITTEN}
    for way in chain(*workflow.entries.values(), *(each.who for each in workflow.transitions)):
        name = way.partition("__")[0]
        if way != PLACE and way not in found.get(name, ()):
            found[name] = (*found.get(name, ()), way)
    return found


def spoken_for(model: type[Model], party: str, viewer: Viewer) -> Iterator[Q]:
    """Yield the conditions under which a viewer speaks for a party that a row names, as `speaking_party` finds it.

    They are apart, one for each reference that may name the party, so that each can be looked up by its index.
    """
    for way in columns_of(cast(Any, model)) if party == PLACE else [party]:
        target: Any = model
        for step in filter(None, way.split("__")):
            target = target._meta.get_field(step).related_model
        kinds = viewer.kinds
        if target.place_columns:  # no division speaks for a unit that lies there, and for a body only that one does
            kinds &= frozenset({target.appointable} if target.appointable else target.place_columns)
        lying = None if viewer.everything else condition(target, Viewer(False, kinds))
        if lying is not None:
            yield Q(**{f"{way or 'pk'}__in": target._base_manager.filter(lying).order_by().values("pk")})


def _named_by(record: Model, party: str, find: Find = _find) -> Iterator[Model]:
    if party == ITSELF:
        yield record
    elif party != PLACE:
        target: Any = record
        for step in party.split("__"):
            target = getattr(target, step, None)  # a record that is refused may lack a reference that it has to have
        yield from target if isinstance(target, list) else [target] if target is not None else []
    elif record._state.adding:
        placed = cast("HasTerritory", record)
        levels = placed.place_with_new_values()
        for kind, name in reversed(placed.place_columns.items()):
            if (pk := levels.get(kind)) is not None:
                yield find(cast("type[Model]", record._meta.get_field(name).related_model), pk)
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
