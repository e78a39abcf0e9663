"""What the database refuses, as an answer that points at the place: a rule of SQL is no error of the server."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from types import MappingProxyType

import psycopg
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, IntegrityError, OperationalError
from django.db.models import Model, ProtectedError, RestrictedError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from psycopg.errors import Diagnostic

from apps.common.http.problems import RETRY_AFTER, Refusal
from apps.common.models.records import Citable, citable_models
from apps.common.rules.evidence import HAS_EVIDENCE, KEEPS_EVIDENCE, LAST_EVIDENCE, NO_EVIDENCE
from apps.common.rules.guards import field_of, sentence_of
from apps.common.rules.publishing import POINTS, STAYS, Breach
from apps.common.rules.territory import Reader
from apps.common.serializers.targets import load_targets
from apps.common.values.texts import NOT_ONE_LINE, OneLineField
from apps.common.writing.contract import MOST_ERRORS, Contract, error_at, escape

# Codes of PostgreSQL after which the same request may succeed.
BUSY = {"40001", "40P01", "55P03"}
TOOK_TOO_LONG = "57014"
NOT_NULL, FOREIGN_KEY, UNIQUE, CHECK = "23502", "23503", "23505", "23514"
MOST_NAMED = 10
NONE: Mapping[str, str] = MappingProxyType({})


@contextmanager
def refusing(model: type[Model] | None, pointer: str = "") -> Iterator[None]:
    """Turn what the database refuses within into a Refusal; `pointer` leads to the record in the body."""
    try:
        yield
    except (ProtectedError, RestrictedError) as error:
        raise _protected(error, pointer) from error
    except (IntegrityError, DataError, OperationalError) as error:
        if (refusal := explain(error, model, pointer)) is None:
            raise
        raise refusal from error


def explain(error: DatabaseError, model: type[Model] | None, pointer: str = "") -> Refusal | None:
    """Return what a database error means for a write of a model's row; None where it means that it is away."""
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else psycopg.Error()
    state, diagnosis = cause.sqlstate, cause.diag
    if state in BUSY:
        detail = gettext("Others are changing the same records; try again.")
        return Refusal("conflict", detail, headers={"Retry-After": RETRY_AFTER})
    if state == TOOK_TOO_LONG:
        return Refusal("unavailable", headers={"Retry-After": RETRY_AFTER})
    if isinstance(error, OperationalError):
        return None
    name = diagnosis.constraint_name or ""
    message = (diagnosis.message_primary or str(error)).splitlines()[0]
    if (sentence := sentence_of(name)) is not None:
        code = "conflict" if sentence.is_conflict or sentence.code == "unique" else "bad_request"
        return Refusal(code, errors=[error_at(_join(pointer, sentence.field), sentence.code, str(sentence.text))])
    match state:
        case "23505":
            places = _fields_of(model, name, diagnosis.message_detail or "") or [""]
            detail = gettext("There is such a record already.")
            return Refusal("conflict", errors=[error_at(_join(pointer, place), "unique", detail) for place in places])
        case "23503":
            kinds = {each._meta.db_table: each._meta.verbose_name for each in apps.get_models()}
            detail = gettext("A reference stands in the way (%(kind)s): its record is gone, or would be.")
            detail %= {"kind": kinds.get(diagnosis.table_name or "", "")}
            return Refusal("conflict", errors=[error_at(pointer, "referenced", detail)])
        case "23502":
            place = diagnosis.column_name or ""
            return Refusal(
                "bad_request", errors=[error_at(_join(pointer, place), "required", gettext("This field is required."))]
            )
        case "23514":
            return _check(name, pointer, diagnosis)
    return Refusal("bad_request", errors=[error_at(pointer, "invalid", message)])


def _check(name: str, pointer: str, diagnosis: Diagnostic) -> Refusal:
    # Seldom: most writers have asked before, and only another transaction can have been in between.
    if name.endswith(POINTS):
        path = str(diagnosis.message_detail)
        error = error_at(_join(pointer, str(diagnosis.column_name)), "draft", draft_text(path.partition("/")[2], path))
        return Refusal("bad_request", errors=[error])
    if name.endswith(STAYS):
        return Refusal("conflict", errors=[pointed_at_error([str(diagnosis.message_detail)], pointer)])
    if name.endswith((HAS_EVIDENCE, KEEPS_EVIDENCE)):
        return evidence_refusal(
            str(diagnosis.message_detail).split(","), pointer, is_last=name.endswith(KEEPS_EVIDENCE)
        )
    field, message = rule_of(name, diagnosis.table_name or "")
    return Refusal("bad_request", errors=[error_at(_join(pointer, field), "constraint", message)])


def evidence_refusal(fields: Sequence[str], pointer: str, *, is_last: bool = False) -> Refusal:
    """Return why a published record cannot stand without evidence for some fields; the empty one is its first.

    `is_last`: evidence was to be taken away, and not a value changed.
    """
    if is_last:
        errors = [error_at(_join(pointer, name or "citations"), "last_evidence", str(LAST_EVIDENCE)) for name in fields]
        return Refusal("conflict", errors=errors)
    return Refusal("bad_request", errors=evidence_errors(fields, pointer, {}))


def evidence_errors(fields: Sequence[str], pointer: str, members: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the errors of fields without evidence.

    `members` are those of the body by the fields that they set, where these have other names.
    """
    places = dict.fromkeys(_join(pointer, members.get(name, name) or "citations") for name in fields)
    return [error_at(place, "no_evidence", str(NO_EVIDENCE)) for place in places]


def rule_of(name: str, table: str) -> tuple[str, str]:
    """Return the field of which a check constraint speaks, empty for none or several, and its sentence."""
    owner = next((model for model in apps.get_models() if model._meta.db_table == table), None)
    for constraint in owner._meta.constraints if owner else ():
        if constraint.name == name:
            return field_of(constraint), str(constraint.violation_error_message)
    # The checks of columns have names that were made of theirs, by PostgreSQL or by Django.
    columns = [field for field in (owner._meta.concrete_fields if owner else ()) if f"{table}_{field.column}" in name]
    if columns and name.endswith("check"):
        field = max(columns, key=lambda each: len(str(each.column)))
        return field.name, str(NOT_ONE_LINE if isinstance(field, OneLineField) else _("The value is not allowed."))
    return "", gettext("The record breaks a rule of the registry.")


def _fields_of(model: type[Model] | None, name: str, detail: str) -> list[str]:
    """Return the fields whose values have to be unique together."""
    if model is None:
        return []
    for constraint in model._meta.constraints:
        if constraint.name == name:
            return [str(field) for field in getattr(constraint, "fields", ())]
    if detail.startswith("Key ("):
        columns = detail[len("Key (") : detail.index(")")].replace('"', "").split(", ")
        return [field.name for field in model._meta.concrete_fields if field.column in columns]
    return ["slug"] if not name else []


def _join(pointer: str, name: str) -> str:
    return f"{pointer}/{escape(name)}" if name else pointer


def _protected(error: ProtectedError | RestrictedError, pointer: str) -> Refusal:
    """Name the records that point at one which is to be deleted."""
    objects = error.protected_objects if isinstance(error, ProtectedError) else error.restricted_objects
    rows = sorted(objects, key=lambda row: row.pk)
    names = _listed([f"{row.resource}/{row.key}" for row in rows if isinstance(row, Citable)])
    detail = gettext("Other records point at this one: %(names)s.") % {"names": names}
    return Refusal("conflict", errors=[error_at(pointer, "referenced", detail)])


def _listed(paths: Sequence[str]) -> str:
    """Return some of many paths, and how many more there are."""
    more = gettext(" and %(count)s more") % {"count": len(paths) - MOST_NAMED} if len(paths) > MOST_NAMED else ""
    return ", ".join(paths[:MOST_NAMED]) + more


def draft_text(name: str, path: str) -> str:
    """Return why a published record may not point at a record."""
    return gettext("“%(name)s” (%(path)s) is not published; publish it first.") % {"name": name, "path": path}


def breach_texts(breaches: Sequence[Breach], user: Reader) -> list[str]:
    """Return why published records may not point where they do; drafts that the user sees by name, others by key."""
    models = citable_models()
    ends = [(ContentType.objects.get_for_model(models[each.target_resource]).pk, each.target_pk) for each in breaches]
    named = load_targets(ends, user)
    return [
        draft_text(named[end].name if end in named else each.target_key, f"{each.target_resource}/{each.target_key}")
        for end, each in zip(ends, breaches, strict=True)
    ]


def pointed_at_text(paths: Sequence[str]) -> str:
    """Return why a record may not become a draft at which published ones point."""
    return gettext("Published records point at this one; take them back first: %(names)s.") % {"names": _listed(paths)}


def draft_errors(found: Sequence[tuple[Breach, str, Mapping[str, str]]], user: Reader) -> list[dict[str, str]]:
    """Return the errors of published records that point at drafts.

    Each with the pointer to the record in the body, and with those of its members, by the fields that they set, which
    have other names.
    """
    texts = breach_texts([breach for breach, _pointer, _members in found], user)
    return [
        error_at(_join(pointer, members.get(breach.field, breach.field)), "draft", text)
        for (breach, pointer, members), text in zip(found, texts, strict=True)
    ]


def pointed_at_error(paths: Sequence[str], pointer: str) -> dict[str, str]:
    """Return the error of a record that would become a draft although published ones point at it."""
    return error_at(_join(pointer, "state"), "referenced", pointed_at_text(paths))


def rule_errors(error: ValidationError, pointer: str, names: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what the model's own rules refuse.

    `names` are those of the members of the body, by the fields that the model blames.
    """
    errors: list[dict[str, str]] = []
    by_field = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    for field, found in by_field.items():
        place = "" if field == "__all__" else names.get(field, field)
        for each in found:
            code = "unique" if each.code == "unique_together" else each.code or "invalid"
            errors.append(error_at(_join(pointer, place), code, " ".join(each.messages)))
    return errors


def raise_all(errors: Sequence[dict[str, str]]) -> None:
    """Raise Refusal with errors, if there are any: 409 where all of them say what is there already, 400 otherwise."""
    if errors:
        is_conflict = all(error["code"] == "unique" for error in errors)
        raise Refusal("conflict" if is_conflict else "bad_request", errors=list(errors[:MOST_ERRORS]))


def besides(flaws: Sequence[dict[str, str]], errors: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Return errors without those at or below a place that is flawed."""
    flawed = tuple(f"{flaw['pointer']}/" for flaw in flaws)
    return [error for error in errors if not f"{error['pointer']}/".startswith(flawed)]


def broken_rules(
    record: Citable, contract: Contract, pointer: str, wrong: Set[str] = frozenset(), members: Mapping[str, str] = NONE
) -> list[dict[str, str]]:
    """Return which of its model's rules a record breaks; those that need a field with a wrong value say nothing.

    `members` are those of the body by the fields that they set.
    """
    wrong = wrong & contract.inputs.keys()
    columns = {name: contract.stored(name) for name in contract.inputs}
    unchecked = {item.name for item in record._meta.fields if not item.editable or item.generated}
    unchecked |= {column for name in wrong for column in columns[name]}
    errors: list[dict[str, str]] = []
    checks: list[Callable[[], None]] = [
        lambda: record.clean_fields(exclude=unchecked),
        record.clean,
        lambda: record.validate_unique(exclude=unchecked),
        lambda: record.validate_constraints(exclude=unchecked),
    ]
    for check in checks:
        try:
            check()
        except ValidationError as error:
            names = {column: name for name, item in columns.items() for column in item}
            errors += rule_errors(error, pointer, {**names, **members})
            wrong = wrong | {names.get(name, name) for name in getattr(error, "error_dict", ())}
            unchecked |= getattr(error, "error_dict", {}).keys()
        if wrong:
            _hide(record, [column for name in wrong & columns.keys() for column in columns[name]])
            unchecked |= set() if vars(record).get("slug") else {"slug"}  # it is made of the others
    return errors


def _hide(record: Citable, columns: Iterable[str]) -> None:
    """Take values off a record that is not going to be stored, so that a rule that reads one ends there."""

    def refuse(**_options: object) -> None:
        raise ValidationError([])

    own = vars(record)
    own |= {"refresh_from_db": refuse, "slug_is_free": True}
    for column in columns:
        own.pop(getattr(record._meta.get_field(column), "attname", column), None)
        record._state.fields_cache.pop(column, None)
