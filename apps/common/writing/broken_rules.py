"""Which of its model's rules a record breaks, as places in the body that it was read from."""

from collections.abc import Callable, Iterable, Mapping, Set
from types import MappingProxyType

from django.core.exceptions import ValidationError

from apps.common.models.records import Citable
from apps.common.writing.contract import Contract
from apps.common.writing.refusals import rule_errors

NONE: Mapping[str, str] = MappingProxyType({})


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
