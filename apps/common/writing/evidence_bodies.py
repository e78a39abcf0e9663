"""Evidence that comes in the body of the record which it supports, in the same transaction.

An item of `citations` or `attestations` is new, or has the `url` of one that is on record. That one may stand there as
it was answered, and may be asked for two things: with `affirms` to support fields with the values that they have after
the request (with new notes in `read`, where a person read changed values out of a citation), and, if it is an
attestation, with `retracted` to be taken back. One that is left out stays.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext

from apps.common.http.problems import Refusal, nearest
from apps.common.models.records import Citable
from apps.common.rules.permissions import CURATORS_READ, FOR_CURATORS, for_curators, may_note
from apps.common.rules.territory import Reader
from apps.common.writing.contract import (
    EVIDENCE,
    Finder,
    Input,
    PartyInput,
    WrongError,
    check_text,
    convert,
    error_at,
    escape,
)
from apps.common.writing.evidence import forget_notes
from apps.common.writing.refusals import raise_all, rule_errors

AFFIRMS, RETRACTED, READ = "affirms", "retracted", "read"
# What may be given of new evidence, by the member of the body in which it stands.
NEW: dict[str, tuple[str, ...]] = {
    "citations": ("article", "start", "end", "sha256", "supports", "read"),
    "attestations": ("kind", "title", "reference", "stated_on", "stated_on_wording", "locator", "supports"),
}
QUOTATION = "quotation"

Error = dict[str, str]


def add_evidence(record: Citable, body: Mapping[str, object], finder: Finder, pointer: str) -> list[str]:
    """Make the evidence of a body that is new, and do what it asks of stored evidence.

    Returns the members of the body that changed anything. Raises Refusal with all that is wrong.
    """
    errors: list[Error] = []
    todo: dict[str, list[tuple[str, Any]]] = {}
    for name in EVIDENCE:
        if body.get(name) is not None:
            todo[name], wrong = _Reader(record, name, finder).read(body[name], f"{pointer}/{name}")
            errors += wrong
    for found in todo.values():
        errors += _broken_rules(found, set())
    raise_all(errors)
    for found in todo.values():
        for place, evidence in found:
            refuse_notes(finder.user, evidence, place)
            evidence.save()
    return [name for name, found in todo.items() if found]


def refuse_notes(user: Reader, evidence: Model, pointer: str) -> None:
    """Raise Refusal where evidence has a new note of what a person read, and the user may not read for the registry."""
    if not may_note(user, evidence):
        raise Refusal("permission_denied", errors=[error_at(f"{pointer}/read", "may_not_read", str(CURATORS_READ))])


def evidence_errors(record: Citable, body: Mapping[str, object], finder: Finder, pointer: str) -> list[Error]:
    """Return what is wrong with the evidence in a body whose record is not stored yet."""
    errors: list[Error] = []
    for name in EVIDENCE:
        if body.get(name) is not None:
            found, wrong = _Reader(record, name, finder).read(body[name], f"{pointer}/{name}")
            for _place, evidence in found:
                evidence.slug_is_free = True  # it is made of the record's
            errors += [*wrong, *_broken_rules(found, {"object_id", "slug"})]
    return errors


def new_attestation(
    record: Citable, item: Mapping[str, object], finder: Finder, pointer: str, unknown: Collection[str] = ()
) -> tuple[Any, list[Error]]:
    """Return an attestation of a record that is not stored yet, and what is wrong with it.

    Of fields that are `unknown` yet nothing is said.
    """
    attestation, errors = _Reader(record, "attestations", finder).made(item, pointer)
    attestation.slug_is_free = True
    return attestation, errors or _broken_rules([(pointer, attestation)], {"object_id", "slug", *unknown})


class _Reader:
    """Reads one member of a body: what evidence it brings, and what it asks of the evidence that there is."""

    def __init__(self, record: Citable, name: str, finder: Finder) -> None:
        self.record, self.name, self.finder = record, name, finder
        self.model: Any = record._meta.get_field(name).related_model

    def read(self, given: object, place: str) -> tuple[list[tuple[str, Any]], list[Error]]:
        """Return the evidence to be stored, each with its place in the body, and what is wrong with any item."""
        if not isinstance(given, list):
            return [], [error_at(place, "not_a_list", gettext("A list is expected."))]
        stored: dict[str, Any] = {}
        if self.record.pk and any(isinstance(item, dict) and "url" in item for item in given):
            rows = getattr(self.record, self.name).all()
            stored = {f"{settings.API_ROOT}/{row.resource}/{row.key}": row for row in rows}
        found: list[tuple[str, Any]] = []
        errors: list[Error] = []
        for number, item in enumerate(given):
            here = f"{place}/{number}"
            if not isinstance(item, dict):
                errors.append(error_at(here, "not_an_object", gettext("An object is expected.")))
                continue
            if "url" in item:
                evidence, wrong = self._asked(item, stored.get(str(item["url"])), here)
            else:
                evidence, wrong = self.made(item, here)
            found += [(here, evidence)] if evidence is not None and not wrong else []
            errors += wrong
        return found, errors

    # Stored evidence

    def _asked(self, item: Mapping[str, object], row: Any, here: str) -> tuple[Any, list[Error]]:
        """Return evidence with what an item asks of it, or None where it asks nothing, and what is wrong with it."""
        if row is None:
            detail = gettext("This is no evidence of the record; leave out “url” to add some.")
            return None, [error_at(f"{here}/url", "unknown_key", detail)]
        detail = gettext("Evidence is changed at its own address.")
        errors = [
            error_at(f"{here}/{name}", "read_only", detail)
            for name in ("start", "end", "sha256", "supports")
            if name in item and item[name] != getattr(row, name, None)
        ]
        is_asked = False
        row.record = self.record  # with the values that it is given now
        for name, do in ((AFFIRMS, self._affirm), (RETRACTED, self._retract)):
            if name in item:
                try:
                    is_asked = do(row, item) or is_asked
                except WrongError as error:
                    errors.append(error_at(f"{here}/{name}{error.pointer}", error.code, error.detail))
        return (row if is_asked else None), errors

    @staticmethod
    def _affirm(row: Any, item: Mapping[str, object]) -> bool:
        """Have evidence say the present values of some fields; one that is to be read needs a new note."""
        names = cast("list[str]", convert(row._meta.get_field("supports"), item[AFFIRMS]))
        forget_notes(row, names)
        if hasattr(row, READ) and item.get(READ):
            notes = cast("dict[str, str]", convert(row._meta.get_field(READ), item[READ]))
            row.read = {**row.read, **{name: note for name, note in notes.items() if name in names}}
        row.supports = [*row.supports, *(name for name in names if name not in row.supports)]
        row.says = {name: said for name, said in row.says.items() if name not in names}
        return bool(names)

    def _retract(self, row: Any, item: Mapping[str, object]) -> bool:
        """Take an attestation back, which is not undone. Raises WrongError."""
        value = item[RETRACTED]
        if self.name != "attestations":
            raise WrongError("unknown_field", gettext("Only an attestation is retracted; a citation is deleted."))
        if not isinstance(value, bool):
            raise WrongError("not_a_boolean", gettext("true or false is expected."))
        if not value and row.retracted_at is not None:
            raise WrongError("read_only", gettext("What was retracted stays so; give new evidence."))
        if not value or row.retracted_at is not None:
            return False
        row.retracted_at = timezone.now()
        return True

    # New evidence

    def made(self, item: Mapping[str, object], here: str) -> tuple[Any, list[Error]]:
        """Return evidence that is not stored yet, and what is wrong with its members."""
        inputs, party = evidence_inputs(type(self.record), self.name)
        values: dict[str, object] = {}
        digested, errors = _digested(item, here) if self.name == "citations" else ({}, [])
        item = {**item, **digested}
        known = [*inputs, *([party.name] if party else [QUOTATION])]
        for name, value in item.items():
            if name not in known:
                detail = gettext("There is no field “%(name)s”.") % {"name": name[:100]} + nearest(name[:100], known)
                errors.append(error_at(f"{here}/{escape(name)}", "unknown_field", detail))
                continue
            try:
                if party and name == party.name:
                    values |= party.read(value, self.finder)
                elif name in inputs:
                    values[name] = inputs[name].read(value, self.finder)
            except WrongError as error:
                errors.append({**error.at(name), "pointer": f"{here}/{name}{error.pointer}"})
        for name in known:
            is_required = name == "party" or (name in inputs and inputs[name].is_required)
            if is_required and name not in item and not (name == "sha256" and QUOTATION in item):
                detail = gettext("“%(name)s” is required.") % {"name": name}
                errors.append(error_at(f"{here}/{name}", "required", detail))
        evidence = self.model(record=self.record, **values)
        if not errors:
            wrong = for_curators(self.finder.user, evidence)
            errors = [error_at(f"{here}/{name}", "may_not_publish", str(FOR_CURATORS)) for name in wrong]
        return evidence, errors


@cache
def evidence_inputs(of: type[Citable], name: str) -> tuple[dict[str, Input], PartyInput | None]:
    """Return what can be given of new evidence of a kind of record, and the member that names its party, if any."""
    model: Any = of._meta.get_field(name).related_model
    inputs = {each: Input(each, model._meta.get_field(each)) for each in NEW[name]}
    if not model.parties:
        return inputs, None
    ((party, keys),) = model.parties.items()
    return inputs, PartyInput(party, tuple(Input(key, model._meta.get_field(key)) for key in keys))


def _broken_rules(found: Sequence[tuple[str, Any]], unknown: set[str]) -> list[Error]:
    """Return which rules evidence of one kind breaks, at its places, but for those on fields that are not known yet."""
    errors: list[Error] = []
    if found:
        with suppress(ValidationError):  # of a record from which a refused value was taken: each is checked by itself
            type(found[0][1]).look_up([evidence for _place, evidence in found])
    for place, evidence in found:
        computed = {field.name for field in evidence._meta.fields if not field.editable or field.generated}
        try:
            evidence.full_clean(exclude=computed | unknown)
        except ValidationError as error:
            errors += rule_errors(error, place, {})
    return errors


def _digested(item: Mapping[str, object], here: str) -> tuple[dict[str, str], list[Error]]:
    """Return the digest of the words, where a citation is given by its words, and what is wrong with these."""
    words = item.get(QUOTATION)
    place = f"{here}/{QUOTATION}"
    if words is None or "sha256" in item:
        return {}, []
    if not isinstance(words, str):
        return {}, [error_at(place, "not_a_text", gettext("A text is expected."))]
    try:
        check_text(words)
    except WrongError as error:
        return {}, [error_at(place, error.code, error.detail)]
    start, end = item.get("start"), item.get("end")
    if isinstance(start, int) and isinstance(end, int) and end - start != len(words):
        detail = gettext("The words have %(count)s characters, and the span has not.") % {"count": len(words)}
        return {}, [error_at(place, "wrong_length", detail)]
    return {"sha256": hashlib.sha256(words.encode()).hexdigest()}, []
