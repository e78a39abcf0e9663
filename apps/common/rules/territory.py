"""Where a user may work, and the condition under which a record lies there.

A territory is a handful of keys. Each model lists those of its own references that place its rows (`HasTerritory`).
From these one subquery is built, which lists, counts, the admin and the check before a write all use. Its text depends
only on the kinds of keys that a territory has, so that it is built once for each kind of record and each such
combination.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias, cast

from cachetools import cached
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model, Q
from django.db.models.expressions import RawSQL

from apps.common.sql.slots import Parameter, spell

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    _Base = Model
else:
    _Base = object


@dataclass(frozen=True)
class Territory:
    """What a user was appointed to: everything, or keys of records by the `appointable` of their model, never none."""

    everything: bool = False
    appointed: Mapping[str, frozenset[int]] = field(default_factory=dict, hash=False)

    def __bool__(self) -> bool:
        return self.everything or bool(self.appointed)

    def keys(self, model: "type[HasTerritory]") -> frozenset[int]:
        """Return the keys of the rows of a model that were appointed as such."""
        return self.appointed.get(model.appointable, frozenset())

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of record of which there are keys."""
        return frozenset(self.appointed)

    @property
    def territory(self) -> "Territory":
        """What the model's conditions ask of a user."""
        return self

    def without(self, kinds: Collection[str]) -> "Territory":
        """Return the territory less what was appointed of some kinds."""
        return replace(self, appointed={kind: keys for kind, keys in self.appointed.items() if kind not in kinds})

    def parameter(self, kind: str) -> list[int]:
        """Return the keys of a kind as a statement takes them."""
        return sorted(self.appointed[kind])


NOWHERE = Territory()


@dataclass(frozen=True)
class Viewer:
    """Who reads, as far as the text of a statement depends on it: the kinds of keys, whose values are parameters.

    It stands for a user where a statement is put together, and all users with the same kinds share the statement.
    """

    everything: bool
    kinds: frozenset[str]

    def __bool__(self) -> bool:
        return self.everything or bool(self.kinds)

    @property
    def territory(self) -> "Viewer":
        """What the model's conditions ask of a user."""
        return self

    def parameter(self, kind: str) -> Parameter:
        """Return the parameter for the keys of a kind."""
        return Parameter(slot_name(kind))


# A reader who sees all there is: a command, or an answer that hides nothing.
KEEPER = Viewer(everything=True, kinds=frozenset())
# Who reads or writes: an account, nobody, a territory as such, or the stand-in of all with the same kinds of keys.
Reader: TypeAlias = "AbstractBaseUser | AnonymousUser | Territory | Viewer | None"


def slot_name(kind: str) -> str:
    """Return the name of the parameter for the keys of a kind."""
    return f"territory_of_{kind}"


def viewer_of(user: Reader) -> tuple[Viewer | None, dict[str, object]]:
    """Return as whom a user reads, None being everybody, and the values of the parameters."""
    territory = territory_of(user)
    if not territory:
        return None, {}
    kinds = frozenset() if territory.everything else territory.kinds
    return Viewer(territory.everything, kinds), {slot_name(kind): territory.parameter(kind) for kind in kinds}


class HasTerritory(_Base):
    """What a model says about where its rows lie; `Citable` is one. All names are those of its own references.

    `belongs_to`: a row lies where any of these lies, and whoever sets one must be allowed to edit what it points at.
    `concerns`: a row lies where any of these lies, too, but pointing at a foreign one is free: it names a party.
    `inherits`: a row without any of `belongs_to` lies where this row of the same model lies (a part, in its whole).
    `kept_by`: whoever was appointed to a row of one of these kinds, by their `appointable`, may edit all rows.
    `appointable`: users are appointed to single rows; the name of their keys in a territory.
    `is_represented`: who is appointed to a row speaks for it, and keeps nothing: he drafts, and curators publish.
    `evidence_of`: the reference to what a row is evidence of; while that is published, the row is for curators.
    `place_columns`: by kind of division, the references that say where a row lies; they stand for all of `belongs_to`.
    """

    belongs_to: ClassVar[tuple[str, ...]] = ()
    concerns: ClassVar[tuple[str, ...]] = ()
    inherits: ClassVar[str] = ""
    kept_by: ClassVar[tuple[str, ...]] = ()
    appointable: ClassVar[str] = ""
    is_represented: ClassVar[bool] = False
    evidence_of: ClassVar[str] = ""
    place_columns: ClassVar[dict[str, str]] = {}

    def place_with_new_values(self) -> Mapping[str, int | None]:
        """Return the keys of the divisions in which the row would lie if it were stored, by their `appointable`."""
        return {}


def territory_of(user: Reader) -> Territory | Viewer:
    """Return the territory of a user of any kind; that of nobody is nowhere."""
    found: Territory | Viewer = getattr(user, "territory", NOWHERE)
    return found


def condition(model: type[HasTerritory], territory: Territory | Viewer) -> Q | None:
    """Return the condition under which a row lies in a territory that is not everything; None: no row does."""
    if not territory:
        return None
    if not territory.kinds.isdisjoint(model.kept_by):
        return Q()
    if (query := in_territory(model, territory.kinds)) is None:
        return None
    # Written here, from names that the models give.
    return Q(pk__in=RawSQL(query.sql, _params(query, territory)))  # noqa: S611


class TerritoryQuery(NamedTuple):
    """A subquery, and what each of its parameters stands for: keys of a kind, or the content type of a model."""

    sql: str
    slots: list[str | type[HasTerritory]]


def _params(query: TerritoryQuery, territory: Territory | Viewer) -> list[object]:
    return [
        territory.parameter(slot) if isinstance(slot, str) else ContentType.objects.get_for_model(slot).pk
        for slot in query.slots
    ]


def may_ever_edit(user: "Reader", model: type[HasTerritory]) -> bool:
    """Whether there could be a row of a model that a user may edit, by the kinds of what he was appointed to."""
    territory = territory_of(user)
    if territory.everything or not territory:
        return territory.everything
    # As `condition`, without the condition: a page of the admin asks this of each kind of record, four times.
    return not territory.kinds.isdisjoint(model.kept_by) or in_territory(model, territory.kinds) is not None


@cached({})
def in_territory(model: type[HasTerritory], kinds: frozenset[str]) -> TerritoryQuery | None:
    """Return the keys of the rows of a model that lie in a territory with keys of such kinds; None: there are none."""
    name, parts = _parts(model, kinds)
    if name is None:
        return None
    text = ", ".join(f"{part}(id) AS ({query.sql})" for part, query in parts.items())
    slots = [slot for query in parts.values() for slot in query.slots]
    return TerritoryQuery(f"WITH RECURSIVE {text} SELECT id FROM {name}", slots)  # noqa: S608


def shared(text: str, viewer: Viewer | None) -> str:
    """Return a statement in which what lies in the reader's territory is found once, before the rest.

    By itself each condition finds it anew. A list of citations, which name records of every kind, has dozens of them:
    to plan that took PostgreSQL an eighth of a second.
    """
    if viewer is None or not viewer.kinds:
        return text
    once: dict[str, str] = {}
    for model in keepers():
        query = in_territory(model, viewer.kinds)
        if query and (alone := f"({_spelt(query, viewer)})") in text:
            name, parts = _parts(model, viewer.kinds)
            text = text.replace(alone, f"(SELECT id FROM {name})")  # noqa: S608
            once |= {part: _spelt(inner, viewer) for part, inner in parts.items()}
    if not once:
        return text
    return f"WITH RECURSIVE {', '.join(f'{part}(id) AS ({sql})' for part, sql in once.items())} {text}"


def _spelt(query: TerritoryQuery, viewer: Viewer) -> str:
    """Return the text of a query as it stands in a statement for a reader."""
    pieces = query.sql.split("%s")
    return "".join(map("".join, zip(pieces, [*map(spell, _params(query, viewer)), ""], strict=True)))


@cached({})
def _parts(model: type[HasTerritory], kinds: frozenset[str]) -> tuple[str | None, dict[str, TerritoryQuery]]:
    """Return the name of the part of a statement that finds a model's rows, and all parts, each behind what it uses."""
    parts: dict[str, TerritoryQuery | None] = {}
    name = _part(parts, model, kinds, nested=False)
    return name, {part: query for part, query in parts.items() if query}


def _part(
    parts: dict[str, TerritoryQuery | None], model: type[HasTerritory], kinds: frozenset[str], *, nested: bool
) -> str | None:
    """Add to a statement the part that finds a model's rows, and before it those it rests on; return its name.

    `nested`: the row is itself the target of a reference that may point at anything (a figure that is cited).
    """
    name = "_".join(("lying", str(model._meta.model_name), *sorted(kinds), *(["nested"] if nested else [])))
    if name not in parts:
        arms = _arms(parts, model, kinds, nested=nested)
        if arms and model.inherits and not kinds <= model.place_columns.keys():
            arms.append(TerritoryQuery(_parts_of(model, name), []))
        # An arm each, not one OR: so each can use the index of its column.
        sql = " UNION ".join(arm.sql for arm in arms)
        parts[name] = TerritoryQuery(sql, [slot for arm in arms for slot in arm.slots]) if arms else None
    return name if parts[name] else None


def _arms(
    parts: dict[str, TerritoryQuery | None], model: type[HasTerritory], kinds: frozenset[str], *, nested: bool
) -> list[TerritoryQuery]:
    """Return the ways by which a row can lie in a territory."""
    rows = f"SELECT id FROM {_quoted(model._meta.db_table)}"  # noqa: S608
    if not kinds.isdisjoint(model.kept_by):
        return [TerritoryQuery(rows, [])]
    kind = model.appointable
    arms = [TerritoryQuery(f"{rows} WHERE id = ANY(%s::bigint[])", [kind])] if kind in kinds else []
    for division in kinds & model.place_columns.keys():
        arms += _arms_of_place(model, division)
    # Whether a row lies in a division is stored; what its references say of that says the same or is overruled.
    others = kinds - model.place_columns.keys()
    for name in (*model.belongs_to, *model.concerns):
        kinds_asked = others if name in model.belongs_to else kinds
        field = model._meta.get_field(name)
        if isinstance(field, GenericForeignKey):
            arms += _arms_of_any_kind(parts, model, field, kinds_asked, nested=nested)
        elif field.related_model is model:
            arms += (
                [TerritoryQuery(f"{rows} WHERE {_column(model, name)} = ANY(%s::bigint[])", [kind])]
                if kind in kinds
                else []
            )
        elif inner := _part(parts, cast("type[HasTerritory]", field.related_model), kinds_asked, nested=False):
            arms.append(TerritoryQuery(f"{rows} WHERE {_column(model, name)} IN (SELECT id FROM {inner})", []))  # noqa: S608
    return arms


def _arms_of_place(model: type[HasTerritory], division: str) -> list[TerritoryQuery]:
    """Return the ways by which a row can lie in divisions of a kind: in one of them, or in a part of one."""
    column = _column(model, model.place_columns[division])
    target = cast("type[HasTerritory]", model._meta.get_field(model.place_columns[division]).related_model)
    rows = f"SELECT id FROM {_quoted(model._meta.db_table)}"  # noqa: S608
    arms = [f"{rows} WHERE {column} = ANY(%s::bigint[])"]
    for name in target.belongs_to:
        if target._meta.get_field(name).related_model is target:  # an estate in the area of a committee
            above = _column(target, name)
            inside = f"SELECT id FROM {_quoted(target._meta.db_table)} WHERE {above} = ANY(%s::bigint[])"  # noqa: S608
            arms.append(f"{rows} WHERE {column} IN ({inside})")
    return [TerritoryQuery(arm, [division]) for arm in arms]


def _arms_of_any_kind(
    parts: dict[str, TerritoryQuery | None],
    model: type[HasTerritory],
    field: GenericForeignKey,
    kinds: frozenset[str],
    *,
    nested: bool,
) -> list[TerritoryQuery]:
    """Return the arm for a reference that may point at a record of any kind."""
    targets = [target for target in keepers() if target is not model and not (nested and points_anywhere(target))]
    names = {target: _part(parts, target, kinds, nested=points_anywhere(target)) for target in targets}
    found = {target: name for target, name in names.items() if name}
    if not found:
        return []
    kind = _column(model, field.ct_field)
    targeted = " UNION ALL ".join(f"SELECT %s::int AS kind, id FROM {name}" for name in found.values())  # noqa: S608
    sql = (
        f"SELECT pointing.id FROM {_quoted(model._meta.db_table)} AS pointing JOIN ({targeted}) AS target"  # noqa: S608
        f" ON pointing.{kind} = target.kind AND pointing.{_column(model, field.fk_field)} = target.id"
    )
    return [TerritoryQuery(sql, list(found))]


def _parts_of(model: type[HasTerritory], whole: str) -> str:
    """Return the arm for the parts, however deep, of rows that lie there; a part with a place of its own is none."""
    unplaced = "".join(f" AND part.{_column(model, name)} IS NULL" for name in model.belongs_to)
    parent = _column(model, model.inherits)
    return (
        f"SELECT part.id FROM {_quoted(model._meta.db_table)} AS part"  # noqa: S608
        f" JOIN {whole} AS whole ON part.{parent} = whole.id WHERE true{unplaced}"
    )


def keepers() -> list[type[HasTerritory]]:
    """Return the models that say where their rows lie."""
    return [model for model in apps.get_models() if issubclass(model, HasTerritory)]


def points_anywhere(model: type[HasTerritory]) -> bool:
    """Whether a model has a reference that may point at a record of any kind."""
    return any(isinstance(field, GenericForeignKey) for field in model._meta.private_fields)


def _column(model: type[HasTerritory], name: str) -> str:
    """Return the column of a field, quoted."""
    return _quoted(next(str(field.column) for field in model._meta.concrete_fields if field.name == name))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
