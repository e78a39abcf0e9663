"""The evidence of what a request wrote: values that no evidence supports are acts of a competent user, or refused."""

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model

from apps.common.models.records import Citable, Fact
from apps.common.rules.competence import Competence, answered_parties, competences, speaking_party
from apps.common.rules.evidence import stated_values
from apps.common.rules.permissions import may_publish
from apps.common.rules.territory import Reader
from apps.common.writing.acts import ACT, act
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import EVIDENCE, MOST_ERRORS, error_at
from apps.common.writing.refusals import evidence_errors, raise_all
from apps.common.writing.statuses import enter_by_rule


def unproven(model: type[Model], pks: Iterable[int]) -> dict[int, list[str]]:
    """Return the fields of published rows without evidence that should have it, by the rows' keys; rows without any
    such field are not there. The empty name stands for the first evidence of a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pk, names FROM unnest(%s::bigint[]) AS pk,"  # noqa: S608 - the name of a table
            f" LATERAL (SELECT unproven_in_{model._meta.db_table}(pk) AS names) AS found"
            " WHERE names <> ARRAY[]::text[]",
            [sorted(pks)],
        )
        return dict(cursor.fetchall())


def rests_on_others(record: Citable) -> bool:
    """Whether a record has evidence that is no act: a citation, or an attestation on paper or by telephone."""
    if record.pk is None:
        return False
    return bool(record.citations.exists() or record.attestations.exclude(kind=ACT).exists())


def affirm_all(record: Citable) -> list[ValidationError]:
    """Have all evidence of a record say its present values, as when a draft is published; return why some does not.

    A value that a person read out of words is read again once it has changed. An act goes on to say of whom it spoke.
    """
    stated, parties = stated_values(record), answered_parties(record)
    wrong: list[ValidationError] = []
    for name in EVIDENCE:
        for row in getattr(record, name).all():
            row.record = record
            forget_notes(row, row.supports)
            is_act = name == "attestations" and row.kind == ACT
            # The database fills in what is left out.
            row.says = {each: said for each, said in row.says.items() if is_act and each in parties}
            row.supports = [field for field in row.supports if field in stated] or row.supports
            try:
                if not is_act:
                    row.clean()
            except ValidationError as error:
                wrong += [each for found in error.error_dict.values() for each in found]
            else:
                row.save()
    return wrong


def forget_notes(evidence: Any, names: Collection[str]) -> None:
    """Take the notes of a reader off evidence that is to be affirmed, where their values have changed since."""
    notes = getattr(evidence, "read", {})
    if changed := notes.keys() & {*names}:
        stated = stated_values(evidence.record)
        changed = {name for name in changed if evidence.says.get(name) != stated.get(name)}
        evidence.read = {name: note for name, note in notes.items() if name not in changed}


def affirm(evidence: Any, record: Citable, names: Collection[str]) -> dict[str | None, ValidationError]:
    """Have evidence of a record say the present values of some fields; return why it does not say them, by field."""
    if not names:
        return {}
    evidence.record = record
    forget_notes(evidence, names)
    evidence.supports = [*evidence.supports, *(name for name in names if name not in evidence.supports)]
    evidence.says = {name: said for name, said in evidence.says.items() if name not in names}
    try:
        evidence.full_clean(exclude=[field.name for field in evidence._meta.fields if not field.editable])
    except ValidationError as error:
        return {None: error}
    evidence.save()
    return {}


def settle_evidence(changes: Collection[RecordChange], user: Reader) -> None:
    """Make acts of what a competent user wrote without a citation. Raises Refusal for what rests on nothing then.

    Call it once all of a request is written. The database has the last word, at the end of the transaction.
    """
    written: dict[type[Citable], dict[int, RecordChange]] = {}
    for change in changes:
        record = change.record
        is_written = change.fields and change.operation != "delete"
        if is_written and record.is_held_to_evidence:
            written.setdefault(type(record), {})[record.pk] = change
            if change.before.get("state") not in (None, Fact.State.PUBLISHED):
                place = f"{change.pointer}/citations"
                raise_all(
                    [error_at(place, each.code or "invalid", " ".join(each.messages)) for each in affirm_all(record)]
                )
    errors: list[dict[str, str]] = []
    for model, own in written.items():
        due = unproven(model, own)
        for pk, change in own.items():
            names = [*due.get(pk, ())]
            if not may_publish(user, change.record):  # who speaks for a unit changes what is published by acts alone
                names += sorted(model.own_words & {*change.fields} - {*names})
            if names and (left := attest(change.record, names, user)):
                errors += evidence_errors(sorted(left), change.pointer, change.members)
                if len(errors) >= MOST_ERRORS:
                    raise_all(errors)
    raise_all(errors)
    for change in list(changes):
        is_new = change.operation == "insert" or change.before.get("state") not in (None, Fact.State.PUBLISHED)
        if is_new and change.operation != "delete" and isinstance(change.record, Fact):
            enter_by_rule(change.record)


def attest(record: Citable, names: Collection[str], user: Reader) -> list[str]:
    """Record that a user's write of some fields is itself what a party says; return the fields that no party may say.

    Where any is left, nothing is recorded.
    """
    acts: dict[Model, list[str]] = {}
    left = {name for name in names if name}
    moved = {record.workflow.field} & left if record.workflow else set()
    left -= moved
    if moved and (party := _entered_by(record, user)) is not None:
        acts[party] = [*moved]
        moved = set()
    parties = answered_parties(record)
    for name in sorted(left & parties.keys()):
        if (party := speaking_party(user, record, parties[name])) is not None:
            acts[party] = [*acts.get(party, ()), name]
            left.discard(name)
    for competence in competences(user, record):
        said = {name for name in left - parties.keys() if _may_say(competence, record, name)}
        if said or not names:
            acts[competence.party] = sorted({*acts.get(competence.party, ()), *said})
        left -= said
    if left or moved or not acts:
        return [*moved, *left] or [*names]
    for party, fields in acts.items():
        act(record, party, fields or [record.name_field])
    return []


def _entered_by(record: Citable, user: Reader) -> Model | None:
    """Return the party that says the status of a record by entering it; of another status a source has to say so."""
    if record.workflow is None or getattr(record, "reported", False):
        return None
    return speaking_party(user, record, record.workflow.entries.get(getattr(record, record.workflow.field), ()))


def _may_say(competence: Competence, record: Citable, name: str) -> bool:
    attester = competence.attester
    if not attester.may_say(name):
        return False
    if not attester.yields:
        return True
    own = {"unit_id": record.pk, "retracted_at": None, "supports__contains": [name]}
    return not record.attestations.filter(**own).exists()
