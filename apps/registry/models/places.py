"""Where a record lies, and since when it can be there: stored beside it, and kept by triggers.

A record lies in the most precise division that it names itself, else where that lies on which it hangs: its whole, its
body, its project, its event (`hangs_on`, in this order). Who takes part in something says nothing about where it lies.
Lists, counts, facets, statistics, rights and the pages of divisions all read the same three columns.

A part does not exist before its whole: of what begins at a date, the later one of its own and its whole's is stored.

Triggers fill the columns of a row from its own references before it is stored, and have the rows that hang on it filled
again when its columns change. What a row hangs on is locked meanwhile, so that nobody moves it at the same time.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import pgtrigger
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable
from apps.common.rules.guards import Guard, Sentence
from apps.common.rules.territory import HasTerritory
from apps.common.rules.trees import add_triggers
from apps.registry.models.divisions import District, Neighbourhood, Street
from apps.registry.models.stale_places import MOVES, differs, filled_again

if TYPE_CHECKING:
    from apps.common.serializers.compiler import SqlRow  # which loads the models

LEVELS = ("district", "street", "neighbourhood")
BY_STREET = Sentence("place_contradicts", _("The street lies in another district."), "district")
BY_NEIGHBOURHOOD = Sentence("place_contradicts", _("The neighbourhood lies in another street."), "street")
FAR_DISTRICT = Sentence("place_contradicts", _("The neighbourhood lies in another district."), "district")


class PlaceKey(models.ForeignKey):
    """The division of one level in which a row lies. That of the highest level brings the triggers."""

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False, **kwargs: Any
    ) -> None:
        """Give the model the triggers, beside those that it names itself."""
        super().contribute_to_class(cls, name, private_only, **kwargs)
        if cls.__module__ == "__fake__" or cls._meta.abstract or name != "in_district":
            return  # a migration's model states the triggers itself
        add_triggers(cls, [_NewLies(), _MovedLies(), _NewTells(), _MovedTells()])

    def holds(self, division: "SqlRow", row: "SqlRow") -> str:
        """Return SQL for whether a row lies in a division; in the area of a committee lie its estates, too."""
        column, key = row.column(self.name), division.column("pk")
        if division.model is not Neighbourhood:
            return f"{column} = {key}"
        # An array, so that PostgreSQL looks the keys up in the index of the column.
        inside = f"SELECT id FROM {_table(Neighbourhood)} AS inside WHERE inside.committee_id = {key}"  # noqa: S608
        return f"{column} = ANY({key} || ARRAY({inside}))"


def _place_key(level: type[models.Model], **texts: Any) -> PlaceKey:
    return PlaceKey(
        level,
        models.DO_NOTHING,  # whoever removes a division that is named is refused by what names it
        db_constraint=False,
        null=True,
        editable=False,
        related_name="%(class)ss_within",
        **texts,
    )


class Placed(HasTerritory, models.Model):
    """A record that lies somewhere, in a district at least, or nowhere.

    `hangs_on` are its own references at which its place is looked for, in this order, where it names none itself.
    """

    place_columns: ClassVar[dict[str, str]] = {f"{level}s": f"in_{level}" for level in LEVELS}
    hangs_on: ClassVar[tuple[str, ...]] = ()

    in_district = _place_key(
        District, verbose_name=_("lies in district"), help_text=_("District in which it lies; made by the database.")
    )
    in_street = _place_key(
        Street, verbose_name=_("lies in street"), help_text=_("Street in which it lies; made by the database.")
    )
    in_neighbourhood = _place_key(
        Neighbourhood,
        verbose_name=_("lies in neighbourhood"),
        help_text=_("Neighbourhood in which it lies; made by the database."),
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse a place that contradicts itself, at the field of the larger division."""
        super().clean()
        street, district = self._own("street"), self._own("district")
        if (neighbourhood := self._own("neighbourhood")) is not None:
            if street is not None and neighbourhood.street_id != street.pk:
                raise _refusal(BY_NEIGHBOURHOOD)
            if district is not None and neighbourhood.street.district_id != district.pk:
                raise _refusal(FAR_DISTRICT)
        if street is not None and district is not None and street.district_id != district.pk:
            raise _refusal(BY_STREET)

    def place_with_new_values(self) -> dict[str, int | None]:
        """Return where the row would lie, as rights ask for it."""
        found = self.place_among_new_values()
        return {f"{level}s": found.get(level) for level in LEVELS}

    def place_among_new_values(self) -> dict[str, int | None]:
        """Return the keys of the divisions in which the row would lie if it were stored, by level."""
        found = self._own_place()
        for name in self.hangs_on:
            if not any(found.values()) and (target := getattr(self, name, None)) is not None:
                found = _place_of(target)
        return found

    def _own_place(self) -> dict[str, int | None]:
        neighbourhood, street, district = self._own("neighbourhood"), self._own("street"), self._own("district")
        if neighbourhood is not None:
            return _place_of(neighbourhood)
        if street is not None:
            return _place_of(street)
        return {"district": getattr(district, "pk", None)}

    def _own(self, level: str) -> Any:
        return getattr(self, level, None) if level in own_levels(type(self)) else None


class PartOfWhole(Placed):
    """A record that begins at a date, and not before the whole of which it is a part (`whole`, its own reference)."""

    exists_field = "exists_from"
    whole: ClassVar[str] = "parent"

    exists_from = models.DateField(
        _("exists from"),
        null=True,
        editable=False,
        help_text=_("Day before which neither it nor its whole can have existed; made by the database."),
    )

    class Meta:
        abstract = True


def _refusal(sentence: Sentence) -> ValidationError:
    return ValidationError({sentence.field: ValidationError(str(sentence.text), sentence.code)})


def _place_of(target: models.Model) -> dict[str, int | None]:
    """Return where a stored row lies; a division lies in itself."""
    match target:
        case District():
            return {"district": target.pk}
        case Street():
            return {"district": target.district_id, "street": target.pk}
        case Neighbourhood():
            return {**_place_of(target.street), "neighbourhood": target.pk}
        case Placed():
            if target.pk is None:
                return target.place_among_new_values()
            # Not off the object, whose columns the database may have filled since it was read.
            stored = type(target)._base_manager.filter(pk=target.pk).values_list(*(f"in_{level}" for level in LEVELS))
            return dict(zip(LEVELS, stored.first() or (), strict=False))
    return {}


@cache
def own_levels(model: type[models.Model]) -> tuple[str, ...]:
    """Return the levels of division that rows of a model name as their own place."""
    return tuple(level for level in LEVELS if level in {field.name for field in model._meta.concrete_fields})


def placed_models() -> list[type[Placed]]:
    """Return the models whose rows lie somewhere."""
    return [model for model in apps.get_models() if issubclass(model, Placed)]


# SQL ------------------------------------------------------------------------------------------------------------------


class Hanging(NamedTuple):
    """Rows that hang on others: their model, and the reference by which they do."""

    model: type[Placed]
    field: Any


def hanging_on(target: type[models.Model]) -> Iterator[Hanging]:
    """Yield what hangs on the rows of a model, for their place or for the beginning of their existence."""
    for model in placed_models():
        for name in dict.fromkeys((*model.hangs_on, *_whole(model))):
            field: Any = model._meta.get_field(name)
            if isinstance(field, GenericForeignKey) or field.related_model is target:
                yield Hanging(model, field)


def _whole(model: type[models.Model]) -> list[str]:
    return [model.whole] if issubclass(model, PartOfWhole) else []


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return connection.ops.quote_name(str(field.column))


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


DECLARED = [("lies_neighbourhood", "bigint"), ("lies_street", "bigint"), ("lies_district", "bigint")]
FOUND = "lies_neighbourhood, lies_street, lies_district"
OF_DIVISION: dict[type[models.Model], str] = {
    District: "NULL, NULL, id",
    Street: "NULL, id, district_id",
    Neighbourhood: (
        "id, street_id, (SELECT street.district_id FROM registry_street AS street WHERE street.id = street_id)"
    ),
}


def _selected(target: type[models.Model], key: str) -> str:
    """Return the statement that looks up where a row lies."""
    columns = OF_DIVISION.get(target, "in_neighbourhood_id, in_street_id, in_district_id")
    return f"SELECT {columns} INTO {FOUND} FROM {_table(target)} WHERE id = {key} FOR SHARE;"  # noqa: S608


def _refuses(sentence: str, when: str) -> str:
    return f"""
        IF {when} THEN
            RAISE check_violation USING
                CONSTRAINT = TG_TABLE_NAME || '{sentence}',
                MESSAGE = 'the place of a row of ' || TG_TABLE_NAME || ' contradicts itself';
        END IF;"""


SENTENCES = {
    "_neighbourhood_not_in_street": BY_NEIGHBOURHOOD,
    "_neighbourhood_not_in_district": FAR_DISTRICT,
    "_street_not_in_district": BY_STREET,
}


def _own_place(levels: tuple[str, ...]) -> str:
    """Return the statements that find the place which a row names itself, and refuse one that contradicts itself."""
    text = ""
    if "neighbourhood" in levels:
        text += f"IF NEW.neighbourhood_id IS NOT NULL THEN {_selected(Neighbourhood, 'NEW.neighbourhood_id')}"
        if "street" in levels:
            text += _refuses("_neighbourhood_not_in_street", "NEW.street_id <> lies_street")
        if "district" in levels:
            text += _refuses("_neighbourhood_not_in_district", "NEW.district_id <> lies_district")
        text += " END IF;"
    if "street" in levels:
        text += f" IF lies_street IS NULL AND NEW.street_id IS NOT NULL THEN {_selected(Street, 'NEW.street_id')}"
        if "district" in levels:
            text += _refuses("_street_not_in_district", "NEW.district_id <> lies_district")
        text += " END IF;"
    if "district" in levels:
        text += " lies_district := coalesce(lies_district, NEW.district_id);"
    return text


def _place_of_another(model: type[Placed], name: str) -> str:
    """Return the statements that look for the place of a row at a reference, where none was found before."""
    field: Any = model._meta.get_field(name)
    if not isinstance(field, GenericForeignKey):
        key = f"NEW.{connection.ops.quote_name(str(field.column))}"
        return f" IF lies_district IS NULL AND {key} IS NOT NULL THEN {_selected(field.related_model, key)} END IF;"
    kind, key = (f"NEW.{_column(model, part)}" for part in (field.ct_field, field.fk_field))
    cases = "".join(
        f" WHEN '{target._meta.db_table}' THEN {_selected(target, key)}"
        for target in [*OF_DIVISION, *placed_models()]
        if target is not model
    )
    return (
        f" IF lies_district IS NULL THEN CASE (SELECT app_label || '_' || model FROM django_content_type"  # noqa: S608
        f" WHERE id = {kind}){cases} ELSE NULL; END CASE; END IF;"
    )


class _Lies(Guard):
    """Fills the columns of a row, before it is stored."""

    when = pgtrigger.Before
    declare = DECLARED

    def __init__(self) -> None:
        super().__init__(sentences=SENTENCES)

    def sentences_of(self, model: type[models.Model]) -> dict[str, Sentence]:
        """Return what is said of rows of a model: of the levels that it names."""
        levels = own_levels(model)
        words = {"_neighbourhood_": "neighbourhood", "_street": "street", "_district": "district"}
        return {
            suffix: sentence
            for suffix, sentence in self.sentences.items()
            if all(level in levels for word, level in words.items() if word in suffix)
        }

    def get_func(self, model: models.Model) -> str:
        own: Any = apps.get_model(model._meta.label)  # a migration's model does not know what it hangs on
        text = _own_place(own_levels(own)) + "".join(_place_of_another(own, name) for name in own.hangs_on)
        for level in LEVELS:
            text += f" NEW.in_{level}_id := lies_{level};"
        for name in _whole(own):
            target: Any = own._meta.get_field(name).related_model
            begins = _column(own, f"{own.begins_field}_earliest")
            text += (
                f" NEW.exists_from := greatest(NEW.{begins}, (SELECT whole.exists_from FROM {_table(target)} AS whole"  # noqa: S608
                f" WHERE whole.id = NEW.{_column(own, name)} FOR SHARE));"
            )
        return f"{text} RETURN NEW;"


class _NewLies(_Lies):
    name = "lies_in"
    operation = pgtrigger.Insert


class _MovedLies(_Lies):
    """Costs nothing where neither the place nor what the row hangs on changes."""

    name = "lies_in_still"
    operation = pgtrigger.Update

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        own: Any = apps.get_model(model._meta.label)
        return differs([*_sources(own), *_made(own)])


def _sources(model: type[Placed]) -> list[str]:
    """Return the columns from which those of a row are made."""
    found = [_column(model, level) for level in own_levels(model)]
    for name in dict.fromkeys((*model.hangs_on, *_whole(model))):
        field: Any = model._meta.get_field(name)
        parts = (field.ct_field, field.fk_field) if isinstance(field, GenericForeignKey) else (name,)
        found += [_column(model, part) for part in parts]
    if _whole(model):
        found.append(_column(model, f"{cast('type[Citable]', model).begins_field}_earliest"))
    return found


def _made(model: type[models.Model]) -> list[str]:
    return [*(f"in_{level}_id" for level in LEVELS), *(["exists_from"] if _whole(model) else [])]


class _Tells(pgtrigger.Trigger):
    """Has the rows that hang on a row filled again. By its name it comes behind what refuses circles."""

    when = pgtrigger.After
    moves = f", {MOVES}"

    def get_func(self, model: models.Model) -> str:
        own = apps.get_model(model._meta.label)
        return "".join(filled_again(rows, self.moves) for rows in self.hanging(own)) + "RETURN NULL;"

    @staticmethod
    def hanging(model: type[models.Model]) -> Iterator[str]:
        """Yield the conditions under which rows hang on one, each behind its table."""
        for other, field in hanging_on(model):
            if not isinstance(field, GenericForeignKey):
                yield f"{_table(other)} WHERE {_column(other, field.name)} = NEW.id"
            elif other is not model:
                yield (
                    f"{_table(other)} WHERE {_column(other, field.fk_field)} = NEW.id"  # noqa: S608
                    f" AND {_column(other, field.ct_field)} = (SELECT kind.id FROM django_content_type AS kind"
                    f" WHERE kind.app_label = '{model._meta.app_label}' AND kind.model = '{model._meta.model_name}')"
                )


class _NewTells(_Tells):
    """References are checked at the end of a transaction, so that what hangs on a row may be there before it.

    That was written by the same transaction, and is as young as that.
    """

    moves = ""
    name = "tells_what_hangs_on_it"
    operation = pgtrigger.Insert

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        own = apps.get_model(model._meta.label)
        return pgtrigger.Condition(" OR ".join(f"NEW.{column} IS NOT NULL" for column in _made(own)))


class _MovedTells(_Tells):
    name = "tells_what_hangs_on_it_still"
    operation = pgtrigger.Update

    def get_condition(self, model: models.Model) -> pgtrigger.Condition:
        return differs(_made(apps.get_model(model._meta.label)))
