"""Two records found to be one: what points at the one is made to point at the other, and the one goes.

Nothing is lost on the way. A row that would stand twice is folded into the one that stands there; the name of a unit
becomes another name of the unit that stays, with the sentences that give it; a sentence that supports no value of the
record that stays is kept with the merge itself. The change log holds all of it, so that reverting the request of a
merge undoes it exactly.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.deletion import Collector
from django.utils.translation import gettext

from apps.common.models.records import Citable, Fact, citable_models
from apps.common.models.slugs import RetiredSlug
from apps.common.rules.change_log import logged_models
from apps.common.rules.publishing import breaches_of
from apps.common.values.columns import EDTFField, PythonColumn
from apps.common.values.pinyin import normalise_term
from apps.common.writing.refusals import breach_text
from apps.identity.models import Merge
from apps.registry.models import MemberUnit, UnitName

KEPT_ALONE = ("slug", "created_at", "updated_at", "state")  # what two rows that say the same may differ in


class MergeError(ValueError):
    """Two records that cannot be merged; says why, and in which member of the request the reason lies."""

    def __init__(self, detail: str, member: str = "", *, conflict: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.member = member
        self.conflict = conflict


@dataclass
class MergeResult:
    """What a merge did. Rows are given as they were found."""

    winner: Any
    merge: Merge
    moved: list[tuple[Any, str]] = field(default_factory=list)  # a row, and the field by which it points
    folded: list[tuple[Any, Any]] = field(default_factory=list)  # a row, and the one that stands for both


def mergeable() -> dict[str, Any]:
    """Return the kinds of record that can be merged, by resource.

    Divisions keep their official codes; what only ties two records follows them; the parts of a rubric are numbered.
    """
    return {name: model for name, model in citable_models().items() if model.mergeable}


@transaction.atomic
def merge(
    *, loser: Any, winner: Any, reason: str, request_id: str, by: Any = None, fill: Sequence[str] = ()
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
    _check_trees(loser, winner)
    filled = _fill(loser, winner, fill)
    record = Merge(
        record=winner,
        merged_key=loser.key,
        merged_name=str(loser)[:300],
        reason=reason,
        request_id=request_id,
        by=by,
        filled=filled,
    )
    record.save()
    outcome = MergeResult(winner, record)
    _Mover(outcome, set(filled)).absorb(loser, winner)
    record.moved = [f"{_label(row)}.{name}" for row, name in outcome.moved if _is_public(row)]
    record.folded = [f"{_label(row)} → {_label(twin)}" for row, twin in outcome.folded if _is_public(row)]
    if record.citations.exists() and winner.state == Fact.State.PUBLISHED:
        record.state = Fact.State.PUBLISHED
    record.save()
    RetiredSlug.objects.filter(table=model._meta.db_table, slug=loser.key).update(successor=winner.key)
    return outcome


def check_pair(loser: Any, winner: Any) -> None:
    """Raise MergeError for two records that are never merged, whatever they hold."""
    if type(loser) is not type(winner):
        raise MergeError(gettext("Only two records of one kind can be one."), "into", conflict=False)
    if type(loser) not in mergeable().values():
        raise MergeError(gettext("Records of this kind are not merged."), conflict=False)
    if loser.pk == winner.pk:
        raise MergeError(gettext("A record is not merged into itself."), "into", conflict=False)


def _check_state(loser: Any, winner: Any) -> None:
    if winner.state != Fact.State.PUBLISHED == loser.state:
        raise MergeError(
            gettext("A published record is not merged into a draft: publish that first, or merge the other way round."),
            "into",
        )


def _check_trees(loser: Any, winner: Any) -> None:
    """Refuse a record that lies below the one that would become it, in any tree of the kind."""
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


def fillable(loser: Any, winner: Any) -> list[str]:
    """Return the fields that are empty in the winner and have a value in the loser."""
    return [item.name for item in _own_fields(type(loser)) if _is_empty(winner, item) and not _is_empty(loser, item)]


def _own_fields(model: type[models.Model]) -> Iterator[Any]:
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


def _is_empty(row: Any, item: Any) -> bool:
    return getattr(row, item.attname) in (None, "", [])


def _fill(loser: Any, winner: Any, names: Sequence[str]) -> list[str]:
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
    for name in names:
        item: Any = winner._meta.get_field(name)
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
        raise MergeError(" ".join(map(breach_text, breaches)), "fill")
    return sorted(set(names))


def _label(row: Any) -> str:
    return f"{row.resource}/{row.key}" if isinstance(row, Citable) else f"{row._meta.model_name}/{row.pk}"


def _is_public(row: Any) -> bool:
    """Tell whether everybody may know of a row: a fact that is no draft. Citations go with their records."""
    return isinstance(row, Fact) and row.state == Fact.State.PUBLISHED


# What points at a record ----------------------------------------------------------------------------------------------


@cache
def foreign_keys(model: Any) -> list[tuple[Any, Any]]:
    """Return the models that point at a model, each with the field: foreign keys, and the tables behind lists."""
    relations: list[Any] = model._meta.get_fields(include_hidden=True)
    return [
        (relation.related_model, relation.field)
        for relation in relations
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)
        if isinstance(relation.field, models.ForeignKey)
    ]


@cache
def generic_keys() -> list[tuple[Any, Any]]:
    """Return the models that point at records of any kind, each with the field."""
    return [
        (model, item)
        for model in apps.get_models()
        for item in model._meta.private_fields
        if isinstance(item, GenericForeignKey)
    ]


@dataclass(frozen=True)
class _Pointer:
    """A field by which rows of a model point at a record."""

    model: Any
    name: str
    column: str  # attribute that holds the primary key of the record
    also: tuple[tuple[str, int], ...] = ()  # what else has to hold: the content type

    def rows(self, target: Any) -> Any:
        """Return the rows that point at a record, locked."""
        rows = self.model._default_manager.filter(**dict(self.also), **{self.column: target.pk})
        return rows.select_for_update().order_by("pk")


def pointers(target: Any) -> Iterator[_Pointer]:
    """Yield the fields by which rows may point at a record."""
    for model, item in foreign_keys(target._meta.model):
        yield _Pointer(model, item.name, item.attname)
    kind = ContentType.objects.get_for_model(target).pk
    for model, item in generic_keys():
        ct = model._meta.get_field(item.ct_field).attname
        yield _Pointer(model, item.name, item.fk_field, ((ct, kind),))


class _Mover:
    """Moves what points at one record to another one."""

    def __init__(self, outcome: MergeResult, filled: set[str]) -> None:
        self.outcome = outcome
        self.filled = filled
        self.citation: Any = Merge._meta.get_field("citations").related_model

    def absorb(self, loser: Any, winner: Any, through: str = "") -> None:
        """Make everything that points at the loser point at the winner, and delete the loser.

        `through` is the field by which the two became one where they are not the records of the merge themselves.
        """
        for pointer in pointers(loser):
            if pointer.model is not self.citation:
                self._move_rows(pointer, loser, winner)
        self._move_citations(loser, winner, through)
        self._delete(loser)

    def _move_rows(self, pointer: _Pointer, loser: Any, winner: Any) -> None:
        rows = list(pointer.rows(loser))
        if not rows:
            return
        if pointer.model._meta.db_table not in logged_models():
            # What the log does not hold could not be undone; an appointment, moreover, gives rights.
            raise MergeError(
                gettext("%(kind)s “%(row)s” names the record that goes; change that first.")
                % {"kind": pointer.model._meta.verbose_name, "row": rows[0]}
            )
        standing = {sign: row for row in pointer.rows(winner) for sign in _signs(row, pointer.column)}
        free: list[Any] = []
        for row in rows:
            twin = next((standing[sign] for sign in _signs(row, pointer.column) if sign in standing), None)
            if twin is None:
                free.append(row)
            elif _outranks(row, twin):
                self._fold(twin, row, pointer.name)
                free.append(row)
            else:
                self._fold(row, twin, pointer.name)
        # One statement, however many rows there are.
        pointer.model._default_manager.filter(pk__in=[row.pk for row in free]).update(**{pointer.column: winner.pk})
        self.outcome.moved += [(row, pointer.name) for row in free]

    def _fold(self, row: Any, twin: Any, through: str) -> None:
        self.outcome.folded.append((row, twin))
        if isinstance(row, Citable):
            self.absorb(row, twin, through)
        else:
            row.delete()

    def _delete(self, row: Any) -> None:
        """Delete a row, after making sure that nothing goes with it."""
        collector = Collector(using=row._state.db, origin=row)
        collector.collect([row])
        gone = [one for rows in collector.data.values() for one in rows if one != row]
        gone += [one for rows in collector.fast_deletes for one in rows]
        if gone:
            raise MergeError(gettext("“%(row)s” would be lost.") % {"row": gone[0]})
        row.delete()

    # Evidence

    def _move_citations(self, loser: Any, winner: Any, through: str) -> None:
        citations = list(
            _Pointer(self.citation, "record", "object_id", (("content_type_id", _kind(loser)),)).rows(loser)
        )
        alias = None if through else self._alias(loser, winner)
        for citation in citations:
            kept = [name for name in citation.supports if self._supports(loser, winner, name)]
            if alias is not None and "name" in citation.supports and "name" not in kept:
                if kept:
                    self._cite_again(citation, alias)
                else:
                    self._give(citation, alias, ["name"])
                    continue
            if kept or through:
                self._give(citation, winner, kept or [through])
            else:
                self._give(citation, self.outcome.merge, ["merged_name"])
        if alias is not None and alias.state != loser.state and alias.citations.exists():
            alias.state = loser.state
            alias.save()

    def _supports(self, loser: Any, winner: Any, name: str) -> bool:
        """Tell whether what supported a field of the loser supports the same of the winner."""
        item = next((item for item in type(loser)._meta.concrete_fields if item.name == name), None)
        if item is None or name in self.filled:
            return True
        return bool(getattr(loser, item.attname) == getattr(winner, item.attname))

    def _alias(self, loser: Any, winner: Any) -> UnitName | None:
        """Return the row that keeps the name of a unit; None where it is the name of the winner as well."""
        if not isinstance(loser, MemberUnit):
            return None
        wanted = normalise_term(loser.name)
        if normalise_term(winner.name) == wanted:
            return None
        known = [row for row in winner.names.all() if normalise_term(row.name) == wanted]
        # By now the names of the loser are among them.
        if known:
            return min(known, key=lambda row: (row.state == Fact.State.DRAFT, row.name != loser.name, row.pk))
        alias = UnitName(unit=winner, name=loser.name, kind=UnitName.Kind.AS_WRITTEN, state=Fact.State.DRAFT)
        alias.save()
        return alias

    def _cite_again(self, citation: Any, target: Any) -> None:
        """Give a record the same span as evidence of its name."""
        kind = _kind(target)
        standing = self._same_span(citation, target)
        if standing is not None:
            self._add_support(standing, ["name"])
            return
        self.citation(
            article_id=citation.article_id,
            start=citation.start,
            end=citation.end,
            sha256=citation.sha256,
            supports=["name"],
            content_type_id=kind,
            object_id=target.pk,
        ).save()

    def _give(self, citation: Any, target: Any, supports: Iterable[str]) -> None:
        """Make a citation one of another record; where that has one of the same span, the two become one."""
        standing = self._same_span(citation, target)
        if standing is not None:
            self._add_support(standing, supports)
            self.outcome.folded.append((citation, standing))
            self._move_all(citation, standing)
            self._delete(citation)
            return
        self.citation._default_manager.filter(pk=citation.pk).update(
            content_type_id=_kind(target), object_id=target.pk, supports=list(supports)
        )
        self.outcome.moved.append((citation, "record"))

    def _move_all(self, loser: Any, winner: Any) -> None:
        for pointer in pointers(loser):
            self._move_rows(pointer, loser, winner)

    def _same_span(self, citation: Any, target: Any) -> Any:
        return self.citation._default_manager.filter(
            article_id=citation.article_id,
            start=citation.start,
            end=citation.end,
            content_type_id=_kind(target),
            object_id=target.pk,
        ).first()

    def _add_support(self, citation: Any, names: Iterable[str]) -> None:
        more = [name for name in names if name not in citation.supports]
        if more:
            citation.supports = [*citation.supports, *more]
            citation.save()


def _kind(row: Any) -> int:
    return int(ContentType.objects.get_for_model(row).pk)


def _outranks(row: Any, twin: Any) -> bool:
    """Tell whether a row is published and the one that stands in its place is a draft."""
    drafts = [getattr(one, "state", Fact.State.PUBLISHED) == Fact.State.DRAFT for one in (row, twin)]
    return drafts == [False, True]


def _signs(row: Any, column: str) -> Iterator[tuple[Any, ...]]:
    """Yield what no two rows that point at one record by a column may share."""
    model: Any = type(row)
    for number, (names, nulls_differ) in enumerate(_unique_sets(model, column)):
        values = tuple(_hashable(getattr(row, name)) for name in names)
        if None not in values or not nulls_differ:
            yield number, *values
    if (contents := _contents(model, column)) is not None:
        yield "same", *(_hashable(getattr(row, name)) for name in contents)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def _unique_sets(model: Any, column: str) -> list[tuple[tuple[str, ...], bool]]:
    """Return for each uniqueness of a column the other columns in it, and whether nulls count as different."""
    attributes = {item.name: item.attname for item in model._meta.concrete_fields}
    constraints = [item for item in model._meta.constraints if isinstance(item, models.UniqueConstraint)]
    sets: list[tuple[Any, bool]] = [(item.fields, item.nulls_distinct is not False) for item in constraints]
    sets += [(names, True) for names in model._meta.unique_together]
    sets += [((item.name,), True) for item in model._meta.concrete_fields if item.unique and not item.primary_key]
    found = [(tuple(attributes[name] for name in names), nulls_differ) for names, nulls_differ in sets]
    return [(tuple(one for one in names if one != column), differ) for names, differ in found if column in names]


@cache
def _contents(model: Any, column: str) -> tuple[str, ...] | None:
    """Return the columns that say what a row is about, beside the one by which it points: no two rows say the same.

    None for rows to which others belong, as only these may tell two of them apart.
    """
    if not issubclass(model, Citable) or foreign_keys(model):
        return None
    return tuple(
        item.attname
        for item in model._meta.concrete_fields
        if not item.primary_key
        and item.name not in KEPT_ALONE
        and item.attname != column
        and not isinstance(item, PythonColumn)
    )
