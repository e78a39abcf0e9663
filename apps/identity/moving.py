"""Everything that points at one record is made to point at another one; rows that would stand twice become one."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.deletion import Collector
from django.utils.translation import gettext

from apps.common.models.records import Citable, Fact
from apps.common.rules.change_log import logged_models
from apps.common.values.columns import PythonColumn
from apps.common.values.pinyin import normalise_term
from apps.identity.merge_result import MergeError, MergeResult
from apps.identity.models import Merge
from apps.identity.moved_values import repoint_says, say_lists_anew
from apps.identity.pointing_fields import PointingField, foreign_keys, pointing_fields
from apps.registry.models import MemberUnit, UnitName

KEPT_ALONE = ("slug", "created_at", "updated_at", "state")  # what two rows that say the same may differ in


# What the words that give the loser's name say of it as another name of the winner: that it is written so.
ALIAS = ["name", "kind"]


class Mover:
    """Moves what points at one record to another one."""

    def __init__(self, result: MergeResult, filled: set[str]) -> None:
        self.result = result
        self.filled = filled
        self.citation: Any = Merge._meta.get_field("citations").related_model
        self.attestation: Any = Merge._meta.get_field("attestations").related_model

    def absorb(self, loser: Citable, winner: Citable, through: str = "") -> None:
        """Make everything that points at the loser point at the winner, and delete the loser.

        `through` is the field by which the two became one where they are not the records of the merge themselves.
        """
        for item in pointing_fields(loser):
            if item.model not in (self.citation, self.attestation) or item.name != "record":
                repoint_says(item, loser, winner)
                self._move_rows(item, loser, winner)
        self._move_citations(loser, winner, through)
        self._move_attestations(loser, winner, through)
        say_lists_anew(winner)
        self._delete(loser)

    def _move_rows(self, item: PointingField, loser: models.Model, winner: models.Model) -> None:
        rows = list(item.rows(loser))
        if not rows:
            return
        if item.model._meta.db_table not in logged_models():
            # What the log does not hold could not be undone; an appointment, moreover, gives rights.
            raise MergeError(
                gettext("%(kind)s “%(row)s” names the record that goes; change that first.")
                % {"kind": item.model._meta.verbose_name, "row": rows[0]}
            )
        standing = {sign: row for row in item.rows(winner) for sign in _signs(row, item.column)}
        free: list[models.Model] = []
        for row in rows:
            twin = next((standing[sign] for sign in _signs(row, item.column) if sign in standing), None)
            if twin is None:
                free.append(row)
            elif _outranks(row, twin):
                self._fold(twin, row, item.name)
                free.append(row)
            else:
                self._fold(row, twin, item.name)
        # One statement, however many rows there are.
        item.model._default_manager.filter(pk__in=[row.pk for row in free]).update(**{item.column: winner.pk})
        self.result.moved += [(row, item.name) for row in free]

    def _fold(self, row: models.Model, twin: models.Model, through: str) -> None:
        self.result.folded.append((row, twin))
        if isinstance(row, Citable) and isinstance(twin, Citable):
            self.absorb(row, twin, through)
        else:
            row.delete()

    def _delete(self, row: models.Model) -> None:
        """Delete a row, after making sure that nothing goes with it."""
        collector = Collector(using=row._state.db or DEFAULT_DB_ALIAS, origin=row)
        collector.collect([row])
        gone = [one for rows in collector.data.values() for one in rows if one != row]
        gone += [one for rows in collector.fast_deletes for one in rows]
        if gone:
            raise MergeError(gettext("“%(row)s” would be lost.") % {"row": gone[0]})
        row.delete()

    def _move_citations(self, loser: Citable, winner: Citable, through: str) -> None:
        citations = list(
            PointingField(self.citation, "record", "object_id", (("content_type_id", _kind(loser)),)).rows(loser)
        )
        alias = None if through else self._alias(loser, winner)
        for citation in citations:
            kept = [name for name in citation.supports if self._supports(loser, winner, name)]
            if alias is not None and "name" in citation.supports and "name" not in kept:
                if kept:
                    self._cite_again(citation, alias)
                else:
                    self._give(citation, alias, ALIAS)
                    continue
            if kept or through:
                self._give(citation, winner, kept or [through])
            else:
                self._give(citation, self.result.merge, ["merged_name"])
        if alias is not None and isinstance(loser, Fact) and alias.state != loser.state and alias.citations.exists():
            alias.state = loser.state
            alias.save()

    def _move_attestations(self, loser: Citable, winner: Citable, through: str) -> None:
        """Give the winner what parties say of both; what they say of the loser alone stays with the merge."""
        for attestation in loser.attestations.select_for_update().order_by("pk"):
            kept = [name for name in attestation.supports if self._supports(loser, winner, name)] or [through]
            target, supports = (winner, kept) if any(kept) else (self.result.merge, ["merged_name"])
            self.attestation._default_manager.filter(pk=attestation.pk).update(
                content_type_id=_kind(target), object_id=target.pk, supports=supports
            )
            self.result.moved.append((attestation, "record"))

    def _supports(self, loser: Citable, winner: Citable, name: str) -> bool:
        """Whether the evidence for a field of the loser supports the same value of the winner."""
        item = next((item for item in type(loser)._meta.concrete_fields if item.name == name), None)
        if item is None or name in self.filled:
            return True
        return bool(getattr(loser, item.attname) == getattr(winner, item.attname))

    def _alias(self, loser: Citable, winner: Citable) -> UnitName | None:
        """Return the row that keeps the name of a unit; None where it is the name of the winner as well."""
        if not isinstance(loser, MemberUnit) or not isinstance(winner, MemberUnit):
            return None
        wanted = normalise_term(loser.name)
        if normalise_term(winner.name) == wanted:
            return None
        known = [row for row in winner.names.all() if normalise_term(row.name) == wanted]
        # By now the names of the loser are among them.
        if known:
            return min(known, key=lambda row: (row.state != Fact.State.PUBLISHED, row.name != loser.name, row.pk))
        alias = UnitName(unit=winner, name=loser.name, kind=UnitName.Kind.AS_WRITTEN, state=Fact.State.DRAFT)
        alias.save()
        return alias

    def _cite_again(self, citation: Any, target: Citable) -> None:
        """Give a record the same span as evidence of its name."""
        kind = _kind(target)
        standing = self._same_span(citation, target)
        if standing is not None:
            self._add_support(standing, ALIAS)
            return
        self.citation(
            article_id=citation.article_id,
            start=citation.start,
            end=citation.end,
            sha256=citation.sha256,
            supports=ALIAS,
            content_type_id=kind,
            object_id=target.pk,
        ).save()

    def _give(self, citation: Any, target: Citable, supports: Iterable[str]) -> None:
        """Make a citation one of another record; where that has one of the same span, the two become one."""
        standing = self._same_span(citation, target)
        if standing is not None:
            self._add_support(standing, supports)
            self.result.folded.append((citation, standing))
            self._move_all(citation, standing)
            self._delete(citation)
            return
        self.citation._default_manager.filter(pk=citation.pk).update(
            content_type_id=_kind(target), object_id=target.pk, supports=list(supports)
        )
        self.result.moved.append((citation, "record"))

    def _move_all(self, loser: models.Model, winner: models.Model) -> None:
        for item in pointing_fields(loser):
            self._move_rows(item, loser, winner)

    def _same_span(self, citation: Any, target: Citable) -> Any:
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


def _kind(row: models.Model) -> int:
    return int(ContentType.objects.get_for_model(row).pk)


def _outranks(row: models.Model, twin: models.Model) -> bool:
    """Whether a row is published and the one that stands in its place is not."""
    drafts = [getattr(one, "state", Fact.State.PUBLISHED) != Fact.State.PUBLISHED for one in (row, twin)]
    return drafts == [False, True]


def _signs(row: models.Model, column: str) -> Iterator[tuple[object, ...]]:
    """Yield what no two rows that point at one record by a column may share."""
    model = type(row)
    for number, (names, nulls_differ) in enumerate(_unique_sets(model, column)):
        values = tuple(_hashable(getattr(row, name)) for name in names)
        if None not in values or not nulls_differ:
            yield number, *values
    if (contents := _contents(model, column)) is not None:
        yield "same", *(_hashable(getattr(row, name)) for name in contents)


def _hashable(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return tuple(value) if isinstance(value, list) else value


@cache
def _unique_sets(model: type[models.Model], column: str) -> list[tuple[tuple[str, ...], bool]]:
    """Return for each uniqueness of a column the other columns in it, and whether nulls count as different."""
    attributes = {item.name: item.attname for item in model._meta.concrete_fields}
    constraints = [item for item in model._meta.constraints if isinstance(item, models.UniqueConstraint)]
    sets: list[tuple[Sequence[str], bool]] = [(item.fields, item.nulls_distinct is not False) for item in constraints]
    sets += [(names, True) for names in model._meta.unique_together]
    sets += [((item.name,), True) for item in model._meta.concrete_fields if item.unique and not item.primary_key]
    found = [(tuple(attributes[name] for name in names), nulls_differ) for names, nulls_differ in sets]
    return [(tuple(one for one in names if one != column), differ) for names, differ in found if column in names]


@cache
def _contents(model: type[models.Model], column: str) -> tuple[str, ...] | None:
    """Return the columns that say what a row is about, beside the one by which it points: no two rows say the same.

    None for rows to which others belong, as only these may distinguish two of them.
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
