"""Who may: the check before a write of one row, and the rule that the API asks before it does anything."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.common.rules.territory import NOWHERE, HasTerritory, Reader, Territory, keepers, territory_of
from apps.common.rules.workflow import HasWorkflow

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which loads this module by name


CURATORS_READ = _("What the words do not say is read out of them by a curator of the place.")
FOR_CURATORS = _("What an official register says is put down by curators of the place.")


def may_edit(user: Reader, record: Model) -> bool:
    """Whether a user may edit a row as it stands in the database."""
    return territory_of(user).everything or _is_editable(type(record), user, record.pk)


def _is_editable(model: type[Model], user: Reader, pk: object) -> bool:
    rows: Any = model._default_manager  # a `RecordQuerySet`, which belongs to a level above
    return bool(rows.editable_by(user).filter(pk=pk).exists())


def foreign_fields(user: Reader, record: Model) -> list[str]:
    """Return why a user may not save a row as it is now: the fields that stand in the way; none: it may be saved.

    The empty name stands for the row itself: it is, or would be, outside the user's territory. A name is that of a
    reference (`belongs_to` or `inherits`) that was set, changed or emptied, and whose old or new target the user may
    not edit. So a row can be moved neither in nor out, and pointing at a foreign record needs the right to edit it.
    Nor does one side of a published record that moves by a workflow take it to where nobody has answered for it.
    """
    territory = territory_of(user)
    if territory.everything:
        return []
    if not territory:
        return [""]
    old = None if record._state.adding else type(record)._default_manager.filter(pk=record.pk).first()
    if (old is not None and not may_edit(user, old)) or not would_be_in_territory(user, record):
        return [""]
    names = dict.fromkeys([*guarded(type(record)), *answered(old)])
    return [name for name in names if not may_reference(user, old, record, name)]


def answered(old: Model | None) -> tuple[str, ...]:
    """Return the references to that on which a stored record hangs, where it is published and moves by a workflow."""
    stands = isinstance(old, HasWorkflow) and old.workflow is not None and getattr(old, "state", "") == "published"
    return cast("tuple[str, ...]", getattr(old, "hangs_on", ())) if stands else ()


def guarded(model: type[Model]) -> list[str]:
    """Return the references of a model that are set, changed and emptied only by who may edit both targets."""
    placed = cast("type[HasTerritory]", model)
    return [*placed.belongs_to, *([placed.inherits] if placed.inherits else [])]


def would_be_in_territory(user: Reader, record: Model) -> bool:
    """Whether a row, with its new values, belongs to the user's territory."""
    model = cast("type[HasTerritory]", type(record))
    territory = territory_of(user)
    own = territory.keys(model) if isinstance(territory, Territory) else frozenset()
    if record.pk in own or not territory.kinds.isdisjoint(model.kept_by):
        return True
    if any(_is_own(user, record, name) for name in model.concerns):
        return True
    if model.place_columns and _would_lie_in(user, cast("HasTerritory", record)):
        return True
    # Whether a row lies in a division is stored with it, and no reference but its own place says otherwise.
    elsewhere = territory.without(model.place_columns) if isinstance(territory, Territory) else user
    if any(_is_own(elsewhere, record, name) for name in model.belongs_to):
        return True
    if not model.inherits or not _is_own(user, record, model.inherits):
        return False
    # A part of an appointed unit belongs to it wherever it stands; any other part, only without a place of its own.
    parent = _target(record, model.inherits)
    return (parent is not None and parent[1] in own) or all(_target(record, name) is None for name in model.belongs_to)


def _would_lie_in(user: Reader, record: HasTerritory) -> bool:
    """Whether a row, with its new values, would lie in a division that a user may edit."""
    levels = record.place_with_new_values()
    columns = type(record).place_columns
    return any(
        levels[kind] is not None
        and _is_editable(cast("type[Model]", record._meta.get_field(name).related_model), user, levels[kind])
        for kind, name in columns.items()
    )


def may_reference(user: Reader, old: Model | None, record: Model, name: str) -> bool:
    """Whether a user may make a reference point from where it pointed to where it points now."""
    if old is not None and _target(old, name) == _target(record, name):
        return True
    return all(_target(row, name) is None or _is_own(user, row, name) for row in (old, record) if row is not None)


# Publishing -----------------------------------------------------------------------------------------------------------


def may_publish(user: Reader, record: Model, *, rests_on_article: bool = True) -> bool:
    """Whether somebody who may save a row may publish it with its values as they are now.

    On an article or a paper that is for curators of the place and for stewards; whoever represents a unit speaks for it
    by acts (`rests_on_article=False`), and for what articles say he drafts and submits.
    """
    territory = territory_of(user)
    if territory.everything or not rests_on_article:
        return True
    curated = curated_by(user)
    return curated == territory or (bool(curated) and would_be_in_territory(curated, record))


def may_support(user: Reader, row: Model) -> bool:
    """Whether somebody who may save a row may add, change or remove it, if it is evidence of a published record."""
    name = row.evidence_of if isinstance(row, HasTerritory) else ""
    if not name or curated_by(user) == territory_of(user):
        return True
    stored = None if row._state.adding else type(row)._default_manager.filter(pk=row.pk).first()
    found = {_target(each, name) for each in (row, stored) if each is not None}
    return all(_may_rest(user, *target) for target in found if target is not None)


def for_curators(user: Reader, row: Model) -> list[str]:
    """Return the fields of evidence whose values a user may not give it, for these are for curators of its record."""
    for_them: Mapping[str, frozenset[str]] = getattr(row, "for_curators", {})
    given = [name for name, values in for_them.items() if getattr(row, name) in values]
    record = getattr(row, cast("HasTerritory", row).evidence_of) if given else None
    return given if record is not None and not may_publish(user, record) else []


def _may_rest(user: Reader, model: type[Model], pk: int | None) -> bool:
    """Whether a user may change what a record rests on; one that is not saved yet is checked by itself."""
    record = None if pk is None else model._default_manager.filter(pk=pk).first()
    return record is None or getattr(record, "state", "") != "published" or may_publish(user, record)


def may_note(user: Reader, row: Model) -> bool:
    """Whether somebody who may save a row may note in it what a person read, if it is evidence: curators of the place
    of its record and stewards may; notes that are on record stay."""
    name = row.evidence_of if isinstance(row, HasTerritory) else ""
    notes = getattr(row, "read", None) if name else None
    if not notes or territory_of(user).everything:
        return True
    if not row._state.adding and type(row)._default_manager.filter(pk=row.pk, read=notes).exists():
        return True
    record = getattr(row, name)
    return record is None or may_publish(user, record)


def curated_by(user: Reader) -> Territory:
    """Return the part of a user's territory that he keeps, and not only represents."""
    territory = territory_of(user)
    return territory.without(_represented()) if isinstance(territory, Territory) else NOWHERE


@cache
def _represented() -> frozenset[str]:
    return frozenset(model.appointable for model in keepers() if model.is_represented)


# References -----------------------------------------------------------------------------------------------------------


def _target(record: Model, name: str) -> tuple[type[Model], int | None] | None:
    """Return the model and the key at which a reference points, the key being None for a row that is not saved yet."""
    field: Any = record._meta.get_field(name)
    if isinstance(field, GenericForeignKey):
        kind, key = getattr(record, f"{field.ct_field}_id"), getattr(record, field.fk_field)
        if kind is None:
            return None
        model = field.get_content_type(id=kind, using=record._state.db).model_class()
        return None if model is None else (model, key)
    key = getattr(record, field.attname)
    # Not the attribute: where a reference that has to be there was looked for and not found, Django raises at it.
    if key is None and field.get_cached_value(record, default=None) is not None:
        return (field.related_model, None)
    return None if key is None else (field.related_model, key)


def _is_own(user: Reader, record: Model, name: str) -> bool:
    """Whether a reference points at a row that the user may edit.

    One that is not saved yet counts as own: it is saved by the same request, and is checked by itself.
    """
    if (target := _target(record, name)) is None:
        return False
    model, key = target
    return key is None or _is_editable(model, user, key)


def is_answered(request: Request, view: "APIView") -> bool:
    """Whether a view knows the method of a request; if not, it answers 405 to everybody alike, and at no cost."""
    method = (request.method or "").lower()
    return method in view.http_method_names and hasattr(view, method)


class RecordPermission(BasePermission):
    """Everybody reads what is published; who was appointed writes, with a token whose scopes allow it."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not is_answered(request, view):
            return True
        scopes = getattr(request.auth, "scopes", None)
        if request.method in SAFE_METHODS:
            return scopes is None or "read" in scopes
        return (scopes is None or "write" in scopes) and bool(territory_of(request.user))

    def has_object_permission(self, request: Request, view: "APIView", obj: Model) -> bool:
        return request.method in SAFE_METHODS or may_edit(request.user, obj)
