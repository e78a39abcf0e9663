"""Actions: moving a record by its workflow for a party, and giving it the status that a source reports.

An action locks the record, asks whether the status allows it and who takes it, sets what it was given, and is itself
what the party says: one change in the log, with an attestation of kind `act`. What follows from it in other records
moves by rule in the same transaction, in the party's name. A figure that an action is given is a record of its own,
which the party reports of the record.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext, override

from apps.common.http.problems import Refusal
from apps.common.models.moved import Moved
from apps.common.models.records import Citable, Fact
from apps.common.models.reserved_slugs import lock_slugs
from apps.common.rules.competence import PLACE, speaking_party
from apps.common.rules.permissions import may_publish
from apps.common.rules.territory import Reader
from apps.common.rules.workflow import FIGURE, REASON_KEPT, Transition
from apps.common.values.dates import today
from apps.common.writing.acts import party_key_of
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import (
    EVIDENCE,
    REASON,
    Contract,
    Finder,
    Input,
    WrongError,
    check_text,
    error_at,
    escape,
)
from apps.common.writing.refusals import broken_rules, raise_all, rule_errors
from apps.common.writing.statuses import given_names, moved, status_label, status_of, workflow_of
from apps.common.writing.writer import RecordWriter

LONGEST_REASON = 1000
# What is said of a figure that comes with an action: what it has to have, and what it may have.
NUMBER, PRECISION = ("value", "unit"), ("comparator",)


class OfferedAction(NamedTuple):
    """An action as it stands for somebody: its transition, and why he may not take it, as a code and a sentence."""

    transition: Transition
    closed: tuple[str, str] | None


def actions_of(record: Fact, user: Reader) -> Iterator[OfferedAction]:
    """Yield the actions of a stored record, each with whether the user may take it now."""
    workflow = workflow_of(record)
    for name in workflow.names:
        try:
            yield OfferedAction(chosen(record, name, user)[0], None)
        except Refusal as refusal:
            possible = [each for each in workflow.named(name) if status_of(record) in each.sources and each.who]
            error = (refusal.errors or [{}])[0]
            yield OfferedAction((possible or workflow.named(name))[0], (error["code"], error["detail"]))


def chosen(record: Fact, name: str, user: Reader) -> tuple[Transition, Model]:
    """Return the transition that an action of a user is now, and the party for which he takes it. Raises Refusal."""
    if record.state != Fact.State.PUBLISHED:
        raise _conflict("not_published", gettext("The record is not published yet; publish it first."))
    found = [each for each in workflow_of(record).named(name) if status_of(record) in each.sources and each.who]
    if not found:
        raise _conflict("wrong_state", _wrong_state(record, name))
    spoken = ((each, speaking_party(user, record, each.who)) for each in found)
    own = next(((each, party) for each, party in spoken if party is not None), None)
    if own is None:
        raise _forbidden("not_competent", _not_competent(record, found))
    transition, party = own
    if transition.apart_from and speaking_party(user, record, transition.apart_from) is not None:
        detail = gettext("You speak for the other side as well; somebody else takes this action.")
        raise _forbidden("same_side", detail)
    if reason := cast(Moved, record).why_not(transition, today()):
        raise _conflict(*reason)
    return transition, party


def _conflict(code: str, detail: str) -> Refusal:
    return Refusal("conflict", errors=[error_at("", code, detail)])


def _forbidden(code: str, detail: str) -> Refusal:
    return Refusal("permission_denied", errors=[error_at("", code, detail)])


def _wrong_state(record: Fact, name: str) -> str:
    names = ", ".join(dict.fromkeys(each.name for each in workflow_of(record).open_in(status_of(record)))) or "–"
    detail = gettext("In the status “%(status)s” there is no action “%(name)s”; open are: %(names)s.")
    return detail % {"status": status_label(record), "name": name, "names": names}


def _not_competent(record: Fact, found: Iterable[Transition]) -> str:
    names = dict.fromkeys(party_label(record, party) for each in found for party in each.who)
    return gettext("Only who was appointed to speak for it takes this action: %(parties)s.") % {
        "parties": ", ".join(names)
    }


def party_label(record: Fact | type[Fact], party: str) -> str:
    """Return what a party is called that a transition names by a reference of the record."""
    if party == PLACE:
        return gettext("the division in which it lies")
    *way, last = party.split("__")
    model: Any = record
    for step in way:
        model = model._meta.get_field(step).related_model
    return str(model._meta.get_field(last).verbose_name)


@dataclass
class RecordMover:
    """Moves locked records of one resource for one user. Raises Refusal, and then nothing is moved."""

    contract: Contract
    user: Reader
    finder: Finder
    flaws: Sequence[dict[str, str]] = ()

    def move(self, record: Fact, name: str, body: Mapping[str, object]) -> list[RecordChange]:
        """Take an action on a record; return what changed, the record first."""
        transition, party = chosen(record, name, self.user)
        figure = self._take(record, transition, party, body)
        changes = list(moved(record, transition, party, str(body.get(REASON_KEPT) or "").strip()))
        if figure is not None:
            lock_slugs(figure._meta.db_table)
            figure.save(force_insert=True)
            changes.append(RecordChange("insert", figure, given_names(figure), pointer=f"/{FIGURE}"))
        return changes

    def report(self, record: Fact, body: Mapping[str, object]) -> list[RecordChange]:
        """Give a record the status that a source reports, with the evidence in the body."""
        field = workflow_of(record).field
        errors = [*self.flaws, *self._unknown(body, {field, *EVIDENCE, REASON})]
        errors += self._required([name for name in (field,) if name not in body])
        if not any(body.get(name) for name in EVIDENCE):
            errors += self._required([EVIDENCE[0]])
        raise_all(errors)
        if not may_publish(self.user, record):
            raise _forbidden("not_competent", gettext("What a source reports is entered by a curator of the place."))
        cast(Any, record).reported = True
        writer = RecordWriter(self.contract, self.user, self.finder, is_reporting=True)
        change = writer.change(record, body, dict, replace=False)
        rows: Any = type(record)._base_manager.filter(pk=record.pk)
        rows.filter(reported=False).update(reported=True)
        return [change]

    def _take(self, record: Fact, transition: Transition, party: Model, body: Mapping[str, object]) -> Citable | None:
        """Set on a record what an action is given; return the figure that came with it. Raises Refusal."""
        errors = [*self.flaws, *self._unknown(body, {*transition.asks, *transition.takes, REASON})]
        errors += self._required([name for name in transition.asks if not _is_given(body.get(name))])
        fields = {*transition.asks, *transition.takes} - {REASON_KEPT, FIGURE}
        for name in sorted(fields & body.keys()):
            try:
                setattr(record, name, self.contract.inputs[name].read(body[name], self.finder))
            except WrongError as error:
                errors.append(error.at(name))
        errors += _wrong_reason(body.get(REASON_KEPT, ""))
        setattr(record, workflow_of(record).field, transition.target)
        figure = None
        if FIGURE in body and FIGURE in transition.takes:
            figure, wrong = self._figure(record, transition, party, body[FIGURE])
            errors += wrong
        raise_all(errors)
        raise_all(broken_rules(record, self.contract, ""))
        return figure

    def _figure(
        self, record: Fact, transition: Transition, party: Model, given: object
    ) -> tuple[Citable | None, list[dict[str, str]]]:
        """Return the figure that a party reports of a record by an action, not stored yet, and what is wrong with it.

        What is counted is what came of the record, as the status says that the action gives it: so what was reported
        and what was confirmed are never added up.
        """
        place, model = f"/{FIGURE}", cast(Any, record._meta.get_field("figures").related_model)
        if not isinstance(given, dict):
            return None, [error_at(place, "not_an_object", gettext("An object is expected."))]
        errors = self._unknown(given, {*NUMBER, *PRECISION})
        errors += self._required([name for name in NUMBER if name not in given])
        values: dict[str, object] = {}
        for name in sorted({*NUMBER, *PRECISION} & given.keys()):
            try:
                values[name] = Input(name, model._meta.get_field(name)).read(given[name], self.finder)
            except WrongError as error:
                errors.append(error.at(name))
        if errors:
            return None, [{**each, "pointer": place + each["pointer"]} for each in errors]
        figure = model(
            subject=record,
            state=Fact.State.PUBLISHED,
            name_given=True,
            measure=f"outcome_{transition.target}",
            kind=model.Kind.ACTUAL,
            **{party_key_of(model, party): party},
            **{PRECISION[0]: model.Comparator.EQUAL, **values},
        )
        with override(settings.LANGUAGE_CODE):
            figure.name = str(record)[: model._meta.get_field("name").max_length]
            figure.as_written = figure.reading
        try:
            figure.full_clean(exclude=[each.name for each in model._meta.fields if not each.editable or each.generated])
        except ValidationError as error:
            errors = rule_errors(error, place, {})
        return figure, errors

    @staticmethod
    def _required(names: Iterable[str]) -> list[dict[str, str]]:
        return [
            error_at(f"/{escape(name)}", "required", gettext("“%(name)s” is required.") % {"name": name})
            for name in names
        ]

    @staticmethod
    def _unknown(body: Mapping[str, object], allowed: set[str]) -> list[dict[str, str]]:
        detail = gettext("The action has no member “%(name)s”; it has: %(names)s.")
        known = ", ".join(sorted(allowed))
        return [
            error_at(f"/{escape(name)}", "unknown_field", detail % {"name": name[:100], "names": known})
            for name in body
            if name not in allowed
        ]


def _is_given(value: object) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


def _wrong_reason(value: object) -> list[dict[str, str]]:
    """Return what is wrong with the reason of an action."""
    place = f"/{REASON_KEPT}"
    if not isinstance(value, str):
        return [error_at(place, "not_a_text", gettext("A text is expected."))]
    if len(value) > LONGEST_REASON:
        return [error_at(place, "invalid", gettext("The reason is longer than 1000 characters, or is no text."))]
    try:
        check_text(value)
    except WrongError as error:
        return [error.at(REASON_KEPT)]
    return []
