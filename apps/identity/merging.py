"""Two records found to be one: what points at the one is made to point at the other, and the one goes.

Nothing is lost on the way. A row that would stand twice is folded into the one that stands there; the name of a unit
becomes another name of the unit that stays, with the sentences that give it; a sentence that supports no value of the
record that stays is kept with the merge itself. The change log holds all of it, so that reverting the request of a
merge undoes it exactly.
"""

from collections.abc import Iterator, Sequence
from typing import cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext

from apps.common.models.records import Citable, Fact, NamedRecord, citable_models
from apps.common.models.slugs import RetiredSlug
from apps.common.rules.permissions import may_publish
from apps.common.rules.publishing import breaches_of
from apps.common.rules.territory import Reader
from apps.common.values.columns import EDTFField, PythonColumn
from apps.common.writing.refusals import breach_texts
from apps.identity.merge_result import MergeError, MergeResult
from apps.identity.models import Merge
from apps.identity.moving import KEPT_ALONE, Mover


def mergeable() -> dict[str, type[NamedRecord]]:
    """Return the kinds of record that can be merged, by resource.

    Divisions keep their official codes; what only ties two records follows them; the parts of a rubric are numbered.
    """
    found = {name: model for name, model in citable_models().items() if model.mergeable}
    return cast("dict[str, type[NamedRecord]]", found)


@transaction.atomic
def merge(
    *,
    loser: NamedRecord,
    winner: NamedRecord,
    reason: str,
    request_id: str,
    by: AbstractBaseUser | AnonymousUser | None = None,
    fill: Sequence[str] = (),
) -> MergeResult:
    """Merge one record into another of its kind. Raises MergeError.

    `fill` names the fields of the winner that are empty and shall take the value of the loser; no other value changes.
    """
    model = type(loser)
    check_pair(loser, winner)
    rows = model._base_manager.select_for_update().filter(pk__in=[loser.pk, winner.pk]).order_by("pk")
    found = {row.pk: row for row in rows}
    if len(found) < 2:
        raise MergeError(gettext("One of the two was deleted meanwhile."))
    loser, winner = found[loser.pk], found[winner.pk]
    _check_state(loser, winner)
    _check_rights(winner, by)
    _check_trees(loser, winner)
    filled = _fill(loser, winner, fill, by)
    record = Merge(record=winner, merged_key=loser.key, merged_name=str(loser)[:300], reason=reason, filled=filled)
    record.request_id, record.by_id = request_id, by.pk if by is not None else None
    record.save()
    result = MergeResult(winner, record)
    Mover(result, set(filled)).absorb(loser, winner)
    record.moved = [f"{_label(row)}.{name}" for row, name in result.moved if _is_public(row)]
    record.folded = [f"{_label(row)} → {_label(twin)}" for row, twin in result.folded if _is_public(row)]
    if record.citations.exists() and winner.state == Fact.State.PUBLISHED:
        record.state = Fact.State.PUBLISHED
    record.save()
    RetiredSlug.objects.filter(table=model._meta.db_table, slug=loser.key).update(successor=winner.key)
    return result


def check_pair(loser: NamedRecord, winner: NamedRecord) -> None:
    """Raise MergeError for two records that are never merged, whatever they hold."""
    if type(loser) is not type(winner):
        raise MergeError(gettext("Only two records of one kind can be one."), "into", conflict=False)
    if type(loser) not in mergeable().values():
        raise MergeError(gettext("Records of this kind are not merged."), conflict=False)
    if loser.pk == winner.pk:
        raise MergeError(gettext("A record is not merged into itself."), "into", conflict=False)


def _check_state(loser: NamedRecord, winner: NamedRecord) -> None:
    if winner.state != Fact.State.PUBLISHED == loser.state:
        raise MergeError(
            gettext("A published record is not merged into a draft: publish that first, or merge the other way round."),
            "into",
        )


def _check_rights(winner: NamedRecord, by: AbstractBaseUser | AnonymousUser | None) -> None:
    """Refuse to give a published record what another one rests on, where that is not for the user to publish."""
    if by is not None and winner.state == Fact.State.PUBLISHED and not may_publish(by, winner):
        raise MergeError(gettext("A curator of the place merges into what is published."), "into", is_forbidden=True)


def _check_trees(loser: NamedRecord, winner: NamedRecord) -> None:
    """Refuse a record that stands below the one that would become it, in any tree of the kind."""
    model = type(loser)
    for name in [item.name for item in model._meta.fields if item.remote_field and item.related_model is model]:
        above, seen = winner, set()
        while above is not None and above.pk not in seen:
            seen.add(above.pk)
            above = getattr(above, name)
            if above is not None and above.pk == loser.pk:
                raise MergeError(
                    gettext("“%(winner)s” lies below “%(loser)s” (%(field)s): it would become a part of itself.")
                    % {"winner": winner, "loser": loser, "field": name},
                    "into",
                )


def fillable(loser: NamedRecord, winner: NamedRecord) -> list[str]:
    """Return the fields that are empty in the winner and have a value in the loser."""
    return [item.name for item in _own_fields(type(loser)) if _is_empty(winner, item) and not _is_empty(loser, item)]


def _own_fields(model: type[models.Model]) -> Iterator[models.Field]:
    """Yield the fields that a curator fills in; those that go with a date go with it."""
    companions = {
        f"{item.name}_{part}"
        for item in model._meta.fields
        if isinstance(item, EDTFField)
        for part in ("earliest", "latest", "wording", "relative_to")
    }
    for item in model._meta.concrete_fields:
        kept = item.primary_key or item.name in KEPT_ALONE or item.name in companions
        if not kept and not isinstance(item, PythonColumn) and item.editable:
            yield item


def _is_empty(row: models.Model, item: models.Field) -> bool:
    return getattr(row, item.attname) in (None, "", [])


def _fill(loser: NamedRecord, winner: NamedRecord, names: Sequence[str], user: Reader) -> list[str]:
    """Give the winner the values of the loser under some names, and store it."""
    possible = fillable(loser, winner)
    for name in names:
        if name not in possible:
            raise MergeError(
                gettext("“%(name)s” is not empty in the one that stays, or has no value in the other.")
                % {"name": name[:100]},
                "fill",
                conflict=False,
            )
    if not names:
        return []
    fields = {item.name: item for item in _own_fields(type(winner))}
    for name in names:
        item = fields[name]
        setattr(winner, item.attname, getattr(loser, item.attname))
        if isinstance(item, EDTFField):
            for part in ("wording", "relative_to"):
                setattr(winner, f"{name}_{part}", getattr(loser, f"{name}_{part}"))
    try:
        fixed = [item.name for item in winner._meta.fields if not item.editable or item.name == "slug"]
        winner.full_clean(exclude=fixed)
    except ValidationError as error:
        raise MergeError(" ".join(error.messages), "fill", conflict=False) from error
    winner.save()
    if breaches := breaches_of(type(winner), [winner.pk]):
        raise MergeError(" ".join(breach_texts(breaches, user)), "fill")
    return sorted(set(names))


def _label(row: models.Model) -> str:
    return f"{row.resource}/{row.key}" if isinstance(row, Citable) else f"{row._meta.model_name}/{row.pk}"


def _is_public(row: models.Model) -> bool:
    """Whether everybody may know of a row: a fact that is no draft. Citations go with their records."""
    return isinstance(row, Fact) and row.state == Fact.State.PUBLISHED
