"""The one way to begin a write: a transaction that knows who writes and why, and that does not wait for long.

Who and why are read by the triggers of the change log (`apps.common.rules.change_log`). All settings are local to the
transaction, so that none is left on a connection that the next request takes over.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models import Model

from apps.common.rules.change_log import SETTINGS
from apps.common.writing.refusals import refusing

# Each trigger asks for it, for each row. Where it is not set, asking is an error that is caught, and that takes longer
# the more is put off to the end of the transaction: to write many rows took time by the square of their number.
NO_TRIGGER_IGNORED = {"pgtrigger.ignore": "{}"}


@contextmanager
def write_transaction(
    model: type[Model] | None = None,
    *,
    user: AbstractBaseUser | AnonymousUser | None = None,
    token: str = "",
    request_id: str = "",
    client_request_id: str = "",
    reason: str = "",
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
) -> Iterator[None]:
    """Run a block in a transaction that carries user, token's public id, request's ids and reason into the change log.

    What the database refuses becomes a Refusal: rows of `model` by its fields, a lock that is not free within
    `lock_timeout` seconds (else `LOCK_TIMEOUT`), and a statement that takes longer than `statement_timeout` seconds
    (else `STATEMENT_TIMEOUT`). Within another write, this one is a part of it: what is not given stays as the outer one
    has it, and what is given is taken back at the end.
    """
    user_id = "" if user is None or user.pk is None else str(user.pk)
    given = {"user": user_id, "token": token, "request_id": request_id, "reason": reason}
    given["client_request_id"] = client_request_id
    local = {SETTINGS[name]: value for name, value in given.items() if value}
    local |= NO_TRIGGER_IGNORED
    local |= {"lock_timeout": _milliseconds(settings.LOCK_TIMEOUT if lock_timeout is None else lock_timeout)}
    local |= {
        "statement_timeout": _milliseconds(
            settings.STATEMENT_TIMEOUT if statement_timeout is None else statement_timeout
        )
    }
    is_inner = connection.in_atomic_block
    with refusing(model), transaction.atomic():
        before = _read(local) if is_inner else {}
        _set(local)
        yield
        if before and not connection.needs_rollback:  # a savepoint that is rolled back takes its settings with it
            _set(before)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms"


def _read(names: Mapping[str, str]) -> dict[str, str]:
    columns = ", ".join("coalesce(current_setting(%s, true), '')" for _name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}", list(names))
        return dict(zip(names, cursor.fetchone(), strict=True))


def _set(values: Mapping[str, str]) -> None:
    columns = ", ".join("set_config(%s, %s, true)" for _name in values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}", [part for pair in values.items() for part in pair])
