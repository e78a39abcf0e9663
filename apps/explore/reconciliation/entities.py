"""The records that names are reconciled with: their types, their values, and the properties that can be asked for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable
from apps.common.models.row_names import choice_labels
from apps.explore.reconciliation.scoring import Entity, Location
from apps.registry.models import Alliance, District, Identifier, MemberUnit, Neighbourhood, Street, UnitName

TYPES: dict[str, type[Citable]] = {
    model.resource: model for model in (MemberUnit, District, Street, Neighbourhood, Alliance)
}
DIVISIONS = ("districts", "streets", "neighbourhoods")

# The ways from a record to the divisions in which it lies, from the widest to the narrowest.
_BODY_PLACES = ("in_district", "in_street", "in_neighbourhood")
PLACES: dict[str, tuple[str, ...]] = {
    "districts": (),
    "streets": ("district",),
    "neighbourhoods": ("street__district", "street"),
    "member-units": _BODY_PLACES,
    "alliances": _BODY_PLACES,
}
_DATES = {
    **dict.fromkeys(DIVISIONS, ("established_on", "abolished_on")),
    "alliances": ("founded_on", "dissolved_on"),
}

_FORMAL = (UnitName.Kind.OFFICIAL, UnitName.Kind.FORMER)


@dataclass(frozen=True)
class Candidate:
    """A record as it is compared, with the other values that may be asked for."""

    pk: int
    entity: Entity
    pinyin: str
    begun_on: str = ""
    ended_on: str = ""
    related: Mapping[str, Location] = field(default_factory=dict)  # parent, successor


def level_of(path: str) -> str:
    """Return the level of division to which a way leads."""
    return path.rpartition("__")[2].removeprefix("in_")


def load(found: Mapping[str, Iterable[int]]) -> dict[str, dict[int, Candidate]]:
    """Return the published records with the given primary keys by type: three statements a type."""
    return {name: _load_type(name, set(pks)) for name, pks in found.items() if pks}


def load_keys(ids: Iterable[str]) -> dict[str, Candidate]:
    """Return published records by identifier (`streets/310110019`); those that do not exist are left out."""
    keys: dict[str, set[str]] = {}
    for identifier in ids:
        name, _slash, key = identifier.partition("/")
        if name in TYPES:
            keys.setdefault(name, set()).add(key)
    found = {}
    for name, wanted in keys.items():
        model = TYPES[name]
        rows = model._default_manager.visible_to(None).filter(**{f"{model.key_field}__in": wanted})
        found[name] = set(rows.values_list("pk", flat=True))
    return {record.entity.id: record for records in load(found).values() for record in records.values()}


def _load_type(name: str, pks: set[int]) -> dict[int, Candidate]:
    aliases = _names(UnitName, "unit_id", pks) if name == "member-units" else {}
    codes = _codes(pks) if name == "member-units" else {}
    former = _names(TYPES[name], "successor_id", pks) if name in DIVISIONS else {}
    rows = TYPES[name]._default_manager.visible_to(None).filter(pk__in=pks).values(*_columns(name))
    records = [_record(name, row, aliases.get(row["pk"], {}), former.get(row["pk"], {})) for row in rows]
    return {
        record.pk: replace(record, entity=replace(record.entity, codes=codes[record.pk]))
        if record.pk in codes
        else record
        for record in records
    }


def _codes(pks: set[int]) -> dict[int, frozenset[str]]:
    """Return the identifiers of units, as scheme:value, by the unit's primary key."""
    codes: dict[int, frozenset[str]] = {}
    rows = Identifier.objects.visible_to(None).filter(unit__in=pks).order_by()
    for pk, scheme, value in rows.values_list("unit_id", "scheme", "value"):
        codes[pk] = codes.get(pk, frozenset()) | {f"{scheme}:{value}"}
    return codes


def _names(model: type[Citable], path: str, pks: set[int]) -> dict[int, dict[str, str]]:
    """Return the names of the rows that point at records, with their kinds, by the record's primary key."""
    names: dict[int, dict[str, str]] = {}
    rows = model._default_manager.visible_to(None).filter(**{f"{path}__in": pks}).order_by("pk")
    for pk, text, kind in rows.values_list(path, "name", "kind"):
        names.setdefault(pk, {})[text] = kind
    return names


@cache
def _columns(name: str) -> tuple[str, ...]:
    model = TYPES[name]
    columns = ["pk", model.key_field, "name", "name_pinyin", "kind"]
    for path in PLACES[name]:
        columns += [f"{path}__{_key_of(path)}", f"{path}__{_code_of(path)}", f"{path}__name"]
    for date in _DATES.get(name, ()):
        columns += [date, f"{date}_earliest", f"{date}_latest"]
    if name in DIVISIONS:
        columns += [f"successor__{model.key_field}", "successor__name"]
        columns.append(_code_of(name))
    if name in ("member-units", "alliances"):
        columns += ["parent__slug", "parent__name"]
    return tuple(dict.fromkeys(columns))


def _key_of(path: str) -> str:
    return "key" if "neighbourhood" in level_of(path) else "code"


def _code_of(path: str) -> str:
    return "code" if "neighbourhood" in level_of(path) else "official_code"


def _record(name: str, row: dict[str, Any], aliases: Mapping[str, str], former: Mapping[str, str]) -> Candidate:
    key = row[TYPES[name].key_field]
    dates = [(row[date], (row[f"{date}_earliest"], row[f"{date}_latest"])) for date in _DATES.get(name, ())]
    (begun_on, begun), (ended_on, ended) = dates or [("", (None, None))] * 2
    places = _places(name, row)
    if name in DIVISIONS:
        places = (*places, Location(name.removesuffix("s"), f"{name}/{key}", row[_code_of(name)] or "", row["name"]))
    related = _related(name, row)
    entity = Entity(
        id=f"{name}/{key}",
        type=name,
        name=row["name"],
        kind=row["kind"],
        kind_labels=tuple(kind_labels(name)[row["kind"]].values()),
        aliases=tuple(alias for alias in aliases if alias != row["name"]),
        formal=frozenset(alias for alias, kind in aliases.items() if kind in _FORMAL),
        former=tuple(text for text in former if text != row["name"]),
        places=places,
        begun=begun,
        ended=ended,
        dated=name in DIVISIONS or any((*begun, *ended)),
        successor=related["successor"].id if "successor" in related else "",
    )
    return Candidate(row["pk"], entity, row["name_pinyin"], begun_on, ended_on, related)


def _related(name: str, row: dict[str, Any]) -> dict[str, Location]:
    """Return the records to which a record points, beside the places in which it lies."""
    related = {}
    if successor := row.get(f"successor__{TYPES[name].key_field}"):
        related["successor"] = Location("successor", f"{name}/{successor}", successor, row["successor__name"])
    if parent := row.get("parent__slug"):
        related["parent"] = Location("parent", f"{name}/{parent}", parent, row["parent__name"])
    return related


def _places(name: str, row: dict[str, Any]) -> tuple[Location, ...]:
    found = {}
    for path in PLACES[name]:
        if key := row[f"{path}__{_key_of(path)}"]:
            level = level_of(path)
            place = Location(level, f"{level}s/{key}", row[f"{path}__{_code_of(path)}"] or "", row[f"{path}__name"])
            found[place.id] = place
    return tuple(found.values())


@cache
def kind_labels(name: str) -> dict[str, dict[str, str]]:
    """Return the labels of a type's kinds, by value and language."""
    labels: dict[str, dict[str, str]] = {}
    for language, _label in settings.LANGUAGES:
        with translation.override(language):
            for value, label in choice_labels(TYPES[name], "kind").items():
                labels.setdefault(value, {})[language] = label
    return labels


def type_name(name: str) -> str:
    """Return the name of a type in the reader's language."""
    return str(TYPES[name]._meta.verbose_name)


def kind_label(entity: Entity) -> str:
    """Return the label of a record's kind in the reader's language."""
    labels = kind_labels(entity.type)[entity.kind]
    return labels.get(translation.get_language() or settings.LANGUAGE_CODE, entity.kind)


def describe(record: Candidate) -> str:
    """Return a line that tells a record from its namesakes: its kind, its places, and the date of its end."""
    entity = record.entity
    around = [place.name for place in entity.places if place.id != entity.id]
    parts = [kind_label(entity), "".join(around)]
    if entity.type in DIVISIONS and record.ended_on:
        parts.append(str(_("until %(date)s")) % {"date": record.ended_on})
    return " · ".join(part for part in parts if part)


# Properties ----------------------------------------------------------------------------------------------------------


def _text(value: str) -> list[dict[str, str]]:
    return [{"str": value}] if value else []


def _reference(place: Location | None) -> list[dict[str, str]]:
    return [{"id": place.id, "name": place.name}] if place else []


def _place(record: Candidate, level: str) -> list[dict[str, str]]:
    return _reference(next((place for place in record.entity.places if place.level == level), None))


@dataclass(frozen=True)
class Property:
    """A property by which a query may describe a record, or whose values may be asked for."""

    label: str | Promise
    help_text: str | Promise
    types: tuple[str, ...]
    values: Callable[[Candidate], list[dict[str, str]]] | None  # None: it is for queries only
    refers_to: str = ""  # the type of records that are its values
    refines: bool = False  # whether a query may say it


_ALL = tuple(TYPES)
_BODIES = ("member-units", "alliances")
_DATED = (*DIVISIONS, "alliances")

PROPERTIES: dict[str, Property] = {
    "district": Property(
        _("district"),
        _("District in which it lies, by name or code."),
        _ALL,
        lambda record: _place(record, "district"),
        "districts",
        refines=True,
    ),
    "street": Property(
        _("street"),
        _("Street, town or township in which it lies, by name or code."),
        ("member-units", "streets", "neighbourhoods", "alliances"),
        lambda record: _place(record, "street"),
        "streets",
        refines=True,
    ),
    "neighbourhood": Property(
        _("neighbourhood"),
        _("Neighbourhood in which it lies, by name or code."),
        ("member-units", "neighbourhoods", "alliances"),
        lambda record: _place(record, "neighbourhood"),
        "neighbourhoods",
        refines=True,
    ),
    "division": Property(
        _("division"), _("Division of any level in which it lies, by name or code."), _ALL, None, refines=True
    ),
    "kind": Property(
        _("kind"),
        _("Kind of organisation, body or division: a value of the vocabulary or its label."),
        _ALL,
        lambda record: _text(kind_label(record.entity)),
        refines=True,
    ),
    "date": Property(
        _("date"), _("A date in EDTF at which it existed, such as 2013-06-27 or 2015."), _DATED, None, refines=True
    ),
    "name": Property(_("name"), _("Name."), _ALL, lambda record: _text(record.entity.name)),
    "pinyin": Property(_("pinyin"), _("The name in Hanyu Pinyin."), _ALL, lambda record: _text(record.pinyin)),
    "other_names": Property(
        _("other names"),
        _("Short, former and other names; of a division, those of the divisions whose place it took."),
        ("member-units", *DIVISIONS),
        lambda record: [{"str": name} for name in (*record.entity.aliases, *record.entity.former)],
    ),
    "code": Property(
        _("code"),
        _("Official code of a division."),
        DIVISIONS,
        lambda record: _text(record.entity.places[-1].code),
    ),
    "identifier": Property(
        _("identifier"),
        _("Identifier in another register, such as uscc:91110000600037341L or Q186285."),
        ("member-units",),
        lambda record: [{"str": code} for code in sorted(record.entity.codes)],
        refines=True,
    ),
    "parent": Property(
        _("parent"),
        _("Unit or body of which it is a part."),
        _BODIES,
        lambda record: _reference(record.related.get("parent")),
    ),
    "successor": Property(
        _("successor"),
        _("Division that took its place."),
        DIVISIONS,
        lambda record: _reference(record.related.get("successor")),
    ),
    "begun_on": Property(
        _("begun on"), _("When it came to exist, in EDTF."), _DATED, lambda record: _text(record.begun_on)
    ),
    "ended_on": Property(
        _("ended on"), _("When it ceased to exist, in EDTF."), _DATED, lambda record: _text(record.ended_on)
    ),
    "url": Property(
        _("url"),
        _("Address of the record in the API, relative to the host."),
        _ALL,
        lambda record: _text(f"{settings.API_ROOT}/{record.entity.id}"),
    ),
}
