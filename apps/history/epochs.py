"""Epochs: one life of the data, from a restore of a copy to the next."""

from django.db import connection, transaction

from apps.common.rules.transactions import BEGIN_EPOCH

RESTORED = (
    "this database was restored from a dump of another server: run `manage.py new_epoch` once, so that who follows the"
    " changes is told, and start again"
)
# Of a database without an epoch nothing can be said.
MOVED = """
    SELECT EXISTS (SELECT FROM common_epoch, pg_control_system() AS control WHERE cluster <> control.system_identifier)
"""


@transaction.atomic
def begin_epoch() -> str:
    """Begin a new epoch behind all that is written, and return its name."""
    with connection.cursor() as cursor:
        # Whoever writes into the change log reads the row, and holds it until he has committed.
        cursor.execute("LOCK TABLE common_epoch IN ACCESS EXCLUSIVE MODE")
        cursor.execute(BEGIN_EPOCH)
        (name,) = cursor.fetchone()
    return str(name)


def was_moved() -> bool:
    """Whether the data were restored into another cluster than that in which their epoch began."""
    with connection.cursor() as cursor:
        cursor.execute(MOVED)
        (moved,) = cursor.fetchone()
    return bool(moved)
